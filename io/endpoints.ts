/**
 * Where a socket is bound, and what it is connected to. bind(2), connect(2), getsockname(2)
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { intOption, isConnecting, KEEPS_SOCKET_ERROR } from "../os/socket.ts";
import { type Address, decodeAddress, encodeAddress, formatAddress } from "./address.ts";
import type { Handle } from "./handle.ts";
import { resolveOne } from "./resolve.ts";

/** The sockaddr of an address for this socket; a name is resolved while the thread waits. */
export function encodeFor({ family, type }: Handle, address: Address): Uint8Array {
  return encodeAddress(address, family, (hostname) => resolveOne(hostname, family, type));
}

/** bind(2) */
export function bind(handle: Handle, address: Address): void {
  const bytes = encodeFor(handle, address);
  if (c.bind(handle.open(), bytes, bytes.length) === 0) return;
  const error = c.errno(); // before formatAddress(), which may lose it
  throw c.osError("bind", formatAddress(address), error);
}

/** listen(2) */
export function listen(handle: Handle, backlog: number): void {
  const fd = handle.open();
  if (c.listen(fd, backlog) === -1) throw c.osError("listen", fd);
}

/** connect(2); false while the attempt is under way. */
export function connect(handle: Handle, address: Address): boolean {
  const bytes = encodeFor(handle, address);
  handle.reported = 0;
  if (c.connect(handle.open(), bytes, bytes.length) === 0) return true;
  const error = c.errno();
  const peer = formatAddress(address);
  if (!isConnecting(error)) throw c.osError("connect", peer, error);
  handle.connecting = peer;
  return false;
}

/** The pending error, SO_ERROR. */
export function takeError(handle: Handle): c.OsError | null {
  const fd = handle.open();
  const error = intOption(fd, c.SOL_SOCKET, c.SO_ERROR);
  const peer = handle.connecting;
  handle.connecting = "";
  if (error === 0 || (KEEPS_SOCKET_ERROR && error === handle.reported)) return null;
  handle.reported = error;
  return peer === "" ? c.osError("getsockopt", fd, error) : c.osError("connect", peer, error);
}

const addressBuffer = new Uint8Array(c.sockaddr_storage.size);
const addressLength = new Int32Array(1);

/** getsockname(2) */
export function localAddress(handle: Handle): Address {
  const fd = handle.open();
  addressLength[0] = addressBuffer.length;
  if (c.getsockname(fd, addressBuffer, addressLength) === -1) throw c.osError("getsockname", fd);
  return decodeAddress(addressBuffer, addressLength[0], handle.family);
}

/** getpeername(2), or what accept(2) gave. */
export function remoteAddress(handle: Handle): Address {
  const fd = handle.open();
  const { remote, family } = handle;
  if (remote !== undefined) return decodeAddress(remote, remote.length, family);
  addressLength[0] = addressBuffer.length;
  if (c.getpeername(fd, addressBuffer, addressLength) === -1) throw c.osError("getpeername", fd);
  return decodeAddress(addressBuffer, addressLength[0], family);
}

const HOW: Readonly<Record<"read" | "write" | "both", number>> = {
  read: c.SHUT_RD,
  write: c.SHUT_WR,
  both: c.SHUT_RDWR,
};

/** shutdown(2) */
export function shutdown(handle: Handle, how: "read" | "write" | "both"): void {
  const fd = handle.open();
  if (!Object.hasOwn(HOW, how)) throw new TypeError('how must be "read", "write" or "both"');
  if (c.shutdown(fd, HOW[how]) === -1) throw c.osError("shutdown", fd);
}
