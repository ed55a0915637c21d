/**
 * Sending and receiving on a socket. recv(2), send(2)
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { checkSize } from "../ffi/arguments.ts";
import { isTruncation } from "../os/socket.ts";
import { type Address, decodeAddress } from "./address.ts";
import { lengthOf, withFlag } from "./calls.ts";
import { encodeFor, remoteAddress } from "./endpoints.ts";
import type { Handle } from "./handle.ts";

/** recv(2) into a new array. */
export function receive(handle: Handle, size: number, flags: number): Uint8Array | null {
  handle.open();
  const memory = receiveMemory(size, flags);
  const count = receiveInto(handle, memory, size, flags);
  return count === null ? null : takeReceived(memory, count);
}

/** recv(2) into memory that has `size` bytes. */
export function receiveInto(
  handle: Handle,
  memory: Uint8Array,
  size: number,
  flags: number,
): number | null {
  const fd = handle.open();
  for (;;) {
    const count = c.recv(fd, memory, size, flags);
    if (count !== -1) return count;
    const error = c.errno();
    if (isTruncation(error)) return size;
    if (handle.wouldBlock("recv", error)) return null;
  }
}

const addressBuffer = new Uint8Array(c.sockaddr_storage.size);
const addressLength = new Int32Array(1);

/** recvfrom(2) into a new array. */
export function receiveFrom(
  handle: Handle,
  size: number,
  flags: number,
): { data: Uint8Array; address: Address } | null {
  const fd = handle.open();
  const memory = receiveMemory(size, flags);
  for (;;) {
    addressLength[0] = addressBuffer.length;
    let count = c.recvfrom(fd, memory, size, flags, addressBuffer, addressLength);
    if (count === -1) {
      const error = c.errno();
      if (isTruncation(error)) count = size;
      else if (handle.wouldBlock("recvfrom", error)) return null;
      else continue;
    }
    const data = takeReceived(memory, count);
    // A stream reports no sender: it is the peer.
    if (handle.type === c.SOCK_STREAM) return { data, address: remoteAddress(handle) };
    return { data, address: decodeAddress(addressBuffer, addressLength[0]!, handle.family) };
  }
}

/** send(2) */
export function send(handle: Handle, data: Uint8Array, flags: number): number | null {
  const fd = handle.open();
  const size = lengthOf(data);
  flags = withFlag(flags, c.MSG_NOSIGNAL, "flags");
  for (;;) {
    const count = c.send(fd, data, size, flags);
    if (count !== -1) return count;
    if (handle.wouldBlock("send")) return null;
  }
}

/** sendto(2) */
export function sendTo(
  handle: Handle,
  data: Uint8Array,
  address: Address,
  flags: number,
): number | null {
  const bytes = encodeFor(handle, address);
  const fd = handle.open();
  const size = lengthOf(data);
  flags = withFlag(flags, c.MSG_NOSIGNAL, "flags");
  for (;;) {
    const count = c.sendto(fd, data, size, flags, bytes, bytes.length);
    if (count !== -1) return count;
    if (handle.wouldBlock("sendto", c.errno(), address)) return null;
  }
}

// What is received goes here first, so that a small message costs a small array and not one of
// `size`.
const RECEIVE_BUFFER_SIZE = 65536;
let receiveBuffer: Uint8Array<ArrayBuffer> | undefined;

/**
 * Memory to receive `size` bytes in. With MSG_TRUNC the kernel may count bytes that it did not
 * store: then the memory is new, so that they are not those of another connection.
 */
export function receiveMemory(size: number, flags: number): Uint8Array<ArrayBuffer> {
  checkSize(size, "size");
  if (size > RECEIVE_BUFFER_SIZE || flags & c.MSG_TRUNC) return new Uint8Array(size);
  return receiveBuffer ??= new Uint8Array(RECEIVE_BUFFER_SIZE);
}

/** The first `count` bytes of what {@linkcode receiveMemory} gave, as an array of their own. */
export function takeReceived(
  memory: Uint8Array<ArrayBuffer>,
  count: number,
): Uint8Array<ArrayBuffer> {
  return memory === receiveBuffer ? memory.slice(0, count) : memory.subarray(0, count);
}
