/**
 * Writes the output of the programs in examples/learn/ into guide.md, between `<!-- KIND PROGRAM
 * -->` and `<!-- end -->`. KIND is `output` (what PROGRAM prints), `trace` (the same with its
 * syscalls) or `source` (a part of its source; a third word says on which line the part begins).
 *
 *   deno task docs           writes guide.md
 *   deno task docs --check   only reports whether guide.md is current
 *
 * @module
 */

import { collapse, normalise, withoutMeasures } from "./normalise.ts";

const GUIDE = new URL("./guide.md", import.meta.url);
const PRELOAD = new URL("./preload.ts", import.meta.url);
const LEARN = new URL("../examples/learn/", import.meta.url);
const BLOCK = /(<!-- (output|trace|source) ([\w.]+)(?: ([^\n]+?))? -->\n)(.*?)(<!-- end -->)/gs;

const old = await Deno.readTextFile(GUIDE);
const written = [];
let end = 0;
for (
  const { index, 0: whole, 1: opening, 2: kind, 3: program, 4: first, 5: now } of old.matchAll(
    BLOCK,
  )
) {
  const lines = kind === "source" ? await source(program!, first!) : await run(program!, kind!);
  const block = `\n\`\`\`${kind === "source" ? "ts ignore" : "text"}\n${
    lines.join("\n")
  }\n\`\`\`\n\n`;
  // Keep the old text if only measured times differ, and where this machine lacks io_uring.
  const isCurrent = withoutMeasures(block) === withoutMeasures(now!) ||
    lines.some((line) => line.includes("has no io_uring"));
  written.push(old.slice(end, index), opening, isCurrent ? now : block, "<!-- end -->");
  end = index + whole.length;
}
const guide = written.join("") + old.slice(end);

if (guide === old) {
  console.log("docs/guide.md is current");
} else if (Deno.args.includes("--check")) {
  console.error("docs/guide.md differs from what its programs print: run `deno task docs`");
  for (const [i, line] of guide.split("\n").entries()) {
    if (line === old.split("\n")[i]) continue;
    console.error(`line ${i + 1} would be: ${line}`);
    break;
  }
  Deno.exit(1);
} else {
  await Deno.writeTextFile(GUIDE, guide);
  console.log("docs/guide.md is written");
}

/** The output of a program, with its syscalls if `kind` is "trace". */
async function run(program: string, kind: string): Promise<string[]> {
  const preload = kind === "trace" ? [`--preload=${PRELOAD.pathname}`] : [];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-ffi", ...preload, new URL(program, LEARN).pathname],
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  return collapse(normalise(new TextDecoder().decode(stdout)).trimEnd().split("\n"));
}

/** The part of a program from the line that begins with `first` to the end of that statement. */
async function source(program: string, first: string): Promise<string[]> {
  const lines = (await Deno.readTextFile(new URL(program, LEARN))).split("\n");
  const start = lines.findIndex((line) => line.startsWith(first));
  if (start === -1) throw new Error(`${program} has no line that begins with ${first}`);
  const after = lines.slice(start);
  const end = after.findIndex((line) => /^[})]/.test(line) || line === "");
  return after.slice(0, after[end] === "" ? end : end + 1);
}
