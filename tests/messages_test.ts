/** sendMsg() and recvMsg(): descriptors, credentials, packet information, several buffers. */

import { assert, assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import { type ControlMessage, isOsError, type ReceivedMessage, Socket } from "../mod.ts";
import * as c from "../ffi/mod.ts";
import { isCloseOnExec, openDescriptors, Pair, tcpPair } from "./helpers/descriptors.ts";
import { hasCommand, path, Program, run } from "./helpers/programs.ts";

const isWindows = Deno.build.os === "windows";
const onPosix = { ignore: isWindows };
const onLinux = { ignore: Deno.build.os !== "linux" };
const NOT_OPEN = 60_000;
const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function closeAll(fds: readonly number[]): void {
  for (const fd of fds) c.close(fd);
}

/** Receives what must be there. */
function received(message: ReceivedMessage | null): ReceivedMessage {
  assert(message !== null);
  return message;
}

Deno.test("Several buffers are sent as one message, in order", onPosix, () => {
  using pair = new Pair(Socket.pair(c.SOCK_DGRAM));
  const buffers = ["one ", "", "two ", "three"].map(encode);
  assertStrictEquals(pair.left.sendMsg(buffers), 13);
  assertStrictEquals(pair.left.sendMsg(encode("single")), 6);
  assertStrictEquals(pair.left.sendMsg([]), 0);
  assertStrictEquals(decode(received(pair.right.recvMsg(64)).data), "one two three");
  assertStrictEquals(decode(received(pair.right.recvMsg(64)).data), "single");
  assertStrictEquals(received(pair.right.recvMsg(64)).data.length, 0);
});

Deno.test("A received message says all that there is to say", onPosix, () => {
  using pair = new Pair();
  pair.left.sendMsg(encode("hello"));
  assertEquals(pair.right.recvMsg(64), {
    data: encode("hello"),
    fds: [],
    control: [],
    truncated: false,
    controlTruncated: false,
  });
  pair.left.close();
  assertStrictEquals(received(pair.right.recvMsg(64)).data.length, 0);
});

Deno.test("sendMsg() and recvMsg() give null where they would block", onPosix, () => {
  using pair = new Pair();
  pair.left.setBlocking(false);
  pair.right.setBlocking(false);
  assertStrictEquals(pair.right.recvMsg(64), null);
  while (pair.left.send(new Uint8Array(65536)) !== null);
  assertStrictEquals(pair.left.sendMsg(encode("more"), { fds: [0] }), null);
});

Deno.test("Descriptors arrive as new ones for the same open files, close-on-exec", onPosix, () => {
  using pair = new Pair();
  using passed = new Pair();
  pair.left.sendMsg(encode("x"), { fds: [passed.left.fileno(), passed.right.fileno()] });
  const { data, fds, controlTruncated } = received(pair.right.recvMsg(9, { maxFds: 2 }));
  assertStrictEquals(decode(data), "x");
  assertStrictEquals(fds.length, 2);
  assert(!controlTruncated);
  assert(fds.every((fd) => isCloseOnExec(fd) && fd !== passed.left.fileno()));
  using left = Socket.fromFd(fds[0]!);
  using right = Socket.fromFd(fds[1]!);
  passed.left.send(encode("for the duplicate"));
  assertStrictEquals(decode(right.recv(64)!), "for the duplicate");
  left.send(encode("from the duplicate"));
  assertStrictEquals(decode(passed.right.recv(64)!), "from the duplicate");
});

Deno.test("Without options every descriptor of a message is received", onPosix, () => {
  using pair = new Pair();
  const fds = Array.from({ length: 100 }, () => 0);
  pair.left.sendMsg(encode("x"), { fds });
  const message = received(pair.right.recvMsg(9));
  assertEquals([message.fds.length, message.controlTruncated], [100, false]);
  closeAll(message.fds);
});

Deno.test("Descriptors beyond maxFds are closed, and controlTruncated says so", onPosix, () => {
  using pair = new Pair();
  const before = openDescriptors();
  for (const controlSize of [undefined, 0, 1, 16, 64, 4096]) {
    for (const maxFds of [0, 1, 2, 3, 4, 5, 6]) {
      pair.left.sendMsg(encode("x"), { fds: [0, 1, 2, 0, 1] });
      const options = controlSize === undefined ? { maxFds } : { maxFds, controlSize };
      const message = received(pair.right.recvMsg(9, options));
      const what = `maxFds ${maxFds}, controlSize ${controlSize}`;
      assertStrictEquals(message.fds.length, Math.min(maxFds, 5), what);
      assertStrictEquals(message.controlTruncated, maxFds < 5, what);
      assertStrictEquals(openDescriptors(), before + message.fds.length, what);
      closeAll(message.fds);
    }
  }
  assertStrictEquals(openDescriptors(), before);
});

Deno.test("A truncated datagram still brings its descriptors", onPosix, () => {
  using pair = new Pair(Socket.pair(c.SOCK_DGRAM));
  const before = openDescriptors();
  pair.left.sendMsg(encode("too long"), { fds: [0] });
  const { data, fds, truncated } = received(pair.right.recvMsg(3));
  assertEquals([decode(data), fds.length, truncated], ["too", 1, true]);
  closeAll(fds);
  assertStrictEquals(openDescriptors(), before);
});

Deno.test("With MSG_TRUNC the data are what was received, whatever was counted", onLinux, () => {
  using pair = new Pair(Socket.pair(c.SOCK_DGRAM));
  pair.left.sendMsg(encode("too long"));
  const { data, truncated } = received(pair.right.recvMsg(3, { flags: c.MSG_TRUNC }));
  assertEquals([decode(data), truncated], ["too", true]);
});

Deno.test("On a stream, descriptors travel with the first byte", onPosix, () => {
  using pair = new Pair();
  pair.left.send(encode("before"));
  pair.left.sendMsg(encode("with"), { fds: [0] });
  pair.left.send(encode("after"));
  let text = "";
  const counts: number[] = [];
  while (text.length < 15) {
    const { data, fds } = received(pair.right.recvMsg(64));
    closeAll(fds);
    text += decode(data);
    counts.push(fds.length);
  }
  assertStrictEquals(text, "beforewithafter");
  assertStrictEquals(counts.reduce((sum, count) => sum + count), 1);
});

Deno.test("Descriptors without a byte would be lost on a stream, and are refused", onPosix, () => {
  using pair = new Pair();
  for (const data of [new Uint8Array(), [], [new Uint8Array(), new Uint8Array()]]) {
    assertThrows(() => pair.left.sendMsg(data, { fds: [0] }), RangeError, "byte");
  }
  using datagrams = new Pair(Socket.pair(c.SOCK_DGRAM));
  datagrams.left.sendMsg([], { fds: [0] });
  const { fds } = received(datagrams.right.recvMsg(1));
  assertStrictEquals(fds.length, 1);
  closeAll(fds);
});

Deno.test(
  "What cannot be a descriptor is a RangeError, and what is not open EBADF",
  onPosix,
  () => {
    using pair = new Pair();
    const byte = new Uint8Array(1);
    for (const fd of [-1, 1.5, NaN, Infinity, 2 ** 31, -(2 ** 31)]) {
      assertThrows(() => pair.left.sendMsg(byte, { fds: [0, fd] }), RangeError, String(fd));
    }
    for (const fd of ["0", null, {}, 0n]) {
      assertThrows(() => pair.left.sendMsg(byte, { fds: [fd as unknown as number] }), TypeError);
    }
    const error = assertThrows(
      () => pair.left.sendMsg(byte, { fds: [NOT_OPEN] }),
      Deno.errors.BadResource,
    );
    assert(isOsError(error));
    assertEquals([error.code, error.syscall], ["EBADF", "sendmsg"]);
    pair.right.setBlocking(false);
    assertStrictEquals(pair.right.recvMsg(9), null); // nothing was sent
  },
);

Deno.test("Descriptors on a socket that is not AF_UNIX are a TypeError", onPosix, () => {
  using pair = tcpPair();
  assertThrows(() => pair.left.sendMsg(encode("x"), { fds: [0] }), TypeError, "Unix");
  assertStrictEquals(pair.left.sendMsg(encode("x"), { fds: [] }), 1);
  assertStrictEquals(decode(received(pair.right.recvMsg(9, { maxFds: 4 })).data), "x");
});

Deno.test({
  name: "On Windows sendMsg() and recvMsg() are NotSupported",
  ignore: !isWindows,
  fn() {
    using pair = new Pair();
    assertThrows(() => pair.left.sendMsg(encode("x"), { fds: [0] }), Deno.errors.NotSupported);
    assertThrows(() => pair.left.sendMsg(encode("x")), Deno.errors.NotSupported);
    assertThrows(() => pair.left.recvMsg(9), Deno.errors.NotSupported);
  },
});

Deno.test("Bad arguments are refused before anything is sent or received", onPosix, () => {
  using pair = new Pair();
  const { left, right } = pair;
  type Data = Uint8Array;
  for (const data of ["text", null, undefined, 5, {}, [1], ["x"], [null]]) {
    assertThrows(() => left.sendMsg(data as unknown as Data), TypeError);
  }
  const control = (message: unknown) => ({ control: [message as ControlMessage] });
  const data = new Uint8Array(4);
  for (const message of [{}, null, { level: 1, type: 1 }, { level: "1", type: 1, data }]) {
    assertThrows(() => left.sendMsg(encode("x"), control(message)), TypeError);
  }
  assertThrows(() => left.sendMsg(encode("x"), control({ level: 1.5, type: 1, data })), RangeError);
  for (const one of [5, { length: 1 }, null] as never[]) {
    assertThrows(() => left.sendMsg(encode("x"), { fds: one }), TypeError);
    assertThrows(() => left.sendMsg(encode("x"), { control: one }), TypeError);
  }
  assertThrows(() => left.sendMsg(encode("x"), { flags: NaN }), RangeError);
  assertThrows(
    () => left.sendMsg(encode("x"), { address: { hostname: "127.0.0.1", port: 1 } }),
    TypeError,
  );
  left.send(encode("kept"));
  for (const size of [-1, 1.5, NaN, 2 ** 31]) {
    assertThrows(() => right.recvMsg(size), RangeError);
    assertThrows(() => right.recvMsg(1, { maxFds: size }), RangeError);
    assertThrows(() => right.recvMsg(1, { controlSize: size }), RangeError);
    assertThrows(() => right.recvMsg(1, { flags: size === -1 ? 0.5 : size }), RangeError);
  }
  assertStrictEquals(decode(right.recv(9)!), "kept");
  left.close();
  assertThrows(() => left.sendMsg(encode("x")), Deno.errors.BadResource);
  assertThrows(() => left.recvMsg(1), Deno.errors.BadResource);
});

Deno.test("Credentials come as a control message where SO_PASSCRED asks for them", onLinux, () => {
  using pair = new Pair();
  pair.right.setOption(c.SOL_SOCKET, c.SO_PASSCRED, 1);
  pair.left.send(encode("x"));
  const { control } = received(pair.right.recvMsg(9));
  assertStrictEquals(control.length, 1);
  const [{ level, type, data }] = control as [ControlMessage];
  assertEquals([level, type, data.length], [c.SOL_SOCKET, c.SCM_CREDENTIALS, 12]);
  assertStrictEquals(new DataView(data.buffer).getInt32(0, true), Deno.pid);
  // The kernel takes them back, being true.
  pair.left.sendMsg(encode("y"), { control, fds: [0] });
  const both = received(pair.right.recvMsg(9));
  assertEquals([both.control, both.fds.length], [control, 1]);
  closeAll(both.fds);
});

Deno.test(
  "Control messages for which there is no room are discarded, which is told",
  onLinux,
  () => {
    using pair = new Pair();
    const before = openDescriptors();
    pair.right.setOption(c.SOL_SOCKET, c.SO_PASSCRED, 1);
    for (let controlSize = 0; controlSize < 64; controlSize++) {
      for (const maxFds of [0, 2]) {
        pair.left.sendMsg(encode("x"), { fds: [0, 1] });
        const message = received(pair.right.recvMsg(9, { controlSize, maxFds }));
        assert(message.fds.length <= maxFds);
        assertStrictEquals(openDescriptors(), before + message.fds.length);
        if (message.fds.length < 2) assert(message.controlTruncated);
        if (!message.controlTruncated) assertStrictEquals(message.control[0]!.data.length, 12);
        closeAll(message.fds);
      }
    }
  },
);

Deno.test("A UDP socket learns where each datagram was sent to, and from where", onLinux, () => {
  using receiver = Socket.createServer(
    { hostname: "127.0.0.1", port: 0 },
    { type: c.SOCK_DGRAM },
  );
  receiver.setOption(c.IPPROTO_IP, c.IP_PKTINFO, 1);
  using sender = new Socket(c.AF_INET, c.SOCK_DGRAM);
  sender.bind({ hostname: "127.0.0.1", port: 0 });
  const sent = sender.sendMsg([encode("to "), encode("you")], { address: receiver.localAddress });
  assertStrictEquals(sent, 6);
  const { data, control, address } = received(receiver.recvMsg(64));
  assertEquals([decode(data), address], ["to you", sender.localAddress]);
  assertEquals([control[0]!.level, control[0]!.type], [c.IPPROTO_IP, c.IP_PKTINFO]);
  assertEquals([...control[0]!.data.subarray(8, 12)], [127, 0, 0, 1]); // ipi_addr
});

Deno.test("An error of sendMsg() names the address", onPosix, () => {
  using sender = new Socket(c.AF_UNIX, c.SOCK_DGRAM);
  const error = assertThrows(() =>
    sender.sendMsg(encode("x"), { address: { path: "/no/such/socket" } })
  );
  assertMatch((error as Error).message, /^sendmsg \/no\/such\/socket: .*ENOENT/);
});

Deno.test("A Unix datagram's sender is told where it has a name", onPosix, () => {
  const folder = Deno.makeTempDirSync();
  using receiver = Socket.createServer({ path: `${folder}/r` }, { type: c.SOCK_DGRAM });
  using sender = new Socket(c.AF_UNIX, c.SOCK_DGRAM);
  sender.sendMsg(encode("x"), { address: receiver.localAddress });
  const nameless = received(receiver.recvMsg(9)).address;
  assert(nameless === undefined || "path" in nameless && nameless.path === "");
  sender.bind({ path: `${folder}/s` });
  sender.sendMsg(encode("x"), { address: receiver.localAddress });
  assertEquals(received(receiver.recvMsg(9)).address, { path: `${folder}/s` });
  Deno.removeSync(folder, { recursive: true });
});

Deno.test({
  name: "CPython's send_fds() and recv_fds() exchange descriptors with us",
  ignore: isWindows || !hasCommand("python3"),
  async fn() {
    const before = openDescriptors();
    {
      const folder = Deno.makeTempDirSync();
      using server = Socket.createServer({ path: `${folder}/socket` });
      const script = path("tests/fixtures/pass_fds.py");
      await using peer = new Program("python3", [script, `${folder}/socket`]);
      let peerSocket: Socket | undefined;
      for await (const connection of server) {
        peerSocket = connection;
        break;
      }
      using python = peerSocket!;
      python.setBlocking(true);
      // It sends a pipe's reading end, and what comes out of it.
      const first = received(python.recvMsg(64, { maxFds: 1 }));
      assertStrictEquals(decode(first.data), "from python");
      assertStrictEquals(first.fds.length, 1);
      const text = new Uint8Array(64);
      const count = c.read(first.fds[0]!, text, text.length);
      assertStrictEquals(decode(text.subarray(0, count)), "through the pipe");
      closeAll(first.fds);
      // It gets two ends, and writes into the first what it reads from the second.
      using pair = new Pair();
      using other = new Pair();
      python.sendMsg(encode("from deno"), { fds: [pair.left.fileno(), other.left.fileno()] });
      other.right.send(encode("there and back"));
      assertStrictEquals(decode(pair.right.recv(64)!), "from deno 2: there and back");
      assertStrictEquals(await peer.code(), 0);
      Deno.removeSync(folder, { recursive: true });
    }
    assertStrictEquals(openDescriptors(), before);
  },
});

Deno.test("Descriptors that nobody receives leak nothing", onPosix, () => {
  const before = openDescriptors();
  {
    using pair = new Pair();
    const fds = Array.from({ length: 50 }, () => 0);
    for (let i = 0; i < 20; i++) {
      pair.left.sendMsg(encode("abc"), { fds });
      const message = received(pair.right.recvMsg(1, { maxFds: i * 3 }));
      assertStrictEquals(message.fds.length, Math.min(i * 3, 50));
      closeAll(message.fds);
      assertStrictEquals(decode(pair.right.recv(9)!), "bc");
    }
    pair.left.sendMsg(encode("with recv()"), { fds });
    pair.right.recv(64);
    pair.left.sendMsg(encode("never received"), { fds });
  }
  assertStrictEquals(openDescriptors(), before);
});

Deno.test({
  name: "Out of descriptors, recvMsg() gives those that still fit, and tells of the others",
  ignore: Deno.build.os !== "linux" || !hasCommand("prlimit"),
  async fn() {
    const program = path("tests/fixtures/receive_exhausted.ts");
    const { code, stdout, stderr } = await run("prlimit", [
      "--nofile=64",
      Deno.execPath(),
      "run",
      "-A",
      program,
    ]);
    assertEquals([code, stdout.trim()], [0, "fits: true, told: true, leaked: 0"], stderr);
  },
});
