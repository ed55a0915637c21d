/**
 * Memory that the kernel uses while the program goes on. It must not belong to JavaScript, which
 * moves and frees its own. So it is mapped with mmap(2), stays mapped while the process lives, and
 * goes back to this thread's pool when it is free: whatever a program does with an old view of it
 * reads or writes bytes that somebody else uses now, and nothing worse.
 *
 * @module
 */

import { byteLength } from "../ffi/arguments.ts";
import { mapAnonymous, viewAt } from "../ffi/mman.ts";

const SMALLEST = 256; // bytes of a block
const CHUNK = 2 ** 20; // bytes that are mapped at once, for blocks that are smaller
const LARGEST = 2 ** 31; // bytes: no call moves more

/** Where a block goes when nobody uses it any more. */
export interface Home {
  give(block: Block): void;
}

/** A piece of mapped memory. */
export class Block {
  /** The halves of its address, as signed 32-bit integers: for a submission queue entry. */
  readonly low: number;
  readonly high: number;
  /** How many use it: the program, and each operation that reads it. */
  uses = 0;
  /** How often it has become free: tells whether somebody still has it, or had it once. */
  generation = 0;
  #buffer: ArrayBuffer | undefined;

  /** @param id A number for its home. */
  constructor(
    readonly address: bigint,
    readonly size: number,
    readonly home: Home,
    readonly id: number,
  ) {
    this.low = Number(BigInt.asIntN(32, address));
    this.high = Number(BigInt.asIntN(32, address >> 32n));
  }

  /** A view of its first `length` bytes. Its buffer is the block and no more. */
  view(length: number): Uint8Array<ArrayBuffer> {
    // Whoever has a view can detach its buffer: then the memory gets another.
    if (this.#buffer === undefined || this.#buffer.detached) {
      this.#buffer = viewAt(this.address, this.size);
    }
    return new Uint8Array(this.#buffer, 0, length);
  }

  /** One user less. */
  drop(): void {
    if (--this.uses > 0) return;
    this.generation++;
    this.home.give(this);
  }
}

const freeBlocks = new Map<number, Block[]>(); // by size
const pool: Home = {
  give(block) {
    freeBlocks.get(block.size)!.push(block);
  },
};

/**
 * Takes memory from the thread's pool, with one user.
 *
 * @param size Bytes; the block may have more.
 * @throws {RangeError} When the size is larger than any call can move.
 * @throws An OS error when there is no memory left: ENOMEM.
 */
export function takeBlock(size: number): Block {
  if (size > LARGEST) throw new RangeError(`${size} bytes are more than one call can move`);
  let rounded = SMALLEST;
  while (rounded < size) rounded *= 2;
  let free = freeBlocks.get(rounded);
  if (free === undefined) freeBlocks.set(rounded, free = []);
  if (free.length === 0) {
    const length = Math.max(rounded, CHUNK);
    const start = mapAnonymous(length);
    for (let at = length - rounded; at >= 0; at -= rounded) {
      free.push(new Block(start + BigInt(at), rounded, pool, -1));
    }
  }
  const block = free.pop()!;
  block.uses = 1;
  return block;
}

/**
 * The bytes of a typed array, copied to mapped memory.
 *
 * @throws {TypeError} When it is not a Uint8Array.
 */
export function copyToBlock(bytes: Uint8Array): Block {
  if (!(bytes instanceof Uint8Array)) throw new TypeError("The bytes must be a Uint8Array");
  const length = byteLength(bytes);
  const block = takeBlock(length);
  if (length > 0) block.view(length).set(bytes);
  return block;
}
