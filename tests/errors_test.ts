/** OS errors: the class, message and fields for each errno, and values that are no OS error. */

import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { makeOsError } from "../ffi/errno.ts";
import { errnoName, errnoNumber, osError, strerror } from "../ffi/mod.ts";
import { isOsError, Socket } from "../mod.ts";
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
