/**
 * <time.h> and <sys/time.h>: the two structs of timeouts.
 *
 * @module
 */

import { platform } from "./platform.ts";
import { type Struct, struct } from "./struct.ts";

/** `struct timespec { time_t tv_sec; long tv_nsec; }`: seconds and nanoseconds. timespec(3type) */
export const timespec: Struct<{ tv_sec: number; tv_nsec: number }> = struct({
  tv_sec: "i64",
  tv_nsec: "i64",
});

/**
 * `struct timeval { time_t tv_sec; suseconds_t tv_usec; }`: seconds and microseconds.
 * timeval(3type)
 */
export const timeval: Struct<{ tv_sec: number; tv_usec: number }> = struct({
  tv_sec: platform.seconds,
  tv_usec: platform.suseconds,
});
