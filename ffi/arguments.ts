/**
 * Checks of what a C function cannot check itself. FFI converts an argument in different ways
 * before and after the optimizer has compiled its caller (NaN as an int may become descriptor 0),
 * and C trusts every length. So integers and lengths are checked here, before the call. Every other
 * mistake is reported by the kernel as an errno.
 *
 * @module
 */

import { bufferOf, byteLengthOf, byteOffsetOf, copyOf, typeOf, utf8, view } from "./intrinsics.ts";

/** Memory that C may read or write: a typed array of any element type. */
export type Memory =
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/**
 * The number of bytes in `memory`, as the engine knows it: an own `byteLength` property does not
 * count. 0 for a detached buffer.
 */
export function byteLength(memory: Memory): number {
  return byteLengthOf(memory);
}

/** The bytes of `memory`, in place; none for a detached buffer. */
export function bytesOf(memory: Memory): Uint8Array {
  try {
    return view(bufferOf(memory), byteOffsetOf(memory), byteLengthOf(memory));
  } catch {
    return new Uint8Array(); // a detached buffer has no view
  }
}

/** The first `size` bytes of `memory`, in place. It must have them: see {@linkcode checkMemory}. */
export function firstBytes(memory: Memory, size: number): Uint8Array {
  if (size === 0) return new Uint8Array(); // a detached buffer has no view
  return view(bufferOf(memory), byteOffsetOf(memory), size);
}

/** A copy of the first `size` bytes of `memory`, which another thread cannot change. */
export function copyBytes(memory: Memory, size: number): Uint8Array<ArrayBuffer> {
  return copyOf(bytesOf(memory), size);
}

/**
 * `"Int32Array"` and the like, as the engine knows it; undefined for anything but a typed array.
 */
export function arrayType(memory: unknown): string | undefined {
  return typeOf(memory);
}

/** Throws unless `value` is an integer that a C `int` can hold. */
export function checkInt(value: number, name: string): void {
  if ((value | 0) !== value) refuseInteger(value, name, "a 32-bit integer");
}

/** Throws unless `value` is an integer that a C `unsigned int` can hold. */
export function checkUnsigned(value: number, name: string): void {
  if ((value >>> 0) !== value) refuseInteger(value, name, "an unsigned 32-bit integer");
}

/**
 * Throws unless `value` is a number of bytes or elements below 2^31, the most that one call moves.
 */
export function checkSize(value: number, name: string): void {
  if ((value | 0) !== value || value < 0) refuseInteger(value, name, "a size from 0 to 2147483647");
}

/** Throws unless `memory` has at least `size` bytes. */
export function checkMemory(memory: Memory, size: number, name: string): void {
  if (typeOf(memory) === undefined) refuseMemory(name);
  if (!(byteLengthOf(memory) >= size)) refuseSize(memory, size, name);
}

/** `text` as a C string: UTF-8 that ends with a NUL and contains no other. */
export function cString(text: string, name: string): Uint8Array<ArrayBuffer> {
  if (typeof text !== "string") throw new TypeError(`${name} must be a string`);
  const bytes = utf8(text);
  const size = byteLengthOf(bytes);
  for (let i = 0; i < size; i++) {
    if (bytes[i] === 0) throw new TypeError(`${name} must not contain a NUL character`);
  }
  return copyOf(bytes, size + 1); // the last byte stays 0
}

// The throws are functions of their own, which keeps the checks small enough to be inlined.

function refuseInteger(value: unknown, name: string, wanted: string): never {
  if (typeof value !== "number") {
    throw new TypeError(`${name} must be ${wanted}, not a value of type ${typeof value}`);
  }
  throw new RangeError(`${name} must be ${wanted}, not ${value}`);
}

function refuseMemory(name: string): never {
  throw new TypeError(`${name} must be a typed array`);
}

function refuseSize(memory: Memory, size: number, name: string): never {
  throw new RangeError(
    `${name} has ${byteLengthOf(memory)} bytes, and the call could touch ${size}`,
  );
}
