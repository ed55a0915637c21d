/**
 * Socket options. getsockopt(2), socket(7), ip(7), tcp(7)
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { checkSize } from "../ffi/arguments.ts";
import { intOption } from "../os/socket.ts";
import { lengthOf } from "./calls.ts";
import type { Handle } from "./handle.ts";

const int = new Int32Array(1);
const length = new Int32Array(1);

/** setsockopt(2) with an int or the bytes of a struct. */
export function setOption(
  handle: Handle,
  level: number,
  name: number,
  value: number | Uint8Array,
): void {
  const fd = handle.open();
  const bytes = typeof value === "number" ? intBytes(value) : value;
  const size = typeof value === "number" ? int.byteLength : lengthOf(value);
  if (c.setsockopt(fd, level, name, bytes, size) === -1) throw c.osError("setsockopt", fd);
}

function intBytes(value: number): Int32Array {
  if ((value | 0) !== value) {
    throw new RangeError(`An option must fit an int, and ${value} does not`);
  }
  int[0] = value;
  return int;
}

/** getsockopt(2) of an int, or of at most `size` bytes. */
export function getOption(
  handle: Handle,
  level: number,
  name: number,
  size: number | undefined,
): number | Uint8Array {
  const fd = handle.open();
  if (size === undefined) return intOption(fd, level, name);
  checkSize(size, "size");
  const bytes = new Uint8Array(size);
  length[0] = size;
  if (c.getsockopt(fd, level, name, bytes, length) === -1) throw c.osError("getsockopt", fd);
  return bytes.subarray(0, length[0]);
}
