/**
 * Memory that getsockopt(2) writes into. Most options bound what they write by `optlen`, but some
 * by a count in the value (IP_MSFILTER, MCAST_MSFILTER on Linux), and an unknown option may do
 * anything. So the kernel never gets the caller's memory for them. It gets the last bytes before an
 * inaccessible region: a write beyond `optlen` is EFAULT. mmap(2), mprotect(2)
 *
 * Windows has no such call in its C library. There the memory is followed by 64 kB that nothing
 * reads.
 *
 * @module
 */

import { libc } from "./libc.ts";
import { platform } from "./platform.ts";

/** Memory for one value. */
export interface Place {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Unmaps it. There only where the value is too large for the region that is kept. */
  readonly free?: () => void;
}

// Pages have 4, 16 or 64 kB: a mapping of this size is whole pages everywhere. The region behind is
// as large as the one before it, so that an option whose answers lie `optlen` apart cannot skip it.
const REGION = 65536;

// <sys/mman.h>. MAP_ANONYMOUS is the platform's.
const PROT_NONE = 0;
const PROT_READ_WRITE = 3;
const MAP_PRIVATE = 2;
const MAP_FAILED = 2n ** 64n - 1n;

const CACHED = 256; // bytes: values up to here, which are nearly all, need no new view each time

const kept: { region: ArrayBuffer | undefined; places: Place[] } = {
  region: undefined,
  places: [],
};

/**
 * The place for a value of `size` bytes, one at a time.
 *
 * @returns undefined when there is no memory; errno is ENOMEM then.
 */
export function placeFor(size: number): Place | undefined {
  const cached = kept.places[size];
  if (cached !== undefined) return cached;
  if (platform.isWinsock) {
    const memory = new Uint8Array(size + REGION);
    return { bytes: new Uint8Array(memory.buffer, 0, size) };
  }
  if (size > REGION) return placeOfItsOwn(size);
  kept.region ??= map(REGION);
  if (kept.region === undefined) return undefined;
  const place = { bytes: lastBytes(kept.region, size) };
  if (size <= CACHED) kept.places[size] = place;
  return place;
}

/** A place in a mapping of its own. */
function placeOfItsOwn(size: number): Place | undefined {
  const length = Math.ceil(size / REGION) * REGION;
  const region = map(length);
  if (region === undefined) return undefined;
  const start = Deno.UnsafePointer.of(region);
  return {
    bytes: lastBytes(region, size),
    free: () => libc().munmap(start, BigInt(2 * length)),
  };
}

function lastBytes(region: ArrayBuffer, size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(region, region.byteLength - size, size);
}

/** `length` bytes, followed by the same number of inaccessible bytes. */
function map(length: number): ArrayBuffer | undefined {
  const { mmap, mprotect } = libc();
  const flags = MAP_PRIVATE | platform.mapAnonymous;
  const start = mmap(null, BigInt(2 * length), PROT_NONE, flags, -1, 0n);
  if (start === null || Deno.UnsafePointer.value(start) === MAP_FAILED) return undefined;
  if (mprotect(start, BigInt(length), PROT_READ_WRITE) !== 0) return undefined;
  return Deno.UnsafePointerView.getArrayBuffer(start, length);
}
