/**
 * A Vega-Lite specification as an SVG picture. The packages come from npm when they are first used.
 *
 * @module
 */

// The parts that are used. Variables hold their names, so that `deno check` does not fetch them.
interface Vega {
  parse(spec: unknown): unknown;
  View: new (runtime: unknown, options: { renderer: "none" }) => { toSVG(): Promise<string> };
}
interface VegaLite {
  compile(spec: unknown): { spec: unknown };
}
const VEGA = "vega";
const VEGA_LITE = "vega-lite";

/** Draws `spec` into `file`, on white and without a grid. */
export async function drawSvg(spec: Record<string, unknown>, file: string): Promise<void> {
  const vega: Vega = await import(VEGA);
  const vegaLite: VegaLite = await import(VEGA_LITE);
  const compiled = vegaLite.compile({
    ...spec,
    background: "white",
    config: { view: { stroke: null }, axis: { grid: false } },
  });
  const view = new vega.View(vega.parse(compiled.spec), { renderer: "none" });
  await Deno.writeTextFile(file, await view.toSVG() + "\n");
}
