/**
 * The codecs: values that are written are read back, bytes beside them are not touched, and values
 * that do not fit are rejected.
 */

import { assert, assertEquals, assertFalse, assertStrictEquals, assertThrows } from "@std/assert";
import {
  addrinfo,
  AF_INET,
  AF_INET6,
  AF_UNIX,
  epoll_event,
  FD_CLR,
  FD_ISSET,
  FD_SET,
  fd_set,
  FD_SETSIZE,
  FD_ZERO,
  inet_ntop,
  inet_pton,
  pollfd,
  sockaddr_in,
  sockaddr_in6,
  sockaddr_un,
  type Struct,
  timespec,
  timeval,
} from "../ffi/mod.ts";
import "./helpers/descriptors.ts";

// On other platforms struct sockaddr_un is shorter, and abstract names do not exist.
const onLinux = { ignore: Deno.build.os !== "linux" };

// Windows has 64-bit SOCKETs, 32-bit seconds, and lists instead of bits: see
// platform_windows_test.ts.
const isWindows = Deno.build.os === "windows";
const notOnWindows = { ignore: isWindows };
const FD_LIMIT = isWindows ? 2 ** 53 : 2 ** 31;

const GUARD = 0xa5;

/** A codec, in the form that the tests below use. */
interface Case {
  readonly name: string;
  readonly codec: Struct<Record<string, unknown>>;
  /** Values that are read back as they were written. */
  readonly valid: readonly Record<string, unknown>[];
  /** Values that do not fit their field. */
  readonly tooLarge: readonly Record<string, unknown>[];
  /** Values of another type. */
  readonly wrongType: readonly Record<string, unknown>[];
}

const CASES: readonly Case[] = [
  define("pollfd", pollfd, { fd: 5, events: 1, revents: 0 }, {
    valid: [
      { fd: -1 },
      { fd: 2 ** 31 - 1 },
      { fd: -(2 ** 31) },
      { events: 0x7fff, revents: -0x8000 },
    ],
    tooLarge: [
      { fd: FD_LIMIT },
      { fd: -FD_LIMIT - 1 },
      { fd: 1.5 },
      { fd: NaN },
      { fd: Infinity },
      { events: 0x8000 },
      { revents: -0x8001 },
    ],
    wrongType: [{ fd: "5" }, { fd: 5n }, { events: undefined }, { revents: null }, { fd: true }],
  }),
  define("epoll_event", epoll_event, { events: 1, data: 5n }, {
    valid: [
      { events: 0xffffffff, data: 0xffffffffffffffffn },
      { events: 0, data: 0n },
      { events: 0x80000000, data: 0x8000000000000000n },
    ],
    tooLarge: [
      { events: -1 },
      { events: 2 ** 32 },
      { events: NaN },
      { data: -1n },
      { data: 2n ** 64n },
    ],
    wrongType: [{ events: 1n }, { data: 5 }, { data: "5" }, { data: undefined }],
  }),
  define("timespec", timespec, { tv_sec: 1, tv_nsec: 999999999 }, {
    valid: [
      { tv_sec: 0, tv_nsec: 0 },
      { tv_sec: -1, tv_nsec: -1 },
      { tv_sec: Number.MAX_SAFE_INTEGER, tv_nsec: Number.MIN_SAFE_INTEGER },
    ],
    tooLarge: [{ tv_sec: 2 ** 53 }, { tv_nsec: 0.5 }, { tv_sec: NaN }, { tv_sec: -Infinity }],
    wrongType: [{ tv_sec: 1n }, { tv_nsec: "1" }, { tv_sec: undefined }],
  }),
  define("timeval", timeval, { tv_sec: 1, tv_usec: 999999 }, {
    valid: [{ tv_sec: 0, tv_usec: 0 }, {
      tv_sec: isWindows ? -(2 ** 31) : -(2 ** 40),
      tv_usec: 2 ** 31 - 1,
    }],
    tooLarge: [{ tv_sec: -(2 ** 53) }, { tv_usec: 0.5 }, { tv_usec: NaN }],
    wrongType: [{ tv_sec: 1n }, { tv_usec: null }],
  }),
  define("sockaddr_in", sockaddr_in, {
    sin_family: AF_INET,
    sin_port: 8888,
    sin_addr: "127.0.0.1",
  }, {
    valid: [
      { sin_port: 0, sin_addr: "0.0.0.0" },
      { sin_port: 65535, sin_addr: "255.255.255.255" },
      { sin_port: 0x1234, sin_addr: "1.2.3.4" },
    ],
    tooLarge: [{ sin_port: 65536 }, { sin_port: -1 }, { sin_port: 80.5 }, { sin_port: NaN }],
    wrongType: [
      { sin_port: "80" },
      { sin_port: 80n },
      { sin_port: undefined },
      { sin_addr: 1 },
      { sin_addr: undefined },
      { sin_addr: "localhost" },
      { sin_addr: "127.0.0" },
      { sin_addr: "256.0.0.1" },
      { sin_addr: "::1" },
      { sin_addr: "127.0.0.1\0" },
      { sin_addr: "" },
    ],
  }),
  define("sockaddr_in6", sockaddr_in6, {
    sin6_family: AF_INET6,
    sin6_port: 8888,
    sin6_flowinfo: 0,
    sin6_addr: "::1",
    sin6_scope_id: 0,
  }, {
    valid: [
      { sin6_port: 65535, sin6_addr: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
      { sin6_flowinfo: 0xffffffff, sin6_scope_id: 0xfffffffe, sin6_addr: "fe80::1" },
      { sin6_addr: "::ffff:1.2.3.4" },
    ],
    tooLarge: [{ sin6_port: 65536 }, { sin6_port: -1 }, { sin6_port: NaN }],
    wrongType: [
      { sin6_port: "80" },
      { sin6_port: 80n },
      { sin6_addr: 1 },
      { sin6_addr: "127.0.0.1" },
      { sin6_addr: "::g" },
      { sin6_addr: "fe80::1%lo" },
      { sin6_addr: ":::" },
      { sin6_addr: "" },
    ],
  }),
];

for (const { name, codec, valid, tooLarge, wrongType } of CASES) {
  const [usual] = valid as [Record<string, unknown>];

  Deno.test(`${name} comes out as it went in, at every offset, and touches nothing beside it`, () => {
    for (const fields of valid) {
      for (const offset of [0, 1, 2, 3, 7, 8, 13]) {
        // In the middle of a larger buffer, to detect an offset that counts from the wrong place.
        const buffer = new Uint8Array(codec.size + 48).fill(GUARD);
        const memory = buffer.subarray(16, 16 + codec.size + 16);
        codec.write(memory, fields, offset);
        assertEquals(codec.read(memory, offset), fields);
        buffer.fill(GUARD, 16 + offset, 16 + offset + codec.size);
        assertEquals(buffer, new Uint8Array(buffer.length).fill(GUARD), `at ${offset}`);
      }
    }
  });

  Deno.test(`${name} uses offset 0 where none is given`, () => {
    const memory = new Uint8Array(codec.size);
    codec.write(memory, usual);
    assertEquals(codec.read(memory), usual);
    assertEquals(codec.read(memory, 0), usual);
  });

  Deno.test(`${name} refuses a value that does not fit its field, and writes nothing`, () => {
    for (const change of tooLarge) {
      const memory = new Uint8Array(codec.size).fill(GUARD);
      const fields = { ...usual, ...change };
      assertThrows(() => codec.write(memory, fields), RangeError, undefined, text(change));
      assertEquals(memory, new Uint8Array(codec.size).fill(GUARD), text(change));
    }
  });

  Deno.test(`${name} refuses a value of the wrong type, and writes nothing`, () => {
    for (const change of wrongType) {
      const memory = new Uint8Array(codec.size).fill(GUARD);
      const fields = { ...usual, ...change };
      assertThrows(() => codec.write(memory, fields), TypeError, undefined, text(change));
      assertEquals(memory, new Uint8Array(codec.size).fill(GUARD), text(change));
    }
  });

  Deno.test(`${name} refuses memory that it does not lie within`, () => {
    const buffer = new Uint8Array(256).fill(GUARD);
    const outside: [Uint8Array, number][] = [
      [buffer.subarray(0, 0), 0],
      [buffer.subarray(64, 64 + codec.size - 1), 0],
      [buffer.subarray(64, 64 + codec.size), 1],
      [buffer.subarray(64, 64 + codec.size), codec.size],
      [buffer.subarray(64, 64 + codec.size), -1],
      [buffer.subarray(64, 64 + codec.size), -codec.size],
      ...[0.5, NaN, Infinity, -Infinity, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53)].map((
        offset,
      ): [Uint8Array, number] => [buffer, offset]),
      ...["0", 0n, null, {}, [0], true].map((offset): [Uint8Array, number] => [
        buffer,
        offset as unknown as number,
      ]),
      [detached(256), 0],
      [shrunk(256, codec.size - 1), 0],
      [lying(codec.size - 1, 256), 0],
    ];
    for (const [memory, offset] of outside) {
      const what = `${memory.byteLength} bytes, offset ${String(offset)}`;
      assertThrows(() => codec.read(memory, offset), RangeError, undefined, what);
      assertThrows(() => codec.write(memory, usual, offset), RangeError, undefined, what);
    }
    assertEquals(buffer, new Uint8Array(256).fill(GUARD));
  });

  Deno.test(`${name} refuses what is no typed array`, () => {
    for (const memory of notMemory(256)) {
      assertThrows(() => codec.read(memory), TypeError, undefined, text(memory));
      assertThrows(() => codec.write(memory, usual), TypeError, undefined, text(memory));
    }
  });
}

Deno.test("A family, a flow label or a scope that does not fit its field is refused", () => {
  const refused: string[] = [];
  const accepted: string[] = [];
  const attempt = (what: string, write: () => unknown) => {
    try {
      write();
      accepted.push(what);
    } catch (error) {
      assert(error instanceof RangeError || error instanceof TypeError, what);
      refused.push(what);
    }
  };
  const memory = new Uint8Array(128);
  for (const value of [-1, 2 ** 16 + AF_INET, 2 ** 32, 1.5, NaN, "2", undefined] as number[]) {
    const sin = { sin_family: value, sin_port: 80, sin_addr: "127.0.0.1" };
    attempt(`sin_family ${value}`, () => sockaddr_in.write(memory, sin));
    const sun = { sun_family: value, sun_path: "x" };
    attempt(`sun_family ${value}`, () => sockaddr_un.write(memory, sun));
    const usual = CASES.find(({ codec }) => codec === sockaddr_in6 as unknown)!.valid[0]!;
    const sin6 = { ...usual, sin6_family: value } as unknown as ReturnType<
      typeof sockaddr_in6.read
    >;
    attempt(`sin6_family ${value}`, () => sockaddr_in6.write(memory, sin6));
  }
  for (const value of [-1, 2 ** 32, 1.5, NaN, "2", undefined] as number[]) {
    const sin6 = { sin6_family: AF_INET6, sin6_port: 80, sin6_addr: "::1" };
    attempt(
      `sin6_flowinfo ${value}`,
      () => sockaddr_in6.write(memory, { ...sin6, sin6_flowinfo: value, sin6_scope_id: 0 }),
    );
    attempt(
      `sin6_scope_id ${value}`,
      () => sockaddr_in6.write(memory, { ...sin6, sin6_flowinfo: 0, sin6_scope_id: value }),
    );
  }
  assertEquals(accepted, []);
  assertEquals(refused.length, 3 * 7 + 2 * 6);
});

Deno.test("Ports and addresses lie in network byte order", () => {
  const memory = new Uint8Array(28);
  sockaddr_in.write(memory, { sin_family: AF_INET, sin_port: 0x1234, sin_addr: "1.2.3.4" });
  assertEquals([...memory.subarray(2, 8)], [0x12, 0x34, 1, 2, 3, 4]);
  sockaddr_in6.write(memory, {
    sin6_family: AF_INET6,
    sin6_port: 0x1234,
    sin6_flowinfo: 0x01020304,
    sin6_addr: "102:304:506:708:90a:b0c:d0e:f10",
    sin6_scope_id: 0,
  });
  assertEquals([...memory.subarray(2, 8)], [0x12, 0x34, 1, 2, 3, 4]);
  assertEquals([...memory.subarray(8, 24)], [...Array(16).keys()].map((i) => i + 1));
});

Deno.test("sockaddr_in clears the bytes that pad it", () => {
  const memory = new Uint8Array(16).fill(GUARD);
  sockaddr_in.write(memory, { sin_family: AF_INET, sin_port: 80, sin_addr: "1.2.3.4" });
  assertEquals([...memory.subarray(8)], Array(8).fill(0));
});

Deno.test("The text of an IPv6 address comes out in its shortest form", () => {
  const forms: Record<string, string> = {
    "::": "::",
    "::1": "::1",
    "0:0:0:0:0:0:0:1": "::1",
    "0000:0000:0000:0000:0000:0000:0000:0001": "::1",
    "2001:DB8::A": "2001:db8::a",
    "2001:0db8:0000:0000:0001:0000:0000:0001": "2001:db8::1:0:0:1",
    "1:2:3:4:5:6:7:8": "1:2:3:4:5:6:7:8",
    "1::": "1::",
    "::ffff:127.0.0.1": "::ffff:127.0.0.1",
    "::ffff:7f00:1": "::ffff:127.0.0.1",
    "64:ff9b::1.2.3.4": "64:ff9b::102:304",
    "fe80::1": "fe80::1",
  };
  for (const [given, expected] of Object.entries(forms)) {
    const bytes = new Uint8Array(16);
    assertStrictEquals(inet_pton(AF_INET6, given, bytes), 1, given);
    assertStrictEquals(inet_ntop(AF_INET6, bytes), expected);
    const memory = new Uint8Array(28);
    sockaddr_in6.write(memory, {
      sin6_family: AF_INET6,
      sin6_port: 1,
      sin6_flowinfo: 0,
      sin6_addr: given,
      sin6_scope_id: 0,
    });
    assertStrictEquals(sockaddr_in6.read(memory).sin6_addr, expected);
  }
});

Deno.test(
  "sockaddr_un keeps pathnames, abstract names and no name apart by its length",
  onLinux,
  () => {
    const names: [sun_path: string, length: number][] = [
      ["", 2],
      ["/", 4],
      ["/tmp/socket", 2 + 11 + 1],
      ["relative name with spaces", 2 + 25 + 1],
      ["/tmp/ß€😀", 2 + 5 + 2 + 3 + 4 + 1],
      ["\0", 3],
      ["\0abstract", 2 + 9],
      ["\0with\0more\0", 2 + 11],
      ["\0\0", 2 + 2],
      ["x".repeat(106), 2 + 107],
      ["x".repeat(107), 2 + 108],
      ["\0" + "x".repeat(106), 2 + 107],
      ["\0" + "x".repeat(107), 2 + 108],
    ];
    for (const [sun_path, expected] of names) {
      for (const offset of [0, 1, 5]) {
        const buffer = new Uint8Array(160).fill(GUARD);
        const memory = buffer.subarray(16, 136);
        const fields = { sun_family: AF_UNIX, sun_path };
        const length = sockaddr_un.write(memory, fields, offset);
        assertStrictEquals(length, expected, text(sun_path));
        assertEquals(sockaddr_un.read(memory, offset, length), fields);
        buffer.fill(GUARD, 16 + offset, 16 + offset + length);
        assertEquals(buffer, new Uint8Array(buffer.length).fill(GUARD), text(sun_path));
      }
    }
  },
);

Deno.test("sockaddr_un takes exactly as much memory as the address needs", onLinux, () => {
  for (const sun_path of ["", "/tmp/socket", "\0abstract", "x".repeat(107)]) {
    const fields = { sun_family: AF_UNIX, sun_path };
    const length = sockaddr_un.write(new Uint8Array(110), fields);
    const buffer = new Uint8Array(128).fill(GUARD);
    assertStrictEquals(sockaddr_un.write(buffer.subarray(8, 8 + length), fields), length);
    buffer.fill(GUARD);
    const small = buffer.subarray(8, 8 + length - 1);
    assertThrows(() => sockaddr_un.write(small, fields), RangeError);
    assertThrows(() => sockaddr_un.write(buffer.subarray(8, 8 + length), fields, 1), RangeError);
    assertEquals(buffer, new Uint8Array(128).fill(GUARD));
  }
});

Deno.test(
  "sockaddr_un refuses names of 108 and 109 bytes, and pathnames with a NUL inside",
  onLinux,
  () => {
    const buffer = new Uint8Array(200).fill(GUARD);
    const write = (sun_path: string) => () =>
      sockaddr_un.write(buffer, { sun_family: AF_UNIX, sun_path });
    for (const length of [108, 109, 4096]) {
      assertThrows(write("x".repeat(length)), RangeError, "107", `${length} bytes`);
      assertThrows(write("\0" + "x".repeat(length)), RangeError, "107", `NUL and ${length} bytes`);
    }
    assertThrows(write("€".repeat(36)), RangeError, "107"); // 36 characters, 108 bytes
    for (const path of ["a\0", "a\0b"]) assertThrows(write(path), TypeError, "NUL");
    for (const path of [undefined, null, 5, {}, ["/tmp"], new Uint8Array(3)]) {
      assertThrows(write(path as unknown as string), TypeError, undefined, text(path));
    }
    assertEquals(buffer, new Uint8Array(200).fill(GUARD));
  },
);

Deno.test("sockaddr_un reads a pathname up to its NUL, or to the end where it has none", () => {
  const bytes = new TextEncoder().encode("\x01\0/tmp/a\0rubbish");
  assertStrictEquals(sockaddr_un.read(bytes, 0, bytes.length).sun_path, "/tmp/a");
  assertStrictEquals(sockaddr_un.read(bytes, 0, 6).sun_path, "/tmp");
  // On Linux a path can fill all 108 bytes without a NUL; the address then has 111 bytes.
  // unix(7), "BUGS"
  const full = new Uint8Array(111).fill(0x78);
  full.set([AF_UNIX, 0]);
  full[110] = 0;
  assertStrictEquals(sockaddr_un.read(full, 0, 111).sun_path, "x".repeat(108));
  assertStrictEquals(sockaddr_un.read(full, 0, 110).sun_path, "x".repeat(108));
});

Deno.test("sockaddr_un refuses lengths and offsets outside its memory", onLinux, () => {
  const buffer = new Uint8Array(256);
  const memory = buffer.subarray(64, 64 + 20);
  for (const length of [1, -1, 21, 2 ** 31, NaN, Infinity]) {
    assertThrows(() => sockaddr_un.read(memory, 0, length), RangeError, undefined, `${length}`);
  }
  for (const offset of [-1, 0.5, NaN, 19, 20, 2 ** 32, "0" as unknown as number]) {
    assertThrows(() => sockaddr_un.read(memory, offset, 2), RangeError, undefined, `${offset}`);
  }
  assertThrows(() => sockaddr_un.read(memory), RangeError, "110"); // the whole struct, by default
  for (const memory of notMemory(256)) {
    assertThrows(() => sockaddr_un.read(memory), TypeError, undefined, text(memory));
    assertThrows(
      () => sockaddr_un.write(memory, { sun_family: AF_UNIX, sun_path: "x" }),
      TypeError,
      undefined,
      text(memory),
    );
  }
});

Deno.test("sockaddr_un keeps a path that begins with a byte order mark", () => {
  const memory = new Uint8Array(110);
  const fields = { sun_family: AF_UNIX, sun_path: "\uFEFFname" };
  assertEquals(sockaddr_un.read(memory, 0, sockaddr_un.write(memory, fields)), fields);
});

Deno.test(
  "FD_SET, FD_CLR and FD_ISSET reach the first and the last bit of each long",
  notOnWindows,
  () => {
    assertStrictEquals(FD_SETSIZE, fd_set.size * 8);
    const last = FD_SETSIZE - 1;
    const edges = [0, 1, 7, 8, 31, 32, 63, 64, 127, 128, last - 63, last];
    const buffer = new Uint8Array(fd_set.size + 16).fill(GUARD);
    const set = buffer.subarray(8, 8 + fd_set.size);
    FD_ZERO(set);
    for (const fd of edges) {
      assertFalse(FD_ISSET(fd, set), `${fd}`);
      FD_SET(fd, set);
      FD_SET(fd, set); // setting it again has no effect
      const members = [...Array(FD_SETSIZE).keys()].filter((fd) => FD_ISSET(fd, set));
      assertEquals(members, [fd]);
      // As in C: word fd / 64, bit fd % 64.
      const longs = new BigUint64Array(set.slice().buffer);
      assertStrictEquals(longs[Math.floor(fd / 64)], 1n << BigInt(fd % 64));
      FD_CLR(fd, set);
      FD_CLR(fd, set);
      assertFalse(FD_ISSET(fd, set), `${fd}`);
    }
    for (const fd of edges) FD_SET(fd, set);
    FD_CLR(63, set);
    assertEquals(edges.filter((fd) => FD_ISSET(fd, set)), edges.filter((fd) => fd !== 63));
    FD_ZERO(set);
    assertEquals(set, new Uint8Array(fd_set.size));
    assertEquals([...buffer.subarray(0, 8), ...buffer.subarray(-8)], Array(16).fill(GUARD));
  },
);

Deno.test("The FD_ macros refuse descriptors outside the set, and sets that are too small", () => {
  const buffer = new Uint8Array(512).fill(GUARD);
  const set = buffer.subarray(64, 64 + fd_set.size);
  for (const macro of [FD_SET, FD_CLR, FD_ISSET]) {
    for (
      const fd of [-1, -64, FD_SETSIZE, FD_SETSIZE + 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 0.5, NaN]
    ) {
      assertThrows(() => macro(fd, set), RangeError, undefined, `${macro.name}(${fd})`);
    }
    for (const fd of ["0", 0n, undefined, null, {}, true]) {
      const call = () => macro(fd as unknown as number, set);
      assertThrows(call, TypeError, undefined, `${macro.name}(${String(fd)})`);
    }
    for (const small of [set.subarray(1), set.subarray(0, 0), detached(128), shrunk(128, 127)]) {
      assertThrows(() => macro(0, small), RangeError, undefined, macro.name);
    }
    for (const other of notMemory(fd_set.size)) {
      assertThrows(() => macro(0, other), TypeError, undefined, `${macro.name}, ${text(other)}`);
    }
  }
  assertThrows(() => FD_ZERO(set.subarray(1)), RangeError);
  assertThrows(() => FD_ZERO(detached(128)), RangeError);
  for (const other of notMemory(fd_set.size)) assertThrows(() => FD_ZERO(other), TypeError);
  assertEquals(buffer, new Uint8Array(512).fill(GUARD));
});

Deno.test("The FD_ macros find the same bit in an fd_set of longs, or refuse it", () => {
  const set = new Int32Array(fd_set.size / 4);
  try {
    FD_SET(40, set as unknown as Uint8Array);
  } catch (error) {
    assert(error instanceof TypeError);
    return;
  }
  const bytes = new Uint8Array(set.buffer);
  assertEquals([...Array(FD_SETSIZE).keys()].filter((fd) => FD_ISSET(fd, bytes)), [40]);
});

Deno.test("addrinfo.hints lays out its four ints, 0 where none is given, and no pointer", () => {
  const ints = (hints: Uint8Array<ArrayBuffer>) => [...new Int32Array(hints.buffer)];
  const padding = Array(addrinfo.size / 4 - 4).fill(0);
  assertEquals(ints(addrinfo.hints({})), [0, 0, 0, 0, ...padding]);
  assertEquals(
    ints(addrinfo.hints({ ai_flags: 1, ai_family: 2, ai_socktype: 3, ai_protocol: -4 })),
    [1, 2, 3, -4, ...padding],
  );
  for (const value of [NaN, 0.5, 2 ** 31, -(2 ** 31) - 1]) {
    assertThrows(() => addrinfo.hints({ ai_family: value }), RangeError, undefined, `${value}`);
  }
  for (const value of ["2", 2n, null, {}]) {
    const hints = { ai_flags: value as unknown as number };
    assertThrows(() => addrinfo.hints(hints), TypeError, undefined, text(value));
  }
});

/** A row of CASES: changes to `usual` that are valid, that do not fit, and of another type. */
function define<Fields>(
  name: string,
  codec: Struct<Fields>,
  usual: Fields,
  changes: {
    valid: readonly Partial<Fields>[];
    tooLarge: readonly Partial<Fields>[];
    wrongType: readonly Readonly<Record<string, unknown>>[];
  },
): Case {
  const { valid, tooLarge, wrongType } = changes;
  return {
    name,
    codec: codec as unknown as Case["codec"],
    valid: [usual, ...valid.map((change) => ({ ...usual, ...change }))] as Case["valid"],
    tooLarge: tooLarge as Case["tooLarge"],
    wrongType,
  };
}

/** An array whose buffer was transferred. */
function detached(size: number): Uint8Array {
  const memory = new Uint8Array(size);
  memory.buffer.transfer();
  return memory;
}

/** An array whose buffer shrank below it. */
function shrunk(size: number, left: number): Uint8Array {
  const buffer = new ArrayBuffer(size, { maxByteLength: size });
  const memory = new Uint8Array(buffer, 0, size);
  buffer.resize(left);
  return memory;
}

/** An array whose own property claims a larger size. */
function lying(size: number, said: number): Uint8Array {
  const memory = new Uint8Array(size);
  Object.defineProperty(memory, "byteLength", { value: said });
  Object.defineProperty(memory, "length", { value: said });
  return memory;
}

/** An object that looks like memory but is no typed array. */
function notMemory(size: number): Uint8Array[] {
  const array = new Uint8Array(size);
  const values = [
    new DataView(array.buffer),
    Object.setPrototypeOf(new DataView(array.buffer), Uint8Array.prototype),
    array.buffer,
    Object.create(Uint8Array.prototype, { byteLength: { value: size }, length: { value: size } }),
    { buffer: array.buffer, byteOffset: 0, byteLength: size, length: size },
    new Proxy(array, {}),
    [...array],
    "x".repeat(size),
    size,
    undefined,
    null,
  ];
  return values as unknown as Uint8Array[];
}

function text(value: unknown): string {
  return Deno.inspect(value, { depth: 1, iterableLimit: 4, strAbbreviateSize: 40 });
}
