/**
 * The C library, opened with `Deno.dlopen` at the first call: never at import, so that importing
 * needs no permission. It is never closed. symbols.ts has its functions.
 *
 * @module
 */

import { openFirst } from "./dlopen.ts";
import { platform } from "./platform.ts";
import { SYMBOLS, type Symbols } from "./symbols.ts";
import { openVariadic } from "./variadic.ts";
import { startWinsock } from "./winsock_errors.ts";

export type { Symbols };

/** The functions of a library: the real ones, and those that are called, which may be wrapped. */
interface Library {
  readonly real: Symbols;
  symbols: Symbols;
}

type Wrap = (name: string, call: (...args: never[]) => unknown) => unknown;

let symbols: Symbols | undefined; // of the C library; a variable of its own: every call reads it
let lastError: Int32Array | undefined; // this thread's errno
const libraries = new Map<string, Library>(); // by path; the C library's path is ""
let wrap: Wrap | undefined;

/**
 * The functions of the C library. They check no argument.
 *
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 * @throws {Deno.errors.NotSupported} When the C library of the platform is unknown or cannot be
 * opened.
 */
export function libc(): Symbols {
  return symbols ?? open();
}

/**
 * The functions of another library, which has some of those of the C library, such as kqueue().
 *
 * @param path The library, as dlopen(3) takes it.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 * @throws {Deno.errors.NotSupported} When it cannot be opened.
 */
export function library(path: string): Library {
  libc(); // asks for the permission, and finds errno
  return libraries.get(path) ?? add(path, openSymbols([path], lastError!));
}

/** Puts `wrapper` around every function of the libraries; without one, calls the real functions. */
export function interpose(wrapper: Wrap | undefined): void {
  libc();
  wrap = wrapper;
  for (const library of libraries.values()) library.symbols = wrapped(library.real);
  symbols = libraries.get("")!.symbols;
}

/** Sets this thread's errno. */
export function setErrno(number: number): void {
  if (lastError !== undefined) lastError[0] = number;
}

/**
 * The error number that the last failed call of this thread left. Read it directly after the call:
 * anything that allocates memory or makes a call may change it. On Windows it is the error of the
 * last failed call of this library. errno(3)
 *
 * @returns The platform's number, for example 104 for ECONNRESET on Linux.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 *
 * @example A failed call, and why it failed
 * ```ts
 * import { close, errno } from "@syscall/selectors/ffi";
 *
 * if (close(-1) === -1) console.log(errno()); // 9, EBADF
 * ```
 */
export function errno(): number {
  if (lastError === undefined) open();
  return lastError![0]!;
}

function open(): Symbols {
  // Requested without a path: a permission for a path does not cover a bare name such as libc.so.6.
  if (Deno.permissions.requestSync({ name: "ffi" }).state !== "granted") {
    throw new Deno.errors.NotCapable(
      "Requires ffi access to call the C library, run again with the --allow-ffi flag",
    );
  }
  const memory = platform.isWinsock ? new Int32Array(1) : openErrno();
  symbols = add("", openSymbols(platform.libraries, memory)).symbols;
  lastError = memory; // only now: errno() throws, too, when the library cannot be opened
  return symbols;
}

/** The memory that holds this thread's errno. */
function openErrno(): Int32Array {
  const { location } = openFirst(platform.libraries, {
    location: { name: platform.errnoLocation, parameters: [], result: "pointer" },
  });
  return new Int32Array(Deno.UnsafePointerView.getArrayBuffer(location()!, 4));
}

function add(path: string, real: Symbols): Library {
  const library = { real, symbols: wrapped(real) };
  libraries.set(path, library);
  return library;
}

function wrapped(real: Symbols): Symbols {
  if (wrap === undefined) return real;
  const entries = Object.entries(real).map(([name, call]) => {
    return [name, call === null ? null : wrap!(name, call as (...args: never[]) => unknown)];
  });
  return Object.fromEntries(entries) as Symbols;
}

/** Looks up every function. Those that the platform lacks throw when they are called. */
function openSymbols(paths: readonly string[], lastError: Int32Array): Symbols {
  const lookups = Object.entries<Deno.ForeignFunction>(SYMBOLS).map(([name, symbol]) => {
    const plain = symbol.name ?? name;
    return [name, { ...symbol, name: platform.renamed[plain] ?? plain, optional: true }];
  });
  let found: Record<string, unknown> = openFirst(
    paths,
    Object.fromEntries(lookups) as Deno.ForeignLibraryInterface,
  );
  if (platform.variadicOnStack) Object.assign(found, openVariadic(paths));
  if (platform.isWinsock) found = startWinsock(paths, found, lastError);
  for (const [name, symbol] of Object.entries(SYMBOLS)) {
    if (found[name] !== null || "optional" in symbol) continue;
    found[name] = () => {
      throw new Deno.errors.NotSupported(`${name} is not in the C library of ${Deno.build.target}`);
    };
  }
  return found as Symbols;
}
