/**
 * Hostile arguments for every public function, in a separate process, so that a crash is noticed.
 */

import { assertEquals, assertGreaterOrEqual, assertMatch } from "@std/assert";
import { runProgram } from "./helpers/programs.ts";

const CALLS = 200_000;

Deno.test({
  name: `${CALLS} hostile calls hurt nothing`,
  // It reads /proc, and takes minutes in an emulator.
  ignore: Deno.build.os !== "linux" || Deno.env.has("SELECTORS_EMULATOR"),
  async fn() {
    const { code, stdout, stderr } = await runProgram("tests/long/fuzz.ts", [`${CALLS}`]);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /no crash, no byte outside, no descriptor lost/);
  },
});

const OPTIONS = 200_000;

Deno.test({
  name: `${OPTIONS} calls with socket options write no stray byte`,
  ignore: Deno.build.os !== "linux" || Deno.env.has("SELECTORS_EMULATOR"),
  async fn() {
    const { code, stdout, stderr } = await runProgram("tests/long/fuzz_options.ts", [`${OPTIONS}`]);
    assertEquals(code, 0, stderr);
    const kinds = Number(
      /calls on (\d+) kinds of socket, seed \d+: no stray byte$/m.exec(stdout)?.[1],
    );
    assertGreaterOrEqual(kinds, 15, stdout);
  },
});

Deno.test({
  name: "Random actions in the reports of random actions end in no error",
  ignore: Deno.env.has("SELECTORS_EMULATOR"),
  async fn() {
    const { code, stdout, stderr } = await runProgram("tests/long/fuzz_sinks.ts", ["10000"]);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /no error$/m);
  },
});
