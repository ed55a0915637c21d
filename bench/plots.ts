/**
 * The figures as pictures: SVG, drawn by Vega-Lite, which only this file needs. What it draws are ratios, since figures of
 * different machines cannot be compared.
 *
 * @module
 */

import { path } from "../tests/programs.ts";
import { figures, type Measurement, type Result } from "./echo.ts";
import type { Micro } from "./micro.ts";
import { OURS } from "./peers.ts";
import { median } from "./statistics.ts";

/** All that one run measured. */
export interface Report {
  readonly date: string;
  readonly machine: string;
  readonly results?: readonly Result[];
  readonly missing?: readonly { name: string; reason: string }[];
  readonly micro?: Micro;
}

// What is used of the packages. They are named in variables, so that checking this project does not fetch them.
interface Vega {
  parse(spec: unknown): unknown;
  View: new (runtime: unknown, options: { renderer: "none" }) => { toSVG(): Promise<string> };
}
interface VegaLite {
  compile(spec: unknown): { spec: unknown };
}
const VEGA = "npm:vega@6";
const VEGA_LITE = "npm:vega-lite@6";

const SMALL = ["100 connections", "1,000 connections", "8,000 connections"];
const LARGE = ["16 kB, 100 connections", "1 MB, 10 streams", "a connection a message"];

/** Draws bench/plots/*.svg: what the report has. */
export async function draw({ results, micro }: Report): Promise<void> {
  await Deno.mkdir(path("bench/plots"), { recursive: true });
  if (results !== undefined) {
    await save("cpu", ratios(results, "cpu", [...SMALL, ...LARGE], "processor time a message"));
    await save("rate", ratios(results, "perSecond", [...SMALL, ...LARGE], "messages a second"));
    await save("p99", ratios(results, "p99", SMALL, "latency, 99th percentile"));
  }
  if (micro !== undefined) await save("calls", calls(micro));
}

/** A panel for each workload, a bar for each peer: a figure as its ratio to ours. */
function ratios(
  results: readonly Result[],
  of: keyof Measurement,
  workloads: readonly string[],
  title: string,
): unknown {
  const measured = results.filter(({ workload, rounds }) => {
    return workloads.includes(workload) && rounds.length > 0;
  });
  const values = measured.flatMap((result) => {
    const { workload, peer } = result;
    const ours = measured.find((other) => other.workload === workload && other.peer === OURS);
    if (ours === undefined) return [];
    const ratio = median(figures(result, of)) / median(figures(ours, of));
    return [{ workload, peer, ratio, whose: peer.startsWith(OURS) ? "ours" : "others" }];
  });
  return {
    data: { values },
    title: `Echo: ${title}, as a ratio to examples/echo_server.ts`,
    facet: { field: "workload", sort: workloads, header: { title: null } },
    columns: 3,
    spec: bars("ratio", [...new Set(values.map(({ peer }) => peer))]),
  };
}

function calls({ ours, c, python }: Micro): unknown {
  const values = Object.entries(ours)
    .filter(([name]) => name.startsWith("epoll: "))
    .flatMap(([name, nanoseconds]) => {
      const call = name.replace("epoll: ", "");
      return [
        { workload: call, peer: "EpollSelector", ratio: 1, whose: "ours" },
        { workload: call, peer: "C", ratio: c[name]! / nanoseconds, whose: "others" },
        { workload: call, peer: "CPython", ratio: python[name]! / nanoseconds, whose: "others" },
      ].filter(({ ratio }) => Number.isFinite(ratio));
    });
  return {
    data: { values },
    title: "epoll: time of a call, as a ratio to EpollSelector's",
    facet: { field: "workload", sort: null, header: { title: null } },
    columns: 4,
    spec: bars("ratio", ["C", "EpollSelector", "CPython"]),
  };
}

function bars(field: string, order: readonly string[]): unknown {
  const y = { field: "peer", type: "nominal", sort: order, title: null };
  const x = { field, type: "quantitative", title: null };
  return {
    width: 170,
    height: { step: 16 },
    layer: [
      {
        mark: "bar",
        encoding: {
          y,
          x,
          color: {
            field: "whose",
            type: "nominal",
            scale: { domain: ["ours", "others"], range: ["#2563eb", "#cbd5e1"] },
            legend: null,
          },
        },
      },
      {
        mark: { type: "text", align: "left", dx: 3, fontSize: 10 },
        encoding: { y, x, text: { field, type: "quantitative", format: ".2f" } },
      },
    ],
  };
}

async function save(name: string, spec: unknown): Promise<void> {
  const vega: Vega = await import(VEGA);
  const vegaLite: VegaLite = await import(VEGA_LITE);
  const compiled = vegaLite.compile({
    ...spec as Record<string, unknown>,
    background: "white",
    config: { view: { stroke: null }, axis: { grid: false } },
  });
  const view = new vega.View(vega.parse(compiled.spec), { renderer: "none" });
  await Deno.writeTextFile(path(`bench/plots/${name}.svg`), await view.toSVG() + "\n");
}
