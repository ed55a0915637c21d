/**
 * The ring: what a program asks for, checked, and its waits.
 *
 * @module
 */

import { asOperation, makeOperations } from "../selectors/operations.ts";
import { type Address, encodeAddress } from "../io/address.ts";
import { resolveOne } from "../io/resolve.ts";
import type { Socket } from "../io/socket.ts";
import { byteLength } from "../ffi/arguments.ts";
import * as c from "../ffi/mod.ts";
import { checkEvents, checkOptions, checkTimeout, filenoOf } from "../selectors/arguments.ts";
import { closingWatchers } from "../selectors/closing.ts";
import type { FileObject } from "../selectors/types.ts";
import { Waker } from "../selectors/waker.ts";
import { AsyncWait, type Look } from "./async_wait.ts";
import { checkPosition, checkSize, checkSizes, type RingOptions } from "./arguments.ts";
import {
  type Completion,
  isCompletion,
  isConnection,
  type RingCompletion,
  shareBlock,
  sizeOf,
} from "./completion.ts";
import { Engine, type Pass } from "./engine.ts";
import { copyToBlock, takeBlock } from "./memory.ts";
import { type Operation, RingOperation, State } from "./operation.ts";
import { isSupported } from "./support.ts";

/**
 * Tells a ring of a descriptor that is about to be closed, for as long as somebody has the ring.
 */
let watcherOf: (ring: WeakRef<Ring<never>>) => (fd: number) => void;

/**
 * Operations that the kernel carries out by itself, through io_uring(7). Operations are queued
 * without a syscall; wait() submits all that are queued and waits for results, in one. Linux 6.0.
 *
 * A descriptor must stay open until its operations have ended. Memory that the kernel reads or
 * writes belongs to the ring, stays at its address, and is never unmapped while the process lives,
 * so that nothing that a program does with a view can corrupt memory.
 *
 * @typeParam Data What is kept beside each operation, such as a callback.
 *
 * @example An echo on both ends of a pair
 * ```ts
 * import { Socket } from "@syscall/selectors";
 * import { Ring } from "@syscall/selectors/ring";
 *
 * if (Ring.isSupported()) {
 *   using ring = new Ring<string>();
 *   using left = Socket.pair()[0];
 *   ring.send(left, new TextEncoder().encode("hello"), "sent");
 *   for (const completion of ring.wait()) {
 *     console.log(completion.data, completion.result); // sent 5
 *   }
 * }
 * ```
 */
export class Ring<Data = undefined> implements Disposable, AsyncIterable<Completion<Data>> {
  readonly #engine: Engine<Data>;
  readonly #waker: Waker;
  readonly #wakerOutside: Waker;
  readonly #async: AsyncWait;
  readonly #watcher: (fd: number) => void;
  readonly #cancel = (state: State<Data>) => asOperation(() => this.#cancelOperation(state));
  #undelivered: RingCompletion<Data>[] = [];
  #isFlushing = false;
  #isClosed = false;

  /**
   * Whether the kernel has io_uring and lets this process use it: many containers do not. It asks
   * the kernel each time.
   *
   * @returns Whether `new Ring()` is possible. False on any system but Linux.
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   */
  static isSupported(): boolean {
    return isSupported();
  }

  /**
   * A ring without operations.
   *
   * @param options Its sizes.
   * @throws {TypeError} When `options` is not an object, or a size is not a number.
   * @throws {RangeError} When a size is out of range.
   * @throws {Deno.errors.NotSupported} Where isSupported() is false; the message says why.
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   * @throws An OS error when there is no descriptor or memory left: EMFILE, ENOMEM.
   */
  constructor(options: RingOptions = {}) {
    const sizes = checkSizes(options);
    this.#engine = new Engine<Data>(sizes, () => this.#waker.drain());
    const waker = new DisposableStack();
    try {
      this.#waker = waker.use(new Waker());
      this.#async = new AsyncWait(this.#engine.queues, () => this.#look());
    } catch (error) {
      waker.dispose();
      this.#engine.close();
      throw error;
    }
    this.#wakerOutside = new Waker(this.#waker.fd);
    this.#engine.start(new State("wake", this.#waker.fileno(), undefined as Data));
    this.#watcher = watcherOf(new WeakRef(this as unknown as Ring<never>));
    closingWatchers.add(this.#watcher);
  }

  static {
    watcherOf = (reference) => (fd) => {
      const ring = reference.deref();
      if (ring !== undefined) asOperation(() => ring.#closing(fd));
    };
  }

  /**
   * Accepts connections, one completion each, until it is cancelled or fails. The result is the
   * connection's descriptor, which is blocking and close-on-exec, and belongs to the program.
   * ECONNABORTED is passed over. accept4(2)
   *
   * @param listener A socket that listens.
   * @param data Comes back with each completion.
   * @returns What cancels it.
   * @throws {TypeError} When `listener` is neither a number nor an object with fileno().
   * @throws {RangeError} When its number cannot be a descriptor.
   * @throws {Deno.errors.BadResource} When the ring is closed.
   */
  accept(listener: FileObject, data: Data): Operation {
    const state = new State("accept", filenoOf(listener), data);
    return this.#start(state);
  }

  /**
   * Receives what arrives, one completion for each buffer, until the peer has sent all (the result
   * is 0 then), or it is cancelled or fails. Each holds one of the ring's receive buffers until it
   * is released: when none is free, receiving pauses. A datagram that is longer than a buffer is
   * cut. recv(2)
   *
   * @param fileobj A socket.
   * @param data Comes back with each completion.
   * @returns What cancels it.
   * @throws As {@linkcode accept}.
   */
  recv(fileobj: FileObject, data: Data): Operation {
    return this.#start(new State("recv", filenoOf(fileobj), data));
  }

  /**
   * Sends all of the bytes, in order, after what was sent before on the same descriptor. The result
   * is their number. send(2)
   *
   * @param fileobj A socket.
   * @param bytes They are copied at once. Those of a completion are sent from where they are, and
   * the completion is released when they are gone.
   * @param data Comes back with the completion.
   * @returns What cancels it. Part of the bytes may have been sent then.
   * @throws {TypeError} When `bytes` is neither a Uint8Array nor a completion that has bytes.
   * @throws {Deno.errors.BadResource} When the ring is closed, or the completion is released.
   * @throws An OS error when there is no memory left: ENOMEM. Otherwise as {@linkcode accept}.
   */
  send(fileobj: FileObject, bytes: Uint8Array | Completion<Data>, data: Data): Operation {
    const state = new State("send", filenoOf(fileobj), data);
    this.#checkOpen();
    if (!isCompletion(bytes)) {
      state.block = copyToBlock(bytes);
      state.size = byteLength(bytes);
      return this.#start(state);
    }
    if (bytes.result === -1 || sizeOf(bytes) === 0) {
      throw new TypeError("The completion has no bytes to send");
    }
    const block = shareBlock(bytes);
    if (block === undefined) throw new Deno.errors.BadResource("The completion is released");
    state.block = block;
    state.size = sizeOf(bytes);
    this.#engine.lend(block);
    return this.#start(state);
  }

  /**
   * Reads from a file at an offset; regular files too, which no selector can wait for. pread(2)
   *
   * @param fileobj A file. Where it has no positions, such as a pipe, the offset does not count.
   * @param size The most bytes to read.
   * @param offset Where, in bytes.
   * @param data Comes back with the completion: its bytes are what was read, and its result is 0 at
   * the end of the file.
   * @returns What cancels it.
   * @throws {RangeError} When the size or the offset is out of range.
   * @throws An OS error when there is no memory left: ENOMEM. Otherwise as {@linkcode accept}.
   */
  read(fileobj: FileObject, size: number, offset: number, data: Data): Operation {
    const state = new State("read", filenoOf(fileobj), data);
    checkSize(size, "The size");
    checkPosition(offset);
    this.#checkOpen();
    state.block = takeBlock(size);
    state.size = size;
    state.offset = offset;
    return this.#start(state);
  }

  /**
   * Writes to a file at an offset. The result is how many bytes were written. pwrite(2)
   *
   * @param fileobj A file. Where it has no positions, such as a pipe, the offset does not count.
   * @param bytes They are copied at once.
   * @param offset Where, in bytes.
   * @param data Comes back with the completion.
   * @returns What cancels it.
   * @throws {TypeError} When `bytes` is not a Uint8Array.
   * @throws {RangeError} When the offset is out of range.
   * @throws An OS error when there is no memory left: ENOMEM. Otherwise as {@linkcode accept}.
   */
  write(fileobj: FileObject, bytes: Uint8Array, offset: number, data: Data): Operation {
    const state = new State("write", filenoOf(fileobj), data);
    checkPosition(offset);
    this.#checkOpen();
    state.block = copyToBlock(bytes);
    state.size = byteLength(bytes);
    state.offset = offset;
    return this.#start(state);
  }

  /**
   * Connects a socket. The result is 0. connect(2)
   *
   * @param socket Not connected yet.
   * @param address Of the socket's family. A hostname that is not an IP address is resolved at
   * once, which blocks the thread.
   * @param data Comes back with the completion.
   * @returns What cancels it.
   * @throws {TypeError} When the address is not of the socket's family.
   * @throws An OS error with an EAI_ code when a name does not resolve. Otherwise as {@linkcode
   * accept}.
   */
  connect(socket: Socket, address: Address, data: Data): Operation {
    const state = new State("connect", filenoOf(socket), data);
    this.#checkOpen();
    const { family, type } = socket;
    const bytes = encodeAddress(address, family, (hostname, family) => {
      return resolveOne(hostname, family, type);
    });
    state.block = copyToBlock(bytes);
    state.size = bytes.length;
    return this.#start(state);
  }

  /**
   * Waits for events, one completion whenever some appear, until it is cancelled or fails. The
   * result is the events that have appeared. poll(2)
   *
   * @param fileobj A descriptor that can be waited for.
   * @param events EVENT_READ, EVENT_WRITE, EVENT_PRIORITY, EVENT_HANGUP, or several of them.
   * @param data Comes back with each completion.
   * @returns What cancels it.
   * @throws {RangeError} On no event, or an unknown event bit. Otherwise as {@linkcode accept}.
   */
  poll(fileobj: FileObject, events: number, data: Data): Operation {
    const state = new State("poll", filenoOf(fileobj), data);
    checkEvents(events);
    state.offset = events;
    return this.#start(state);
  }

  /**
   * Submits what is queued, and blocks the thread until there are completions.
   *
   * @param timeout Milliseconds. undefined, null or Infinity waits for ever; 0 or less only looks.
   * @returns The completions that there are; [] at the timeout, after wakeup(), and when a signal
   * interrupted the wait.
   * @throws {TypeError} When the timeout is not a number.
   * @throws {RangeError} When the timeout is NaN.
   * @throws {Deno.errors.BadResource} When the ring is closed.
   */
  wait(timeout?: number | null): Completion<Data>[] {
    const limit = checkTimeout(timeout);
    this.#checkOpen();
    const found = this.#take();
    const deadline = performance.now() + limit;
    let remaining = found.length > 0 ? 0 : limit;
    for (;;) {
      const outcome = this.#pass(remaining, found);
      if (outcome === "woken") this.#async.lookAgain();
      if (outcome !== "looked" || found.length > 0) return found;
      remaining = deadline - performance.now();
      if (!(remaining > 0)) return found;
    }
  }

  /**
   * The same without blocking: timers, promises, signal listeners and other Deno I/O go on
   * meanwhile, also under full load. What is started meanwhile is submitted at the end of the step;
   * close() resolves it to [].
   *
   * @param options `timeout` in milliseconds, as in wait(). An aborted `signal` ends the wait; no
   * completion is lost.
   * @returns The completions that there are; [] at the timeout and after wakeup().
   * @throws {Deno.errors.Busy} While another call of this ring waits.
   * @throws `signal.reason` When the signal is aborted. Other errors as {@linkcode wait}.
   */
  async waitAsync(
    options: { timeout?: number | null; signal?: AbortSignal } = {},
  ): Promise<Completion<Data>[]> {
    checkOptions(options);
    const { timeout, signal } = options;
    const limit = checkTimeout(timeout);
    signal?.throwIfAborted();
    this.#checkOpen();
    if (this.#async.isUnderWay) throw new Deno.errors.Busy("The Ring is already waiting");
    await this.#async.wait(performance.now() + limit, signal);
    return this.#isClosed ? [] : this.#take();
  }

  /**
   * Completions one by one, for ever, until close(). Leaving the loop loses none: those that are
   * left come with the next wait.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Completion<Data>, void, undefined> {
    while (!this.#isClosed) {
      const batch = await this.waitAsync() as RingCompletion<Data>[];
      let next = 0;
      try {
        while (next < batch.length && !this.#isClosed) yield batch[next++]!;
      } finally {
        this.#undelivered.unshift(...batch.slice(next));
        if (this.#isClosed) this.#drop();
      }
    }
  }

  /**
   * Makes the wait that is under way, or else the next one, return at once. Does nothing once the
   * ring is closed.
   */
  wakeup(): void {
    if (!this.#isClosed) this.#waker.wake();
  }

  /** Does the same from another thread: post `waker.fd` to a Worker, and there call
   * `new Waker(fd).wake()`. */
  get waker(): Waker {
    return this.#wakerOutside;
  }

  /**
   * Cancels what is under way, waits until the kernel has let go of all memory, and closes. There
   * are no completions any more; connections that were accepted and not delivered are closed. The
   * descriptors of the operations stay open. Calling it again has no effect.
   */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closingWatchers.delete(this.#watcher);
    this.#engine.close();
    this.#drop();
    this.#wakerOutside.close();
    this.#waker.close();
    this.#async.close();
  }

  /** Whether close() was called. */
  get closed(): boolean {
    return this.#isClosed;
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #start(state: State<Data>): Operation {
    this.#checkOpen();
    asOperation(() => this.#engine.start(state));
    this.#flushLater();
    return new RingOperation(state, this.#cancel);
  }

  #cancelOperation(state: State<Data>): void {
    if (this.#isClosed) return;
    const completion = this.#engine.cancel(state);
    if (completion !== undefined) this.#deliver([completion]);
    this.#flushLater();
  }

  #closing(fd: number): void {
    const found: RingCompletion<Data>[] = [];
    this.#engine.closing(fd, found);
    this.#deliver(found);
  }

  #deliver(completions: RingCompletion<Data>[]): void {
    if (completions.length === 0) return;
    this.#undelivered.push(...completions);
    this.#async.lookAgain();
  }

  /** While a wait is parked, what is queued would lie there: submits it at the end of the step. */
  #flushLater(): void {
    if (this.#isFlushing || !this.#async.isUnderWay) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      if (!this.#isClosed) this.#engine.flush();
    });
  }

  #take(): RingCompletion<Data>[] {
    const found = this.#undelivered;
    this.#undelivered = [];
    return found;
  }

  #look(): Look {
    const outcome = this.#pass(0, this.#undelivered);
    if (this.#undelivered.length > 0) return "found";
    return outcome === "woken" ? "over" : "nothing";
  }

  #pass(timeout: number, found: RingCompletion<Data>[]): Pass {
    try {
      return this.#engine.pass(timeout, found);
    } catch (error) {
      if (found !== this.#undelivered) this.#undelivered.unshift(...found);
      throw error;
    }
  }

  /** What nobody will get any more. */
  #drop(): void {
    for (const completion of this.#take()) {
      if (isConnection(completion)) c.close(completion.result);
      completion.release();
    }
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new Deno.errors.BadResource("The Ring is closed");
  }
}

makeOperations(Ring.prototype, "wait", "close");
