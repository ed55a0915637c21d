/**
 * Those who wait in readable() and writable(). A waiter that has an attempt is looked at with
 * poll(2) for a few turns of the event loop, which takes no descriptor and no registration. All
 * others are registered with one selector, which exists while somebody waits, so that a program can
 * end.
 *
 * What is ready is told in the step in which it was found. Therefore nobody can close a descriptor
 * and reuse its number in between.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { beginOperation, endOperation } from "../ffi/trace/operation.ts";
import { asLoop, callAs, currentCaller, waitsForLoop } from "../ffi/trace/trace.ts";
import { checkOpen } from "../os/descriptor.ts";
import { POLL_READ, POLL_WRITE, Pollfds } from "../os/pollfd.ts";
import { addAbortCallback, removeAbortCallback } from "./aborts.ts";
import { type BaseSelector, mechanismOf, registrationsOf } from "./base.ts";
import { closingWatchers } from "./closing.ts";
import { DefaultSelector } from "./default.ts";
import { Parking, reactor } from "./reactor.ts";
import { EVENT_READ } from "./types.ts";
import { isTurnDue, Patience, pollBriefly, turn } from "./turns.ts";

// In milliseconds. The kernel does not report that a watched descriptor was closed: look this
// often.
const CHECK_INTERVAL = 250;
const SPURIOUS_PAUSE = 5;

const FRESH_LIMIT = 32; // waiters that one poll(2) looks at

/** fresh: looked at by poll(2). watched: registered. attempting: its attempt is under way. */
type State = "new" | "fresh" | "watched" | "attempting" | "done";

/** Whoever waits for one event of a descriptor. */
export class Waiter {
  readonly #attempt: () => unknown;
  readonly #signal: AbortSignal | undefined;
  readonly #settled = Promise.withResolvers<unknown>();
  readonly #caller = currentCaller(); // whose calls those of the attempt are
  #abort: (() => void) | undefined; // while the signal may end it
  #state: State = "new";
  #turns = 0; // that poll(2) still looks for
  #since: number | undefined; // when it was looked at in vain
  #error: unknown; // why it ends unless the attempt under way succeeds

  /**
   * `attempt` ends the wait unless it returns null. It is called each time the descriptor is ready.
   */
  constructor(
    readonly fd: number,
    readonly event: number,
    attempt: () => unknown,
    signal: AbortSignal | undefined,
  ) {
    this.#attempt = attempt;
    this.#signal = signal;
    waitsForLoop(this.#settled.promise);
  }

  /** Waits, registered with the selector. */
  watch(): Promise<unknown> {
    if (this.#state === "new") this.#listen();
    this.#since ??= performance.now();
    try {
      this.#state = "watched";
      watched.add(this);
    } catch (error) {
      this.reject(error);
    }
    return this.#settled.promise;
  }

  /** Waits, looked at by poll(2) first. */
  look(): Promise<unknown> {
    if (!fresh.hasRoom) return this.watch();
    this.#listen();
    this.#turns = fresh.patience.turns();
    this.#state = "fresh";
    fresh.add(this);
    return this.#settled.promise;
  }

  /** Whether poll(2) is to look at it again. */
  get isHot(): boolean {
    return this.#turns > 0;
  }

  /** Notes that poll(2) has looked at it once more, in vain. */
  tire(): void {
    this.#since ??= performance.now();
    this.#turns--;
  }

  /** Whether it waits no longer. */
  get isDone(): boolean {
    return this.#state === "done";
  }

  /** Tries once more, because the descriptor is ready. */
  attempt(): void {
    if (this.#state !== "fresh" && this.#state !== "watched") return;
    if (this.rejectAborted()) return;
    const before = this.#state;
    this.#state = "attempting";
    try {
      const result = callAs(this.#caller, this.#attempt);
      if (result !== null) {
        this.#end();
        return this.#settled.resolve(result);
      }
    } catch (error) {
      this.#end();
      return this.#settled.reject(error);
    }
    this.#state = before;
    if (this.#error !== undefined) this.reject(this.#error);
    else this.rejectAborted();
  }

  /** Ends the wait, unless an attempt is under way that succeeds. */
  reject(error: unknown): void {
    if (this.#state === "done") return;
    if (this.#state === "attempting") this.#error = error;
    else {
      this.#end();
      this.#settled.reject(error);
    }
  }

  /** Ends the wait if its signal is aborted. Returns whether it is. */
  rejectAborted(): boolean {
    if (!this.#signal?.aborted) return false;
    this.reject(this.#signal.reason);
    return true;
  }

  #listen(): void {
    if (this.#signal === undefined) return;
    const abort = () => this.#aborted();
    addAbortCallback(this.#signal, abort);
    this.#abort = abort;
  }

  #end(): void {
    this.#state = "done";
    fresh.delete(this);
    if (this.#since !== undefined) fresh.patience.ended(performance.now() - this.#since);
    if (this.#abort !== undefined) removeAbortCallback(this.#signal!, this.#abort);
  }

  #aborted(): void {
    if (this.#state === "fresh") this.rejectAborted();
    else if (this.#state === "watched") watched.abort(this);
  }
}

const STEP = Promise.resolve(); // its reactions run in the next step
const STEPS = 3; // in which others may do what makes a waiter ready

/** The waiters that poll(2) looks at. */
class Fresh {
  readonly patience = new Patience();
  readonly #waiters = new Set<Waiter>();
  readonly #fds = new Pollfds(FRESH_LIMIT);
  readonly #batch: Waiter[] = []; // in the order of #fds, during a look
  #stepsLeft = 0; // until the look that comes before any turn of the event loop
  #isTurning = false;

  readonly #step = () => {
    if (--this.#stepsLeft > 0) void STEP.then(this.#step);
    else if (!isTurnDue()) asLoop(() => this.#look()); // otherwise after the turn
  };

  get hasRoom(): boolean {
    return this.#waiters.size < FRESH_LIMIT;
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
      await asLoop(turn);
      asLoop(() => this.#look());
      for (const waiter of this.#waiters) {
        if (waiter.isHot) continue;
        this.#waiters.delete(waiter);
        void asLoop(() => waiter.watch());
      }
    }
    this.#isTurning = false;
  }

  /** Tells who is ready. */
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

/** The waiters that are registered with a selector. */
class Watched {
  readonly #waiters = new Map<number, Set<Waiter>>();
  #selector: BaseSelector<undefined, number> | undefined;
  #lease: Disposable | undefined;
  #parking: Parking | undefined;
  #nextCheck = 0;
  readonly #leaving: Waiter[] = []; // their descriptor was closed
  readonly #aborted: Waiter[] = [];

  /** Registers a waiter, or throws. */
  add(waiter: Waiter): void {
    beginOperation(); // a sink of a tracing may add another waiter, but only after this one
    try {
      this.#add(waiter);
    } finally {
      endOperation();
    }
  }

  #add(waiter: Waiter): void {
    const { fd } = waiter;
    const isFirst = this.#selector === undefined;
    if (isFirst) this.#open(fd);
    else if (this.#waiters.has(fd)) this.#rejectClosed(fd); // it may be another file's by now
    const all = this.#waiters.get(fd) ?? new Set();
    all.add(waiter);
    try {
      this.#register(fd, all);
    } catch (error) {
      all.delete(waiter); // the others learn by themselves that the descriptor was closed
      if (isFirst) this.#close();
      throw error;
    }
    this.#waiters.set(fd, all);
    if (isFirst) void this.#serve();
  }

  /** Rejects a waiter once no thread waits for its descriptor any more: in a moment. */
  abort(waiter: Waiter): void {
    this.#aborted.push(waiter);
    this.#wake();
  }

  /** Rejects those who wait for a descriptor, in a moment too. */
  rejectClosing(fd: number): void {
    const all = this.#forget(fd);
    if (all === undefined) return;
    for (const waiter of all) this.#leaving.push(waiter);
    this.#wake();
  }

  #wake(): void {
    if (this.#parking !== undefined) reactor.end(this.#parking);
  }

  async #serve(): Promise<void> {
    const selector = this.#selector!;
    try {
      await (isTurnDue() ? asLoop(turn) : undefined);
      for (let looks = 0; !this.#isEmpty(); looks++) {
        // poll(2) may see what a waiter does not take, and an attempt may fail though it is ready.
        if (looks > 2) await new Promise((resolve) => setTimeout(resolve, SPURIOUS_PAUSE));
        if (asLoop(() => this.#look(selector))) looks = 0;
        if (this.#isEmpty()) break;
        this.#parking = new Parking(() => mechanismOf(selector).pollfds(), this.#nextCheck);
        await asLoop(() => reactor.park(this.#parking!));
      }
    } catch (error) {
      // Out of descriptors, say: nobody is left waiting in vain.
      for (const all of this.#waiters.values()) for (const waiter of all) waiter.reject(error);
      this.#waiters.clear();
      this.#rejectLeaving();
    } finally {
      this.#close();
    }
  }

  /** Tells who is ready. Returns whether anybody waits no longer. */
  #look(selector: BaseSelector<undefined, number>): boolean {
    let isChanged = this.#leaving.length > 0;
    this.#rejectLeaving();
    try {
      for (const [key, events] of selector.select(0)) {
        const { fd } = key;
        // An attempt may have closed the descriptor, and the number may be another file's.
        if (selector.getMap().get(fd) !== key) continue;
        for (const waiter of [...this.#waiters.get(fd) ?? []]) {
          if ((waiter.event & events) !== 0) waiter.attempt();
        }
        if (this.#settle(fd)) isChanged = true;
      }
    } catch (error) {
      // poll and select refuse a closed descriptor, and forget it.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
      this.#nextCheck = 0;
    }
    for (const waiter of this.#aborted.splice(0)) {
      waiter.rejectAborted();
      if (this.#settle(waiter.fd)) isChanged = true;
    }
    // Others may be busy: the time counts.
    const now = performance.now();
    if (now < this.#nextCheck) return isChanged;
    this.#nextCheck = now + CHECK_INTERVAL;
    for (const fd of [...this.#waiters.keys()]) {
      if (this.#rejectClosed(fd)) isChanged = true;
    }
    return isChanged;
  }

  /** Forgets those of a descriptor's waiters that are done. Returns whether there are any. */
  #settle(fd: number): boolean {
    const all = this.#waiters.get(fd);
    if (all === undefined) return false;
    const before = all.size;
    for (const waiter of all) if (waiter.isDone) all.delete(waiter);
    if (all.size === before) return false;
    if (all.size === 0) this.#waiters.delete(fd);
    try {
      this.#register(fd, all);
    } catch (error) {
      for (const waiter of all) waiter.reject(error); // it was closed meanwhile
      this.#waiters.delete(fd);
    }
    return true;
  }

  #rejectClosed(fd: number): boolean {
    const selector = this.#selector!;
    const registration = registrationsOf(selector).byFd[fd];
    if (registration !== undefined && mechanismOf(selector).isWatching(registration)) return false;
    this.#reject(fd);
    return true;
  }

  #reject(fd: number): void {
    for (const waiter of this.#forget(fd) ?? []) waiter.reject(closedError(fd));
  }

  #rejectLeaving(): void {
    for (const waiter of this.#leaving.splice(0)) waiter.reject(closedError(waiter.fd));
  }

  /** Stops waiting for a descriptor. Returns those who waited for it. */
  #forget(fd: number): Set<Waiter> | undefined {
    const all = this.#waiters.get(fd);
    if (all === undefined) return undefined;
    this.#waiters.delete(fd);
    if (this.#selector!.getMap().has(fd)) this.#selector!.unregister(fd);
    return all;
  }

  #isEmpty(): boolean {
    return this.#waiters.size === 0 && this.#leaving.length === 0;
  }

  /** Makes the selector wait for what the waiters of a descriptor want. */
  #register(fd: number, all: Set<Waiter>): void {
    const selector = this.#selector!;
    let events = 0;
    for (const { event } of all) events |= event;
    const key = selector.getMap().get(fd);
    if (key?.events === events) return;
    if (key === undefined) { if (events !== 0) selector.register(fd, events); }
    else if (events === 0) selector.unregister(fd);
    else selector.modify(fd, events);
    if (!mechanismOf(selector).isPollable) reactor.wake();
  }

  #open(fd: number): void {
    checkOpen(fd); // before the selector's own descriptors may take its number
    this.#selector = new DefaultSelector<undefined, number>();
    this.#nextCheck = performance.now() + CHECK_INTERVAL;
    try {
      this.#lease = reactor.lease();
    } catch (error) {
      this.#close();
      throw error;
    }
  }

  #close(): void {
    const [selector, lease] = [this.#selector, this.#lease];
    // First: a sink of a tracing may wait during the close.
    this.#selector = this.#lease = this.#parking = undefined;
    selector?.close();
    lease?.[Symbol.dispose]();
  }
}

const fresh = new Fresh();
const watched = new Watched();
closingWatchers.add((fd) => {
  fresh.rejectClosing(fd);
  watched.rejectClosing(fd);
});

function closedError(fd: number): Error {
  return c.osError("poll", fd, c.EBADF);
}
