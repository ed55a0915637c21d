/** sendmsg(), recvmsg() and the codec of control messages on real sockets, and what they refuse. */

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import * as c from "../ffi/mod.ts";
import { openDescriptors } from "./helpers/descriptors.ts";
import { unlessLeftOut } from "./helpers/left_out.ts";

const isWindows = Deno.build.os === "windows";
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (text: string) => new TextEncoder().encode(text);

/** A test on a pair of connected AF_UNIX sockets; it must leave no descriptor open. */
function test(name: string, fn: (left: number, right: number) => void, type?: () => number): void {
  Deno.test({
    ...(isWindows
      ? { name: `${name} (left out: Windows has no sendmsg)`, ignore: true }
      : unlessLeftOut(name)),
    fn() {
      const pair = new Int32Array(2);
      assertEquals(c.socketpair(c.AF_UNIX, type?.() ?? c.SOCK_STREAM, 0, pair), 0);
      try {
        fn(pair[0]!, pair[1]!);
      } finally {
        pair.forEach((fd) => c.close(fd));
      }
    },
  });
}

const datagrams = () => c.SOCK_DGRAM;

function rights(...fds: number[]): c.Cmsghdr {
  const cmsg_data = new Uint8Array(Int32Array.from(fds).buffer);
  return { cmsg_level: c.SOL_SOCKET, cmsg_type: c.SCM_RIGHTS, cmsg_data };
}

/** The descriptors that a message brought. */
function descriptorsIn({ msg_control, msg_controllen }: c.Msghdr): number[] {
  return c.cmsghdr.read(msg_control as Uint8Array, msg_controllen)
    .flatMap(({ cmsg_data }) => [...new Int32Array(cmsg_data.buffer, 0, cmsg_data.length >> 2)]);
}

test(
  "sendmsg() gathers several arrays, empty ones too, and recvmsg() scatters them",
  (left, right) => {
    const data = new Uint8Array(100).fill(120);
    const sent = c.sendmsg(left, { msg_iov: [bytes("hello "), bytes(""), data.subarray(3, 8)] }, 0);
    assertEquals(sent, 11);
    const msg_iov = [new Uint8Array(2), new Uint8Array(0), new Uint8Array(200).subarray(100)];
    const msg: c.Msghdr = { msg_iov };
    assertEquals(c.recvmsg(right, msg, 0), 11);
    assertEquals(text(msg_iov[0]!), "he");
    assertEquals(text(msg_iov[2]!.subarray(0, 9)), "llo xxxxx");
    assertEquals([msg.msg_namelen, msg.msg_controllen], [0, 0]);
  },
);

test("Arrays of every element type and shared memory are sent and received", (left, right) => {
  const shared = new Uint8Array(new SharedArrayBuffer(8));
  const msg_iov = [Int32Array.of(1, -2), BigUint64Array.of(3n), shared.fill(9)];
  assertEquals(c.sendmsg(left, { msg_iov }, 0), 24);
  const [ints, words, copy] = [new Int32Array(2), new BigUint64Array(1), new Uint8Array(8)];
  assertEquals(c.recvmsg(right, { msg_iov: [ints, words, copy] }, 0), 24);
  assertEquals([...ints, ...words, ...copy], [1, -2, 3n, ...shared]);
});

test("Small arrays stay in place while V8 collects garbage between the calls", (left, right) => {
  for (let round = 0; round < 2000; round++) {
    const sent = Uint8Array.of(round, round >> 8, 7);
    const received = new Uint8Array(3);
    const garbage = Array.from({ length: 100 }, () => new Uint8Array(32));
    assertEquals(c.sendmsg(left, { msg_iov: [sent] }, 0), 3);
    assertEquals(c.recvmsg(right, { msg_iov: [received] }, 0), 3);
    assertEquals(received, sent);
    assertEquals(garbage.length, 100);
  }
});

test(
  "A descriptor travels in SCM_RIGHTS and arrives close-on-exec with MSG_CMSG_CLOEXEC",
  (left, right) => {
    const msg_control = c.cmsghdr.write([rights(left, right)]);
    assertEquals(c.sendmsg(left, { msg_iov: [bytes("x")], msg_control }, 0), 1);
    const msg: c.Msghdr = {
      msg_iov: [new Uint8Array(1)],
      msg_control: new Uint8Array(c.CMSG_SPACE(4 * 4)),
    };
    assertEquals(c.recvmsg(right, msg, c.MSG_CMSG_CLOEXEC), 1);
    const [first, second] = descriptorsIn(msg) as [number, number];
    assertNotEquals(first, left);
    if (c.MSG_CMSG_CLOEXEC !== 0) {
      assertEquals(c.fcntl(first, c.F_GETFD) & c.FD_CLOEXEC, c.FD_CLOEXEC);
    }
    assertEquals(c.write(first, bytes("hello"), 5), 5);
    const buffer = new Uint8Array(5);
    assertEquals(c.read(second, buffer, 5), 5);
    assertEquals(text(buffer), "hello");
    for (const fd of [first, second]) assertEquals(c.close(fd), 0);
  },
);

test("Control data that do not fit are cut, and msg_flags has MSG_CTRUNC", (left, right) => {
  const before = openDescriptors();
  const msg_control = c.cmsghdr.write([rights(left, left, left, left)]);
  c.sendmsg(left, { msg_iov: [bytes("x")], msg_control }, 0);
  const msg: c.Msghdr = {
    msg_iov: [new Uint8Array(1)],
    msg_control: new Uint8Array(c.CMSG_LEN(8)),
  };
  assertEquals(c.recvmsg(right, msg, 0), 1);
  assertEquals(msg.msg_flags! & c.MSG_CTRUNC, c.MSG_CTRUNC);
  const fds = descriptorsIn(msg);
  assertEquals(fds.length, 2);
  fds.forEach((fd) => assertEquals(c.close(fd), 0));
  assertEquals(openDescriptors(), before);
});

test("A datagram that does not fit is cut, and msg_flags has MSG_TRUNC", (left, right) => {
  c.sendmsg(left, { msg_iov: [bytes("hello"), bytes("world")] }, 0);
  const msg: c.Msghdr = { msg_iov: [new Uint8Array(4), new Uint8Array(4)] };
  assertEquals(c.recvmsg(right, msg, 0), 8);
  assertEquals(msg.msg_flags! & c.MSG_TRUNC, c.MSG_TRUNC);
}, datagrams);

test("recvmsg() tells the sender's address, and sendmsg() answers with the same object", () => {
  const fds = [0, 1].map(() => c.socket(c.AF_INET, c.SOCK_DGRAM, 0)) as [number, number];
  const [server, client] = fds;
  const address = new Uint8Array(c.sockaddr_in.size);
  const any = { sin_family: c.AF_INET, sin_port: 0, sin_addr: "127.0.0.1" };
  c.sockaddr_in.write(address, any);
  assertEquals(c.bind(server, address, address.length), 0);
  c.getsockname(server, address, Int32Array.of(address.length));
  assertEquals(c.sendmsg(client, { msg_name: address, msg_iov: [bytes("ping")] }, 0), 4);

  const msg: c.Msghdr = {
    msg_name: new Uint8Array(c.sockaddr_storage.size),
    msg_iov: [new Uint8Array(4)],
    msg_control: new Uint8Array(64),
  };
  assertEquals(c.recvmsg(server, msg, 0), 4);
  assertEquals(msg.msg_namelen, c.sockaddr_in.size);
  assertEquals(c.sockaddr_in.read(msg.msg_name as Uint8Array).sin_addr, "127.0.0.1");
  assertEquals(c.sendmsg(server, msg, 0), 4);
  assertEquals(c.recvmsg(client, msg, 0), 4, "its room is again all of msg_name");
  fds.forEach((fd) => c.close(fd));
});

test("A failed recvmsg() returns -1, and errno() says why", (left) => {
  const msg: c.Msghdr = { msg_iov: [new Uint8Array(1)] };
  assertEquals(c.recvmsg(left, msg, c.MSG_DONTWAIT), -1);
  assertEquals(c.errno(), c.EAGAIN);
  assertEquals(c.sendmsg(-1, msg, 0), -1);
  assertEquals(c.errno(), c.EBADF);
});

test("What could make the kernel read or write elsewhere is refused before the call", (left) => {
  const transferred = new Uint8Array(8);
  transferred.buffer.transfer();
  const shrunk = new Uint8Array(new ArrayBuffer(8, { maxByteLength: 8 }), 4, 4);
  (shrunk.buffer as ArrayBuffer).resize(0);
  const data = new Uint8Array(8);
  const msg_iov = [data];
  const many = Array.from({ length: 1025 }, () => data);
  const half = new Uint8Array(2 ** 30);
  const wrong: [msg: unknown, error: typeof TypeError | typeof RangeError, says: string][] = [
    [{ msg_iov: data }, TypeError, "msg_iov must be an array of typed arrays"],
    [{ msg_iov: [data, "text"] }, TypeError, "msg_iov[1] must be a typed array"],
    [{ msg_iov: [new Proxy(data, {})] }, TypeError, "msg_iov[0] must be a typed array"],
    [{ msg_iov: [data, transferred] }, TypeError, "msg_iov[1] is detached"],
    [{ msg_iov: [shrunk] }, TypeError, "msg_iov[0] is detached"],
    [{ msg_iov: many }, RangeError, "at most 1024 arrays"],
    [{ msg_iov: [half, half] }, RangeError, "the size of msg_iov"],
    [{ msg_iov, msg_name: 5 }, TypeError, "msg_name must be a typed array"],
    [{ msg_iov, msg_name: transferred }, TypeError, "msg_name is detached"],
    [{ msg_iov, msg_control: transferred }, TypeError, "msg_control is detached"],
  ];
  for (const [msg, error, says] of wrong) {
    assertThrows(() => c.sendmsg(left, msg as c.Msghdr, 0), error, says);
    assertThrows(() => c.recvmsg(left, msg as c.Msghdr, c.MSG_DONTWAIT), error, says);
  }
  const lengths = { msg_iov, msg_name: data, msg_control: data };
  for (const length of [9, -1, 0.5, NaN, 2 ** 32]) {
    assertThrows(() => c.sendmsg(left, { ...lengths, msg_namelen: length }, 0), RangeError);
    assertThrows(() => c.sendmsg(left, { ...lengths, msg_controllen: length }, 0), RangeError);
  }
  assertThrows(() => c.sendmsg(NaN, { msg_iov }, 0), RangeError, "sockfd");
  assertThrows(() => c.recvmsg(left, { msg_iov }, 0.5), RangeError, "flags");
});

test("Lengths are taken after the code of msg's owner has run", (left) => {
  const data = new Uint8Array(4096);
  const detach = () => {
    if (data.length > 0) data.buffer.transfer();
    return 0;
  };
  const proxy = new Proxy([data, data], {
    get: (target, key) => key === "1" ? (detach(), data) : Reflect.get(target, key),
  });
  assertThrows(() => c.sendmsg(left, { msg_iov: proxy }, 0), TypeError, "msg_iov[0] is detached");

  const other = new Uint8Array(4096);
  const msg = {
    msg_iov: [other],
    set msg_flags(_: number) {
      if (other.length > 0) other.buffer.transfer();
    },
  };
  assertThrows(() => c.recvmsg(left, msg, c.MSG_DONTWAIT), TypeError, "msg_iov[0] is detached");
});

test("recvmsg() refuses a frozen msg before it receives anything", (left, right) => {
  c.sendmsg(left, { msg_iov: [bytes("x")] }, 0);
  const msg = { msg_iov: [new Uint8Array(1)] };
  assertThrows(() => c.recvmsg(right, Object.freeze({ ...msg }), 0), TypeError);
  assertEquals(c.recvmsg(right, msg, c.MSG_DONTWAIT), 1);
});

test(
  "A sink that sends messages of its own does not change what recvmsg() reports",
  (left, right) => {
    const msg_control = c.cmsghdr.write([rights(left)]);
    c.sendmsg(left, { msg_iov: [bytes("hello")], msg_control }, 0);
    const lines: string[] = [];
    const msg: c.Msghdr = {
      msg_iov: [new Uint8Array(2), new Uint8Array(3)],
      msg_control: new Uint8Array(c.CMSG_SPACE(4)),
    };
    {
      using _ = c.traceSyscalls((call) => {
        lines.push(`${call}`);
        c.sendmsg(-1, { msg_iov: [bytes("another"), bytes("message")] }, 0);
        c.recvmsg(left, { msg_iov: Array.from({ length: 99 }, () => bytes("x")) }, c.MSG_DONTWAIT);
      });
      assertEquals(c.recvmsg(right, msg, 0), 5);
    }
    assertEquals(msg.msg_controllen, c.CMSG_SPACE(4));
    const fds = descriptorsIn(msg);
    assertEquals(lines, [
      `recvmsg(${right}, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="he", iov_len=2}, ` +
      `{iov_base="llo", iov_len=3}], msg_iovlen=2, msg_control=[{cmsg_len=${c.CMSG_LEN(4)}, ` +
      `cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[${fds}]}], ` +
      `msg_controllen=${c.CMSG_SPACE(4)}, msg_flags=0}, 0) = 5`,
    ]);
    fds.forEach((fd) => c.close(fd));
  },
);

test("sendmsg() refuses control data that cmsghdr.write() would not make", (left) => {
  const send = (msg_control: Uint8Array) => c.sendmsg(left, { msg_iov: [], msg_control }, 0);
  const good = c.cmsghdr.write([rights(left), rights(left)]);
  const changed = (at: number, byte: number) => good.with(at, byte);
  const second = c.CMSG_SPACE(4);
  for (
    const control of [
      good.subarray(0, 3), // no header
      good.subarray(0, second + 5), // no second header
      changed(0, 0), // a length without end
      changed(0, c.CMSG_LEN(0) - 1),
      changed(0, 0xff), // further than all
      changed(second + 3, 0xff), // near 2^32
    ]
  ) {
    assertThrows(() => send(control), RangeError, "msg_control is malformed");
  }
});

test("sendmsg() refuses what would let the kernel use memory after the call, or other memory", (left) => {
  if (Deno.build.os !== "linux") return;
  const msg_iov = [new Uint8Array(1)];
  assertThrows(() => c.sendmsg(left, { msg_iov }, 0x4000000), RangeError, "MSG_ZEROCOPY");
  const msg_control = c.cmsghdr.write([
    { cmsg_level: 276, cmsg_type: 1, cmsg_data: new Uint8Array(48) },
  ]);
  assertThrows(() => c.sendmsg(left, { msg_iov, msg_control }, 0), RangeError, "hold pointers");
});

Deno.test("cmsghdr.read() reads what cmsghdr.write() wrote, with data of every length", () => {
  const messages = Array.from({ length: 20 }, (_, size) => ({
    cmsg_level: size - 2,
    cmsg_type: 7 - size,
    cmsg_data: new Uint8Array(size).fill(size),
  }));
  const memory = c.cmsghdr.write(messages);
  assertEquals(memory.length, messages.reduce((sum, _, size) => sum + c.CMSG_SPACE(size), 0));
  assertEquals(c.cmsghdr.read(memory), messages);
  assertEquals(c.cmsghdr.write([]), new Uint8Array());
  assertEquals(c.cmsghdr.read(new Uint8Array()), []);
});

Deno.test("cmsghdr.read() returns copies", () => {
  const memory = c.cmsghdr.write([rights(1)]);
  const [message] = c.cmsghdr.read(memory);
  memory.fill(0);
  assertEquals(message!.cmsg_data, new Uint8Array(Int32Array.of(1).buffer));
});

Deno.test("cmsghdr.read() stays within any bytes, and always ends", () => {
  let seed = 1;
  const random = () => (seed = Math.imul(seed, 48271) >>> 1) & 0xff;
  for (let round = 0; round < 20_000; round++) {
    const size = random() & 63;
    const memory = Uint8Array.from({ length: 96 }, (_, i) => i % 4 > 0 ? 0 : random() & 31);
    const messages = c.cmsghdr.read(memory.subarray(16, 16 + size));
    assert(messages.reduce((sum, { cmsg_data }) => sum + cmsg_data.length, 0) <= size);
  }
  const endless = new Uint8Array(64);
  endless[0] = 0xff;
  endless[3] = 0xff;
  assertEquals(c.cmsghdr.read(endless)[0]!.cmsg_data.length, 64 - c.CMSG_LEN(0));
});

Deno.test("cmsghdr.write() and read() refuse what is no message", () => {
  const cmsg_data = new Uint8Array(4);
  const write = (message: unknown) => c.cmsghdr.write([message as c.Cmsghdr]);
  assertThrows(() => write({ cmsg_level: 0.5, cmsg_type: 0, cmsg_data }), RangeError, "cmsg_level");
  assertThrows(() => write({ cmsg_level: 0, cmsg_type: "1", cmsg_data }), TypeError, "cmsg_type");
  assertThrows(() => write({ cmsg_level: 0, cmsg_type: 0 }), TypeError, "cmsg_data");
  cmsg_data.buffer.transfer();
  assertThrows(() => write({ cmsg_level: 0, cmsg_type: 0, cmsg_data }), TypeError, "detached");
  assertThrows(() => c.cmsghdr.read(new Uint8Array(8), 9), RangeError);
  assertThrows(() => c.CMSG_SPACE(-1), RangeError, "length");
});

Deno.test({
  name: "sendmsg(), recvmsg() and open() are NotSupported on Windows",
  ignore: !isWindows,
  fn() {
    const msg = { msg_iov: [] };
    assertThrows(() => c.sendmsg(0, msg, 0), Deno.errors.NotSupported, "sendmsg");
    assertThrows(() => c.recvmsg(0, msg, 0), Deno.errors.NotSupported, "recvmsg");
    assertThrows(() => c.open("x", 0), Deno.errors.NotSupported, "open");
  },
});
