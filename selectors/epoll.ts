/**
 * epoll(7): the kernel keeps the list of what to watch, so that a wait costs what is ready, not what is registered.
 * Odd about it: the list holds open files, not descriptors, so an entry lives on while any duplicate of a closed
 * descriptor does.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { BaseSelector } from "./base.ts";
import { isInterruption, type Mechanism, type Outcome } from "./mechanism.ts";
import type { Found, Registration, Registrations } from "./registrations.ts";
import {
  EVENT_PRIORITY,
  EVENT_READ,
  EVENT_WRITE,
  type FileObject,
  type TriggerMode,
} from "./types.ts";
import type { Waker } from "./waker.ts";

// Where the fields of struct epoll_event lie in an array of 32-bit words. The 64 bits of `data` carry the descriptor
// and the generation of its registration.
const WORDS = c.epoll_event.size / 4;
const EVENTS = c.epoll_event.offsets.events / 4;
const FD = c.epoll_event.offsets.data / 4;
const GENERATION = FD + 1;

const WAKER_GENERATION = 0;

// glibc may have the function and an old kernel not: the first ENOSYS settles it.
let pwait2: boolean | undefined;

/**
 * epoll(7), on Linux.
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

  /** The epoll descriptor itself, which can be registered elsewhere; -1 once closed. */
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
    // Room for every registration and the waker: one wait reports all that is ready.
    if (this.#events.length < (this.#registrations.size + 2) * WORDS) {
      this.#events = new Int32Array(this.#events.length * 2);
    }
  }

  change(registration: Registration): void {
    this.#control(c.EPOLL_CTL_MOD, registration);
  }

  remove(registration: Registration): void {
    // Fails with ENOENT or EBADF where the descriptor was closed before: that is what was wanted.
    c.epoll_ctl(this.#epfd, c.EPOLL_CTL_DEL, registration.fd, null);
  }

  wait(timeout: number, maxEvents: number, found: Found): Outcome {
    const count = this.#wait(timeout, maxEvents);
    if (count === -1) {
      const error = c.errno();
      if (isInterruption(error)) return timeout > 0 ? "interrupted" : "looked"; // a signal that is pending ends even a look
      throw c.osError("epoll_wait", this.#epfd, error);
    }

    const events = this.#events;
    const { byFd } = this.#registrations;
    let over = false;
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
        over = true;
      } else {
        (stale ??= []).push(fd);
      }
    }
    // Only now, when it is known which "oneshot" is used up.
    if (stale !== undefined) this.#trySilence(stale, over || found.events.length > 0);
    return over ? "woken" : "looked";
  }

  readonly isPollable = true;

  pollfds(): Int32Array {
    return new Int32Array([this.#epfd, c.POLLIN]);
  }

  isWatching(registration: Registration): boolean {
    if (this.#tryControl(c.EPOLL_CTL_MOD, registration) === 0) return true;
    const error = c.errno();
    return error !== c.ENOENT && error !== c.EBADF; // without memory, say, nothing is known: so it is as before
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

    // The kernel's list follows open files and ours numbers: after close(2), dup(2) and reuse either may know more.
    if (error === c.EEXIST || error === c.ENOENT) {
      const other = error === c.EEXIST ? c.EPOLL_CTL_MOD : c.EPOLL_CTL_ADD;
      if (this.#tryControl(other, registration) === 0) return;
      error = c.errno();
    }
    if (error === c.EPERM) {
      throw c.makeOsError(
        `epoll_ctl ${fd}: regular files are always ready; epoll does not take them (EPERM ${error})`,
        "epoll_ctl",
        "EPERM",
        error,
      );
    }
    throw c.osError("epoll_ctl", fd, error);
  }

  #tryControl(operation: number, registration: Registration): number {
    const { fd } = registration;
    // A new entry is told from one that an earlier file may have left under the same number.
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

  #wait(timeout: number, limit: number): number {
    const events = this.#events;
    const maxevents = Math.min(events.length / WORDS, limit);
    if (timeout === Infinity) return c.epoll_wait(this.#epfd, events, maxevents, -1);
    if (pwait2 && !Number.isInteger(timeout)) {
      const nanoseconds = Math.ceil(timeout * 1e6);
      const tv_sec = Math.floor(nanoseconds / 1e9);
      c.timespec.write(this.#timespec, { tv_sec, tv_nsec: nanoseconds - tv_sec * 1e9 });
      const count = c.epoll_pwait2(this.#epfd, events, maxevents, this.#timespec);
      if (count !== -1 || c.errno() !== c.ENOSYS) return count;
      pwait2 = false;
    }
    return c.epoll_wait(this.#epfd, events, maxevents, Math.ceil(timeout));
  }

  /** Out of descriptors, say, what is ready is not lost: the next wait sees the rest again. */
  #trySilence(stale: number[], canWait: boolean): void {
    try {
      this.#silence(stale);
    } catch (error) {
      if (!canWait) throw error;
    }
  }

  /**
   * After events of registrations that are gone: their descriptors were closed while duplicates live on. epoll(7), "Questions and
   * answers" 6. The kernel no longer lets us name the entries, and would report them for ever: so where removing fails, the list is
   * made anew, without them, under the same number.
   */
  #silence(stale: number[]): void {
    const { byFd } = this.#registrations;
    const isRemoved = stale.map((fd) =>
      byFd[fd] === undefined && c.epoll_ctl(this.#epfd, c.EPOLL_CTL_DEL, fd, null) === 0
    );
    if (isRemoved.every(Boolean)) return;

    const epfd = this.#create();
    for (const registration of this.#registrations) {
      // Only what the old list has still: a number that was closed meanwhile may be another file's by now.
      if (!registration.armed || !this.isWatching(registration)) continue;
      const { fd, generation, events, mode } = registration;
      this.#epoll_ctl(c.EPOLL_CTL_ADD, epfd, fd, interest(events, mode), generation);
    }
    const result = c.dup3(epfd, this.#epfd, c.O_CLOEXEC);
    const error = c.errno();
    c.close(epfd);
    if (result === -1) throw c.osError("dup3", this.#epfd, error);
  }
}

function interest(events: number, mode: TriggerMode): number {
  return (events & EVENT_READ ? c.EPOLLIN : 0) |
    (events & EVENT_WRITE ? c.EPOLLOUT : 0) |
    (events & EVENT_PRIORITY ? c.EPOLLPRI : 0) |
    (mode === "edge" ? c.EPOLLET : 0) |
    (mode === "oneshot" ? c.EPOLLONESHOT : 0);
}

/**
 * A hang-up or an error is readable and writable, cut down to what was asked for. Where that leaves nothing (only
 * EVENT_PRIORITY was asked for), it is that: a descriptor that ends the wait must be seen in its result.
 */
function readiness(events: number, asked: number): number {
  let ready = 0;
  if (events & (c.EPOLLIN | c.EPOLLHUP | c.EPOLLERR)) ready |= EVENT_READ;
  if (events & (c.EPOLLOUT | c.EPOLLHUP | c.EPOLLERR)) ready |= EVENT_WRITE;
  if (events & c.EPOLLPRI) ready |= EVENT_PRIORITY;
  return ready & asked || asked;
}
