/**
 * Draws the plots of bench/plots/ and writes the table of processor times in README.md, both from
 * bench/plots/report.json. To measure again and publish the figures:
 *
 *   deno task bench --rounds 5 --output bench/plots/report.json
 *   deno run -A bench/readme.ts
 *
 * @module
 */

import type { Result } from "./echo.ts";
import { OURS, PEER_NAMES } from "./peers.ts";
import { draw, WORKLOADS_SHOWN } from "./plots.ts";
import { path } from "./programs.ts";
import { figures, readReport } from "./report.ts";
import { median, ratio } from "./statistics.ts";

const TABLE = /(?<=<!-- bench\/readme\.ts -->\n).*?(?=<!-- end -->)/s;

/** README.md with the table that the report gives. */
export function withTable(readme: string, results: readonly Result[]): string {
  return readme.replace(TABLE, `\n${markdown(results)}\n\n`);
}

/** Processor time per message as a ratio to ours: one row per server, one column per workload. */
function markdown(results: readonly Result[]): string {
  const cpu = (peer: string, workload: string) => {
    const result = results.find((one) => one.peer === peer && one.workload === workload);
    return result === undefined ? NaN : median(figures(result, "cpu"));
  };
  const peers = PEER_NAMES.filter((name) => name !== OURS)
    .filter((name) => results.some(({ peer, rounds }) => peer === name && rounds.length > 0));
  const rows = [
    ["", ...WORKLOADS_SHOWN],
    ["---", ...WORKLOADS_SHOWN.map(() => "---:")],
    ...peers.map((peer) => [
      peer,
      ...WORKLOADS_SHOWN.map((workload) => ratio(cpu(peer, workload), cpu(OURS, workload))),
    ]),
  ];
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows.map((cells, row) => {
    const padded = cells.map((cell, at) => {
      if (row === 1) return cell.replace("---", "-".repeat(widths[at]! - cell.length + 3));
      return at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!);
    });
    return `| ${padded.join(" | ")} |`;
  }).join("\n");
}

if (import.meta.main) {
  const report = await readReport(path("bench/plots/report.json"));
  const readme = await Deno.readTextFile(path("README.md"));
  await Deno.writeTextFile(path("README.md"), withTable(readme, report.results ?? []));
  await draw(report, path("bench/plots"));
}
