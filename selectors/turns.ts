/**
 * Turns of Deno's event loop. The loop does not turn while promises alone are resolved, so a
 * program whose descriptors are always ready would never run its timers, its I/O and its signal
 * listeners.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import * as c from "../ffi/mod.ts";

// In milliseconds: how long timers may wait for a turn, and how long I/O and signals may, which are
// served only when the loop waits for a call of another thread or for a timer.
const LONGEST_RUN = 5;
const LONGEST_RUN_WITHOUT_IO = 25;
const POOL_LIMIT = 50; // milliseconds after which the thread pool counts as full

const NO_FDS = new Int32Array(0);

/** pool: all its threads are busy as long as a call of turn() has not come back. */
const loop = { lastTurn: 0, lastIo: 0, pool: "free" as "free" | "asked" };

/** Whether the event loop has not turned for some milliseconds. */
export function isTurnDue(): boolean {
  return performance.now() - loop.lastTurn > LONGEST_RUN;
}

/** Whether I/O and signals have not been served for so many milliseconds. */
export function isLongTurnDue(limit: number): boolean {
  return performance.now() - loop.lastIo > limit;
}

/** Lets the event loop turn: timers run, and I/O and signals every 25 milliseconds. */
export function turn(): Promise<void> {
  return isLongTurnDue(LONGEST_RUN_WITHOUT_IO) ? longTurn() : shortTurn();
}

/** Whether a call of turn() has not come back from the thread pool. */
export function isPoolAsked(): boolean {
  return loop.pool === "asked";
}

/** Lets timers run. */
export async function shortTurn(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  loop.lastTurn = performance.now();
}

/** Notes that the event loop has turned, because a call of another thread has come back. */
export function turned(): void {
  loop.lastTurn = loop.lastIo = performance.now();
}

/** Lets timers run, and I/O and signals too. */
export async function longTurn(): Promise<void> {
  // A timer makes the loop wait as well, but for 2 milliseconds at least.
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, loop.pool === "free" ? POOL_LIMIT : 0);
  if (loop.pool === "free") {
    loop.pool = "asked";
    c.poll_nonblocking(NO_FDS, 0, 0).then(() => {
      loop.pool = "free";
      resolve();
    }, () => loop.pool = "free"); // without permission for FFI the timer ends the turn
  }
  await promise;
  clearTimeout(timer);
  turned();
}

// Where a look can wait this long, in nanoseconds, it gives the processor to the peer. Elsewhere it
// is repeated for some turns, which takes about as long.
const BRIEFLY = 200_000;
const TURNS_WITHOUT_PPOLL = 32;

const QUICK = 1; // milliseconds
const QUICK_WAITS = 3; // in a row, after which traffic counts as fast
const FAILURES = 4; // in a row, after which looking again seems to be of no use
const REST = 32; // waits that do not look again then, before one does

const timespec = new Uint8Array(c.timespec.size);
c.timespec.write(timespec, { tv_sec: 0, tv_nsec: BRIEFLY });

/** As poll(2) with timeout 0, but it waits for 200 microseconds where it can. */
export function pollBriefly(fds: Int32Array, count: number): number {
  return c.has_ppoll() ? c.ppoll(fds, count, timespec) : c.poll(fds, count, 0);
}

/**
 * How often to look again before a wait is handed to another thread, which takes about 45
 * microseconds: a little while traffic is fast, unless that rarely finds something.
 */
export class Patience {
  #quickWaits = 0;
  #failures = 0;
  #rested = 0;

  /** For how many turns of the event loop to look again. */
  turns(): number {
    if (this.#quickWaits < QUICK_WAITS) return 0;
    if (this.#failures >= FAILURES) {
      if (this.#rested++ < REST) return 0;
      this.#rested = 0;
    }
    return c.has_ppoll() ? 1 : TURNS_WITHOUT_PPOLL;
  }

  /** Notes that a wait took so many milliseconds. */
  ended(duration: number): void {
    this.#quickWaits = duration < QUICK ? this.#quickWaits + 1 : 0;
    if (this.#quickWaits === QUICK_WAITS) this.#failures = 0;
  }

  /** Notes that looking again found something. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** Notes that looking again found nothing. */
  failed(): void {
    this.#failures++;
  }
}
