/**
 * <sys/select.h>: three sets of bits, one for each descriptor below FD_SETSIZE, which the kernel overwrites with those
 * that are ready. select(2)
 *
 * @module
 */

import { checkInt, checkMemory, type Memory } from "./arguments.ts";
import { FD_SETSIZE } from "./constants.ts";
import { libc } from "./libc.ts";
import { timeval } from "./time.ts";

/** `fd_set`: an array of longs with a bit for each descriptor, the lowest bit first. select(2) */
export const fd_set: { readonly size: number } = { size: FD_SETSIZE / 8 };

/** `void FD_ZERO(fd_set *set)`: removes every descriptor. select(2) */
export function FD_ZERO(set: Uint8Array): void {
  checkSet(set);
  set.fill(0, 0, fd_set.size);
}

/**
 * `void FD_SET(int fd, fd_set *set)`: adds a descriptor. select(2)
 *
 * @throws {RangeError} When `fd` is not in 0 … FD_SETSIZE - 1, where C's macro would write outside the set.
 */
export function FD_SET(fd: number, set: Uint8Array): void {
  checkMember(fd, set);
  set[fd >> 3]! |= 1 << (fd & 7);
}

/**
 * `void FD_CLR(int fd, fd_set *set)`: removes a descriptor. select(2)
 *
 * @throws {RangeError} When `fd` is not in 0 … FD_SETSIZE - 1.
 */
export function FD_CLR(fd: number, set: Uint8Array): void {
  checkMember(fd, set);
  set[fd >> 3]! &= ~(1 << (fd & 7));
}

/**
 * `int FD_ISSET(int fd, fd_set *set)`: whether a descriptor is in the set. select(2)
 *
 * @throws {RangeError} When `fd` is not in 0 … FD_SETSIZE - 1.
 */
export function FD_ISSET(fd: number, set: Uint8Array): boolean {
  checkMember(fd, set);
  return (set[fd >> 3]! & (1 << (fd & 7))) !== 0;
}

/**
 * `int select(int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds, struct timeval *timeout)`: waits until
 * a descriptor below `nfds` is ready, and returns how many bits it left set. A null set is empty, a null timeout waits for ever. Linux
 * counts the time that it waited down in `timeout`. select(2)
 *
 * @throws {RangeError} When a set has fewer than `nfds` bits (in whole longs), or `timeout` is smaller than a struct timeval.
 */
export function select(
  nfds: number,
  readfds: Memory | null,
  writefds: Memory | null,
  exceptfds: Memory | null,
  timeout: Memory | null,
): number {
  checkInt(nfds, "nfds");
  const size = Math.ceil(Math.max(nfds, 0) / 64) * 8; // the kernel copies whole longs
  if (readfds !== null) checkMemory(readfds, size, "readfds");
  if (writefds !== null) checkMemory(writefds, size, "writefds");
  if (exceptfds !== null) checkMemory(exceptfds, size, "exceptfds");
  if (timeout !== null) checkMemory(timeout, timeval.size, "timeout");
  return libc().select(nfds, readfds, writefds, exceptfds, timeout);
}

function checkMember(fd: number, set: Uint8Array): void {
  checkInt(fd, "fd");
  checkSet(set);
  if (fd < 0 || fd >= FD_SETSIZE) {
    throw new RangeError(`fd must be from 0 to ${FD_SETSIZE - 1}, not ${fd}`);
  }
}

function checkSet(set: Uint8Array): void {
  checkMemory(set, fd_set.size, "set");
  if (!(set instanceof Uint8Array)) throw new TypeError("set must be a Uint8Array");
}
