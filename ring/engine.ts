/**
 * What a ring does without its arguments and its waits: it makes entries of operations, and
 * completions of what the kernel reports.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { isInterruption } from "../selectors/mechanism.ts";
import { ReceiveBuffers } from "./buffers.ts";
import { RingCompletion } from "./completion.ts";
import { type Block, takeBlock } from "./memory.ts";
import { type State, SYSCALLS } from "./operation.ts";
import { eventsOf, pollEventsOf } from "./poll_events.ts";
import { Queues } from "./queues.ts";

/** How a pass through the kernel ended: a selector's outcome, or the error that it failed with. */
export type Pass = "looked" | "woken" | "interrupted";

const CANCELLATION = 0; // the slot of cancellations, whose completions nobody wants
const SEND_FLAGS = c.MSG_NOSIGNAL | c.MSG_WAITALL;
const DRAIN_PASS = 100; // milliseconds, after which close() cancels once more
const DRAIN_BATCH = 256; // completions that close() waits for at once
const ARGUMENT_SIZE = c.io_uring_getevents_arg.size;

/** The operations of one ring. */
export class Engine<Data> {
  readonly queues: Queues;
  readonly #buffers: ReceiveBuffers;
  readonly #argument: Block; // a struct io_uring_getevents_arg, and a timespec behind it
  readonly #argumentBytes: Uint8Array<ArrayBuffer>;
  readonly #timespec: Int32Array;
  readonly #states: (State<Data> | undefined)[] = [undefined]; // by slot
  readonly #freeSlots: number[] = [];
  readonly #sending: (State<Data> | undefined)[] = []; // by descriptor: the send that is under way
  readonly #users: number[] = []; // by descriptor: how many operations
  #starved: State<Data>[] = [];
  #entries = 0; // that were made, and whose last completion has not come
  #isWoken = false;

  /**
   * @param wake Called when another thread has woken the ring.
   * @throws {Deno.errors.NotSupported} When the kernel lacks io_uring, or forbids it.
   * @throws An OS error when there is no descriptor or memory left.
   */
  constructor(
    { entries, buffers, bufferSize }: { entries: number; buffers: number; bufferSize: number },
    readonly wake: () => void,
  ) {
    this.queues = new Queues(entries, Math.min(entries * 8, 65536));
    try {
      this.#buffers = new ReceiveBuffers(this.queues.fd, buffers, bufferSize);
      this.#argument = takeBlock(ARGUMENT_SIZE + c.timespec.size);
    } catch (error) {
      this.queues.close();
      throw error;
    }
    const { buffer } = this.#argument.view(0);
    this.#argumentBytes = new Uint8Array(buffer, 0, ARGUMENT_SIZE);
    c.io_uring_getevents_arg.write(this.#argumentBytes, {
      sigmask: 0n,
      sigmask_sz: 0,
      min_wait_usec: 0,
      ts: this.#argument.address + BigInt(ARGUMENT_SIZE),
    });
    this.#timespec = new Int32Array(buffer, ARGUMENT_SIZE, c.timespec.size / 4);
  }

  /** How many operations are under way. */
  get size(): number {
    return this.#states.length - 1 - this.#freeSlots.length;
  }

  /** Begins an operation: makes an entry for it, or queues it behind the send before it. */
  start(state: State<Data>): void {
    state.slot = this.#freeSlots.pop() ?? this.#states.length;
    this.#states[state.slot] = state;
    this.#users[state.fd] = (this.#users[state.fd] ?? 0) + 1;
    if (state.kind === "send") {
      const first = this.#sending[state.fd];
      if (first !== undefined) {
        (first.last ?? first).next = state;
        first.last = state;
        return;
      }
      this.#sending[state.fd] = state;
    }
    try {
      this.#submit(state);
    } catch (error) { // the queue is full, and the kernel takes nothing
      if (this.#sending[state.fd] === state) this.#sending[state.fd] = undefined;
      this.#forget(state);
      throw error;
    }
  }

  /** Cancels an operation. Returns its completion, if there is one at once. */
  cancel(state: State<Data>): RingCompletion<Data> | undefined {
    if (state.isCancelled || state.phase === "ended") return undefined;
    state.isCancelled = true;
    if (state.phase === "submitted") {
      this.#put(c.IORING_OP_ASYNC_CANCEL, state.slot);
      return undefined;
    }
    if (state.phase === "starved") this.#starved = this.#starved.filter((one) => one !== state);
    else this.#dequeue(state);
    return this.#end(state, -c.ECANCELED);
  }

  /** Cancels everything on a descriptor that is about to be closed. */
  closing(fd: number, found: RingCompletion<Data>[]): void {
    if (!(this.#users[fd]! > 0)) return;
    // What is queued still reaches the file, and nothing reaches the next one of this number.
    this.queues.enter(0, 0, null);
    for (let next = this.#sending[fd]?.next; next !== undefined; next = this.#sending[fd]?.next) {
      const completion = this.cancel(next);
      if (completion !== undefined) found.push(completion);
    }
    this.#orphan(fd);
    for (const state of this.#starved.filter((one) => one.fd === fd)) {
      found.push(this.cancel(state)!);
    }
    this.#put(
      c.IORING_OP_ASYNC_CANCEL,
      0,
      fd,
      c.IORING_ASYNC_CANCEL_FD | c.IORING_ASYNC_CANCEL_ALL,
    );
    this.queues.enter(0, 0, null);
  }

  /**
   * Submits what is queued, waits up to `timeout` milliseconds for a completion, and adds all that
   * there are to `found`.
   *
   * @throws An OS error when io_uring_enter(2) fails.
   */
  pass(timeout: number, found: RingCompletion<Data>[]): Pass {
    this.#feed();
    this.#buffers.provide();
    let argument: Uint8Array | null = null;
    let flags = c.IORING_ENTER_GETEVENTS;
    if (timeout > 0 && timeout !== Infinity) {
      const nanoseconds = Math.ceil(timeout * 1e6);
      const seconds = Math.floor(nanoseconds / 1e9);
      this.#timespec[0] = seconds;
      this.#timespec[1] = Math.floor(seconds / 2 ** 32);
      this.#timespec[2] = nanoseconds - seconds * 1e9;
      argument = this.#argumentBytes;
      flags |= c.IORING_ENTER_EXT_ARG;
    }
    const error = this.queues.enter(timeout > 0 ? 1 : 0, flags, argument);
    const isEmpty = !this.#harvest(found);
    if (this.#isWoken) {
      this.#isWoken = false;
      this.wake();
      return "woken";
    }
    // EBUSY: there were completions without room, and now there is some.
    if (error !== 0 && error !== c.ETIME && error !== c.EBUSY && !isInterruption(error)) {
      throw c.osError("io_uring_enter", this.queues.fd, error);
    }
    // A call that has submitted something does not tell that a signal came.
    return isEmpty && timeout > 0 ? "interrupted" : "looked";
  }

  /** Submits what is queued, and does not look what came of it. */
  flush(): void {
    this.queues.enter(0, 0, null);
  }

  /** Cancels everything, waits until the kernel uses no memory any more, and frees it. */
  close(): void {
    const { queues } = this;
    for (const slot of queues.withdraw()) {
      this.#entries--;
      if (slot !== CANCELLATION) this.#states[slot]!.phase = "queued";
    }
    for (let before = Infinity; this.#entries > 0;) {
      // One by one: the kernel looks through all operations for each that "any" matches.
      if (this.#entries >= before || before === Infinity) this.#cancelAll();
      before = this.#entries;
      this.#timespec.set([0, 0, DRAIN_PASS * 1e6, 0]);
      const flags = c.IORING_ENTER_GETEVENTS | c.IORING_ENTER_EXT_ARG;
      queues.enter(Math.min(this.#entries, DRAIN_BATCH), flags, this.#argumentBytes);
      while (queues.next()) this.#discard(queues.slot, queues.result, queues.flags);
      queues.advance();
    }
    for (const state of this.#states) state?.block?.drop();
    this.#states.length = 1;
    this.#freeSlots.length = 0;
    queues.close();
    this.#buffers.close();
    this.#argument.drop();
  }

  /** A completion's receive buffer is about to be sent. */
  lend(block: Block): void {
    if (block.home === this.#buffers) this.#buffers.lend();
  }

  /** Lets those receive that found no buffer, as many as there are buffers now. */
  #feed(): void {
    if (this.#starved.length === 0) return;
    if (this.#buffers.available === 0) this.#buffers.replaceLent();
    const fed = this.#starved.splice(0, this.#buffers.available);
    for (const state of fed) this.#submit(state);
  }

  #harvest(found: RingCompletion<Data>[]): boolean {
    const { queues } = this;
    let any = false;
    while (queues.next()) {
      any = true;
      const state = this.#states[queues.slot];
      const { result, flags } = queues;
      if ((flags & c.IORING_CQE_F_MORE) === 0) this.#entries--;
      if (state === undefined) continue; // a cancellation
      const isLast = (flags & c.IORING_CQE_F_MORE) === 0;
      switch (state.kind) {
        case "recv":
          this.#received(state, result, flags, found);
          break;
        case "send":
          this.#sent(state, result, found);
          break;
        case "accept":
        case "poll":
          this.#repeated(state, result, isLast, found);
          break;
        case "wake":
          this.#isWoken = true;
          if (isLast) this.#submit(state);
          break;
        case "read": {
          const { block } = state;
          state.block = undefined;
          found.push(this.#end(state, result, result > 0 ? block : (block!.drop(), undefined)));
          break;
        }
        default:
          found.push(this.#end(state, result));
      }
    }
    queues.advance();
    return any;
  }

  #received(
    state: State<Data>,
    result: number,
    flags: number,
    found: RingCompletion<Data>[],
  ): void {
    const hasBuffer = (flags & c.IORING_CQE_F_BUFFER) !== 0;
    const block = hasBuffer ? this.#buffers.take(flags >>> c.IORING_CQE_BUFFER_SHIFT) : undefined;
    if (result > 0) {
      const goesOn = (flags & c.IORING_CQE_F_MORE) !== 0;
      if (!goesOn && state.isCancelled) {
        found.push(this.#end(state, result, block));
        return;
      }
      found.push(new RingCompletion(state.data, result, true, "recv", block, state.fd));
      if (!goesOn) this.#submit(state);
      return;
    }
    block?.drop();
    if (result === -c.ENOBUFS && !state.isCancelled) {
      state.phase = "starved";
      this.#buffers.ranOut();
      this.#starved.push(state);
      return;
    }
    found.push(this.#end(state, result === -c.ENOBUFS ? -c.ECANCELED : result));
  }

  #sent(state: State<Data>, result: number, found: RingCompletion<Data>[]): void {
    if (result > 0 && state.done + result < state.size && !state.isOrphan && !state.isCancelled) {
      state.done += result;
      this.#submit(state);
      return;
    }
    const { fd, next, last, isOrphan } = state;
    const isWhole = result >= 0 && state.done + result >= state.size;
    const size = result < 0 ? result : isWhole || state.size === 0 ? state.size : -c.ECANCELED;
    found.push(this.#end(state, size));
    if (isOrphan) return;
    this.#sending[fd] = next;
    if (next === undefined) return;
    next.last = last === next ? undefined : last;
    this.#submit(next);
  }

  #repeated(
    state: State<Data>,
    result: number,
    isLast: boolean,
    found: RingCompletion<Data>[],
  ): void {
    const isAborted = state.kind === "accept" && result === -c.ECONNABORTED;
    if ((result < 0 && !isAborted) || (isLast && state.isCancelled)) {
      found.push(this.#end(state, isAborted ? -c.ECANCELED : this.#meaning(state, result)));
      return;
    }
    if (!isAborted) {
      const meaning = this.#meaning(state, result);
      found.push(
        new RingCompletion(state.data, meaning, true, SYSCALLS[state.kind], undefined, state.fd),
      );
    }
    if (isLast) this.#submit(state);
  }

  /** The result of accept() and poll() as the program gets it. */
  #meaning(state: State<Data>, result: number): number {
    if (result < 0) return result;
    if (state.kind === "poll") return eventsOf(result) & state.offset;
    // The number was free: what is under way on it concerns a file that was closed.
    this.#orphan(result);
    return result;
  }

  #orphan(fd: number): void {
    const first = this.#sending[fd];
    if (first === undefined) return;
    first.isOrphan = true;
    this.#sending[fd] = undefined;
  }

  /** The last completion of an operation. */
  #end(state: State<Data>, result: number, block?: Block): RingCompletion<Data> {
    this.#forget(state);
    return new RingCompletion(state.data, result, false, SYSCALLS[state.kind], block, state.fd);
  }

  #forget(state: State<Data>): void {
    const { block } = state;
    if (block !== undefined) {
      state.block = undefined;
      if (state.kind === "send" && block.home === this.#buffers) this.#buffers.takeBack();
      block.drop();
    }
    state.phase = "ended";
    this.#states[state.slot] = undefined;
    this.#freeSlots.push(state.slot);
    this.#users[state.fd]!--;
  }

  #dequeue(state: State<Data>): void {
    const first = this.#sending[state.fd]!;
    let before = first;
    while (before.next !== state) before = before.next!;
    before.next = state.next;
    if (first.last === state) first.last = before === first ? undefined : before;
  }

  /** Makes an entry of an operation. */
  #submit(state: State<Data>): void {
    const { queues } = this;
    if (queues.isFull) this.#makeRoom();
    const { fd, slot, block } = state;
    state.phase = "submitted";
    this.#entries++;
    switch (state.kind) {
      case "send": {
        const { done } = state;
        const address = block!.low + done;
        const low = address | 0;
        const high = block!.high + (done > 0 && (low >>> 0) < (block!.low >>> 0) ? 1 : 0);
        queues.put(c.IORING_OP_SEND, 0, 0, fd, 0, low, high, state.size - done, SEND_FLAGS, slot);
        return;
      }
      case "recv": {
        const flags = c.IOSQE_BUFFER_SELECT;
        queues.put(c.IORING_OP_RECV, flags, c.IORING_RECV_MULTISHOT, fd, 0, 0, 0, 0, 0, slot);
        return;
      }
      case "accept": {
        const flags = c.SOCK_CLOEXEC;
        queues.put(c.IORING_OP_ACCEPT, 0, c.IORING_ACCEPT_MULTISHOT, fd, 0, 0, 0, 0, flags, slot);
        return;
      }
      case "wake":
      case "poll": {
        const events = state.kind === "wake" ? c.POLLIN : pollEventsOf(state.offset);
        const multi = c.IORING_POLL_ADD_MULTI;
        queues.put(c.IORING_OP_POLL_ADD, 0, 0, fd, 0, 0, 0, multi, events, slot);
        return;
      }
      case "connect": {
        const { low, high } = block!;
        queues.put(c.IORING_OP_CONNECT, 0, 0, fd, state.size, low, high, 0, 0, slot);
        return;
      }
      case "read":
      case "write": {
        const opcode = state.kind === "read" ? c.IORING_OP_READ : c.IORING_OP_WRITE;
        const { low, high } = block!;
        queues.put(opcode, 0, 0, fd, state.offset, low, high, state.size, 0, slot);
      }
    }
  }

  /** Makes the entry of a cancellation. */
  #put(opcode: number, slot: number, fd = -1, flags = 0): void {
    if (this.queues.isFull) this.#makeRoom();
    this.#entries++;
    this.queues.put(opcode, 0, 0, fd, 0, slot, 0, 0, flags, CANCELLATION);
  }

  /** Submits, because the submission queue is full. */
  #makeRoom(): void {
    const error = this.queues.enter(0, 0, null);
    if (!this.queues.isFull) return;
    throw c.osError("io_uring_enter", this.queues.fd, error);
  }

  #cancelAll(): void {
    for (const state of this.#states) {
      if (state?.phase === "submitted") this.#put(c.IORING_OP_ASYNC_CANCEL, state.slot);
    }
  }

  /** A completion that comes after close(). */
  #discard(slot: number, result: number, flags: number): void {
    const isLast = (flags & c.IORING_CQE_F_MORE) === 0;
    if (isLast) this.#entries--;
    const state = this.#states[slot];
    if (state === undefined) return;
    if (isLast) state.phase = "ended";
    if (state.kind === "accept" && result >= 0) c.close(result);
    if ((flags & c.IORING_CQE_F_BUFFER) !== 0) {
      this.#buffers.take(flags >>> c.IORING_CQE_BUFFER_SHIFT).drop();
    }
  }
}
