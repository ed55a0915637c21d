/** Addresses of every family: what the kernel hands out can be handed back. */

import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { type Address, type OtherAddress, Socket } from "../mod.ts";
import * as c from "../ffi/mod.ts";

const isLinux = Deno.build.os === "linux";
const onLinux = { ignore: !isLinux };
const onPosix = { ignore: Deno.build.os === "windows" };
const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function unixSocket(address?: Address): Socket {
  const socket = new Socket(c.AF_UNIX, c.SOCK_DGRAM);
  if (address !== undefined) socket.bind(address);
  return socket;
}

/** Whether the process may open packet and raw sockets. */
const mayOpenRaw = (() => {
  try {
    new Socket(c.AF_PACKET, c.SOCK_DGRAM).close();
    return isLinux;
  } catch {
    return false;
  }
})();

const ABSTRACT_NAMES = [
  "\0abstract",
  "\0with\0more\0",
  "\0\0",
  "\0" + "x".repeat(107),
  "\0ß€😀",
  "\0\ufeffmark",
  "\0\x1b[31m\n",
];

Deno.test("Abstract Unix names with anything in them are received and answered", onLinux, () => {
  using server = unixSocket({ path: `\0address-test-${Deno.pid}` });
  for (const path of ABSTRACT_NAMES) {
    using client = unixSocket({ path });
    assertEquals(client.localAddress, { path });
    client.sendTo(encode("question"), server.localAddress);
    const { data, address } = server.recvFrom(64)!;
    assertEquals([decode(data), address], ["question", { path }]);
    server.sendTo(encode("answer"), address);
    assertStrictEquals(decode(client.recv(64)!), "answer");
  }
});

const NOT_UTF8 = [
  [0, 0xff, 0xfe],
  [0, 0xc3, 0x28, 0, 0x80],
  [0, 0xed, 0xa0, 0x80], // a surrogate
  [0, ...new Uint8Array(107).fill(0xaa)],
];

Deno.test(
  "Abstract Unix names that are not UTF-8 keep their bytes, and are answered",
  onLinux,
  () => {
    using server = unixSocket({ path: `\0address-test-${Deno.pid}` });
    // The name that U+FFFD in place of the bytes would reach.
    using other = unixSocket({ path: "\0\ufffd\ufffd" });
    for (const bytes of NOT_UTF8) {
      const given: OtherAddress = { family: c.AF_UNIX, data: new Uint8Array(bytes) };
      using client = unixSocket(given);
      assertEquals(client.localAddress, given);
      client.sendTo(encode("question"), server.localAddress);
      const { address } = server.recvFrom(64)!;
      assertEquals(address, given);
      server.sendTo(encode("answer"), address);
      assertStrictEquals(decode(client.recv(64)!), "answer");
    }
    other.setBlocking(false);
    assertStrictEquals(other.recv(64), null);
  },
);

Deno.test("Paths that are not UTF-8 keep their bytes, and are answered", onLinux, () => {
  const folder = Deno.makeTempDirSync();
  using server = unixSocket({ path: `${folder}/server` });
  const data = new Uint8Array([...encode(`${folder}/`), 0xff, 0xfe]);
  {
    using client = unixSocket({ family: c.AF_UNIX, data });
    client.sendTo(encode("question"), server.localAddress);
    const { address } = server.recvFrom(64)!;
    assertEquals(address, { family: c.AF_UNIX, data });
    server.sendTo(encode("answer"), address);
    assertStrictEquals(decode(client.recv(64)!), "answer");
  }
  new Deno.Command("rm", { args: ["-r", folder] }).outputSync();
});

Deno.test("A path that fills sun_path can be handed back", onLinux, () => {
  const folder = Deno.makeTempDirSync();
  const data = encode(`${folder}/`.padEnd(108, "x"));
  using socket = unixSocket({ family: c.AF_UNIX, data });
  const address = socket.localAddress;
  assertEquals(address, { family: c.AF_UNIX, data });
  using client = unixSocket();
  client.sendTo(encode("hello"), address);
  assertStrictEquals(decode(socket.recv(64)!), "hello");
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("A Unix socket without a name has an empty path", onPosix, () => {
  using socket = unixSocket();
  assertEquals(socket.localAddress, { path: "" });
});

Deno.test(
  "A path with a NUL inside is refused, except in Linux's abstract namespace",
  onPosix,
  () => {
    using socket = unixSocket();
    for (const path of ["/tmp/a\0b", "a\0", ...(isLinux ? [] : ["\0name"])]) {
      assertThrows(() => socket.bind({ path }), TypeError, "NUL");
    }
    assertThrows(() => socket.bind({ path: "/tmp/\ud800" }), TypeError, "surrogate");
  },
);

Deno.test({
  name: "A packet socket receives packets with their link-level address, and can send there",
  ignore: !mayOpenRaw,
  fn() {
    using packets = new Socket(c.AF_PACKET, c.SOCK_DGRAM, 0x0008); // htons(ETH_P_IP)
    packets.setBlocking(false);
    using receiver = Socket.createServer({ hostname: "127.0.0.1", port: 0 }, {
      type: c.SOCK_DGRAM,
    });
    using sender = new Socket(c.AF_INET, c.SOCK_DGRAM);
    sender.sendTo(encode("hello"), receiver.localAddress);
    const { data, address } = packets.recvFrom(64)!;
    assert("data" in address && address.family === c.AF_PACKET);
    assertStrictEquals(data[0]! >> 4, 4); // an IPv4 header
    packets.sendTo(data, address);
    using bound = new Socket(c.AF_PACKET, c.SOCK_DGRAM);
    const local = bound.localAddress;
    assert("data" in local && local.family === c.AF_PACKET);
    bound.bind({ family: c.AF_PACKET, data: address.data.slice(0, 18) });
  },
});

Deno.test("A netlink socket talks to the kernel through OtherAddress", onLinux, () => {
  using netlink = new Socket(c.AF_NETLINK, c.SOCK_RAW);
  const kernel: OtherAddress = { family: c.AF_NETLINK, data: new Uint8Array(10) };
  netlink.bind(kernel);
  const own = netlink.localAddress;
  assert("data" in own && own.family === c.AF_NETLINK && own.data.length === 10);
  // struct nlmsghdr with struct rtgenmsg: RTM_GETLINK of all, rtnetlink(7)
  const request = new Uint8Array(20);
  const view = new DataView(request.buffer);
  view.setUint32(0, 17, true);
  view.setUint16(4, 18, true); // RTM_GETLINK
  view.setUint16(6, 0x301, true); // NLM_F_REQUEST | NLM_F_DUMP
  netlink.sendTo(request.subarray(0, 17), kernel);
  const { data, address } = netlink.recvFrom(65536)!;
  assertEquals(address, kernel);
  assertStrictEquals(new DataView(data.buffer).getUint16(4, true), 16); // RTM_NEWLINK
});

Deno.test("An internet address can be given as its bytes, too", () => {
  using receiver = Socket.createServer({ hostname: "127.0.0.1", port: 0 }, { type: c.SOCK_DGRAM });
  const { port } = receiver.localAddress as { port: number };
  using sender = new Socket(c.AF_INET, c.SOCK_DGRAM);
  const data = new Uint8Array(14);
  data.set([port >> 8, port & 255, 127, 0, 0, 1]);
  sender.sendTo(encode("hello"), { family: c.AF_INET, data });
  receiver.setBlocking(true);
  assertStrictEquals(decode(receiver.recv(64)!), "hello");
});

Deno.test("An address of another family than the socket's is a TypeError", () => {
  const other = (family: number) => ({ family, data: new Uint8Array(14) });
  using inet = new Socket(c.AF_INET, c.SOCK_DGRAM);
  for (const address of [other(c.AF_UNIX), other(0), other(c.AF_INET6), { path: "/tmp/x" }]) {
    assertThrows(() => inet.bind(address), TypeError);
    assertThrows(() => inet.connect(address), TypeError);
    assertThrows(() => inet.sendTo(encode("x"), address), TypeError);
  }
  if (!isLinux) return;
  using unix = unixSocket();
  for (const address of [other(c.AF_INET), { hostname: "127.0.0.1", port: 1 }]) {
    assertThrows(() => unix.bind(address), TypeError);
  }
  using netlink = new Socket(c.AF_NETLINK, c.SOCK_RAW);
  for (const address of [other(c.AF_INET), { path: "x" }, { hostname: "127.0.0.1", port: 1 }]) {
    assertThrows(() => netlink.bind(address), TypeError);
  }
});

Deno.test("Bytes that are too many are a RangeError, those that are too few the kernel's EINVAL", () => {
  using socket = new Socket(c.AF_INET, c.SOCK_DGRAM);
  for (const length of [127, 128, 4096]) {
    const data = new Uint8Array(length);
    assertThrows(() => socket.bind({ family: c.AF_INET, data }), RangeError, `${length} bytes`);
  }
  if (!isLinux) return;
  for (const length of [0, 1, 5]) {
    const data = new Uint8Array(length);
    assertThrows(() => socket.bind({ family: c.AF_INET, data }), Error, "EINVAL");
  }
});

Deno.test("Control characters of a name never reach a message raw", onLinux, () => {
  const path = "\0\x1b]0;title\x07\x1b[31m\r\n\x7f\x9b31m";
  // deno-lint-ignore no-control-regex
  const control = /[\x00-\x1f\x7f-\x9f]/;
  using socket = unixSocket({ path });
  using client = unixSocket();
  assertThrows(() => unixSocket({ path }), Deno.errors.AddrInUse);
  for (const use of [() => unixSocket({ path }), () => client.connect({ path: path + "x" })]) {
    const { message } = assertThrows(use, Error);
    assertFalse(control.test(message), message);
    assertMatch(message, /@\\x1b\]0;title/);
  }
  assertFalse(control.test(Deno.inspect(socket, { breakLength: Infinity })));
});
