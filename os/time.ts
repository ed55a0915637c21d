/**
 * Timeouts for the operating system. A fraction of its unit is rounded up, so that no wait returns
 * early.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";

/** Writes milliseconds, which must be finite and not negative, as a struct timespec. */
export function writeTimespec(timespec: Uint8Array, milliseconds: number): void {
  const nanoseconds = Math.ceil(milliseconds * 1e6);
  const tv_sec = Math.floor(nanoseconds / 1e9);
  c.timespec.write(timespec, { tv_sec, tv_nsec: nanoseconds - tv_sec * 1e9 });
}

/** Writes milliseconds, which must be finite and not negative, as a struct timeval. */
export function writeTimeval(timeval: Uint8Array, milliseconds: number): void {
  const microseconds = Math.ceil(milliseconds * 1e3);
  const tv_sec = Math.floor(microseconds / 1e6);
  c.timeval.write(timeval, { tv_sec, tv_usec: microseconds - tv_sec * 1e6 });
}
