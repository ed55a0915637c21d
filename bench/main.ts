/**
 * `deno task bench`: measures this library and its alternatives side by side. `--help` lists its
 * flags.
 *
 * @module
 */

import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { echo, echoTables } from "./echo.ts";
import { micro, microTable } from "./micro.ts";
import { PEER_NAMES } from "./peers.ts";
import { canPin } from "./pinned.ts";
import { draw } from "./plots.ts";
import { path } from "./programs.ts";
import { format, type Report } from "./report.ts";
import { QUICK, WORKLOADS } from "./workloads.ts";

const USAGE = `Usage: deno task bench [options]
  --quick            the shortest run that shows all peers, in under a minute; draws nothing
  --only PART        echo or micro (both)
  --peer NAME        only this echo server; may be given several times
  --workload NAME    only this workload; may be given several times
  --rounds N         how often each is measured (3)
  --warmup SECONDS   before each measurement (0.5)
  --seconds SECONDS  of each measurement (1)
  --output FILE      where the figures go, with the plots beside it (bench/results/latest.json)
  --help             this text
Echo servers: ${PEER_NAMES.join("; ")}
Workloads: ${WORKLOADS.map(({ name }) => name).join("; ")}`;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    peer: { type: "string", multiple: true },
    workload: { type: "string", multiple: true },
    rounds: { type: "string" },
    warmup: { type: "string" },
    seconds: { type: "string" },
    output: { type: "string", default: path("bench/results/latest.json") },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  Deno.exit(0);
}
if (values.only !== undefined && !["echo", "micro"].includes(values.only)) {
  refuse("--only takes echo or micro");
}

const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => interruption.abort(new Error(`Ended by ${signal}`)));
}

const names = values.workload ?? (values.quick ? QUICK : WORKLOADS.map(({ name }) => name));
const rounds = number("--rounds", values.rounds ?? (values.quick ? "1" : "3"));
const report: Report = {
  date: new Date().toISOString(),
  machine: await machine(),
  ...values.only !== "micro" && await echo({
    peers: chosen("--peer", values.peer ?? PEER_NAMES, PEER_NAMES),
    workloads: chosen("--workload", names, WORKLOADS.map(({ name }) => name))
      .map((name) => WORKLOADS.find((workload) => workload.name === name)!),
    rounds,
    warmup: number("--warmup", values.warmup ?? "0.5"),
    seconds: number("--seconds", values.seconds ?? (values.quick ? "0.5" : "1")),
    signal: interruption.signal,
  }),
  ...values.only !== "echo" &&
    { micro: await (values.quick ? micro(1, ["epoll"]) : micro(3, ["epoll", "poll", "select"])) },
};

console.log(`${report.machine}\n`);
if (!canPin) console.log("Server and load share processors here: compare with care.\n");
if (report.results) console.log(echoTables(report.results));
for (const { name, reason } of report.missing ?? []) console.log(`Left out: ${name} (${reason})`);
if (report.micro) console.log(microTable(report.micro));

await Deno.mkdir(dirname(values.output), { recursive: true });
await Deno.writeTextFile(values.output, format(report));
if (!values.quick) await draw(report, dirname(values.output));

/** `Deno 2.9.6, x86_64-unknown-linux-gnu 6.1.0, 2 processors (Intel Xeon)` */
async function machine(): Promise<string> {
  const cpuinfo = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  const model = cpuinfo.match(/model name\s*: (.*)/)?.[1] ?? Deno.build.arch;
  return `Deno ${Deno.version.deno}, ${Deno.build.target} ${Deno.osRelease()}, ` +
    `${navigator.hardwareConcurrency} processors (${model})`;
}

function chosen(flag: string, names: readonly string[], known: readonly string[]) {
  for (const name of names) {
    if (!known.includes(name)) refuse(`${flag} takes one of: ${known.join("; ")}`);
  }
  return names;
}

function number(flag: string, text: string): number {
  const number = Number(text);
  if (!(number > 0)) refuse(`${flag} takes a number above 0, not "${text}"`);
  return number;
}

function refuse(why: string): never {
  console.error(why);
  Deno.exit(2);
}
