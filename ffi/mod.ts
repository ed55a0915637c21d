/**
 * The C library without policy: its functions under their C names, with C arguments and C results
 * (-1 on failure, and {@linkcode errno} says why), the constants of the platform, and codecs for
 * its structs. The man page of a function says what it does. A function throws only for arguments
 * that could corrupt memory or reach the wrong descriptor.
 *
 * @example A free port, by hand
 * ```ts
 * import { AF_INET, bind, close, getsockname, osError, SOCK_DGRAM } from "@syscall/selectors/ffi";
 * import { sockaddr_in, socket } from "@syscall/selectors/ffi";
 *
 * const fd = socket(AF_INET, SOCK_DGRAM, 0);
 * const address = new Uint8Array(sockaddr_in.size);
 * sockaddr_in.write(address, { sin_family: AF_INET, sin_port: 0, sin_addr: "127.0.0.1" });
 * if (bind(fd, address, address.length) === -1) throw osError("bind", fd);
 * getsockname(fd, address, new Int32Array([address.length]));
 * console.log(sockaddr_in.read(address).sin_port); // 43567
 * close(fd);
 * ```
 *
 * @module
 */

export type { Memory } from "./arguments.ts";
export * from "./constants.ts";
export * from "./epoll.ts";
export { errnoName, errnoNumber, isOsError, type OsError, osError, strerror } from "./errno.ts";
export {
  io_cqring_offsets,
  io_sqring_offsets,
  io_uring_buf,
  io_uring_buf_reg,
  io_uring_buf_ring,
  io_uring_cqe,
  io_uring_enter,
  io_uring_getevents_arg,
  io_uring_params,
  io_uring_probe,
  io_uring_probe_op,
  io_uring_register,
  io_uring_setup,
  io_uring_sqe,
  io_uring_sync_cancel_reg,
  type IoUringParams,
} from "./io_uring.ts";
export * from "./io_uring_constants.ts";
export { type Kevent, kevent, kqueue, type KqueueCalls, libkqueue } from "./kqueue.ts";
export { errno } from "./libc.ts";
export {
  CMSG_LEN,
  CMSG_SPACE,
  type Cmsghdr,
  cmsghdr,
  type Msghdr,
  recvmsg,
  sendmsg,
} from "./msghdr.ts";
export {
  type AddrInfo,
  addrinfo,
  freeaddrinfo,
  gai_strerror,
  getaddrinfo,
  getaddrinfo_nonblocking,
} from "./netdb.ts";
export { isPlatformWith } from "./platform.ts";
export * from "./poll.ts";
export * from "./select.ts";
export * from "./sockaddr.ts";
export * from "./socket.ts";
export type { Struct } from "./struct.ts";
export * from "./time.ts";
export { type SyscallRecord, traceSyscalls } from "./trace/trace.ts";
export * from "./unistd.ts";
export { ioctlsocket } from "./winsock.ts";
