/**
 * <sys/socket.h>: endpoints of communication. socket(7), tcp(7), udp(7), unix(7)
 *
 * @module
 */

import {
  arrayType,
  checkInt,
  checkMemory,
  checkSize,
  checkUnsigned,
  firstBytes,
  type Memory,
} from "./arguments.ts";
import { byteLengthOf, setBytes } from "./intrinsics.ts";
import { libc } from "./libc.ts";
import { placeFor } from "./option_memory.ts";
import { checkGetOption, checkSendFlags, checkSetOption, isBounded } from "./refusals.ts";

/** `int socket(int domain, int type, int protocol)`: a new socket. socket(2) */
export function socket(domain: number, type: number, protocol: number): number {
  checkInt(domain, "domain");
  checkInt(type, "type");
  checkInt(protocol, "protocol");
  return libc().socket(domain, type, protocol);
}

/**
 * `int socketpair(int domain, int type, int protocol, int sv[2])`: two sockets connected to each
 * other. socketpair(2)
 *
 * @throws {RangeError} When `sv` is smaller than two ints.
 */
export function socketpair(domain: number, type: number, protocol: number, sv: Memory): number {
  checkInt(domain, "domain");
  checkInt(type, "type");
  checkInt(protocol, "protocol");
  checkMemory(sv, 8, "sv");
  return libc().socketpair(domain, type, protocol, sv);
}

/**
 * `int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen)`: gives the socket its
 * address. bind(2)
 *
 * @throws {RangeError} When `addr` is smaller than `addrlen` bytes.
 */
export function bind(sockfd: number, addr: Memory, addrlen: number): number {
  checkInt(sockfd, "sockfd");
  checkSize(addrlen, "addrlen");
  checkMemory(addr, addrlen, "addr");
  return libc().bind(sockfd, addr, addrlen);
}

/**
 * `int listen(int sockfd, int backlog)`: takes up to `backlog` connections that wait for accept.
 * listen(2)
 */
export function listen(sockfd: number, backlog: number): number {
  checkInt(sockfd, "sockfd");
  checkInt(backlog, "backlog");
  return libc().listen(sockfd, backlog);
}

/**
 * `int accept(int sockfd, struct sockaddr *addr, socklen_t *addrlen)`: the descriptor of the next
 * connection. accept(2)
 *
 * @throws {RangeError} When `addr` is smaller than `addrlen[0]` bytes.
 */
export function accept(
  sockfd: number,
  addr: Memory | null,
  addrlen: Int32Array | Uint32Array | null,
): number {
  checkInt(sockfd, "sockfd");
  const length = checkLengthAndMemory(addr, addrlen, "addr");
  return withLength(libc().accept(sockfd, addr, length), addrlen);
}

/**
 * `int accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags)`: as accept, with
 * SOCK_CLOEXEC or SOCK_NONBLOCK. accept(2)
 *
 * @throws {RangeError} When `addr` is smaller than `addrlen[0]` bytes.
 */
export function accept4(
  sockfd: number,
  addr: Memory | null,
  addrlen: Int32Array | Uint32Array | null,
  flags: number,
): number {
  checkInt(sockfd, "sockfd");
  checkInt(flags, "flags");
  const length = checkLengthAndMemory(addr, addrlen, "addr");
  return withLength(libc().accept4(sockfd, addr, length, flags), addrlen);
}

/**
 * `int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen)`: connects; EINPROGRESS
 * on a non-blocking socket. connect(2)
 *
 * @throws {RangeError} When `addr` is smaller than `addrlen` bytes.
 */
export function connect(sockfd: number, addr: Memory, addrlen: number): number {
  checkInt(sockfd, "sockfd");
  checkSize(addrlen, "addrlen");
  checkMemory(addr, addrlen, "addr");
  return libc().connect(sockfd, addr, addrlen);
}

/**
 * `ssize_t recv(int sockfd, void *buf, size_t len, int flags)`: receives at most `len` bytes; 0 is
 * the end of the stream. recv(2)
 *
 * @throws {RangeError} When `buf` is smaller than `len` bytes.
 */
export function recv(sockfd: number, buf: Memory, len: number, flags: number): number {
  checkInt(sockfd, "sockfd");
  checkSize(len, "len");
  checkInt(flags, "flags");
  checkMemory(buf, len, "buf");
  return libc().recv(sockfd, buf, len, flags);
}

/**
 * `ssize_t recvfrom(int sockfd, void *buf, size_t len, int flags, struct sockaddr *src_addr,
 * socklen_t *addrlen)`: as recv, and says from whom. recv(2)
 *
 * @throws {RangeError} When `buf` is smaller than `len` bytes, or `src_addr` than `addrlen[0]`.
 */
export function recvfrom(
  sockfd: number,
  buf: Memory,
  len: number,
  flags: number,
  src_addr: Memory | null,
  addrlen: Int32Array | Uint32Array | null,
): number {
  checkInt(sockfd, "sockfd");
  checkSize(len, "len");
  checkInt(flags, "flags");
  checkMemory(buf, len, "buf");
  const length = checkLengthAndMemory(src_addr, addrlen, "src_addr");
  return withLength(libc().recvfrom(sockfd, buf, len, flags, src_addr, length), addrlen);
}

/**
 * `ssize_t send(int sockfd, const void *buf, size_t len, int flags)`: sends at most `len` bytes.
 * send(2)
 *
 * @throws {RangeError} When `buf` is smaller than `len` bytes, or `flags` has MSG_ZEROCOPY, with
 * which the kernel would read `buf` after the call.
 */
export function send(sockfd: number, buf: Memory, len: number, flags: number): number {
  checkInt(sockfd, "sockfd");
  checkSize(len, "len");
  checkSendFlags(flags);
  checkMemory(buf, len, "buf");
  return libc().send(sockfd, buf, len, flags);
}

/**
 * `ssize_t sendto(int sockfd, const void *buf, size_t len, int flags, const struct sockaddr
 * *dest_addr, socklen_t addrlen)`: as send, to an address. send(2)
 *
 * @throws {RangeError} When `buf` is smaller than `len` bytes or `dest_addr` than `addrlen`, or
 * `flags` has MSG_ZEROCOPY, with which the kernel would read `buf` after the call.
 */
export function sendto(
  sockfd: number,
  buf: Memory,
  len: number,
  flags: number,
  dest_addr: Memory | null,
  addrlen: number,
): number {
  checkInt(sockfd, "sockfd");
  checkSize(len, "len");
  checkSendFlags(flags);
  checkSize(addrlen, "addrlen");
  checkMemory(buf, len, "buf");
  if (dest_addr !== null) checkMemory(dest_addr, addrlen, "dest_addr");
  return libc().sendto(sockfd, buf, len, flags, dest_addr, dest_addr === null ? 0 : addrlen);
}

/**
 * `int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen)`: the socket's own
 * address. getsockname(2)
 *
 * @throws {RangeError} When `addr` is smaller than `addrlen[0]` bytes.
 */
export function getsockname(
  sockfd: number,
  addr: Memory,
  addrlen: Int32Array | Uint32Array,
): number {
  checkInt(sockfd, "sockfd");
  const length = checkLengthAndMemory(addr, addrlen, "addr");
  return withLength(libc().getsockname(sockfd, addr, length), addrlen);
}

/**
 * `int getpeername(int sockfd, struct sockaddr *addr, socklen_t *addrlen)`: the address of the
 * peer. getpeername(2)
 *
 * @throws {RangeError} When `addr` is smaller than `addrlen[0]` bytes.
 */
export function getpeername(
  sockfd: number,
  addr: Memory,
  addrlen: Int32Array | Uint32Array,
): number {
  checkInt(sockfd, "sockfd");
  const length = checkLengthAndMemory(addr, addrlen, "addr");
  return withLength(libc().getpeername(sockfd, addr, length), addrlen);
}

/**
 * `int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen)`: reads an
 * option. getsockopt(2)
 *
 * The kernel writes at most `optlen[0]` bytes of `optval`, whatever the option: one that would
 * write more (IP_MSFILTER of Linux, when the value counts more sources than it has room for) fails
 * with EFAULT.
 *
 * @throws {RangeError} When `optval` is smaller than `optlen[0]` bytes, or the option is refused,
 * because its value holds pointers (MPTCP_FULL_INFO) or counts (TCP_AO_GET_KEYS). The error names
 * it.
 */
export function getsockopt(
  sockfd: number,
  level: number,
  optname: number,
  optval: Memory,
  optlen: Int32Array | Uint32Array,
): number {
  checkInt(sockfd, "sockfd");
  checkInt(level, "level");
  checkInt(optname, "optname");
  checkGetOption(level, optname);
  const length = checkLengthAndMemory(optval, optlen, "optval");
  if (length === null || isBounded(level, optname)) {
    return withLength(libc().getsockopt(sockfd, level, optname, optval, length), optlen);
  }
  return getGuarded(sockfd, level, optname, optval, optlen);
}

/**
 * getsockopt(2) into memory of the library's own, of which `optlen` bytes are copied to `optval`.
 */
function getGuarded(
  sockfd: number,
  level: number,
  optname: number,
  optval: Memory,
  optlen: Int32Array | Uint32Array,
): number {
  const size = ownLength[0]! >>> 0;
  const place = placeFor(size);
  if (place === undefined) return -1;
  const value = firstBytes(optval, size);
  setBytes(place.bytes, value); // some options read the value first
  const result = libc().getsockopt(sockfd, level, optname, place.bytes, ownLength);
  // A sink of a tracing may have transferred the caller's memory: there is nothing to fill then.
  if (result !== -1 && byteLengthOf(value) === size) setBytes(value, place.bytes);
  place.free?.();
  return withLength(result, optlen);
}

/**
 * `int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen)`: sets
 * an option. getsockopt(2)
 *
 * @throws {RangeError} When `optval` is smaller than `optlen` bytes, or the option is refused,
 * because its value holds pointers (SO_ATTACH_FILTER), or because the kernel would use memory after
 * later calls have returned (SO_ZEROCOPY). The error names it.
 */
export function setsockopt(
  sockfd: number,
  level: number,
  optname: number,
  optval: Memory,
  optlen: number,
): number {
  checkInt(sockfd, "sockfd");
  checkInt(level, "level");
  checkInt(optname, "optname");
  checkUnsigned(optlen, "optlen");
  checkMemory(optval, optlen, "optval");
  checkSetOption(level, optname);
  return libc().setsockopt(sockfd, level, optname, optval, optlen);
}

/**
 * `int shutdown(int sockfd, int how)`: ends receiving, sending, or both (SHUT_RD, SHUT_WR,
 * SHUT_RDWR). shutdown(2)
 */
export function shutdown(sockfd: number, how: number): number {
  checkInt(sockfd, "sockfd");
  checkInt(how, "how");
  return libc().shutdown(sockfd, how);
}

// The kernel is given this in place of the caller's value-result length. The caller's may be shared
// memory: another thread could raise it between the check and the call.
const ownLength = new Int32Array(1);

/**
 * Checks `memory`, into which the kernel may write as many bytes as the value-result `length` says.
 * Both are given, or neither.
 *
 * @returns The length to give to the kernel.
 */
function checkLengthAndMemory(
  memory: Memory | null,
  length: Int32Array | Uint32Array | null,
  name: string,
): Int32Array | null {
  if (memory === null && length === null) return null;
  if (memory === null || length === null) {
    throw new TypeError(`${name} and its length must be given both or neither`);
  }
  const type = arrayType(length);
  if (type !== "Int32Array" && type !== "Uint32Array") {
    throw new TypeError(`the length of ${name} must be an array of 32-bit integers`);
  }
  checkMemory(length, 4, `the length of ${name}`);
  ownLength[0] = length[0]!;
  checkMemory(memory, ownLength[0] >>> 0, name);
  return ownLength;
}

/**
 * Returns a call's result, and copies the length that the call changed to the caller's `length`.
 */
function withLength(result: number, length: Int32Array | Uint32Array | null): number {
  if (length !== null && length[0] !== ownLength[0]) length[0] = ownLength[0]!;
  return result;
}
