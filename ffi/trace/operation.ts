/**
 * Operations of the library that take several steps, such as a selector's wait. A trace reports
 * their calls when the operation ends: so a sink, which may use the library, never finds a selector
 * in the middle of a step. When tracing is off, an operation costs two increments.
 *
 * @module
 */

const state = {
  /** How many operations are under way, one within the other. */
  depth: 0,
  /** What to do at the end of the outermost one. */
  waiting: [] as (() => void)[],
};

/** An operation begins. Call {@linkcode endOperation} in a `finally` block. */
export function beginOperation(): void {
  state.depth++;
}

/** An operation ends: the reports that were waiting for the outermost one are delivered. */
export function endOperation(): void {
  if (--state.depth === 0 && state.waiting.length > 0) {
    for (const report of state.waiting.splice(0)) report();
  }
}

/** Runs `action` as an operation. */
export function asOperation<Result>(action: () => Result): Result {
  beginOperation();
  try {
    return action();
  } finally {
    endOperation();
  }
}

/** Whether an operation is under way. */
export function isWithinOperation(): boolean {
  return state.depth > 0;
}

/** Calls `report`, which must not throw, when the operation that is under way has ended. */
export function afterOperation(report: () => void): void {
  state.waiting.push(report);
}
