/**
 * Sockets on raw descriptors: TCP, UDP and Unix, with real peers on loopback.
 */

import { Buffer } from "node:buffer";
import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  type Address,
  DefaultSelector,
  EVENT_READ,
  EVENT_WRITE,
  type InetAddress,
  isOsError,
  readable,
  Socket,
} from "../mod.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  EADDRINUSE,
  EADDRNOTAVAIL,
  ECONNREFUSED,
  ECONNRESET,
  IPPROTO_TCP,
  MSG_PEEK,
  SO_LINGER,
  SO_RCVBUF,
  SO_REUSEADDR,
  SO_SNDBUF,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_NODELAY,
} from "../ffi/mod.ts";
import {
  isCloseOnExec,
  openDescriptors,
  Pair,
  Pipe,
  pipeAt,
  tcpPair,
} from "./helpers/descriptors.ts";
import { DENO, hasCommand, path, run, runProgram } from "./helpers/programs.ts";
import { unlessLeftOut } from "./helpers/left_out.ts";
import { SELECTORS } from "./helpers/mechanisms.ts";

const isWindows = Deno.build.os === "windows";
const ACCEPT = SOCK_CLOEXEC === 0 ? "accept" : "accept4"; // macOS has neither the flag nor accept4
const LOOPBACK = { hostname: "127.0.0.1", port: 0 };
const NOT_OPEN = 60_000;
const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array | null) => new TextDecoder().decode(bytes!);

const hasIpv6 = (() => {
  try {
    using socket = new Socket(AF_INET6);
    socket.bind({ hostname: "::1", port: 0 });
    return true;
  } catch {
    return false;
  }
})();

const hasUnix = !isWindows; // where Unix sockets behave differently, and Wine has none

function listener(address: Address = LOOPBACK, family = AF_INET): Socket {
  const server = new Socket(family);
  server.bind(address);
  server.listen();
  return server;
}

// ─── streams ────────────────────────────────────────────────────────────────────────────────────

for (const [family, hostname] of [[AF_INET, "127.0.0.1"], [AF_INET6, "::1"]] as const) {
  Deno.test({
    name:
      `A TCP connection over ${hostname} carries bytes both ways, and both ends know their addresses`,
    ignore: family === AF_INET6 && !hasIpv6,
    fn() {
      using server = listener({ hostname, port: 0 }, family);
      const address = server.localAddress as InetAddress;
      assertStrictEquals(address.hostname, hostname);
      assert(address.port > 0);
      using client = new Socket(family);
      assertStrictEquals(client.connect(address), true);
      using connection = server.accept()!;
      assertEquals(client.remoteAddress, address);
      assertEquals(connection.localAddress, address);
      assertEquals(connection.remoteAddress, client.localAddress);
      assertEquals([connection.family, connection.type], [family, SOCK_STREAM]);
      assertStrictEquals(client.send(encode("to the server")), 13);
      assertStrictEquals(decode(connection.recv(64)), "to the server");
      assertStrictEquals(connection.send(encode("and back")), 8);
      const buffer = new Uint8Array(64);
      assertStrictEquals(client.recvInto(buffer), 8);
      assertStrictEquals(decode(buffer.subarray(0, 8)), "and back");
    },
  });

  Deno.test({
    name: `UDP over ${hostname} carries datagrams with their sender`,
    ignore: family === AF_INET6 && !hasIpv6,
    fn() {
      using one = new Socket(family, SOCK_DGRAM);
      using other = new Socket(family, SOCK_DGRAM);
      one.bind({ hostname, port: 0 });
      other.bind({ hostname, port: 0 });
      assertStrictEquals(one.sendTo(encode("hello"), other.localAddress), 5);
      const { data, address } = other.recvFrom(64)!;
      assertEquals([decode(data), address], ["hello", one.localAddress]);
      other.sendTo(new Uint8Array(0), address);
      assertEquals(one.recvFrom(64)!.data, new Uint8Array(0));
      one.connect(other.localAddress);
      one.send(encode("connected"));
      assertStrictEquals(decode(other.recv(4)), "conn"); // the rest of a datagram is dropped
    },
  });
}

for (
  const [kind, address] of [
    ["path", { path: `${Deno.makeTempDirSync()}/socket` }],
    ...(Deno.build.os === "linux"
      ? [["abstract name", { path: `\0selectors-test-${Deno.pid}` }]] as const
      : []),
  ] as const
) {
  Deno.test(unlessLeftOut(`Unix sockets meet at a ${kind}, streams and datagrams`), () => {
    {
      using server = listener(address, AF_UNIX);
      assertEquals(server.localAddress, address);
      using client = new Socket(AF_UNIX);
      assertStrictEquals(client.connect(address), true);
      using connection = server.accept()!;
      assertEquals(client.remoteAddress, address);
      assertEquals(connection.remoteAddress, { path: "" });
      client.send(encode("hello"));
      assertStrictEquals(decode(connection.recv(64)), "hello");
    }
    if (kind === "path") {
      using late = new Socket(AF_UNIX);
      assertThrows(() => late.bind(address), Deno.errors.AddrInUse); // no file is removed silently
      Deno.removeSync(address.path);
    }
    using receiver = new Socket(AF_UNIX, SOCK_DGRAM);
    receiver.bind(address);
    using sender = new Socket(AF_UNIX, SOCK_DGRAM);
    sender.sendTo(encode("datagram"), address);
    const { data, address: from } = receiver.recvFrom(64)!;
    assertEquals([decode(data), from], ["datagram", { path: "" }]);
  });
}

Deno.test("Socket.pair() gives two connected, blocking, close-on-exec sockets", () => {
  using pair = new Pair();
  const family = isWindows ? AF_INET : AF_UNIX;
  for (const socket of [pair.left, pair.right]) {
    assertEquals([socket.family, socket.type, socket.blocking], [family, SOCK_STREAM, true]);
    assert(isCloseOnExec(socket.fileno()));
  }
  pair.left.send(encode("hello"));
  assertStrictEquals(decode(pair.right.recv(64)), "hello");
});

Deno.test("Socket.recv() gives an empty array at the end of the stream, and null when nothing is there", () => {
  using pair = new Pair();
  pair.right.setBlocking(false);
  assertStrictEquals(pair.right.recv(64), null);
  assertStrictEquals(pair.right.recvInto(new Uint8Array(1)), null);
  assertStrictEquals(pair.right.recvFrom(64), null);
  pair.left.shutdown("write");
  assertEquals(pair.right.recv(64), new Uint8Array(0));
  assertStrictEquals(pair.right.recvInto(new Uint8Array(1)), 0);
});

Deno.test("Socket.recv() gives arrays of their own, small and large", () => {
  using pair = new Pair();
  pair.left.send(encode("first"));
  const first = pair.right.recv(64)!;
  pair.left.send(encode("second"));
  const second = pair.right.recv(2 ** 20)!;
  assertEquals([decode(first), decode(second)], ["first", "second"]);
  assertNotEquals(first.buffer, second.buffer);
  pair.left.send(encode("third"));
  assertStrictEquals(decode(pair.right.recv(64, MSG_PEEK)), "third");
  assertStrictEquals(decode(pair.right.recv(2)), "th");
  assertEquals(pair.right.recv(0), new Uint8Array(0));
  assertStrictEquals(decode(pair.right.recv(64)), "ird");
});

const PATTERN = 65_537; // bytes; a prime, so that transfers of a power of two differ

Deno.test("Socket.send() tells what the kernel took, and 20 MB arrive in order", () => {
  using pair = tcpPair();
  const { left, right } = pair;
  left.setBlocking(false);
  right.setBlocking(false);
  const data = new Uint8Array(20_000_000);
  for (let i = 0; i < PATTERN; i++) data[i] = (i * 7 + (i >> 8)) & 255;
  for (let end = PATTERN; end < data.length; end += PATTERN) data.copyWithin(end, 0, PATTERN);
  const received = new Uint8Array(data.length);
  let sent = 0;
  let got = 0;
  let [partial, full] = [0, 0];
  while (got < data.length) {
    const count = left.send(data.subarray(sent));
    if (count === null) full++;
    else if (sent + count < data.length) partial++;
    sent += count ?? 0;
    for (let count; (count = right.recvInto(received.subarray(got))) !== null && count > 0;) {
      got += count;
    }
  }
  assert(full >= 0 && (isWindows || partial > 0)); // Windows accepts all or nothing
  assertStrictEquals(Buffer.compare(received, data), 0);
});

Deno.test("A half-closed connection goes on in the other direction", () => {
  using pair = tcpPair();
  pair.left.send(encode("question"));
  pair.left.shutdown("write");
  assertStrictEquals(decode(pair.right.recv(64)), "question");
  assertEquals(pair.right.recv(64), new Uint8Array(0));
  pair.right.send(encode("answer"));
  assertStrictEquals(decode(pair.left.recv(64)), "answer");
  assertThrows(() => pair.left.send(encode("more")), Deno.errors.BrokenPipe);
});

Deno.test("Socket.shutdown() without a peer is NotConnected, and of something else TypeError", () => {
  using socket = new Socket();
  assertThrows(() => socket.shutdown("both"), Deno.errors.NotConnected);
  assertThrows(() => socket.shutdown("all" as "both"), TypeError);
  assertThrows(() => socket.shutdown("toString" as "both"), TypeError);
});

Deno.test("Sending to a peer that has gone is an error and no signal", () => {
  using pair = tcpPair();
  pair.right.close();
  const error = assertThrows(() => {
    for (let i = 0; i < 100; i++) pair.left.send(encode("anyone?"));
  });
  assert(
    error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset,
    String(error),
  );
  assert(isOsError(error));
  assertStrictEquals(error.syscall, "send");
});

Deno.test("An accepted connection knows its peer after a reset", () => {
  using pair = tcpPair();
  const address = pair.left.localAddress;
  pair.left.setOption(SOL_SOCKET, SO_LINGER, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]));
  pair.left.close();
  const error = assertThrows(() => pair.right.recv(64), Deno.errors.ConnectionReset);
  assert(isOsError(error));
  assertEquals([error.code, error.errno, error.syscall], ["ECONNRESET", ECONNRESET, "recv"]);
  assertEquals(pair.right.remoteAddress, address);
});

// ─── accept and connect ─────────────────────────────────────────────────────────────────────────

Deno.test("Socket.accept() gives null when nobody waits, and connections that block as the listener does", () => {
  using server = listener();
  for (const blocking of [true, false]) {
    server.setBlocking(blocking);
    if (!blocking) assertStrictEquals(server.accept(), null);
    using client = new Socket();
    client.connect(server.localAddress);
    using selector = new DefaultSelector();
    selector.register(server, EVENT_READ);
    selector.select(); // a busy kernel may report the client first
    using connection = server.accept()!;
    assertStrictEquals(connection.blocking, blocking);
    if (!blocking) assertStrictEquals(connection.recv(1), null);
    assert(isCloseOnExec(connection.fileno()));
  }
});

Deno.test("A non-blocking connect() finishes when the socket is writable", () => {
  using server = listener();
  using client = new Socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  if (SOCK_NONBLOCK === 0) client.setBlocking(false); // macOS has no such flag
  assertFalse(client.blocking);
  assertStrictEquals(client.connect(server.localAddress), false);
  using selector = new DefaultSelector();
  selector.register(client, EVENT_WRITE);
  assertStrictEquals(selector.select(5000).length, 1);
  assertStrictEquals(client.takeError(), null);
  using connection = server.accept()!;
  client.send(encode("hello"));
  assertStrictEquals(decode(connection.recv(64)), "hello");
});

Deno.test("A refused non-blocking connect() is told by takeError(), once, with the address", () => {
  const { port } = (() => {
    using gone = listener();
    return gone.localAddress as InetAddress;
  })();
  using client = new Socket();
  client.setBlocking(false);
  assertStrictEquals(client.connect({ hostname: "127.0.0.1", port }), false);
  using selector = new DefaultSelector();
  selector.register(client, EVENT_WRITE);
  assertStrictEquals(selector.select(5000).length, 1);
  const error = client.takeError();
  assertInstanceOf(error, Deno.errors.ConnectionRefused);
  assertStrictEquals(
    error.message,
    `connect 127.0.0.1:${port}: Connection refused (ECONNREFUSED ${ECONNREFUSED})`,
  );
  assertStrictEquals(client.takeError(), null);
});

Deno.test("A refused blocking connect() throws", () => {
  const address = (() => {
    using gone = listener();
    return gone.localAddress;
  })();
  using client = new Socket();
  assertThrows(() => client.connect(address), Deno.errors.ConnectionRefused, "connect 127.0.0.1:");
});

Deno.test(unlessLeftOut("Names are resolved, and those that cannot be say so"), () => {
  using server = listener({ hostname: "localhost", port: 0 });
  assertStrictEquals((server.localAddress as InetAddress).hostname, "127.0.0.1");
  for (const hostname of ["no-such-host.invalid", ""]) assertUnresolved(hostname);
});

Deno.test(unlessLeftOut("An address of another family is not resolved"), () => {
  assertUnresolved("::1");
});

function assertUnresolved(hostname: string): void {
  using socket = new Socket();
  const error = assertThrows(() => socket.bind({ hostname, port: 0 }));
  assert(isOsError(error), String(error));
  assertMatch(error.code, /^EAI_/);
  assertStrictEquals(error.syscall, "getaddrinfo");
  assertMatch(error.message, new RegExp(`^getaddrinfo ${hostname}: .* \\(EAI_\\w+ -?\\d+\\)$`));
}

// ─── options, descriptors ───────────────────────────────────────────────────────────────────────

Deno.test("Options are set and read, as ints and as structs", () => {
  using socket = new Socket();
  assertStrictEquals(socket.getOption(SOL_SOCKET, SO_REUSEADDR), 0);
  socket.setOption(SOL_SOCKET, SO_REUSEADDR, 1);
  assertStrictEquals(socket.getOption(SOL_SOCKET, SO_REUSEADDR), 1);
  socket.setOption(IPPROTO_TCP, TCP_NODELAY, 1);
  assertStrictEquals(socket.getOption(IPPROTO_TCP, TCP_NODELAY), 1);
  socket.setOption(SOL_SOCKET, SO_RCVBUF, 20000);
  assert(socket.getOption(SOL_SOCKET, SO_RCVBUF) >= 20000);
  socket.setOption(SOL_SOCKET, SO_SNDBUF, new Uint8Array(new Int32Array([20000]).buffer));
  assert(socket.getOption(SOL_SOCKET, SO_SNDBUF) >= 20000);
  socket.setOption(SOL_SOCKET, SO_LINGER, new Uint8Array(8));
  const error = assertThrows(() => socket.getOption(IPPROTO_TCP, 12345));
  assert(isOsError(error));
  assertEquals([error.code, error.syscall, error.constructor], [
    "ENOPROTOOPT",
    "getsockopt",
    Error,
  ]);
  for (const value of [NaN, 0.5, 2 ** 31]) {
    assertThrows(() => socket.setOption(SOL_SOCKET, SO_REUSEADDR, value), RangeError);
  }
  for (const value of ["1", null, {}, 1n] as unknown as number[]) {
    assertThrows(() => socket.setOption(SOL_SOCKET, SO_REUSEADDR, value), TypeError);
  }
});

Deno.test("detach() gives the descriptor up, and fromFd() takes it over with all that it is", () => {
  const socket = new Socket(AF_INET, SOCK_DGRAM);
  socket.setBlocking(false);
  const fd = socket.detach();
  assert(socket.closed);
  assertStrictEquals(socket.fileno(), -1);
  socket.close();
  using adopted = Socket.fromFd(fd);
  assertEquals([adopted.family, adopted.type, adopted.blocking, adopted.fileno()], [
    AF_INET,
    SOCK_DGRAM,
    isWindows, // which does not tell, so that it is made so
    fd,
  ]);
  assertStrictEquals(isWindows || adopted.recv(1) === null, true);
});

Deno.test(unlessLeftOut("fromFd() refuses what is no socket, and leaves it open"), () => {
  using pipe = new Pipe();
  const error = assertThrows(() => Socket.fromFd(pipe.reader));
  assert(isOsError(error));
  assertStrictEquals(error.code, "ENOTSOCK");
  assert(isCloseOnExec(pipe.reader));
});

Deno.test("fromFd() refuses what is not open, or cannot be a descriptor", () => {
  for (const fd of [-1, 0.5, NaN, 2 ** 31]) assertThrows(() => Socket.fromFd(fd), RangeError);
  assertThrows(() => Socket.fromFd("0" as unknown as number), TypeError);
  const error = assertThrows(() => Socket.fromFd(NOT_OPEN));
  assert(isOsError(error));
  assertStrictEquals(error.code, isWindows ? "ENOTSOCK" : "EBADF");
});

Deno.test("A closed socket is closed once, and BadResource afterwards", () => {
  const socket = new Socket();
  const fd = socket.fileno();
  socket.close();
  using stack = new DisposableStack();
  pipeAt(fd, stack); // has the number now
  socket.close();
  socket[Symbol.dispose]();
  assert(isCloseOnExec(fd));
  assertEquals([socket.closed, socket.fileno()], [true, -1]);
  const bytes = new Uint8Array(1);
  const uses: (() => unknown)[] = [
    () => socket.bind(LOOPBACK),
    () => socket.listen(),
    () => socket.accept(),
    () => socket.connect({ hostname: "127.0.0.1", port: 1 }),
    () => socket.takeError(),
    () => socket.recv(1),
    () => socket.recvInto(bytes),
    () => socket.send(bytes),
    () => socket.recvFrom(1),
    () => socket.sendTo(bytes, LOOPBACK),
    () => socket.localAddress,
    () => socket.remoteAddress,
    () => socket.setOption(SOL_SOCKET, SO_REUSEADDR, 1),
    () => socket.getOption(SOL_SOCKET, SO_REUSEADDR),
    () => socket.shutdown("both"),
    () => socket.setBlocking(true),
    () => socket.detach(),
  ];
  for (const use of uses) assertThrows(use, Deno.errors.BadResource, "closed");
});

Deno.test(unlessLeftOut("A child process inherits no socket and no selector"), async () => {
  const inherited = async () => {
    const { stdout } = await run("sh", ["-c", "ls -l /proc/self/fd"]);
    return stdout.matchAll(/ -> (.*)$/gm).map(([, file]) => file!.replace(/\d+/g, "#")).toArray();
  };
  const before = await inherited();
  using _pair = new Pair();
  using server = listener();
  using client = new Socket();
  client.connect(server.localAddress);
  using _connection = server.accept()!;
  using datagrams = new Socket(AF_INET, SOCK_DGRAM);
  using taken = Socket.fromFd(datagrams.detach());
  using stack = new DisposableStack();
  for (const Selector of SELECTORS) stack.use(new Selector()).register(taken, EVENT_READ);
  const controller = new AbortController();
  // on the shared selector of the thread
  const wait = readable(server, { signal: controller.signal });
  assertEquals(await inherited(), before);
  controller.abort(new Error("seen"));
  await assertRejects(() => wait, Error, "seen");
});

Deno.test({
  name: "A Unix path that is there already is refused and left, also by close()",
  ignore: !hasUnix,
  fn() {
    const folder = Deno.makeTempDirSync();
    const file = `${folder}/file`;
    Deno.writeTextFileSync(file, "not ours");
    using socket = new Socket(AF_UNIX);
    assertThrows(() => socket.bind({ path: file }), Deno.errors.AddrInUse);
    assertStrictEquals(Deno.readTextFileSync(file), "not ours");

    const path = `${folder}/socket`;
    socket.bind({ path });
    socket.listen();
    socket.close();
    assert(Deno.lstatSync(path).isSocket);
    using late = new Socket(AF_UNIX);
    assertThrows(() => late.bind({ path }), Deno.errors.AddrInUse);
    Deno.removeSync(folder, { recursive: true });
  },
});

// ─── errors ─────────────────────────────────────────────────────────────────────────────────────

Deno.test("An OS error names the call, the address, and the errno", () => {
  using server = listener();
  const address = server.localAddress as InetAddress;
  using late = new Socket();
  const error = assertThrows(() => late.bind(address), Deno.errors.AddrInUse);
  assert(isOsError(error));
  assertEquals([error.code, error.errno, error.syscall], ["EADDRINUSE", EADDRINUSE, "bind"]);
  assertStrictEquals(
    error.message,
    `bind 127.0.0.1:${address.port}: Address already in use (EADDRINUSE ${EADDRINUSE})`,
  );
  assertThrows(
    () => late.bind({ hostname: "192.0.2.1", port: 0 }),
    Deno.errors.AddrNotAvailable,
    `bind 192.0.2.1:0: Cannot assign requested address (EADDRNOTAVAIL ${EADDRNOTAVAIL})`,
  );
  assertThrows(() => late.remoteAddress, Deno.errors.NotConnected);
  assertThrows(() => new Socket(12345), Error, "EAFNOSUPPORT");
  if (!hasUnix) return;
  assertThrows(
    () => {
      using unix = new Socket(AF_UNIX);
      unix.connect({ path: "/nonexistent/socket" });
    },
    Deno.errors.NotFound,
    "connect /nonexistent/socket: No such file or directory (ENOENT 2)",
  );
});

Deno.test("Addresses of the wrong shape are refused before any call", () => {
  using inet = new Socket();
  for (const address of [null, undefined, "127.0.0.1:80", 80, {}, { path: "/x" }, { port: 80 }]) {
    assertThrows(() => inet.bind(address as Address), TypeError);
    assertThrows(() => inet.connect(address as Address), TypeError);
    assertThrows(() => inet.sendTo(new Uint8Array(1), address as Address), TypeError);
  }
  for (const port of [-1, 65536, 0.5, NaN]) {
    assertThrows(() => inet.bind({ hostname: "127.0.0.1", port }), RangeError);
  }
  assertThrows(() => inet.bind({ hostname: "127.0.0.1\0", port: 1 }), TypeError);
  if (!hasUnix) return;
  using unix = new Socket(AF_UNIX);
  assertThrows(() => unix.bind(LOOPBACK), TypeError);
  assertThrows(() => unix.bind({ path: "a\0b" }), TypeError);
  assertThrows(() => unix.bind({ path: "a".repeat(108) }), RangeError);
});

Deno.test("Sizes, flags and buffers that could hurt are refused, and lose nothing", () => {
  using pair = new Pair();
  pair.left.send(encode("kept"));
  for (const size of [-1, 0.5, NaN, 2 ** 31, 2 ** 53]) {
    assertThrows(() => pair.right.recv(size), RangeError, "size must be");
    assertThrows(() => pair.right.recvFrom(size), RangeError, "size must be");
  }
  for (const size of ["4", null, {}, 4n] as unknown as number[]) {
    assertThrows(() => pair.right.recv(size), TypeError);
  }
  const wrong = [null, "text", [1], new ArrayBuffer(4), new DataView(new ArrayBuffer(4)), 4];
  for (const buffer of wrong as unknown as Uint8Array[]) {
    assertThrows(() => pair.right.recvInto(buffer), TypeError);
    assertThrows(() => pair.right.send(buffer), TypeError);
  }
  for (const flags of [NaN, 0.5, 2 ** 31]) {
    assertThrows(() => pair.right.recv(4, flags), RangeError);
    assertThrows(() => pair.right.recvInto(new Uint8Array(4), flags), RangeError);
    assertThrows(() => pair.right.send(new Uint8Array(4), flags), RangeError);
  }
  const detached = new Uint8Array(4);
  structuredClone(detached, { transfer: [detached.buffer] });
  assertStrictEquals(pair.right.recvInto(detached), 0); // an empty buffer receives nothing
  assertStrictEquals(decode(pair.right.recv(64)), "kept");
});

Deno.test(unlessLeftOut("No failing call leaks a descriptor"), () => {
  using server = listener();
  const address = server.localAddress;
  const before = openDescriptors();
  for (let i = 0; i < 200; i++) {
    assertThrows(() => new Socket(12345));
    assertThrows(() => new Socket(NaN));
    assertThrows(() => Socket.fromFd(NOT_OPEN));
    using socket = new Socket();
    assertThrows(() => socket.bind(address));
    assertThrows(() => socket.accept());
    assertThrows(() => socket.connect({ hostname: "1.2.3.4.5.6", port: 1 }));
  }
  assertStrictEquals(openDescriptors(), before);
});

Deno.test("A socket is a file object of a selector", () => {
  using pair = new Pair();
  using selector = new DefaultSelector<string, Socket>();
  selector.register(pair.right, EVENT_READ, "right");
  pair.left.send(encode("x"));
  assertEquals(selector.select(1000).map(([key]) => key.fileobj), [pair.right]);
  pair.right.close();
  assertThrows(
    () => selector.register(pair.right, EVENT_READ, "closed"),
    Deno.errors.BadResource,
  );
});

Deno.test({
  name: "Without descriptors every call says so, leaks nothing, and loses no waiting connection",
  ignore: !hasCommand("prlimit"),
  async fn() {
    const program = path("tests/fixtures/socket_exhausted.ts");
    const { stdout, stderr } = await run("prlimit", ["--nofile=64", DENO, "run", "-A", program]);
    assertEquals(
      stdout,
      "new Socket(): Error EMFILE 24 socket\n" +
        "Socket.pair(): Error EMFILE 24 socketpair\n" +
        `accept(): Error EMFILE 24 ${ACCEPT}\n` +
        "leaked: 0\n" +
        "Socket.pair() with one place: Error EMFILE 24 socketpair\n" +
        "leaked: 0\n" +
        "still here\n",
      stderr,
    );
  },
});

Deno.test({
  ...unlessLeftOut("A signal ends a blocking call with Deno.errors.Interrupted"),
  async fn() {
    const { stdout, stderr } = await runProgram("tests/fixtures/socket_interrupted.ts");
    const calls = ["recv", "recv", "recvfrom", ACCEPT];
    assertEquals(stdout, calls.map((call) => `${call} EINTR true\n`).join(""), stderr);
  },
});

Deno.test("Two threads talk over blocking sockets, and every byte arrives", async () => {
  using listener = new Socket();
  listener.bind({ hostname: "127.0.0.1", port: 0 });
  listener.listen();
  const worker = new Worker(new URL("./fixtures/socket_worker.ts", import.meta.url), {
    type: "module",
  });
  const message = () =>
    new Promise<unknown>((resolve) => worker.onmessage = (e) => resolve(e.data));
  assertEquals(await message(), "ready");
  worker.postMessage(listener.localAddress);
  {
    using connection = listener.accept()!;
    connection.send(new TextEncoder().encode("ping"));
    assertEquals(new TextDecoder().decode(connection.recv(4)!), "pong");
    const total = message();
    for (let i = 0; i < 100; i++) {
      let data = new Uint8Array(100_000);
      while (data.length > 0) data = data.subarray(connection.send(data)!);
    }
    connection.shutdown("write");
    assertEquals(await total, 10_000_000);
  }
  worker.terminate();
});
