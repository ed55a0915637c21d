/**
 * The best mechanism that the platform has.
 *
 * @module
 */

import type { BaseSelector } from "./base.ts";
import { EpollSelector } from "./epoll.ts";
import { KqueueSelector } from "./kqueue.ts";
import { PollSelector } from "./poll.ts";
import { SelectSelector } from "./select.ts";
import type { FileObject, ReadyEvent, RegisterOptions, SelectorKey } from "./types.ts";
import type { Waker } from "./waker.ts";

const classes = [KqueueSelector, EpollSelector, PollSelector, SelectSelector];

/**
 * The best selector that the platform has: kqueue, epoll, poll, select in that order. It waits on
 * many descriptors at once.
 *
 * Its constructor throws Deno.errors.NotSupported on a platform that has none of them,
 * Deno.errors.NotCapable without `--allow-ffi`, and an OS error when there are no descriptors left
 * (EMFILE, ENFILE).
 *
 * @example
 * ```ts
 * import { DefaultSelector, EVENT_READ, Socket } from "@syscall/selectors";
 *
 * using selector = new DefaultSelector<string, Socket>();
 * const [left, right] = Socket.pair();
 * selector.register(right, EVENT_READ, "the right one");
 * left.send(new TextEncoder().encode("hello"));
 * for (const [key] of selector.select()) {
 *   console.log(key.data, key.fileobj.recv(16)); // the right one Uint8Array(5) [ 104, 101, … ]
 * }
 * left.close();
 * right.close();
 * ```
 */
export const DefaultSelector: {
  new <Data = undefined, File extends FileObject = FileObject>(): DefaultSelector<Data, File>;
  isSupported(): boolean;
  readonly name: string;
} = classes.find((Selector) => Selector.isSupported()) ?? SelectSelector;

/**
 * What `new DefaultSelector<Data, File>()` gives: a {@linkcode BaseSelector}, whose page says more
 * of each method.
 *
 * @typeParam Data The type of what is kept with each descriptor. Default: nothing is kept.
 * @typeParam File The file objects that are registered: numbers, sockets, anything with fileno().
 */
export interface DefaultSelector<Data = undefined, File extends FileObject = FileObject>
  extends BaseSelector<Data, File> {
  /**
   * Starts waiting for events of a descriptor, and keeps `data` with it.
   *
   * @throws {RangeError} On wrong events or a number that cannot be a descriptor.
   * @throws {TypeError} When `fileobj` is neither a number nor an object with fileno().
   * @throws {Deno.errors.AlreadyExists} When the descriptor is registered.
   * @throws {Deno.errors.BadResource} When the selector or the descriptor is closed.
   * @throws {Deno.errors.NotSupported} When the mechanism lacks the mode or an event.
   * @throws An OS error when the operating system refuses.
   */
  register<F extends File>(
    fileobj: F,
    events: number,
    data: Data,
    options?: RegisterOptions,
  ): SelectorKey<Data, F>;
  /** The same without data, where `Data` admits undefined. */
  register<F extends File>(
    this: undefined extends Data ? unknown : "data is required",
    fileobj: F,
    events: number,
    data?: Data,
    options?: RegisterOptions,
  ): SelectorKey<Data, F>;

  /**
   * Stops waiting for a descriptor, also for one that is closed.
   *
   * @throws {Deno.errors.NotFound} When it is not registered.
   * @throws {Deno.errors.BadResource} When the selector is closed.
   */
  unregister(fileobj: File): SelectorKey<Data, File>;

  /**
   * Changes events, data or mode, and re-arms "oneshot" and "edge".
   *
   * @throws {Deno.errors.NotFound} When it is not registered. Other errors as register().
   */
  modify(
    fileobj: File,
    events: number,
    data: Data,
    options?: RegisterOptions,
  ): SelectorKey<Data, File>;
  /** The same without data, where `Data` admits undefined. */
  modify(
    this: undefined extends Data ? unknown : "data is required",
    fileobj: File,
    events: number,
    data?: Data,
    options?: RegisterOptions,
  ): SelectorKey<Data, File>;

  /**
   * Blocks the thread until something is ready, for at most `timeout` milliseconds. Returns at most
   * `maxEvents` ready events; [] at the timeout, after wakeup(), and when a signal interrupted the
   * wait.
   *
   * @throws {TypeError} When the timeout is not a number.
   * @throws {RangeError} When the timeout is NaN, or maxEvents is not a positive integer.
   * @throws {Deno.errors.BadResource} When the selector is closed.
   */
  select(timeout?: number | null, maxEvents?: number): ReadyEvent<Data, File>[];

  /**
   * The same without blocking the thread.
   *
   * @throws {Deno.errors.Busy} While another call of this selector waits.
   * @throws `signal.reason` When the signal is aborted. Other errors as select().
   */
  selectAsync(
    options?: { timeout?: number | null; signal?: AbortSignal; maxEvents?: number },
  ): Promise<ReadyEvent<Data, File>[]>;

  /** Ready events one by one, for ever, until close(). */
  [Symbol.asyncIterator](): AsyncGenerator<ReadyEvent<Data, File>, void, undefined>;

  /** Makes the wait that is under way, or else the next one, return at once. */
  wakeup(): void;

  /** Does the same from another thread: post `waker.fd` to a Worker. */
  get waker(): Waker;

  /**
   * The key of a registered descriptor or file object.
   *
   * @throws {Deno.errors.NotFound} When it is not registered.
   * @throws {Deno.errors.BadResource} When the selector is closed.
   */
  getKey(fileobj: File): SelectorKey<Data, File>;

  /** A live, read-only view of the keys, by descriptor or by file object. */
  getMap(): ReadonlyMap<FileObject, SelectorKey<Data, File>>;

  /** Whether close() was called. */
  get closed(): boolean;

  /** Frees the selector's own descriptors. The registered descriptors stay open. */
  close(): void;

  /** The same as `close()`. */
  [Symbol.dispose](): void;
}
