/**
 * select(2): each wait passes the kernel three sets of descriptors, and the kernel leaves the ready
 * ones in them. A pitfall: the sets end at FD_SETSIZE, and a closed descriptor fails the whole wait
 * without being named. On Windows the sets are lists of at most FD_SETSIZE sockets.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { checkOpen, isOpen } from "../os/descriptor.ts";
import { createFdSets, IN_EXCEPT, IN_READ, IN_WRITE } from "../os/fd_sets.ts";
import { POLL_READ, Pollfds } from "../os/pollfd.ts";
import { writeTimeval } from "../os/time.ts";
import { BaseSelector } from "./base.ts";
import {
  checkNotEdge,
  interruption,
  isInterruption,
  type Mechanism,
  type Outcome,
} from "./mechanism.ts";
import { pollEvents } from "./poll_events.ts";
import type { Found, Registration, Registrations } from "./registrations.ts";
import {
  EVENT_HANGUP,
  type EVENT_PRIORITY,
  type EVENT_READ,
  type EVENT_WRITE,
  type FileObject,
  type TriggerMode,
} from "./types.ts";
import type { Waker } from "./waker.ts";

// The bits that name the sets are those of the events, so that nothing has to be converted.
const _sameBits: [typeof EVENT_READ, typeof EVENT_WRITE, typeof EVENT_PRIORITY] = [
  IN_READ,
  IN_WRITE,
  IN_EXCEPT,
];

/**
 * A selector on select(2). It has the modes "level" and "oneshot", and no EVENT_HANGUP. Descriptors
 * from FD_SETSIZE up are refused with RangeError; on Windows more than FD_SETSIZE sockets are.
 *
 * @example
 * ```ts ignore
 * import { EVENT_READ, SelectSelector } from "@syscall/selectors";
 *
 * using selector = new SelectSelector();
 * selector.register(0, EVENT_READ); // standard input
 * console.log(selector.select(1000));
 * ```
 */
export class SelectSelector<Data = undefined, File extends FileObject = FileObject>
  extends BaseSelector<Data, File> {
  /** Whether the platform has select. */
  static override isSupported(): boolean {
    return c.isPlatformWith("select");
  }

  /**
   * A selector with nothing registered.
   *
   * @throws {Deno.errors.NotSupported} When the platform lacks select.
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   * @throws {RangeError} When all descriptors below FD_SETSIZE are taken, so that the selector's
   * own does not fit.
   * @throws An OS error when there are no descriptors left (EMFILE, ENFILE).
   */
  constructor() {
    super((registrations, waker) => new Select(registrations, waker));
  }
}

class Select implements Mechanism {
  readonly #registrations: Registrations;
  readonly #waker: Waker;
  readonly #watched = createFdSets();
  readonly #ready = createFdSets();
  #next = 0; // the descriptor that the next search begins with
  readonly #timeval = new Uint8Array(c.timeval.size);

  constructor(registrations: Registrations, waker: Waker) {
    this.#registrations = registrations;
    this.#waker = waker;
    this.#watched.check(waker.fileno(), 0);
    this.#watched.put(waker.fileno(), IN_READ);
  }

  fileno(): number {
    return -1;
  }

  check(fd: number, events: number, mode: TriggerMode): void {
    checkNotEdge(mode, "SelectSelector");
    if (events & EVENT_HANGUP) {
      throw new Deno.errors.NotSupported(
        "SelectSelector does not support EVENT_HANGUP: select(2) does not tell a hang-up from data",
      );
    }
    const { byFd, size } = this.#registrations;
    this.#watched.check(fd, byFd[fd] === undefined ? size : size - 1);
  }

  add(registration: Registration): void {
    checkOpen(registration.fd);
    this.#watched.put(registration.fd, registration.events);
  }

  change(registration: Registration): void {
    checkOpen(registration.fd);
    this.#watched.put(registration.fd, registration.events);
  }

  rearm(registration: Registration): void {
    this.#watched.put(registration.fd, registration.events);
  }

  remove(registration: Registration): void {
    this.#watched.put(registration.fd, 0);
  }

  wait(timeout: number, maxEvents: number, found: Found): Outcome {
    this.#ready.copy(this.#watched);
    const count = this.#select(timeout);
    if (count === -1) {
      const error = c.errno();
      if (isInterruption(error)) return interruption(timeout);
      if (error === c.EBADF || error === c.ENOTSOCK) return this.#dropClosed();
      throw c.osError("select", "", error);
    }
    if (count === 0) return "looked";

    const waker = this.#waker.fileno();
    const isWoken = this.#ready.get(waker) !== 0;
    if (isWoken) {
      this.#waker.drain();
      this.#ready.put(waker, 0);
    }
    this.#search(maxEvents, found);
    return isWoken ? "woken" : "looked";
  }

  readonly isPollable = false;

  pollfds(): Int32Array {
    const fds = new Pollfds(1 + this.#registrations.size);
    fds.put(0, this.#waker.fileno(), POLL_READ);
    let length = 1;
    for (const { fd, events, armed } of this.#registrations) {
      if (armed) fds.put(length++, fd, pollEvents(events));
    }
    return fds.head(length);
  }

  isWatching({ fd }: Registration): boolean {
    return isOpen(fd);
  }

  close(): void {}

  #select(timeout: number): number {
    const { nfds, read, write, except } = this.#ready;
    if (timeout === Infinity) return c.select(nfds, read, write, except, null);
    writeTimeval(this.#timeval, timeout);
    return c.select(nfds, read, write, except, this.#timeval);
  }

  /**
   * Adds at most `maxEvents` ready registrations to `found`. If there are more, the next search
   * begins after the last one, so that no descriptor starves.
   */
  #search(maxEvents: number, found: Found): void {
    const { byFd } = this.#registrations;
    let rest = maxEvents;
    const visit = (fd: number, sets: number): boolean => {
      const registration = byFd[fd]!;
      if (registration.mode === "oneshot") {
        registration.armed = false;
        this.#watched.put(fd, 0);
      }
      found.add(registration, sets & registration.events);
      if (--rest > 0) return true;
      this.#next = fd + 1;
      return false;
    };
    const first = this.#next;
    this.#next = 0;
    this.#ready.forEach(first, Infinity, visit);
    if (rest > 0 && first > 0) this.#ready.forEach(0, first, visit);
  }

  /** A registered descriptor was closed, and select does not say which: it is reported once. */
  #dropClosed(): Outcome {
    for (const registration of this.#registrations) {
      const { fd } = registration;
      if (!registration.armed || isOpen(fd)) continue;
      this.#registrations.delete(registration);
      this.remove(registration);
      throw c.osError("select", fd, c.EBADF);
    }
    return "looked";
  }
}
