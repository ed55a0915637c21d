/**
 * The tables of the other platforms: compares each constant and errno number with the platform's
 * own header, and checks the struct layouts that differ. `fixtures/headers/` has the numbers, one
 * per line, with the header that each was read from: xnu 11417.101.15 and Libinfo, FreeBSD 15,
 * NetBSD 10, libkqueue 2.7.0, mingw-w64 10.0.0 (under POSIX names: see `platform_windows_test.ts`).
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as darwin from "../ffi/platforms/darwin.ts";
import * as freebsd from "../ffi/platforms/freebsd.ts";
import { keventStruct } from "../ffi/kqueue.ts";
import * as libkqueue from "../ffi/libkqueue.ts";
import * as linux from "../ffi/platforms/linux.ts";
import * as netbsd from "../ffi/platforms/netbsd.ts";
import * as windows from "../ffi/platforms/windows.ts";
import { constants, errnos, platform, platforms } from "../ffi/platform.ts";
import { path } from "./helpers/programs.ts";

const TABLES = {
  darwin: { ...darwin.constants, ...darwin.errnos },
  freebsd: { ...freebsd.constants, ...freebsd.errnos },
  netbsd: { ...netbsd.constants, ...netbsd.errnos },
  libkqueue: libkqueue.constants,
  windows: { ...windows.constants, ...windows.errnos },
};

/** How many numbers each table has, so that a lost row is noticed. */
const COUNTS = { darwin: 253, freebsd: 251, netbsd: 244, libkqueue: 26, windows: 139 };

/** `offsetof` each field of struct kevent, and `sizeof`, from the compilers of the platforms. */
const KEVENTS = {
  linux: [0, 8, 10, 12, 16, 24, 32],
  darwin: [0, 8, 10, 12, 16, 24, 32],
  freebsd: [0, 8, 10, 12, 16, 24, 64],
  netbsd: [0, 8, 12, 16, 24, 32, 40],
};

for (const [name, table] of Object.entries(TABLES)) {
  Deno.test(`Each of ${COUNTS[name as keyof typeof COUNTS]} figures of ${name}.ts is what its headers say`, () => {
    const figures = readFigures(`tests/fixtures/headers/${name}.h`);
    assertEquals({ ...table }, Object.fromEntries(figures));
    assertEquals(Object.keys(table).length, COUNTS[name as keyof typeof COUNTS]);
  });
}

Deno.test("The BSDs and macOS have every constant of Linux except those listed here", () => {
  const names = Object.keys(linux.constants).filter((name) => !/^(EPOLL|EFD_)/.test(name));
  const lacking = (table: Record<string, number>) => names.filter((name) => !(name in table));
  const lackedByAll = [
    "AF_PACKET",
    "SO_PASSCRED",
    "SO_PEERCRED",
    "SO_TIMESTAMPNS",
    "SO_MARK",
    "MSG_ERRQUEUE",
    "MSG_MORE",
    "SCM_CREDENTIALS",
    "SCM_TIMESTAMPNS",
    "IP_TRANSPARENT",
    "TCP_CORK",
    "TCP_DEFER_ACCEPT",
    "TCP_QUICKACK",
    "TCP_USER_TIMEOUT",
  ];
  const others = (table: Record<string, number>) => {
    const names = lacking(table);
    assertEquals(lackedByAll.filter((name) => !names.includes(name)), []);
    return names.filter((name) => !lackedByAll.includes(name)).sort();
  };
  assertEquals(others(darwin.constants), [
    "AF_BLUETOOTH",
    "AF_CAN",
    "AF_NETLINK",
    "MSG_CMSG_CLOEXEC",
    "POLLRDHUP",
    "SOCK_CLOEXEC",
    "SOCK_NONBLOCK",
    "SO_DOMAIN",
    "SO_PROTOCOL",
    "TCP_CONGESTION",
    "TCP_INFO",
    "TCP_KEEPIDLE",
  ]);
  assertEquals(others(freebsd.constants), ["AF_CAN", "AF_VSOCK", "IP_PKTINFO", "SO_BINDTODEVICE"]);
  assertEquals(others(netbsd.constants), [
    "AF_NETLINK",
    "AF_VSOCK",
    "AI_ALL",
    "AI_V4MAPPED",
    "POLLRDHUP",
    "SO_BINDTODEVICE",
    "SO_DOMAIN",
    "SO_PROTOCOL",
    "TCP_CONGESTION",
    "TCP_FASTOPEN",
  ]);
});

for (const [os, expected] of Object.entries(KEVENTS)) {
  Deno.test(`struct kevent has the size and the offsets of ${os}`, () => {
    const { offsets, size } = keventStruct(platforms[os as keyof typeof KEVENTS]!.kevent);
    assertEquals([...Object.values(offsets), size], expected);
  });
}

/** What the headers say of `struct msghdr` and `struct cmsghdr` on amd64 and arm64. */
const MESSAGES = {
  linux: { msghdr: { size: 56, flags: 48 }, cmsghdr: { level: 8, alignment: 8 } },
  darwin: { msghdr: { size: 48, flags: 44 }, cmsghdr: { level: 4, alignment: 4 } },
  freebsd: { msghdr: { size: 48, flags: 44 }, cmsghdr: { level: 4, alignment: 8 } },
  netbsd: { msghdr: { size: 48, flags: 44 }, cmsghdr: { level: 4, alignment: 8 } },
};

for (const [os, expected] of Object.entries(MESSAGES)) {
  Deno.test(`struct msghdr and struct cmsghdr have the layouts of ${os}`, () => {
    const { msghdr, cmsghdr } = platforms[os as keyof typeof MESSAGES]!;
    assertEquals({ msghdr, cmsghdr }, expected);
  });
}

Deno.test("Nothing in the row of a platform can be changed", () => {
  const isFrozen = (value: unknown): boolean =>
    typeof value !== "object" || value === null ||
    Object.isFrozen(value) && Object.values(value).every(isFrozen);
  assertEquals(Object.entries(platforms).filter(([, row]) => !isFrozen(row)), []);
  assert(isFrozen(platform) && isFrozen(constants) && isFrozen(errnos));
});

Deno.test("struct kevent is written and read with the signs of each platform", () => {
  for (const os of Object.keys(KEVENTS) as (keyof typeof KEVENTS)[]) {
    const codec = keventStruct(platforms[os]!.kevent);
    const memory = new Uint8Array(codec.size).fill(0xff);
    const fields = { ident: 7, flags: 0xc000, fflags: 0xc0000000, data: -1, udata: 2n ** 64n - 1n };
    for (const filter of os === "netbsd" ? [0, 8] : [-1, -15]) {
      codec.write(memory, { ...fields, filter });
      assertEquals(codec.read(memory), { ...fields, filter });
    }
  }
});

/** The `#define` lines of a file, each with the header that it was read from. */
function readFigures(file: string): [name: string, figure: number][] {
  return Deno.readTextFileSync(path(file)).trimEnd().split("\n").map((line) => {
    assertMatch(line, /^#define [A-Z][A-Z0-9_]* (-?\d+|0x[0-9a-f]+) \/\/ [a-z_0-9/]+\.h$/);
    const [, name, figure] = line.split(" ");
    return [name!, Number(figure)];
  });
}
