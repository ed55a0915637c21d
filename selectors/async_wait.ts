/**
 * A wait of a selector on Deno's event loop.
 *
 * @module
 */

import { beginOperation, endOperation } from "../ffi/trace/operation.ts";
import { checkMaxEvents, checkOptions, checkTimeout } from "./arguments.ts";
import { closingWatchers } from "./closing.ts";
import type { Mechanism, Outcome } from "./mechanism.ts";
import { Found, type Registration, type Registrations } from "./registrations.ts";
import { Parking, reactor } from "./reactor.ts";
import type { FileObject, ReadyEvent } from "./types.ts";
import { isTurnDue, turn } from "./turns.ts";
import type { Waker } from "./waker.ts";

// In milliseconds.
const SPURIOUS_PAUSE = 5;
const LONGEST_CALL = 1000; // where a thread waits for the registered descriptors themselves

/** The waits of one selector, of which one may be under way. */
export class AsyncWait<Data, File extends FileObject> {
  readonly #name: string;
  readonly #mechanism: Mechanism;
  readonly #registrations: Registrations<Data, File>;
  readonly #waker: Waker;
  #parking: Parking | undefined; // exists while a wait is under way
  #lease: Disposable | undefined;
  #closed = false;

  /**
   * The waits of a selector, whose mechanism and waker it closes once no wait uses them any more.
   */
  constructor(
    name: string,
    mechanism: Mechanism,
    registrations: Registrations<Data, File>,
    waker: Waker,
  ) {
    this.#name = name;
    this.#mechanism = mechanism;
    this.#registrations = registrations;
    this.#waker = waker;
  }

  /** Whether a wait is under way. */
  get isUnderWay(): boolean {
    return this.#parking !== undefined;
  }

  /** The wait of selectAsync(). */
  async select(
    options: { timeout?: number | null; signal?: AbortSignal; maxEvents?: number },
  ): Promise<Found<Data, File>> {
    checkOptions(options);
    const { signal } = options;
    const limit = checkTimeout(options.timeout);
    const maxEvents = checkMaxEvents(options.maxEvents);
    signal?.throwIfAborted();
    if (this.#closed) throw new Deno.errors.BadResource(`The ${this.#name} is closed`);
    if (this.isUnderWay) throw new Deno.errors.Busy(`The ${this.#name} is already waiting`);
    const found = new Found<Data, File>([]);
    await this.#wait(found, maxEvents, performance.now() + limit, signal);
    return found;
  }

  /**
   * The ready events, for ever, until close(). If the caller leaves in the middle of a batch, the
   * next wait reports the rest.
   */
  async *events(): AsyncGenerator<ReadyEvent<Data, File>, void, undefined> {
    while (!this.#closed) {
      const found = await this.select({});
      const registrations = found.registrations!;
      let next = 0;
      try {
        while (next < registrations.length) {
          const registration = registrations[next]!;
          const events = found.events[next++]![1] & registration.events;
          if (events === 0 || !this.#registrations.has(registration)) continue;
          yield registration.ready(events);
        }
      } finally {
        for (const registration of registrations.slice(next)) this.#rearm(registration);
      }
    }
  }

  /**
   * The registrations have changed. The call that is under way waits for the old ones, unless it
   * waits for the descriptor of the mechanism.
   */
  refresh(): void {
    if (this.#parking !== undefined && !this.#mechanism.isPollable) reactor.wake();
  }

  /** Ends the wait that is under way, and frees everything once it has ended. */
  close(): void {
    this.#closed = true;
    if (this.#parking === undefined) this.#free();
    else reactor.end(this.#parking);
  }

  /**
   * Looks, and where nothing is ready, parks and looks again. Adds at most `maxEvents` ready
   * registrations to `found`; none at the deadline, after a wake-up, and once closed.
   */
  async #wait(
    found: Found<Data, File>,
    maxEvents: number,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const abort = () => reactor.end(this.#parking!);
    signal?.addEventListener("abort", abort); // first: it may throw
    const closing = (fd: number) => {
      if (this.#registrations.byFd[fd] !== undefined) reactor.wake();
    };
    try {
      this.#parking = this.#nextParking(deadline);
      if (!this.#mechanism.isPollable) closingWatchers.add(closing);
      // What the caller does in the same step counts: it may unregister something.
      await (isTurnDue() ? turn() : undefined);
      if (this.#closed) return;
      this.#lease ??= reactor.lease((fd) => this.#registrations.byFd[fd] !== undefined);
      for (let looks = 0; !this.#closed; looks++) {
        // poll(2) may see what the mechanism ignores, such as a hang-up with select(2).
        if (looks > 2) await new Promise((resolve) => setTimeout(resolve, SPURIOUS_PAUSE));
        if (this.#closed) return;
        signal?.throwIfAborted();
        const outcome = this.#look(maxEvents, found);
        if (outcome === "woken" || found.events.length > 0 || performance.now() >= deadline) return;
        if (this.#closed) return; // by a sink of a tracing, which was called at the end of the look
        await reactor.park(this.#parking = this.#nextParking(deadline));
      }
    } finally {
      this.#parking = undefined;
      closingWatchers.delete(closing);
      if (this.#closed) this.#free();
      signal?.removeEventListener("abort", abort);
    }
  }

  #look(maxEvents: number, found: Found): Outcome {
    beginOperation();
    try {
      return this.#mechanism.wait(0, maxEvents, found);
    } finally {
      endOperation();
    }
  }

  /** Re-arms an event that was found but not delivered. */
  #rearm(registration: Registration<Data, File>): void {
    if (registration.mode === "level" || !this.#registrations.has(registration)) return;
    registration.armed = true;
    this.#mechanism.rearm(registration);
  }

  #nextParking(deadline: number): Parking {
    const pollfds = () => this.#mechanism.pollfds();
    return this.#mechanism.isPollable
      ? new Parking(pollfds, deadline)
      : new Parking(pollfds, deadline, LONGEST_CALL);
  }

  #free(): void {
    this.#mechanism.close();
    this.#waker.close();
    this.#lease?.[Symbol.dispose]();
    this.#lease = undefined;
  }
}
