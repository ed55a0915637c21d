/** Checks of what callers give to a ring. */

import { checkOptions } from "../selectors/arguments.ts";
import { MOST_BUFFERS } from "./buffers.ts";

const MOST_ENTRIES = 32768; // IORING_MAX_ENTRIES
const MOST_BYTES = 2 ** 31 - 1;

/** The sizes of a ring. */
export interface RingOptions {
  /**
   * How many operations can be queued before they must be submitted: a power of two from 1 to
   * 32,768. Default 1024. More than that are submitted as they come.
   */
  entries?: number;
  /** How many receive buffers there are, from 1 to 32,768. Default 4096. */
  buffers?: number;
  /**
   * The bytes of a receive buffer, which is the most that one completion of recv() has. Default
   * 4096. Buffers take up memory once they are used.
   */
  bufferSize?: number;
}

/** The sizes, all of them. */
export function checkSizes(
  options: RingOptions,
): { entries: number; buffers: number; bufferSize: number } {
  checkOptions(options);
  const { entries = 1024, buffers = 4096, bufferSize = 4096 } = options;
  checkInteger(entries, "entries", 1, MOST_ENTRIES);
  if ((entries & (entries - 1)) !== 0) {
    throw new RangeError(`entries must be a power of two, not ${entries}`);
  }
  checkInteger(buffers, "buffers", 1, MOST_BUFFERS);
  checkInteger(bufferSize, "bufferSize", 1, MOST_BYTES);
  if (buffers * bufferSize > MOST_BYTES) {
    throw new RangeError(`buffers and bufferSize must make less than 2 GiB together`);
  }
  return { entries, buffers, bufferSize };
}

/** Throws unless it is a number of bytes that one call can move. */
export function checkSize(size: number, name: string): void {
  checkInteger(size, name, 0, MOST_BYTES);
}

/** Throws unless it is a position in a file. */
export function checkPosition(offset: number): void {
  checkInteger(offset, "The offset", 0, Number.MAX_SAFE_INTEGER);
}

function checkInteger(value: number, name: string, least: number, most: number): void {
  if (typeof value !== "number") throw new TypeError(`${name} must be a number`);
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`${name} must be an integer from ${least} to ${most}, not ${value}`);
}
