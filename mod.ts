/**
 * Python's `selectors` for Deno: wait on many descriptors at once, straight on the operating system's polling calls,
 * over FFI. `DefaultSelector` is the best that the platform has; `Socket` is a socket on a raw descriptor.
 *
 * @example An echo server
 * ```ts ignore
 * import { DefaultSelector, EVENT_READ, Socket } from "@syscall/selectors";
 *
 * using selector = new DefaultSelector<(socket: Socket) => void, Socket>();
 * using server = new Socket();
 * server.bind({ hostname: "127.0.0.1", port: 8888 });
 * server.listen();
 * server.setBlocking(false);
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
