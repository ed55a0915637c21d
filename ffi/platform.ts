/**
 * The differences between platforms, as one row of facts per platform. The row of this platform is
 * chosen here, once. The rest of the library reads `platform`.
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

/** The facts about a platform that the library needs before it can call the C library. */
export interface Platform {
  /** The names of the C library, in the order in which to try them. */
  readonly libraries: readonly string[];
  /**
   * Whether descriptors are SOCKETs of Winsock: without fcntl(2), read(2) and pipes, and with the
   * select(2) and poll(2) of Winsock.
   */
  readonly isWinsock: boolean;
  /**
   * The function that returns the address of this thread's errno. On Windows, the function that
   * returns the error itself.
   */
  readonly errnoLocation: string;
  /** The names of functions whose plain name stands for an older version with smaller structs. */
  readonly renamed: Readonly<Record<string, string>>;
  /** Whether variadic arguments travel on the stack although registers are free. */
  readonly variadicOnStack: boolean;
  /** The constants that the platform has, under their C names. */
  readonly constants: Readonly<Partial<Record<ConstantName, number>>>;
  /** The errno numbers that the platform has, under their C names. */
  readonly errnos: Readonly<Partial<Record<ErrnoName, number>>>;
  /** The polling calls that the platform has, best one first. */
  readonly mechanisms: readonly ("kqueue" | "epoll" | "poll" | "select")[];
  /**
   * What a {@linkcode Waker} is made of: an eventfd if every version of the platform has it, a
   * pipe, or two sockets.
   */
  readonly waker: "eventfd" | "pipe" | "sockets";
  /**
   * Whether `struct epoll_event` is packed, because 32-bit and 64-bit programs share the layout of
   * x86.
   */
  readonly packedEpollEvent: boolean;
  /** `struct kevent`: the types of two fields, and the size in bytes of `ext` at its end. */
  readonly kevent: {
    readonly filter: "i16" | "u32";
    readonly flags: "u16" | "u32";
    readonly ext: number;
  };
  /** Whether EVFILT_WRITE on a full pipe does not report that the reader has closed its end. */
  readonly missesGoneReader: boolean;
  /** Whether `struct sockaddr` begins with a byte for its length, followed by the family. */
  readonly hasSockaddrLength: boolean;
  /** The size of `sun_path` in `struct sockaddr_un`, in bytes. */
  readonly sunPathSize: number;
  /** Whether `ai_canonname` comes before `ai_addr` in `struct addrinfo`. */
  readonly canonnameFirst: boolean;
  /** Socket options and message flags that are refused. */
  readonly refused: Refused;
  /**
   * `struct msghdr`: its size, and the offset of `msg_flags`. The other fields have the same
   * offsets on all platforms.
   */
  readonly msghdr: { readonly size: number; readonly flags: number };
  /**
   * `struct cmsghdr`: the offset of `cmsg_level`, and the alignment of control messages (on NetBSD
   * that of amd64).
   */
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
  // musl can be opened under the name of glibc too.
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
export const platforms: Partial<Record<typeof Deno.build.os, Platform>> = deepFreeze({
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
});

/**
 * The platform that this program runs on. On an unknown platform, a row with which the modules load
 * and no mechanism is supported.
 */
export const platform: Platform = deepFreeze(
  platforms[Deno.build.os] ?? { ...glibcOrMusl, libraries: [], mechanisms: [] },
);

/** Its constants. One that it lacks is 0, which as a flag has no effect. */
export const constants: Readonly<Record<ConstantName, number>> = complete(
  [linux.constants, darwin.constants, windows.constants],
  platform.constants,
  0,
);

/** Its errno numbers. One that it lacks is -1, which no call sets. */
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
