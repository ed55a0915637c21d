/** Measures durations on machines that are busy with other work. */

import { assertLess } from "@std/assert";

export const PROMPT = 100; // milliseconds
const ROUNDS = 20;

export function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** How long a wait took, in milliseconds. */
export async function timed(wait: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await wait();
  return performance.now() - start;
}

/**
 * Repeats a measurement in milliseconds until it is short enough, and asserts that the best of some
 * rounds is.
 */
export async function promptly(action: () => Promise<number>, limit = PROMPT): Promise<void> {
  let best = Infinity;
  for (let round = 0; round < ROUNDS && best >= limit; round++) {
    best = Math.min(best, await action());
  }
  assertLess(best, limit);
}
