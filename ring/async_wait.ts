/**
 * A ring's wait on Deno's event loop: its descriptor is readable when there are completions, so it
 * parks as a selector does.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { Parking, reactor } from "../selectors/reactor.ts";
import { isTurnDue, turn } from "../selectors/turns.ts";

/** How a look ended: with something to return, with nothing, or because the wait is over. */
export type Look = "found" | "nothing" | "over";

/** The waits of one ring, of which one may be under way. */
export class AsyncWait {
  readonly #look: () => Look;
  readonly #pollfds: Int32Array;
  #parking: Parking | undefined; // exists while a wait is under way
  #lease: Disposable | undefined;
  #isClosed = false;

  /** @param look Takes what there is, without waiting. */
  constructor(fd: number, look: () => Look) {
    this.#look = look;
    const pollfd = new Uint8Array(c.pollfd.size);
    c.pollfd.write(pollfd, { fd, events: c.POLLIN, revents: 0 });
    this.#pollfds = new Int32Array(pollfd.buffer);
  }

  /** Whether a wait is under way. */
  get isUnderWay(): boolean {
    return this.#parking !== undefined;
  }

  /** Looks until something is found, the deadline has come, or the ring is woken or closed. */
  async wait(deadline: number, signal: AbortSignal | undefined): Promise<void> {
    const abort = () => reactor.end(this.#parking!);
    signal?.addEventListener("abort", abort); // first: it may throw
    try {
      this.#parking = this.#nextParking(deadline);
      this.#lease ??= reactor.lease();
      await (isTurnDue() ? turn() : undefined);
      while (!this.#isClosed) {
        signal?.throwIfAborted();
        if (this.#look() !== "nothing" || performance.now() >= deadline) return;
        await reactor.park(this.#parking = this.#nextParking(deadline));
      }
    } finally {
      this.#parking = undefined;
      if (this.#isClosed) this.#free();
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Makes the wait that is under way look. */
  lookAgain(): void {
    if (this.#parking !== undefined) reactor.end(this.#parking);
  }

  /** Ends the wait that is under way. */
  close(): void {
    this.#isClosed = true;
    if (this.#parking === undefined) this.#free();
    else reactor.end(this.#parking);
  }

  #nextParking(deadline: number): Parking {
    return new Parking(() => this.#pollfds.slice(), deadline);
  }

  #free(): void {
    this.#lease?.[Symbol.dispose]();
    this.#lease = undefined;
  }
}
