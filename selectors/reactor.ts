/**
 * The one poll(2) call that waits for all selectors of a thread without blocking the thread. It
 * runs in Deno's thread pool while something waits. There is one call for all because the pool has
 * 32 threads, which Deno's file I/O needs too. poll(2) consumes nothing: it only shows which
 * selector should look.
 *
 * The pool may be full, and Deno does not report that. Therefore a timer looks as well: it keeps
 * deadlines, finds what is ready while the call has not begun, and notices descriptors that were
 * closed.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { asOperation } from "../ffi/trace/operation.ts";
import { asLoop, waitsForLoop } from "../ffi/trace/trace.ts";
import { isInterruption } from "./mechanism.ts";
import { Patience, pollBriefly, turn, turned } from "./turns.ts";
import { Waker } from "./waker.ts";

// A struct pollfd as 32-bit words.
const WORDS = c.pollfd.size / 4;
const EVENTS = c.pollfd.offsets.events / 4;
const REVENTS_SHIFT = 16;
const ALWAYS = c.POLLERR | c.POLLHUP | c.POLLNVAL; // reported without being asked for

// In milliseconds. A call ends by itself, because terminate() leaves a Worker's call running.
const LONGEST_CALL = 5000;
const LOOK_INTERVAL = 150; // of the timer
const LATE_INTERVAL = 4; // of the timer, while the pool is full
const GRACE = 50; // within which a call returns, unless the pool is full
const LONGEST_SPIN = 64; // struct pollfds that are worth looking at more than once

/** A wait that is parked, or about to be. */
export class Parking {
  /** Resolves when its owner should look, rejects when poll(2) fails. */
  readonly settled: PromiseWithResolvers<void> = Promise.withResolvers();
  /** Whether its owner should look. */
  over = false;

  /**
   * @param pollfds What to wait for, as struct pollfds. It is called again for each look.
   * @param deadline When the wait ends by itself, on the clock of performance.now().
   * @param longestCall Milliseconds that a thread may wait for them at once. Meanwhile it keeps
   * open what was closed elsewhere.
   */
  constructor(
    readonly pollfds: () => Int32Array,
    readonly deadline: number,
    readonly longestCall: number = LONGEST_CALL,
  ) {}
}

/** The struct pollfds of all parkings in one array, in which each descriptor has one place. */
interface Joint {
  readonly fds: Int32Array;
  readonly parts: { parking: Parking; own: Int32Array; places: Int32Array }[];
}

/**
 * none: no call is made. parked: one waits. woken: it is about to return. late: it was woken and
 * has not returned, because it has not begun: the pool is full.
 */
type State = "none" | "parked" | "woken" | "late";

class Reactor {
  readonly #parkings = new Set<Parking>();
  readonly #patience = new Patience();
  #isRunning = false;
  #state: State = "none";
  #returnsBy = 0; // the call, unless the pool is full, on the clock of performance.now()
  #waker: Waker | undefined; // exists while there are leases
  #leases = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #nextLook = Infinity; // when the timer is due, on the clock of performance.now()
  #pass: PromiseWithResolvers<void> | undefined; // what #run() waits for

  /**
   * Takes the descriptor that parking needs, so that no later wait fails without one.
   *
   * @param isRegistered Whether a number is registered. When the new descriptor gets such a number,
   * then the registered descriptor was closed, and must not be mistaken for the new one.
   */
  lease(isRegistered: (fd: number) => boolean = () => false): Disposable {
    asOperation(() => { // a sink of a tracing may wait too, but only after this
      this.#takeWaker(isRegistered);
      this.#leases++;
    });
    return {
      [Symbol.dispose]: () => {
        if (--this.#leases === 0 && this.#state === "none") this.#closeWaker();
      },
    };
  }

  /** Resolves when the owner of the parking should look. */
  park(parking: Parking): Promise<void> {
    this.#parkings.add(parking);
    waitsForLoop(parking.settled.promise);
    if (!this.#isRunning) void this.#run();
    else this.wake();
    return parking.settled.promise;
  }

  /** Whether a call is in the thread pool, or waits for a thread. It may outlive the waits. */
  get isCalling(): boolean {
    return this.#state !== "none";
  }

  /** Ends a parking, whether it has begun or not. */
  end(parking: Parking): void {
    parking.over = true;
    this.wake();
  }

  /** Makes the call return: what it should wait for has changed. */
  wake(): void {
    if (this.#state !== "parked") return;
    this.#state = "woken";
    this.#waker!.wake();
    this.#returnsBy = performance.now() + GRACE;
    if (this.#isRunning) this.#setTimer();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#parkings.size > 0) {
        const start = performance.now();
        if (!await this.#hasFound()) await this.#call();
        this.#patience.ended(performance.now() - start);
        // Resolved waits usually begin again soon: collect them before the next call.
        if (this.#parkings.size > 0) await asLoop(turn);
      }
    } catch (error) {
      for (const { settled } of this.#parkings) settled.reject(error);
      this.#parkings.clear();
    } finally {
      this.#isRunning = false;
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.wake();
    }
  }

  /** Looks a few times, unless a call is made already. */
  async #hasFound(): Promise<boolean> {
    const turns = this.#state === "none" ? this.#patience.turns() : 0;
    if (turns === 0) return false;
    let size = 0;
    for (const parking of this.#parkings) size += parking.pollfds().length / WORDS;
    if (size > LONGEST_SPIN) return false;
    for (let i = 0; i < turns; i++) {
      await asLoop(turn);
      asLoop(() => this.#look(join(this.#parkings, -1), pollBriefly));
      if (!this.#resolveReady()) continue;
      this.#patience.succeeded();
      return true;
    }
    this.#patience.failed();
    return false;
  }

  /**
   * Makes the call, unless one is made already. Returns when a parking was resolved, or the call
   * has returned.
   */
  #call(): Promise<void> {
    this.#pass = Promise.withResolvers();
    if (this.#resolveReady()) this.#pass.resolve();
    else if (this.#state === "none") {
      this.#poll().then(() => this.#pass!.resolve(), (error) => this.#pass!.reject(error));
    }
    this.#setTimer();
    return this.#pass.promise;
  }

  async #poll(): Promise<void> {
    const joint = join(this.#parkings, this.#waker!.fileno());
    const { fds } = joint;
    const timeout = timeoutOf(this.#parkings);
    this.#state = "parked";
    this.#returnsBy = performance.now() + timeout + GRACE;
    const count = await asLoop(() => c.poll_nonblocking(fds, fds.length / WORDS, timeout));
    turned();
    const isWoken = this.#state as State !== "parked";
    this.#state = "none";
    asLoop(() => {
      if (isWoken) this.#waker!.drain();
      if (this.#leases === 0) this.#closeWaker();
      // errno belongs to the other thread: repeat the call here without waiting to learn it.
      if (count === -1) this.#look(joint);
      else mark(joint, count);
    });
    this.#resolveReady();
  }

  /** Marks the parkings that wait for what is ready. */
  #look(joint: Joint, poll = pollNow): void {
    const { fds } = joint;
    const count = poll(fds, fds.length / WORDS);
    if (count !== -1) return mark(joint, count);
    const error = c.errno();
    if (isInterruption(error)) return;
    // On Windows a socket was closed. The selectors find out which one.
    if (error !== c.ENOTSOCK) throw c.osError("poll", "", error);
    for (const { parking } of joint.parts) parking.over = true;
  }

  /** Resolves the parkings that are ready or due. Returns whether there are any. */
  #resolveReady(): boolean {
    const now = performance.now();
    const before = this.#parkings.size;
    for (const parking of this.#parkings) {
      if (!parking.over && parking.deadline > now) continue;
      this.#parkings.delete(parking);
      parking.settled.resolve();
    }
    return this.#parkings.size < before;
  }

  /** Makes the timer look after a while, and when the call must have returned. */
  #setTimer(): void {
    const now = performance.now();
    const nextLook = this.#state === "late"
      ? now + LATE_INTERVAL
      : Math.min(now + LOOK_INTERVAL, Math.max(this.#returnsBy, now));
    if (this.#timer !== undefined && this.#nextLook <= nextLook) return;
    clearTimeout(this.#timer);
    this.#nextLook = nextLook;
    this.#timer = setTimeout(() => asLoop(() => this.#lookByTimer()), Math.ceil(nextLook - now));
  }

  #lookByTimer(): void {
    this.#timer = undefined;
    if (this.#state !== "none" && performance.now() >= this.#returnsBy) {
      this.wake();
      this.#state = "late";
    }
    try {
      this.#look(join(this.#parkings, -1));
      if (this.#state === "parked" || this.#state === "woken") {
        // The call finds the same and returns, unless it has not begun.
        if (timeoutOf(this.#parkings) === 0) this.wake();
      } else if (this.#resolveReady()) this.#pass?.resolve();
      if (this.#parkings.size > 0) this.#setTimer();
    } catch (error) {
      this.#pass?.reject(error);
    }
  }

  #takeWaker(isRegistered: (fd: number) => boolean): void {
    const refused: Waker[] = [];
    try {
      let waker = this.#waker ?? new Waker();
      while (isRegistered(waker.fileno()) || isRegistered(waker.fd)) {
        refused.push(waker);
        waker = new Waker();
      }
      if (waker !== this.#waker) this.wake(); // through the old one
      this.#waker = waker;
    } finally {
      for (const waker of refused) if (waker !== this.#waker) waker.close();
    }
  }

  #closeWaker(): void {
    const waker = this.#waker;
    this.#waker = undefined; // first: a sink of a tracing may wait during the close
    waker?.close();
  }
}

/** This thread's. */
export const reactor: Reactor = new Reactor();

function pollNow(fds: Int32Array, count: number): number {
  return c.poll(fds, count, 0);
}

/** Joins what all parkings wait for, and the waker unless it is -1. */
function join(parkings: Iterable<Parking>, waker: number): Joint {
  const parts = [...parkings].map((parking) => {
    const own = parking.pollfds().slice();
    return { parking, own, places: new Int32Array(own.length / WORDS) };
  });
  const fds: number[] = [];
  const words: number[] = [];
  const placeOf = new Map<number, number>();
  const put = (fd: number, word: number): number => {
    const place = placeOf.get(fd);
    if (place !== undefined) {
      words[place]! |= word;
      return place;
    }
    placeOf.set(fd, fds.length);
    words.push(word);
    return fds.push(fd) - 1;
  };
  if (waker !== -1) put(waker, c.POLLIN);
  for (const { own, places } of parts) {
    for (let i = 0; i < places.length; i++) {
      places[i] = put(own[i * WORDS]!, own[i * WORDS + EVENTS]! & 0xffff);
    }
  }
  const joint = new Int32Array(fds.length * WORDS);
  fds.forEach((fd, place) => {
    joint[place * WORDS] = fd;
    joint[place * WORDS + EVENTS] = words[place]!;
  });
  return { fds: joint, parts };
}

/** Marks the parkings that wait for one of `count` descriptors which poll(2) has found. */
function mark({ fds, parts }: Joint, count: number): void {
  if (count === 0) return;
  for (const { parking, own, places } of parts) {
    if (parking.over) continue;
    parking.over = places.some((place, i) => {
      const revents = fds[place * WORDS + EVENTS]! >>> REVENTS_SHIFT;
      return (revents & (own[i * WORDS + EVENTS]! | ALWAYS)) !== 0;
    });
  }
}

/** Milliseconds that a call may take, rounded up. */
function timeoutOf(parkings: Iterable<Parking>): number {
  const now = performance.now();
  let timeout = LONGEST_CALL;
  for (const { over, deadline, longestCall } of parkings) {
    timeout = over ? 0 : Math.min(timeout, longestCall, deadline - now);
  }
  return Math.max(Math.ceil(timeout), 0);
}
