/**
 * epoll(7): the kernel keeps the list of what to watch, so that a wait costs what is ready, not
 * what is registered. A pitfall: the list holds open files, not descriptors, so that an entry
 * outlives a closed descriptor for as long as a duplicate of it is open.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { makeOsError } from "../ffi/errno.ts";
import { writeTimespec } from "../os/time.ts";
import { BaseSelector } from "./base.ts";
import { interruption, isInterruption, type Mechanism, type Outcome } from "./mechanism.ts";
import type { Found, Registration, Registrations } from "./registrations.ts";
import {
  EVENT_HANGUP,
  EVENT_PRIORITY,
  EVENT_READ,
  EVENT_WRITE,
  type FileObject,
  type TriggerMode,
} from "./types.ts";
import { reactor } from "./reactor.ts";
import type { Waker } from "./waker.ts";

// The fields of struct epoll_event in an array of 32-bit words. The 64 bits of `data` carry the
// descriptor and the generation of its registration.
const WORDS = c.epoll_event.size / 4;
const EVENTS = c.epoll_event.offsets.events / 4;
const FD = c.epoll_event.offsets.data / 4;
const GENERATION = FD + 1;

const WAKER_GENERATION = 0;

// The C library may have epoll_pwait2() and the kernel not: the first ENOSYS tells.
let pwait2: boolean | undefined;

/**
 * A selector on epoll(7), on Linux. It has every mode and every event.
 *
 * @example
 * ```ts ignore
 * import { EpollSelector, EVENT_READ } from "@syscall/selectors";
 *
 * using selector = new EpollSelector();
 * selector.register(0, EVENT_READ); // standard input
 * console.log(selector.select(1000));
 * ```
 */
export class EpollSelector<Data = undefined, File extends FileObject = FileObject>
  extends BaseSelector<Data, File> {
  readonly #epoll: Epoll;

  /** Whether the platform has epoll. */
  static override isSupported(): boolean {
    return c.isPlatformWith("epoll");
  }

  /**
   * A selector with nothing registered.
   *
   * @throws {Deno.errors.NotSupported} When the platform lacks epoll.
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   * @throws An OS error when there are no descriptors left (EMFILE, ENFILE).
   */
  constructor() {
    let epoll!: Epoll;
    super((registrations, waker) => epoll = new Epoll(registrations, waker));
    this.#epoll = epoll;
  }

  /** The epoll descriptor itself, which another selector can watch; -1 once closed. */
  fileno(): number {
    return this.#epoll.fileno();
  }
}

class Epoll implements Mechanism {
  readonly #registrations: Registrations;
  readonly #waker: Waker;
  #epfd: number;
  #generation = WAKER_GENERATION;
  #events = new Int32Array(64 * WORDS);
  readonly #event = new Int32Array(WORDS);
  readonly #timespec = new Uint8Array(c.timespec.size);

  constructor(registrations: Registrations, waker: Waker) {
    this.#registrations = registrations;
    this.#waker = waker;
    this.#epfd = this.#create();
    pwait2 ??= c.has_epoll_pwait2();
  }

  fileno(): number {
    return this.#epfd;
  }

  check(_fd: number, _events: number, _mode: TriggerMode): void {}

  add(registration: Registration): void {
    this.#control(c.EPOLL_CTL_ADD, registration);
    // There is room for every registration and the waker, so that one wait can report all of them.
    if (this.#events.length < (this.#registrations.size + 2) * WORDS) {
      this.#events = new Int32Array(this.#events.length * 2);
    }
  }

  change(registration: Registration): void {
    this.#control(c.EPOLL_CTL_MOD, registration);
  }

  rearm(registration: Registration): void {
    this.#tryControl(c.EPOLL_CTL_MOD, registration); // and no ADD: the number may be another file's
  }

  remove(registration: Registration): void {
    // ENOENT and EBADF are success: the descriptor was closed before.
    c.epoll_ctl(this.#epfd, c.EPOLL_CTL_DEL, registration.fd, null);
  }

  wait(timeout: number, maxEvents: number, found: Found): Outcome {
    const count = this.#wait(timeout, maxEvents);
    if (count === -1) {
      const error = c.errno();
      if (isInterruption(error)) return interruption(timeout);
      throw c.osError("epoll_wait", this.#epfd, error);
    }

    const events = this.#events;
    const { byFd } = this.#registrations;
    let isWoken = false;
    let stale: number[] | undefined;
    for (let at = 0; at < count * WORDS; at += WORDS) {
      const fd = events[at + FD]!;
      const generation = events[at + GENERATION]!;
      const registration = byFd[fd];
      if (registration !== undefined && registration.generation === generation) {
        if (registration.mode === "oneshot") registration.armed = false;
        found.add(registration, readiness(events[at + EVENTS]!, registration.events));
      } else if (generation === WAKER_GENERATION) {
        this.#waker.drain();
        isWoken = true;
      } else {
        (stale ??= []).push(fd);
      }
    }
    // Only after the loop is it known which "oneshot" registrations were reported.
    if (stale !== undefined) return this.#afterStale(stale, isWoken, maxEvents, found);
    return isWoken ? "woken" : "looked";
  }

  readonly isPollable = true;

  pollfds(): Int32Array {
    return new Int32Array([this.#epfd, c.POLLIN]);
  }

  isWatching(registration: Registration): boolean {
    if (this.#tryControl(c.EPOLL_CTL_MOD, registration) === 0) return true;
    const error = c.errno();
    // EPERM: the number is a regular file's by now. Other errors prove nothing.
    return error !== c.ENOENT && error !== c.EBADF && error !== c.EPERM;
  }

  close(): void {
    if (this.#epfd !== -1) c.close(this.#epfd);
    this.#epfd = -1;
  }

  #create(): number {
    const epfd = c.epoll_create1(c.EPOLL_CLOEXEC);
    if (epfd === -1) throw c.osError("epoll_create1", "");
    const waker = this.#waker.fileno();
    if (this.#epoll_ctl(c.EPOLL_CTL_ADD, epfd, waker, c.EPOLLIN, WAKER_GENERATION) === -1) {
      const error = c.osError("epoll_ctl", waker);
      c.close(epfd);
      throw error;
    }
    return epfd;
  }

  #control(operation: number, registration: Registration): void {
    const { fd } = registration;
    if (this.#tryControl(operation, registration) === 0) return;
    let error = c.errno();

    // The kernel's list follows open files and ours follows numbers: after close(2), dup(2) and
    // reuse of a number either may hold an entry that the other lacks.
    if (error === c.EEXIST || error === c.ENOENT) {
      const other = error === c.EEXIST ? c.EPOLL_CTL_MOD : c.EPOLL_CTL_ADD;
      if (this.#tryControl(other, registration) === 0) return;
      error = c.errno();
    }
    if (error === c.EPERM) {
      throw makeOsError(
        `epoll_ctl ${fd}: epoll cannot wait for regular files, directories and devices such as ` +
          `/dev/null; poll reports them as always ready (EPERM ${error})`,
        "epoll_ctl",
        "EPERM",
        error,
      );
    }
    throw c.osError("epoll_ctl", fd, error);
  }

  #tryControl(operation: number, registration: Registration): number {
    const { fd } = registration;
    // A new entry differs from one that an earlier file may have left under the same number.
    if (operation === c.EPOLL_CTL_ADD) {
      this.#generation = (this.#generation + 1 | 0) || WAKER_GENERATION + 1;
      registration.generation = this.#generation;
    }
    const events = interest(registration.events, registration.mode);
    return this.#epoll_ctl(operation, this.#epfd, fd, events, registration.generation);
  }

  #epoll_ctl(op: number, epfd: number, fd: number, events: number, generation: number): number {
    const event = this.#event;
    event[EVENTS] = events;
    event[FD] = fd;
    event[GENERATION] = generation;
    return c.epoll_ctl(epfd, op, fd, event);
  }

  #wait(timeout: number, maxEvents: number): number {
    const events = this.#events;
    const maxevents = Math.min(events.length / WORDS, maxEvents);
    if (timeout === Infinity) return c.epoll_wait(this.#epfd, events, maxevents, -1);
    if (pwait2 && !Number.isInteger(timeout)) {
      writeTimespec(this.#timespec, timeout);
      const count = c.epoll_pwait2(this.#epfd, events, maxevents, this.#timespec);
      if (count !== -1 || c.errno() !== c.ENOSYS) return count;
      pwait2 = false;
    }
    return c.epoll_wait(this.#epfd, events, maxevents, Math.ceil(timeout));
  }

  /**
   * Removes stale entries. If they alone ended the wait, what is ready behind them is found now.
   */
  #afterStale(stale: number[], isWoken: boolean, maxEvents: number, found: Found): Outcome {
    const hasResult = isWoken || found.events.length > 0;
    try {
      this.#removeStale(stale);
    } catch (error) {
      // The list cannot be rebuilt (EMFILE): return what was found; the next wait tries again.
      if (!hasResult) throw error;
    }
    if (!hasResult) return this.wait(0, maxEvents, found);
    return isWoken ? "woken" : "looked";
  }

  /**
   * Removes the entries of registrations that are gone: their descriptors were closed while
   * duplicates live on, and the kernel would report them for ever. epoll(7), "Questions and
   * answers" 6. Such an entry can no longer be named: if removing it fails, the list is rebuilt
   * without it, under the same number.
   */
  #removeStale(stale: number[]): void {
    const { byFd } = this.#registrations;
    const isRemoved = stale.map((fd) =>
      byFd[fd] === undefined && c.epoll_ctl(this.#epfd, c.EPOLL_CTL_DEL, fd, null) === 0
    );
    if (isRemoved.every(Boolean)) return;

    const epfd = this.#create();
    for (const registration of this.#registrations) {
      // Only what the old list still has: a closed number may belong to another file by now.
      if (!registration.armed || !this.isWatching(registration)) continue;
      const { fd, generation, events, mode } = registration;
      this.#epoll_ctl(c.EPOLL_CTL_ADD, epfd, fd, interest(events, mode), generation);
    }
    const result = c.dup3(epfd, this.#epfd, c.O_CLOEXEC);
    const error = c.errno();
    c.close(epfd);
    if (result === -1) throw c.osError("dup3", this.#epfd, error);
    reactor.wake(); // a call that waits for the old list does not see the new one
  }
}

function interest(events: number, mode: TriggerMode): number {
  return (events & EVENT_READ ? c.EPOLLIN : 0) |
    (events & EVENT_WRITE ? c.EPOLLOUT : 0) |
    (events & EVENT_PRIORITY ? c.EPOLLPRI : 0) |
    (events & EVENT_HANGUP ? c.EPOLLRDHUP : 0) |
    (mode === "edge" ? c.EPOLLET : 0) |
    (mode === "oneshot" ? c.EPOLLONESHOT : 0);
}

const IS_READABLE = c.EPOLLIN | c.EPOLLHUP | c.EPOLLERR;
const IS_WRITABLE = c.EPOLLOUT | c.EPOLLHUP | c.EPOLLERR;
const IS_HUNG_UP = c.EPOLLRDHUP | c.EPOLLHUP | c.EPOLLERR;

/**
 * What epoll reported, limited to the events that were asked for. A hang-up or an error counts as
 * readable, writable and hung up. If none of the events asked for remains (of EVENT_PRIORITY alone,
 * say), all of them are reported: what ended the wait must appear in its result.
 */
function readiness(events: number, asked: number): number {
  const ready = (events & IS_READABLE ? EVENT_READ : 0) |
    (events & IS_WRITABLE ? EVENT_WRITE : 0) |
    (events & c.EPOLLPRI ? EVENT_PRIORITY : 0) |
    (events & IS_HUNG_UP ? EVENT_HANGUP : 0);
  return ready & asked || asked;
}
