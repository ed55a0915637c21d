/**
 * <poll.h>: an array of descriptors, each with the events to wait for and those that were found.
 * The whole array is passed to the kernel at every call. poll(2)
 *
 * @module
 */

import {
  byteLength,
  bytesOf,
  checkInt,
  checkMemory,
  checkSize,
  copyBytes,
  type Memory,
} from "./arguments.ts";
import { setBytes } from "./intrinsics.ts";
import { libc } from "./libc.ts";
import { platform } from "./platform.ts";
import { type Struct, struct } from "./struct.ts";
import { timespec } from "./time.ts";

/**
 * `struct pollfd { int fd; short events; short revents; }`. A negative `fd` is ignored. On Windows
 * it is `WSAPOLLFD { SOCKET fd; SHORT events; SHORT revents; }`, of 16 bytes. poll(2)
 */
export const pollfd: Struct<{ fd: number; events: number; revents: number }> = struct({
  fd: platform.isWinsock ? "i64" : "i32",
  events: "i16",
  revents: "i16",
});

/**
 * `int poll(struct pollfd *fds, nfds_t nfds, int timeout)`: waits up to `timeout` milliseconds, or
 * without limit if it is -1. Returns the number of structs with a `revents` other than 0. On
 * Windows it is WSAPoll(), which refuses POLLPRI and an empty array (EINVAL). poll(2)
 *
 * @throws {RangeError} When `fds` is smaller than `nfds` structs.
 */
export function poll(fds: Memory, nfds: number, timeout: number): number {
  checkSize(nfds, "nfds");
  checkInt(timeout, "timeout");
  checkMemory(fds, nfds * pollfd.size, "fds");
  return libc().poll(fds, nfds, timeout);
}

/**
 * poll() on a thread of Deno's pool. When the promise resolves, the result is in `fds`. errno is
 * that of the other thread; to learn it, call poll() with timeout 0. poll(2)
 *
 * @throws {RangeError} When `fds` is smaller than `nfds` structs.
 */
export async function poll_nonblocking(
  fds: Memory,
  nfds: number,
  timeout: number,
): Promise<number> {
  checkSize(nfds, "nfds");
  checkInt(timeout, "timeout");
  checkMemory(fds, nfds * pollfd.size, "fds");
  // The kernel gets a copy: the caller may transfer `fds` during the call, which would free its
  // memory.
  const size = nfds * pollfd.size;
  const copy = copyBytes(fds, size);
  const count = await libc().poll_nonblocking(copy, nfds, timeout);
  if (byteLength(fds) >= size) setBytes(bytesOf(fds), copy);
  return count;
}

/**
 * `int ppoll(struct pollfd *fds, nfds_t nfds, const struct timespec *tmo_p, const sigset_t
 * *sigmask)`: does what poll() does, with a timeout in nanoseconds; null waits without limit. The
 * signal mask is always NULL. poll(2)
 *
 * @throws {RangeError} When `fds` is smaller than `nfds` structs, or `tmo_p` is smaller than a
 * struct timespec.
 * @throws {Deno.errors.NotSupported} When the C library lacks the function, as on macOS. See
 * {@linkcode has_ppoll}.
 */
export function ppoll(fds: Memory, nfds: number, tmo_p: Memory | null): number {
  checkSize(nfds, "nfds");
  checkMemory(fds, nfds * pollfd.size, "fds");
  if (tmo_p !== null) checkMemory(tmo_p, timespec.size, "tmo_p");
  const call = libc().ppoll;
  if (call === null) throw new Deno.errors.NotSupported("ppoll is not in this C library");
  return call(fds, nfds, tmo_p, null);
}

/** Whether the C library has {@linkcode ppoll}. */
export function has_ppoll(): boolean {
  return libc().ppoll !== null;
}
