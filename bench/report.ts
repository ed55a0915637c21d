/**
 * What one run of the benchmarks measured, as a file.
 *
 * @module
 */

import type { Measurement, Result } from "./echo.ts";
import type { Micro } from "./micro.ts";

/** All that one run measured. */
export interface Report {
  readonly date: string;
  readonly machine: string;
  readonly results?: readonly Result[];
  readonly missing?: readonly { name: string; reason: string }[];
  readonly micro?: Micro;
}

/** A report as JSON: one line for each server under each workload, which diffs show well. */
export function format({ results, micro, ...rest }: Report): string {
  const parts = Object.entries(rest).map(([name, value]) => `"${name}": ${JSON.stringify(value)}`);
  if (results !== undefined) {
    parts.push(`"results": [\n${results.map((result) => JSON.stringify(result)).join(",\n")}\n]`);
  }
  if (micro !== undefined) parts.push(`"micro": ${JSON.stringify(micro, rounded)}`);
  return `{\n${parts.join(",\n")}\n}\n`;
}

/** Nanoseconds with as many digits as mean anything. */
function rounded(_: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(4)) : value;
}

/** Reads a report that {@linkcode format} made. */
export async function readReport(file: string): Promise<Report> {
  return JSON.parse(await Deno.readTextFile(file));
}

/** A figure of every round of a result. */
export function figures(result: Result, of: keyof Measurement): number[] {
  return result.rounds.map((round) => round[of]);
}
