/**
 * One descriptor, one promise: readable() and writable(), on a selector that all of a thread's callers share. It is
 * made when somebody waits and closed when nobody does, so that a program ends when its awaits have ended.
 *
 * @module
 */

import { EBADF, isOsError, osError } from "../ffi/mod.ts";
import { filenoOf } from "./arguments.ts";
import { type BaseSelector, isWatched } from "./base.ts";
import { DefaultSelector } from "./default.ts";
import { checkOpen } from "../os/descriptor.ts";
import { EVENT_READ, EVENT_WRITE, type FileObject } from "./types.ts";

interface Waiter {
  readonly event: number;
  readonly signal: AbortSignal | undefined;
  readonly settled: PromiseWithResolvers<void>;
}

// The kernel does not tell that a watched descriptor was closed: it is asked this often, in milliseconds.
const CHECK_INTERVAL = 250;

const waiters = new Map<number, Set<Waiter>>();
let selector: BaseSelector<undefined, number> | undefined;

/**
 * Resolves when the descriptor is readable, on Deno's event loop. Several may wait for the same one.
 *
 * @param fileobj A descriptor, or an object whose fileno() gives one.
 * @param options `signal` ends the wait.
 * @returns A promise that rejects with `signal.reason`, as register() throws, or with Deno.errors.BadResource when the descriptor is closed
 * meanwhile.
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
export function readable(
  fileobj: FileObject,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  return ready(fileobj, EVENT_READ, options);
}

/**
 * Resolves when the descriptor is writable, or its connection attempt has finished, on Deno's event loop. Several may
 * wait for the same one.
 *
 * @param fileobj A descriptor, or an object whose fileno() gives one.
 * @param options `signal` ends the wait.
 * @returns A promise that rejects with `signal.reason`, as register() throws, or with Deno.errors.BadResource when the descriptor is closed
 * meanwhile.
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
export function writable(
  fileobj: FileObject,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  return ready(fileobj, EVENT_WRITE, options);
}

async function ready(
  fileobj: FileObject,
  event: number,
  { signal }: { signal?: AbortSignal },
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
  if (isFirst) void serve(shared);
}

async function serve(shared: BaseSelector<undefined, number>): Promise<void> {
  while (waiters.size > 0) {
    try {
      const events = await shared.selectAsync({ timeout: CHECK_INTERVAL });
      for (const [{ fd }, ready] of events) {
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
  selector?.close();
  selector = undefined;
}
