/**
 * The one place that asks which platform this is. Everything that differs between platforms is a row of the table that
 * is chosen here; the rest of the library reads `platform` and never asks again.
 *
 * @module
 */

import * as linux from "./linux.ts";

type ConstantName = keyof typeof linux.constants;
type ErrnoName = keyof typeof linux.errnos;

/** What a platform has to say about itself before its C library can be called. */
interface Platform {
  /** The C library, by the names to try in this order. */
  readonly libraries: readonly string[];
  /** The function that tells where this thread's errno lives. */
  readonly errnoLocation: string;
  /** Constants under their C names, those that it has. */
  readonly constants: Readonly<Partial<Record<ConstantName, number>>>;
  /** errno numbers under their C names, those that it has. */
  readonly errnos: Readonly<Partial<Record<ErrnoName, number>>>;
  /** The polling calls that it has, the best one first. */
  readonly mechanisms: readonly ("kqueue" | "epoll" | "poll" | "select")[];
  /** `struct epoll_event` is packed where 32-bit and 64-bit programs share the kernel's x86 layout. */
  readonly packedEpollEvent: boolean;
}

const glibcOrMusl: Platform = {
  // musl answers to glibc's name as well.
  libraries: ["libc.so.6", "libc.so"],
  errnoLocation: "__errno_location",
  constants: linux.constants,
  errnos: linux.errnos,
  mechanisms: ["epoll", "poll", "select"],
  packedEpollEvent: Deno.build.arch === "x86_64",
};

const platforms: Partial<Record<typeof Deno.build.os, Platform>> = {
  linux: glibcOrMusl,
  android: { ...glibcOrMusl, libraries: ["libc.so"], errnoLocation: "__errno" },
};

/** The platform that this program runs on; on one that is not known, a table that lets the modules load and offers no mechanism. */
export const platform: Platform = platforms[Deno.build.os] ??
  { ...glibcOrMusl, libraries: [], mechanisms: [] };

/** Its constants; one that it lacks is 0, so that as a flag it asks for nothing. */
export const constants: Readonly<Record<ConstantName, number>> = complete(
  [linux.constants],
  platform.constants,
  0,
);

/** Its errno numbers; one that it lacks is -1, which no call leaves. */
export const errnos: Readonly<Record<ErrnoName, number>> = complete(
  [linux.errnos],
  platform.errnos,
  -1,
);

/** Whether the platform has a polling call: `"epoll"`, `"kqueue"`, `"poll"` or `"select"`. Needs no permission. */
export function isPlatformWith(mechanism: "kqueue" | "epoll" | "poll" | "select"): boolean {
  return platform.mechanisms.includes(mechanism);
}

function complete<Name extends string>(
  tables: readonly Readonly<Partial<Record<Name, number>>>[],
  own: Readonly<Partial<Record<Name, number>>>,
  missing: number,
): Readonly<Record<Name, number>> {
  const names = tables.flatMap(Object.keys) as Name[];
  return Object.fromEntries(names.map((name) => [name, own[name] ?? missing])) as Record<
    Name,
    number
  >;
}
