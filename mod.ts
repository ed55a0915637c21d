/**
 * Python's `selectors` and sockets for Deno, on raw file descriptors. The calls go to the operating
 * system through Deno's FFI, so programs need `--allow-ffi`.
 *
 * - {@linkcode DefaultSelector} waits for many descriptors at once, blocking the thread or on
 *   Deno's event loop. {@linkcode readable} and {@linkcode writable} wait for one.
 * - {@linkcode Socket} is a socket on a raw descriptor, and {@linkcode Descriptor} is for
 *   terminals, serial ports, pipes and devices. Both have `read()`, `write()` and Web Streams.
 * - {@linkcode traceSyscalls} prints every system call, as strace does.
 *
 * `@syscall/selectors/ring` has completions by io_uring, and `@syscall/selectors/ffi` the C
 * library.
 *
 * @example An echo server on streams
 * ```ts ignore
 * import { Socket } from "@syscall/selectors";
 *
 * for await (const connection of Socket.createServer({ hostname: "127.0.0.1", port: 8888 })) {
 *   connection.readable.pipeTo(connection.writable).catch(console.error);
 * }
 * ```
 *
 * @example An echo server on a selector
 * ```ts ignore
 * import { DefaultSelector, EVENT_READ, Socket } from "@syscall/selectors";
 *
 * using selector = new DefaultSelector<(socket: Socket) => void, Socket>();
 * using server = Socket.createServer({ hostname: "127.0.0.1", port: 8888 });
 *
 * function accept(server: Socket) {
 *   const connection = server.accept();
 *   if (connection !== null) selector.register(connection, EVENT_READ, read);
 * }
 *
 * function read(connection: Socket) {
 *   const data = connection.recv(4096);
 *   if (data === null) return;
 *   if (data.length > 0) return void connection.send(data); // a sketch: ignores partial writes
 *   selector.unregister(connection);
 *   connection.close();
 * }
 *
 * selector.register(server, EVENT_READ, accept);
 * while (true) {
 *   for (const [key] of selector.select()) key.data(key.fileobj);
 * }
 * ```
 *
 * @module
 */

export {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  isOsError,
  type OsError,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  type SyscallRecord,
  traceSyscalls,
} from "./ffi/mod.ts";
export { BaseSelector } from "./selectors/base.ts";
export { DefaultSelector } from "./selectors/default.ts";
export { EpollSelector } from "./selectors/epoll.ts";
export { KqueueSelector } from "./selectors/kqueue.ts";
export { PollSelector } from "./selectors/poll.ts";
export { readable, writable } from "./selectors/ready.ts";
export { SelectSelector } from "./selectors/select.ts";
export {
  EVENT_HANGUP,
  EVENT_PRIORITY,
  EVENT_READ,
  EVENT_WRITE,
  type FileObject,
  type ReadyEvent,
  type RegisterOptions,
  type SelectorKey,
  type TriggerMode,
} from "./selectors/types.ts";
export { Waker } from "./selectors/waker.ts";
export type { Address, InetAddress, OtherAddress, UnixAddress } from "./io/address.ts";
export type { ByteStream, WaitOptions } from "./io/byte_stream.ts";
export type { ConnectionOptions, ServerOptions } from "./io/connect.ts";
export { Descriptor } from "./io/descriptor.ts";
export type {
  ControlMessage,
  ReceivedMessage,
  RecvMsgOptions,
  SendMsgOptions,
} from "./io/messages.ts";
export { Socket } from "./io/socket.ts";
