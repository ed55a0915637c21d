/**
 * Runs before a program whose trace generate.ts takes. It makes descriptors start at FIRST_FD, so
 * that no other number in the trace looks like one, and prints the trace together with the output.
 *
 * @module
 */

import { F_DUPFD_CLOEXEC, fcntl, traceSyscalls } from "../ffi/mod.ts";
import { FIRST_FD } from "./normalise.ts";

while (fcntl(0, F_DUPFD_CLOEXEC, 0) < FIRST_FD - 1);
traceSyscalls((call) => console.log(`${call}`));
