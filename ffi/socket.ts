/**
 * <sys/socket.h>: endpoints of communication. socket(7), tcp(7), udp(7), unix(7)
 *
 * @module
 */

import {
  byteLength,
  checkInt,
  checkMemory,
  checkSize,
  checkUnsigned,
  type Memory,
} from "./arguments.ts";
import { IPPROTO_TCP, SOL_SOCKET } from "./constants.ts";
import { libc } from "./libc.ts";

/** `int socket(int domain, int type, int protocol)`: a new socket. socket(2) */
export function socket(domain: number, type: number, protocol: number): number {
  checkInt(domain, "domain");
  checkInt(type, "type");
  checkInt(protocol, "protocol");
  return libc().socket(domain, type, protocol);
}

/**
 * `int socketpair(int domain, int type, int protocol, int sv[2])`: two sockets connected to each other. socketpair(2)
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
 * `int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen)`: gives the socket its address. bind(2)
 *
 * @throws {RangeError} When `addr` is smaller than `addrlen` bytes.
 */
export function bind(sockfd: number, addr: Memory, addrlen: number): number {
  checkInt(sockfd, "sockfd");
  checkSize(addrlen, "addrlen");
  checkMemory(addr, addrlen, "addr");
  return libc().bind(sockfd, addr, addrlen);
}

/** `int listen(int sockfd, int backlog)`: takes up to `backlog` connections that wait for accept. listen(2) */
export function listen(sockfd: number, backlog: number): number {
  checkInt(sockfd, "sockfd");
  checkInt(backlog, "backlog");
  return libc().listen(sockfd, backlog);
}

/**
 * `int accept(int sockfd, struct sockaddr *addr, socklen_t *addrlen)`: the descriptor of the next connection. accept(2)
 *
 * @throws {RangeError} When `addr` is smaller than `addrlen[0]` bytes.
 */
export function accept(
  sockfd: number,
  addr: Memory | null,
  addrlen: Int32Array | Uint32Array | null,
): number {
  checkInt(sockfd, "sockfd");
  const length = takeLength(addr, addrlen, "addr");
  const result = libc().accept(sockfd, addr, length);
  giveLength(length, addrlen);
  return result;
}

/**
 * `int accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags)`: as accept, with SOCK_CLOEXEC or SOCK_NONBLOCK. accept(2)
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
  const length = takeLength(addr, addrlen, "addr");
  const result = libc().accept4(sockfd, addr, length, flags);
  giveLength(length, addrlen);
  return result;
}

/**
 * `int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen)`: connects; EINPROGRESS on a non-blocking socket. connect(2)
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
 * `ssize_t recv(int sockfd, void *buf, size_t len, int flags)`: receives at most `len` bytes; 0 is the end of the stream. recv(2)
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
 * `ssize_t recvfrom(int sockfd, void *buf, size_t len, int flags, struct sockaddr *src_addr, socklen_t *addrlen)`: as recv, and says from whom. recv(2)
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
  const length = takeLength(src_addr, addrlen, "src_addr");
  const result = libc().recvfrom(sockfd, buf, len, flags, src_addr, length);
  giveLength(length, addrlen);
  return result;
}

/**
 * `ssize_t send(int sockfd, const void *buf, size_t len, int flags)`: sends at most `len` bytes. send(2)
 *
 * @throws {RangeError} When `buf` is smaller than `len` bytes.
 */
export function send(sockfd: number, buf: Memory, len: number, flags: number): number {
  checkInt(sockfd, "sockfd");
  checkSize(len, "len");
  checkInt(flags, "flags");
  checkMemory(buf, len, "buf");
  return libc().send(sockfd, buf, len, flags);
}

/**
 * `ssize_t sendto(int sockfd, const void *buf, size_t len, int flags, const struct sockaddr *dest_addr, socklen_t addrlen)`: as send, to an address. send(2)
 *
 * @throws {RangeError} When `buf` is smaller than `len` bytes, or `dest_addr` than `addrlen`.
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
  checkInt(flags, "flags");
  checkSize(addrlen, "addrlen");
  checkMemory(buf, len, "buf");
  if (dest_addr !== null) checkMemory(dest_addr, addrlen, "dest_addr");
  return libc().sendto(sockfd, buf, len, flags, dest_addr, dest_addr === null ? 0 : addrlen);
}

/**
 * `int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen)`: the socket's own address. getsockname(2)
 *
 * @throws {RangeError} When `addr` is smaller than `addrlen[0]` bytes.
 */
export function getsockname(
  sockfd: number,
  addr: Memory,
  addrlen: Int32Array | Uint32Array,
): number {
  checkInt(sockfd, "sockfd");
  const length = takeLength(addr, addrlen, "addr");
  const result = libc().getsockname(sockfd, addr, length);
  giveLength(length, addrlen);
  return result;
}

/**
 * `int getpeername(int sockfd, struct sockaddr *addr, socklen_t *addrlen)`: the address of the peer. getpeername(2)
 *
 * @throws {RangeError} When `addr` is smaller than `addrlen[0]` bytes.
 */
export function getpeername(
  sockfd: number,
  addr: Memory,
  addrlen: Int32Array | Uint32Array,
): number {
  checkInt(sockfd, "sockfd");
  const length = takeLength(addr, addrlen, "addr");
  const result = libc().getpeername(sockfd, addr, length);
  giveLength(length, addrlen);
  return result;
}

/**
 * `int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen)`: reads an option. getsockopt(2)
 *
 * @throws {RangeError} When `optval` is smaller than `optlen[0]` bytes. On Linux SO_GET_FILTER and TCP_ZEROCOPY_RECEIVE, which write elsewhere too.
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
  if (isBeyondLength(level, optname)) {
    throw new RangeError(`getsockopt option ${optname} writes more than its length says`);
  }
  const length = takeLength(optval, optlen, "optval");
  const result = libc().getsockopt(sockfd, level, optname, optval, length);
  giveLength(length, optlen);
  return result;
}

/**
 * `int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen)`: sets an option. getsockopt(2)
 *
 * @throws {RangeError} When `optval` is smaller than `optlen` bytes. On Linux options of SOL_XDP, which lend memory to the kernel.
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
  if (Deno.build.os === "linux" && level === SOL_XDP) {
    throw new RangeError(
      "setsockopt options of SOL_XDP lend memory to the kernel for longer than the call",
    );
  }
  return libc().setsockopt(sockfd, level, optname, optval, optlen);
}

/** `int shutdown(int sockfd, int how)`: ends receiving, sending, or both (SHUT_RD, SHUT_WR, SHUT_RDWR). shutdown(2) */
export function shutdown(sockfd: number, how: number): number {
  checkInt(sockfd, "sockfd");
  checkInt(how, "how");
  return libc().shutdown(sockfd, how);
}

// What the kernel is given for a value-result length: our own, so that no other thread can change it between the check and the
// call, and no other view lend it other bits.
const ownLength = new Uint32Array(1);

/** What to pass for the value-result `length`, which says how much the kernel may write into `memory`. Both are null or neither. */
function takeLength(
  memory: Memory | null,
  length: Int32Array | Uint32Array | null,
  name: string,
): Uint32Array | null {
  if (memory === null && length === null) return null;
  if (memory === null || length === null) {
    throw new TypeError(`${name} and its length must be given both or neither`);
  }
  checkMemory(length, 4, `the length of ${name}`);
  if (byteLength(length) % 4 !== 0 || length.BYTES_PER_ELEMENT !== 4) {
    throw new TypeError(`the length of ${name} must be an array of 32-bit integers`);
  }
  ownLength[0] = length[0]!;
  checkMemory(memory, ownLength[0], name);
  return ownLength;
}

function giveLength(own: Uint32Array | null, length: Int32Array | Uint32Array | null): void {
  if (own !== null) length![0] = own[0]!;
}

// <linux/filter.h>, <linux/tcp.h>, <linux/socket.h>
const SO_GET_FILTER = 26;
const TCP_ZEROCOPY_RECEIVE = 35;
const SOL_XDP = 283;

/** Options of Linux for which getsockopt(2) writes more than the length says, which counts filters, or to addresses in the value. */
function isBeyondLength(level: number, optname: number): boolean {
  return Deno.build.os === "linux" &&
    (level === SOL_SOCKET && optname === SO_GET_FILTER ||
      level === IPPROTO_TCP && optname === TCP_ZEROCOPY_RECEIVE);
}
