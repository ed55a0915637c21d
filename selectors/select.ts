/**
 * select(2): three sets of bits are handed to the kernel at each wait, which leaves those of the ready descriptors.
 * Odd about it: the sets end at FD_SETSIZE, and a closed descriptor fails the whole wait without being named. On Windows the sets
 * are lists of FD_SETSIZE sockets, whatever their numbers.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { platform } from "../ffi/platform.ts";
import { BaseSelector } from "./base.ts";
import { checkOpen, isOpen } from "../os/descriptor.ts";
import { checkNotEdge, interest } from "./poll.ts";
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

/** The three sets of a call, as 32-bit words. */
interface Sets {
  readonly read: Int32Array;
  readonly write: Int32Array;
  readonly except: Int32Array;
  /** What the call wants for its `nfds`: one more than the highest descriptor. */
  readonly nfds: number;
  /** Makes the sets hold `fd` for exactly these events. */
  put(fd: number, events: number): void;
  /** The events that the sets hold `fd` for. */
  get(fd: number): number;
  /** Calls `visit` for each descriptor, with its events. */
  forEach(visit: (fd: number, events: number) => void): void;
  /** Makes these sets equal to others. */
  copy(other: Sets): void;
}

/** Bits, as everywhere but on Windows. */
class BitSets implements Sets {
  readonly read = new Int32Array(c.fd_set.size / 4);
  readonly write = new Int32Array(c.fd_set.size / 4);
  readonly except = new Int32Array(c.fd_set.size / 4);
  nfds = 0;

  put(fd: number, events: number): void {
    const word = fd >> 5;
    const bit = 1 << (fd & 31);
    this.read[word] = events & EVENT_READ ? this.read[word]! | bit : this.read[word]! & ~bit;
    this.write[word] = events & EVENT_WRITE ? this.write[word]! | bit : this.write[word]! & ~bit;
    this.except[word] = events & EVENT_PRIORITY
      ? this.except[word]! | bit
      : this.except[word]! & ~bit;
    if (events !== 0) this.nfds = Math.max(this.nfds, fd + 1);
    else while (this.nfds > 0 && this.get(this.nfds - 1) === 0) this.nfds--;
  }

  get(fd: number): number {
    const word = fd >> 5;
    const bit = 1 << (fd & 31);
    return (this.read[word]! & bit ? EVENT_READ : 0) |
      (this.write[word]! & bit ? EVENT_WRITE : 0) |
      (this.except[word]! & bit ? EVENT_PRIORITY : 0);
  }

  forEach(visit: (fd: number, events: number) => void): void {
    for (let word = 0; word * 32 < this.nfds; word++) {
      let bits = this.read[word]! | this.write[word]! | this.except[word]!;
      for (; bits !== 0; bits &= bits - 1) {
        const fd = word * 32 + 31 - Math.clz32(bits & -bits);
        visit(fd, this.get(fd));
      }
    }
  }

  copy(other: BitSets): void {
    this.read.set(other.read);
    this.write.set(other.write);
    this.except.set(other.except);
    this.nfds = other.nfds;
  }
}

// Of Windows' fd_set, in 32-bit words: where the count is, and the first SOCKET, and how far the next one is. Upper halves are 0.
const COUNT = 0;
const FIRST = c.fd_set.fd_array / 4;
const STEP = 2;

/** Lists, as on Windows. Their count says how long they are, and the waker has a place beyond the FD_SETSIZE of the user's. */
class ListSets implements Sets {
  readonly read = new Int32Array(c.fd_set.size / 4 + STEP);
  readonly write = new Int32Array(c.fd_set.size / 4 + STEP);
  readonly except = new Int32Array(c.fd_set.size / 4 + STEP);
  readonly nfds = 0; // Windows does not look at it

  put(fd: number, events: number): void {
    putSocket(this.read, fd, (events & EVENT_READ) !== 0);
    putSocket(this.write, fd, (events & EVENT_WRITE) !== 0);
    // A connection attempt that failed is reported here, and nowhere else.
    putSocket(this.except, fd, (events & (EVENT_PRIORITY | EVENT_WRITE)) !== 0);
  }

  get(fd: number): number {
    return (indexOf(this.read, fd) !== -1 ? EVENT_READ : 0) |
      (indexOf(this.write, fd) !== -1 ? EVENT_WRITE : 0) |
      (indexOf(this.except, fd) !== -1 ? EVENT_PRIORITY | EVENT_WRITE : 0);
  }

  forEach(visit: (fd: number, events: number) => void): void {
    const fds = new Set<number>();
    for (const list of [this.read, this.write, this.except]) {
      for (let i = 0; i < list[COUNT]!; i++) fds.add(list[FIRST + i * STEP]!);
    }
    for (const fd of fds) visit(fd, this.get(fd));
  }

  copy(other: ListSets): void {
    this.read.set(other.read);
    this.write.set(other.write);
    this.except.set(other.except);
  }
}

function indexOf(list: Int32Array, fd: number): number {
  const end = FIRST + list[COUNT]! * STEP;
  for (let at = FIRST; at < end; at += STEP) if (list[at] === fd) return at;
  return -1;
}

function putSocket(list: Int32Array, fd: number, isIn: boolean): void {
  const at = indexOf(list, fd);
  if (isIn === (at !== -1)) return;
  if (isIn) list[FIRST + list[COUNT]!++ * STEP] = fd;
  else list[at] = list[FIRST + --list[COUNT]! * STEP]!; // the last one moves in
}

/**
 * select(2). Descriptors from FD_SETSIZE up are refused with RangeError, on Windows more than FD_SETSIZE sockets. Has "level" and "oneshot", not "edge".
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
   * @throws {RangeError} When all descriptors below FD_SETSIZE are taken, so that the selector's own does not fit.
   * @throws An OS error when there are no descriptors left (EMFILE, ENFILE).
   */
  constructor() {
    super((registrations, waker) => new Select(registrations, waker));
  }
}

// Of struct pollfd, in 32-bit words.
const WORDS = c.pollfd.size / 4;
const EVENTS = c.pollfd.offsets.events / 4;

class Select implements Mechanism {
  readonly #registrations: Registrations;
  readonly #waker: Waker;
  readonly #watched: Sets = platform.isWinsock ? new ListSets() : new BitSets();
  readonly #found: Sets = platform.isWinsock ? new ListSets() : new BitSets();
  readonly #timeval = new Uint8Array(c.timeval.size);

  constructor(registrations: Registrations, waker: Waker) {
    this.#registrations = registrations;
    this.#waker = waker;
    this.check(waker.fileno(), EVENT_READ, "level");
    this.#watched.put(waker.fileno(), EVENT_READ);
  }

  check(fd: number, _events: number, mode: TriggerMode): void {
    checkNotEdge(mode, "SelectSelector");
    if (!platform.isWinsock && fd >= c.FD_SETSIZE) {
      throw new RangeError(
        `select takes descriptors below FD_SETSIZE (${c.FD_SETSIZE}), not ${fd}`,
      );
    }
    const { byFd, size } = this.#registrations;
    if (platform.isWinsock && byFd[fd] === undefined && size >= c.FD_SETSIZE) {
      throw new RangeError(`select takes FD_SETSIZE (${c.FD_SETSIZE}) sockets at most on Windows`);
    }
  }

  add(registration: Registration): void {
    checkOpen(registration.fd);
    this.#watched.put(registration.fd, registration.events);
  }

  change(registration: Registration): void {
    checkOpen(registration.fd);
    this.#watched.put(registration.fd, registration.events);
  }

  remove(registration: Registration): void {
    this.#watched.put(registration.fd, 0);
  }

  wait(timeout: number, _maxEvents: number, found: Found): Outcome {
    const sets = this.#found;
    sets.copy(this.#watched);
    const result = this.#select(timeout);
    if (result === -1) {
      const error = c.errno();
      if (isInterruption(error)) return timeout > 0 ? "interrupted" : "looked"; // a signal that is pending ends even a look
      if (error === c.EBADF || error === c.ENOTSOCK) return this.#dropClosed();
      throw c.osError("select", "", error);
    }
    if (result === 0) return "looked";

    const waker = this.#waker.fileno();
    const over = sets.get(waker) !== 0;
    if (over) {
      this.#waker.drain();
      sets.put(waker, 0);
    }
    const { byFd } = this.#registrations;
    sets.forEach((fd, events) => {
      const registration = byFd[fd]!;
      if (registration.mode === "oneshot") {
        registration.armed = false;
        this.#watched.put(fd, 0);
      }
      found.add(registration, events & registration.events);
    });
    return over ? "woken" : "looked";
  }

  readonly isPollable = false;

  pollfds(): Int32Array {
    const armed = [...this.#registrations].filter(({ armed }) => armed);
    const fds = new Int32Array((1 + armed.length) * WORDS);
    fds[0] = this.#waker.fileno();
    fds[EVENTS] = c.POLLIN;
    armed.forEach(({ fd, events }, i) => {
      fds[(i + 1) * WORDS] = fd;
      fds[(i + 1) * WORDS + EVENTS] = interest(events);
    });
    return fds;
  }

  isWatching({ fd }: Registration): boolean {
    return isOpen(fd);
  }

  close(): void {}

  #select(timeout: number): number {
    const { nfds, read, write, except } = this.#found;
    if (timeout === Infinity) return c.select(nfds, read, write, except, null);
    const microseconds = Math.ceil(timeout * 1000);
    const tv_sec = Math.floor(microseconds / 1e6);
    c.timeval.write(this.#timeval, { tv_sec, tv_usec: microseconds - tv_sec * 1e6 });
    return c.select(nfds, read, write, except, this.#timeval);
  }

  /** Some registered descriptor was closed, and select does not say which: said once, with the key dropped. */
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
