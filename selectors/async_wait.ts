/**
 * A selector's wait on Deno's event loop: look, and where nothing is ready, park and look again.
 *
 * @module
 */

import { beginOperation, endOperation } from "../ffi/trace/operation.ts";
import type { Mechanism, Outcome } from "./mechanism.ts";
import type { Found } from "./registrations.ts";
import { Parking, reactor } from "./reactor.ts";
import { isTurnDue, turn } from "./turns.ts";

const SPURIOUS_PAUSE = 5; // milliseconds

/** The waits of one selector, of which one may be under way. */
export class AsyncWait {
  readonly #mechanism: Mechanism;
  readonly #release: () => void;
  #parking: Parking | undefined; // there while a wait is under way
  #lease: Disposable | undefined;
  #closed = false;

  /** `release` frees what the mechanism has, once no thread uses it any more. */
  constructor(mechanism: Mechanism, release: () => void) {
    this.#mechanism = mechanism;
    this.#release = release;
  }

  /** Whether a wait is under way. */
  get isUnderWay(): boolean {
    return this.#parking !== undefined;
  }

  /**
   * Adds at most `maxEvents` ready registrations to `found`; none at the deadline, after a wake-up,
   * and once closed.
   */
  async select(
    found: Found,
    maxEvents: number,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    this.#lease ??= reactor.lease();
    const abort = () => reactor.end(this.#parking!);
    this.#parking = new Parking(() => this.#mechanism.pollfds(), deadline);
    signal?.addEventListener("abort", abort);
    try {
      if (isTurnDue()) await turn();
      for (let looks = 0; !this.#closed; looks++) {
        // poll(2) may see what the mechanism passes over, such as a hang-up with select(2): do not
        // spin on it.
        if (looks > 2) await new Promise((resolve) => setTimeout(resolve, SPURIOUS_PAUSE));
        if (this.#closed) return;
        signal?.throwIfAborted();
        const outcome = this.#look(maxEvents, found);
        if (outcome === "woken" || found.events.length > 0 || performance.now() >= deadline) return;
        if (this.#closed) return; // by a sink of a tracing, which was called at the end of the look
        this.#parking = new Parking(() => this.#mechanism.pollfds(), deadline);
        await reactor.park(this.#parking);
      }
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#parking = undefined;
      if (this.#closed) this.#free();
    }
  }

  /**
   * The registrations are others now: poll(2) waits for those of before, unless the mechanism's own
   * descriptor stands for all.
   */
  refresh(): void {
    if (this.#parking !== undefined && !this.#mechanism.isPollable) reactor.wake();
  }

  /** Ends the wait that is under way, and frees all once its thread has returned. */
  close(): void {
    this.#closed = true;
    if (this.#parking === undefined) this.#free();
    else reactor.end(this.#parking);
  }

  #look(maxEvents: number, found: Found): Outcome {
    beginOperation();
    try {
      return this.#mechanism.wait(0, maxEvents, found);
    } finally {
      endOperation();
    }
  }

  #free(): void {
    this.#release();
    this.#lease?.[Symbol.dispose]();
  }
}
