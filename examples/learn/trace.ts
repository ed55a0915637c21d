/**
 * Shows the syscalls of any program here, as strace would, on standard error:
 *
 *   deno run --allow-ffi --preload=examples/learn/trace.ts examples/learn/04_poll.ts
 *   deno task trace examples/learn/04_poll.ts
 */

import { traceSyscalls } from "../../mod.ts";

traceSyscalls();
