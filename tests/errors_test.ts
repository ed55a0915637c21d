/** OS errors: the class, message and fields for each errno, and values that are no OS error. */

import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { makeOsError } from "../ffi/errno.ts";
import {
  AF_UNIX,
  errnoName,
  errnoNumber,
  osError,
  SOCK_DGRAM,
  sockaddr_in,
  strerror,
} from "../ffi/mod.ts";
import { isOsError, KqueueSelector, Socket } from "../mod.ts";
import "./helpers/descriptors.ts";

/** The errnos that have a Deno error class. The others are plain Error. */
const CLASSES: Record<string, new (message: string) => Error> = {
  EPERM: Deno.errors.PermissionDenied,
  EACCES: Deno.errors.PermissionDenied,
  ENOENT: Deno.errors.NotFound,
  EINTR: Deno.errors.Interrupted,
  EBADF: Deno.errors.BadResource,
  EAGAIN: Deno.errors.WouldBlock,
  EBUSY: Deno.errors.Busy,
  EEXIST: Deno.errors.AlreadyExists,
  EPIPE: Deno.errors.BrokenPipe,
  ENOSYS: Deno.errors.NotSupported,
  EADDRINUSE: Deno.errors.AddrInUse,
  EADDRNOTAVAIL: Deno.errors.AddrNotAvailable,
  ENETUNREACH: Deno.errors.NetworkUnreachable,
  ECONNABORTED: Deno.errors.ConnectionAborted,
  ECONNRESET: Deno.errors.ConnectionReset,
  ENOTCONN: Deno.errors.NotConnected,
  ETIMEDOUT: Deno.errors.TimedOut,
  ECONNREFUSED: Deno.errors.ConnectionRefused,
  EMFILE: Error,
  ENOSPC: Error,
  ENOBUFS: Error,
  EINVAL: Error,
};

for (const [code, ErrorClass] of Object.entries(CLASSES)) {
  const number = errnoNumber(code);
  const name = `${code} is ${ErrorClass.name}, with code, errno and syscall`;
  const isWinsock = Deno.build.os === "windows"; // which has the errnos of sockets only
  Deno.test({ name, ignore: isWinsock && number === -1 }, () => {
    assert(number > 0);
    const error = osError("recv", 7, number);
    assertStrictEquals(error.constructor, ErrorClass);
    assertInstanceOf(error, Error);
    assertEquals([error.code, error.errno, error.syscall], [code, number, "recv"]);
    assertEquals(error.message, `recv 7: ${strerror(number)} (${code} ${number})`);
    assert(isOsError(error));
  });
}

Deno.test("An OS error without a subject names the call alone", () => {
  const number = errnoNumber("EMFILE");
  assertEquals(
    osError("socket", "", number).message,
    `socket: Too many open files (EMFILE ${number})`,
  );
});

Deno.test("An errno without a name still has a code, a sentence and the number", () => {
  const error = osError("recv", 7, 9999);
  assertEquals([error.code, error.errno], ["E9999", 9999]);
  assertEquals(error.message, "recv 7: Unknown error 9999 (E9999 9999)");
  assertEquals([errnoName(9999), errnoNumber("ENONSENSE")], ["E9999", -1]);
});

Deno.test("A sentence of its own keeps the class and the fields", () => {
  const error = makeOsError("a sentence", "epoll_ctl", "EPERM", 1);
  assertInstanceOf(error, Deno.errors.PermissionDenied);
  assertEquals([error.message, error.code, error.errno, error.syscall], [
    "a sentence",
    "EPERM",
    1,
    "epoll_ctl",
  ]);
});

Deno.test("The errno is the one of the call that failed, though an error object is made of it", () => {
  using socket = new Socket();
  for (let i = 0; i < 10_000; i++) {
    try {
      socket.remoteAddress;
      throw new Error("connected to nothing");
    } catch (error) {
      assert(isOsError(error) && error.code === "ENOTCONN", String(error));
    }
  }
});

Deno.test("isOsError() knows its own, also from another realm's shape, and nothing else", () => {
  assert(isOsError(Object.assign(new Error(), { code: "EPIPE", errno: 32, syscall: "write" })));
  for (
    const other of [
      new Error("EPIPE"),
      Object.assign(new Error(), { code: "EPIPE" }),
      Object.assign(new Error(), { code: 32, errno: 32, syscall: "write" }),
      { code: "EPIPE", errno: 32, syscall: "write" },
      "EPIPE",
      32,
      null,
      undefined,
    ]
  ) assert(!isOsError(other), Deno.inspect(other));
});

// What a peer may put into a name, and a terminal would obey: CSI, OSC, C1, a line of its own, text
// that runs the other way.
const HOSTILE = "x\x1b[2J\x1b]0;title\x07\r\nfake: line\x9b31m\x7f\u202egnp.exe\u2028";
// deno-lint-ignore no-control-regex
const RAW = /[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]/;

Deno.test("Control characters in a message are escaped, whoever chose them", () => {
  const thrown: unknown[] = [
    osError("connect", `@${HOSTILE}`, errnoNumber("ECONNREFUSED")),
    makeOsError(`getaddrinfo ${HOSTILE}`, "getaddrinfo", "EAI_NONAME", -2),
  ];
  const attempt = (call: () => unknown) => {
    try {
      call();
      thrown.push(undefined);
    } catch (error) {
      thrown.push(error);
    }
  };
  using socket = new Socket();
  if (!Deno.env.has("SELECTORS_EMULATOR")) { // musl asks a name server for such a name
    attempt(() => socket.bind({ hostname: HOSTILE, port: 0 }));
    attempt(() => socket.connect({ hostname: HOSTILE, port: 1 }));
  }
  attempt(() => new KqueueSelector({ library: HOSTILE }));
  attempt(() =>
    sockaddr_in.write(new Uint8Array(16), { sin_family: 2, sin_port: 0, sin_addr: HOSTILE })
  );
  if (Deno.build.os !== "windows") {
    using local = new Socket(AF_UNIX);
    attempt(() => local.bind({ path: `/nowhere/${HOSTILE}` }));
    if (Deno.build.os === "linux") attempt(() => local.connect({ path: `\0${HOSTILE}` }));
    attempt(() => local.connect({ path: `/${HOSTILE}` }));
  }
  for (const error of thrown) {
    assert(error instanceof Error);
    assertEquals(RAW.exec(error.message), null, JSON.stringify(error.message));
    assert(error.message.includes("\\x1b[2J"), error.message);
    assert(error.message.includes("\\x9b31m\\x7f\\u202egnp"), error.message);
  }
});

Deno.test("A message that is escaped twice is escaped once", () => {
  const { message } = makeOsError("\x1b\\x1b", "recv", "EINVAL", 22);
  assertEquals(message, "\\x1b\\x1b");
  assertEquals(makeOsError(message, "recv", "EINVAL", 22).message, message);
});

Deno.test({
  name: "The abstract name of a peer reaches no message and no console.log() raw",
  ignore: Deno.build.os !== "linux",
  fn() {
    using left = new Socket(AF_UNIX, SOCK_DGRAM);
    using right = new Socket(AF_UNIX, SOCK_DGRAM);
    left.bind({ path: `\0selectors-${Deno.pid}${HOSTILE}` });
    right.bind({ path: `\0selectors-${Deno.pid}` });
    left.sendTo(new Uint8Array([1]), right.localAddress);
    const { address } = right.recvFrom(16)!;
    left.close();
    right.setBlocking(false);
    let message = "";
    try {
      right.sendTo(new Uint8Array([2]), address);
    } catch (error) {
      message = (error as Error).message;
    }
    assert(message.startsWith("sendto @selectors-"), message);
    assertEquals(RAW.exec(message), null);
    using named = new Socket(AF_UNIX, SOCK_DGRAM);
    named.bind({ path: `\0selectors-${Deno.pid}${HOSTILE}` });
    // deno-lint-ignore no-control-regex
    assertEquals(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.exec(Deno.inspect(named)), null);
  },
});

Deno.test("An error code that is no errno makes a plain error", () => {
  for (const code of ["toString", "constructor", "__proto__"]) {
    assertStrictEquals(makeOsError("no errno", "recv", code, 1).constructor, Error);
  }
});
