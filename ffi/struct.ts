/**
 * C structs as small codecs: `struct({ fd: "i32", events: "i16" })` lays out the fields as the C
 * compiler does, each at the next multiple of its own size, and reads and writes them in memory.
 * Codecs are frozen, because their sizes and offsets decide how much memory a call may touch.
 *
 * @module
 */

import { byteLength, checkMemory } from "./arguments.ts";
import { bufferOf, byteOffsetOf, deepFreeze } from "./intrinsics.ts";

/** A C struct: where its fields are, and how to read and write them. */
export interface Struct<Fields> {
  /** `sizeof`, in bytes. */
  readonly size: number;
  /** `offsetof` of each field, in bytes. */
  readonly offsets: { readonly [Name in keyof Fields]: number };
  /**
   * Reads the struct at `offset` bytes into `memory`.
   *
   * @throws {RangeError} When the struct does not lie within `memory`.
   */
  read(memory: Uint8Array, offset?: number): Fields;
  /**
   * Writes the struct at `offset` bytes into `memory`.
   *
   * @throws {RangeError} When the struct does not lie within `memory`, or a value does not fit its
   * field.
   * @throws {TypeError} When a value is not of its field's type.
   */
  write(memory: Uint8Array, fields: Fields, offset?: number): void;
}

/**
 * `i64` holds times and sizes and is read as a number; `u64` holds bits and is read as a bigint.
 */
type FieldType = "u8" | "i16" | "u16" | "i32" | "u32" | "i64" | "u64";
type Field = {
  u8: number;
  i16: number;
  u16: number;
  i32: number;
  u32: number;
  i64: number;
  u64: bigint;
};

const SIZES = { u8: 1, i16: 2, u16: 2, i32: 4, u32: 4, i64: 8, u64: 8 } as const;

/**
 * The codec of a struct with fields of these C types, in this order; `packed` leaves no padding.
 */
export function struct<Types extends Record<string, FieldType>>(
  types: Types,
  packed = false,
): Struct<{ [Name in keyof Types]: Field[Types[Name]] }> {
  type Fields = { [Name in keyof Types]: Field[Types[Name]] };
  const names = Object.keys(types) as (keyof Types & string)[];
  const offsets = {} as { [Name in keyof Types]: number };
  let end = 0;
  let alignment = 1;
  for (const name of names) {
    const size = SIZES[types[name]!];
    offsets[name] = packed ? end : alignUp(end, size);
    end = offsets[name] + size;
    if (!packed) alignment = Math.max(alignment, size);
  }
  const size = alignUp(end, alignment);

  return deepFreeze<Struct<Fields>>({
    size,
    offsets,
    read(memory, offset = 0) {
      const view = viewOf(memory, offset, size);
      const fields = {} as Fields;
      for (const name of names) {
        fields[name] = readField(view, types[name]!, offsets[name]) as Fields[typeof name];
      }
      return fields;
    },
    write(memory, fields, offset = 0) {
      const values = names.map((name) => checkField(fields[name], types[name]!, name));
      const view = viewOf(memory, offset, size);
      names.forEach((name, i) => writeField(view, types[name]!, offsets[name], values[i]!));
    },
  });
}

/**
 * A view of the `size` bytes at `offset` in `memory`; a RangeError unless `memory` has them all.
 */
export function viewOf(memory: Uint8Array, offset: number, size: number): DataView {
  checkMemory(memory, 0, "memory");
  if (!Number.isInteger(offset) || offset < 0 || offset + size > byteLength(memory)) {
    throw new RangeError(
      `${size} bytes at offset ${offset} do not lie within ${byteLength(memory)} bytes`,
    );
  }
  return new DataView(bufferOf(memory), byteOffsetOf(memory) + offset, size);
}

function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

/** Returns `value` if a field of this type can hold it, and throws otherwise. */
export function checkField(
  value: number | bigint,
  type: FieldType,
  name: string,
): number | bigint {
  const bits = SIZES[type] * 8;
  if (type === "u64") {
    if (typeof value !== "bigint") throw new TypeError(`${name} must be a bigint`);
    if (BigInt.asUintN(64, value) === value) return value;
  } else {
    if (typeof value !== "number") throw new TypeError(`${name} must be a number`);
    const signed = type[0] === "i";
    const low = signed ? -(2 ** (bits - 1)) : 0;
    const high = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
    if (bits === 64 ? Number.isSafeInteger(value) : Number.isInteger(value)) {
      if (value >= low && value <= high) return value;
    }
  }
  throw new RangeError(`${name} must fit in ${type}, and ${value} does not`);
}

function readField(view: DataView, type: FieldType, offset: number): number | bigint {
  switch (type) {
    case "u8":
      return view.getUint8(offset);
    case "i16":
      return view.getInt16(offset, true);
    case "u16":
      return view.getUint16(offset, true);
    case "i32":
      return view.getInt32(offset, true);
    case "u32":
      return view.getUint32(offset, true);
    case "i64":
      return Number(view.getBigInt64(offset, true));
    case "u64":
      return view.getBigUint64(offset, true);
  }
}

function writeField(
  view: DataView,
  type: FieldType,
  offset: number,
  value: number | bigint,
): void {
  switch (type) {
    case "u8":
      return view.setUint8(offset, Number(value));
    case "i16":
    case "u16":
      return view.setUint16(offset, Number(value), true);
    case "i32":
    case "u32":
      return view.setUint32(offset, Number(value), true);
    case "i64":
    case "u64":
      return view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), true);
  }
}
