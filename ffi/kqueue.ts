/**
 * <sys/event.h>: the kernel keeps filters on descriptors, and returns the events that pass them.
 * macOS and the BSDs have it; elsewhere a library such as libkqueue can provide it. kqueue(2)
 *
 * @module
 */

import { checkInt, checkMemory, checkSize, type Memory } from "./arguments.ts";
import { libc, library, type Symbols } from "./libc.ts";
import { type Platform, platform } from "./platform.ts";
import { type Struct, struct } from "./struct.ts";
import { timespec } from "./time.ts";

/**
 * `struct kevent { uintptr_t ident; short filter; u_short flags; u_int fflags; int64_t data; void
 * *udata; }`: 32 bytes on macOS and with libkqueue. On FreeBSD `uint64_t ext[4]` follows; on NetBSD
 * `filter` and `flags` have 32 bits each. kqueue(2)
 */
export interface Kevent {
  /** What the filter watches: usually a descriptor. */
  ident: number;
  /** EVFILT_READ or another filter. */
  filter: number;
  /** EV_ADD and other flags. */
  flags: number;
  /** NOTE_TRIGGER and other flags of the filter. */
  fflags: number;
  /**
   * A number that depends on the filter, such as how many bytes can be read; an errno if `flags`
   * has EV_ERROR.
   */
  data: number;
  /** Any number; the kernel returns it with each event. */
  udata: bigint;
}

/** The codec of the struct kevent of a platform. */
export function keventStruct({ filter, flags, ext }: Platform["kevent"]): Struct<Kevent> {
  const fields = struct({ ident: "i64", filter, flags, fflags: "u32", data: "i64", udata: "u64" });
  return Object.freeze({ ...fields, size: fields.size + ext });
}

/** The two calls of kqueue(2). */
export interface KqueueCalls {
  /** `int kqueue(void)`: opens a kernel event queue. kqueue(2) */
  kqueue(): number;
  /**
   * `int kevent(int kq, const struct kevent *changelist, int nchanges, struct kevent *eventlist,
   * int nevents, const struct timespec *timeout)`: makes the changes, then waits for events.
   * Returns the number of structs that it wrote to `eventlist`. A null timeout waits without limit;
   * with `nevents` 0 it does not wait. kqueue(2)
   *
   * @throws {RangeError} When a list is smaller than its number of structs, or `timeout` is smaller
   * than a struct timespec.
   */
  kevent(
    kq: number,
    changelist: Memory | null,
    nchanges: number,
    eventlist: Memory | null,
    nevents: number,
    timeout: Memory | null,
  ): number;
}

/** `int kqueue(void)`: opens a kernel event queue. kqueue(2) */
export function kqueue(): number {
  return libc().kqueue();
}

/** A function and a struct, as in C: {@linkcode KqueueCalls.kevent} and {@linkcode Kevent}. */
export const kevent: KqueueCalls["kevent"] & Struct<Kevent> = Object.freeze(
  Object.assign(keventOf(() => libc()), keventStruct(platform.kevent)),
);

/**
 * The kqueue(2) of a library, with the layout of 64-bit macOS.
 *
 * @param path The library, such as `"libkqueue.so.0"`.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 * @throws {Deno.errors.NotSupported} When it cannot be opened.
 */
export function libkqueue(path: string): KqueueCalls {
  const opened = library(path);
  return { kqueue: () => opened.symbols.kqueue(), kevent: keventOf(() => opened.symbols) };
}

function keventOf(symbols: () => Symbols): KqueueCalls["kevent"] {
  return (kq, changelist, nchanges, eventlist, nevents, timeout) => {
    checkInt(kq, "kq");
    checkSize(nchanges, "nchanges");
    checkSize(nevents, "nevents");
    checkList(changelist, nchanges, "changelist");
    checkList(eventlist, nevents, "eventlist");
    if (timeout !== null) checkMemory(timeout, timespec.size, "timeout");
    return symbols().kevent(kq, changelist, nchanges, eventlist, nevents, timeout);
  };
}

function checkList(list: Memory | null, count: number, name: string): void {
  if (list !== null) checkMemory(list, count * kevent.size, name);
  else if (count !== 0) throw new RangeError(`${name} is null, and the call could touch ${count}`);
}
