/**
 * kqueue(2), on macOS and the BSDs: the kernel keeps a list of filters, and returns the events that
 * pass them. A pitfall: reading and writing are two filters that do not know each other. One
 * registration is up to three filters and events; they are merged here. Closing a descriptor
 * removes its filters.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { isOpen, missesGoneReader, setCloseOnExec } from "../os/descriptor.ts";
import { Kevents } from "../os/kevent.ts";
import { POLL_READ, Pollfds } from "../os/pollfd.ts";
import { writeTimespec } from "../os/time.ts";
import { BaseSelector } from "./base.ts";
import { interruption, isInterruption, type Mechanism, type Outcome } from "./mechanism.ts";
import { pollEvents } from "./poll_events.ts";
import type { Found, Registration, Registrations } from "./registrations.ts";
import {
  EVENT_HANGUP,
  EVENT_PRIORITY,
  EVENT_READ,
  EVENT_WRITE,
  type FileObject,
  type TriggerMode,
} from "./types.ts";
import type { Waker } from "./waker.ts";

const MOST_FILTERS = 3; // of one registration
const HAS_PRIORITY = c.EVFILT_EXCEPT !== 0; // macOS
const WAKER_GENERATION = 0;
const NO_TIME = new Uint8Array(c.timespec.size);
const NOT_FOUND = -1;
const INT_MAX = 2 ** 31 - 1;

/**
 * A selector on kqueue(2), on macOS and the BSDs; elsewhere on a library that provides it. It has
 * every mode; EVENT_PRIORITY on macOS only.
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

  /** Whether the platform itself has kqueue. */
  static override isSupported(): boolean {
    return c.isPlatformWith("kqueue");
  }

  /**
   * A selector with nothing registered.
   *
   * @param options `library`: a shared library that offers kqueue() and kevent(), such as libkqueue
   * on Linux. Default: the platform's own.
   * @throws {Deno.errors.NotSupported} When the platform lacks kqueue, or the library cannot be
   * opened.
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   * @throws An OS error when there are no descriptors left (EMFILE, ENFILE).
   */
  constructor({ library }: { library?: string } = {}) {
    let kqueue!: Kqueue;
    super(
      (registrations, waker) => kqueue = new Kqueue(registrations, waker, library),
      library !== undefined || c.isPlatformWith("kqueue"),
    );
    this.#kqueue = kqueue;
  }

  /** The kqueue descriptor itself, which another selector can watch; -1 once closed. */
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
  readonly #changes = new Kevents(2 * MOST_FILTERS);
  readonly #receipts = new Kevents(2 * MOST_FILTERS);
  readonly #timespec = new Uint8Array(c.timespec.size);
  readonly #reported: Registration[] = []; // by the current wait
  readonly #hangupWatches = new Map<Registration, HangupWatch>();
  // Pipes without a reader, which kqueue refuses to watch for writing: they are always writable.
  readonly #brokenPipes = new Set<Registration>();
  #areBrokenPipesFirst = false; // in the next wait

  constructor(registrations: Registrations, waker: Waker, library: string | undefined) {
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
    if (events & EVENT_PRIORITY && !HAS_PRIORITY) refusePriority(fd);
  }

  add(registration: Registration): void {
    this.#generation = (this.#generation + 1 | 0) || WAKER_GENERATION + 1;
    registration.generation = this.#generation;
    this.#add(0, registration);
    // There is room for every filter of every registration and the waker, so that one wait can
    // report all of them.
    if (this.#events.length < (this.#registrations.size + 2) * MOST_FILTERS) {
      this.#events = new Kevents(this.#events.length * 2);
    }
  }

  change(registration: Registration): void {
    // EV_ADD changes neither EV_CLEAR nor EV_ONESHOT of an existing filter: delete every filter
    // first.
    this.#brokenPipes.delete(registration);
    this.#hangupWatches.delete(registration);
    this.#add(
      this.#put(0, registration, EVENT_READ | EVENT_WRITE | EVENT_PRIORITY, c.EV_DELETE),
      registration,
    );
  }

  rearm(registration: Registration): void {
    try {
      this.change(registration);
    } catch {
      registration.armed = false; // it was closed, which removes its filters
    }
  }

  remove(registration: Registration): void {
    this.#brokenPipes.delete(registration);
    this.#delete(registration, registration.events);
    this.#hangupWatches.delete(registration);
  }

  wait(timeout: number, maxEvents: number, found: Found): Outcome {
    try {
      if (this.#brokenPipes.size === 0) return this.#wait(timeout, maxEvents, found);
      return this.#waitBesideBrokenPipes(maxEvents, found);
    } finally {
      this.#reported.forEach((registration, i) => {
        registration.foundAt = NOT_FOUND;
        this.#afterReport(registration, found.events[i]![1]);
      });
      this.#reported.length = 0;
    }
  }

  /** The queue does not report broken pipes. */
  get isPollable(): boolean {
    return this.#isQueuePollable && this.#brokenPipes.size === 0;
  }

  pollfds(): Int32Array {
    const others = this.#isQueuePollable ? this.#brokenPipes : this.#registrations;
    const fds = new Pollfds(1 + this.#registrations.size);
    fds.put(0, this.#isQueuePollable ? this.#kq : this.#waker.fileno(), POLL_READ);
    let length = 1;
    for (const { fd, events, armed } of others) {
      if (armed) fds.put(length++, fd, pollEvents(events));
    }
    return fds.head(length);
  }

  isWatching(registration: Registration): boolean {
    if (this.#brokenPipes.has(registration)) return this.#isBrokenPipe(registration);
    const count = this.#put(0, registration, registration.events, c.EV_ENABLE);
    if (this.#control(count) === -1) return false;
    for (let i = 0; i < count; i++) if (this.#receipts.error(i) !== 0) return false;
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
    this.#changes.put(0, waker, c.EVFILT_READ, c.EV_ADD | c.EV_RECEIPT, WAKER_GENERATION);
    const result = this.#calls.kevent(kq, this.#changes.words, 1, this.#receipts.words, 1, NO_TIME);
    const error = result === -1 ? c.errno() : this.#receipts.error(0);
    if (error === 0) return kq;
    c.close(kq);
    throw c.osError("kevent", waker, error);
  }

  /** Whether poll(2) can watch the queue. A library's queue may be no descriptor. */
  #canPoll(): boolean {
    this.#waker.wake();
    const isReadable = c.poll(new Int32Array([this.#kq, c.POLLIN]), 1, 0) === 1;
    this.#waker.drain();
    return isReadable;
  }

  /** Adds the registration's filters, all or none, after the first `start` changes. */
  #add(start: number, registration: Registration): void {
    const { fd, events } = registration;
    const watch = hangupWatchOf(registration);
    if (watch !== undefined) this.#hangupWatches.set(registration, watch);
    const count = this.#put(start, registration, events, c.EV_ADD | c.EV_ENABLE);
    if (this.#control(count) === -1) throw c.osError("kevent", this.#kq);

    let refused = 0;
    for (let i = start; i < count; i++) {
      const error = this.#receipts.error(i);
      if (error === 0) continue;
      const isWrite = this.#changes.filter(i) === c.EVFILT_WRITE;
      if (isWrite && meansNoReader(fd, error)) this.#brokenPipes.add(registration);
      else if (isWrite || events & (EVENT_READ | EVENT_HANGUP | EVENT_PRIORITY)) refused = error;
      else this.#hangupWatches.delete(registration); // not asked for by the user
    }
    if (refused === 0) {
      const isBroken = this.#brokenPipes.has(registration);
      // Its end is known: nothing needs to watch for it, unless the user asked for EVENT_HANGUP.
      if (isBroken && watch?.events === EVENT_WRITE) this.#deleteWatch(registration, watch);
      return;
    }
    this.remove(registration);
    if (refused === c.EINVAL && events & EVENT_PRIORITY) refusePriority(fd);
    throw c.osError("kevent", fd, refused);
  }

  #deleteWatch(registration: Registration, watch: HangupWatch): void {
    watch.put(this.#changes, 0, registration, c.EV_DELETE | c.EV_RECEIPT);
    this.#control(1);
    this.#hangupWatches.delete(registration);
  }

  /** ENOENT and EBADF are success: the filter is already gone. */
  #delete(registration: Registration, events: number): void {
    this.#control(this.#put(0, registration, events, c.EV_DELETE));
  }

  /**
   * Puts a change of each filter that `events` take after the first `start` changes. Returns how
   * many changes there are then.
   */
  #put(start: number, registration: Registration, events: number, action: number): number {
    const { fd, generation, mode } = registration;
    const changes = this.#changes;
    const flags = action | c.EV_RECEIPT |
      (mode === "edge" ? c.EV_CLEAR : 0) |
      (mode === "oneshot" ? c.EV_ONESHOT : 0);
    const watch = this.#hangupWatches.get(registration);
    let count = start;
    if (watch !== undefined) {
      watch.put(changes, count++, registration, action | c.EV_RECEIPT);
    } else if (events & EVENT_READ) {
      changes.put(count++, fd, c.EVFILT_READ, flags, generation);
    }
    if (events & EVENT_WRITE) changes.put(count++, fd, c.EVFILT_WRITE, flags, generation);
    if (events & EVENT_PRIORITY && HAS_PRIORITY) {
      changes.put(count++, fd, c.EVFILT_EXCEPT, flags, generation, c.NOTE_OOB);
    }
    return count;
  }

  /**
   * Makes the first `count` changes. EV_RECEIPT answers each of them, and keeps events out of the
   * answers.
   */
  #control(count: number): number {
    const { words } = this.#receipts;
    return this.#calls.kevent(this.#kq, this.#changes.words, count, words, count, NO_TIME);
  }

  #wait(timeout: number, maxEvents: number, found: Found): Outcome {
    const count = this.#kevent(timeout, maxEvents);
    if (count === -1) {
      const error = c.errno();
      if (isInterruption(error)) return interruption(timeout);
      throw c.osError("kevent", this.#kq, error);
    }

    const events = this.#events;
    const { byFd } = this.#registrations;
    let isWoken = false;
    for (let i = 0; i < count; i++) {
      const generation = events.generation(i);
      const registration = byFd[events.fd(i)];
      if (registration !== undefined && registration.generation === generation) {
        const ready = this.#readiness(registration, events.filter(i), events.flags(i));
        if (ready !== 0) this.#report(registration, ready, found);
      } else if (generation === WAKER_GENERATION) {
        this.#waker.drain();
        isWoken = true;
      }
    }
    return isWoken ? "woken" : "looked";
  }

  // macOS refuses waits of more than 100,000,000 seconds. The longest wait here is 2^31
  // milliseconds.
  #kevent(timeout: number, maxEvents: number): number {
    const { words, length } = this.#events;
    const nevents = Math.min(length, maxEvents);
    if (timeout === Infinity) return this.#calls.kevent(this.#kq, null, 0, words, nevents, null);
    writeTimespec(this.#timespec, timeout);
    return this.#calls.kevent(this.#kq, null, 0, words, nevents, this.#timespec);
  }

  /** What an event says about its registration; 0 if it is nothing that was asked for. */
  #readiness(registration: Registration, filter: number, flags: number): number {
    if (filter === c.EVFILT_WRITE) return EVENT_WRITE;
    if (filter !== c.EVFILT_READ) return EVENT_PRIORITY;
    const isEnd = (flags & c.EV_EOF) !== 0;
    const watch = this.#hangupWatches.get(registration);
    if (watch !== undefined) return isEnd ? watch.events : 0;
    return EVENT_READ | (isEnd ? EVENT_HANGUP & registration.events : 0);
  }

  /**
   * Finds broken pipes and what the queue has. They take turns at being first, so that neither
   * starves when `maxEvents` is small.
   */
  #waitBesideBrokenPipes(maxEvents: number, found: Found): Outcome {
    const areFirst = this.#areBrokenPipesFirst = !this.#areBrokenPipesFirst;
    if (areFirst) this.#reportBrokenPipes(maxEvents, found);
    const rest = maxEvents - found.events.length;
    const outcome = rest > 0 ? this.#wait(0, rest, found) : "looked";
    if (!areFirst) this.#reportBrokenPipes(maxEvents, found);
    return outcome;
  }

  #reportBrokenPipes(maxEvents: number, found: Found): void {
    for (const registration of [...this.#brokenPipes]) {
      if (found.events.length >= maxEvents) return;
      this.#brokenPipes.delete(registration);
      if (!this.#isBrokenPipe(registration)) continue;
      this.#brokenPipes.add(registration); // the last one from now on
      this.#report(registration, registration.events & (EVENT_WRITE | EVENT_HANGUP), found);
    }
  }

  /** Tries again: the descriptor may be closed by now, and its number another file's. */
  #isBrokenPipe(registration: Registration): boolean {
    const { fd, generation } = registration;
    this.#changes.put(0, fd, c.EVFILT_WRITE, c.EV_ADD | c.EV_RECEIPT, generation);
    if (this.#control(1) === -1) return false;
    const error = this.#receipts.error(0);
    if (error === 0) this.#delete(registration, EVENT_WRITE);
    return meansNoReader(fd, error);
  }

  /** Adds events to `found`, as one with the registration's others. */
  #report(registration: Registration, events: number, found: Found): void {
    if (registration.foundAt !== NOT_FOUND) {
      return found.extend(registration.foundAt, registration, events);
    }
    registration.foundAt = this.#reported.push(registration) - 1;
    found.add(registration, events);
  }

  /**
   * Disarms a reported "oneshot" registration as a whole, including filters that did not fire. Lets
   * a "level" hang-up be reported as long as it lasts.
   */
  #afterReport(registration: Registration, reported: number): void {
    const { mode, events } = registration;
    const watch = this.#hangupWatches.get(registration);
    if (mode === "level") {
      if (watch === undefined || watch.isLevel || (reported & watch.events) === 0) return;
      watch.isLevel = true;
      // EV_ADD does not change EV_CLEAR of an existing filter.
      watch.put(this.#changes, 0, registration, c.EV_DELETE | c.EV_RECEIPT);
      watch.put(this.#changes, 1, registration, c.EV_ADD | c.EV_ENABLE | c.EV_RECEIPT);
      this.#control(2);
      return;
    }
    this.#brokenPipes.delete(registration);
    if (mode === "edge") return;
    registration.armed = false;
    if (watch !== undefined || reported !== events) this.#delete(registration, events);
  }
}

/**
 * Watches for the end of input of a registration without EVENT_READ. With NOTE_LOWAT the filter
 * does not fire for data, except for pipes on FreeBSD and NetBSD and for a full buffer on macOS.
 * EV_CLEAR makes it fire only once then, and such an event is dropped for want of EV_EOF.
 */
class HangupWatch {
  /** Whether the end has been reported, and is to be reported as long as it lasts. */
  isLevel = false;

  /** @param events What the end of input means. */
  constructor(readonly events: number) {}

  /** Puts a change of the filter. */
  put(changes: Kevents, index: number, { fd, generation }: Registration, action: number): void {
    const flags = action | (this.isLevel ? 0 : c.EV_CLEAR);
    changes.put(index, fd, c.EVFILT_READ, flags, generation, c.NOTE_LOWAT, INT_MAX);
  }
}

function hangupWatchOf({ fd, events }: Registration): HangupWatch | undefined {
  if (events & EVENT_READ) return undefined;
  const isMissed = events & EVENT_WRITE && missesGoneReader(fd);
  const onEnd = (events & EVENT_HANGUP) | (isMissed ? EVENT_WRITE : 0);
  return onEnd === 0 ? undefined : new HangupWatch(onEnd);
}

/** Whether kqueue refused to watch a pipe for writing because it has no reader left. */
function meansNoReader(fd: number, error: number): boolean {
  return error === c.EPIPE || error === c.EBADF && isOpen(fd); // EBADF on NetBSD
}

function refusePriority(fd: number): never {
  throw new Deno.errors.NotSupported(
    `KqueueSelector does not support EVENT_PRIORITY for ${fd}: it takes macOS' EVFILT_EXCEPT`,
  );
}
