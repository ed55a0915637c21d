/**
 * The single calls: nanoseconds of each call of a selector, measured in turns with `deno bench`, in
 * C and in CPython.
 *
 * @module
 */

import { compile, python } from "./peers.ts";
import { pinned } from "./pinned.ts";
import { hasCommand, path, run } from "./programs.ts";
import { digits, median, ratio, table } from "./statistics.ts";

/** Nanoseconds of each call, by the name of the case. Empty for a language this machine lacks. */
export interface Micro {
  readonly ours: Record<string, number>;
  readonly c: Record<string, number>;
  readonly python: Record<string, number>;
  /** Bytes that the library keeps for each registered descriptor. */
  readonly memory: number;
}

type Twin = () => Promise<Record<string, number>>;

/** Runs the benchmark, and prints each step on standard error. */
export async function micro(rounds: number, mechanisms: readonly string[]): Promise<Micro> {
  const directory = await Deno.makeTempDir();
  try {
    const ours: Twin = () => denoBench(mechanisms);
    const [program] = hasCommand("cc") ? await compile(path("bench/micro/micro.c"), directory) : [];
    const c: Twin = async () =>
      program === undefined ? {} : JSON.parse(await output([program, ...mechanisms]));
    const interpreter = hasCommand("python3") ? await python() : undefined;
    const cpython: Twin = async () => {
      if (interpreter === undefined) return {};
      return JSON.parse(await output([interpreter, path("bench/micro/micro.py"), ...mechanisms]));
    };
    const runs: Record<string, number>[][] = [];
    for (let round = 0; round < rounds; round++) {
      console.error(`micro: round ${round + 1} of ${rounds}`);
      runs.push([await ours(), await c(), await cpython()]);
    }
    const [mine, ofC, ofPython] = [0, 1, 2].map((at) => medians(runs.map((run) => run[at]!)));
    return { ours: mine!, c: ofC!, python: ofPython!, memory: await memory() };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** One row per case: our nanoseconds, then C and CPython with the ratio of ours to each. */
export function microTable({ ours, c, python, memory }: Micro): string {
  const rows = Object.entries(ours).map(([name, nanoseconds]) => {
    const [inC, inPython] = [c[name] ?? NaN, python[name] ?? NaN];
    return [
      name,
      digits(nanoseconds),
      digits(inC),
      ratio(nanoseconds, inC),
      digits(inPython),
      ratio(nanoseconds, inPython),
      digits(oursBeyondC(name, nanoseconds, inC)),
    ];
  });
  const headings = [
    "",
    "ours, ns",
    "C, ns",
    "ours/C",
    "CPython, ns",
    "ours/CPython",
    "per event, ns",
  ];
  return `Calls\n${table([headings, ...rows])}\n\n` +
    `The library keeps ${Math.round(memory)} bytes for each registered descriptor.\n`;
}

/** Nanoseconds that each ready event takes in addition to what C takes. */
function oursBeyondC(name: string, ours: number, c: number): number {
  const ready = Number(name.match(/, (\d+) ready/)?.[1] ?? 0);
  return ready < 100 ? NaN : (ours - c) / ready;
}

async function denoBench(mechanisms: readonly string[]): Promise<Record<string, number>> {
  const nanoseconds: Record<string, number> = {};
  for (const mechanism of mechanisms) {
    const file = path(`bench/micro/${mechanism}_bench.ts`);
    const command = [Deno.execPath(), "bench", "--json", "--no-check", "--allow-ffi", file];
    for (const { name, results } of JSON.parse(await output(command)).benches) {
      if (results[0].ok === undefined) throw new Error(`${name}: ${results[0].failed}`);
      nanoseconds[name] = results[0].ok.avg;
    }
  }
  return nanoseconds;
}

async function memory(): Promise<number> {
  const flags = ["--no-check", "--allow-ffi", "--v8-flags=--expose-gc"];
  return Number(await output([Deno.execPath(), "run", ...flags, path("bench/micro/memory.ts")]));
}

/** What a program prints. It runs on one processor, with a raised limit of descriptors. */
async function output(command: string[]): Promise<string> {
  const { code, stdout, stderr } = await run("sh", pinned(1, command));
  if (code !== 0) throw new Error(`${command.join(" ")} failed: ${stderr}`);
  return stdout;
}

function medians(runs: readonly Record<string, number>[]): Record<string, number> {
  return Object.fromEntries(
    Object.keys(runs[0]!).map((name) => [name, median(runs.map((run) => run[name]!))]),
  );
}
