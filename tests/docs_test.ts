/**
 * The pages of docs/ and the README: their programs print what the pages say, their commands work,
 * their figures are the measured ones, and their links lead somewhere.
 */

import { assertEquals, assertGreater, assertMatch, assertStringIncludes } from "@std/assert";
import { withTable } from "../bench/readme.ts";
import { readReport } from "../bench/report.ts";
import { collapse, normalise, withoutMeasures } from "../docs/normalise.ts";
import { DENO, path, run } from "./helpers/programs.ts";

const PAGES = [...Deno.readDirSync(path("docs"))].map(({ name }) => `docs/${name}`)
  .filter((name) => name.endsWith(".md"));

// The traces in the guide are those of Linux, natively.
const isNative = Deno.build.os === "linux" && DENO === Deno.execPath() &&
  Deno.env.get("SELECTORS_EMULATOR") === undefined;

Deno.test({
  name: "docs/guide.md is what its programs say today",
  ignore: !isNative,
  async fn() {
    const { code, stdout, stderr } = await run(DENO, [
      "run",
      "-A",
      path("docs/generate.ts"),
      "--check",
    ]);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    assertEquals(stdout, "docs/guide.md is current\n");
  },
});

Deno.test({
  name: "Every command of docs/guide.md works, from top to bottom",
  ignore: !isNative,
  async fn() {
    const guide = await Deno.readTextFile(path("docs/guide.md"));
    const commands = [...guide.matchAll(/^```sh\n(.*?)^```/gms)]
      .flatMap(([, block]) => block!.trim().split("\n"));
    assertEquals(commands.length, 13); // deno --version, one for each step, and one more for 03
    const folder = DENO.slice(0, DENO.lastIndexOf("/"));
    const env = { PATH: `${folder}:${Deno.env.get("PATH")}` };
    for (const command of commands) {
      const { code, stdout, stderr } = await run("sh", ["-c", command], { cwd: path(""), env });
      assertEquals(code, 0, `${command}: ${stderr}`);
      assertGreater(stdout.length + stderr.length, 20, command);
    }
  },
});

Deno.test("The README's table of processor times is what bench/plots/report.json says", async () => {
  const readme = await Deno.readTextFile(path("README.md"));
  const { results } = await readReport(path("bench/plots/report.json"));
  assertEquals(withTable(readme, results!), readme);
});

for (const page of [...PAGES, "README.md", "CONTRIBUTING.md"]) {
  Deno.test(`The links of ${page} lead to files and headings that are there`, async () => {
    const text = await Deno.readTextFile(path(page));
    for (const [, link] of text.matchAll(/\]\(([^)]+)\)/g)) {
      if (link!.startsWith("https://")) continue;
      const [file, heading] = link!.split("#");
      const target = new URL(file!, new URL(page, `file://${path("")}`));
      if (heading === undefined) await Deno.stat(target);
      else assertStringIncludes(headingsOf(await Deno.readTextFile(target)), `#${heading}\n`, page);
    }
  });
}

/** The anchors of a page's headings, as forges make them. */
function headingsOf(text: string): string {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => {
    return `#${heading!.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")}\n`;
  }).join("");
}

Deno.test("normalise() counts descriptors from 3 and ports from 49152, and makes addresses one", () => {
  assertEquals(
    normalise(
      "socket() = 905\naccept(905, {htons(51234)}) = 901\n901: port 51234, 0x55d0c0ffee00\n",
    ),
    "socket() = 3\naccept(3, {htons(49152)}) = 4\n4: port 49152, 0x7f5ec0de1000\n",
  );
  const generation = 7n << 32n;
  assertEquals(
    normalise(`905 data={u32=901, u64=${generation + 901n}}`),
    `3 data={u32=4, u64=${generation + 4n}}`,
  );
  assertEquals(normalise("900 1000 htons(0) 64"), "900 1000 htons(0) 64");
});

Deno.test("collapse() says lines that come three times and more once, with their number", () => {
  assertEquals(collapse(["a", "a", "b"]), ["a", "a", "b"]);
  assertEquals(collapse(["a", "a", "a", "a", "b"]), ["a", "… this line 3 times more", "b"]);
  assertEquals(
    collapse(["a", "b", "a", "b", "a", "b", "a"]),
    ["a", "b", "… these 2 lines 2 times more", "a"],
  );
});

Deno.test("withoutMeasures() leaves of a text what does not depend on the clock", () => {
  assertEquals(
    withoutMeasures("  12 ms x\npoll(NULL, 0, 0) = 0 (Timeout)\n7 times"),
    " # ms x\n # times",
  );
});

Deno.test({
  name: "docs/compare.ts prints what a select() costs with 10 to 10,000 descriptors, and draws it",
  ignore: !isNative,
  async fn() {
    const file = await Deno.makeTempFile({ suffix: ".svg" });
    try {
      const { code, stdout, stderr } = await run(DENO, [
        "run",
        "-A",
        path("docs/compare.ts"),
        file,
      ]);
      assertEquals(code, 0, stderr);
      const rows = stdout.split("\n").filter((line) => /^\| +\d/.test(line))
        .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
      assertEquals(rows.map(([idle]) => idle), ["10", "30", "100", "300", "1000", "3000", "10000"]);
      assertMatch(stdout, /^\| +idle +\| +select \| +poll \| +epoll \|( +ring \|)?$/m);
      const [, few, , , many] = rows.map(([, , poll]) => Number(poll));
      assertGreater(many!, few!); // poll looks at each
      const svg = await Deno.readTextFile(file);
      assertMatch(svg, /^<svg /);
      for (const name of ["select", "poll", "epoll"]) assertStringIncludes(svg, `>${name}</text>`);
    } finally {
      await Deno.remove(file);
    }
  },
});
