/**
 * The waiters that are registered with a selector. All waits of a thread share it. It exists while
 * something waits, so that a program can end.
 *
 * @module
 */

import { beginOperation, endOperation } from "../ffi/trace/operation.ts";
import { asLoop } from "../ffi/trace/trace.ts";
import { checkOpen } from "../os/descriptor.ts";
import { type BaseSelector, mechanismOf, registrationsOf } from "./base.ts";
import { closedError, closingWatchers } from "./closing.ts";
import { DefaultSelector } from "./default.ts";
import { Parking, reactor } from "./reactor.ts";
import { isTurnDue, turn } from "./turns.ts";
import type { Waiter } from "./waiters.ts";

// In milliseconds. The kernel does not report that a watched descriptor was closed: look this
// often.
const CHECK_INTERVAL = 250;
const SPURIOUS_PAUSE = 5;

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
      all.delete(waiter); // the periodic check rejects the others
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
        // poll(2) may report what no waiter waits for, and an attempt may return null.
        if (looks > 2) await new Promise((resolve) => setTimeout(resolve, SPURIOUS_PAUSE));
        if (asLoop(() => this.#look(selector))) looks = 0;
        if (this.#isEmpty()) break;
        this.#parking = new Parking(() => mechanismOf(selector).pollfds(), this.#nextCheck);
        await asLoop(() => reactor.park(this.#parking!));
      }
    } catch (error) {
      // For example EMFILE: no waiter is left.
      for (const all of this.#waiters.values()) for (const waiter of all) waiter.reject(error);
      this.#waiters.clear();
      this.#rejectLeaving();
    } finally {
      this.#close();
    }
  }

  /** Attempts for what is ready. Returns whether a wait has ended. */
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
    // Checked by time, because other descriptors may be busy.
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

/** This thread's. */
export const watched: Watched = new Watched();
closingWatchers.add((fd) => watched.rejectClosing(fd));
