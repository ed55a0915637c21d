/**
 * What a C function cannot check for itself. FFI converts arguments in different ways before and after the optimiser has
 * seen the caller (NaN as an int can become descriptor 0), and C trusts lengths blindly; so integers and lengths are checked here,
 * before the call, and nothing else is: every other mistake is the kernel's to answer with an errno.
 *
 * @module
 */

/** Memory that C may read or write: a typed array, whatever its element type. */
export type Memory =
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

// The getters themselves: what an array's owner set on it or on its prototype cannot stand in for them, and no code of
// the owner's runs between the check and the call, where it could detach or shrink what was checked.
const typedArray = Object.getPrototypeOf(Uint8Array.prototype);
const [byteLengthGetter, byteOffsetGetter, bufferGetter, typeGetter] = [
  "byteLength",
  "byteOffset",
  "buffer",
  Symbol.toStringTag,
].map((name) => Object.getOwnPropertyDescriptor(typedArray, name)!.get!) as [Get, Get, Get, Get];
type Get = () => never;

/** The number of bytes in `memory` as the engine knows it; 0 for a detached buffer. */
export function byteLength(memory: Memory): number {
  return byteLengthGetter.call(memory);
}

/** The bytes of `memory`, whatever its owner makes of it; none of a detached buffer. */
export function bytesOf(memory: Memory): Uint8Array {
  const [buffer, offset] = [bufferGetter.call(memory), byteOffsetGetter.call(memory)];
  try {
    return new Uint8Array(buffer, offset, byteLength(memory));
  } catch {
    return new Uint8Array(); // the buffer is detached
  }
}

/** `"Int32Array"` and the like, as the engine knows it; undefined for what is no typed array. */
export function arrayType(memory: unknown): string | undefined {
  return typeGetter.call(memory);
}

/** Throws unless `value` is an integer that a C `int` can hold. */
export function checkInt(value: number, name: string): void {
  if ((value | 0) !== value) refuseInteger(value, name, "a 32-bit integer");
}

/** Throws unless `value` is an integer that a C `unsigned int` can hold. */
export function checkUnsigned(value: number, name: string): void {
  if ((value >>> 0) !== value) refuseInteger(value, name, "an unsigned 32-bit integer");
}

/** Throws unless `value` is a number of bytes or elements below 2^31, the most that one call moves. */
export function checkSize(value: number, name: string): void {
  if ((value | 0) !== value || value < 0) refuseInteger(value, name, "a size from 0 to 2147483647");
}

/** Throws unless `memory` has at least `size` bytes. */
export function checkMemory(memory: Memory, size: number, name: string): void {
  if (arrayType(memory) === undefined) refuseMemory(name);
  if (byteLength(memory) < size) refuseSize(memory, size, name);
}

/** `text` as C has it: UTF-8, ended by a NUL, with no NUL inside. */
export function cString(text: string, name: string): Uint8Array<ArrayBuffer> {
  if (typeof text !== "string") throw new TypeError(`${name} must be a string`);
  if (text.includes("\0")) throw new TypeError(`${name} must not contain a NUL character`);
  return new TextEncoder().encode(text + "\0");
}

// The throws stand apart so that the checks stay small enough to be inlined.

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
    `${name} has ${byteLength(memory)} bytes, and the call could touch ${size}`,
  );
}
