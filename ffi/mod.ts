/**
 * libc as it is: the calls under their C names, with C arguments and C results (-1 on failure, and {@linkcode errno} says why); the
 * platform's constants; the layouts of the structs. No policy: what the man page says is what happens. A call throws only for
 * arguments that could corrupt memory or reach the wrong descriptor.
 *
 * @example A pipe, by hand
 * ```ts
 * import { close, O_CLOEXEC, osError, pipe2, read, write } from "@syscall/selectors/ffi";
 *
 * const fds = new Int32Array(2);
 * if (pipe2(fds, O_CLOEXEC) === -1) throw osError("pipe2", "");
 * const [reader, writer] = fds as unknown as [number, number];
 * write(writer, new TextEncoder().encode("hello"), 5);
 * const buffer = new Uint8Array(16);
 * console.log(read(reader, buffer, buffer.length)); // 5
 * close(reader);
 * close(writer);
 * ```
 *
 * @module
 */

export { byteLength, checkInt, type Memory } from "./arguments.ts";
export * from "./constants.ts";
export * from "./epoll.ts";
export {
  errnoName,
  errnoNumber,
  isOsError,
  makeOsError,
  type OsError,
  osError,
  strerror,
} from "./errno.ts";
export { type Kevent, kevent, kqueue, type KqueueCalls, libkqueue } from "./kqueue.ts";
export { errno } from "./libc.ts";
export * from "./netdb.ts";
export { isPlatformWith } from "./platform.ts";
export * from "./poll.ts";
export * from "./select.ts";
export * from "./sockaddr.ts";
export * from "./socket.ts";
export type { Struct } from "./struct.ts";
export * from "./time.ts";
export { type SyscallRecord, traceSyscalls } from "./trace.ts";
export * from "./unistd.ts";
export * from "./winsock.ts";
