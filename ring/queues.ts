/**
 * The two rings that a program shares with the kernel: it writes what is to be done into the
 * submission queue and moves the tail; the kernel writes what was done into the completion queue
 * and moves its tail. io_uring_enter(2) is the one call for both. io_uring(7)
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { mapRing, retire, viewAt } from "../ffi/mman.ts";
import { setUp } from "./support.ts";

const WORD = 4; // bytes: everything here is 32-bit words
const SQE_WORDS = c.io_uring_sqe.size / WORD;
const CQE_WORDS = c.io_uring_cqe.size / WORD;
const NONE = new Int32Array(0);

/** The rings of one io_uring. */
export class Queues {
  /** The descriptor; -1 once closed. */
  fd: number;
  /** What {@linkcode next} has read. */
  slot = 0;
  result = 0;
  flags = 0;

  readonly #params: c.IoUringParams;
  readonly #mapped: { address: bigint; size: number }[] = [];
  #ring = NONE;
  #sqes = NONE;
  #sqMask = 0;
  #sqHead = 0;
  #sqTail = 0;
  #cqMask = 0;
  #cqHead = 0;
  #cqTail = 0;
  #cqFlags = 0;
  #cqes = 0;
  #tail = 0; // of the submission queue, which the kernel does not know yet
  #head = 0; // of the completion queue

  /**
   * @throws {Deno.errors.NotSupported} When the kernel lacks io_uring, or forbids it.
   * @throws An OS error when there is no descriptor or memory left.
   */
  constructor(entries: number, completions: number) {
    const { fd, params } = setUp(entries, completions);
    this.fd = fd;
    this.#params = params;
    try {
      this.#map();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** How many entries are queued and not submitted. */
  get unsubmitted(): number {
    return (this.#tail - Atomics.load(this.#ring, this.#sqHead)) | 0;
  }

  /** Whether the kernel must submit before another entry fits. */
  get isFull(): boolean {
    return this.unsubmitted >= this.#params.sq_entries;
  }

  /** Queues an entry; there must be room. */
  put(
    opcode: number,
    flags: number,
    ioprio: number,
    fd: number,
    offset: number,
    low: number,
    high: number,
    length: number,
    operationFlags: number,
    slot: number,
  ): void {
    const sqes = this.#sqes;
    const at = (this.#tail & this.#sqMask) * SQE_WORDS;
    sqes[at] = opcode | flags << 8 | ioprio << 16;
    sqes[at + 1] = fd;
    sqes[at + 2] = offset; // a double's worth of an offset is split in two
    sqes[at + 3] = Math.floor(offset / 2 ** 32);
    sqes[at + 4] = low;
    sqes[at + 5] = high;
    sqes[at + 6] = length;
    sqes[at + 7] = operationFlags;
    sqes[at + 8] = slot;
    sqes[at + 9] = 0;
    sqes[at + 10] = 0;
    sqes[at + 11] = 0;
    sqes[at + 12] = 0;
    sqes[at + 13] = 0;
    sqes[at + 14] = 0;
    sqes[at + 15] = 0;
    this.#tail = (this.#tail + 1) | 0;
  }

  /**
   * io_uring_enter(2): submits what is queued, and waits for `completions`.
   *
   * @param argument With a timeout, a struct io_uring_getevents_arg.
   * @returns 0, or the errno.
   */
  enter(completions: number, flags: number, argument: Uint8Array | null): number {
    Atomics.store(this.#ring, this.#sqTail, this.#tail);
    const size = argument === null ? 0 : c.io_uring_getevents_arg.size;
    const count = this.unsubmitted;
    return c.io_uring_enter(this.fd, count, completions, flags, argument, size) === -1
      ? c.errno()
      : 0;
  }

  /** Takes the next completion; false when there is none. */
  next(): boolean {
    const ring = this.#ring;
    const head = this.#head;
    if (head === Atomics.load(ring, this.#cqTail)) return false;
    const at = this.#cqes + (head & this.#cqMask) * CQE_WORDS;
    this.slot = ring[at]!;
    this.result = ring[at + 2]!;
    this.flags = ring[at + 3]!;
    this.#head = (head + 1) | 0;
    return true;
  }

  /** Lets the kernel reuse the entries of the completions that were taken. */
  advance(): void {
    Atomics.store(this.#ring, this.#cqHead, this.#head);
  }

  /**
   * Makes the kernel signal an eventfd(2) when there is something to enter for; only while
   * `isSignalling`. With IORING_SETUP_DEFER_TASKRUN the kernel does not wake a thread that is in
   * poll(2) on the descriptor of the ring.
   */
  registerEventfd(eventfd: number): void {
    this.isSignalling = false;
    const argument = new Int32Array([eventfd]);
    if (c.io_uring_register(this.fd, c.IORING_REGISTER_EVENTFD, argument, 1) === -1) {
      throw c.osError("io_uring_register", "IORING_REGISTER_EVENTFD");
    }
  }

  /** Whether the eventfd is signalled: not while somebody looks anyway. */
  set isSignalling(isSignalling: boolean) {
    const flags = isSignalling ? 0 : c.IORING_CQ_EVENTFD_DISABLED;
    if (this.fd !== -1) Atomics.store(this.#ring, this.#cqFlags, flags);
  }

  /** Takes back what is queued and not submitted, and returns the slots of it. */
  withdraw(): number[] {
    const slots: number[] = [];
    for (let count = this.unsubmitted; count > 0; count--) {
      this.#tail = (this.#tail - 1) | 0;
      slots.push(this.#sqes[(this.#tail & this.#sqMask) * SQE_WORDS + 8]!);
    }
    return slots;
  }

  /** Closes the descriptor. The memory of the rings is the kernel's again, and its address ours. */
  close(): void {
    if (this.fd !== -1) c.close(this.fd);
    this.fd = -1;
    this.#ring = this.#sqes = NONE;
    for (const { address, size } of this.#mapped.splice(0)) retire(address, size);
  }

  #map(): void {
    const { sq_entries, cq_entries, sq_off, cq_off } = this.#params;
    const size = Math.max(
      sq_off.array + sq_entries * WORD,
      cq_off.cqes + cq_entries * c.io_uring_cqe.size,
    );
    // IORING_FEAT_SINGLE_MMAP: both rings are in one mapping. Linux 5.4
    this.#ring = this.#mapAt(c.IORING_OFF_SQ_RING, size);
    this.#sqes = this.#mapAt(c.IORING_OFF_SQES, sq_entries * c.io_uring_sqe.size);
    const ring = this.#ring;
    this.#sqMask = ring[sq_off.ring_mask / WORD]!;
    this.#sqHead = sq_off.head / WORD;
    this.#sqTail = sq_off.tail / WORD;
    this.#cqMask = ring[cq_off.ring_mask / WORD]!;
    this.#cqHead = cq_off.head / WORD;
    this.#cqTail = cq_off.tail / WORD;
    this.#cqFlags = cq_off.flags / WORD;
    this.#cqes = cq_off.cqes / WORD;
    // Entries are submitted in the order of their places.
    for (let i = 0; i < sq_entries; i++) ring[sq_off.array / WORD + i] = i;
  }

  #mapAt(offset: number, size: number): Int32Array<ArrayBuffer> {
    const address = mapRing(this.fd, offset, size);
    this.#mapped.push({ address, size });
    return new Int32Array(viewAt(address, size));
  }
}
