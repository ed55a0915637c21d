/** createServer() and createConnection(): from an address to a socket. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { type Address, type InetAddress, isOsError, Socket, traceSyscalls } from "../mod.ts";
import { interpose, libc } from "../ffi/libc.ts";
import * as c from "../ffi/mod.ts";
import { isCloseOnExec, openDescriptors } from "./helpers/descriptors.ts";
import { delay, promptly, timed } from "./helpers/timing.ts";

const isWindows = Deno.build.os === "windows";
const onPosix = { ignore: isWindows };
const onLinux = { ignore: Deno.build.os !== "linux" };
const LOOPBACK = { hostname: "127.0.0.1", port: 0 };
const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const hasIpv6 = (() => {
  try {
    using socket = new Socket(c.AF_INET6);
    socket.bind({ hostname: "::1", port: 0 });
    return true;
  } catch {
    return false;
  }
})();

// A stream gives its bytes before the turn of the event loop that may follow: which is no leak.
Deno.test.afterEach(() => delay(5));

/** An address that nobody listens at. */
function refusedAddress(): InetAddress {
  using socket = new Socket();
  socket.bind(LOOPBACK);
  return socket.localAddress as InetAddress;
}

// ─── createServer ───────────────────────────────────────────────────────────────────────────────

Deno.test("createServer() makes a listening, non-blocking, close-on-exec socket", () => {
  using server = Socket.createServer(LOOPBACK);
  assert(!server.blocking && isCloseOnExec(server.fileno()));
  assertEquals([server.family, server.type], [c.AF_INET, c.SOCK_STREAM]);
  const { hostname, port } = server.localAddress as InetAddress;
  assertStrictEquals(hostname, "127.0.0.1");
  assert(port > 0);
  assertStrictEquals(server.accept(), null);
  using client = new Socket();
  client.connect(server.localAddress);
});

Deno.test("A server can be started again at once, while connections of the last one remain", async () => {
  const first = Socket.createServer(LOOPBACK);
  const address = first.localAddress;
  using client = await Socket.createConnection(address);
  using connection = first.accept()!;
  first.close();
  connection.shutdown("write"); // the server's side ends first and stays in TIME_WAIT
  client.close();
  using second = Socket.createServer(address);
  assertEquals(second.localAddress, address);
});

Deno.test("createServer() sets SO_REUSEADDR, on Windows SO_EXCLUSIVEADDRUSE", () => {
  const name = isWindows ? c.SO_EXCLUSIVEADDRUSE : c.SO_REUSEADDR;
  for (const type of [c.SOCK_STREAM, c.SOCK_DGRAM]) {
    using server = Socket.createServer(LOOPBACK, { type });
    assert(server.getOption(c.SOL_SOCKET, name) !== 0);
  }
});

Deno.test("An address in use is AddrInUse, and nothing stays open", () => {
  using first = Socket.createServer(LOOPBACK);
  const before = openDescriptors();
  const error = assertThrows(
    () => Socket.createServer(first.localAddress),
    Deno.errors.AddrInUse,
  );
  assert(isOsError(error));
  assertMatch(error.message, /127\.0\.0\.1:\d+: /);
  assertThrows(() => Socket.createServer({ hostname: "192.0.2.1", port: 0 }), Error);
  assertThrows(() => Socket.createServer({ hostname: "1.2.3.4.5", port: 0 }), Error);
  assertStrictEquals(openDescriptors(), before);
});

Deno.test("createServer() of SOCK_DGRAM is bound and does not listen", async () => {
  using server = Socket.createServer(LOOPBACK, { type: c.SOCK_DGRAM });
  assert(!server.blocking);
  assertStrictEquals(server.type, c.SOCK_DGRAM);
  using client = new Socket(c.AF_INET, c.SOCK_DGRAM);
  client.sendTo(encode("hello"), server.localAddress);
  const p = new Uint8Array(9);
  assertStrictEquals(await server.read(p), 5);
});

Deno.test("createServer() of a name takes one of its addresses", async () => {
  using server = Socket.createServer({ hostname: "localhost", port: 0 });
  using client = await Socket.createConnection(server.localAddress);
  assertEquals(client.remoteAddress, server.localAddress);
});

Deno.test({
  name: "The family is the address's, and an IPv6 socket takes IPv4 only with dualStack",
  ignore: !hasIpv6,
  async fn() {
    using only = Socket.createServer({ hostname: "::", port: 0 });
    assertStrictEquals(only.family, c.AF_INET6);
    const { port } = only.localAddress as InetAddress;
    using _client = await Socket.createConnection({ hostname: "::1", port });
    await assertRejects(() => Socket.createConnection({ hostname: "127.0.0.1", port }), Error);

    using both = Socket.createServer({ hostname: "::", port: 0 }, { dualStack: true });
    const address = { hostname: "127.0.0.1", port: (both.localAddress as InetAddress).port };
    using _client4 = await Socket.createConnection(address);
    using _client6 = await Socket.createConnection({ ...address, hostname: "::1" });
  },
});

Deno.test("dualStack is for IPv6 addresses", () => {
  for (const address of [LOOPBACK, { path: "/tmp/x" }]) {
    assertThrows(() => Socket.createServer(address, { dualStack: true }), TypeError, "IPv6");
  }
});

Deno.test("With reusePort several sockets share an address; without, they do not", () => {
  if (c.SO_REUSEPORT === 0) {
    assertThrows(
      () => Socket.createServer(LOOPBACK, { reusePort: true }),
      Deno.errors.NotSupported,
    );
    return;
  }
  for (const type of [c.SOCK_STREAM, c.SOCK_DGRAM]) {
    using first = Socket.createServer(LOOPBACK, { type, reusePort: true });
    using second = Socket.createServer(first.localAddress, { type, reusePort: true });
    assertEquals(second.localAddress, first.localAddress);
  }
  using alone = Socket.createServer(LOOPBACK);
  assertThrows(
    () => Socket.createServer(alone.localAddress, { reusePort: true }),
    Deno.errors.AddrInUse,
  );
});

Deno.test(
  "createServer() at a path is a Unix socket; a path that exists is AddrInUse",
  onPosix,
  () => {
    const folder = Deno.makeTempDirSync();
    const address = { path: `${folder}/socket` };
    {
      using server = Socket.createServer(address, { backlog: 5 });
      assertEquals([server.family, server.localAddress], [c.AF_UNIX, address]);
    }
    assertThrows(() => Socket.createServer(address), Deno.errors.AddrInUse, address.path);
    Deno.removeSync(folder, { recursive: true });
  },
);

Deno.test("createServer() of SOCK_SEQPACKET listens", onLinux, async () => {
  using server = Socket.createServer({ path: `\0seqpacket-${Deno.pid}` }, {
    type: c.SOCK_SEQPACKET,
  });
  using client = new Socket(c.AF_UNIX, c.SOCK_SEQPACKET);
  client.connect(server.localAddress);
  client.send(encode("packet"));
  for await (using connection of server) {
    assertStrictEquals(decode(connection.recv(9)!), "packet");
    break;
  }
});

Deno.test("createServer() of another family takes an OtherAddress", onLinux, () => {
  const kernel = { family: c.AF_NETLINK, data: new Uint8Array(10) };
  using server = Socket.createServer(kernel, { type: c.SOCK_DGRAM });
  assertStrictEquals(server.family, c.AF_NETLINK);
});

const NO_ADDRESSES = [
  null,
  undefined,
  "127.0.0.1:80",
  80,
  {},
  { hostname: "127.0.0.1" },
  { port: 80 },
  { hostname: 1, port: 80 },
  { path: 5 },
  { path: "\ud800" },
  { data: [1], family: 1 },
  { data: new Uint8Array(1) },
  { hostname: "a\0b", port: 80 },
] as unknown as Address[];

Deno.test("What is no address is a TypeError, a bad port a RangeError", async () => {
  const before = openDescriptors();
  for (const address of NO_ADDRESSES) {
    assertThrows(() => Socket.createServer(address), TypeError, "", Deno.inspect(address));
    await assertRejects(() => Socket.createConnection(address), TypeError);
    if (address === undefined) continue;
    await assertRejects(
      () => Socket.createConnection(refusedAddress(), { localAddress: address }),
      TypeError,
    );
  }
  for (const port of [-1, 65536, 1.5, NaN]) {
    const address = { hostname: "127.0.0.1", port };
    assertThrows(() => Socket.createServer(address), RangeError, String(port));
    await assertRejects(() => Socket.createConnection(address), RangeError, String(port));
  }
  assertStrictEquals(openDescriptors(), before);
});

// ─── createConnection ───────────────────────────────────────────────────────────────────────────

Deno.test("createConnection() gives a connected, non-blocking, close-on-exec socket", async () => {
  using server = Socket.createServer(LOOPBACK);
  using client = await Socket.createConnection(server.localAddress);
  assert(!client.blocking && isCloseOnExec(client.fileno()));
  assertEquals(client.remoteAddress, server.localAddress);
  assertStrictEquals(client.takeError(), null);
  using connection = server.accept()!;
  await client.write(encode("hello"));
  const p = new Uint8Array(9);
  assertStrictEquals(await connection.read(p), 5);
});

Deno.test("A refused connection is ConnectionRefused that names the address, and leaves nothing", async () => {
  const before = openDescriptors();
  const address = refusedAddress();
  const error = await assertRejects(
    () => Socket.createConnection(address),
    Deno.errors.ConnectionRefused,
  );
  assert(isOsError(error));
  assertStrictEquals(error.syscall, "connect");
  assertMatch(error.message, new RegExp(`127\\.0\\.0\\.1:${address.port}`));
  assertStrictEquals(openDescriptors(), before);
});

Deno.test("createConnection() to a name tries each of its addresses", async () => {
  using server = Socket.createServer(LOOPBACK);
  const { port } = server.localAddress as InetAddress;
  using client = await Socket.createConnection({ hostname: "localhost", port });
  assertEquals(client.remoteAddress, server.localAddress);
  await assertRejects(
    () => Socket.createConnection({ hostname: "localhost", port: refusedAddress().port }),
    Deno.errors.ConnectionRefused,
  );
});

/** Names that are looked up meanwhile have the addresses of all these hosts, in this order. */
function resolvingTo(hosts: readonly string[]): Disposable {
  const numeric = c.addrinfo.hints({ ai_socktype: c.SOCK_STREAM, ai_flags: c.AI_NUMERICHOST });
  interpose((name, call) => {
    if (name !== "getaddrinfo" && name !== "getaddrinfo_nonblocking") return call;
    return (node: Uint8Array, service: null, hints: Uint8Array, res: BigUint64Array) => {
      if (hints[c.addrinfo.offsets.ai_flags]! & c.AI_NUMERICHOST) {
        return (call as (...args: unknown[]) => unknown)(node, service, hints, res);
      }
      const lookup = libc().getaddrinfo; // with these hints, the real one
      const one = new BigUint64Array(1);
      let last: Deno.PointerValue = null;
      for (const host of hosts) {
        lookup(encode(`${host}\0`), service, numeric, one);
        const info = Deno.UnsafePointer.create(one[0]!)!;
        // Linked as the list of one call is: ai_next comes last in struct addrinfo.
        if (last === null) res[0] = one[0]!;
        else new BigUint64Array(Deno.UnsafePointerView.getArrayBuffer(last, 48))[5] = one[0]!;
        last = info;
      }
      return name === "getaddrinfo" ? 0 : Promise.resolve(0);
    };
  });
  return { [Symbol.dispose]: () => interpose(undefined) };
}

Deno.test("A name of which an address is in use is not served at the next one", onLinux, () => {
  using first = Socket.createServer({ hostname: "127.0.0.2", port: 0 });
  const { port } = first.localAddress as InetAddress;
  using _ = resolvingTo(["127.0.0.2", "127.0.0.3"]);
  assertThrows(
    () => Socket.createServer({ hostname: "several.test", port }),
    Deno.errors.AddrInUse,
    `127.0.0.2:${port}`,
  );
});

Deno.test("A name is served at the first of its addresses that the machine has", onLinux, () => {
  using _ = resolvingTo(["192.0.2.1", "127.0.0.3", "127.0.0.4"]);
  using server = Socket.createServer({ hostname: "several.test", port: 0 });
  assertStrictEquals((server.localAddress as InetAddress).hostname, "127.0.0.3");
});

Deno.test(
  "Each address of a name is tried, and the last one's error is thrown",
  onLinux,
  async () => {
    const before = openDescriptors();
    {
      using server = Socket.createServer({ hostname: "127.0.0.3", port: 0 });
      const { port } = server.localAddress as InetAddress;
      const address = { hostname: "several.test", port };
      {
        using _ = resolvingTo(["127.0.0.2", "127.0.0.3", "127.0.0.4"]);
        using client = await Socket.createConnection(address);
        assertEquals(client.remoteAddress, server.localAddress);
      }
      using _ = resolvingTo(["127.0.0.2", "127.0.0.4"]);
      await assertRejects(
        () => Socket.createConnection(address),
        Deno.errors.ConnectionRefused,
        `127.0.0.4:${port}`,
      );
    }
    assertStrictEquals(openDescriptors(), before);
  },
);

Deno.test("Names are resolved on another thread, and addresses on none", async () => {
  using server = Socket.createServer(LOOPBACK);
  const { port } = server.localAddress as InetAddress;
  for (const [hostname, calls] of [["127.0.0.1", 1], ["localhost", 2]] as const) {
    const lines: string[] = [];
    {
      using _ = traceSyscalls((call) => lines.push(`${call}`));
      using _client = await Socket.createConnection({ hostname, port });
    }
    // The first call asks only whether it is an address.
    const lookups = lines.filter((line) => line.startsWith("getaddrinfo"));
    assertStrictEquals(lookups.length, calls, lines.join("\n"));
  }
});

Deno.test("A name that nobody has is an error with an EAI_ code", async () => {
  const error = await assertRejects(
    () => Socket.createConnection({ hostname: "no-such-name.invalid", port: 1 }),
    Error,
  );
  assert(isOsError(error));
  assertStrictEquals(error.syscall, "getaddrinfo");
  assertMatch(error.code, /^EAI_/);
  assertMatch(error.message, /no-such-name\.invalid/);
});

Deno.test("An aborted createConnection() rejects with the reason, and leaves nothing", async () => {
  const before = openDescriptors();
  using server = Socket.createServer(LOOPBACK);
  const reason = new Error("enough");
  assertStrictEquals(
    await Socket.createConnection(server.localAddress, { signal: AbortSignal.abort(reason) })
      .catch((error) => error),
    reason,
  );
  server.close();
  assertStrictEquals(openDescriptors(), before);
});

Deno.test("An abort ends an attempt that nobody answers, at once", onLinux, async () => {
  await promptly(async () => {
    const before = openDescriptors();
    // A listener that accepts nothing, with a full backlog: further attempts are left waiting.
    using server = Socket.createServer({ path: `\0full-${Deno.pid}` }, { backlog: 0 });
    using first = await Socket.createConnection(server.localAddress);
    const aborting = new AbortController();
    const connecting = Socket.createConnection(server.localAddress, { signal: aborting.signal });
    const failed = connecting.catch((reason) => reason);
    await delay(40);
    const took = await timed(async () => {
      aborting.abort("enough");
      assertStrictEquals(await failed, "enough");
    });
    first.close();
    server.close();
    assertStrictEquals(openDescriptors(), before);
    return took;
  });
});

Deno.test("createConnection() waits while a Unix listener's backlog is full", onLinux, async () => {
  using server = Socket.createServer({ path: `\0backlog-${Deno.pid}` }, { backlog: 0 });
  using _first = await Socket.createConnection(server.localAddress);
  let connected = false;
  const second = Socket.createConnection(server.localAddress).then((socket) => {
    connected = true;
    return socket;
  });
  await delay(20);
  assert(!connected);
  server.accept()!.close();
  using _second = await second;
});

Deno.test("localAddress is where the connection comes from", async () => {
  using server = Socket.createServer(LOOPBACK);
  const localAddress = refusedAddress();
  using client = await Socket.createConnection(server.localAddress, { localAddress });
  assertEquals(client.localAddress, localAddress);
  using connection = server.accept()!;
  assertEquals(connection.remoteAddress, localAddress);
  await assertRejects(
    () => Socket.createConnection(server.localAddress, { localAddress: { path: "/tmp/x" } }),
    TypeError,
    "family",
  );
});

Deno.test("createConnection() to a path is a Unix connection", onPosix, async () => {
  const folder = Deno.makeTempDirSync();
  const address = { path: `${folder}/socket` };
  await assertRejects(() => Socket.createConnection(address), Deno.errors.NotFound, address.path);
  using server = Socket.createServer(address);
  const localAddress = { path: `${folder}/client` };
  using client = await Socket.createConnection(address, { localAddress });
  assertEquals([client.remoteAddress, client.localAddress], [address, localAddress]);
  assertEquals(server.accept()!.remoteAddress, localAddress);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("100 connections at once, through names, leave nothing behind", async () => {
  const before = openDescriptors();
  using server = Socket.createServer(LOOPBACK);
  const { port } = server.localAddress as InetAddress;
  const serving = (async () => {
    for await (const connection of server) connection.readable.pipeTo(connection.writable);
  })();
  await Promise.all(Array.from({ length: 100 }, async (_, i) => {
    using client = await Socket.createConnection({ hostname: "localhost", port });
    await client.write(encode(`${i}`));
    client.shutdown("write");
    assertStrictEquals(await new Response(client.readable).text(), `${i}`);
  }));
  server.close();
  await serving;
  await delay(10);
  assertStrictEquals(openDescriptors(), before);
});

// ─── pair, fromFd, getOption ────────────────────────────────────────────────────────────────────

Deno.test("pair() makes pairs of every type; on Windows, of SOCK_STREAM alone", () => {
  for (const type of [c.SOCK_STREAM, c.SOCK_DGRAM, c.SOCK_SEQPACKET]) {
    if (isWindows && type !== c.SOCK_STREAM) {
      assertThrows(() => Socket.pair(type), Deno.errors.NotSupported);
      continue;
    }
    if (Deno.build.os === "darwin" && type === c.SOCK_SEQPACKET) continue;
    const [left, right] = Socket.pair(type);
    assertEquals([left.type, right.type, left.blocking], [type, type, true]);
    left.send(encode("one"));
    left.send(encode("two"));
    assertStrictEquals(decode(right.recv(9)!), type === c.SOCK_STREAM ? "onetwo" : "one");
    left.close();
    right.close();
  }
  assertThrows(() => Socket.pair(NaN), RangeError);
  assertThrows(() => Socket.pair("1" as unknown as number), TypeError);
});

Deno.test("fromFd() makes the descriptor close-on-exec unless it is told not to", onPosix, () => {
  for (const closeOnExec of [true, false, undefined]) {
    const [left, right] = Socket.pair();
    const fd = left.detach();
    c.fcntl(fd, c.F_SETFD, 0);
    using _left = Socket.fromFd(fd, closeOnExec === undefined ? {} : { closeOnExec });
    assertStrictEquals(isCloseOnExec(fd), closeOnExec !== false);
    right.close();
  }
  const [left, right] = Socket.pair();
  using again = Socket.fromFd(left.detach(), { closeOnExec: false });
  assert(isCloseOnExec(again.fileno())); // what it was before
  right.close();
});

Deno.test(
  "getOption() with a size gives the bytes of a struct, as many as there are",
  onLinux,
  () => {
    const [left, right] = Socket.pair();
    const credentials = left.getOption(c.SOL_SOCKET, c.SO_PEERCRED, 64);
    assertStrictEquals(credentials.length, 12);
    assertStrictEquals(new Int32Array(credentials.slice().buffer)[0], Deno.pid);
    assertStrictEquals(left.getOption(c.SOL_SOCKET, c.SO_TYPE, 4)[0], c.SOCK_STREAM);
    assertStrictEquals(left.getOption(c.SOL_SOCKET, c.SO_TYPE, 0).length, 0);
    for (const size of [-1, 1.5, NaN, 2 ** 31]) {
      assertThrows(() => left.getOption(c.SOL_SOCKET, c.SO_TYPE, size), RangeError);
    }
    assertThrows(() => left.getOption(c.SOL_SOCKET, 9999, 4), Error, "ENOPROTOOPT");
    left.close();
    right.close();
    assertThrows(() => left.getOption(c.SOL_SOCKET, c.SO_TYPE, 4), Deno.errors.BadResource);
  },
);

Deno.test("console.log() shows descriptor, family, type, addresses, and whether it is closed", () => {
  const server = Socket.createServer(LOOPBACK);
  const { port } = server.localAddress as InetAddress;
  assertStrictEquals(
    Deno.inspect(server, { breakLength: 1000 }),
    `Socket { fd: ${server.fileno()}, family: "AF_INET", type: "SOCK_STREAM", ` +
      `localAddress: "127.0.0.1:${port}", blocking: false, closed: false }`,
  );
  using client = new Socket();
  client.connect(server.localAddress);
  assertMatch(Deno.inspect(client), new RegExp(`remoteAddress: "127.0.0.1:${port}"`));
  server.close();
  assertStrictEquals(
    Deno.inspect(server),
    `Socket { fd: -1, family: "AF_INET", type: "SOCK_STREAM", closed: true }`,
  );
  Deno.inspect(Socket.prototype);
  class MySocket extends Socket {}
  using mine = new MySocket(c.AF_INET, c.SOCK_DGRAM);
  assertMatch(Deno.inspect(mine), /^MySocket \{[^]*SOCK_DGRAM/);
});
