/**
 * The functions of `@std/assert` that the tests use, on top of `node:assert/strict`, because JSR is
 * not reachable from all machines that run the tests. `jsr:@std/assert@^1` in the import map can
 * replace this file.
 *
 * @module
 */

import assertStrict from "node:assert/strict";

export { AssertionError } from "node:assert/strict";

// deno-lint-ignore no-explicit-any -- std's own signature: constructors of every kind
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

export function assert(condition: unknown, message?: string): asserts condition {
  assertStrict.ok(condition, message);
}

export function assertFalse(condition: unknown, message?: string): void {
  assertStrict.ok(!condition, message);
}

export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  assertStrict.deepEqual(actual, expected, message);
}

export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  assertStrict.notDeepEqual(actual, expected, message);
}

export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  message?: string,
): asserts actual is T {
  assertStrict.equal(actual, expected, message);
}

export function assertExists<T>(actual: T, message?: string): asserts actual is NonNullable<T> {
  assertStrict.ok(actual !== undefined && actual !== null, message ?? "expected a value");
}

// deno-lint-ignore no-explicit-any -- std's own signature
export function assertInstanceOf<T extends abstract new (...args: any[]) => any>(
  actual: unknown,
  expectedType: T,
  message?: string,
): asserts actual is InstanceType<T> {
  const name = actual instanceof Error ? `${actual.name}: ${actual.message}` : String(actual);
  assertStrict.ok(
    actual instanceof expectedType,
    message ?? `expected an instance of ${expectedType.name}, and got ${name}`,
  );
}

export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  assertStrict.match(actual, expected, message);
}

export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  assertStrict.ok(
    actual.includes(expected),
    message ?? `expected ${JSON.stringify(actual)} to include ${JSON.stringify(expected)}`,
  );
}

export function assertGreater<T>(actual: T, expected: T, message?: string): void {
  assertStrict.ok(actual > expected, message ?? `expected ${actual} > ${expected}`);
}

export function assertGreaterOrEqual<T>(actual: T, expected: T, message?: string): void {
  assertStrict.ok(actual >= expected, message ?? `expected ${actual} >= ${expected}`);
}

export function assertLess<T>(actual: T, expected: T, message?: string): void {
  assertStrict.ok(actual < expected, message ?? `expected ${actual} < ${expected}`);
}

export function assertLessOrEqual<T>(actual: T, expected: T, message?: string): void {
  assertStrict.ok(actual <= expected, message ?? `expected ${actual} <= ${expected}`);
}

export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass?: ErrorClass<E>,
  messageIncludes?: string,
  message?: string,
): E {
  try {
    fn();
  } catch (error) {
    return checkError(error, errorClass, messageIncludes, message);
  }
  return assertStrict.fail(message ?? "expected the function to throw");
}

export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass?: ErrorClass<E>,
  messageIncludes?: string,
  message?: string,
): Promise<E> {
  try {
    await fn();
  } catch (error) {
    return checkError(error, errorClass, messageIncludes, message);
  }
  return assertStrict.fail(message ?? "expected the promise to reject");
}

export function fail(message?: string): never {
  assertStrict.fail(message ?? "failed");
}

function checkError<E extends Error>(
  error: unknown,
  errorClass: ErrorClass<E> | undefined,
  messageIncludes: string | undefined,
  message: string | undefined,
): E {
  assertInstanceOf(error, errorClass ?? Error, message);
  if (messageIncludes !== undefined) assertStringIncludes(error.message, messageIncludes, message);
  return error as E;
}
