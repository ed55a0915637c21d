/**
 * Methods as operations: what a trace reports of the calls that a method makes is delivered when
 * the method is about to return. See `ffi/trace/operation.ts`.
 *
 * @module
 */

import { beginOperation, endOperation } from "../ffi/trace/operation.ts";

export { asOperation } from "../ffi/trace/operation.ts";

type Method = (this: unknown, a?: unknown, b?: unknown, c?: unknown, d?: unknown) => unknown;

/** Replaces methods of a class, of up to four parameters, by operations that call them. */
export function makeOperations(prototype: object, ...names: readonly string[]): void {
  for (const name of names) {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name)!;
    Object.defineProperty(prototype, name, { ...descriptor, value: operation(descriptor.value) });
  }
}

function operation(method: Method): Method {
  const operation: Method = function (a, b, c, d) {
    beginOperation();
    try {
      return method.call(this, a, b, c, d);
    } finally {
      endOperation();
    }
  };
  const { name, length } = method;
  return Object.defineProperties(operation, { name: { value: name }, length: { value: length } });
}
