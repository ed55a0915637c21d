/**
 * Places every buffer that C gets directly before an inaccessible page, so that an access one byte
 * beyond it crashes the process (or gives EFAULT in the kernel). Preload it to run a whole suite
 * this way:
 *
 *     deno test -A --preload=./tests/helpers/guard_pages.ts tests/conformance_test.ts
 */

import { errno, interpose, setErrno } from "../../ffi/libc.ts";

const PAGE = 4096; // bytes
const [PROT_NONE, PROT_READ_WRITE] = [0, 3];
const MAP_PRIVATE_ANONYMOUS = 0x22; // <bits/mman.h>, Linux

const { symbols: { mmap, munmap, mprotect } } = Deno.dlopen("libc.so.6", {
  mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  munmap: { parameters: ["pointer", "usize"], result: "i32" },
  mprotect: { parameters: ["pointer", "usize", "i32"], result: "i32" },
});

/** Memory with a guard page behind it. */
class Guarded implements Disposable {
  readonly #pointer: Deno.PointerValue;
  readonly #size: number;
  readonly #memory: ArrayBuffer;

  /** Maps at least `bytes` bytes. */
  constructor(bytes: number) {
    this.#size = Math.max(Math.ceil(bytes / PAGE), 1) * PAGE;
    this.#pointer = mmap(
      null,
      BigInt(this.#size + PAGE),
      PROT_READ_WRITE,
      MAP_PRIVATE_ANONYMOUS,
      -1,
      0n,
    );
    const start = Deno.UnsafePointer.value(this.#pointer);
    const guard = Deno.UnsafePointer.create(start + BigInt(this.#size));
    if (mprotect(guard, BigInt(PAGE), PROT_NONE) !== 0) throw new Error("no guard page");
    this.#memory = Deno.UnsafePointerView.getArrayBuffer(this.#pointer!, this.#size);
  }

  /** The last bytes before the guard page. */
  last(bytes: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory, this.#size - bytes);
  }

  [Symbol.dispose](): void {
    munmap(this.#pointer, BigInt(this.#size + PAGE));
  }
}

let count = 0;

interpose((_name, call) => (...args: unknown[]) => {
  const stack = new DisposableStack();
  const places: { bytes: Uint8Array; copy: Uint8Array }[] = [];
  const moved = args.map((argument) => {
    if (!ArrayBuffer.isView(argument) || argument.byteLength === 0) return argument as never;
    const bytes = new Uint8Array(argument.buffer, argument.byteOffset, argument.byteLength);
    const copy = stack.use(new Guarded(bytes.length)).last(bytes.length);
    copy.set(bytes);
    places.push({ bytes, copy });
    count++;
    return copy as never;
  });
  const finish = <Result>(result: Result) => {
    const number = errno();
    for (const { bytes, copy } of places) bytes.set(copy);
    stack.dispose();
    setErrno(number);
    return result;
  };
  const result = call(...moved);
  return result instanceof Promise ? result.then(finish) : finish(result);
});

globalThis.addEventListener(
  "unload",
  () => console.error(`${count} buffers lay before a guard page`),
);
