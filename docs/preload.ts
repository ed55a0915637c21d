/**
 * Runs before a program whose trace generate.ts takes: from FIRST_FD on, so that no other number in the trace is
 * taken for a descriptor, and with the trace beside what the program prints.
 *
 * @module
 */

import { F_DUPFD_CLOEXEC, fcntl, traceSyscalls } from "../ffi/mod.ts";
import { FIRST_FD } from "./normalise.ts";

while (fcntl(0, F_DUPFD_CLOEXEC, 0) < FIRST_FD - 1);
traceSyscalls((call) => console.log(`${call}`));
