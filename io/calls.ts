/**
 * What the calls of Socket and Descriptor share: what a failure means, and what callers give.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { byteLength, checkInt } from "../ffi/arguments.ts";

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
  return byteLength(bytes);
}

/** `flags` with `flag` added. Throws unless they are an int: `|` would make one of anything. */
export function withFlag(flags: number, flag: number, name: string): number {
  checkInt(flags, name);
  return flags | flag;
}
