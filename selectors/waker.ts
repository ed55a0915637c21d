/**
 * How one thread ends another's wait. It serves every mechanism alike; kqueue(2) with its
 * EVFILT_USER too, because another thread has only a number, and write(2) needs no more than that.
 *
 * @module
 */

import { openWakeupPair, readWakeups, writeWakeup } from "../os/wakeup.ts";
import * as c from "../ffi/mod.ts";
import { showWaker } from "./inspect.ts";

/**
 * Ends a wait from anywhere: a selector's own `waker`, or one that is registered like any file
 * object.
 *
 * @example Waking a selector from a Worker
 * ```ts
 * import { DefaultSelector, Waker } from "@syscall/selectors";
 *
 * using selector = new DefaultSelector();
 * const fd = selector.waker.fd; // a number: post it to a Worker, and there:
 * new Waker(fd).wake();
 * console.log(selector.select()); // [], at once
 * ```
 */
export class Waker implements Disposable {
  readonly #owned: boolean;
  #fd: number; // to write to
  #readable: number; // to read from: the same one on Linux

  /**
   * A new waker, or a handle of another.
   *
   * @param fd Another waker's `fd`, perhaps of another thread, which `close()` then leaves alone.
   * Default: a new one.
   * @throws {TypeError} When `fd` is not a number.
   * @throws {RangeError} When `fd` cannot be a descriptor.
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   * @throws An OS error when there are no descriptors left (EMFILE, ENFILE).
   */
  constructor(fd?: number) {
    this.#owned = fd === undefined;
    if (fd === undefined) {
      [this.#readable, this.#fd] = openWakeupPair();
      return;
    }
    if (typeof fd !== "number") throw new TypeError("A waker's fd must be a number");
    if ((fd | 0) !== fd || fd < 0) {
      throw new RangeError(`A waker's fd must be a descriptor, not ${fd}`);
    }
    this.#fd = this.#readable = fd;
  }

  /** The number to post to another thread, for `new Waker(fd)` there; -1 once closed. */
  get fd(): number {
    return this.#fd;
  }

  /**
   * The descriptor that is readable once woken; -1 once closed. So a waker can be registered like
   * any file object. A handle made from `fd` can be registered only where one descriptor does both,
   * on Linux.
   */
  fileno(): number {
    return this.#readable;
  }

  /**
   * Makes the wait that is under way, or else the next one, return at once. Several wake-ups before
   * it count as one.
   *
   * @throws {Deno.errors.BadResource} When this waker, or the descriptor behind it, is closed.
   */
  wake(): void {
    if (this.#fd === -1) throw new Deno.errors.BadResource("The waker is closed");
    writeWakeup(this.#fd);
  }

  /** Reads the wake-ups that have arrived, so that the descriptor is no longer readable. */
  drain(): void {
    if (this.#readable !== -1) readWakeups(this.#readable);
  }

  /** Closes the descriptor, if this waker made it. Calling it again has no effect. */
  close(): void {
    if (this.#owned && this.#fd !== -1) {
      c.close(this.#fd);
      if (this.#readable !== this.#fd) c.close(this.#readable);
    }
    this.#fd = this.#readable = -1;
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

showWaker(Waker.prototype);
