/**
 * The results of operations.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import type { Block } from "./memory.ts";

/** One result of an operation. `using` it, or release(), gives its memory back to the ring. */
export interface Completion<Data = undefined> extends Disposable {
  /** What was given along with the operation. */
  readonly data: Data;
  /**
   * What the syscall would have returned: a number of bytes, a descriptor, 0; for poll() the events
   * that are ready; -1 on failure.
   */
  readonly result: number;
  /** Why it failed; null when it succeeded. */
  readonly error: c.OsError | null;
  /**
   * What was received or read: a view of the ring's own memory, valid until release(). Later the
   * same memory holds other bytes. Empty for the other operations.
   */
  readonly bytes: Uint8Array;
  /**
   * Whether more completions of the same operation follow: accept(), recv() and poll() go on until
   * they are cancelled or fail.
   */
  readonly more: boolean;
  /** Gives the memory back. Calling it again has no effect. The same as disposal. */
  release(): void;
}

/** The memory of a completion, one user more; undefined for one that has none, or is released. */
export let shareBlock: (completion: object) => Block | undefined;
/** Whether it is a completion of a ring: of any one, on this thread. */
export let isCompletion: (value: unknown) => value is Completion<unknown>;
/** The number of bytes of a completion. */
export let sizeOf: (completion: object) => number;
/** Whether the result is a descriptor, which somebody must close. */
export let isConnection: (completion: object) => boolean;

const NOTHING = new Uint8Array(0);

/** A completion, as rings make them. */
export class RingCompletion<Data> implements Completion<Data> {
  static {
    isCompletion = (value): value is Completion<unknown> => {
      return typeof value === "object" && value !== null && #block in value;
    };
    shareBlock = (completion) => {
      const one = completion as RingCompletion<unknown>;
      const block = one.#block;
      if (block === undefined || block.generation !== one.#generation) return undefined;
      if (one.#isHeld) one.#isHeld = false; // the program's use becomes the taker's
      else block.uses++;
      return block;
    };
    sizeOf = (completion) => (completion as RingCompletion<unknown>).#size;
    isConnection = (completion) => {
      const one = completion as RingCompletion<unknown>;
      return one.#syscall === "accept4" && one.result >= 0;
    };
  }

  readonly data: Data;
  readonly result: number;
  readonly more: boolean;
  readonly #syscall: string;
  readonly #fd: number;
  readonly #errno: number;
  readonly #block: Block | undefined;
  readonly #size: number;
  readonly #generation: number;
  #isHeld: boolean; // by the program
  #error: c.OsError | undefined;
  #bytes: Uint8Array | undefined;

  /**
   * @param result What the kernel reported: a negative errno on failure.
   * @param block What was received or read, with a use that becomes the program's.
   */
  constructor(
    data: Data,
    result: number,
    more: boolean,
    syscall: string,
    block: Block | undefined,
    fd: number,
  ) {
    this.data = data;
    this.result = result < 0 ? -1 : result;
    this.more = more;
    this.#syscall = syscall;
    this.#fd = fd;
    this.#errno = result < 0 ? -result : 0;
    this.#block = block;
    this.#size = block === undefined ? 0 : result;
    this.#generation = block === undefined ? 0 : block.generation;
    this.#isHeld = block !== undefined;
  }

  get error(): c.OsError | null {
    if (this.#errno === 0) return null;
    return this.#error ??= c.osError(this.#syscall, this.#fd, this.#errno);
  }

  get bytes(): Uint8Array {
    if (this.#bytes !== undefined) return this.#bytes;
    const block = this.#block;
    if (block === undefined || block.generation !== this.#generation) return NOTHING;
    return this.#bytes = block.view(this.#size);
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#block!.drop();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
