/**
 * A Deno whose calls of the C library fail at random: `platforms/faults.c`, compiled when it is first asked for, and the file
 * through which it is told what to do and tells what it did.
 *
 * @module
 */

import { hasCommand, path, run } from "./programs.ts";

/** What may happen to a call, in the order of faults.c. */
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

/** The functions that may fail, in the order of faults.c; each stands for those like it. */
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

// Where the words of the file are: struct page of faults.c.
const RATE = 0;
const ALLOWED = 1;
const SEED = 2;
const CALLED = 3;
const FAULTS = CALLED + CALLS.length;
const END = FAULTS + CALLS.length * KINDS.length;

const CC = Deno.env.get("CC") ?? "cc";

/** Why calls cannot be made to fail here; undefined where they can. */
export const cannotFail: string | undefined = Deno.build.os !== "linux"
  ? "dlsym(3) is glibc's"
  : Deno.env.has("SELECTORS_EMULATOR")
  ? "the C library is a stand-in already"
  : hasCommand(CC)
  ? undefined
  : `no C compiler: ${CC} is not there`;

/** What a process is to suffer. */
export class Faults implements AsyncDisposable {
  readonly #directory: string;
  readonly #page: Deno.FsFile;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#page = Deno.openSync(`${directory}/page`, { read: true, write: true, create: true });
    this.#page.truncateSync(END * 4);
  }

  /** None so far. */
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

  /** What a process needs in its environment to be one that suffers them. */
  get env(): Record<string, string> {
    return { LD_PRELOAD: `${this.#directory}/faults.so`, FAULTS: `${this.#directory}/page` };
  }

  /** From now on, so many of 1024 calls fail, in one of these ways; the same for the same seed. */
  begin(rate: number, kinds: readonly Kind[], seed: number): void {
    this.#write(ALLOWED, kinds.reduce((bits, kind) => bits | 1 << KINDS.indexOf(kind), 0));
    this.#write(SEED, seed);
    this.#write(RATE, rate);
  }

  /** From now on, none fails. */
  end(): void {
    this.#write(RATE, 0);
  }

  /** How often a function was called. */
  called(call: Call): number {
    return this.#read()[CALLED + CALLS.indexOf(call)]!;
  }

  /** How often what happened to which function, where it did: `"recv EINTR"`. */
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
