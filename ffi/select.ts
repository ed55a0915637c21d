/**
 * <sys/select.h>: three sets with a bit for each descriptor below FD_SETSIZE, which the kernel
 * overwrites with those that are ready. On Windows a set is a list: a count, and as many SOCKETs in
 * any order. select(2)
 *
 * @module
 */

import {
  arrayType,
  byteLength,
  bytesOf,
  checkInt,
  checkMemory,
  copyBytes,
  type Memory,
} from "./arguments.ts";
import { FD_SETSIZE } from "./constants.ts";
import { fill, setBytes } from "./intrinsics.ts";
import { libc } from "./libc.ts";
import { platform } from "./platform.ts";
import { timeval } from "./time.ts";

/**
 * `fd_set`: an array of longs with a bit for each descriptor, lowest bit first. On Windows it is a
 * list of up to FD_SETSIZE sockets. select(2)
 */
export const fd_set: {
  readonly size: number;
  /** `offsetof(fd_set, fd_array)`, on Windows. */
  readonly fd_array: number;
} = Object.freeze({
  size: platform.isWinsock ? 8 + FD_SETSIZE * 8 : FD_SETSIZE / 8,
  fd_array: 8,
});

/** `void FD_ZERO(fd_set *set)`: removes every descriptor. select(2) */
export function FD_ZERO(set: Uint8Array): void {
  checkSet(set);
  fill(set, 0, 0, fd_set.size);
}

/**
 * `void FD_SET(int fd, fd_set *set)`: adds a descriptor. select(2)
 *
 * @throws {RangeError} When `fd` is not from 0 to FD_SETSIZE - 1: the macro of C would write
 * outside the set. On Windows, when the list is full.
 */
export function FD_SET(fd: number, set: Uint8Array): void {
  checkMember(fd, set);
  if (platform.isWinsock) return addSocket(fd, listOf(set));
  set[fd >> 3]! |= 1 << (fd & 7);
}

/**
 * `void FD_CLR(int fd, fd_set *set)`: removes a descriptor. select(2)
 *
 * @throws {RangeError} When `fd` is not from 0 to FD_SETSIZE - 1.
 */
export function FD_CLR(fd: number, set: Uint8Array): void {
  checkMember(fd, set);
  if (platform.isWinsock) return removeSocket(fd, listOf(set));
  set[fd >> 3]! &= ~(1 << (fd & 7));
}

/**
 * `int FD_ISSET(int fd, fd_set *set)`: whether a descriptor is in the set. select(2)
 *
 * @throws {RangeError} When `fd` is not from 0 to FD_SETSIZE - 1.
 */
export function FD_ISSET(fd: number, set: Uint8Array): boolean {
  checkMember(fd, set);
  if (platform.isWinsock) return indexOfSocket(fd, listOf(set)) !== -1;
  return (set[fd >> 3]! & (1 << (fd & 7))) !== 0;
}

/**
 * `int select(int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds, struct timeval
 * *timeout)`: waits until a descriptor below `nfds` is ready. Returns the number of bits that it
 * left set. A null set is empty; a null timeout waits without limit. Linux subtracts the time that
 * it waited from `timeout`. Windows ignores `nfds`, and refuses three empty sets (EINVAL).
 * select(2)
 *
 * @throws {RangeError} When a set has fewer than `nfds` bits (in whole longs), or on Windows fewer
 * sockets than its count says, or `timeout` is smaller than a struct timeval.
 */
export function select(
  nfds: number,
  readfds: Memory | null,
  writefds: Memory | null,
  exceptfds: Memory | null,
  timeout: Memory | null,
): number {
  checkInt(nfds, "nfds");
  if (platform.isWinsock) return selectSockets(nfds, readfds, writefds, exceptfds, timeout);
  const size = nfds <= 0 ? 0 : ((nfds + 63) >>> 6) * 8; // the kernel copies whole longs
  if (readfds !== null) checkMemory(readfds, size, "readfds");
  if (writefds !== null) checkMemory(writefds, size, "writefds");
  if (exceptfds !== null) checkMemory(exceptfds, size, "exceptfds");
  if (timeout !== null) checkMemory(timeout, timeval.size, "timeout");
  return libc().select(nfds, readfds, writefds, exceptfds, timeout);
}

/**
 * The same with the sets of Windows. The call gets checked copies: a set holds its own length,
 * which another thread could change between the check and the call.
 */
function selectSockets(
  nfds: number,
  read: Memory | null,
  write: Memory | null,
  except: Memory | null,
  timeout: Memory | null,
): number {
  if (timeout !== null) checkMemory(timeout, timeval.size, "timeout");
  const readCopy = copyOfSet(read);
  const writeCopy = copyOfSet(write);
  const exceptCopy = copyOfSet(except);
  const result = libc().select(nfds, readCopy, writeCopy, exceptCopy, timeout);
  if (result === -1) return result; // the sets are unchanged, and errno() must be read first
  if (readCopy !== null) setBytes(bytesOf(read!), readCopy);
  if (writeCopy !== null) setBytes(bytesOf(write!), writeCopy);
  if (exceptCopy !== null) setBytes(bytesOf(except!), exceptCopy);
  return result;
}

/** A copy of a set that has as many sockets as its count says. */
function copyOfSet(set: Memory | null): Uint8Array<ArrayBuffer> | null {
  if (set === null) return null;
  checkMemory(set, fd_set.fd_array, "an fd_set");
  const copy = copyBytes(set, byteLength(set));
  const count = (copy[0]! | copy[1]! << 8 | copy[2]! << 16 | copy[3]! << 24) >>> 0;
  checkMemory(copy, fd_set.fd_array + count * 8, "an fd_set");
  return copy;
}

function checkMember(fd: number, set: Uint8Array): void {
  checkInt(fd, "fd");
  checkSet(set);
  if (fd < 0 || fd >= FD_SETSIZE && !platform.isWinsock) {
    throw new RangeError(`fd must be from 0 to ${FD_SETSIZE - 1}, not ${fd}`);
  }
}

function checkSet(set: Uint8Array): void {
  checkMemory(set, fd_set.size, "set");
  if (arrayType(set) !== "Uint8Array") throw new TypeError("set must be a Uint8Array");
}

/**
 * Windows' `fd_set { u_int fd_count; SOCKET fd_array[FD_SETSIZE]; }`, as 64-bit words. A SOCKET's
 * upper half is 0.
 */
function listOf(set: Uint8Array): DataView {
  const { buffer, byteOffset, byteLength } = bytesOf(set);
  return new DataView(buffer, byteOffset, byteLength);
}

/** A list may be longer than an fd_set: programs in C define FD_SETSIZE themselves. */
function capacityOf(list: DataView): number {
  return Math.floor((list.byteLength - fd_set.fd_array) / 8);
}

function countOf(list: DataView): number {
  return Math.min(list.getUint32(0, true), capacityOf(list));
}

function socketAt(index: number): number {
  return fd_set.fd_array + index * 8;
}

function indexOfSocket(fd: number, list: DataView): number {
  for (let i = 0; i < countOf(list); i++) if (list.getInt32(socketAt(i), true) === fd) return i;
  return -1;
}

function addSocket(fd: number, list: DataView): void {
  if (indexOfSocket(fd, list) !== -1) return;
  const count = countOf(list);
  if (count === capacityOf(list)) throw new RangeError(`This fd_set holds ${count} sockets`);
  list.setBigInt64(socketAt(count), BigInt(fd), true);
  list.setUint32(0, count + 1, true);
}

function removeSocket(fd: number, list: DataView): void {
  const index = indexOfSocket(fd, list);
  if (index === -1) return;
  const last = countOf(list) - 1;
  list.setBigInt64(socketAt(index), list.getBigInt64(socketAt(last), true), true);
  list.setUint32(0, last, true);
}
