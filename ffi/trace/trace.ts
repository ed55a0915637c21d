/**
 * Every call that this library makes, as strace(1) prints it. While nobody traces, none of this
 * runs: calls go through a table of symbols, which is exchanged for one that records, and exchanged
 * back.
 *
 * @module
 */

import { arrayType, byteLength, bytesOf, type Memory } from "../arguments.ts";
import { errnoName, strerror } from "../errno.ts";
import { errno, interpose, setErrno } from "../libc.ts";
import { platform } from "../platform.ts";
import { type Argument, ARGUMENTS, type Call, resultNote, resultText } from "./decoders.ts";

/** A call that was made, with its arguments decoded. */
export interface SyscallRecord {
  /** `"epoll_ctl"` */
  readonly name: string;
  /** The arguments, each as strace(1) prints it: `"EPOLL_CTL_ADD"`. */
  readonly args: readonly string[];
  /** What the call returned. */
  readonly result: number;
  /** `"EAGAIN"`, where it failed. */
  readonly error?: string;
  /** How long the call took, in microseconds. */
  readonly duration: number;
  /** `epoll_ctl(3, EPOLL_CTL_ADD, 4, {events=EPOLLIN, data={u32=4, u64=4}}) = 0` */
  toString(): string;
}

// Functions of libc that are no syscalls, and those that only map memory for the library itself.
const NOT_REPORTED: ReadonlySet<string> = new Set([
  "inet_pton",
  "inet_ntop",
  "freeaddrinfo",
  "gai_strerror",
  "mmap",
  "mprotect",
  "munmap",
]);

// Bytes of an argument that the kernel may overwrite with its answer: sets, lists, lengths. Buffers
// are mostly larger.
const SMALL = 4096;

const sinks = new Set<{ sink: (call: SyscallRecord) => void }>();
let telling: Kept | undefined; // the memory of the call that they are being told of

/**
 * Reports every syscall that the library makes in this thread, until disposed. What a sink itself
 * calls is not reported, and what it throws is printed and forgotten. Several may trace at once:
 * each is told every call. `docs/tracing.md` says how to read the lines.
 *
 * @param sink What to do with each call. Default: a line on standard error.
 * @returns Ends the report when disposed; twice is once.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 *
 * @example
 * ```ts
 * import { Socket, traceSyscalls } from "@syscall/selectors";
 *
 * using _ = traceSyscalls((call) => console.log(`${call}`));
 * new Socket().close();
 * // socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = 3
 * // close(3) = 0
 * ```
 */
export function traceSyscalls(
  sink: (call: SyscallRecord) => void = (call) => console.error(`${call}`),
): Disposable {
  if (typeof sink !== "function") throw new TypeError("The sink must be a function");
  const entry = { sink };
  if (sinks.size === 0) interpose(recording);
  sinks.add(entry);
  return {
    [Symbol.dispose]() {
      if (sinks.delete(entry) && sinks.size === 0) interpose(undefined);
    },
  };
}

/** `call`, reported to the sinks each time. */
function recording(
  name: string,
  call: (...args: never[]) => unknown,
): (...args: never[]) => unknown {
  if (NOT_REPORTED.has(name)) return call;
  return (...args) => {
    if (telling !== undefined) {
      telling.keep(args);
      return call(...args);
    }
    const before = args.map(copyOfSmall);
    const start = performance.now();
    const result = call(...args);
    const number = errno();
    const end = performance.now();
    if (typeof result === "object" && result !== null) {
      return (result as Promise<number>).then((result) => {
        tell(name, args, before, result, result === -1 ? -1 : 0, performance.now() - start);
        return result;
      });
    }
    // The errno is for who called; what a sink does must not change it.
    if (typeof result === "number") tell(name, args, before, result, number, end - start);
    setErrno(number);
    return result;
  };
}

function tell(
  name: string,
  args: readonly unknown[],
  before: readonly Argument[],
  result: number,
  number: number,
  milliseconds: number,
): void {
  telling = new Kept(args);
  try {
    const call = { args: args.map(decodable), before, result };
    const record = new Record(name, call, number, milliseconds * 1000);
    for (const { sink } of [...sinks]) tellOne(sink, record);
  } finally {
    telling.restore();
    telling = undefined;
  }
}

/** An argument for the decoders: memory as plain bytes. */
function decodable(argument: unknown): Argument {
  return isMemory(argument) ? bytesOf(argument) : argument as Argument;
}

function copyOfSmall(argument: unknown): Argument {
  return isSmall(argument) ? bytesOf(argument).slice() : decodable(argument);
}

function isMemory(argument: unknown): argument is Memory {
  return arrayType(argument) !== undefined;
}

function isSmall(argument: unknown): argument is Memory {
  return isMemory(argument) && byteLength(argument) <= SMALL;
}

/**
 * What is in a call's memory, which its caller has yet to read: what a sink calls may use the same
 * again, the library's own buffers above all. What is shared with another thread is left alone.
 */
class Kept {
  readonly #bytes: Uint8Array[];
  readonly #copies: (Uint8Array | undefined)[];

  constructor(args: readonly unknown[]) {
    this.#bytes = args.filter(isMemory).map(bytesOf)
      .filter(({ buffer }) => buffer instanceof ArrayBuffer);
    this.#copies = this.#bytes.map((bytes) => isSmall(bytes) ? bytes.slice() : undefined);
  }

  /**
   * Large memory is kept when a call of a sink's is about to use it: nothing but the kernel writes
   * there.
   */
  keep(args: readonly unknown[]): void {
    const buffers = new Set(args.filter(isMemory).map((memory) => bytesOf(memory).buffer));
    this.#bytes.forEach((bytes, i) => {
      if (buffers.has(bytes.buffer)) this.#copies[i] ??= bytes.slice();
    });
  }

  restore(): void {
    this.#copies.forEach((copy, i) => {
      const bytes = this.#bytes[i]!;
      if (copy !== undefined && bytes.length === copy.length) bytes.set(copy); // not transferred meanwhile
    });
  }
}

function tellOne(sink: (call: SyscallRecord) => void, record: SyscallRecord): void {
  try {
    sink(record);
  } catch (error) {
    console.error("A sink of traceSyscalls() failed:", error);
  }
}

class Record implements SyscallRecord {
  readonly name: string;
  readonly args: readonly string[];
  readonly result: number;
  declare readonly error?: string;
  readonly duration: number;
  readonly #outcome: string;

  constructor(name: string, call: Call, number: number, duration: number) {
    const plain = name.replace(/_nonblocking$/, "");
    // Winsock's own name; those of other platforms tell only which version of a function it is.
    this.name = platform.isWinsock ? platform.renamed[plain] ?? plain : plain;
    const decode = ARGUMENTS[plain] ?? (({ args }) => args.map(String));
    this.args = decode(call).map(String);
    this.result = call.result;
    this.duration = duration;
    this.#outcome = resultText(plain, call) + resultNote(plain, call);
    if (call.result === -1 && number > 0) {
      this.error = errnoName(number);
      this.#outcome = `-1 ${this.error} (${strerror(number)})`;
    }
  }

  toString(): string {
    return `${this.name}(${this.args.join(", ")}) = ${this.#outcome}`;
  }
}
