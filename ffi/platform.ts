/**
 * The one place that asks which platform this is. Everything that differs between platforms is a
 * row of the table that is chosen here; the rest of the library reads `platform` and never asks
 * again.
 *
 * @module
 */

import { deepFreeze } from "./intrinsics.ts";
import * as darwin from "./platforms/darwin.ts";
import * as freebsd from "./platforms/freebsd.ts";
import * as libkqueue from "./libkqueue.ts";
import * as linux from "./platforms/linux.ts";
import * as netbsd from "./platforms/netbsd.ts";
import type { Refused } from "./platforms/refused.ts";
import * as refused from "./platforms/refused.ts";
import * as windows from "./platforms/windows.ts";

type ConstantName =
  | keyof typeof linux.constants
  | keyof typeof darwin.constants
  | keyof typeof windows.constants;
type ErrnoName =
  | keyof typeof linux.errnos
  | keyof typeof darwin.errnos
  | keyof typeof freebsd.errnos;

/** What a platform has to say about itself before its C library can be called. */
export interface Platform {
  /** The C library, by the names to try in this order. */
  readonly libraries: readonly string[];
  /**
   * Descriptors are Winsock's SOCKETs: no fcntl(2), no read(2), no pipes, and select(2) and poll(2)
   * as Winsock has them.
   */
  readonly isWinsock: boolean;
  /** The function that tells where this thread's errno lives. Winsock tells the errno itself. */
  readonly errnoLocation: string;
  /**
   * What the library calls functions whose plain name is kept for programs of old, with smaller
   * structs.
   */
  readonly renamed: Readonly<Record<string, string>>;
  /** Variadic arguments travel on the stack, also where registers are free. */
  readonly variadicOnStack: boolean;
  /** Constants under their C names, those that it has. */
  readonly constants: Readonly<Partial<Record<ConstantName, number>>>;
  /** errno numbers under their C names, those that it has. */
  readonly errnos: Readonly<Partial<Record<ErrnoName, number>>>;
  /** The polling calls that it has, the best one first. */
  readonly mechanisms: readonly ("kqueue" | "epoll" | "poll" | "select")[];
  /**
   * What a {@linkcode Waker} is made of: an eventfd, where there is one on every version of the
   * platform, a pipe, or two sockets.
   */
  readonly waker: "eventfd" | "pipe" | "sockets";
  /**
   * `struct epoll_event` is packed where 32-bit and 64-bit programs share the kernel's x86 layout.
   */
  readonly packedEpollEvent: boolean;
  /** `struct kevent`: the types of two fields, and the bytes of `ext` behind the last one. */
  readonly kevent: {
    readonly filter: "i16" | "u32";
    readonly flags: "u16" | "u32";
    readonly ext: number;
  };
  /** EVFILT_WRITE of a full pipe is not told that the reader has gone. */
  readonly missesGoneReader: boolean;
  /** `struct sockaddr` begins with a byte for its length, and the family is the one after it. */
  readonly hasSockaddrLength: boolean;
  /** The bytes of `sun_path` in `struct sockaddr_un`. */
  readonly sunPathSize: number;
  /** `struct addrinfo` has `ai_canonname` before `ai_addr`. */
  readonly canonnameFirst: boolean;
  /** Socket options and message flags that are refused. */
  readonly refused: Refused;
  /**
   * `struct msghdr`: its size, and the offset of `msg_flags`. What comes before has the same
   * offsets everywhere.
   */
  readonly msghdr: { readonly size: number; readonly flags: number };
  /** `struct cmsghdr`: the offset of `cmsg_level`, and what control messages are aligned to. */
  readonly cmsghdr: { readonly level: number; readonly alignment: number };
  /** Levels of control messages that hold pointers. */
  readonly pointerControlLevels: readonly number[];
  /** MAP_ANONYMOUS of mmap(2), which the BSDs call MAP_ANON. */
  readonly mapAnonymous: number;
  /** `time_t` and `suseconds_t`, as `struct timeval` has them. */
  readonly seconds: "i32" | "i64";
  readonly suseconds: "i32" | "i64";
}

const glibcOrMusl: Platform = {
  // musl answers to glibc's name as well.
  libraries: ["libc.so.6", "libc.so"],
  isWinsock: false,
  errnoLocation: "__errno_location",
  renamed: {},
  variadicOnStack: false,
  constants: { ...linux.constants, ...libkqueue.constants },
  errnos: linux.errnos,
  mechanisms: ["epoll", "poll", "select"],
  waker: "eventfd",
  packedEpollEvent: Deno.build.arch === "x86_64",
  kevent: { filter: "i16", flags: "u16", ext: 0 },
  missesGoneReader: false,
  hasSockaddrLength: false,
  sunPathSize: 108,
  canonnameFirst: false,
  refused: refused.linux,
  msghdr: { size: 56, flags: 48 },
  cmsghdr: { level: 8, alignment: 8 },
  pointerControlLevels: [276], // SOL_RDS: RDS_CMSG_RDMA_ARGS and RDS_CMSG_RDMA_MAP
  mapAnonymous: 0x20,
  seconds: "i64",
  suseconds: "i64",
};

const macos: Platform = {
  ...glibcOrMusl,
  libraries: ["libSystem.B.dylib", "/usr/lib/libSystem.B.dylib"],
  errnoLocation: "__error",
  variadicOnStack: Deno.build.arch === "aarch64",
  constants: darwin.constants,
  errnos: darwin.errnos,
  mechanisms: ["kqueue", "poll", "select"],
  waker: "pipe",
  packedEpollEvent: false,
  hasSockaddrLength: true,
  sunPathSize: 104,
  canonnameFirst: true,
  refused: refused.darwin,
  msghdr: { size: 48, flags: 44 },
  cmsghdr: { level: 4, alignment: 4 },
  pointerControlLevels: [],
  mapAnonymous: 0x1000,
  suseconds: "i32",
};

/** Every platform, by Deno's name for it. */
export const platforms: Partial<Record<typeof Deno.build.os, Platform>> = {
  linux: glibcOrMusl,
  android: { ...glibcOrMusl, libraries: ["libc.so"], errnoLocation: "__errno" },
  darwin: macos,
  freebsd: {
    ...macos,
    libraries: ["libc.so.7"],
    variadicOnStack: false,
    constants: freebsd.constants,
    errnos: freebsd.errnos,
    refused: refused.freebsd,
    kevent: { filter: "i16", flags: "u16", ext: 32 }, // since FreeBSD 12
    cmsghdr: { level: 4, alignment: 8 },
    suseconds: "i64",
  },
  netbsd: {
    ...macos,
    libraries: ["libc.so.12", "libc.so"],
    errnoLocation: "__errno",
    renamed: { kevent: "__kevent50", select: "__select50", socket: "__socket30" },
    variadicOnStack: false,
    constants: netbsd.constants,
    errnos: netbsd.errnos,
    refused: refused.none,
    kevent: { filter: "u32", flags: "u32", ext: 0 },
    missesGoneReader: true,
    cmsghdr: { level: 4, alignment: 8 },
  },
  windows: {
    ...glibcOrMusl,
    libraries: ["ws2_32.dll"],
    isWinsock: true,
    errnoLocation: "WSAGetLastError",
    renamed: { close: "closesocket", poll: "WSAPoll" },
    constants: windows.constants,
    errnos: windows.errnos,
    mechanisms: ["poll", "select"],
    waker: "sockets",
    packedEpollEvent: false,
    canonnameFirst: true,
    refused: refused.none,
    pointerControlLevels: [],
    mapAnonymous: 0x1000,
    seconds: "i32",
    suseconds: "i32",
  },
};

/**
 * The platform that this program runs on; on one that is not known, a table that lets the modules
 * load and offers no mechanism.
 */
export const platform: Platform = deepFreeze(
  platforms[Deno.build.os] ?? { ...glibcOrMusl, libraries: [], mechanisms: [] },
);

/** Its constants; one that it lacks is 0, so that as a flag it asks for nothing. */
export const constants: Readonly<Record<ConstantName, number>> = complete(
  [linux.constants, darwin.constants, windows.constants],
  platform.constants,
  0,
);

/** Its errno numbers; one that it lacks is -1, which no call leaves. */
export const errnos: Readonly<Record<ErrnoName, number>> = complete(
  [linux.errnos, darwin.errnos, freebsd.errnos],
  platform.errnos,
  -1,
);

/**
 * Whether the platform has a polling call: `"epoll"`, `"kqueue"`, `"poll"` or `"select"`. Needs no
 * permission.
 */
export function isPlatformWith(mechanism: "kqueue" | "epoll" | "poll" | "select"): boolean {
  return platform.mechanisms.includes(mechanism);
}

function complete<Name extends string>(
  tables: readonly Readonly<Partial<Record<Name, number>>>[],
  own: Readonly<Partial<Record<Name, number>>>,
  missing: number,
): Readonly<Record<Name, number>> {
  const names = tables.flatMap(Object.keys) as Name[];
  const all = Object.fromEntries(names.map((name) => [name, own[name] ?? missing]));
  return Object.freeze(all as Record<Name, number>);
}
