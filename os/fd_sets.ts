/**
 * The three fd_sets of select(2). They are bits everywhere but on Windows, where they are lists of
 * sockets. A list says how long it is, so that it may be longer than FD_SETSIZE.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { platform } from "../ffi/platform.ts";

/** The sets that a descriptor is in: one of these, or several joined with `|`. */
export const IN_READ = 1;
export const IN_WRITE = 2;
export const IN_EXCEPT = 4;

/** The three sets of a call. */
export interface FdSets {
  readonly read: c.Memory;
  readonly write: c.Memory;
  readonly except: c.Memory;
  /** The first argument of select(2): one more than the highest descriptor. */
  readonly nfds: number;
  /** @throws {RangeError} When the sets cannot hold `fd` beside `count` others. */
  check(fd: number, count: number): void;
  /** Makes the sets that `sets` names hold `fd`, and the others not. */
  put(fd: number, sets: number): void;
  /** The sets that hold `fd`. */
  get(fd: number): number;
  /**
   * Visits the descriptors from `first` up and below `end`, in rising order, while `visit` returns
   * true.
   */
  forEach(first: number, end: number, visit: (fd: number, sets: number) => boolean): void;
  /** Makes these sets equal to others. */
  copy(other: FdSets): void;
}

/** Three empty sets. */
export function createFdSets(): FdSets {
  return platform.isWinsock ? new SocketLists() : new BitSets();
}

class BitSets implements FdSets {
  readonly read = new Int32Array(c.fd_set.size / 4);
  readonly write = new Int32Array(c.fd_set.size / 4);
  readonly except = new Int32Array(c.fd_set.size / 4);
  nfds = 0;

  check(fd: number, _count: number): void {
    if (fd < c.FD_SETSIZE) return;
    throw new RangeError(`select takes descriptors below FD_SETSIZE (${c.FD_SETSIZE}), not ${fd}`);
  }

  put(fd: number, sets: number): void {
    const word = fd >> 5;
    const bit = 1 << (fd & 31);
    this.read[word] = sets & IN_READ ? this.read[word]! | bit : this.read[word]! & ~bit;
    this.write[word] = sets & IN_WRITE ? this.write[word]! | bit : this.write[word]! & ~bit;
    this.except[word] = sets & IN_EXCEPT ? this.except[word]! | bit : this.except[word]! & ~bit;
    if (sets !== 0) this.nfds = Math.max(this.nfds, fd + 1);
    else while (this.nfds > 0 && this.get(this.nfds - 1) === 0) this.nfds--;
  }

  get(fd: number): number {
    const word = fd >> 5;
    const bit = 1 << (fd & 31);
    return (this.read[word]! & bit ? IN_READ : 0) |
      (this.write[word]! & bit ? IN_WRITE : 0) |
      (this.except[word]! & bit ? IN_EXCEPT : 0);
  }

  forEach(first: number, end: number, visit: (fd: number, sets: number) => boolean): void {
    const last = Math.min(end, this.nfds);
    let mask = ~0 << (first & 31); // of the first word, the bits from `first` up
    for (let word = first >> 5; word * 32 < last; word++) {
      let bits = (this.read[word]! | this.write[word]! | this.except[word]!) & mask;
      mask = ~0;
      for (; bits !== 0; bits &= bits - 1) {
        const fd = word * 32 + 31 - Math.clz32(bits & -bits);
        if (fd >= last || !visit(fd, this.get(fd))) return;
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

const SOCKET = 8; // bytes

/** Winsock's lists, with one place more than FD_SETSIZE: it is the selector's own. */
class SocketLists implements FdSets {
  readonly read = new Uint8Array(c.fd_set.size + SOCKET);
  readonly write = new Uint8Array(c.fd_set.size + SOCKET);
  readonly except = new Uint8Array(c.fd_set.size + SOCKET);
  readonly nfds = 0; // Winsock ignores it

  check(_fd: number, count: number): void {
    if (count < c.FD_SETSIZE) return;
    throw new RangeError(`select takes FD_SETSIZE (${c.FD_SETSIZE}) sockets at most on Windows`);
  }

  put(fd: number, sets: number): void {
    place(this.read, fd, sets & IN_READ);
    place(this.write, fd, sets & IN_WRITE);
    // A failed connection attempt is reported here only.
    place(this.except, fd, sets & (IN_EXCEPT | IN_WRITE));
  }

  get(fd: number): number {
    return (c.FD_ISSET(fd, this.read) ? IN_READ : 0) |
      (c.FD_ISSET(fd, this.write) ? IN_WRITE : 0) |
      (c.FD_ISSET(fd, this.except) ? IN_EXCEPT | IN_WRITE : 0);
  }

  forEach(first: number, end: number, visit: (fd: number, sets: number) => boolean): void {
    const fds = new Set([this.read, this.write, this.except].flatMap(socketsOf));
    for (const fd of [...fds].sort((one, other) => one - other)) {
      if (fd >= first && fd < end && !visit(fd, this.get(fd))) return;
    }
  }

  copy(other: SocketLists): void {
    this.read.set(other.read);
    this.write.set(other.write);
    this.except.set(other.except);
  }
}

function place(list: Uint8Array, fd: number, isIn: number): void {
  if (isIn) c.FD_SET(fd, list);
  else c.FD_CLR(fd, list);
}

/** The sockets in a list. The upper half of a SOCKET is 0. */
function socketsOf(list: Uint8Array): number[] {
  const view = new DataView(list.buffer);
  const count = view.getUint32(0, true);
  return Array.from(
    { length: count },
    (_, i) => view.getInt32(c.fd_set.fd_array + i * SOCKET, true),
  );
}
