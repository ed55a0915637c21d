/** How long things take, on machines that others keep busy. */

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

/** Does something until it has taken as little time as it should, by its own account in milliseconds: the best of some rounds counts. */
export async function promptly(action: () => Promise<number>, limit = PROMPT): Promise<void> {
  let best = Infinity;
  for (let round = 0; round < ROUNDS && best >= limit; round++) {
    best = Math.min(best, await action());
  }
  assertLess(best, limit);
}
