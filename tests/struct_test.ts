/**
 * The codecs of C structs: what they write is what they read, and nothing outside the struct is touched.
 */

import { assertEquals, assertFalse, assertStrictEquals, assertThrows } from "@std/assert";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  epoll_event,
  FD_CLR,
  FD_ISSET,
  FD_SET,
  fd_set,
  FD_ZERO,
  inet_ntop,
  inet_pton,
  pollfd,
  sockaddr_in,
  sockaddr_in6,
  sockaddr_un,
  timespec,
  timeval,
} from "../ffi/mod.ts";
import "./descriptors.ts";

const GUARD = 0xa5;

/** Memory with `size` bytes at `offset` that may change, among guard bytes that must not. */
function guarded(size: number, offset: number): Uint8Array {
  return new Uint8Array(offset + size + 16).fill(GUARD);
}

function checkGuards(memory: Uint8Array, offset: number, size: number): void {
  const outside = memory.filter((_, i) => i < offset || i >= offset + size);
  assertEquals(outside, new Uint8Array(outside.length).fill(GUARD));
}

const ROUND_TRIPS = [
  ["epoll_event", epoll_event, { events: 0x80000001, data: 0xfedcba9876543210n }],
  ["pollfd", pollfd, { fd: -5, events: 5, revents: -1 }],
  ["timespec", timespec, { tv_sec: 2 ** 40, tv_nsec: 999999999 }],
  ["timeval", timeval, { tv_sec: -1, tv_usec: 999999 }],
  ["sockaddr_in", sockaddr_in, { sin_family: AF_INET, sin_port: 65535, sin_addr: "10.1.2.3" }],
  ["sockaddr_in6", sockaddr_in6, {
    sin6_family: AF_INET6,
    sin6_port: 8080,
    sin6_flowinfo: 7,
    sin6_addr: "fe80::1:2",
    sin6_scope_id: 3,
  }],
] as const;

for (const [name, codec, fields] of ROUND_TRIPS) {
  // Every struct has the same two methods; which fields they take is checked by running them.
  const { size, read, write } = codec as unknown as {
    size: number;
    read(memory: Uint8Array, offset?: number): unknown;
    write(memory: Uint8Array, fields: unknown, offset?: number): void;
  };

  Deno.test(`${name}.read() gives what write() was given, at any offset, and touches nothing beside`, () => {
    for (const offset of [0, 1, 7, 16]) {
      const memory = guarded(size, offset);
      write(memory, fields, offset);
      assertEquals(read(memory, offset), fields);
      checkGuards(memory, offset, size);
      const view = memory.subarray(offset);
      assertEquals(read(view), fields);
    }
  });

  Deno.test(`${name} refuses memory that it does not lie within`, () => {
    const memory = new Uint8Array(size + 4);
    for (const offset of [-1, 5, size + 4, 0.5, NaN, Infinity, 2 ** 53]) {
      assertThrows(() => read(memory, offset), RangeError);
      assertThrows(() => write(memory, fields, offset), RangeError);
    }
    const detached = new Uint8Array(size);
    structuredClone(detached, { transfer: [detached.buffer] });
    assertThrows(() => write(detached, fields), RangeError);
    for (const wrong of [null, undefined, "memory", {}, new ArrayBuffer(size)]) {
      assertThrows(() => read(wrong as unknown as Uint8Array), TypeError);
    }
    assertEquals(memory, new Uint8Array(size + 4));
  });
}

Deno.test("A struct refuses values that do not fit their fields, and writes nothing", () => {
  const memory = new Uint8Array(16);
  for (const fd of [NaN, 1.5, 2 ** 31, -(2 ** 31) - 1, Infinity]) {
    assertThrows(() => pollfd.write(memory, { fd, events: 0, revents: 0 }), RangeError);
  }
  assertThrows(() => pollfd.write(memory, { fd: 0, events: 40000, revents: 0 }), RangeError);
  assertThrows(() => epoll_event.write(memory, { events: -1, data: 0n }), RangeError);
  assertThrows(() => epoll_event.write(memory, { events: 0, data: -1n }), RangeError);
  assertThrows(() => epoll_event.write(memory, { events: 0, data: 1n << 64n }), RangeError);
  assertThrows(() => timespec.write(memory, { tv_sec: 2 ** 53, tv_nsec: 0 }), RangeError);
  const wrong = { fd: "1", events: 0, revents: 0 } as unknown as { fd: number };
  assertThrows(() => pollfd.write(memory, { events: 0, revents: 0, ...wrong }), TypeError);
  const number = { events: 0, data: 1 } as unknown as { events: number; data: bigint };
  assertThrows(() => epoll_event.write(memory, number), TypeError);
  assertEquals(memory, new Uint8Array(16));
});

Deno.test("sockaddr_in and sockaddr_in6 refuse what is no address and no port", () => {
  const memory = new Uint8Array(28);
  for (const sin_addr of ["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "localhost", "::1", "1.2.3.4 "]) {
    assertThrows(
      () => sockaddr_in.write(memory, { sin_family: AF_INET, sin_port: 1, sin_addr }),
      TypeError,
    );
  }
  for (const sin_port of [-1, 65536, 1.5, NaN]) {
    const fields = { sin_family: AF_INET, sin_port, sin_addr: "127.0.0.1" };
    assertThrows(() => sockaddr_in.write(memory, fields), RangeError);
  }
  const fields = { sin6_family: AF_INET6, sin6_port: 1, sin6_flowinfo: 0, sin6_scope_id: 0 };
  for (const sin6_addr of ["", "127.0.0.1", ":::", "g::1", "::1%lo"]) {
    assertThrows(() => sockaddr_in6.write(memory, { ...fields, sin6_addr }), TypeError);
  }
});

Deno.test("inet_ntop() gives the canonical text of what inet_pton() took", () => {
  for (
    const [text, canonical] of [["::1", "::1"], ["0:0:0:0:0:0:0:0", "::"], [
      "2001:DB8::0:1",
      "2001:db8::1",
    ]]
  ) {
    const bytes = new Uint8Array(16);
    assertStrictEquals(inet_pton(AF_INET6, text!, bytes), 1);
    assertStrictEquals(inet_ntop(AF_INET6, bytes), canonical);
  }
  assertStrictEquals(inet_pton(AF_INET, "1.2.3", new Uint8Array(4)), 0);
});

Deno.test("sockaddr_un keeps paths, abstract names, and no name at all", () => {
  for (const sun_path of ["/run/socket", "\0abstract", "\0with\0".slice(0, 5), "", "/π/ß"]) {
    const memory = guarded(sockaddr_un.size, 3);
    const length = sockaddr_un.write(memory, { sun_family: AF_UNIX, sun_path }, 3);
    assertEquals(sockaddr_un.read(memory, 3, length), { sun_family: AF_UNIX, sun_path });
    checkGuards(memory, 3, length);
  }
});

Deno.test("sockaddr_un takes names of 107 bytes, 108 with the NUL of an abstract one, and no more", () => {
  const memory = new Uint8Array(sockaddr_un.size);
  const write = (sun_path: string) => sockaddr_un.write(memory, { sun_family: AF_UNIX, sun_path });
  assertStrictEquals(write("a".repeat(107)), 110);
  assertStrictEquals(write("\0" + "a".repeat(107)), 110);
  assertThrows(() => write("a".repeat(108)), RangeError);
  assertThrows(() => write("ä".repeat(54)), RangeError);
  assertThrows(() => write("\0" + "a".repeat(108)), RangeError);
  assertThrows(() => write("a\0b"), TypeError);
  assertThrows(() => write("\0a\0b"), TypeError);
  assertThrows(() => write(1 as unknown as string), TypeError);
});

Deno.test("FD_SET(), FD_CLR(), FD_ISSET() and FD_ZERO() work on every descriptor below FD_SETSIZE", () => {
  const set = guarded(fd_set.size, 0);
  FD_ZERO(set);
  for (const fd of [0, 1, 31, 32, 63, 64, 1022, 1023]) {
    assertFalse(FD_ISSET(fd, set));
    FD_SET(fd, set);
    assertStrictEquals(FD_ISSET(fd, set), true);
    assertStrictEquals(set.slice(0, fd_set.size).filter((byte) => byte !== 0).length, 1);
    FD_CLR(fd, set);
    assertFalse(FD_ISSET(fd, set));
  }
  checkGuards(set, 0, fd_set.size);
});

Deno.test("FD_SET() refuses what C's macro would write outside the set", () => {
  const set = guarded(fd_set.size, 0);
  for (const fd of [-1, 1024, 2 ** 31, 0.5, NaN]) {
    assertThrows(() => FD_SET(fd, set), RangeError);
    assertThrows(() => FD_CLR(fd, set), RangeError);
    assertThrows(() => FD_ISSET(fd, set), RangeError);
  }
  assertThrows(() => FD_SET(0, new Uint8Array(8)), RangeError);
  checkGuards(set, 0, 0);
});
