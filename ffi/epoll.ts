/**
 * <sys/epoll.h>: the kernel keeps the list of descriptors to watch, and returns those that are
 * ready. epoll(7)
 *
 * @module
 */

import { checkInt, checkMemory, type Memory } from "./arguments.ts";
import { libc } from "./libc.ts";
import { platform } from "./platform.ts";
import { type Struct, struct } from "./struct.ts";
import { timespec } from "./time.ts";

/**
 * `struct epoll_event { uint32_t events; epoll_data_t data; }`. `data` are 64 bits that the kernel
 * returns with each event. The struct is packed to 12 bytes on x86-64, where 32-bit programs share
 * the layout, and has 16 bytes elsewhere. epoll_ctl(2)
 */
export const epoll_event: Struct<{ events: number; data: bigint }> = struct(
  { events: "u32", data: "u64" },
  platform.packedEpollEvent,
);

/** `int epoll_create1(int flags)`: opens an epoll descriptor. epoll_create(2) */
export function epoll_create1(flags: number): number {
  checkInt(flags, "flags");
  return libc().epoll_create1(flags);
}

/**
 * `int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)`: adds, changes or removes a
 * descriptor. `event` may be null for EPOLL_CTL_DEL. epoll_ctl(2)
 *
 * @throws {RangeError} When `event` is smaller than a struct epoll_event.
 */
export function epoll_ctl(epfd: number, op: number, fd: number, event: Memory | null): number {
  checkInt(epfd, "epfd");
  checkInt(op, "op");
  checkInt(fd, "fd");
  if (event !== null) checkMemory(event, epoll_event.size, "event");
  return libc().epoll_ctl(epfd, op, fd, event);
}

/**
 * `int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)`: waits up to
 * `timeout` milliseconds, or without limit if it is -1. Returns the number of structs that it wrote
 * to `events`. epoll_wait(2)
 *
 * @throws {RangeError} When `events` has no room for `maxevents`.
 */
export function epoll_wait(
  epfd: number,
  events: Memory,
  maxevents: number,
  timeout: number,
): number {
  checkInt(epfd, "epfd");
  checkInt(maxevents, "maxevents");
  checkInt(timeout, "timeout");
  checkMemory(events, maxevents * epoll_event.size, "events");
  return libc().epoll_wait(epfd, events, maxevents, timeout);
}

/**
 * `int epoll_pwait2(int epfd, struct epoll_event *events, int maxevents, const struct timespec
 * *timeout, const sigset_t *sigmask)`: does what epoll_wait() does, with a timeout in nanoseconds;
 * null waits without limit. The signal mask is always NULL. Needs Linux 5.11 and glibc 2.35.
 * epoll_wait(2)
 *
 * @throws {RangeError} When `events` has no room for `maxevents`, or `timeout` is smaller than a
 * struct timespec.
 * @throws {Deno.errors.NotSupported} When the C library lacks the function: see {@linkcode
 * has_epoll_pwait2}.
 */
export function epoll_pwait2(
  epfd: number,
  events: Memory,
  maxevents: number,
  timeout: Memory | null,
): number {
  checkInt(epfd, "epfd");
  checkInt(maxevents, "maxevents");
  checkMemory(events, maxevents * epoll_event.size, "events");
  if (timeout !== null) checkMemory(timeout, timespec.size, "timeout");
  const call = libc().epoll_pwait2;
  if (call === null) {
    throw new Deno.errors.NotSupported("epoll_pwait2 is not in this C library");
  }
  return call(epfd, events, maxevents, timeout, null);
}

/**
 * Whether the C library has {@linkcode epoll_pwait2}. An older kernel fails with ENOSYS all the
 * same.
 */
export function has_epoll_pwait2(): boolean {
  return libc().epoll_pwait2 !== null;
}
