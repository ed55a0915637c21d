/** The wait of select(), which blocks the thread. */

import type { Mechanism, Outcome } from "./mechanism.ts";
import type { Found } from "./registrations.ts";

const INT_MAX = 2 ** 31 - 1; // milliseconds: a longer wait is made of several

/**
 * Waits until something is found, `timeout` milliseconds are over, or a wake-up or a signal ends
 * the wait. One wait of the mechanism is enough, except when the timeout is too long for the
 * operating system or when everything that was reported was dropped.
 */
export function blockingWait(
  mechanism: Mechanism,
  timeout: number,
  maxEvents: number,
  found: Found,
): Outcome {
  const deadline = timeout === Infinity ? Infinity : performance.now() + timeout;
  let remaining = timeout;
  do {
    const once = remaining <= INT_MAX || remaining === Infinity ? remaining : INT_MAX;
    const outcome = mechanism.wait(once, maxEvents, found);
    if (outcome !== "looked" || found.events.length > 0) return outcome;
    remaining = deadline - performance.now();
  } while (remaining > 0);
  return "looked";
}
