/**
 * Draws the figures as SVG pictures with Vega-Lite. It draws ratios, because figures of different
 * machines cannot be compared.
 *
 * @module
 */

import type { Measurement, Result } from "./echo.ts";
import type { Micro } from "./micro.ts";
import { OURS } from "./peers.ts";
import { figures, type Report } from "./report.ts";
import { median } from "./statistics.ts";
import { drawSvg } from "./svg.ts";

const SMALL = ["100 connections", "1,000 connections", "8,000 connections"];
const LARGE = ["16 kB, 100 connections", "1 MB, 10 streams", "a connection a message"];

/** The workloads that the plots and the README show. */
export const WORKLOADS_SHOWN: readonly string[] = [...SMALL, ...LARGE];

/** Draws what the report has: cpu.svg, rate.svg, p99.svg and calls.svg in a folder. */
export async function draw({ results, micro }: Report, folder: string): Promise<void> {
  const file = (name: string) => `${folder}/${name}.svg`;
  if (results !== undefined) {
    const shown = WORKLOADS_SHOWN;
    await drawSvg(ratios(results, "cpu", shown, "processor time per message"), file("cpu"));
    await drawSvg(ratios(results, "perSecond", shown, "messages per second"), file("rate"));
    await drawSvg(ratios(results, "p99", SMALL, "latency, 99th percentile"), file("p99"));
  }
  if (micro !== undefined) await drawSvg(calls(micro), file("calls"));
}

/** One panel per workload and one bar per server: a figure as a ratio to ours. */
function ratios(
  results: readonly Result[],
  of: keyof Measurement,
  workloads: readonly string[],
  title: string,
): Record<string, unknown> {
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

function calls({ ours, c, python }: Micro): Record<string, unknown> {
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
