/**
 * What the calls of Socket and Descriptor share: what a failure means, and the memory to receive
 * in.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";

/**
 * Decides about a call that returned -1 without having done anything.
 *
 * @param about What the call was about: the descriptor, or an address.
 * @returns true: it would block. false: a signal interrupted it; call again.
 * @throws Every other error, as an OS error.
 */
export function wouldBlock(
  syscall: string,
  about: string | number,
  error: number = c.errno(),
): boolean {
  if (error === c.EAGAIN) return true;
  if (error === c.EINTR) return false;
  throw c.osError(syscall, about, error);
}

/** The length of bytes that a caller gave, as the engine knows it. */
export function lengthOf(bytes: Uint8Array): number {
  if (!(bytes instanceof Uint8Array)) throw new TypeError("The bytes must be a Uint8Array");
  return c.byteLength(bytes);
}

/** `flags` with `flag` added. Throws unless they are an int: `|` would make one of anything. */
export function withFlag(flags: number, flag: number, name: string): number {
  c.checkInt(flags, name);
  return flags | flag;
}

// recv() receives here first, so that a small message costs a small array and not one of `size`.
const RECEIVE_BUFFER_SIZE = 65536;
let receiveBuffer: Uint8Array<ArrayBuffer> | undefined;

/**
 * Memory to receive `size` bytes in. With MSG_TRUNC the kernel may count bytes that it did not
 * store: then the memory is new, so that they are not those of another connection.
 */
export function receiveMemory(size: number, flags: number): Uint8Array<ArrayBuffer> {
  if (!(size <= RECEIVE_BUFFER_SIZE) || flags & c.MSG_TRUNC) return new Uint8Array(size);
  return receiveBuffer ??= new Uint8Array(RECEIVE_BUFFER_SIZE);
}

/** The first `count` bytes of what {@linkcode receiveMemory} gave, as an array of their own. */
export function takeReceived(
  memory: Uint8Array<ArrayBuffer>,
  count: number,
): Uint8Array<ArrayBuffer> {
  return memory === receiveBuffer ? memory.slice(0, count) : memory.subarray(0, count);
}
