/**
 * poll(2): each wait passes the kernel an array of what to watch, and searches it afterwards. A
 * pitfall: a closed descriptor is no error, but is reported as POLLNVAL by every wait. On Windows
 * it is WSAPoll(), which does not report a refused connection before Windows 10 2004.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { checkOpen, isOpen } from "../os/descriptor.ts";
import { POLL_HANGUP, POLL_READ, Pollfds, reventsOf } from "../os/pollfd.ts";
import { writeTimespec } from "../os/time.ts";
import { BaseSelector } from "./base.ts";
import {
  checkNotEdge,
  interruption,
  isInterruption,
  type Mechanism,
  type Outcome,
} from "./mechanism.ts";
import { pollEvents, readyEvents } from "./poll_events.ts";
import type { Found, Registration, Registrations } from "./registrations.ts";
import { EVENT_HANGUP, type FileObject, type TriggerMode } from "./types.ts";
import type { Waker } from "./waker.ts";

const WAKER_SLOT = 0;
const NO_SLOT = -1;

/**
 * A selector on poll(2), or WSAPoll() on Windows. It has the modes "level" and "oneshot". Its
 * EVENT_HANGUP takes POLLRDHUP, which Linux and FreeBSD have.
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
  // The waker has the first slot of both arrays, each armed registration another one, in no order.
  readonly #fds = new Pollfds(64);
  readonly #slots: (Registration | undefined)[] = [undefined];
  #next = 1; // the slot that the next search begins with
  readonly #timespec = new Uint8Array(c.timespec.size);

  constructor(registrations: Registrations, waker: Waker) {
    this.#registrations = registrations;
    this.#waker = waker;
    this.#fds.put(WAKER_SLOT, waker.fileno(), POLL_READ);
  }

  fileno(): number {
    return -1;
  }

  check(_fd: number, events: number, mode: TriggerMode): void {
    checkNotEdge(mode, "PollSelector");
    if ((events & EVENT_HANGUP) === 0 || POLL_HANGUP !== 0) return;
    throw new Deno.errors.NotSupported(
      "PollSelector does not support EVENT_HANGUP here: poll(2) lacks POLLRDHUP on this platform",
    );
  }

  add(registration: Registration): void {
    checkOpen(registration.fd);
    this.#put(registration);
  }

  change(registration: Registration): void {
    checkOpen(registration.fd);
    this.#put(registration);
  }

  rearm(registration: Registration): void {
    this.#put(registration);
  }

  remove(registration: Registration): void {
    const { slot } = registration;
    if (slot === NO_SLOT) return; // a reported "oneshot" registration
    registration.slot = NO_SLOT;
    const last = this.#slots.pop()!;
    if (last === registration) return;
    this.#slots[slot] = last;
    this.#fds.copy(last.slot, slot);
    last.slot = slot;
  }

  wait(timeout: number, maxEvents: number, found: Found): Outcome {
    let count = this.#poll(timeout);
    if (count === -1) {
      const error = c.errno();
      if (isInterruption(error)) return interruption(timeout);
      if (error === c.ENOTSOCK) return this.#dropClosed();
      throw c.osError("poll", "", error);
    }

    const isWoken = reventsOf(this.#fds.words, WAKER_SLOT) !== 0;
    if (isWoken) count--;
    const oneshots = this.#search(count, maxEvents, found);
    // Only now, when nothing can throw any more, are the wake-up and "oneshot" used up.
    if (isWoken) this.#waker.drain();
    for (const registration of oneshots) this.#disarm(registration);
    return isWoken ? "woken" : "looked";
  }

  readonly isPollable = false;

  pollfds(): Int32Array {
    return this.#fds.head(this.#slots.length);
  }

  isWatching({ fd }: Registration): boolean {
    return isOpen(fd);
  }

  close(): void {
    this.#slots.length = 1;
  }

  #put(registration: Registration): void {
    if (registration.slot === NO_SLOT) registration.slot = this.#slots.push(registration) - 1;
    this.#fds.put(registration.slot, registration.fd, pollEvents(registration.events));
  }

  #poll(timeout: number): number {
    const nfds = this.#slots.length;
    const { words } = this.#fds;
    if (timeout === Infinity) return c.poll(words, nfds, -1);
    if (Number.isInteger(timeout) || !c.has_ppoll()) return c.poll(words, nfds, Math.ceil(timeout));
    writeTimespec(this.#timespec, timeout);
    return c.ppoll(words, nfds, this.#timespec);
  }

  /**
   * Adds `count` ready registrations to `found`, or `maxEvents` of them. The next search begins
   * after the last one, so that no descriptor starves. Returns the "oneshot" ones among them.
   */
  #search(count: number, maxEvents: number, found: Found): Registration[] {
    const oneshots: Registration[] = [];
    const { words } = this.#fds;
    const slots = this.#slots;
    const length = slots.length;
    let slot = count > maxEvents && this.#next < length ? this.#next : 1;
    let rest = Math.min(count, maxEvents);
    for (let searched = 1; rest > 0 && searched < length; searched++, slot++) {
      if (slot === length) slot = 1;
      const revents = reventsOf(words, slot);
      if (revents === 0) continue;
      rest--;
      const registration = slots[slot]!;
      if (revents & c.POLLNVAL) this.#drop(registration);
      found.add(registration, readyEvents(revents, registration.events));
      if (registration.mode === "oneshot") oneshots.push(registration);
    }
    this.#next = slot;
    return oneshots;
  }

  #disarm(registration: Registration): void {
    registration.armed = false;
    this.remove(registration);
  }

  /** WSAPoll() may fail when a registered socket was closed, and does not say which one. */
  #dropClosed(): Outcome {
    const closed = this.#slots.find((registration) => registration && !isOpen(registration.fd));
    return closed === undefined ? "looked" : this.#drop(closed);
  }

  /** Unregisters a closed descriptor, so that it is reported once. */
  #drop(registration: Registration): never {
    this.#registrations.delete(registration);
    this.remove(registration);
    throw c.osError("poll", registration.fd, c.EBADF);
  }
}
