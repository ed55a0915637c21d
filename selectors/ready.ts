/**
 * One descriptor, one promise: readable() and writable(), on a selector that all of a thread's
 * callers share. It is made when somebody waits and closed when nobody does, so that a program ends
 * when its awaits have ended.
 *
 * @module
 */

import { EBADF, isOsError, osError } from "../ffi/mod.ts";
import { filenoOf } from "./arguments.ts";
import { type BaseSelector, isWatched } from "./base.ts";
import { closingWatchers } from "./closing.ts";
import { DefaultSelector } from "./default.ts";
import { isTurnDue, turn } from "./turns.ts";
import { checkOpen } from "../os/descriptor.ts";
import { EVENT_READ, EVENT_WRITE, type FileObject } from "./types.ts";

interface Waiter {
  readonly event: number;
  readonly signal: AbortSignal | undefined;
  readonly settled: PromiseWithResolvers<void>;
}

// The kernel does not tell that a watched descriptor was closed: it is asked this often, in
// milliseconds.
const CHECK_INTERVAL = 250;

const waiters = new Map<number, Set<Waiter>>();
let selector: BaseSelector<undefined, number> | undefined;

/**
 * Resolves when the descriptor is readable, on Deno's event loop. Several callers may wait for the
 * same descriptor.
 *
 * @param fileobj A descriptor, or an object whose fileno() gives one.
 * @param options `signal` ends the wait.
 * @returns A promise for nothing.
 * @throws `signal.reason` When the signal is aborted.
 * @throws {TypeError} When `fileobj` is neither a number nor an object with fileno().
 * @throws {RangeError} When its number cannot be a descriptor.
 * @throws {Deno.errors.BadResource} When the descriptor is closed, or is closed while it waits.
 * @throws An OS error, as register(): EPERM for a regular file on Linux, EMFILE when no descriptor
 * is left.
 *
 * @example
 * ```ts
 * import { readable, Socket } from "@syscall/selectors";
 *
 * const [left, right] = Socket.pair();
 * setTimeout(() => left.send(new Uint8Array([42])), 10);
 * await readable(right);
 * console.log(right.recv(1)); // Uint8Array(1) [ 42 ]
 * left.close();
 * right.close();
 * ```
 */
export function readable(fileobj: FileObject, options?: { signal?: AbortSignal }): Promise<void>;
/**
 * Makes a non-blocking call that returns null for "would block" asynchronous. It calls `attempt` at
 * once, and again each time the descriptor is readable, until it returns something other than null.
 * After an abort it never calls `attempt`.
 *
 * @param fileobj A descriptor, or an object whose fileno() gives one.
 * @param attempt What to try: it must not block the thread.
 * @param options `signal` ends the wait. An aborted signal comes before the first attempt.
 * @returns A promise for what `attempt` returned.
 * @throws What `attempt` throws.
 * @throws {TypeError} When `fileobj` is a blocking Socket. Otherwise as `readable(fileobj,
 * options)`.
 *
 * @example
 * ```ts
 * import { readable, Socket } from "@syscall/selectors";
 *
 * const [left, right] = Socket.pair();
 * right.setBlocking(false);
 * setTimeout(() => left.send(new Uint8Array([42])), 10);
 * console.log(await readable(right, () => right.recv(1))); // Uint8Array(1) [ 42 ]
 * left.close();
 * right.close();
 * ```
 */
export function readable<T>(
  fileobj: FileObject,
  attempt: () => T | null,
  options?: { signal?: AbortSignal },
): Promise<T>;
export function readable<T>(
  fileobj: FileObject,
  attempt?: (() => T | null) | { signal?: AbortSignal },
  options?: { signal?: AbortSignal },
): Promise<T | void> {
  if (typeof attempt === "function") return until(fileobj, EVENT_READ, attempt, options);
  return ready(fileobj, EVENT_READ, attempt);
}

/**
 * Resolves when the descriptor is writable, or its connection attempt has finished, on Deno's event
 * loop. Several callers may wait for the same descriptor.
 *
 * @param fileobj A descriptor, or an object whose fileno() gives one.
 * @param options `signal` ends the wait.
 * @returns A promise for nothing.
 * @throws As {@linkcode readable}.
 *
 * @example
 * ```ts
 * import { Socket, writable } from "@syscall/selectors";
 *
 * using server = new Socket();
 * server.bind({ hostname: "127.0.0.1", port: 0 });
 * server.listen();
 * using client = new Socket();
 * client.setBlocking(false);
 * client.connect(server.localAddress);
 * await writable(client);
 * console.log(client.takeError()); // null: connected
 * ```
 */
export function writable(fileobj: FileObject, options?: { signal?: AbortSignal }): Promise<void>;
/**
 * Makes a non-blocking call that returns null for "would block" asynchronous. It calls `attempt` at
 * once, and again each time the descriptor is writable, until it returns something other than null.
 * After an abort it never calls `attempt`.
 *
 * @param fileobj A descriptor, or an object whose fileno() gives one.
 * @param attempt What to try: it must not block the thread.
 * @param options `signal` ends the wait. An aborted signal comes before the first attempt.
 * @returns A promise for what `attempt` returned.
 * @throws What `attempt` throws. Otherwise as {@linkcode readable}.
 *
 * @example
 * ```ts
 * import { Socket, writable } from "@syscall/selectors";
 *
 * const [left, right] = Socket.pair();
 * left.setBlocking(false);
 * console.log(await writable(left, () => left.send(new Uint8Array([42])))); // 1
 * left.close();
 * right.close();
 * ```
 */
export function writable<T>(
  fileobj: FileObject,
  attempt: () => T | null,
  options?: { signal?: AbortSignal },
): Promise<T>;
export function writable<T>(
  fileobj: FileObject,
  attempt?: (() => T | null) | { signal?: AbortSignal },
  options?: { signal?: AbortSignal },
): Promise<T | void> {
  if (typeof attempt === "function") return until(fileobj, EVENT_WRITE, attempt, options);
  return ready(fileobj, EVENT_WRITE, attempt);
}

async function until<T>(
  fileobj: FileObject,
  event: number,
  attempt: () => T | null,
  options: { signal?: AbortSignal } = {},
): Promise<T> {
  options.signal?.throwIfAborted();
  filenoOf(fileobj);
  if ((fileobj as { blocking?: boolean }).blocking === true) {
    throw new TypeError("The socket is blocking: call setBlocking(false) first");
  }
  for (;;) {
    const result = attempt();
    if (result !== null) {
      if (isTurnDue()) await turn();
      return result;
    }
    await ready(fileobj, event, options);
    options.signal?.throwIfAborted();
  }
}

/** Rejects those who wait for a descriptor that is about to be closed. */
function rejectClosing(fd: number): void {
  const all = waiters.get(fd);
  if (all === undefined) return;
  waiters.delete(fd);
  if (selector !== undefined) {
    watch(selector, fd, new Set());
    selector.wakeup();
  }
  for (const { settled } of all) settled.reject(osError("poll", fd, EBADF));
}

async function ready(
  fileobj: FileObject,
  event: number,
  { signal }: { signal?: AbortSignal } = {},
): Promise<void> {
  signal?.throwIfAborted();
  const fd = filenoOf(fileobj);
  const waiter: Waiter = { event, signal, settled: Promise.withResolvers<void>() };
  add(fd, waiter);
  // serve() rejects, once no thread is parked any more on what this waiter waited for.
  const abort = () => selector?.wakeup();
  signal?.addEventListener("abort", abort);
  try {
    await waiter.settled.promise;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

function add(fd: number, waiter: Waiter): void {
  const isFirst = selector === undefined;
  if (isFirst) checkOpen(fd); // before the selector's own descriptors may take its number
  const shared = selector ??= new DefaultSelector<undefined, number>();
  if (waiters.has(fd)) rejectClosed(shared); // the number may be another file's by now
  const all = waiters.get(fd) ?? new Set();
  all.add(waiter);
  try {
    watch(shared, fd, all);
  } catch (error) {
    all.delete(waiter); // the others learn by themselves that the descriptor was closed
    if (isFirst) end();
    throw error;
  }
  waiters.set(fd, all);
  if (isFirst) {
    closingWatchers.add(rejectClosing);
    void serve(shared);
  }
}

async function serve(shared: BaseSelector<undefined, number>): Promise<void> {
  while (waiters.size > 0) {
    try {
      const events = await shared.selectAsync({ timeout: CHECK_INTERVAL });
      for (const [{ fd }, ready] of events) {
        if (!waiters.has(fd)) continue;
        settle(
          shared,
          fd,
          ({ event }) => (event & ready) !== 0,
          ({ settled }) => settled.resolve(),
        );
      }
      if (events.length === 0) rejectClosed(shared);
    } catch (error) {
      // poll and select refuse a closed descriptor, and forget it.
      if (!isOsError(error)) throw error;
      rejectClosed(shared);
    }
    for (const fd of [...waiters.keys()]) {
      settle(
        shared,
        fd,
        ({ signal }) => signal?.aborted ?? false,
        ({ settled, signal }) => settled.reject(signal!.reason),
      );
    }
  }
  end();
}

/** Settles those of a descriptor's waiters that `isDone` says, and watches for the rest. */
function settle(
  shared: BaseSelector<undefined, number>,
  fd: number,
  isDone: (waiter: Waiter) => boolean,
  done: (waiter: Waiter) => void,
): void {
  const all = waiters.get(fd)!;
  const those = [...all].filter(isDone);
  if (those.length === 0) return;
  for (const waiter of those) {
    all.delete(waiter);
    done(waiter);
  }
  try {
    watch(shared, fd, all);
  } catch (error) {
    // It was closed meanwhile: the rest wait in vain.
    for (const { settled } of all) settled.reject(error);
    all.clear();
  }
  if (all.size === 0) waiters.delete(fd);
}

function rejectClosed(shared: BaseSelector<undefined, number>): void {
  for (const [fd, all] of [...waiters]) {
    if (shared.getMap().has(fd) && isWatched(shared, fd)) continue;
    for (const { settled } of all) settled.reject(osError("poll", fd, EBADF));
    waiters.delete(fd);
    watch(shared, fd, new Set());
  }
}

/** Makes the selector wait for just what the waiters of a descriptor want. */
function watch(shared: BaseSelector<undefined, number>, fd: number, all: Set<Waiter>): void {
  let events = 0;
  for (const { event } of all) events |= event;
  const isRegistered = shared.getMap().has(fd);
  if (events === 0) {
    if (isRegistered) shared.unregister(fd);
  } else if (isRegistered) shared.modify(fd, events);
  else shared.register(fd, events);
}

function end(): void {
  closingWatchers.delete(rejectClosing);
  selector?.close();
  selector = undefined;
}
