/**
 * How every measured program is started: on one processor, so that the scheduler does not move it,
 * and with as many descriptors as the machine allows.
 *
 * @module
 */

import { hasCommand } from "./programs.ts";

// The usual limit is 1,024 descriptors, and a workload has 8,000 connections.
const RAISE_LIMIT = 'ulimit -n "$(ulimit -H -n)"; exec "$@"';

/** Whether a server and its load can have a processor each. */
export const canPin: boolean = navigator.hardwareConcurrency > 1 && hasCommand("taskset");

/** The arguments of sh(1) that run a command on a processor, under the shell's process id. */
export function pinned(processor: number, command: readonly string[]): string[] {
  const prefix = canPin ? ["taskset", "-c", `${processor}`] : [];
  return ["-c", RAISE_LIMIT, "sh", ...prefix, ...command];
}
