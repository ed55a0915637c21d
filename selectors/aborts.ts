/**
 * What waits do when their signal is aborted. All waits with the same signal share one listener,
 * because an EventTarget searches all of its listeners whenever one is added or removed: thousands
 * of connections may wait with the signal that ends a server.
 *
 * @module
 */

interface Shared {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const sharedBySignal = new WeakMap<AbortSignal, Shared>();

/**
 * Calls `callback` when the signal is aborted. Throws what the signal's addEventListener() throws.
 */
export function addAbortCallback(signal: AbortSignal, callback: () => void): void {
  const shared = sharedBySignal.get(signal) ?? share(signal);
  shared.callbacks.add(callback);
}

/** Forgets it. The signal keeps no listener when nothing waits with it any longer. */
export function removeAbortCallback(signal: AbortSignal, callback: () => void): void {
  const shared = sharedBySignal.get(signal);
  if (shared === undefined || !shared.callbacks.delete(callback)) return;
  if (shared.callbacks.size > 0) return;
  sharedBySignal.delete(signal);
  signal.removeEventListener("abort", shared.listener);
}

function share(signal: AbortSignal): Shared {
  const callbacks = new Set<() => void>();
  const listener = () => {
    for (const callback of [...callbacks]) callback();
  };
  signal.addEventListener("abort", listener);
  const shared = { callbacks, listener };
  sharedBySignal.set(signal, shared);
  return shared;
}
