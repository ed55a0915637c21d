/**
 * Arrays of struct kevent. `udata` carries a number of the caller's, its generation. Filters and
 * flags fit in 16 bits on NetBSD too, where they have 32.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";

// The fields of struct kevent in arrays of 32-bit words, and of halves of them.
const WORDS = c.kevent.size / 4;
const HALVES = c.kevent.size / 2;
const FD = c.kevent.offsets.ident / 4;
const FFLAGS = c.kevent.offsets.fflags / 4;
const DATA = c.kevent.offsets.data / 4;
const GENERATION = c.kevent.offsets.udata / 4;
const FILTER = c.kevent.offsets.filter / 2;
const FLAGS = c.kevent.offsets.flags / 2;

/** An array of struct kevents. */
export class Kevents {
  /** How many structs it has. */
  readonly length: number;
  /** Its memory, for kevent(2). */
  readonly words: Int32Array;
  readonly #halves: Int16Array;

  /** An array of so many structs. */
  constructor(length: number) {
    const buffer = new ArrayBuffer(length * c.kevent.size);
    this.length = length;
    this.words = new Int32Array(buffer);
    this.#halves = new Int16Array(buffer);
  }

  /** Sets a struct. `data` and `fflags` are the filter's own. */
  put(
    index: number,
    fd: number,
    filter: number,
    flags: number,
    generation: number,
    fflags: number = 0,
    data: number = 0,
  ): void {
    this.words[index * WORDS + FD] = fd;
    this.#halves[index * HALVES + FILTER] = filter;
    this.#halves[index * HALVES + FLAGS] = flags;
    this.words[index * WORDS + FFLAGS] = fflags;
    this.words[index * WORDS + DATA] = data;
    this.words[index * WORDS + GENERATION] = generation;
  }

  /** The descriptor of a struct. */
  fd(index: number): number {
    return this.words[index * WORDS + FD]!;
  }

  /** The filter of a struct. */
  filter(index: number): number {
    return this.#halves[index * HALVES + FILTER]!;
  }

  /** The flags of a struct. */
  flags(index: number): number {
    return this.#halves[index * HALVES + FLAGS]!;
  }

  /** The generation of a struct. */
  generation(index: number): number {
    return this.words[index * WORDS + GENERATION]!;
  }

  /** `data` of a struct as an int: the error of a change that EV_RECEIPT asked about, or 0. */
  error(index: number): number {
    return this.words[index * WORDS + DATA]!;
  }
}
