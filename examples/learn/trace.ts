/**
 * Prints the syscalls of a program on standard error, as strace does:
 *
 *   deno run --allow-ffi --preload=examples/learn/trace.ts examples/learn/04_poll.ts
 *   deno task trace examples/learn/04_poll.ts
 */

import { traceSyscalls } from "../../mod.ts";

traceSyscalls();
