/**
 * struct pollfd, and the event bits of poll(2) on each platform. WSAPoll() refuses POLLPRI; urgent
 * data is POLLRDBAND there, which is a part of its POLLIN. WSAPoll() reports POLLHUP when the peer
 * has shut down its writing half: elsewhere POLLHUP means that both directions are closed.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { platform } from "../ffi/platform.ts";

/** The events to ask for: input, output, urgent data. */
export const POLL_READ: number = platform.isWinsock ? c.POLLRDNORM : c.POLLIN;
export const POLL_WRITE: number = c.POLLOUT;
export const POLL_PRIORITY: number = platform.isWinsock ? c.POLLRDBAND : c.POLLPRI;
/** The peer has closed its end or its writing half; 0 where poll(2) cannot be asked for that. */
export const POLL_HANGUP: number = c.POLLRDHUP;

/** The reported events that mean readable, writable, urgent data and hung up. */
export const IS_READABLE: number = POLL_READ | c.POLLHUP | c.POLLERR;
export const IS_WRITABLE: number = POLL_WRITE | c.POLLERR | (platform.isWinsock ? 0 : c.POLLHUP);
export const IS_URGENT: number = POLL_PRIORITY;
export const IS_HUNG_UP: number = POLL_HANGUP | c.POLLHUP | c.POLLERR;

// A struct pollfd is 32-bit words: the descriptor first (on Windows its lower half), and one with
// `events` in the lower and `revents` in the upper half.
const WORDS = c.pollfd.size / 4;
const EVENTS = c.pollfd.offsets.events / 4;
const REVENTS_SHIFT = 16;

/** What poll(2) has reported of the struct at `index` of `words`. */
export function reventsOf(words: Int32Array, index: number): number {
  return words[index * WORDS + EVENTS]! >>> REVENTS_SHIFT;
}

/** An array of struct pollfds, which grows. */
export class Pollfds {
  #words: Int32Array;

  /** An array with room for so many structs. */
  constructor(capacity: number) {
    this.#words = new Int32Array(capacity * WORDS);
  }

  /** Sets the struct at `index`. */
  put(index: number, fd: number, events: number): void {
    if (this.#words.length < (index + 1) * WORDS) this.#grow(index + 1);
    this.#words[index * WORDS] = fd;
    this.#words[index * WORDS + EVENTS] = events;
  }

  /** Copies a struct to another index. */
  copy(from: number, to: number): void {
    this.#words.copyWithin(to * WORDS, from * WORDS, (from + 1) * WORDS);
  }

  /** What the last poll(2) reported of the struct at `index`. */
  revents(index: number): number {
    return reventsOf(this.#words, index);
  }

  /** The memory, for poll(2). It is another one after the array has grown. */
  get words(): Int32Array {
    return this.#words;
  }

  /** The first `length` structs, in the same memory. */
  head(length: number): Int32Array {
    return this.#words.subarray(0, length * WORDS);
  }

  #grow(capacity: number): void {
    const grown = new Int32Array(Math.max(this.#words.length * 2, capacity * WORDS));
    grown.set(this.#words);
    this.#words = grown;
  }
}
