/**
 * The echo benchmark: every server under every workload, in turns (A B C, A B C, …), so that other
 * activity of the machine affects all of them. The server has one processor to itself, and the load
 * another. Each run starts a new server.
 *
 * @module
 */

import { buildPeers, compile, OURS, type Peer } from "./peers.ts";
import { pinned } from "./pinned.ts";
import { path, run, Server } from "./programs.ts";
import { figures } from "./report.ts";
import { digits, median, ratio, summarize, type Summary, table } from "./statistics.ts";
import type { Workload } from "./workloads.ts";

/** What load.c measured in one run. Times are microseconds; processor times are per message. */
export interface Measurement {
  readonly messages: number;
  readonly perSecond: number;
  readonly cpu: number;
  readonly user: number;
  readonly system: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** The share of a core that the server used. */
  readonly server: number;
  /**
   * The share of a core that the load used. Near 1 the load was the bottleneck: compare `cpu` only.
   */
  readonly load: number;
  /** Resident bytes of the server that a connection added. */
  readonly memory: number;
}

/** The rounds of one peer under one workload. */
export interface Result {
  readonly workload: string;
  readonly peer: string;
  readonly rounds: Measurement[];
  /** Why there are fewer rounds than asked for. */
  readonly failures: string[];
}

/** How long and how often to measure. */
export interface EchoOptions {
  readonly peers: readonly string[];
  readonly workloads: readonly Workload[];
  readonly rounds: number;
  /** Seconds before the measurement, for compilers that work while the program runs. */
  readonly warmup: number;
  /** Seconds of the measurement. */
  readonly seconds: number;
  /** Ends the benchmark and the server that runs. */
  readonly signal: AbortSignal;
}

/** Runs the benchmark, and prints each step on standard error. */
export async function echo(
  options: EchoOptions,
): Promise<{ results: Result[]; missing: { name: string; reason: string }[] }> {
  const directory = await Deno.makeTempDir();
  try {
    const [load] = await compile(path("bench/load.c"), directory);
    const { peers, missing } = await buildPeers(options.peers, directory);
    const results: Result[] = [];
    for (const workload of options.workloads) {
      console.error(`echo: ${workload.name}`);
      const ofWorkload = peers.map((peer) => {
        return { workload: workload.name, peer: peer.name, rounds: [], failures: [] } as Result;
      });
      for (let round = 0; round < options.rounds; round++) {
        for (const [at, peer] of peers.entries()) {
          try {
            ofWorkload[at]!.rounds.push(await measure(peer, load, workload, options));
          } catch (error) {
            options.signal.throwIfAborted();
            ofWorkload[at]!.failures.push((error as Error).message);
          }
        }
      }
      results.push(...ofWorkload);
    }
    return { results, missing };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function measure(
  { name, command }: Peer,
  load: string,
  { kind, connections, idle, size, window, pause }: Workload,
  { warmup, seconds, signal }: EchoOptions,
): Promise<Measurement> {
  signal.throwIfAborted();
  await using server = new Server("sh", pinned(0, command), signal);
  const port = await server.port();
  if (port === undefined) throw new Error(`${name} does not listen`);
  const numbers = [connections, idle, size, window, pause, warmup, seconds];
  const args = [load, port, `${server.pid}`, kind, ...numbers.map(String)];
  const { code, stdout, stderr } = await run("sh", pinned(1, args));
  if (code !== 0) throw new Error(`${name}: ${stderr.trim()}`);
  return JSON.parse(stdout);
}

/** Median and spread of a figure. */
export function summary(result: Result, of: keyof Measurement): Summary {
  return summarize(figures(result, of));
}

/** One table per workload: our figures, and the ratios of the other servers to them. */
export function echoTables(results: readonly Result[]): string {
  const note =
    "Compare rates and latencies where server or load is near 1.00: elsewhere other programs\n" +
    "used the processors. CPU time per message is less affected.\n\n";
  return note + [...Map.groupBy(results, ({ workload }) => workload)].map(([workload, group]) => {
    const ours = group.find(({ peer }) => peer === OURS);
    const rows = group.map((result) => [result.peer, ...echoRow(result, ours)]);
    return `${workload}\n${table([["", ...HEADINGS], ...rows])}\n`;
  }).join("\n");
}

const HEADINGS = [
  "messages/s",
  "ratio",
  "spread",
  "cpu µs",
  "ratio",
  "spread",
  "user",
  "system",
  "p50 µs",
  "p99 µs",
  "ratio",
  "p99.9 µs",
  "B/conn.",
  "server",
  "load",
];

function echoRow(result: Result, ours: Result | undefined): string[] {
  if (result.rounds.length === 0) return [result.failures[0] ?? "not measured"];
  const of = (figure: keyof Measurement) => median(figures(result, figure));
  const toOurs = (figure: keyof Measurement) => {
    return ours === undefined ? "–" : ratio(of(figure), median(figures(ours, figure)));
  };
  return [
    digits(of("perSecond")),
    toOurs("perSecond"),
    spread(summary(result, "perSecond")),
    digits(of("cpu")),
    toOurs("cpu"),
    spread(summary(result, "cpu")),
    digits(of("user")),
    digits(of("system")),
    digits(of("p50")),
    digits(of("p99")),
    toOurs("p99"),
    digits(of("p999")),
    digits(of("memory")),
    of("server").toFixed(2),
    of("load").toFixed(2) +
    (result.failures.length > 0 ? ` (${result.failures.length} failed)` : ""),
  ];
}

function spread({ median, least, most }: Summary): string {
  return `±${Math.round((most - least) / 2 / median * 100)}%`;
}
