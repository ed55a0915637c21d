/**
 * How every measured program is started: on one processor, so that nothing moves it while it is measured, and with as
 * many descriptors as the machine allows.
 *
 * @module
 */

import { hasCommand } from "../tests/helpers/programs.ts";

// The usual limit is 1,024, and 8,000 connections are asked for.
const RAISE_LIMIT = 'ulimit -n "$(ulimit -H -n)"; exec "$@"';

/** Whether a server and its load can have a processor each. */
export const canPin: boolean = navigator.hardwareConcurrency > 1 && hasCommand("taskset");

/** The arguments of sh(1) that start a command on a processor; it keeps the shell's process id. */
export function pinned(processor: number, command: readonly string[]): string[] {
  const prefix = canPin ? ["taskset", "-c", `${processor}`] : [];
  return ["-c", RAISE_LIMIT, "sh", ...prefix, ...command];
}
