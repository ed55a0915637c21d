/**
 * Memory that somebody else changes between the check of a call and the call, and memory that says of itself what is not so.
 */

import { assert, assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import * as ffi from "../ffi/mod.ts";
import { type InetAddress, Socket, traceSyscalls } from "../mod.ts";
import { DENO, path, run } from "./programs.ts";
import { Pair } from "./descriptors.ts";

const GUARD = 0xaa;
const TRIES = 300_000;
const onLinux = { ignore: Deno.build.os !== "linux" };
// Winsock itself refuses an area that is too small, and so cannot be made to write past it.
const notOnWindows = { ignore: Deno.build.os === "windows" };

/** `size` bytes between others that nothing may change. */
class Island {
  readonly #all: Uint8Array<ArrayBuffer>;
  readonly memory: Uint8Array<ArrayBuffer>;

  constructor(size: number) {
    this.#all = new Uint8Array(size + 8192).fill(GUARD);
    this.memory = this.#all.subarray(4096, 4096 + size).fill(0);
  }

  isIntact(): boolean {
    const end = 4096 + this.memory.length;
    return this.#all.every((byte, i) => byte === GUARD || i >= 4096 && i < end);
  }
}

Deno.test(
  "A length that another thread changes after the check is not the one that the kernel sees",
  notOnWindows,
  async () => {
    const shared = new Int32Array(new SharedArrayBuffer(8));
    const program = `onmessage = ({ data: shared }) => {
    postMessage("here");
    while (Atomics.load(shared, 1) === 0) { shared[0] = 4; shared[0] = 4096; shared[0] = 4; }
    postMessage("gone");
  }`;
    const worker = new Worker(`data:text/javascript,${encodeURIComponent(program)}`, {
      type: "module",
    });
    const told = () => new Promise((resolve) => worker.onmessage = resolve);
    const here = told();
    worker.postMessage(shared);
    await here;

    using socket = new Socket();
    socket.bind({ hostname: "127.0.0.1", port: 0 });
    const address = new Island(4); // of the 16 that the kernel has to say
    let refused = 0;
    for (let tries = 0; tries < TRIES; tries++) {
      try {
        ffi.getsockname(socket.fileno(), address.memory, shared.subarray(0, 1));
      } catch (error) {
        assert(error instanceof RangeError, String(error));
        refused++;
      }
    }
    assert(refused > 0 && refused < TRIES, `${refused}`); // it was changed meanwhile
    assert(address.isIntact());

    const gone = told();
    Atomics.store(shared, 1, 1);
    await gone;
    worker.terminate();
  },
);

Deno.test("A length is what the array says, whatever kind of array it is", () => {
  using socket = new Socket();
  socket.bind({ hostname: "127.0.0.1", port: 0 });
  const bytes = new Uint8Array([4, 1, 0, 0]); // as an int, 260
  Object.defineProperty(bytes, "BYTES_PER_ELEMENT", { value: 4 });
  const floats = new Float32Array([4]); // as an int, more than a billion
  for (const length of [bytes, floats]) {
    const address = new Island(4);
    const result = ffi.getsockname(
      socket.fileno(),
      address.memory,
      length as unknown as Int32Array,
    );
    assert(address.isIntact(), length.constructor.name);
    assertStrictEquals(length[0], result === 0 ? ffi.sockaddr_in.size : 4);
  }
});

Deno.test("Options that write beyond their length are refused", onLinux, () => {
  using socket = new Socket();
  const [SO_GET_FILTER, TCP_ZEROCOPY_RECEIVE, SOL_XDP] = [26, 35, 283];
  const value = new Uint8Array(64);
  const length = new Int32Array([64]);
  const fd = socket.fileno();
  for (
    const call of [
      () => ffi.getsockopt(fd, ffi.SOL_SOCKET, SO_GET_FILTER, value, length),
      () => ffi.getsockopt(fd, ffi.IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, value, length),
      () => socket.getOption(ffi.SOL_SOCKET, SO_GET_FILTER),
      () => ffi.setsockopt(fd, SOL_XDP, 4, value, 64),
    ]
  ) assertThrows(call, RangeError);
});

Deno.test("What a sink does with sockets changes nothing of the call that it is told", () => {
  using server = new Socket();
  server.bind({ hostname: "127.0.0.1", port: 0 });
  server.listen();
  using other = new Socket(ffi.AF_INET6);
  other.bind({ hostname: "::1", port: 0 });
  using client = new Socket();
  using noise = new Pair();
  const loud = new Uint8Array(4096).fill(0xff);
  using _ = traceSyscalls(() => {
    other.localAddress;
    noise.left.send(loud);
    noise.right.recv(loud.length);
  });
  client.connect(server.localAddress);
  using connection = server.accept()!;
  assertEquals(connection.remoteAddress, client.localAddress);
  assertStrictEquals((client.remoteAddress as InetAddress).hostname, "127.0.0.1");
  client.send(new Uint8Array([1, 2, 3]));
  assertEquals(connection.recv(64), new Uint8Array([1, 2, 3]));
  const error = new Int32Array(1);
  const length = new Int32Array([4]);
  ffi.getsockopt(client.fileno(), ffi.SOL_SOCKET, ffi.SO_ERROR, error, length);
  assertEquals([...error, ...length], [0, 4]);
});

Deno.test("Names are resolved into a list of ours though the result is shared with another thread", () => {
  const res = new BigUint64Array(new SharedArrayBuffer(8));
  assertStrictEquals(ffi.getaddrinfo("127.0.0.1", null, null, res), 0);
  const list = res[0]!;
  assert(ffi.addrinfo.list(list).length > 0);
  res[0] = 4096n;
  assertThrows(() => ffi.freeaddrinfo(res[0]!), TypeError);
  ffi.freeaddrinfo(list);
});

Deno.test(
  "A page behind a buffer that nobody may touch tells one byte too many",
  onLinux,
  async () => {
    // CI runs whole suites so.
    const preload = `--preload=${path("tests/guard_pages.ts")}`;
    const program = path("tests/fixtures/one_byte_too_many.ts");
    const { stdout, stderr } = await run(DENO, ["run", "--allow-ffi", preload, program]);
    assertEquals(stdout, `-1 ${ffi.EFAULT}\n16 0\n`, stderr);
    assertMatch(stderr, /^\d+ buffers lay before a guard page$/m);
  },
);
