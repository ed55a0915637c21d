/**
 * The waiters that poll(2) looks at before they are registered: once before the event loop turns,
 * and once after. While traffic is fast the look waits a little. This takes no descriptor of the
 * library's own and no registration, and most waits of fast traffic end with it.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { asLoop } from "../ffi/trace/trace.ts";
import { POLL_READ, POLL_WRITE, Pollfds } from "../os/pollfd.ts";
import { closedError, closingWatchers } from "./closing.ts";
import { isLongTurnDue, isTurnDue, longTurn, Patience, pollBriefly, shortTurn } from "./turns.ts";
import { EVENT_READ } from "./types.ts";
import type { Waiter } from "./waiters.ts";

// Milliseconds that Deno's I/O waits at most while traffic is fast: a program may wait for little
// else, so that there is time for it.
const LONGEST_RUN_WITHOUT_IO = 10;

const LIMIT = 32; // waiters that one poll(2) looks at
const STEP = Promise.resolve(); // its reactions run in the next step
const STEPS = 3; // in which others may do what makes a waiter ready

/** The waiters that poll(2) looks at. */
class Fresh {
  readonly patience = new Patience();
  readonly #waiters = new Set<Waiter>();
  readonly #fds = new Pollfds(LIMIT);
  readonly #batch: Waiter[] = []; // in the order of #fds, during a look
  #stepsLeft = 0; // until the look that comes before any turn of the event loop
  #isTurning = false;
  #isTurningLong = false;

  readonly #step = () => {
    if (--this.#stepsLeft > 0) void STEP.then(this.#step);
    else if (!isTurnDue() && !this.#isTurningLong) asLoop(() => this.#look()); // or after it
  };

  get hasRoom(): boolean {
    return this.#waiters.size < LIMIT;
  }

  add(waiter: Waiter): void {
    this.#waiters.add(waiter);
    if (!this.#isTurning) void this.#turn();
    if (this.#stepsLeft > 0) return;
    this.#stepsLeft = STEPS;
    void STEP.then(this.#step);
  }

  delete(waiter: Waiter): void {
    this.#waiters.delete(waiter);
  }

  rejectClosing(fd: number): void {
    if (this.#waiters.size === 0) return;
    for (const waiter of this.#waiters) if (waiter.fd === fd) waiter.reject(closedError(fd));
  }

  async #turn(): Promise<void> {
    this.#isTurning = true;
    while (this.#waiters.size > 0) {
      await asLoop(shortTurn);
      asLoop(() => this.#look());
      for (const waiter of this.#waiters) {
        if (waiter.isHot) continue;
        this.#waiters.delete(waiter);
        void asLoop(() => waiter.watch());
      }
      if (this.#waiters.size > 0 && isLongTurnDue(LONGEST_RUN_WITHOUT_IO)) await this.#turnLong();
    }
    this.#isTurning = false;
  }

  /** Resolves no waiter meanwhile: when the last wait ends, no call of this is left under way. */
  async #turnLong(): Promise<void> {
    this.#isTurningLong = true;
    await asLoop(longTurn);
    this.#isTurningLong = false;
    asLoop(() => this.#look());
  }

  /** Attempts for what is ready. */
  #look(): void {
    if (this.#waiters.size === 0) return;
    const fds = this.#fds;
    let count = 0;
    let isHot = false;
    for (const waiter of this.#waiters) {
      isHot ||= waiter.isHot;
      fds.put(count, waiter.fd, waiter.event === EVENT_READ ? POLL_READ : POLL_WRITE);
      this.#batch[count++] = waiter;
    }
    const found = isHot ? pollBriefly(fds.words, count) : c.poll(fds.words, count, 0);
    if (isHot && found > 0) this.patience.succeeded();
    if (isHot && found <= 0) this.#tire();
    if (found <= 0) return; // what fails here is left to the selector
    for (let i = 0; i < count; i++) {
      const revents = fds.revents(i);
      const waiter = this.#batch[i]!;
      if (revents === 0) continue;
      if (revents & c.POLLNVAL) waiter.reject(closedError(waiter.fd));
      else waiter.attempt();
    }
  }

  #tire(): void {
    this.patience.failed();
    for (const waiter of this.#waiters) waiter.tire();
  }
}

/** This thread's. */
export const fresh: Fresh = new Fresh();
closingWatchers.add((fd) => fresh.rejectClosing(fd));
