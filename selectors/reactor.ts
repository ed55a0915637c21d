/**
 * The one poll(2) of this thread that does not block it: a thread of Deno's pool makes it, for all
 * selectors that wait, and only while one does. It consumes nothing: it tells when a selector is
 * worth a look. One call for all, since the pool has 32 threads and Deno's file I/O needs them too.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { startLoop, waitsForLoop } from "../ffi/trace/trace.ts";
import { isInterruption } from "./mechanism.ts";
import { turn, turned } from "./turns.ts";
import { Waker } from "./waker.ts";

const WORDS = c.pollfd.size / 4;
const EVENTS = c.pollfd.offsets.events / 4;
const REVENTS_SHIFT = 16;
const LONGEST_POLL = 2 ** 31 - 1; // milliseconds that an int can say

/** A wait that is parked, or about to be. */
export class Parking {
  readonly settled: PromiseWithResolvers<void> = Promise.withResolvers();
  over = false;

  /** `pollfds` is asked anew for each poll(2); `deadline` is on the clock of performance.now(). */
  constructor(readonly pollfds: () => Int32Array, readonly deadline: number) {}
}

/**
 * idle: nobody waits. awake: between two poll(2). parked: in one. woken: in one that is about to
 * return.
 */
type State = "idle" | "awake" | "parked" | "woken";

class Reactor {
  readonly #parkings = new Set<Parking>();
  #state: State = "idle";
  #waker: Waker | undefined; // while there are leases
  #leases = 0;

  /**
   * For a selector that will park: what that takes is taken now, so that no later wait fails for
   * want of descriptors.
   */
  lease(): Disposable {
    this.#waker ??= new Waker();
    this.#leases++;
    return {
      [Symbol.dispose]: () => {
        if (--this.#leases > 0) return;
        this.#waker?.close();
        this.#waker = undefined;
      },
    };
  }

  /**
   * Resolves when poll(2) has found something or the parking is over; no thread uses its
   * descriptors any more then.
   */
  park(parking: Parking): Promise<void> {
    this.#parkings.add(parking);
    waitsForLoop(parking.settled.promise);
    if (this.#state === "idle") startLoop(() => void this.#run());
    else this.wake();
    return parking.settled.promise;
  }

  /** Ends a parking, whether it has begun or not. */
  end(parking: Parking): void {
    parking.over = true;
    this.wake();
  }

  /** Makes poll(2) return: what is to be polled has changed. */
  wake(): void {
    if (this.#state !== "parked") return;
    this.#state = "woken";
    this.#waker!.wake();
  }

  async #run(): Promise<void> {
    this.#state = "awake";
    try {
      while (this.#parkings.size > 0) {
        const told = await this.#poll(this.#waker!);
        // Who was told will likely wait again: gather them, rather than poll for the rest and be
        // woken.
        if (told && this.#parkings.size > 0) await turn();
      }
    } catch (error) {
      for (const { settled } of this.#parkings) settled.reject(error);
      this.#parkings.clear();
    } finally {
      this.#state = "idle";
    }
  }

  /** One poll(2) for all. Returns whether it concerned anybody. */
  async #poll(waker: Waker): Promise<boolean> {
    const polled = [...this.#parkings].map((parking) => ({ parking, pollfds: parking.pollfds() }));
    const fds = joined([pollfd(waker.fileno(), c.POLLIN), ...polled.map(({ pollfds }) => pollfds)]);
    this.#state = "parked";
    const count = await c.poll_nonblocking(fds, fds.length / WORDS, timeoutOf(this.#parkings));
    turned();
    if (this.#state as State === "woken") waker.drain();
    this.#state = "awake";
    // The errno is the other thread's: the same call here, without waiting, tells it.
    const error = count === -1 && c.poll(fds, fds.length / WORDS, 0) === -1 ? c.errno() : 0;
    if (error !== 0 && error !== c.ENOTSOCK && !isInterruption(error)) {
      throw c.osError("poll", "", error);
    }

    let at = WORDS;
    for (const { parking, pollfds } of polled) {
      const own = fds.subarray(at, at += pollfds.length);
      // ENOTSOCK: on Windows some socket was closed, and whose it was the selectors will find.
      if (error === c.ENOTSOCK || hasRevents(own)) parking.over = true;
    }
    const now = performance.now();
    const before = this.#parkings.size;
    for (const parking of this.#parkings) {
      if (!parking.over && parking.deadline > now) continue;
      this.#parkings.delete(parking);
      parking.settled.resolve();
    }
    return this.#parkings.size < before;
  }
}

/** This thread's. */
export const reactor: Reactor = new Reactor();

function pollfd(fd: number, events: number): Int32Array {
  const fds = new Int32Array(WORDS);
  fds[0] = fd;
  fds[EVENTS] = events;
  return fds;
}

function joined(arrays: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(arrays.reduce((length, array) => length + array.length, 0));
  let end = 0;
  for (const array of arrays) {
    all.set(array, end);
    end += array.length;
  }
  return all;
}

function timeoutOf(parkings: Iterable<Parking>): number {
  let deadline = Infinity;
  for (const parking of parkings) {
    deadline = parking.over ? 0 : Math.min(deadline, parking.deadline);
  }
  if (deadline === Infinity) return -1;
  return Math.min(Math.max(Math.ceil(deadline - performance.now()), 0), LONGEST_POLL);
}

function hasRevents(fds: Int32Array): boolean {
  for (let at = EVENTS; at < fds.length; at += WORDS) {
    if (fds[at]! >>> REVENTS_SHIFT !== 0) return true;
  }
  return false;
}
