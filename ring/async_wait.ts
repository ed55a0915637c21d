/**
 * A ring's wait on Deno's event loop. It parks as a selector does, on an eventfd that the kernel
 * signals when there is something to look for.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { asOperation } from "../ffi/trace/operation.ts";
import { Parking, reactor } from "../selectors/reactor.ts";
import { isTurnDue, turn } from "../selectors/turns.ts";
import { Waker } from "../selectors/waker.ts";
import type { Queues } from "./queues.ts";

/** How a look ended: with something to return, with nothing, or because the wait is over. */
export type Look = "found" | "nothing" | "over";

/** The waits of one ring, of which one may be under way. */
export class AsyncWait {
  readonly #queues: Queues;
  readonly #look: () => Look;
  readonly #signal = new Waker(); // an eventfd
  readonly #pollfds: Int32Array;
  #parking: Parking | undefined; // exists while a wait is under way
  #lease: Disposable | undefined;
  #isClosed = false;

  /**
   * @param look Takes what there is, without waiting.
   * @throws An OS error when there is no descriptor left: EMFILE.
   */
  constructor(queues: Queues, look: () => Look) {
    this.#queues = queues;
    this.#look = look;
    try {
      queues.registerEventfd(this.#signal.fd);
    } catch (error) {
      this.#signal.close();
      throw error;
    }
    // The ring's own descriptor shows what came before the eventfd was asked for.
    const pollfds = new Uint8Array(2 * c.pollfd.size);
    [this.#signal.fd, queues.fd].forEach((fd, i) => {
      c.pollfd.write(pollfds, { fd, events: c.POLLIN, revents: 0 }, i * c.pollfd.size);
    });
    this.#pollfds = new Int32Array(pollfds.buffer);
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
        if (asOperation(this.#look) !== "nothing" || performance.now() >= deadline) return;
        if (this.#isClosed) return; // by a sink of a tracing, which was called after the look
        await this.#park(deadline);
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

  async #park(deadline: number): Promise<void> {
    this.#queues.isSignalling = true;
    try {
      await reactor.park(this.#parking = this.#nextParking(deadline));
    } finally {
      this.#queues.isSignalling = false;
      this.#signal.drain();
    }
  }

  #nextParking(deadline: number): Parking {
    return new Parking(() => this.#pollfds.slice(), deadline);
  }

  #free(): void {
    this.#signal.close();
    this.#lease?.[Symbol.dispose]();
    this.#lease = undefined;
  }
}
