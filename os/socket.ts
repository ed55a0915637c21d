/**
 * What sockets do differently on Windows: Winsock has no socketpair(2), tells a socket's family in
 * another way, and reports connection attempts and truncated datagrams with other errors.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { tcpPair } from "../ffi/winsock.ts";
import { platform } from "../ffi/platform.ts";
import { setCloseOnExec } from "./descriptor.ts";

/** Makes a descriptor close-on-exec where the call that made it could not (no SOCK_CLOEXEC). */
export function setCloseOnExecIfMissing(fd: number): void {
  if (c.SOCK_CLOEXEC === 0) setCloseOnExec(fd);
}

/** The address family of the sockets that {@linkcode makePair} makes. */
export const PAIR_FAMILY: number = platform.isWinsock ? c.AF_INET : c.AF_UNIX;

/**
 * Two sockets that are connected to each other, blocking and close-on-exec: Unix sockets, on
 * Windows TCP over loopback.
 *
 * @throws {Deno.errors.NotSupported} On Windows, for another type than SOCK_STREAM.
 */
export function makePair(type: number): [number, number] {
  if (platform.isWinsock && type !== c.SOCK_STREAM) {
    throw new Deno.errors.NotSupported("On Windows, a pair of sockets has the type SOCK_STREAM");
  }
  const fds = new Int32Array(2);
  const result = platform.isWinsock
    ? tcpPair(fds)
    : c.socketpair(PAIR_FAMILY, type | c.SOCK_CLOEXEC, 0, fds);
  if (result === -1) throw c.osError("socketpair", "");
  for (const fd of fds) setCloseOnExecIfMissing(fd);
  return [fds[0]!, fds[1]!];
}

const address = new Uint8Array(c.sockaddr_storage.size);
const value = new Int32Array(1);
const length = new Int32Array(1);

// WSAPROTOCOL_INFOW: its size, and where the family is, an int.
const PROTOCOL_INFO_SIZE = 628;
const PROTOCOL_INFO_FAMILY = 76;

/** The address family of a socket. Throws an OS error when `fd` is not one. */
export function socketFamily(fd: number): number {
  if (c.SO_DOMAIN !== 0) return intOption(fd, c.SOL_SOCKET, c.SO_DOMAIN);
  if (platform.isWinsock) { // getsockname() fails there before bind()
    const info = new Uint8Array(PROTOCOL_INFO_SIZE);
    length[0] = info.length;
    if (c.getsockopt(fd, c.SOL_SOCKET, c.SO_PROTOCOL_INFOW, info, length) === -1) {
      throw c.osError("getsockopt", fd);
    }
    return new DataView(info.buffer).getInt32(PROTOCOL_INFO_FAMILY, true);
  }
  length[0] = address.length;
  if (c.getsockname(fd, address, length) === -1) throw c.osError("getsockname", fd);
  return c.sockaddr.read(address).sa_family;
}

/** The value of a socket option that is an int. */
export function intOption(fd: number, level: number, name: number): number {
  value[0] = 0;
  length[0] = value.byteLength;
  if (c.getsockopt(fd, level, name, value, length) === -1) throw c.osError("getsockopt", fd);
  return value[0]!;
}

/**
 * Whether connect(2) failed with `errno` because the attempt continues in the background. EINTR is
 * such an error: the attempt continues, and a second connect() would fail with EALREADY.
 */
export function isConnecting(errno: number): boolean {
  if (platform.isWinsock) return errno === c.EAGAIN;
  return errno === c.EINPROGRESS || errno === c.EINTR;
}

/** Whether a call that received failed with `errno` only because the datagram was truncated. */
export function isTruncation(errno: number): boolean {
  return platform.isWinsock && errno === c.EMSGSIZE;
}

/** Whether reading SO_ERROR leaves the error in place, as Winsock does. */
export const KEEPS_SOCKET_ERROR: boolean = platform.isWinsock;

/**
 * Throws where there is no sendmsg(2) and recvmsg(2).
 *
 * @throws {Deno.errors.NotSupported} On Windows.
 */
export function checkMessages(): void {
  if (!platform.isWinsock) return;
  throw new Deno.errors.NotSupported("Windows has no sendmsg(2) and recvmsg(2)");
}
