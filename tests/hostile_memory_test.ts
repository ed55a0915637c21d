/**
 * Memory that changes or is not what it seems: memory that another thread changes during the call,
 * arrays with false properties, replaced prototype methods, codecs that are written to, options
 * with pointers, buffers that the sink of a trace uses again.
 */

import { assert, assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import * as ffi from "../ffi/mod.ts";
import type { Memory } from "../ffi/mod.ts";
import { type InetAddress, Socket, traceSyscalls } from "../mod.ts";
import { Pair, tcpPair } from "./helpers/descriptors.ts";

const onLinux = { ignore: Deno.build.os !== "linux" };
// Emulators do not know every option.
const onLinuxItself = { ignore: onLinux.ignore || Deno.env.has("SELECTORS_EMULATOR") };
const GUARD = 0xa5;

/** `size` bytes with guard bytes around them, which must not change. */
class Guarded {
  static readonly #MARGIN = 4096;
  readonly #all: Uint8Array;
  readonly memory: Uint8Array;

  constructor(size: number) {
    this.#all = new Uint8Array(size + 2 * Guarded.#MARGIN).fill(GUARD);
    this.memory = this.#all.subarray(Guarded.#MARGIN, Guarded.#MARGIN + size);
  }

  /** The index of a changed guard byte; -1 if there is none. */
  damage(): number {
    const end = Guarded.#MARGIN + this.memory.length;
    return this.#all.findIndex((byte, i) => {
      return byte !== GUARD && (i < Guarded.#MARGIN || i >= end);
    });
  }
}

/**
 * Runs `action` repeatedly while another thread switches the number at the start of `memory`
 * between `low` and `high`: for a second, and until `action` returns that it has seen the change,
 * because a busy machine may delay the other thread.
 */
async function whileFlipping(
  memory: SharedArrayBuffer,
  [low, high]: [number, number],
  action: () => boolean,
): Promise<void> {
  const end = new SharedArrayBuffer(4);
  const worker = new Worker(new URL("./fixtures/flip_worker.ts", import.meta.url), {
    type: "module",
  });
  const started = new Promise((resolve) => worker.onmessage = resolve);
  worker.postMessage({ memory, low, high, end });
  await started;
  try {
    const start = performance.now();
    let passed = 0;
    let hasSeenIt = false;
    while (passed < (hasSeenIt ? ENOUGH : PATIENCE)) {
      for (let i = 0; i < 1000; i++) hasSeenIt = action();
      passed = performance.now() - start;
    }
  } finally {
    Atomics.store(new Int32Array(end), 0, 1);
    worker.terminate();
  }
}

// In milliseconds. If the length is passed unchecked, half of `ENOUGH` suffices to write outside,
// on two processors.
const ENOUGH = 1_000;
const PATIENCE = 30_000;

Deno.test("A length that another thread raises during the call writes no byte behind the memory", async () => {
  using pair = tcpPair();
  const fd = pair.left.fileno();
  const room = 4; // of the 16 bytes of an address
  const shared = new SharedArrayBuffer(4);
  const length = new Int32Array(shared);
  const address = new Guarded(room);
  const option = new Guarded(1);
  let refused = 0;
  await whileFlipping(shared, [1, 128], () => {
    const calls = [
      () => ffi.getsockname(fd, address.memory, length),
      () => ffi.getpeername(fd, address.memory, length),
      () => ffi.getsockopt(fd, ffi.SOL_SOCKET, ffi.SO_TYPE, option.memory, length),
    ];
    for (const call of calls) {
      try {
        call();
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        refused++;
      }
    }
    return refused > 0;
  });
  assertEquals([address.damage(), option.damage()], [-1, -1]);
  assert(refused > 0, "the length was never seen raised");
});

Deno.test("A length in shared memory is written as any other", () => {
  using pair = tcpPair();
  const length = new Uint32Array(new SharedArrayBuffer(4));
  length[0] = 128;
  assertStrictEquals(ffi.getsockname(pair.left.fileno(), new Uint8Array(128), length), 0);
  assertStrictEquals(length[0], ffi.sockaddr_in.size);
});

Deno.test("A length is 32 bits, whatever its array says of itself", () => {
  using pair = tcpPair();
  const lying = new Uint8Array([4, 1, 0, 0]); // 4, and to C 260
  Object.defineProperty(lying, "BYTES_PER_ELEMENT", { value: 4 });
  const disguised = Object.setPrototypeOf(new Uint8Array([4, 1, 0, 0]), Int32Array.prototype);
  for (const length of [lying, disguised]) {
    const address = new Guarded(4);
    assertThrows(() => ffi.getsockname(pair.left.fileno(), address.memory, length), TypeError);
    assertEquals(address.damage(), -1);
  }
});

Deno.test("Checking an argument runs no code of its owner, who could detach what was checked before", () => {
  using pair = new Pair();
  const [left, right] = [pair.left.fileno(), pair.right.fileno()];
  const asked: PropertyKey[] = [];
  const spy = new Proxy(Uint8Array.prototype, {
    get: (target, name) => (asked.push(name), Reflect.get(target, name)),
    getPrototypeOf: (target) => (asked.push("prototype"), Reflect.getPrototypeOf(target)),
  });
  const spied = <M extends Memory>(memory: M): M => Object.setPrototypeOf(memory, spy);
  const length = () => spied(new Int32Array([16]));
  pair.left.setBlocking(false);
  for (const trace of [() => undefined, () => traceSyscalls(() => {})]) {
    using _ = trace();
    ffi.send(right, spied(new Uint8Array(1)), 1, 0);
    ffi.recvfrom(left, spied(new Uint8Array(1)), 1, 0, spied(new Uint8Array(16)), length());
    ffi.getsockname(left, spied(new Uint8Array(16)), length());
    ffi.getsockopt(left, ffi.SOL_SOCKET, ffi.SO_TYPE, spied(new Uint8Array(16)), length());
    ffi.poll(spied(new Uint8Array(ffi.pollfd.size)), 1, 0);
    if (Deno.build.os === "windows") continue; // fd_sets are copied, and the copy is not observed
    const [set, timeout] = [spied(new Uint8Array(128)), spied(new Uint8Array(16))];
    ffi.select(0, set, set, set, timeout);
  }
  assertEquals(asked, []);
});

Deno.test("Every object that ffi exports is frozen, and so is all that it holds", () => {
  for (const [name, value] of Object.entries(ffi)) assertFrozen(value, name);
});

Deno.test("Writing to a codec throws a TypeError and changes nothing", () => {
  const { size, offsets } = ffi.pollfd;
  const codecs = ["pollfd", "kevent", "timespec", "sockaddr_in", "fd_set", "addrinfo"] as const;
  for (const name of codecs) {
    const before = ffi[name].size;
    assertThrows(() => (ffi[name] as { size: number }).size = 0, TypeError, "size", name);
    assertStrictEquals(ffi[name].size, before);
  }
  assertThrows(() => (offsets as { fd: number }).fd = 8, TypeError);
  assertThrows(() => (ffi.addrinfo.offsets as { ai_next: number }).ai_next = 8, TypeError);
  assertThrows(() => (ffi.pollfd as { read: unknown }).read = () => {}, TypeError);
  assertThrows(() => ffi.poll(new Uint8Array(size - 1), 1, 0), RangeError);
});

/** Asserts that an object and every object that its own properties hold is frozen. */
function assertFrozen(value: unknown, name: string): void {
  if (typeof value === "function") {
    // A class or a function has no data of its own, except a codec that is a function too (kevent).
    if ("size" in value) assert(Object.isFrozen(value), name);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  assert(Object.isFrozen(value), name);
  for (const [key, part] of Object.entries(value)) assertFrozen(part, `${name}.${key}`);
}

/** Puts `value` in place of a property while `action` runs. */
function whileReplaced(
  object: object,
  name: PropertyKey,
  property: PropertyDescriptor,
  action: () => void,
): void {
  const own = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, { ...property, configurable: true });
  try {
    action();
  } finally {
    if (own === undefined) Reflect.deleteProperty(object, name);
    else Object.defineProperty(object, name, own);
  }
}

Deno.test("Replaced prototype methods and getters defeat no check of memory", async () => {
  const typedArray = Object.getPrototypeOf(Uint8Array.prototype);
  const { get: byteLength } = Object.getOwnPropertyDescriptor(typedArray, "byteLength")!;
  const small = () => new Uint8Array(1);
  const huge = { get: () => 1e6 };
  const replacements: [object, PropertyKey, PropertyDescriptor][] = [
    [byteLength!, "call", { value: () => 1e6 }],
    [byteLength!, "apply", { value: () => 1e6 }],
    [Function.prototype, "call", { value: () => 1e6 }],
    [Reflect, "apply", { value: () => 1e6 }],
    [typedArray, "byteLength", huge],
    [typedArray, "length", huge],
    [typedArray, "slice", { value: small }],
    [typedArray, "subarray", { value: small }],
    [typedArray, "set", { value: () => {} }],
    [typedArray, "fill", { value: () => {} }],
    [DataView.prototype, "getUint32", { value: () => 0 }],
    [DataView.prototype, "setBigUint64", { value: () => {} }],
    [Array.prototype, "forEach", { value: () => {} }],
    [Array.prototype, "map", { value: (): unknown[] => [] }],
    [Array.prototype, "push", { value: () => 0 }],
    [Array.prototype, "reduce", { value: () => 0 }],
    [typedArray.constructor, Symbol.species, { get: () => small }],
    [Math, "ceil", { value: () => 0 }],
    [Math, "max", { value: () => 0 }],
    [TextEncoder.prototype, "encode", { value: small }],
    [Set.prototype, "has", { value: () => true }],
    [Array.prototype, Symbol.iterator, { value: () => [8, 8][Symbol.iterator]() }],
    [Array.prototype, "some", { value: () => false }],
    [Array.prototype, "includes", { value: () => false }],
  ];
  const memory = new Uint8Array(ffi.pollfd.size - 1);
  const isPosix = Deno.build.os !== "windows";
  using pair = new Pair();
  const { left, right } = pair;
  const [sent, head, tail] = [new Uint8Array(1000).fill(GUARD), new Guarded(2), new Guarded(8)];
  const parts = [sent.subarray(0, 3), sent.subarray(3, 5)];
  const counts: number[] = [];
  const [TCP_ZEROCOPY_RECEIVE, one] = [35, new Int32Array([1])];
  for (const [object, name, property] of replacements) {
    const thrown: unknown[] = [];
    const attempt = (action: () => unknown) => {
      try {
        action();
        thrown[thrown.length] = undefined; // as push() may be replaced
      } catch (error) {
        thrown[thrown.length] = error;
      }
    };
    let parked: Promise<unknown> | undefined;
    whileReplaced(object, name, property, () => {
      attempt(() => ffi.recv(-1, memory, 1e5, 0));
      attempt(() => ffi.poll(memory, 1, 0));
      attempt(() => ffi.addrinfo.list(8n));
      attempt(() => ffi.freeaddrinfo(8n));
      if (Deno.build.os === "linux") {
        attempt(() => ffi.select(1024, memory, null, null, new Uint8Array(16)));
        attempt(() => ffi.getsockopt(-1, ffi.IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, one, one));
      }
      if (isPosix) {
        // More than 5 bytes would arrive if the lengths were those of the prototype.
        ffi.sendmsg(left.fileno(), { msg_iov: parts }, 0);
        const received = { msg_iov: [head.memory, tail.memory] };
        counts[counts.length] = ffi.recvmsg(right.fileno(), received, 0);
      }
      if (object === Function.prototype) return; // Deno itself uses it there
      parked = ffi.poll_nonblocking(new Uint8Array(1000 * ffi.pollfd.size), 1000, 0);
    });
    const names = thrown.map((error) => (error as Error | undefined)?.name);
    const refused = ["RangeError", "RangeError", "TypeError", "TypeError"];
    if (Deno.build.os === "linux") refused.push("RangeError", "RangeError");
    assertEquals(names, refused, `with ${String(name)} replaced`);
    const polled = await (parked ?? 0);
    if (isPosix) assertEquals(polled, 0); // Windows refuses descriptors that are no sockets
    assertEquals([head.damage(), tail.damage()], [-1, -1], `with ${String(name)} replaced`);
  }
  if (isPosix) assertEquals(counts, replacements.map(() => 5));
});

Deno.test("Only the list that getaddrinfo() gave is read and freed, whatever is written over its result", () => {
  const res = new BigUint64Array(new SharedArrayBuffer(8));
  const hints = ffi.addrinfo.hints({ ai_flags: ffi.AI_NUMERICHOST });
  assertStrictEquals(ffi.getaddrinfo("127.0.0.1", null, hints, res), 0);
  const list = res[0]!;
  for (const other of [list + 8n, 8n, 0n]) {
    assertThrows(() => ffi.addrinfo.list(other), TypeError);
    assertThrows(() => ffi.freeaddrinfo(other), TypeError);
  }
  ffi.freeaddrinfo(list);

  const disguised = Object.setPrototypeOf(new Uint8Array(8), BigUint64Array.prototype);
  assertThrows(() => ffi.getaddrinfo("127.0.0.1", null, hints, disguised), TypeError);
  const lying = ffi.addrinfo.hints({}).fill(1);
  lying.subarray = () => new Uint8Array(24) as never;
  assertThrows(() => ffi.getaddrinfo("127.0.0.1", null, lying, res), TypeError, "NULL");
});

Deno.test("poll_nonblocking() survives that its array is transferred meanwhile, also an empty one", async () => {
  for (const count of [0, 1]) {
    const fds = new Uint8Array(count * ffi.pollfd.size);
    const promise = ffi.poll_nonblocking(fds, count, 0);
    structuredClone(fds, { transfer: [fds.buffer] });
    await promise;
  }
});

// <linux/in.h>, <linux/in6.h>: options of which the value counts sources.
const IP_ADD_SOURCE_MEMBERSHIP = 39;
const IP_MSFILTER = 41;
const MCAST_JOIN_SOURCE_GROUP = 46;
const MCAST_MSFILTER = 48;
const SOURCES = 10; // net.ipv4.igmp_max_msf

Deno.test(
  "getsockopt() writes no byte behind optlen where the value counts more sources than fit",
  onLinuxItself,
  () => {
    using socket = new Socket(ffi.AF_INET, ffi.SOCK_DGRAM);
    const fd = socket.fileno();
    // struct ip_mreq_source: imr_multiaddr, imr_interface, imr_sourceaddr
    for (let source = 1; source <= SOURCES; source++) {
      const mreq = new Uint8Array([232, 1, 1, 1, 127, 0, 0, 1, 10, 0, 0, source]);
      socket.setOption(ffi.IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, mreq);
    }
    // struct ip_msfilter: imsf_multiaddr, imsf_interface, imsf_fmode, imsf_numsrc, imsf_slist
    const header = 16;
    const filter = (size: number) => {
      const value = new Guarded(size);
      value.memory.fill(0).set([232, 1, 1, 1, 127, 0, 0, 1, 1, 0, 0, 0, SOURCES]);
      return value;
    };
    for (const size of [header, header + 4, header + 4 * SOURCES - 1]) {
      const small = filter(size);
      const length = new Int32Array([size]);
      const result = ffi.getsockopt(fd, ffi.IPPROTO_IP, IP_MSFILTER, small.memory, length);
      assertEquals([result, ffi.errno()], [-1, ffi.EFAULT], `${size} bytes`);
      assertStrictEquals(small.damage(), -1);
    }

    const roomy = filter(header + 4 * SOURCES);
    const length = new Int32Array([roomy.memory.length]);
    assertStrictEquals(
      ffi.getsockopt(fd, ffi.IPPROTO_IP, IP_MSFILTER, roomy.memory, length),
      0,
    );
    assertStrictEquals(length[0], header + 4 * SOURCES);
    const sources = Array.from({ length: SOURCES }, (_, i) => roomy.memory[header + 4 * i + 3]);
    assertEquals(sources, Array.from({ length: SOURCES }, (_, i) => i + 1));
    assertStrictEquals(roomy.damage(), -1);
  },
);

Deno.test(
  "getsockopt(MCAST_MSFILTER) of both families writes no byte behind optlen",
  onLinuxItself,
  () => {
    const families = [
      { family: ffi.AF_INET, level: ffi.IPPROTO_IP, group: "232.1.1.1", source: "10.0.0." },
      { family: ffi.AF_INET6, level: ffi.IPPROTO_IPV6, group: "ff35::1", source: "2001:db8::" },
    ];
    for (const { family, level, group, source } of families) {
      using socket = new Socket(family, ffi.SOCK_DGRAM);
      const write = (memory: Uint8Array, address: string, offset: number) => {
        if (family === ffi.AF_INET) {
          const fields = { sin_family: family, sin_port: 0, sin_addr: address };
          ffi.sockaddr_in.write(memory, fields, offset);
        } else {
          const fields = { sin6_port: 0, sin6_flowinfo: 0, sin6_addr: address, sin6_scope_id: 0 };
          ffi.sockaddr_in6.write(memory, { sin6_family: family, ...fields }, offset);
        }
      };
      // struct group_source_req: gsr_interface, gsr_group, gsr_source; the loopback device is 1.
      for (let i = 1; i <= SOURCES; i++) {
        const request = new Uint8Array(8 + 2 * 128);
        request[0] = 1;
        write(request, group, 8);
        write(request, `${source}${i}`, 8 + 128);
        socket.setOption(level, MCAST_JOIN_SOURCE_GROUP, request);
      }
      // struct group_filter: gf_interface, gf_group, gf_fmode, gf_numsrc, gf_slist
      const header = 8 + 128 + 8;
      for (const room of [0, 1, SOURCES - 1, SOURCES]) {
        const value = new Guarded(header + 128 * room);
        value.memory.fill(0)[0] = 1;
        write(value.memory, group, 8);
        value.memory[8 + 128 + 4] = SOURCES;
        const length = new Int32Array([value.memory.length]);
        const fd = socket.fileno();
        const result = ffi.getsockopt(fd, level, MCAST_MSFILTER, value.memory, length);
        assertStrictEquals(result, room < SOURCES ? -1 : 0, `level ${level}, room for ${room}`);
        assertStrictEquals(value.damage(), -1);
      }
    }
  },
);

Deno.test("getsockopt() copies back what the kernel wrote, for values of every size", () => {
  using pair = tcpPair();
  const fd = pair.left.fileno();
  // An option that the library knows nothing about.
  const [level, TCP_MAXSEG] = [ffi.IPPROTO_TCP, Deno.build.os === "windows" ? 4 : 2];
  // The memory before the guard, its cached views, and a mapping of the value's own.
  for (const size of [4, 5, 256, 257, 65536, 65537, 1_000_000]) {
    const value = new Guarded(size);
    const length = new Uint32Array([size]);
    const result = ffi.getsockopt(fd, level, TCP_MAXSEG, value.memory, length);
    if (result === -1) return; // an emulator, or a system, that lacks it
    assertStrictEquals(result, 0, `${size}`);
    assert(new Int32Array(value.memory.slice(0, 4).buffer)[0]! > 100);
    assert(value.memory.subarray(4).every((byte) => byte === GUARD));
    assertStrictEquals(value.damage(), -1);
  }
  for (const size of [0, 1, 3]) {
    const value = new Guarded(size);
    ffi.getsockopt(fd, level, TCP_MAXSEG, value.memory, new Int32Array([size]));
    assertStrictEquals(value.damage(), -1);
  }
});

Deno.test("Options whose value holds pointers or counts are refused by name", onLinux, () => {
  using pair = tcpPair();
  const fd = pair.left.fileno();
  const TCP_ZEROCOPY_RECEIVE = 35; // <linux/tcp.h>
  const victim = new Uint8Array(256).fill(GUARD);
  const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(victim));
  // struct tcp_zerocopy_receive: copybuf_address, copybuf_len
  const value = new Uint8Array(64);
  const fields = new DataView(value.buffer);
  fields.setBigUint64(24, BigInt(address), true);
  fields.setInt32(32, victim.length, true);
  pair.right.send(new Uint8Array(100).fill(7));
  pair.left.recv(1, ffi.MSG_PEEK); // the bytes have arrived
  const length = new Int32Array([40]);
  const [TCP, name] = [ffi.IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE];
  assertThrows(() => ffi.getsockopt(fd, TCP, name, value, length), RangeError, "pointers");
  assertThrows(() => ffi.setsockopt(fd, TCP, name, value, 40), RangeError, "pointers");
  assertThrows(() => pair.left.getOption(TCP, name), RangeError, "TCP_ZEROCOPY_RECEIVE");
  assert(victim.every((byte) => byte === GUARD));

  const refusedByGet: [level: number, optname: number, name: string][] = [
    [1, 26, "SO_GET_FILTER"],
    [6, 41, "TCP_AO_GET_KEYS"],
    [132, 111, "SCTP_SOCKOPT_CONNECTX3"],
    [276, 2, "RDS_GET_MR"],
    [284, 4, "MPTCP_FULL_INFO"],
    [0, 129, "EBT_SO_GET_ENTRIES"],
  ];
  for (const [level, optname, name] of refusedByGet) {
    assertThrows(() => pair.left.getOption(level, optname), RangeError, name);
  }
  const refusedBySet: [level: number, optname: number, name: string][] = [
    [1, 26, "SO_ATTACH_FILTER"],
    [1, 51, "SO_ATTACH_REUSEPORT_CBPF"],
    [0, 64, "IPT_SO_SET_REPLACE"],
    [41, 64, "IP6T_SO_SET_REPLACE"],
    [263, 22, "PACKET_FANOUT_DATA"],
    [283, 4, "XDP_UMEM_REG"],
    [284, 4, "MPTCP_FULL_INFO"],
  ];
  for (const [level, optname, name] of refusedBySet) {
    assertThrows(() => pair.left.setOption(level, optname, value), RangeError, name);
  }
});

Deno.test("MPTCP_FULL_INFO of an established connection writes nothing", onLinux, () => {
  const IPPROTO_MPTCP = 262; // <linux/in.h>
  using server = tryMptcp(IPPROTO_MPTCP);
  if (server === undefined) return; // a kernel without MPTCP
  server.bind({ hostname: "127.0.0.1", port: 0 });
  server.listen();
  using client = new Socket(ffi.AF_INET, ffi.SOCK_STREAM, IPPROTO_MPTCP);
  client.connect(server.localAddress);
  const victim = new Uint8Array(4096).fill(GUARD);
  const address = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(victim)));
  // struct mptcp_full_info: sizes of the elements, number of elements, two pointers
  const value = new DataView(new ArrayBuffer(256));
  value.setUint32(4, 512, true); // size_tcpinfo_user
  value.setUint32(12, 512, true); // size_sfinfo_user
  value.setUint32(20, 2, true); // size_arrays_user
  value.setBigUint64(24, address, true);
  value.setBigUint64(32, address + 2048n, true);
  const bytes = new Uint8Array(value.buffer);
  const call = () => ffi.getsockopt(client.fileno(), 284, 4, bytes, new Int32Array([256]));
  assertThrows(call, RangeError, "MPTCP_FULL_INFO");
  assert(victim.every((byte) => byte === GUARD));
});

function tryMptcp(protocol: number): Socket | undefined {
  try {
    return new Socket(ffi.AF_INET, ffi.SOCK_STREAM, protocol);
  } catch {
    return undefined;
  }
}

Deno.test("MSG_ZEROCOPY and SO_ZEROCOPY are refused, in ffi and in Socket", onLinux, () => {
  using pair = tcpPair();
  const fd = pair.left.fileno();
  const [MSG_ZEROCOPY, SO_ZEROCOPY] = [0x4000000, 60]; // <linux/socket.h>, <asm-generic/socket.h>
  const bytes = new Uint8Array(64);
  const one = new Int32Array([1]);
  const calls: [name: string, call: () => unknown][] = [
    ["SO_ZEROCOPY", () => ffi.setsockopt(fd, ffi.SOL_SOCKET, SO_ZEROCOPY, one, 4)],
    ["SO_ZEROCOPY", () => pair.left.setOption(ffi.SOL_SOCKET, SO_ZEROCOPY, 1)],
    ["MSG_ZEROCOPY", () => ffi.send(fd, bytes, 64, MSG_ZEROCOPY)],
    ["MSG_ZEROCOPY", () => ffi.send(fd, bytes, 64, MSG_ZEROCOPY | ffi.MSG_NOSIGNAL)],
    ["MSG_ZEROCOPY", () => ffi.sendto(fd, bytes, 64, MSG_ZEROCOPY, null, 0)],
    ["MSG_ZEROCOPY", () => ffi.sendmsg(fd, { msg_iov: [bytes] }, MSG_ZEROCOPY)],
    ["MSG_ZEROCOPY", () => pair.left.send(bytes, MSG_ZEROCOPY)],
    ["MSG_ZEROCOPY", () => pair.left.sendTo(bytes, pair.left.remoteAddress, MSG_ZEROCOPY)],
  ];
  for (const [name, call] of calls) assertThrows(call, RangeError, name, String(call));
  pair.right.setBlocking(false);
  assertStrictEquals(pair.right.recv(1), null); // nothing was sent
  assertStrictEquals(pair.left.getOption(ffi.SOL_SOCKET, SO_ZEROCOPY), 0);
});

Deno.test(
  "Socket.recv() shows nothing of earlier messages, also where MSG_TRUNC counts what it did not put there",
  onLinux,
  () => {
    using pair = new Pair();
    pair.left.send(new Uint8Array(100).fill(GUARD)); // another connection's secret
    pair.right.recv(100);
    using datagrams = new Socket(ffi.AF_INET, ffi.SOCK_DGRAM);
    datagrams.bind({ hostname: "127.0.0.1", port: 0 });
    for (let i = 0; i < 2; i++) {
      datagrams.sendTo(new Uint8Array(20).fill(1), datagrams.localAddress);
    }
    assertEquals(datagrams.recv(4, ffi.MSG_TRUNC), new Uint8Array(4).fill(1));
    assertEquals(datagrams.recvFrom(4, ffi.MSG_TRUNC)!.data, new Uint8Array(4).fill(1));

    using stream = tcpPair(); // where MSG_TRUNC drops the bytes: tcp(7)
    stream.left.send(new Uint8Array(20).fill(1));
    assertEquals(stream.right.recv(20, ffi.MSG_TRUNC), new Uint8Array(20));
  },
);

Deno.test("What a sink does with the library changes nothing that the traced call has found", () => {
  using server = new Socket();
  server.bind({ hostname: "127.0.0.1", port: 0 });
  server.listen();
  using client = new Socket();
  client.connect(server.localAddress);
  using other = new Pair();
  using _ = traceSyscalls(({ name }) => {
    if (name.startsWith("accept")) server.localAddress;
    if (name !== "recv") return;
    other.left.send(new Uint8Array(3).fill(GUARD));
    other.right.recv(3);
  });
  using connection = server.accept()!;
  const { port } = client.localAddress as InetAddress;
  assertEquals(connection.remoteAddress, { hostname: "127.0.0.1", port });
  client.send(new Uint8Array([1, 2, 3]));
  assertEquals(connection.recv(16), new Uint8Array([1, 2, 3]));
});

Deno.test("A traced call with odd memory is reported, and fails only as it does untraced", () => {
  using pair = new Pair();
  const fd = pair.left.fileno();
  const lines: string[] = [];
  using _ = traceSyscalls((call) => lines.push(`${call}`));
  const detached = new Uint8Array(8);
  structuredClone(detached, { transfer: [detached.buffer] });
  const lying = Object.defineProperties(new Uint8Array(2), {
    byteLength: { value: 1e6 },
    length: { value: 1e6 },
    buffer: { value: null },
  });
  ffi.send(fd, detached, 0, 0);
  ffi.send(fd, lying, 2, 0);
  // not whole ints
  ffi.getsockopt(fd, ffi.SOL_SOCKET, ffi.SO_TYPE, new Uint8Array(6), new Int32Array([6]));
  assertEquals(lines.length, 3);
  assertMatch(lines[0]!, /^send\(\d+, NULL, 0, 0\) = 0$/);
  assertMatch(lines[1]!, /^send\(\d+, "\\0\\0", 2, 0\) = 2$/);
  // Winsock does not change the length.
  const value = Deno.build.os === "windows" ? '"\\1\\0\\0\\0\\0\\0", [6]' : "[1], [6 => 4]";
  assertMatch(lines[2]!, /^getsockopt\(\d+, SOL_SOCKET, SO_TYPE, /);
  assert(lines[2]!.endsWith(`, ${value}) = 0`), lines[2]);
});
