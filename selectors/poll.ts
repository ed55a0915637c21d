/**
 * poll(2): an array of what to watch is handed to the kernel at each wait, and looked through afterwards. Odd about
 * it: a descriptor that is not open is no error but POLLNVAL, for ever. On Windows it is WSAPoll(), which does not report a refused
 * connection before Windows 10 2004.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { platform } from "../ffi/platform.ts";
import { checkOpen, isOpen } from "../os/descriptor.ts";
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

// A struct pollfd is 32-bit words: the descriptor first (on Windows its lower half), and one with events in the lower and revents in the
// upper half.
const WORDS = c.pollfd.size / 4;
const EVENTS = c.pollfd.offsets.events / 4;
const REVENTS_SHIFT = 16;

// WSAPoll refuses POLLPRI. What others call so is POLLRDBAND there, and a part of its POLLIN.
const READABLE = platform.isWinsock ? c.POLLRDNORM : c.POLLIN;
const URGENT = platform.isWinsock ? c.POLLRDBAND : c.POLLPRI;
// Elsewhere a hang-up is of both directions. WSAPoll tells so that the peer has shut down its writing half: it can be sent to still.
const WRITABLE = platform.isWinsock ? c.POLLOUT | c.POLLERR : c.POLLOUT | c.POLLERR | c.POLLHUP;

/**
 * poll(2). Has "level" and "oneshot", not "edge".
 *
 * @example
 * ```ts ignore
 * import { EVENT_READ, PollSelector } from "@syscall/selectors";
 *
 * using selector = new PollSelector();
 * selector.register(0, EVENT_READ); // standard input
 * console.log(selector.select(1000));
 * ```
 */
export class PollSelector<Data = undefined, File extends FileObject = FileObject>
  extends BaseSelector<Data, File> {
  /** Whether the platform has poll. */
  static override isSupported(): boolean {
    return c.isPlatformWith("poll");
  }

  /**
   * A selector with nothing registered.
   *
   * @throws {Deno.errors.NotSupported} When the platform lacks poll.
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   * @throws An OS error when there are no descriptors left (EMFILE, ENFILE).
   */
  constructor() {
    super((registrations, waker) => new Poll(registrations, waker));
  }
}

class Poll implements Mechanism {
  readonly #registrations: Registrations;
  readonly #waker: Waker;
  // The waker comes first, then a struct for each registration that is armed, in no order.
  #fds = new Int32Array(64 * WORDS);
  #order: (Registration | undefined)[] = [undefined];
  readonly #timespec = new Uint8Array(c.timespec.size);

  constructor(registrations: Registrations, waker: Waker) {
    this.#registrations = registrations;
    this.#waker = waker;
    this.#fds[0] = this.#waker.fileno();
    this.#fds[EVENTS] = c.POLLIN;
  }

  check(_fd: number, _events: number, mode: TriggerMode): void {
    checkNotEdge(mode, "PollSelector");
  }

  add(registration: Registration): void {
    checkOpen(registration.fd);
    this.#write(registration);
  }

  change(registration: Registration): void {
    checkOpen(registration.fd);
    this.#write(registration);
  }

  remove(registration: Registration): void {
    const { index } = registration;
    if (index === -1) return; // it was "oneshot", and reported
    registration.index = -1;
    const last = this.#order.pop()!;
    if (last === registration) return;
    this.#order[index] = last;
    this.#fds.copyWithin(index * WORDS, last.index * WORDS, (last.index + 1) * WORDS);
    last.index = index;
  }

  wait(timeout: number, _maxEvents: number, found: Found): Outcome {
    let count = this.#poll(timeout);
    if (count === -1) {
      const error = c.errno();
      if (isInterruption(error)) return timeout > 0 ? "interrupted" : "looked"; // a signal that is pending ends even a look
      if (error === c.ENOTSOCK) return this.#dropClosed();
      throw c.osError("poll", "", error);
    }

    const fds = this.#fds;
    const fired: Registration[] = [];
    const over = fds[EVENTS]! >>> REVENTS_SHIFT !== 0;
    if (over) count--;
    for (let index = 1; count > 0; index++) {
      const revents = fds[index * WORDS + EVENTS]! >>> REVENTS_SHIFT;
      if (revents === 0) continue;
      count--;
      const registration = this.#order[index]!;
      if (revents & c.POLLNVAL) return this.#drop(registration);
      found.add(registration, readiness(revents, registration.events));
      if (registration.mode === "oneshot") fired.push(registration);
    }
    // Only now, when nothing can throw any more, are the wake-up and "oneshot" used up.
    if (over) this.#waker.drain();
    for (const registration of fired) this.#disarm(registration);
    return over ? "woken" : "looked";
  }

  readonly isPollable = false;

  pollfds(): Int32Array {
    return this.#fds.subarray(0, this.#order.length * WORDS);
  }

  isWatching({ fd }: Registration): boolean {
    return isOpen(fd);
  }

  close(): void {
    this.#order.length = 1;
  }

  #poll(timeout: number): number {
    const count = this.#order.length;
    if (timeout === Infinity) return c.poll(this.#fds, count, -1);
    if (Number.isInteger(timeout) || !c.has_ppoll()) {
      return c.poll(this.#fds, count, Math.ceil(timeout));
    }
    const nanoseconds = Math.ceil(timeout * 1e6);
    const tv_sec = Math.floor(nanoseconds / 1e9);
    c.timespec.write(this.#timespec, { tv_sec, tv_nsec: nanoseconds - tv_sec * 1e9 });
    return c.ppoll(this.#fds, count, this.#timespec);
  }

  #write(registration: Registration): void {
    if (registration.index === -1) registration.index = this.#order.push(registration) - 1;
    if (this.#fds.length < this.#order.length * WORDS) {
      const grown = new Int32Array(this.#fds.length * 2);
      grown.set(this.#fds);
      this.#fds = grown;
    }
    const { fd, index, events } = registration;
    this.#fds[index * WORDS] = fd;
    this.#fds[index * WORDS + EVENTS] = interest(events);
  }

  #disarm(registration: Registration): void {
    registration.armed = false;
    this.remove(registration);
  }

  /** WSAPoll may fail as a whole where a registered socket was closed, without saying which. */
  #dropClosed(): Outcome {
    const closed = this.#order.find((registration) => registration && !isOpen(registration.fd));
    return closed === undefined ? "looked" : this.#drop(closed);
  }

  /** A registered descriptor was closed: said once, with the key dropped, since poll would say so at each wait. */
  #drop(registration: Registration): never {
    this.#registrations.delete(registration);
    this.remove(registration);
    throw c.osError("poll", registration.fd, c.EBADF);
  }
}

/** The events of a struct pollfd. */
export function interest(events: number): number {
  return (events & EVENT_READ ? READABLE : 0) |
    (events & EVENT_WRITE ? c.POLLOUT : 0) |
    (events & EVENT_PRIORITY ? URGENT : 0);
}

/**
 * A hang-up or an error is readable and writable, cut down to what was asked for. Where that leaves nothing (only
 * EVENT_PRIORITY was asked for), it is that: a descriptor that ends the wait must be seen in its result.
 */
function readiness(revents: number, asked: number): number {
  let ready = 0;
  if (revents & (READABLE | c.POLLHUP | c.POLLERR)) ready |= EVENT_READ;
  if (revents & WRITABLE) ready |= EVENT_WRITE;
  if (revents & URGENT) ready |= EVENT_PRIORITY;
  return ready & asked || asked;
}

/** Neither poll nor select remembers what it reported last, which "edge" would need. */
export function checkNotEdge(mode: TriggerMode, name: string): void {
  if (mode === "edge") {
    throw new Deno.errors.NotSupported(
      `${name} has no "edge" mode: use EpollSelector or KqueueSelector`,
    );
  }
}
