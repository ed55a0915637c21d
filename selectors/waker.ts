/**
 * How one thread ends another's wait. On Linux an eventfd: a counter in the kernel that is readable
 * while it is not zero, so that one descriptor serves to wake (write) and to be woken (read).
 * eventfd(2) Elsewhere a pipe: what is written to one end makes the other readable. It serves every
 * mechanism alike, kqueue(2) with its EVFILT_USER included: a number that is posted to another
 * thread says nothing of a queue's library, and write(2) needs no more than the number. On Windows,
 * which polls nothing but sockets, two of those.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { platform } from "../ffi/platform.ts";
import { makeWakeable } from "../os/descriptor.ts";

// One is what write(2) adds to the counter; the length of 8 bytes is eventfd's. A pipe takes it as
// well as any other bytes.
const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);
const taken = new Uint8Array(512);

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
  #readable: number; // to read from: the same, but for a pipe

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
      [this.#readable, this.#fd] = makeWakeable();
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
   * The descriptor that is readable once woken; -1 once closed. So a waker is a file object too; a
   * handle of another waker is one only where the two are the same number, as on Linux.
   */
  fileno(): number {
    return this.#readable;
  }

  /**
   * Makes the wait that is under way, or else the next one, return at once. Several wake-ups before
   * it are one.
   *
   * @throws {Deno.errors.BadResource} When this waker, or the descriptor behind it, is closed.
   */
  wake(): void {
    if (this.#fd === -1) throw new Deno.errors.BadResource("The waker is closed");
    const result = platform.isWinsock
      ? c.send(this.#fd, ONE, 1, 0)
      : c.write(this.#fd, ONE, ONE.length);
    if (result !== -1) return;
    const error = c.errno();
    if (error === c.EAGAIN) return; // it is full of wake-ups that nobody has taken yet
    if (error === c.EINTR) return this.wake();
    // To Windows a closed socket is none.
    throw c.osError(
      platform.isWinsock ? "send" : "write",
      this.#fd,
      error === c.ENOTSOCK ? c.EBADF : error,
    );
  }

  /** Takes the wake-ups that have come, so that the descriptor is no longer readable. */
  drain(): void {
    if (this.#readable === -1) return;
    // A pipe may hold more wake-ups than one read takes, and TCP gives no more at once than has
    // arrived.
    if (platform.isWinsock) { while (c.recv(this.#readable, taken, taken.length, 0) > 0); }
    else {
      let count: number;
      do count = c.read(this.#readable, taken, taken.length); while (
        count === taken.length || (count === -1 && c.errno() === c.EINTR)
      );
    }
  }

  /** Closes the descriptor, if this waker made it. Twice is once. */
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
