/**
 * Every call that this library makes, as strace(1) prints it. While nobody traces, none of this runs: calls go through a
 * table of symbols, which is exchanged for one that records, and exchanged back.
 *
 * @module
 */

import { bytesOf, type Memory } from "./arguments.ts";
import { errnoName, strerror } from "./errno.ts";
import { errno, interpose, setErrno } from "./libc.ts";
import { platform } from "./platform.ts";
import { ARGUMENTS, type Call, resultNote, resultText } from "./strace.ts";

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

// Functions of libc that work on memory alone.
const NOT_SYSCALLS = new Set(["inet_pton", "inet_ntop", "freeaddrinfo", "gai_strerror"]);

// Bytes of an argument that the kernel may overwrite with its answer: sets, lists, lengths. Buffers are mostly larger.
const SMALL = 4096;
const LARGEST_STRUCT = 64; // bytes: FreeBSD's struct kevent

const sinks = new Set<{ sink: (call: SyscallRecord) => void }>();
let isTelling = false;

/**
 * Reports every syscall that the library makes in this thread, until disposed. What a sink itself calls is not reported, and what it
 * throws is printed and forgotten. Several may trace at once: each is told every call. `docs/tracing.md` says how to read the lines.
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
  if (NOT_SYSCALLS.has(name)) return call;
  return (...args) => {
    if (isTelling) return call(...args);
    const before = args.map(copySmall);
    const start = performance.now();
    const result = call(...args);
    const number = errno();
    const end = performance.now();
    if (typeof result === "object" && result !== null) {
      return (result as Promise<number>).then((result) => {
        tell(name, { args, before, result }, result === -1 ? -1 : 0, performance.now() - start);
        return result;
      });
    }
    // The errno and what the kernel wrote are for who called: a sink that uses the library itself must not change them.
    const after = args.map((argument) => copyWritten(argument, result));
    if (typeof result === "number") tell(name, { args, before, result }, number, end - start);
    args.forEach((argument, i) => restore(argument, after[i]!));
    setErrno(number);
    return result;
  };
}

function copySmall(argument: unknown): never {
  const isSmall = ArrayBuffer.isView(argument) && argument.byteLength <= SMALL;
  return (isSmall ? (argument as Uint8Array).slice() : argument) as never;
}

/** What the kernel may have written: all of what is small, and what it says of the rest, which are bytes or structs. */
function copyWritten(argument: unknown, result: unknown): unknown {
  if (!ArrayBuffer.isView(argument) || argument.byteLength <= SMALL) return copySmall(argument);
  const written = typeof result === "number" ? Math.max(result, 0) * LARGEST_STRUCT : 0;
  return bytesOf(argument as Memory).slice(0, written);
}

function restore(argument: unknown, bytes: unknown): void {
  if (bytes === argument) return;
  const isSmall = (argument as Memory).byteLength <= SMALL;
  (isSmall ? argument as Uint8Array : bytesOf(argument as Memory)).set(bytes as Uint8Array);
}

function tell(name: string, call: Call, number: number, milliseconds: number): void {
  isTelling = true;
  try {
    const record = new Record(name, call, number, milliseconds * 1000);
    for (const { sink } of [...sinks]) tellOne(sink, record);
  } finally {
    isTelling = false;
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
