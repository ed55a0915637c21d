/**
 * <sys/mman.h>: memory for what the kernel uses after a call has returned. It is never unmapped, so
 * that no view of it can ever be a view of something else. Internal: not exported by mod.ts.
 * mmap(2)
 *
 * @module
 */

import { errno, libc } from "./libc.ts";
import { osError } from "./errno.ts";
import { platform } from "./platform.ts";

const PROT_READ_WRITE = 1 | 2; // PROT_READ | PROT_WRITE
const MAP_SHARED = 0x01;
const MAP_PRIVATE = 0x02;
const MAP_FIXED = 0x10;
const MAP_NORESERVE = 0x4000;
const MAP_POPULATE = 0x8000;

/**
 * Maps zeroed memory of the process's own, which takes up no memory until it is used.
 *
 * @param size Bytes.
 * @returns Its address.
 * @throws An OS error: ENOMEM.
 */
export function mapAnonymous(size: number): bigint {
  return mmap(null, size, MAP_PRIVATE | platform.mapAnonymous, -1, 0);
}

/**
 * Maps memory of an io_uring, at an address of the kernel's choice: it takes no other.
 *
 * @param offset One of the IORING_OFF_ offsets.
 * @param size Bytes.
 * @returns Its address.
 * @throws An OS error: ENOMEM.
 */
export function mapRing(fd: number, offset: number, size: number): bigint {
  return mmap(null, size, MAP_SHARED | MAP_POPULATE, fd, offset);
}

/**
 * Gives the memory of an io_uring back to the kernel, and maps zeroes that take up no memory in its
 * place: a view of it stays valid.
 *
 * @throws An OS error: ENOMEM; the memory stays mapped then.
 */
export function retire(address: bigint, size: number): void {
  const flags = MAP_PRIVATE | platform.mapAnonymous | MAP_FIXED | MAP_NORESERVE;
  mmap(Deno.UnsafePointer.create(address), size, flags, -1, 0);
}

/** A view of mapped memory. Detaching it, or collecting it as garbage, leaves the memory mapped. */
export function viewAt(address: bigint, size: number): ArrayBuffer {
  return Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(address)!, size);
}

function mmap(
  at: Deno.PointerValue,
  size: number,
  flags: number,
  fd: number,
  offset: number,
): bigint {
  const result = libc().mmap(at, BigInt(size), PROT_READ_WRITE, flags, fd, BigInt(offset));
  const error = errno();
  const address = BigInt(Deno.UnsafePointer.value(result));
  // MAP_FAILED
  if (BigInt.asIntN(64, address) === -1n) throw osError("mmap", `${size} bytes`, error);
  return address;
}
