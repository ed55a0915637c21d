/**
 * The buffers that recv() receives into. The kernel takes one when bytes have arrived, so that idle
 * connections need none. They are handed to it in a ring of their own: io_uring_register(2),
 * IORING_REGISTER_PBUF_RING.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { registerBufferRing } from "../ffi/io_uring.ts";
import { Block, type Home, takeBlock } from "./memory.ts";

/** The group of the only buffers that a ring has. */
export const BUFFER_GROUP = 0;

const MOST = 2 ** 16; // a buffer's number has 16 bits
const MOST_PROVIDED = 2 ** 15; // entries of a ring of buffers
const PAGE = 65536; // bytes, at most
const FIRST_PROVIDED = 256; // buffers that the kernel is given at once, until it needs more
const WORD = 4;
const ENTRY_WORDS = c.io_uring_buf.size / WORD;
const ID_SHORT = c.io_uring_buf.offsets.bid / 2; // where the number is, in units of two bytes
const TAIL_SHORT = c.io_uring_buf_ring.offsets.tail / 2;

/** The receive buffers of one ring. */
export class ReceiveBuffers implements Home {
  readonly size: number;
  /** How many there are for receiving. */
  readonly #count: number;
  readonly #mask: number;
  readonly #ring: Block;
  readonly #words: Int32Array;
  readonly #shorts: Uint16Array;
  readonly #regions: Block[] = [];
  readonly #all: Block[] = [];
  readonly #free: Block[] = []; // and not handed to the kernel
  #provided = 0;
  #mostProvided = FIRST_PROVIDED;
  #tail = 0;
  #lent = 0;
  #isClosed = false;

  /** @throws An OS error when there is no memory left. */
  constructor(fd: number, count: number, size: number) {
    this.#count = count;
    this.size = size;
    let entries = 1;
    while (entries < count) entries *= 2;
    this.#mask = entries - 1;
    this.#ring = takeBlock(Math.max(entries * c.io_uring_buf.size, PAGE)); // it begins a page
    const { buffer } = this.#ring.view(entries * c.io_uring_buf.size);
    this.#words = new Int32Array(buffer);
    this.#shorts = new Uint16Array(buffer);
    this.#shorts[TAIL_SHORT] = 0;
    const { address } = this.#ring;
    if (registerBufferRing(fd, { address, entries, group: BUFFER_GROUP }) === -1) {
      const error = c.errno();
      this.#ring.drop();
      throw c.osError("io_uring_register", "IORING_REGISTER_PBUF_RING", error);
    }
    this.#add(count);
  }

  /** How many can be received into now. */
  get available(): number {
    return this.#provided + this.#free.length;
  }

  /** The buffer that the kernel has taken, with one user. */
  take(id: number): Block {
    this.#provided--;
    const block = this.#all[id]!;
    block.uses = 1;
    return block;
  }

  /** A buffer is about to be sent, and does not count as one for receiving until it comes back. */
  lend(): void {
    this.#lent++;
  }

  /** It has been sent. */
  takeBack(): void {
    this.#lent--;
  }

  /** A buffer that nobody uses any more. */
  give(block: Block): void {
    if (!this.#isClosed) this.#free.push(block);
  }

  /**
   * Adds as many as are waiting to be sent, so that one peer's slowness does not stop the others.
   */
  replaceLent(): void {
    const missing = this.#count - (this.#all.length - this.#lent);
    if (missing > 0) this.#add(Math.min(missing, MOST - this.#all.length));
  }

  /** The kernel had none left. */
  ranOut(): void {
    if (this.#mostProvided <= this.#mask) this.#mostProvided *= 2;
  }

  /**
   * Hands free buffers to the kernel: few at once, and the last used ones first, because the kernel
   * takes them in turn and a processor's cache holds few.
   */
  provide(): void {
    const free = this.#free;
    if (free.length === 0) return;
    const words = this.#words;
    const most = Math.min(this.#mostProvided, this.#mask + 1);
    while (free.length > 0 && this.#provided < most) {
      const block = free.pop()!;
      const at = (this.#tail & this.#mask) * ENTRY_WORDS;
      words[at] = block.low;
      words[at + 1] = block.high;
      words[at + 2] = this.size;
      this.#shorts[at * 2 + ID_SHORT] = block.id;
      this.#tail = (this.#tail + 1) & 0xffff;
      this.#provided++;
    }
    Atomics.store(this.#shorts, TAIL_SHORT, this.#tail);
  }

  /**
   * The memory is free again, also what the program still has views of. The kernel must be done.
   */
  close(): void {
    this.#isClosed = true;
    for (const block of this.#all) block.generation++;
    for (const block of [this.#ring, ...this.#regions]) block.drop();
  }

  #add(count: number): void {
    if (count <= 0) return;
    const region = takeBlock(count * this.size);
    this.#regions.push(region);
    for (let i = 0; i < count; i++) {
      const address = region.address + BigInt(i * this.size);
      const block = new Block(address, this.size, this, this.#all.length);
      this.#all.push(block);
      this.#free.push(block);
    }
  }
}

/** The most buffers that a ring can be asked for. */
export const MOST_BUFFERS: number = MOST_PROVIDED;
