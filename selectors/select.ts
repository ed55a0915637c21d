/**
 * select(2): three sets of bits are handed to the kernel at each wait, which leaves those of the ready descriptors.
 * Odd about it: the sets end at FD_SETSIZE, and a closed descriptor fails the whole wait without being named.
 *
 * @module
 */

import {
  EBADF,
  EINTR,
  errno,
  F_GETFD,
  fcntl,
  fd_set,
  FD_SETSIZE,
  isPlatformWith,
  osError,
  POLLIN,
  select,
  timeval,
} from "../ffi/mod.ts";
import { BaseSelector } from "./base.ts";
import { checkDescriptor, checkNotEdge, interest } from "./poll.ts";
import type { Mechanism } from "./mechanism.ts";
import type { Registration, Registrations } from "./registrations.ts";
import {
  EVENT_PRIORITY,
  EVENT_READ,
  EVENT_WRITE,
  type FileObject,
  type ReadyEvent,
  type TriggerMode,
} from "./types.ts";
import type { Waker } from "./waker.ts";

const WORDS = fd_set.size / 4;

/** The three sets of a call, as 32-bit words. */
class Sets {
  readonly read = new Int32Array(WORDS);
  readonly write = new Int32Array(WORDS);
  readonly except = new Int32Array(WORDS);

  /** Makes the sets hold `fd` for exactly these events. */
  put(fd: number, events: number): void {
    const word = fd >> 5;
    const bit = 1 << (fd & 31);
    this.read[word] = events & EVENT_READ ? this.read[word]! | bit : this.read[word]! & ~bit;
    this.write[word] = events & EVENT_WRITE ? this.write[word]! | bit : this.write[word]! & ~bit;
    this.except[word] = events & EVENT_PRIORITY
      ? this.except[word]! | bit
      : this.except[word]! & ~bit;
  }

  /** The events that the sets hold `fd` for. */
  get(fd: number): number {
    const word = fd >> 5;
    const bit = 1 << (fd & 31);
    return (this.read[word]! & bit ? EVENT_READ : 0) |
      (this.write[word]! & bit ? EVENT_WRITE : 0) |
      (this.except[word]! & bit ? EVENT_PRIORITY : 0);
  }

  /** The descriptors of a word, as bits. */
  word(word: number): number {
    return this.read[word]! | this.write[word]! | this.except[word]!;
  }

  /** Makes these sets equal to others. */
  copy(other: Sets): void {
    this.read.set(other.read);
    this.write.set(other.write);
    this.except.set(other.except);
  }
}

/**
 * select(2). Descriptors from FD_SETSIZE up are refused with RangeError. Has "level" and "oneshot", not "edge".
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
export class SelectSelector<Data = unknown, File extends FileObject = FileObject>
  extends BaseSelector<Data, File> {
  /** Whether the platform has select. */
  static override isSupported(): boolean {
    return isPlatformWith("select");
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

class Select<Data, File extends FileObject> implements Mechanism<Data, File> {
  readonly #registrations: Registrations<Data, File>;
  readonly #waker: Waker;
  readonly #watched = new Sets();
  readonly #found = new Sets();
  #nfds = 0;
  readonly #timeval = new Uint8Array(timeval.size);

  constructor(registrations: Registrations<Data, File>, waker: Waker) {
    this.#registrations = registrations;
    this.#waker = waker;
    this.check(waker.fileno(), EVENT_READ, "level");
    this.#watch(waker.fileno(), EVENT_READ);
  }

  check(fd: number, _events: number, mode: TriggerMode): void {
    checkNotEdge(mode, "SelectSelector");
    if (fd >= FD_SETSIZE) {
      throw new RangeError(`select takes descriptors below FD_SETSIZE (${FD_SETSIZE}), not ${fd}`);
    }
  }

  add(registration: Registration<Data, File>): void {
    checkDescriptor(registration.fd);
    this.#watch(registration.fd, registration.key.events);
  }

  change(registration: Registration<Data, File>): void {
    checkDescriptor(registration.fd);
    this.#watch(registration.fd, registration.key.events);
  }

  remove(registration: Registration<Data, File>): void {
    this.#watch(registration.fd, 0);
  }

  wait(timeout: number, ready: ReadyEvent<Data, File>[]): boolean {
    const found = this.#found;
    found.copy(this.#watched);
    const result = this.#select(timeout);
    if (result === -1) {
      const error = errno();
      if (error === EINTR) return true;
      if (error === EBADF) return this.#dropClosed();
      throw osError("select", "", error);
    }
    if (result === 0) return false;

    const waker = this.#waker.fileno();
    const over = found.get(waker) !== 0;
    if (over) {
      this.#waker.drain();
      found.put(waker, 0);
    }
    const { byFd } = this.#registrations;
    for (let word = 0; word * 32 < this.#nfds; word++) {
      for (let bits = found.word(word); bits !== 0; bits &= bits - 1) {
        const fd = word * 32 + 31 - Math.clz32(bits & -bits);
        const registration = byFd[fd]!;
        const { key } = registration;
        if (key.mode === "oneshot") {
          registration.armed = false;
          this.#watch(fd, 0);
        }
        ready.push([key, found.get(fd)]);
      }
    }
    return over;
  }

  readonly isPollable = false;

  pollfds(): Int32Array {
    const fds = [this.#waker.fileno(), POLLIN];
    for (const { fd, key, armed } of this.#registrations) {
      if (armed) fds.push(fd, interest(key.events));
    }
    return new Int32Array(fds);
  }

  isWatching({ fd }: Registration<Data, File>): boolean {
    return fcntl(fd, F_GETFD) !== -1;
  }

  close(): void {}

  #watch(fd: number, events: number): void {
    const watched = this.#watched;
    watched.put(fd, events);
    if (events !== 0) this.#nfds = Math.max(this.#nfds, fd + 1);
    else while (this.#nfds > 0 && watched.get(this.#nfds - 1) === 0) this.#nfds--;
  }

  #select(timeout: number): number {
    const { read, write, except } = this.#found;
    if (timeout === Infinity) return select(this.#nfds, read, write, except, null);
    const microseconds = Math.ceil(timeout * 1000);
    const tv_sec = Math.floor(microseconds / 1e6);
    timeval.write(this.#timeval, { tv_sec, tv_usec: microseconds - tv_sec * 1e6 });
    return select(this.#nfds, read, write, except, this.#timeval);
  }

  /** Some registered descriptor was closed, and select does not say which: said once, with the key dropped. */
  #dropClosed(): boolean {
    for (const registration of this.#registrations) {
      const { fd } = registration;
      if (!registration.armed || fcntl(fd, F_GETFD) !== -1) continue;
      this.#registrations.delete(registration);
      this.remove(registration);
      throw osError("select", fd, EBADF);
    }
    return false;
  }
}
