/**
 * Memory that changes or is not what it seems: shared with a thread that changes it during the call,
 * arrays with false properties, replaced prototype methods, codecs that somebody writes to, options
 * with pointers, buffers that a sink of a tracing uses again.
 */

import { assert, assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import * as ffi from "../ffi/mod.ts";
import type { Memory } from "../ffi/mod.ts";
import { type InetAddress, Socket, traceSyscalls } from "../mod.ts";
import { Pair, tcpPair } from "./helpers/descriptors.ts";

const onLinux = { ignore: Deno.build.os !== "linux" };
const GUARD = 0xa5;

/** `size` bytes with others around them, which must stay as they are. */
class Guarded {
  static readonly #MARGIN = 4096;
  readonly #all: Uint8Array;
  readonly memory: Uint8Array;

  constructor(size: number) {
    this.#all = new Uint8Array(size + 2 * Guarded.#MARGIN).fill(GUARD);
    this.memory = this.#all.subarray(Guarded.#MARGIN, Guarded.#MARGIN + size);
  }

  /** Where a byte outside was written; -1 where none was. */
  damage(): number {
    const end = Guarded.#MARGIN + this.memory.length;
    return this.#all.findIndex((byte, i) => {
      return byte !== GUARD && (i < Guarded.#MARGIN || i >= end);
    });
  }
}

/**
 * Runs `action` again and again while another thread changes the number at the start of `memory`
 * from `low` to `high` and back: for a second, and until `action` says that it has seen that, since
 * a busy machine may let the other thread wait.
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

// In milliseconds. Where the length is handed over as it is, half of `ENOUGH` is enough to be hit,
// on two processors.
const ENOUGH = 1_000;
const PATIENCE = 30_000;

Deno.test("A length that another thread raises during the call writes no byte behind the memory", async () => {
  using pair = tcpPair();
  const fd = pair.left.fileno();
  const room = 4; // of an address' 16 bytes
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

Deno.test("A length in shared memory is told as any other", () => {
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

Deno.test("Checking an argument runs no code of its owner's, who could take away what was checked before", () => {
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
    if (Deno.build.os === "windows") continue; // fd_sets are copied, and a copy is not spied on
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
  const [TCP_ZEROCOPY_RECEIVE, one] = [35, new Int32Array([1])];
  for (const [object, name, property] of replacements) {
    const thrown: unknown[] = [];
    const attempt = (action: () => unknown) => {
      try {
        action();
        thrown.push(undefined);
      } catch (error) {
        thrown.push(error);
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
      if (object === Function.prototype) return; // Deno itself uses it there
      parked = ffi.poll_nonblocking(new Uint8Array(1000 * ffi.pollfd.size), 1000, 0);
    });
    const names = thrown.map((error) => (error as Error | undefined)?.name);
    const refused = ["RangeError", "RangeError", "TypeError", "TypeError"];
    if (Deno.build.os === "linux") refused.push("RangeError", "RangeError");
    assertEquals(names, refused, `with ${String(name)} replaced`);
    assertEquals(await (parked ?? 0), 0);
  }
});

Deno.test("A list of addresses is the one that getaddrinfo() gave, whatever is written over its result", () => {
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

Deno.test("poll_nonblocking() does well though its array is transferred meanwhile, even an empty one", async () => {
  for (const count of [0, 1]) {
    const fds = new Uint8Array(count * ffi.pollfd.size);
    const promise = ffi.poll_nonblocking(fds, count, 0);
    structuredClone(fds, { transfer: [fds.buffer] });
    await promise;
  }
});

Deno.test(
  "Options whose value has pointers that the kernel writes through are refused",
  onLinux,
  () => {
    using pair = tcpPair();
    const TCP_ZEROCOPY_RECEIVE = 35; // <linux/tcp.h>
    const victim = new Uint8Array(256).fill(GUARD);
    const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(victim));
    // struct tcp_zerocopy_receive: copybuf_address, copybuf_len
    const value = new Uint8Array(64);
    const fields = new DataView(value.buffer);
    fields.setBigUint64(24, BigInt(address), true);
    fields.setInt32(32, victim.length, true);
    pair.right.send(new Uint8Array(100).fill(7));
    pair.left.recv(1, ffi.MSG_PEEK); // they have arrived
    const fd = pair.left.fileno();
    const [level, name] = [ffi.IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE];
    assertThrows(
      () => ffi.getsockopt(fd, level, name, value, new Int32Array([40])),
      RangeError,
      "pointers",
    );
    assertThrows(() => ffi.setsockopt(fd, level, name, value, 40), RangeError, "pointers");
    assertThrows(() => pair.left.getOption(level, name), RangeError);
    assert(victim.every((byte) => byte === GUARD));

    const [SO_GET_FILTER, SOL_XDP, XDP_UMEM_REG] = [26, 283, 4];
    assertThrows(() => pair.left.getOption(ffi.SOL_SOCKET, SO_GET_FILTER), RangeError, "filters");
    assertThrows(
      () => ffi.setsockopt(fd, SOL_XDP, XDP_UMEM_REG, value, 32),
      RangeError,
      "pointers",
    );
  },
);

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

Deno.test("A traced call with odd memory is told, and fails no other way than untraced", () => {
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
  // no whole ints
  ffi.getsockopt(fd, ffi.SOL_SOCKET, ffi.SO_TYPE, new Uint8Array(6), new Int32Array([6]));
  assertEquals(lines.length, 3);
  assertMatch(lines[0]!, /^send\(\d+, NULL, 0, 0\) = 0$/);
  assertMatch(lines[1]!, /^send\(\d+, "\\0\\0", 2, 0\) = 2$/);
  // Winsock leaves the length as it was.
  const told = Deno.build.os === "windows" ? '"\\1\\0\\0\\0\\0\\0", [6]' : "[1], [6 => 4]";
  assertMatch(lines[2]!, /^getsockopt\(\d+, SOL_SOCKET, SO_TYPE, /);
  assert(lines[2]!.endsWith(`, ${told}) = 0`), lines[2]);
});
