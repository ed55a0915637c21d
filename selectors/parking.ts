/**
 * Waiting without blocking: one thread of Deno's pool is parked in poll(2) for all the selectors of this thread that wait, and none
 * when nobody waits. The pool has 32 threads, shared with Deno's file I/O, so 40 waiting selectors must not take 40.
 * What is parked consumes nothing: it only tells when it is worth looking.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { ENOTSOCK, errno, osError, poll, poll_nonblocking, pollfd, POLLIN } from "../ffi/mod.ts";
import { isInterruption } from "./mechanism.ts";
import { Waker } from "./waker.ts";

/** A wait that is parked, or about to be. */
export interface Wait {
  /** What to poll for, as struct pollfds of 32-bit words each. Asked anew each time the thread parks. */
  pollfds(): Int32Array;
  /** When it ends by itself, on the clock of performance.now(); Infinity is never. */
  readonly deadline: number;
  /** Set before interrupt() to end it now. */
  over: boolean;
}

const WORDS = pollfd.size / 4;
const EVENTS = pollfd.offsets.events / 4;
const REVENTS_SHIFT = 16;
const LONGEST_POLL = 2 ** 31 - 1;
// While descriptors are always ready, Deno's timers wait this long at most for a turn, in milliseconds …
const LONGEST_RUN = 5;
// … and its I/O and signals, which are looked for only when the event loop itself has to wait, this long.
const LONGEST_RUN_WITHOUT_IO = 25;

const waits = new Map<Wait, PromiseWithResolvers<void>>();
let users = 0;
let interrupter: Waker | undefined; // there while there are users
let isRunning = false;
let isParked = false;
let isInterrupted = false;
let lastTurn = 0;
let lastIo = 0;
const nothing = new Int32Array(WORDS);

/** Whether Deno's event loop has not turned for some milliseconds: promises alone keep it from turning. */
export function isTurnDue(): boolean {
  return performance.now() - lastTurn > LONGEST_RUN;
}

/** Lets Deno's event loop turn: timers are served, and every now and then I/O and signals. */
export async function turn(): Promise<void> {
  if (performance.now() - lastIo < LONGEST_RUN_WITHOUT_IO) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    lastTurn = performance.now();
  } else {
    await poll_nonblocking(nothing, 0, 0);
    lastTurn = lastIo = performance.now();
  }
}

/** Announces a selector that will park. What that takes is taken now, so that a later wait cannot fail for want of descriptors. */
export function enter(): void {
  interrupter ??= new Waker();
  users++;
}

/** Takes back one enter(), once the selector waits no more. */
export function leave(): void {
  users--;
  if (users > 0) return;
  interrupter?.close();
  interrupter = undefined;
}

/** Resolves when poll(2) finds something for `wait`, or it is over. Afterwards no thread uses its descriptors any more. */
export function park(wait: Wait): Promise<void> {
  const settled = Promise.withResolvers<void>();
  waits.set(wait, settled);
  if (isRunning) interrupt();
  else void parkUntilNobodyWaits();
  return settled.promise;
}

/** Makes the parked thread look at its waits again, because one is new, changed, or over. */
export function interrupt(): void {
  if (!isParked || isInterrupted) return;
  isInterrupted = true;
  interrupter!.wake();
}

async function parkUntilNobodyWaits(): Promise<void> {
  isRunning = true;
  try {
    while (waits.size > 0) {
      const told = await parkOnce(interrupter!);
      // Who was told will likely wait again: gather them, rather than park for the rest and be interrupted.
      if (told && waits.size > 0) await turn();
    }
  } catch (error) {
    for (const { reject } of waits.values()) reject(error);
    waits.clear();
  } finally {
    isRunning = false;
  }
}

/** Parks until something happens, and tells whom it concerns. Returns whether it concerned anybody. */
async function parkOnce(interrupter: Waker): Promise<boolean> {
  const parked = [...waits.keys()].map((wait) => ({ wait, pollfds: wait.pollfds() }));
  const fds = new Int32Array(
    WORDS + parked.reduce((length, { pollfds }) => length + pollfds.length, 0),
  );
  fds[0] = interrupter.fileno();
  fds[EVENTS] = POLLIN;
  let end = WORDS;
  for (const { pollfds } of parked) {
    fds.set(pollfds, end);
    end += pollfds.length;
  }

  isParked = true;
  const count = await poll_nonblocking(fds, fds.length / WORDS, timeoutOf(parked));
  isParked = false;
  lastTurn = lastIo = performance.now();
  if (isInterrupted) interrupter.drain();
  isInterrupted = false;
  // The errno is the other thread's: the same call here, without waiting, tells it.
  if (count === -1 && poll(fds, fds.length / WORDS, 0) === -1) {
    const error = errno();
    if (error === ENOTSOCK) { // Windows: some socket was closed, and the waits will find whose
      for (const { wait } of parked) wait.over = true;
    } else if (!isInterruption(error)) { // A signal ends even a call that does not wait, but only where that finds nothing.
      throw osError("poll", "", error);
    }
  }

  let start = WORDS;
  for (const { wait, pollfds } of parked) {
    if (hasRevents(fds, start, start + pollfds.length)) wait.over = true;
    start += pollfds.length;
  }
  let told = false;
  for (const [wait, { resolve }] of waits) {
    if (!wait.over && wait.deadline > lastTurn) continue;
    waits.delete(wait);
    resolve();
    told = true;
  }
  return told;
}

function timeoutOf(parked: { wait: Wait }[]): number {
  let deadline = Infinity;
  for (const { wait } of parked) deadline = wait.over ? 0 : Math.min(deadline, wait.deadline);
  if (deadline === Infinity) return -1;
  const remaining = Math.ceil(deadline - performance.now());
  return Math.min(Math.max(remaining, 0), LONGEST_POLL);
}

function hasRevents(fds: Int32Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += WORDS) {
    if (fds[at + EVENTS]! >>> REVENTS_SHIFT !== 0) return true;
  }
  return false;
}
