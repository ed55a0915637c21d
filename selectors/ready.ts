/**
 * One descriptor, one promise: readable() and writable().
 *
 * @module
 */

import { checkOptions, filenoOf } from "./arguments.ts";
import { isTurnDue, turn } from "./turns.ts";
import { EVENT_READ, EVENT_WRITE, type FileObject } from "./types.ts";
import { Waiter } from "./waiters.ts";

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
  return typeof attempt === "function"
    ? wait(fileobj, EVENT_READ, attempt, options)
    : wait(fileobj, EVENT_READ, undefined, attempt === undefined ? options : attempt);
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
  return typeof attempt === "function"
    ? wait(fileobj, EVENT_WRITE, attempt, options)
    : wait(fileobj, EVENT_WRITE, undefined, attempt === undefined ? options : attempt);
}

function wait<T>(
  fileobj: FileObject,
  event: number,
  attempt: (() => T | null) | undefined,
  options: { signal?: AbortSignal } = {},
): Promise<T | void> {
  try {
    checkOptions(options);
    const { signal } = options;
    signal?.throwIfAborted();
    const fd = filenoOf(fileobj);
    if (attempt === undefined) return begin(new Waiter(fd, event, returnUndefined, signal));
    if ((fileobj as { blocking?: boolean }).blocking === true) {
      throw new TypeError("The socket is blocking: call setBlocking(false) first");
    }
    const result = attempt();
    if (result === null) {
      return new Waiter(fd, event, attempt, signal).look() as Promise<T>;
    }
    return afterTurn(Promise.resolve(result));
  } catch (error) {
    return afterTurn(Promise.reject(error));
  }
}

function begin(waiter: Waiter): Promise<void> {
  const promise = waiter.watch() as Promise<void>;
  return waiter.isDone ? afterTurn(promise) : promise;
}

/** Calls that never wait must not keep the event loop from turning. */
function afterTurn<T>(promise: Promise<T>): Promise<T> {
  if (!isTurnDue()) return promise;
  promise.catch(() => {}); // it is handled after the turn
  return turn().then(() => promise);
}

function returnUndefined(): void {}
