/**
 * What all selectors share: the bookkeeping of keys, the checks of arguments, and the two ways to
 * wait. The calls to the kernel are the mechanism's.
 *
 * @module
 */

import type { FileObject, ReadyEvent, RegisterOptions, SelectorKey } from "./types.ts";
import { checkNotItself, type Mechanism, type MechanismFactory } from "./mechanism.ts";
import { beginOperation, endOperation } from "../ffi/trace/operation.ts";
import { AsyncWait } from "./async_wait.ts";
import { blockingWait } from "./blocking_wait.ts";
import { checkEvents, checkMaxEvents, checkTimeout, filenoOf, modeOf } from "./arguments.ts";
import { target } from "../os/target.ts";
import { showSelector } from "./inspect.ts";
import { Found, Registration, RegistrationMap, Registrations } from "./registrations.ts";
import { Waker } from "./waker.ts";

/** The private parts of a selector, for readable() and writable(). */
export let mechanismOf: (selector: BaseSelector<undefined, number>) => Mechanism;
export let registrationsOf: (selector: BaseSelector<undefined, number>) => Registrations;

/**
 * Waits on many descriptors at once. Register what to wait for, then call `select()` in a loop.
 *
 * @typeParam Data The type of what is kept with each descriptor. Default: nothing is kept.
 * @typeParam File The file objects that are registered: numbers, sockets, anything with fileno().
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
export abstract class BaseSelector<Data = undefined, File extends FileObject = FileObject>
  implements Disposable, AsyncIterable<ReadyEvent<Data, File>> {
  static {
    mechanismOf = (selector) => selector.#mechanism;
    registrationsOf = (selector) => selector.#registrations;
  }

  /** Whether this mechanism exists on the machine the program runs on. */
  static isSupported(): boolean {
    return false;
  }

  readonly #registrations = new Registrations<Data, File>();
  readonly #map = new RegistrationMap<Data, File>(this.#registrations);
  readonly #waker: Waker;
  readonly #wakerOutside: Waker;
  readonly #mechanism: Mechanism;
  readonly #async: AsyncWait<Data, File>;
  #closed = false;

  /**
   * Only the selectors of this library can be constructed: see their own constructors.
   *
   * @param createMechanism Makes the mechanism that waits.
   * @param isSupported Whether the platform, or a library, has it. Default: as the class says.
   * @ignore
   */
  constructor(
    createMechanism: MechanismFactory,
    isSupported: boolean = new.target.isSupported(),
  ) {
    if (!isSupported) {
      throw new Deno.errors.NotSupported(`${new.target.name} is not supported on ${target}`);
    }
    this.#waker = new Waker();
    // The public handle does not own the descriptor: closing it leaves the descriptor open.
    this.#wakerOutside = new Waker(this.#waker.fd);
    try {
      this.#mechanism = createMechanism(this.#registrations, this.#waker);
    } catch (error) {
      this.#waker.close();
      throw error;
    }
    this.#async = new AsyncWait(
      new.target.name,
      this.#mechanism,
      this.#registrations,
      this.#waker,
    );
  }

  /**
   * Starts waiting for events of a descriptor.
   *
   * @param fileobj A descriptor, or an object whose fileno() gives one.
   * @param events EVENT_READ, EVENT_WRITE, EVENT_PRIORITY, EVENT_HANGUP, or several of them joined
   * with `|`.
   * @param data Kept with the descriptor: `select()` reports it in the key.
   * @param options `mode`: "level" (default), "edge" or "oneshot".
   * @returns The key, which `select()` reports when the descriptor is ready.
   * @throws {RangeError} On no event, an unknown event bit, or a number that cannot be a
   * descriptor.
   * @throws {TypeError} On a file object that is neither a number nor an object with fileno(), and
   * on options that are not an object.
   * @throws {Deno.errors.AlreadyExists} When the descriptor is registered.
   * @throws {Deno.errors.BadResource} When the selector is closed, or the descriptor is not open
   * (EBADF).
   * @throws {Deno.errors.NotSupported} When the mechanism lacks the mode or an event.
   * @throws An OS error, with nothing registered, when the operating system refuses: EPERM for a
   * regular file with epoll, ENOSPC for too many watches, EINVAL for the selector's own descriptor.
   *
   * @example
   * ```ts
   * import { DefaultSelector, EVENT_WRITE, Socket } from "@syscall/selectors";
   *
   * using selector = new DefaultSelector<string>();
   * const [left, right] = Socket.pair();
   * const key = selector.register(left, EVENT_WRITE, "mine", { mode: "oneshot" });
   * console.log(key.fd === left.fileno(), key.data); // true mine
   * left.close();
   * right.close();
   * ```
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
  register<F extends File>(
    fileobj: F,
    events: number,
    data?: Data,
    options?: RegisterOptions,
  ): SelectorKey<Data, F> {
    // What may run the caller's code comes first; nothing after the check of `closed` does.
    const mode = modeOf(options);
    const fd = filenoOf(fileobj);
    checkEvents(events);
    this.#checkOpen();
    const isWaker = fd === this.#waker.fileno() || fd === this.#waker.fd;
    if (this.#registrations.byFd[fd] !== undefined || isWaker) {
      throw new Deno.errors.AlreadyExists(`Descriptor ${fd} is already registered`);
    }
    checkNotItself(this.#mechanism, fd);
    this.#mechanism.check(fd, events, mode);

    const key: SelectorKey<Data, F> = { fileobj, fd, events, data: data as Data, mode };
    const registration = new Registration<Data, File>(key);
    beginOperation();
    try {
      this.#mechanism.add(registration);
      this.#registrations.add(registration);
      this.#async.refresh();
    } finally {
      endOperation();
    }
    return key;
  }

  /**
   * Stops waiting for a descriptor. It works on a closed one too: an object whose fileno() no
   * longer answers is found by identity, and it is not an error if the operating system has already
   * dropped the descriptor.
   *
   * @param fileobj What was registered, or its descriptor.
   * @returns The key that it had.
   * @throws {Deno.errors.NotFound} When it is not registered.
   * @throws {Deno.errors.BadResource} When the selector is closed.
   */
  unregister(fileobj: File): SelectorKey<Data, File> {
    const registration = this.#find(fileobj);
    this.#registrations.delete(registration);
    beginOperation();
    try {
      this.#mechanism.remove(registration);
      this.#async.refresh();
    } finally {
      endOperation();
    }
    return registration.key;
  }

  /**
   * Changes events, data or mode, and re-arms "oneshot" and "edge": what is ready now is reported
   * again. It makes no syscall when only the data of a "level" registration changes. Data and mode
   * that are left out become undefined and "level", as in register().
   *
   * @param fileobj What was registered, or its descriptor.
   * @param events As in register().
   * @param data As in register().
   * @param options As in register().
   * @returns The new key.
   * @throws {Deno.errors.NotFound} When it is not registered.
   * @throws An OS error when the operating system refuses; the descriptor is no longer registered
   * then. Otherwise it throws as register() does and changes nothing.
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
  modify(
    fileobj: File,
    events: number,
    data?: Data,
    options?: RegisterOptions,
  ): SelectorKey<Data, File> {
    const mode = modeOf(options);
    checkEvents(events);
    const registration = this.#find(fileobj);
    const { fd, fileobj: registered } = registration;
    this.#mechanism.check(fd, events, mode);

    // The kernel keeps reporting a "level" registration; the others are to be reported again.
    const isData = events === registration.events && mode === "level" &&
      registration.mode === "level";
    registration.renew({ fileobj: registered, fd, events, data: data as Data, mode });
    if (!isData) this.#change(registration);
    return registration.key;
  }

  /**
   * Blocks the thread until something is ready.
   *
   * @param timeout Milliseconds, rounded up to the operating system's resolution. undefined, null
   * and Infinity wait for ever; 0 and less return immediately.
   * @param maxEvents At most so many ready events are returned. The following waits return the rest
   * in turns, so that no descriptor starves. Default: everything that is ready.
   * @returns What is ready; [] at the timeout, after wakeup(), and when a signal interrupted the
   * wait.
   * @throws {TypeError} When the timeout is not a number.
   * @throws {RangeError} When the timeout is NaN, or maxEvents is not a positive integer.
   * @throws {Deno.errors.BadResource} When the selector is closed, or (poll and select) when a
   * registered descriptor was closed: the error names it, and it is unregistered.
   *
   * @example
   * ```ts
   * import { DefaultSelector } from "@syscall/selectors";
   *
   * using selector = new DefaultSelector();
   * console.log(selector.select(1.5)); // [], after one and a half milliseconds
   * ```
   */
  select(timeout?: number | null, maxEvents?: number): ReadyEvent<Data, File>[] {
    const limit = checkTimeout(timeout);
    const most = checkMaxEvents(maxEvents);
    this.#checkOpen();
    const found = new Found<Data, File>();
    beginOperation();
    try {
      const outcome = limit === 0
        ? this.#mechanism.wait(0, most, found)
        : blockingWait(this.#mechanism, limit, most, found);
      // select() has consumed the wake-up: wake the pending selectAsync() too.
      if (outcome === "woken" && this.#async.isUnderWay) this.#waker.wake();
    } finally {
      endOperation();
    }
    return found.events;
  }

  /**
   * The same without blocking: timers, promises, signal listeners and other Deno I/O go on
   * meanwhile, also under full load. register(), modify() and unregister() may be called while it
   * waits and take effect at once; close() resolves it to [].
   *
   * @param options `timeout` and `maxEvents` as in select(). An aborted `signal` ends the wait;
   * what was ready is reported by the next call.
   * @returns What is ready; [] at the timeout and after wakeup().
   * @throws {TypeError} When `options` is not an object.
   * @throws {Deno.errors.Busy} While another call of this selector waits.
   * @throws `signal.reason` When the signal is aborted. Other errors as select().
   *
   * @example
   * ```ts
   * import { DefaultSelector, EVENT_READ, Socket } from "@syscall/selectors";
   *
   * using selector = new DefaultSelector();
   * const [left, right] = Socket.pair();
   * selector.register(right, EVENT_READ);
   * setTimeout(() => left.send(new Uint8Array([42])), 10);
   * const events = await selector.selectAsync({ timeout: 1000 });
   * console.log(events.length); // 1
   * left.close();
   * right.close();
   * ```
   */
  selectAsync(
    options: { timeout?: number | null; signal?: AbortSignal; maxEvents?: number } = {},
  ): Promise<ReadyEvent<Data, File>[]> {
    return this.#async.select(options).then(({ events }) => events);
  }

  /**
   * Ready events one by one, for ever, until close(). An event is not delivered if an earlier
   * handler of the same batch has unregistered its key or modified it away.
   *
   * @example
   * ```ts
   * import { DefaultSelector, EVENT_READ, Socket } from "@syscall/selectors";
   *
   * using selector = new DefaultSelector<string, Socket>();
   * const [left, right] = Socket.pair();
   * selector.register(right, EVENT_READ, "the right one");
   * left.send(new Uint8Array([42]));
   * for await (const [key] of selector) {
   *   console.log(key.data); // the right one
   *   selector.close();
   * }
   * left.close();
   * right.close();
   * ```
   */
  [Symbol.asyncIterator](): AsyncGenerator<ReadyEvent<Data, File>, void, undefined> {
    return this.#async.events();
  }

  /**
   * Makes the wait that is under way, or else the next one, return at once. It has no effect once
   * the selector is closed.
   */
  wakeup(): void {
    if (!this.#closed) this.#waker.wake();
  }

  /**
   * The waker, which does the same from another thread: post `waker.fd` to a Worker, and there call
   * `new Waker(fd).wake()`.
   */
  get waker(): Waker {
    return this.#wakerOutside;
  }

  /**
   * The key of a registered descriptor or file object.
   *
   * @param fileobj What was registered, or its descriptor.
   * @returns Its key.
   * @throws {Deno.errors.NotFound} When it is not registered.
   * @throws {Deno.errors.BadResource} When the selector is closed.
   */
  getKey(fileobj: File): SelectorKey<Data, File> {
    return this.#find(fileobj).key;
  }

  /**
   * A live, read-only view of the keys. A key is looked up by descriptor or by file object;
   * iterating gives descriptors.
   *
   * @returns The same view at each call; it is empty after close().
   */
  getMap(): ReadonlyMap<FileObject, SelectorKey<Data, File>> {
    return this.#map;
  }

  /** Whether close() was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Frees the selector's own descriptors and forgets every key. The registered descriptors stay
   * open. Calling it again has no effect.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    beginOperation();
    try {
      this.#registrations.clear();
      this.#wakerOutside.close();
      this.#async.close();
    } finally {
      endOperation();
    }
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #change(registration: Registration<Data, File>): void {
    registration.armed = true;
    beginOperation();
    try {
      this.#mechanism.change(registration);
    } catch (error) {
      this.#registrations.delete(registration);
      this.#mechanism.remove(registration);
      throw error;
    } finally {
      this.#async.refresh();
      endOperation();
    }
  }

  #find(fileobj: File): Registration<Data, File> {
    const registration = this.#registrations.find(fileobj);
    this.#checkOpen();
    if (registration === undefined) {
      const what = typeof fileobj === "number" ? `Descriptor ${fileobj}` : "The file object";
      throw new Deno.errors.NotFound(`${what} is not registered`);
    }
    return registration;
  }

  #checkOpen(): void {
    if (this.#closed) throw new Deno.errors.BadResource(`The ${this.constructor.name} is closed`);
  }
}

showSelector(BaseSelector.prototype);
