/**
 * Turns of Deno's event loop: promises alone keep it from turning, so a program whose descriptors
 * are always ready would never serve its timers, its I/O and its signal listeners.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { poll_nonblocking } from "../ffi/mod.ts";

const LONGEST_RUN = 5; // milliseconds that timers wait for a turn
const LONGEST_RUN_WITHOUT_IO = 25; // and I/O and signals, which take a wait of the loop itself
const NO_FDS = new Int32Array(0);

let lastTurn = 0;
let lastIo = 0;

/** Whether the event loop has not turned for some milliseconds. */
export function isTurnDue(): boolean {
  return performance.now() - lastTurn > LONGEST_RUN;
}

/** Lets it turn: timers are served, and every now and then I/O and signals. */
export async function turn(): Promise<void> {
  if (performance.now() - lastIo < LONGEST_RUN_WITHOUT_IO) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    lastTurn = performance.now();
  } else {
    await poll_nonblocking(NO_FDS, 0, 0);
    turned();
  }
}

/** It has turned: a call of another thread has come back. */
export function turned(): void {
  lastTurn = lastIo = performance.now();
}
