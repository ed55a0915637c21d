/**
 * The engine's own functions, taken when this module is loaded. Checks and copies use these only: a
 * program that replaces `Uint8Array.prototype.set`, puts a `call` property on a getter, or sets
 * `Symbol.species`, changes neither what is checked nor what is copied.
 *
 * @module
 */

const { bind, call } = Function.prototype;

/**
 * `uncurryThis(method)(self, ...args)` is `method.call(self, ...args)`, without looking up `call`.
 */
const uncurryThis = bind.bind(call) as <Self, Args extends unknown[], Result>(
  method: (this: Self, ...args: Args) => Result,
) => (self: Self, ...args: Args) => Result;

/** `Reflect.apply`. */
export const apply = Reflect.apply as <Args extends unknown[], Result>(
  target: (...args: Args) => Result,
  self: unknown,
  args: Args,
) => Result;

const typedArray = Object.getPrototypeOf(Uint8Array.prototype);

function getter<Result>(name: PropertyKey): (self: unknown) => Result {
  const { get } = Object.getOwnPropertyDescriptor(typedArray, name)!;
  return uncurryThis(get as (this: unknown) => Result);
}

/** `byteLength` of a typed array; 0 for a detached or out-of-bounds one. */
export const byteLengthOf: (array: unknown) => number = getter("byteLength");

/** `byteOffset` of a typed array; 0 for a detached or out-of-bounds one. */
export const byteOffsetOf: (array: unknown) => number = getter("byteOffset");

/** `buffer` of a typed array. */
export const bufferOf: (array: unknown) => ArrayBufferLike = getter("buffer");

/** The name of a typed array's type, such as `"Int32Array"`; undefined for any other value. */
export const typeOf: (value: unknown) => string | undefined = getter(Symbol.toStringTag);

const Bytes = Uint8Array;
const Buffer = ArrayBuffer;
const set = uncurryThis(Uint8Array.prototype.set);
const fillWith = uncurryThis(Uint8Array.prototype.fill);
const encoder = new TextEncoder();
const encode = uncurryThis(TextEncoder.prototype.encode);

/** `text` as UTF-8. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encode(encoder, text);
}

/** A Uint8Array of `size` bytes at `offset` in `buffer`. */
export function view(buffer: ArrayBufferLike, offset: number, size: number): Uint8Array {
  return new Bytes(buffer, offset, size);
}

/** `target.set(source, offset)`. */
export function setBytes(target: Uint8Array, source: Uint8Array, offset = 0): void {
  set(target, source, offset);
}

/** `target.fill(value, start, end)`. */
export function fill(target: Uint8Array, value: number, start: number, end: number): void {
  fillWith(target, value, start, end);
}

/**
 * A new array with the first `size` bytes of `source`, and zeros where it has fewer. It never
 * moves, so that another thread may use it: V8 moves small arrays that were made without a buffer.
 */
export function copyOf(source: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const copy = new Bytes(new Buffer(size));
  const available = byteLengthOf(source);
  set(copy, available <= size ? source : view(bufferOf(source), byteOffsetOf(source), size));
  return copy;
}

/** `performance.now()`, also while a program's tests replace it. */
export const now: () => number = performance.now.bind(performance);

/** `promise.then(onFulfilled, onRejected)`. */
export const then: <T, R>(
  promise: Promise<T>,
  onFulfilled: (value: T) => R,
  onRejected?: (reason: unknown) => R,
) => Promise<R> = uncurryThis(Promise.prototype.then) as never;

/** `set.has(value)`, `set.add(value)` and `set.delete(value)`. */
export const setHas: <T>(set: Set<T>, value: T) => boolean = uncurryThis(Set.prototype.has);
/** Adds a value to a set. */
export const setAdd: <T>(set: Set<T>, value: T) => unknown = uncurryThis(Set.prototype.add);
/** Removes a value from a set. */
export const setDelete: <T>(set: Set<T>, value: T) => boolean = uncurryThis(Set.prototype.delete);

const { freeze, keys } = Object;

/** Freezes `value` and every object in it, and returns it. */
export function deepFreeze<T extends object>(value: T): T {
  for (const key of keys(value)) {
    const part = (value as Record<string, unknown>)[key];
    if (typeof part === "object" && part !== null) deepFreeze(part);
  }
  return freeze(value);
}
