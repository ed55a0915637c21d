/**
 * <winsock2.h>: functions for sockets that only Windows has. On other platforms they throw
 * Deno.errors.NotSupported.
 *
 * @module
 */

import { checkInt, checkMemory, checkUnsigned, type Memory } from "./arguments.ts";
import {
  AF_INET,
  IPPROTO_TCP,
  SO_EXCLUSIVEADDRUSE,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_NODELAY,
} from "./constants.ts";
import { errno, libc, setErrno } from "./libc.ts";
import { sockaddr_in } from "./sockaddr.ts";
import { accept, bind, connect, getsockname, listen, setsockopt, socket } from "./socket.ts";
import { close } from "./unistd.ts";

/**
 * `int ioctlsocket(SOCKET s, long cmd, u_long *argp)`: with FIONBIO, makes a socket non-blocking if
 * `argp[0]` is not 0, and blocking if it is 0.
 * https://learn.microsoft.com/en-us/windows/win32/api/winsock2/nf-winsock2-ioctlsocket
 *
 * @throws {RangeError} When `argp` is smaller than a u_long, which has 4 bytes.
 */
export function ioctlsocket(s: number, cmd: number, argp: Memory): number {
  checkInt(s, "s");
  checkUnsigned(cmd, "cmd");
  checkMemory(argp, 4, "argp");
  return libc().ioctlsocket(s, cmd, argp);
}

/**
 * `BOOL SetHandleInformation(HANDLE hObject, DWORD dwMask, DWORD dwFlags)`: sets the flags of a
 * handle that are in the mask. Returns 0 on failure.
 * https://learn.microsoft.com/en-us/windows/win32/api/handleapi/nf-handleapi-sethandleinformation
 */
export function SetHandleInformation(hObject: number, dwMask: number, dwFlags: number): number {
  checkInt(hObject, "hObject");
  checkUnsigned(dwMask, "dwMask");
  checkUnsigned(dwFlags, "dwFlags");
  return libc().SetHandleInformation(hObject, dwMask, dwFlags);
}

/**
 * Makes a pair of stream sockets that are connected to each other over loopback, because Winsock
 * has no socketpair(2).
 *
 * @param fds Receives the two sockets.
 * @returns 0, or -1 with errno set.
 */
export function tcpPair(fds: Int32Array): number {
  checkMemory(fds, 8, "fds");
  const client = socket(AF_INET, SOCK_STREAM, 0);
  const listener = client === -1 ? -1 : socket(AF_INET, SOCK_STREAM, 0);
  const connection = listener === -1 ? -1 : connected(listener, client);
  const error = errno();
  if (listener !== -1) close(listener);
  if (connection === -1) {
    if (client !== -1) close(client);
    setErrno(error);
    return -1;
  }
  fds.set([client, connection]);
  return 0;
}

// Room for the pair's own client, even if others connect first.
const BACKLOG = 8;

// Family, port and address of a struct sockaddr_in. Padding follows.
const NAME_SIZE = 8;

/**
 * Connects `client` to `listener`, and returns the accepted socket. Closes the connections of
 * others that connected meanwhile.
 */
function connected(listener: number, client: number): number {
  const one = new Int32Array([1]);
  const address = new Uint8Array(sockaddr_in.size);
  sockaddr_in.write(address, { sin_family: AF_INET, sin_port: 0, sin_addr: "127.0.0.1" });
  const own = new Uint8Array(sockaddr_in.size);
  const peer = new Uint8Array(sockaddr_in.size);
  const length = new Int32Array([sockaddr_in.size]);
  // No other process may take the address over with SO_REUSEADDR.
  if (setsockopt(listener, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, one, 4) === -1) return -1;
  if (bind(listener, address, address.length) === -1) return -1;
  if (listen(listener, BACKLOG) === -1) return -1;
  if (getsockname(listener, address, length) === -1) return -1;
  if (connect(client, address, address.length) === -1) return -1;
  if (getsockname(client, own, length) === -1) return -1;
  while (true) {
    const connection = accept(listener, peer, length);
    if (connection === -1) return -1;
    if (peer.subarray(0, NAME_SIZE).every((byte, i) => byte === own[i])) {
      for (const fd of [client, connection]) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, one, 4);
      return connection;
    }
    close(connection);
  }
}
