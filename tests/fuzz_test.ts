/**
 * Hostile arguments for every public function, in a separate process, so that a crash is noticed.
 */

import { assertEquals, assertMatch } from "@std/assert";
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
