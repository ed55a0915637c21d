/**
 * Makes calls of the C library fail at random in a Deno process: compiles `platforms/faults.c` on
 * first use, and talks to it through a shared file.
 *
 * @module
 */

import { hasCommand, path, run } from "./programs.ts";

/** The ways in which a call can fail, in the order of faults.c. */
export const KINDS = [
  "EINTR",
  "EAGAIN",
  "one byte",
  "ECONNABORTED",
  "EMFILE",
  "ENFILE",
  "ENOMEM",
  "ENOBUFS",
] as const;

/** The functions that can fail, in the order of faults.c; each name covers its variants. */
export const CALLS = [
  "recv",
  "send",
  "accept",
  "wait",
  "epoll_ctl",
  "setsockopt",
  "read",
  "write",
  "close",
] as const;

export type Kind = typeof KINDS[number];
export type Call = typeof CALLS[number];

// The word offsets of the file: struct page of faults.c.
const RATE = 0;
const ALLOWED = 1;
const SEED = 2;
const CALLED = 3;
const FAULTS = CALLED + CALLS.length;
const END = FAULTS + CALLS.length * KINDS.length;

const CC = Deno.env.get("CC") ?? "cc";

/** Why calls cannot be made to fail on this machine; undefined if they can. */
export const cannotFail: string | undefined = Deno.build.os !== "linux"
  ? "dlsym(3) is glibc's"
  : Deno.env.has("SELECTORS_EMULATOR")
  ? "the C library is a stand-in already"
  : hasCommand(CC)
  ? undefined
  : `no C compiler: ${CC} is not there`;

/** The faults of one process. */
export class Faults implements AsyncDisposable {
  readonly #directory: string;
  readonly #page: Deno.FsFile;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#page = Deno.openSync(`${directory}/page`, { read: true, write: true, create: true });
    this.#page.truncateSync(END * 4);
  }

  /** Starts without faults. */
  static async make(): Promise<Faults> {
    const directory = await Deno.makeTempDir();
    const flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror"];
    const source = path("tests/platforms/faults.c");
    const { code, stderr } = await run(CC, [
      ...flags,
      "-o",
      `${directory}/faults.so`,
      source,
      "-ldl",
    ]);
    if (code !== 0) throw new Error(stderr);
    return new Faults(directory);
  }

  /** The environment variables that a process needs to get these faults. */
  get env(): Record<string, string> {
    return { LD_PRELOAD: `${this.#directory}/faults.so`, FAULTS: `${this.#directory}/page` };
  }

  /** From now on `rate` of 1024 calls fail, each in one of these ways. Same seed, same faults. */
  begin(rate: number, kinds: readonly Kind[], seed: number): void {
    this.#write(ALLOWED, kinds.reduce((bits, kind) => bits | 1 << KINDS.indexOf(kind), 0));
    this.#write(SEED, seed);
    this.#write(RATE, rate);
  }

  /** From now on no call fails. */
  end(): void {
    this.#write(RATE, 0);
  }

  /** How often a function was called. */
  called(call: Call): number {
    return this.#read()[CALLED + CALLS.indexOf(call)]!;
  }

  /** How often each fault happened to each function, by names such as `"recv EINTR"`. */
  counts(): Map<`${Call} ${Kind}`, number> {
    const words = this.#read();
    const counts = CALLS.flatMap((call, row) =>
      KINDS.map((kind, column): [`${Call} ${Kind}`, number] => [
        `${call} ${kind}`,
        words[FAULTS + row * KINDS.length + column]!,
      ])
    );
    return new Map(counts.filter(([, count]) => count > 0));
  }

  #read(): Int32Array {
    const words = new Int32Array(END);
    this.#page.seekSync(0, Deno.SeekMode.Start);
    this.#page.readSync(new Uint8Array(words.buffer));
    return words;
  }

  #write(word: number, value: number): void {
    this.#page.seekSync(word * 4, Deno.SeekMode.Start);
    this.#page.writeSync(new Uint8Array(Int32Array.of(value).buffer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#page.close();
    await Deno.remove(this.#directory, { recursive: true });
  }
}
