/**
 * kqueue(2), on macOS and the BSDs: the kernel keeps a list of filters, and hands out the events that pass them. Odd about
 * it: reading and writing are two filters that know nothing of each other, so that a descriptor's registration is up to three
 * entries, and what is ready comes in as many events; here they are one again. A descriptor's filters go when it is closed.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { setCloseOnExec } from "../os/descriptor.ts";
import { BaseSelector } from "./base.ts";
import { isInterruption, type Mechanism, type Outcome } from "./mechanism.ts";
import { interest } from "./poll.ts";
import type { Found, Registration, Registrations } from "./registrations.ts";
import {
  EVENT_PRIORITY,
  EVENT_READ,
  EVENT_WRITE,
  type FileObject,
  type TriggerMode,
} from "./types.ts";
import type { Waker } from "./waker.ts";

const FILTERS = [
  { event: EVENT_READ, filter: c.EVFILT_READ, fflags: 0 },
  { event: EVENT_WRITE, filter: c.EVFILT_WRITE, fflags: 0 },
  { event: EVENT_PRIORITY, filter: c.EVFILT_EXCEPT, fflags: c.NOTE_OOB },
].filter(({ event }) => event !== EVENT_PRIORITY || c.EVFILT_EXCEPT !== 0);
const EVERY_EVENT = FILTERS.reduce((events, { event }) => events | event, 0);

const WAKER_GENERATION = 0;
const NO_TIME = new Uint8Array(c.timespec.size);
const NO_PLACE = -1;

// Where the fields of struct kevent lie in arrays of 32-bit words and of halves of them. `udata` carries the generation of
// the registration. Filters and flags fit in 16 bits also where they have 32.
const WORDS = c.kevent.size / 4;
const HALVES = c.kevent.size / 2;
const FD = c.kevent.offsets.ident / 4;
const FFLAGS = c.kevent.offsets.fflags / 4;
const DATA = c.kevent.offsets.data / 4;
const GENERATION = c.kevent.offsets.udata / 4;
const FILTER = c.kevent.offsets.filter / 2;
const FLAGS = c.kevent.offsets.flags / 2;

/** An array of struct kevents. */
class Kevents {
  readonly length: number;
  readonly words: Int32Array;
  readonly halves: Int16Array;

  constructor(length: number) {
    const buffer = new ArrayBuffer(length * c.kevent.size);
    this.length = length;
    this.words = new Int32Array(buffer);
    this.halves = new Int16Array(buffer);
  }

  put(i: number, fd: number, filter: number, flags: number, fflags: number, generation: number) {
    this.words[i * WORDS + FD] = fd;
    this.halves[i * HALVES + FILTER] = filter;
    this.halves[i * HALVES + FLAGS] = flags;
    this.words[i * WORDS + FFLAGS] = fflags;
    this.words[i * WORDS + GENERATION] = generation;
  }
}

/**
 * kqueue(2), on macOS and the BSDs; elsewhere where a library brings it.
 *
 * @example
 * ```ts ignore
 * import { EVENT_READ, KqueueSelector } from "@syscall/selectors";
 *
 * using selector = new KqueueSelector();
 * selector.register(0, EVENT_READ); // standard input
 * console.log(selector.select(1000));
 * ```
 */
export class KqueueSelector<Data = undefined, File extends FileObject = FileObject>
  extends BaseSelector<Data, File> {
  readonly #kqueue: Kqueue;

  /** Whether the platform has kqueue by itself. */
  static override isSupported(): boolean {
    return c.isPlatformWith("kqueue");
  }

  /**
   * A selector with nothing registered.
   *
   * @param options `library`: a shared library that offers kqueue() and kevent(), such as libkqueue on Linux. Default: the
   * platform's own.
   * @throws {Deno.errors.NotSupported} When the platform lacks kqueue, or the library cannot be opened.
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   * @throws An OS error when there are no descriptors left (EMFILE, ENFILE).
   */
  constructor({ library }: { library?: string } = {}) {
    let mechanism!: Kqueue;
    super(
      (registrations, waker) => mechanism = new Kqueue(registrations, waker, library),
      library !== undefined || c.isPlatformWith("kqueue"),
    );
    this.#kqueue = mechanism;
  }

  /** The kqueue descriptor itself, which can be registered elsewhere; -1 once closed. */
  fileno(): number {
    return this.#kqueue.fileno();
  }
}

class Kqueue implements Mechanism {
  readonly #registrations: Registrations;
  readonly #waker: Waker;
  readonly #calls: c.KqueueCalls;
  readonly #isQueuePollable: boolean;
  #kq: number;
  #generation = WAKER_GENERATION;
  #events = new Kevents(64);
  readonly #changes = new Kevents(2 * FILTERS.length);
  readonly #receipts = new Kevents(2 * FILTERS.length);
  readonly #timespec = new Uint8Array(c.timespec.size);
  // Writers whose reader has gone before: kqueue does not take them, and they are always ready.
  readonly #broken = new Set<Registration>();

  constructor(
    registrations: Registrations,
    waker: Waker,
    library: string | undefined,
  ) {
    this.#registrations = registrations;
    this.#waker = waker;
    this.#calls = library === undefined
      ? { kqueue: c.kqueue, kevent: c.kevent }
      : c.libkqueue(library);
    this.#kq = this.#create();
    this.#isQueuePollable = library === undefined || this.#canPoll();
  }

  fileno(): number {
    return this.#kq;
  }

  check(fd: number, events: number, _mode: TriggerMode): void {
    if ((events & EVERY_EVENT) !== events) this.#refusePriority(fd);
  }

  add(registration: Registration): void {
    this.#generation = (this.#generation + 1 | 0) || WAKER_GENERATION + 1;
    registration.generation = this.#generation;
    this.#add(0, registration);
    // Room for every filter of every registration and the waker: one wait reports all that is ready.
    if (this.#events.length < (this.#registrations.size + 2) * FILTERS.length) {
      this.#events = new Kevents(this.#events.length * 2);
    }
  }

  change(registration: Registration): void {
    // EV_ADD changes neither EV_CLEAR nor EV_ONESHOT of a filter that is there already: first away with it.
    this.#broken.delete(registration);
    this.#add(this.#put(0, registration, EVERY_EVENT, c.EV_DELETE), registration);
  }

  remove(registration: Registration): void {
    this.#broken.delete(registration);
    this.#delete(registration, registration.events);
  }

  wait(timeout: number, _maxEvents: number, found: Found): Outcome {
    const count = this.#wait(this.#broken.size === 0 ? timeout : 0);
    if (count === -1) {
      const error = c.errno();
      if (isInterruption(error)) return timeout > 0 ? "interrupted" : "looked"; // a signal that is pending ends even a look
      throw c.osError("kevent", this.#kq, error);
    }

    const { words, halves } = this.#events;
    const { byFd } = this.#registrations;
    let over = false;
    for (let i = 0; i < count; i++) {
      const fd = words[i * WORDS + FD]!;
      const filter = halves[i * HALVES + FILTER]!;
      const generation = words[i * WORDS + GENERATION]!;
      const registration = byFd[fd];
      if (registration !== undefined && registration.generation === generation) {
        this.#report(registration, eventOf(filter), found);
      } else if (generation === WAKER_GENERATION) {
        this.#waker.drain();
        over = true;
      }
    }
    for (const registration of this.#broken) this.#reportBroken(registration, found);
    found.registrations.forEach((registration, i) =>
      this.#settle(registration, found.events[i]![1])
    );
    return over ? "woken" : "looked";
  }

  /** The queue says nothing of the broken ones. */
  get isPollable(): boolean {
    return this.#isQueuePollable && this.#broken.size === 0;
  }

  pollfds(): Int32Array {
    const fds = this.#isQueuePollable ? [this.#kq, c.POLLIN] : [this.#waker.fileno(), c.POLLIN];
    const others = this.#isQueuePollable ? this.#broken : this.#registrations;
    for (const { fd, events, armed } of others) if (armed) fds.push(fd, interest(events));
    return new Int32Array(fds);
  }

  isWatching(registration: Registration): boolean {
    if (this.#broken.has(registration)) return this.#isBroken(registration);
    const count = this.#put(0, registration, registration.events, c.EV_ENABLE);
    if (this.#control(count) === -1) return false;
    for (let i = 0; i < count; i++) if (this.#errorOf(i) !== 0) return false;
    return true;
  }

  close(): void {
    if (this.#kq !== -1) c.close(this.#kq);
    this.#kq = -1;
  }

  #create(): number {
    const kq = this.#calls.kqueue();
    if (kq === -1) throw c.osError("kqueue", "");
    setCloseOnExec(kq);
    const waker = this.#waker.fileno();
    this.#changes.put(0, waker, c.EVFILT_READ, c.EV_ADD | c.EV_RECEIPT, 0, WAKER_GENERATION);
    const result = this.#calls.kevent(kq, this.#changes.words, 1, this.#receipts.words, 1, NO_TIME);
    const error = result === -1 ? c.errno() : this.#errorOf(0);
    if (error === 0) return kq;
    c.close(kq);
    throw c.osError("kevent", waker, error);
  }

  /** Whether poll(2) can watch the queue, as it can the kernel's own; that of a library may be no more than a number. */
  #canPoll(): boolean {
    this.#waker.wake();
    const isReadable = c.poll(new Int32Array([this.#kq, c.POLLIN]), 1, 0) === 1;
    this.#waker.drain();
    return isReadable;
  }

  /** Adds the registration's filters, all or none, behind the first `start` changes. */
  #add(start: number, registration: Registration): void {
    const { fd, events, mode } = registration;
    const flags = c.EV_ADD | c.EV_ENABLE |
      (mode === "edge" ? c.EV_CLEAR : 0) |
      (mode === "oneshot" ? c.EV_ONESHOT : 0);
    const count = this.#put(start, registration, events, flags);
    if (this.#control(count) === -1) throw c.osError("kevent", this.#kq);

    let refused = 0;
    for (let i = start; i < count; i++) {
      const error = this.#errorOf(i);
      // A pipe that nobody reads any more: where a descriptor is ready with an error, it is ready.
      if (error === c.EPIPE) this.#broken.add(registration);
      else if (error !== 0) refused = error;
    }
    if (refused === 0) return;
    this.remove(registration);
    if (refused === c.EINVAL && events & EVENT_PRIORITY) this.#refusePriority(fd);
    throw c.osError("kevent", fd, refused);
  }

  #refusePriority(fd: number): never {
    throw new Deno.errors.NotSupported(
      `This kqueue has no EVENT_PRIORITY for ${fd}: that takes macOS' EVFILT_EXCEPT`,
    );
  }

  /** Fails with ENOENT or EBADF where the descriptor was closed before, or EV_ONESHOT is used up: that is what was wanted. */
  #delete(registration: Registration, events: number): void {
    this.#control(this.#put(0, registration, events, c.EV_DELETE));
  }

  /** Puts a change for the filter of each of `events` behind the first `start` ones. Returns how many there are then. */
  #put(
    start: number,
    { fd, generation }: Registration,
    events: number,
    flags: number,
  ): number {
    let count = start;
    for (const { event, filter, fflags } of FILTERS) {
      if ((events & event) === 0) continue;
      this.#changes.put(count++, fd, filter, flags | c.EV_RECEIPT, fflags, generation);
    }
    return count;
  }

  /** Makes the first `count` changes. Each has EV_RECEIPT, so that each is answered, and no event comes in between. */
  #control(count: number): number {
    const { words } = this.#receipts;
    return this.#calls.kevent(this.#kq, this.#changes.words, count, words, count, NO_TIME);
  }

  #errorOf(i: number): number {
    return this.#receipts.words[i * WORDS + DATA]!;
  }

  // Darwin refuses waits of more than 100,000,000 seconds; the longest that comes here is 2^31 milliseconds.
  #wait(timeout: number): number {
    const { words, length } = this.#events;
    if (timeout === Infinity) return this.#calls.kevent(this.#kq, null, 0, words, length, null);
    const nanoseconds = Math.ceil(timeout * 1e6);
    const tv_sec = Math.floor(nanoseconds / 1e9);
    c.timespec.write(this.#timespec, { tv_sec, tv_nsec: nanoseconds - tv_sec * 1e9 });
    return this.#calls.kevent(this.#kq, null, 0, words, length, this.#timespec);
  }

  /** Adds an event to `found`, as one with the registration's others. */
  #report(registration: Registration, event: number, found: Found): void {
    const { index } = registration;
    if (index === NO_PLACE) {
      registration.index = found.registrations.length;
      found.add(registration, event);
    } else {
      found.extend(index, event);
    }
  }

  #reportBroken(registration: Registration, found: Found): void {
    if (this.#isBroken(registration)) this.#report(registration, EVENT_WRITE, found);
    else this.#broken.delete(registration);
  }

  /** Asks kqueue again: the descriptor may be closed since, and its number another file's, which it takes. */
  #isBroken(registration: Registration): boolean {
    if (this.#control(this.#put(0, registration, EVENT_WRITE, c.EV_ADD)) === -1) return false;
    const error = this.#errorOf(0);
    if (error === 0) this.#delete(registration, EVENT_WRITE);
    return error === c.EPIPE;
  }

  /** After its report. What "oneshot" asked for goes quiet together, also the filters that had nothing to say. */
  #settle(registration: Registration, reported: number): void {
    const { mode, events } = registration;
    registration.index = NO_PLACE;
    if (mode === "level") return;
    this.#broken.delete(registration);
    if (mode === "edge") return;
    registration.armed = false;
    if (reported !== events) this.#delete(registration, events & ~reported);
  }
}

function eventOf(filter: number): number {
  return filter === c.EVFILT_READ
    ? EVENT_READ
    : filter === c.EVFILT_WRITE
    ? EVENT_WRITE
    : EVENT_PRIORITY;
}
