/**
 * The calls of libc under their C names: C results, errno on failure, and no access outside the
 * memory of the arguments.
 */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import * as ffi from "../ffi/mod.ts";
import { eaiName } from "../ffi/netdb.ts";
import type { Memory } from "../ffi/mod.ts";
import { Pair, Pipe } from "./helpers/descriptors.ts";
import { unlessLeftOut } from "./helpers/left_out.ts";

const { EBADF, EINVAL, EAGAIN } = ffi;
// on Windows a closed socket is no socket
const NOT_OPEN = Deno.build.os === "windows" ? ffi.ENOTSOCK : EBADF;

// The functions that only Linux has are among them.
const onLinux = { ignore: Deno.build.os !== "linux" };

/** The descriptor that a call returned, closed at the end of the block. */
function opened(fd: number): { fd: number; [Symbol.dispose](): void } {
  assert(fd >= 0, `errno ${ffi.errno()}`);
  return { fd, [Symbol.dispose]: () => void ffi.close(fd) };
}

function assertFails(result: number, number: number): void {
  const error = ffi.errno();
  assertEquals([result, ffi.errnoName(error)], [-1, ffi.errnoName(number)]);
}

// ─── each call, for real ────────────────────────────────────────────────────────────────────────

Deno.test(
  "epoll_create1(), epoll_ctl(), epoll_wait() and epoll_pwait2() report a ready pipe",
  onLinux,
  () => {
    using pipe = new Pipe();
    using epoll = opened(ffi.epoll_create1(ffi.EPOLL_CLOEXEC));
    const event = new Uint8Array(ffi.epoll_event.size);
    ffi.epoll_event.write(event, { events: ffi.EPOLLIN, data: 0x1234567890abcdefn });
    assertStrictEquals(ffi.epoll_ctl(epoll.fd, ffi.EPOLL_CTL_ADD, pipe.reader, event), 0);
    assertFails(ffi.epoll_ctl(epoll.fd, ffi.EPOLL_CTL_ADD, pipe.reader, event), ffi.EEXIST);
    const events = new Uint8Array(ffi.epoll_event.size * 2);
    assertStrictEquals(ffi.epoll_wait(epoll.fd, events, 2, 0), 0);
    pipe.fill();
    assertStrictEquals(ffi.epoll_wait(epoll.fd, events, 2, -1), 1);
    const ready = { events: ffi.EPOLLIN, data: 0x1234567890abcdefn };
    assertEquals(ffi.epoll_event.read(events), ready);
    if (ffi.has_epoll_pwait2()) {
      events.fill(0);
      const timeout = new Uint8Array(ffi.timespec.size);
      ffi.timespec.write(timeout, { tv_sec: 0, tv_nsec: 1 });
      const count = ffi.epoll_pwait2(epoll.fd, events, 2, timeout);
      if (count === -1) assertStrictEquals(ffi.errno(), ffi.ENOSYS); // an old kernel, an emulator
      else assertEquals([count, ffi.epoll_event.read(events)], [1, ready]);
    }
    assertStrictEquals(ffi.epoll_ctl(epoll.fd, ffi.EPOLL_CTL_DEL, pipe.reader, null), 0);
    assertFails(ffi.epoll_wait(epoll.fd, events, 0, 0), EINVAL);
  },
);

Deno.test("poll() and ppoll() fill revents", onLinux, () => {
  using pipe = new Pipe();
  const fds = new Uint8Array(ffi.pollfd.size * 2);
  const events = ffi.POLLIN | ffi.POLLOUT;
  ffi.pollfd.write(fds, { fd: pipe.reader, events, revents: 0 });
  ffi.pollfd.write(fds, { fd: pipe.writer, events, revents: 0 }, ffi.pollfd.size);
  assertStrictEquals(ffi.poll(fds, 2, -1), 1);
  assertStrictEquals(ffi.pollfd.read(fds, ffi.pollfd.size).revents, ffi.POLLOUT);
  pipe.fill();
  assertStrictEquals(ffi.ppoll(fds, 2, null), 2);
  assertStrictEquals(ffi.pollfd.read(fds).revents, ffi.POLLIN);
});

Deno.test("poll_nonblocking() resolves when something is ready", async () => {
  using pipe = new Pipe();
  const fds = new Uint8Array(ffi.pollfd.size);
  ffi.pollfd.write(fds, { fd: pipe.reader, events: ffi.POLLIN, revents: 0 });
  const promise = ffi.poll_nonblocking(fds, 1, -1);
  pipe.fill();
  assertStrictEquals(await promise, 1);
  assert(ffi.pollfd.read(fds).revents & ffi.POLLIN); // Windows may set other bits too
});

Deno.test("select() leaves the ready descriptors in its sets, and tells the time that is left", () => {
  using pipe = new Pipe();
  const readfds = new Uint8Array(ffi.fd_set.size);
  const writefds = new Uint8Array(ffi.fd_set.size);
  ffi.FD_SET(pipe.reader, readfds);
  ffi.FD_SET(pipe.writer, writefds);
  const timeout = new Uint8Array(ffi.timeval.size);
  ffi.timeval.write(timeout, { tv_sec: 100, tv_usec: 0 });
  const nfds = Math.max(pipe.reader, pipe.writer) + 1;
  assertStrictEquals(ffi.select(nfds, readfds, writefds, null, timeout), 1);
  assertEquals(ffi.FD_ISSET(pipe.reader, readfds), false);
  assertEquals(ffi.FD_ISSET(pipe.writer, writefds), true);
});

Deno.test("eventfd(), read() and write() count", onLinux, () => {
  using event = opened(ffi.eventfd(3, ffi.EFD_CLOEXEC | ffi.EFD_NONBLOCK));
  const counter = new BigUint64Array([4n]);
  assertStrictEquals(ffi.write(event.fd, counter, 8), 8);
  assertStrictEquals(ffi.read(event.fd, counter, 8), 8);
  assertStrictEquals(counter[0], 7n);
  assertFails(ffi.read(event.fd, counter, 8), EAGAIN);
  assertFails(ffi.read(event.fd, counter, 7), EINVAL);
});

Deno.test(
  "pipe() and pipe2() give two ends; fcntl() and dup3() work on them; close() is once",
  onLinux,
  () => {
    const fds = new Int32Array(2);
    assertStrictEquals(ffi.pipe(fds), 0);
    const [reader, writer] = fds as unknown as [number, number];
    assertStrictEquals(ffi.fcntl(reader, ffi.F_GETFD), 0);
    assertStrictEquals(ffi.fcntl(reader, ffi.F_SETFD, ffi.FD_CLOEXEC), 0);
    assertStrictEquals(ffi.fcntl(reader, ffi.F_GETFD), ffi.FD_CLOEXEC);
    assertStrictEquals(ffi.fcntl(reader, ffi.F_SETFL, ffi.O_NONBLOCK), 0);
    assertStrictEquals(ffi.fcntl(reader, ffi.F_GETFL) & ffi.O_NONBLOCK, ffi.O_NONBLOCK);
    const copy = ffi.fcntl(reader, ffi.F_DUPFD_CLOEXEC, 50);
    assert(copy >= 50);
    assertStrictEquals(ffi.dup3(writer, copy, ffi.O_CLOEXEC), copy);
    assertStrictEquals(ffi.write(copy, new Uint8Array([9]), 1), 1);
    assertStrictEquals(ffi.read(reader, new Uint8Array(4), 4), 1);
    for (const fd of [reader, writer, copy]) assertStrictEquals(ffi.close(fd), 0);
    assertFails(ffi.close(copy), EBADF);
    assertStrictEquals(ffi.pipe2(fds, ffi.O_NONBLOCK | ffi.O_CLOEXEC), 0);
    assertStrictEquals(ffi.fcntl(fds[1]!, ffi.F_GETFD), ffi.FD_CLOEXEC);
    for (const fd of fds) ffi.close(fd);
  },
);

Deno.test("The socket calls make a connection, by hand", onLinux, () => {
  using server = opened(ffi.socket(ffi.AF_INET, ffi.SOCK_STREAM | ffi.SOCK_CLOEXEC, 0));
  const address = new Uint8Array(ffi.sockaddr_in.size);
  ffi.sockaddr_in.write(address, { sin_family: ffi.AF_INET, sin_port: 0, sin_addr: "127.0.0.1" });
  const one = new Int32Array([1]);
  const { SOL_SOCKET, SO_REUSEADDR } = ffi;
  assertStrictEquals(ffi.setsockopt(server.fd, SOL_SOCKET, SO_REUSEADDR, one, 4), 0);
  const length = new Uint32Array([4]);
  one[0] = 0;
  assertStrictEquals(ffi.getsockopt(server.fd, SOL_SOCKET, SO_REUSEADDR, one, length), 0);
  assertEquals([one[0], length[0]], [1, 4]);
  assertStrictEquals(ffi.bind(server.fd, address, address.length), 0);
  assertStrictEquals(ffi.listen(server.fd, 5), 0);
  length[0] = address.length;
  assertStrictEquals(ffi.getsockname(server.fd, address, length), 0);

  using client = opened(ffi.socket(ffi.AF_INET, ffi.SOCK_STREAM | ffi.SOCK_CLOEXEC, 0));
  assertFails(ffi.getpeername(client.fd, new Uint8Array(16), length), ffi.ENOTCONN);
  assertStrictEquals(ffi.connect(client.fd, address, address.length), 0);
  const peer = new Uint8Array(16);
  using connection = opened(ffi.accept4(server.fd, peer, length, ffi.SOCK_CLOEXEC));
  const name = new Uint8Array(16);
  assertStrictEquals(ffi.getsockname(client.fd, name, length), 0);
  assertEquals(peer, name);
  assertStrictEquals(ffi.getpeername(connection.fd, name, length), 0);
  assertEquals(peer, name);

  const hello = new TextEncoder().encode("hello");
  assertStrictEquals(ffi.send(client.fd, hello, 5, ffi.MSG_NOSIGNAL), 5);
  const buffer = new Uint8Array(16);
  assertStrictEquals(ffi.recv(connection.fd, buffer, 16, 0), 5);
  assertEquals(buffer.subarray(0, 5), hello);
  assertStrictEquals(ffi.shutdown(client.fd, ffi.SHUT_WR), 0);
  assertStrictEquals(ffi.recvfrom(connection.fd, buffer, 16, 0, null, null), 0);
  assertFails(ffi.send(client.fd, hello, 5, ffi.MSG_NOSIGNAL), ffi.EPIPE);

  assertStrictEquals(ffi.fcntl(server.fd, ffi.F_SETFL, ffi.O_NONBLOCK), 0);
  assertFails(ffi.accept(server.fd, null, null), EAGAIN);
});

Deno.test(
  "socketpair(), sendto() and recvfrom() carry datagrams with their sender",
  onLinux,
  () => {
    const fds = new Int32Array(2);
    assertStrictEquals(ffi.socketpair(ffi.AF_UNIX, ffi.SOCK_DGRAM | ffi.SOCK_CLOEXEC, 0, fds), 0);
    using left = opened(fds[0]!);
    using right = opened(fds[1]!);
    const name = new Uint8Array(ffi.sockaddr_un.size);
    const sun_path = `\0selectors-${Deno.pid}`;
    const length = ffi.sockaddr_un.write(name, { sun_family: ffi.AF_UNIX, sun_path });
    using named = opened(ffi.socket(ffi.AF_UNIX, ffi.SOCK_DGRAM | ffi.SOCK_CLOEXEC, 0));
    assertStrictEquals(ffi.bind(named.fd, name, length), 0);
    assertStrictEquals(ffi.sendto(left.fd, new Uint8Array(3), 3, 0, null, 0), 3);
    assertStrictEquals(ffi.recv(right.fd, new Uint8Array(9), 9, 0), 3);
    using sender = opened(ffi.socket(ffi.AF_UNIX, ffi.SOCK_DGRAM | ffi.SOCK_CLOEXEC, 0));
    assertStrictEquals(ffi.sendto(sender.fd, new Uint8Array(2), 2, 0, name, length), 2);
    const from = new Uint8Array(ffi.sockaddr_un.size);
    const fromLength = new Int32Array([from.length]);
    assertStrictEquals(ffi.recvfrom(named.fd, new Uint8Array(9), 9, 0, from, fromLength), 2);
    assertStrictEquals(ffi.sockaddr_un.read(from, 0, fromLength[0]).sun_path, "");
  },
);

Deno.test(unlessLeftOut("getaddrinfo() gives a list to read and to free once"), () => {
  const res = new BigUint64Array(1);
  const hints = ffi.addrinfo.hints({
    ai_family: ffi.AF_INET,
    ai_socktype: ffi.SOCK_STREAM,
    ai_flags: ffi.AI_NUMERICHOST,
  });
  assertStrictEquals(ffi.getaddrinfo("127.0.0.1", "80", hints, res), 0);
  const list = ffi.addrinfo.list(res[0]!);
  assertEquals(list.map(({ ai_family, ai_socktype }) => [ai_family, ai_socktype]), [
    [ffi.AF_INET, ffi.SOCK_STREAM],
  ]);
  const { sin_addr, sin_port } = ffi.sockaddr_in.read(list[0]!.ai_addr);
  assertEquals([sin_addr, sin_port], ["127.0.0.1", 80]);
  ffi.freeaddrinfo(res[0]!);
  assertThrows(() => ffi.freeaddrinfo(res[0]!), TypeError);
  assertThrows(() => ffi.addrinfo.list(res[0]!), TypeError);
  assertThrows(() => ffi.freeaddrinfo(0x1000n), TypeError);
  const code = ffi.getaddrinfo("not an address", null, hints, res);
  assertStrictEquals(code, ffi.EAI_NONAME);
  assertEquals([eaiName(code), ffi.gai_strerror(code)], [
    "EAI_NONAME",
    "Name or service not known",
  ]);
});

// ─── what is refused before the call ────────────────────────────────────────────────────────────

const NOT_INTS = [NaN, 0.5, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, Infinity];
const NOT_NUMBERS = ["1", null, undefined, {}, [], 1n, Symbol("1"), true] as unknown as number[];

/** Calls with one int that will be hostile and valid other arguments. */
function intCalls(pair: Pair, memory: Uint8Array): Record<string, (int: number) => unknown> {
  const fd = pair.left.fileno();
  const length = () => new Int32Array([16]);
  return {
    "close fd": (int) => ffi.close(int),
    "read fd": (int) => ffi.read(int, memory, 8),
    "read count": (int) => ffi.read(fd, memory, int),
    "write fd": (int) => ffi.write(int, memory, 8),
    "write count": (int) => ffi.write(fd, memory, int),
    "recv fd": (int) => ffi.recv(int, memory, 8, 0),
    "recv len": (int) => ffi.recv(fd, memory, int, 0),
    "recv flags": (int) => ffi.recv(fd, memory, 8, int),
    "recvfrom fd": (int) => ffi.recvfrom(int, memory, 8, 0, null, null),
    "recvfrom len": (int) => ffi.recvfrom(fd, memory, int, 0, null, null),
    "send fd": (int) => ffi.send(int, memory, 8, 0),
    "send len": (int) => ffi.send(fd, memory, int, 0),
    "send flags": (int) => ffi.send(fd, memory, 8, int),
    "sendto len": (int) => ffi.sendto(fd, memory, int, 0, null, 0),
    "sendto addrlen": (int) => ffi.sendto(fd, memory, 8, 0, memory, int),
    "bind fd": (int) => ffi.bind(int, memory, 16),
    "bind addrlen": (int) => ffi.bind(fd, memory, int),
    "connect addrlen": (int) => ffi.connect(fd, memory, int),
    "listen backlog": (int) => ffi.listen(fd, int),
    "accept fd": (int) => ffi.accept(int, null, null),
    "accept4 flags": (int) => ffi.accept4(fd, null, null, int),
    "getsockname fd": (int) => ffi.getsockname(int, memory, length()),
    "getpeername fd": (int) => ffi.getpeername(int, memory, length()),
    "getsockopt name": (int) => ffi.getsockopt(fd, 1, int, memory, length()),
    "setsockopt optlen": (int) => ffi.setsockopt(fd, 1, 2, memory, int),
    "shutdown how": (int) => ffi.shutdown(fd, int),
    "socket type": (int) => ffi.socket(1, int, 0),
    "socketpair domain": (int) => ffi.socketpair(int, 1, 0, memory),
    "fcntl cmd": (int) => ffi.fcntl(fd, int),
    "fcntl arg": (int) => ffi.fcntl(fd, ffi.F_GETFD, int),
    "eventfd flags": (int) => ffi.eventfd(0, int),
    "pipe2 flags": (int) => ffi.pipe2(memory, int),
    "dup3 newfd": (int) => ffi.dup3(fd, int, 0),
    "epoll_create1 flags": (int) => ffi.epoll_create1(int),
    "epoll_ctl epfd": (int) => ffi.epoll_ctl(int, 1, fd, memory),
    "epoll_ctl fd": (int) => ffi.epoll_ctl(fd, 1, int, memory),
    "epoll_wait maxevents": (int) => ffi.epoll_wait(fd, memory, int, 0),
    "epoll_wait timeout": (int) => ffi.epoll_wait(fd, memory, 1, int),
    "poll count": (int) => ffi.poll(memory, int, 0),
    "poll timeout": (int) => ffi.poll(memory, 0, int),
    "ppoll count": (int) => ffi.ppoll(memory, int, null),
    "select count": (int) => ffi.select(int, memory, null, null, memory),
    "inet_pton af": (int) => ffi.inet_pton(int, "::1", memory),
    "gai_strerror errcode": (int) => ffi.gai_strerror(int),
  };
}

for (const isWarm of [false, true]) {
  Deno.test(
    `Integers that C would bend are refused${isWarm ? ", in optimised callers too" : ""}`,
    onLinux,
    () => {
      using pair = new Pair();
      pair.left.setBlocking(false);
      const memory = new Uint8Array(64);
      for (const [name, call] of Object.entries(intCalls(pair, memory))) {
        // -1 is a valid int; no call takes it for a descriptor, a length, or a lasting setting.
        const warm = name.startsWith("close") || name.includes("fd") ? -1 : undefined;
        if (isWarm && warm !== undefined) { for (let i = 0; i < 20_000; i++) call(warm); }
        for (const int of NOT_INTS) assertThrows(() => call(int), RangeError, undefined, name);
        for (const int of NOT_NUMBERS) {
          if (int === undefined && name === "fcntl arg") continue; // is optional
          assertThrows(() => call(int), TypeError, undefined, name);
        }
      }
    },
  );
}

/** Memory with fewer than 16 usable bytes, and values that are not memory. */
function badMemories(): Record<string, unknown> {
  const detached = new Uint8Array(64);
  structuredClone(detached, { transfer: [detached.buffer] });
  const resizable = new ArrayBuffer(64, { maxByteLength: 64 });
  const shrunk = new Uint8Array(resizable, 0, 64);
  resizable.resize(4);
  const boastful = new Uint8Array(4);
  Object.defineProperty(boastful, "byteLength", { value: 1024 });
  Object.defineProperty(boastful, "length", { value: 1024 });
  class Boastful extends Uint8Array {
    override get byteLength() {
      return 1024;
    }
  }
  return {
    short: new Uint8Array(15),
    empty: new Uint8Array(0),
    detached,
    shrunk,
    boastful,
    subclass: new Boastful(4),
    pretender: Object.create(Uint8Array.prototype),
    proxy: new Proxy(new Uint8Array(64), {}),
    view: new DataView(new ArrayBuffer(64)),
    buffer: new ArrayBuffer(64),
    array: Array(64).fill(0),
    text: "memory of sixteen bytes",
    number: 4096,
    undefined,
  };
}

const memoryCalls: Record<string, (fd: number, memory: Memory) => unknown> = {
  read: (fd, memory) => ffi.read(fd, memory, 16),
  write: (fd, memory) => ffi.write(fd, memory, 16),
  recv: (fd, memory) => ffi.recv(fd, memory, 16, 0),
  recvfrom: (fd, memory) => ffi.recvfrom(fd, memory, 16, 0, null, null),
  "recvfrom address": (fd, memory) =>
    ffi.recvfrom(fd, new Uint8Array(1), 1, 0, memory, new Int32Array([16])),
  send: (fd, memory) => ffi.send(fd, memory, 16, 0),
  sendto: (fd, memory) => ffi.sendto(fd, memory, 16, 0, null, 0),
  "sendto address": (fd, memory) => ffi.sendto(fd, new Uint8Array(1), 1, 0, memory, 16),
  bind: (fd, memory) => ffi.bind(fd, memory, 16),
  connect: (fd, memory) => ffi.connect(fd, memory, 16),
  accept: (fd, memory) => ffi.accept(fd, memory, new Int32Array([16])),
  accept4: (fd, memory) => ffi.accept4(fd, memory, new Uint32Array([16]), 0),
  getsockname: (fd, memory) => ffi.getsockname(fd, memory, new Int32Array([16])),
  "getsockname, huge length": (fd) =>
    ffi.getsockname(fd, new Uint8Array(16), new Uint32Array([2 ** 32 - 1])),
  getpeername: (fd, memory) => ffi.getpeername(fd, memory, new Int32Array([16])),
  getsockopt: (fd, memory) => ffi.getsockopt(fd, 1, 2, memory, new Int32Array([16])),
  setsockopt: (fd, memory) => ffi.setsockopt(fd, 1, 2, memory, 16),
  poll: (_fd, memory) => ffi.poll(memory, 2, 0),
  ppoll: (_fd, memory) => ffi.ppoll(memory, 2, new Uint8Array(16)),
  "ppoll timeout": (_fd, memory) => ffi.ppoll(new Uint8Array(0), 0, memory),
  select: (_fd, memory) => ffi.select(65, memory, null, null, new Uint8Array(16)),
  "select writefds": (_fd, memory) => ffi.select(65, null, memory, null, new Uint8Array(16)),
  "select timeout": (_fd, memory) => ffi.select(0, null, null, null, memory),
  epoll_wait: (fd, memory) => ffi.epoll_wait(fd, memory, 2, 0),
  ...(ffi.has_epoll_pwait2() // musl has none
    ? {
      epoll_pwait2: (fd, memory) => ffi.epoll_pwait2(fd, memory, 2, new Uint8Array(16)),
      "epoll_pwait2 timeout": (fd, memory) => ffi.epoll_pwait2(fd, new Uint8Array(16), 1, memory),
    } satisfies typeof memoryCalls
    : {}),
  inet_pton: (_fd, memory) => ffi.inet_pton(ffi.AF_INET6, "::1", memory),
  inet_ntop: (_fd, memory) => ffi.inet_ntop(ffi.AF_INET6, memory),
};

for (const isWarm of [false, true]) {
  Deno.test(
    `Memory that is too small or none is refused${isWarm ? ", in optimised callers too" : ""}`,
    onLinux,
    () => {
      using pair = new Pair();
      pair.left.setBlocking(false);
      const good = new Uint8Array(64);
      for (const [name, call] of Object.entries(memoryCalls)) {
        if (isWarm && name !== "getsockname, huge length") {
          for (let i = 0; i < 20_000; i++) call(-1, good);
        }
        for (const [kind, memory] of Object.entries(badMemories())) {
          const error = assertThrows(
            () => call(pair.left.fileno(), memory as Memory),
            Error,
            undefined,
            `${name} took ${kind}`,
          );
          assert(
            error instanceof RangeError || error instanceof TypeError,
            `${name}, ${kind}: ${error}`,
          );
        }
      }
    },
  );
}

Deno.test(
  "epoll_ctl(), pipe() and socketpair() refuse memory smaller than what they read or write",
  onLinux,
  () => {
    using epoll = opened(ffi.epoll_create1(ffi.EPOLL_CLOEXEC));
    const short = new Uint8Array(ffi.epoll_event.size - 1);
    assertThrows(() => ffi.epoll_ctl(epoll.fd, ffi.EPOLL_CTL_ADD, 0, short), RangeError);
    assertThrows(() => ffi.pipe(new Int32Array(1)), RangeError);
    assertThrows(() => ffi.pipe2(new Uint8Array(7), 0), RangeError);
    assertThrows(() => ffi.socketpair(1, 1, 0, new Uint8Array(7)), RangeError);
  },
);

Deno.test("Value-result lengths must come with their memory, as 32-bit integers", () => {
  using pair = new Pair();
  const fd = pair.left.fileno();
  const memory = new Uint8Array(128);
  for (const length of [null, new Int32Array(0), new Uint8Array([128, 0, 0]), [128], 128]) {
    assert(refuses(() => ffi.getsockname(fd, memory, length as Int32Array)), String(length));
  }
  assert(refuses(() => ffi.getsockname(fd, memory, new Uint8Array([16, 0, 0, 0]) as never)));
  assertThrows(() => ffi.accept(fd, memory, null), TypeError);
  assertThrows(() => ffi.accept(fd, null, new Int32Array([16])), TypeError);
});

Deno.test("getaddrinfo() refuses names with a NUL, small results, and hints with pointers", () => {
  const res = new BigUint64Array(1);
  assertThrows(() => ffi.getaddrinfo("a\0b", null, null, res), TypeError);
  assertThrows(() => ffi.getaddrinfo(1 as unknown as string, null, null, res), TypeError);
  assertThrows(() => ffi.getaddrinfo("a", null, null, new BigUint64Array(0)), RangeError);
  assertThrows(() => ffi.getaddrinfo("a", null, new Uint8Array(47), res), RangeError);
  const hints = ffi.addrinfo.hints({});
  hints[ffi.addrinfo.offsets.ai_next] = 1;
  assertThrows(() => ffi.getaddrinfo("a", null, hints, res), TypeError);
});

Deno.test("fcntl() refuses the commands that take a pointer", () => {
  for (const command of [5, 6, 7, 15, 16, 36, 37, 38, 1035, 1036]) {
    assertThrows(() => ffi.fcntl(0, command, 4096), RangeError);
  }
});

Deno.test("No call writes beside the memory that it was given", () => {
  using pair = new Pair();
  const memory = new Uint8Array(96).fill(0xa5);
  const middle = memory.subarray(32, 64);
  pair.right.send(new Uint8Array(64).fill(1));
  assertStrictEquals(ffi.recv(pair.left.fileno(), middle, 32, 0), 32);
  const length = new Int32Array([middle.length]);
  assertStrictEquals(ffi.getsockname(pair.left.fileno(), middle, length), 0);
  const outside = memory.filter((_, i) => i < 32 || i >= 64);
  assertEquals(outside, new Uint8Array(64).fill(0xa5));
});

Deno.test("errno() is right after each of 100,000 failed calls, whatever is allocated between", () => {
  using pair = new Pair();
  pair.left.setBlocking(false);
  const fd = pair.left.fileno();
  const memory = new Uint8Array(8);
  let keep: unknown[] = [];
  for (let i = 0; i < 50_000; i++) {
    const first = ffi.close(-1) === -1 ? ffi.errno() : 0;
    const second = ffi.recv(fd, memory, 8, 0) === -1 ? ffi.errno() : 0;
    if (first !== NOT_OPEN || second !== EAGAIN) throw new Error(`${first}, ${second} at ${i}`);
    keep.push({ i, text: `${i}` });
    if (keep.length > 1000) keep = [];
  }
});

function refuses(call: () => unknown): boolean {
  try {
    call();
  } catch (error) {
    return error instanceof RangeError || error instanceof TypeError;
  }
  return false;
}

Deno.test("./ffi exports C's names, and none of the library's own helpers", () => {
  const internal = [
    "byteLength",
    "checkInt",
    "eaiName",
    "makeOsError",
    "msghdr",
    "SetHandleInformation",
    "tcpPair",
  ];
  assertEquals(internal.filter((name) => name in ffi), []);
});

Deno.test({
  name: "open() makes a file with the given mode, close-on-exec, and says why it cannot",
  ignore: Deno.build.os === "windows",
  fn() {
    const folder = Deno.makeTempDirSync();
    try {
      const path = `${folder}/a file`;
      const flags = ffi.O_RDWR | ffi.O_CREAT | ffi.O_EXCL | ffi.O_CLOEXEC | ffi.O_APPEND;
      const fd = ffi.open(path, flags, 0o600);
      assert(fd >= 0, `errno ${ffi.errno()}`);
      assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
      assertEquals(ffi.fcntl(fd, ffi.F_GETFD) & ffi.FD_CLOEXEC, ffi.FD_CLOEXEC);
      assertEquals(ffi.write(fd, new Uint8Array(3), 3), 3);
      assertEquals(Deno.statSync(path).size, 3);
      assertEquals(ffi.close(fd), 0);

      assertEquals(ffi.open(path, flags, 0o600), -1);
      assertEquals(ffi.errno(), ffi.EEXIST);
      assertEquals(ffi.open(path, ffi.O_RDONLY | ffi.O_DIRECTORY), -1);
      assertEquals(ffi.errno(), ffi.ENOTDIR);
      ffi.close(ffi.open(path, ffi.O_WRONLY | ffi.O_TRUNC));
      assertEquals(Deno.statSync(path).size, 0);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
    assertThrows(() => ffi.open("a\0b", ffi.O_RDONLY), TypeError, "NUL");
    assertThrows(() => ffi.open("a", 0.5), RangeError, "flags");
    assertThrows(() => ffi.open("a", 0, -1), RangeError, "mode");
  },
});

Deno.test("Options of IP, IPv6 and TCP that were set are read back under the same names", () => {
  const keepIdle = ffi.TCP_KEEPIDLE || ffi.TCP_KEEPALIVE;
  const options: [family: number, level: number, name: number, value: number][] = [
    [ffi.AF_INET, ffi.IPPROTO_IP, ffi.IP_TTL, 17],
    [ffi.AF_INET, ffi.IPPROTO_IP, ffi.IP_TOS, 16],
    [ffi.AF_INET6, ffi.IPPROTO_IPV6, ffi.IPV6_UNICAST_HOPS, 18],
    [ffi.AF_INET, ffi.IPPROTO_TCP, keepIdle, 19],
    [ffi.AF_INET, ffi.IPPROTO_TCP, ffi.TCP_KEEPINTVL, 20],
    [ffi.AF_INET, ffi.IPPROTO_TCP, ffi.TCP_KEEPCNT, 21],
  ];
  for (const [family, level, name, value] of options) {
    const fd = ffi.socket(family, ffi.SOCK_STREAM, 0);
    const found = new Int32Array(1);
    const set = ffi.setsockopt(fd, level, name, Int32Array.of(value), 4);
    const got = ffi.getsockopt(fd, level, name, found, Int32Array.of(4));
    assertEquals([set, got, found[0]], [0, 0, value], `level ${level}, option ${name}`);
    ffi.close(fd);
  }
});
