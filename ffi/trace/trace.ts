/**
 * Every call that this library makes, as strace(1) prints it. Calls go through a table of symbols.
 * While a trace is active, that table is replaced by one whose functions record; otherwise none of
 * this runs.
 *
 * A trace changes nothing that a call does: whatever a sink, a decoder or the console throws, the
 * call returns its result, its memory and its errno.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { arrayType, byteLength, bytesOf, copyBytes, type Memory } from "../arguments.ts";
import { errnoName, strerror } from "../errno.ts";
import { apply, byteLengthOf, now, setBytes, then } from "../intrinsics.ts";
import { errno, interpose, setErrno } from "../libc.ts";
import { platform } from "../platform.ts";
import { type Argument, ARGUMENTS, type Call, resultNote, resultText } from "./decoders.ts";
import { afterOperation, isWithinOperation } from "./operation.ts";

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

/**
 * Who makes a call: a sink (the code that it runs, also later), or the loop that all waits share.
 */
export type Caller = "sink" | "loop";

const caller = new AsyncLocalStorage<Caller | undefined>();

/** One sink, from traceSyscalls() until it is disposed. */
interface Tracing {
  readonly sink: (call: SyscallRecord) => unknown;
  /** How many promises that the sink returned are pending. */
  pending: number;
}

const tracings = new Set<Tracing>();
let kept: Kept | undefined; // the memory of the call that is being reported

/**
 * Reports every syscall that the library makes in this thread, until it is disposed. Several may
 * trace at once: each gets every call. `docs/tracing.md` says how to read the lines.
 *
 * The sink is called when the call has returned; for a call of a selector, when the selector's
 * method is about to return, so that the sink may use the same selector. What the sink calls, at
 * once or later in a promise or timer, is not reported. What it throws, and what its promise
 * rejects with, is printed on standard error and changes nothing.
 *
 * @param sink What to do with each call. Default: print a line on standard error.
 * @returns Ends the tracing when it is disposed. Disposing it again has no effect.
 * @throws {TypeError} When the sink is not a function.
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
  const tracing: Tracing = { sink, pending: 0 };
  if (tracings.size === 0) interpose(recording);
  tracings.add(tracing);
  return {
    [Symbol.dispose]() {
      if (tracings.delete(tracing) && tracings.size === 0) interpose(undefined);
    },
  };
}

/** Who makes the calls of this moment. undefined is the program. */
export function currentCaller(): Caller | undefined {
  return calls.areOfLoop ? "loop" : caller.getStore();
}

/** Runs `action`, of which the calls are those of `by`. */
export function callAs<Result>(by: Caller | undefined, action: () => Result): Result {
  const before = calls.areOfLoop;
  calls.areOfLoop = false;
  try {
    return caller.getStore() === by ? action() : caller.run(by, action);
  } finally {
    calls.areOfLoop = before;
  }
}

/**
 * Runs a step of a loop that serves the waits of all callers. Its calls are nobody's in particular:
 * they are reported, except while a sink waits. Otherwise a sink that waits would be fed with the
 * calls of its own wait, without end.
 */
export function asLoop<Result>(step: () => Result): Result {
  const before = calls.areOfLoop;
  calls.areOfLoop = true;
  try {
    return step();
  } finally {
    calls.areOfLoop = before;
  }
}

/** Notes that the caller waits for such a loop until `promise` settles. */
export function waitsForLoop(promise: Promise<unknown>): void {
  if (currentCaller() !== "sink") return;
  calls.waitingSinks++;
  const settled = () => {
    calls.waitingSinks--;
  };
  then(promise, settled, settled);
}

const calls = {
  /** Whether a step of a loop is under way. */
  areOfLoop: false,
  /** How many sinks wait for a loop. */
  waitingSinks: 0,
};

/** `call`, reported to the sinks each time. */
function recording(
  name: string,
  call: (...args: never[]) => unknown,
): (...args: never[]) => unknown {
  if (NOT_REPORTED.has(name)) return call;
  return (...args) => {
    const by = currentCaller();
    if (by === "sink") {
      kept?.keep(args);
      return apply(call, undefined, args);
    }
    const before = tryCopySmall(args);
    const start = now();
    const result = apply(call, undefined, args);
    const number = errno();
    const duration = now() - start;
    if (result instanceof Promise) {
      return then(result as Promise<number>, (result) => {
        const failure = result === -1 ? UNKNOWN_ERRNO : 0; // the errno is the other thread's
        tryReport(name, { args, before, result, number: failure, duration: now() - start, by });
        return result;
      });
    }
    if (typeof result === "number") tryReport(name, { args, before, result, number, duration, by });
    setErrno(number); // that of the call, whatever a sink did
    return result;
  };
}

const UNKNOWN_ERRNO = -1;

/** A call that has returned. */
interface Made {
  readonly args: readonly unknown[];
  readonly before: readonly Argument[];
  readonly result: number;
  readonly number: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly by: Caller | undefined;
}

/** Decodes a call, and delivers its record: at once, or after the operation that it is part of. */
function tryReport(name: string, { args, before, result, number, duration, by }: Made): void {
  try {
    const call = { args: args.map(decodable), before, result };
    const record = new Record(name, call, number, duration * 1000);
    const to = [...tracings];
    if (isWithinOperation()) afterOperation(() => deliverLater(record, to, by));
    else deliverNow(record, to, by, args);
  } catch {
    // There is no memory to report the call with. It was made, and that is what counts.
  }
}

/** Reports a call before it returns: its caller has not read its memory and its errno yet. */
function deliverNow(
  record: SyscallRecord,
  to: readonly Tracing[],
  by: Caller | undefined,
  args: readonly unknown[],
): void {
  kept = new Kept(args);
  try {
    for (const tracing of to) deliver(record, tracing, by);
  } finally {
    kept.restore();
    kept = undefined;
  }
}

/** After the operation that the call was part of. */
function deliverLater(record: SyscallRecord, to: readonly Tracing[], by: Caller | undefined): void {
  const number = errno();
  for (const tracing of to) deliver(record, tracing, by);
  setErrno(number);
}

function deliver(record: SyscallRecord, tracing: Tracing, by: Caller | undefined): void {
  if (!tracings.has(tracing)) return; // the trace has ended in the meantime
  if (by === "loop" && (tracing.pending > 0 || calls.waitingSinks > 0)) return;
  callAs("sink", () => callSink(tracing, record));
}

function callSink(tracing: Tracing, record: SyscallRecord): void {
  try {
    const { sink } = tracing;
    const result = sink(record);
    if (!(result instanceof Promise)) return;
    tracing.pending++;
    then(result, () => {
      tracing.pending--;
    }, (error) => {
      tracing.pending--;
      printFailure(error);
    });
  } catch (error) {
    printFailure(error);
  }
}

/** Prints what a sink threw, if that can be printed and standard error can be written to. */
function printFailure(error: unknown): void {
  try {
    console.error("A sink of traceSyscalls() failed:", error);
    return;
  } catch {
    // Inspecting the value threw, or writing did.
  }
  try {
    console.error("A sink of traceSyscalls() failed with a value that cannot be printed");
  } catch {
    // There is nowhere left to say so, and the program's call must not fail for that.
  }
}

/** An argument for the decoders: memory as plain bytes. */
function decodable(argument: unknown): Argument {
  return isMemory(argument) ? bytesOf(argument) : argument as Argument;
}

/**
 * The arguments, with copies of the arrays that are small; none when there is no memory for them.
 */
function tryCopySmall(args: readonly unknown[]): Argument[] {
  try {
    return args.map((argument) =>
      isSmall(argument) ? copied(bytesOf(argument)) : decodable(argument)
    );
  } catch {
    return [];
  }
}

function isMemory(argument: unknown): argument is Memory {
  return arrayType(argument) !== undefined;
}

function isSmall(argument: unknown): argument is Memory {
  return isMemory(argument) && byteLength(argument) <= SMALL;
}

/**
 * Saves the buffers of a call that is being reported, because its caller has not read them yet and
 * a sink's own calls may reuse them. Memory that is shared with another thread is not saved.
 */
class Kept {
  readonly #bytes: Uint8Array[];
  readonly #copies: (Uint8Array | undefined)[];

  constructor(args: readonly unknown[]) {
    this.#bytes = args.filter(isMemory).map(bytesOf)
      .filter(({ buffer }) => buffer instanceof ArrayBuffer);
    this.#copies = this.#bytes.map((bytes) => isSmall(bytes) ? copied(bytes) : undefined);
  }

  /** Keeps large memory that a sink's call is about to use. Only the kernel writes there. */
  keep(args: readonly unknown[]): void {
    const buffers = new Set(args.filter(isMemory).map((memory) => bytesOf(memory).buffer));
    this.#bytes.forEach((bytes, i) => {
      if (buffers.has(bytes.buffer)) this.#copies[i] ??= copied(bytes);
    });
  }

  restore(): void {
    this.#copies.forEach((copy, i) => {
      const bytes = this.#bytes[i]!;
      // Not where a sink has transferred the buffer.
      if (copy !== undefined && byteLengthOf(bytes) === copy.length) setBytes(bytes, copy);
    });
  }
}

function copied(bytes: Uint8Array): Uint8Array {
  return copyBytes(bytes, byteLengthOf(bytes));
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
    // Winsock's own name; those of other platforms only say which version of a function it is.
    this.name = platform.isWinsock ? platform.renamed[plain] ?? plain : plain;
    this.result = call.result;
    this.duration = duration;
    try {
      const decode = ARGUMENTS[plain] ?? (({ args }) => args.map(String));
      this.args = decode(call).map(String);
      this.#outcome = resultText(plain, call) + resultNote(plain, call);
    } catch { // memory that a decoder does not understand: the call is reported without it
      this.args = call.args.map(undecoded);
      this.#outcome = `${call.result}`;
    }
    if (call.result === -1 && number > 0) {
      this.error = errnoName(number);
      this.#outcome = `-1 ${this.error} (${strerror(number)})`;
    }
  }

  toString(): string {
    return `${this.name}(${this.args.join(", ")}) = ${this.#outcome}`;
  }
}

function undecoded(argument: Argument): string {
  if (argument === null) return "NULL";
  return typeof argument === "object" ? "[…]" : `${argument}`;
}
