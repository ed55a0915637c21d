/**
 * Random programs and a model of them, in a separate process, in which known descriptor numbers are
 * free.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { runProgram } from "./helpers/programs.ts";

const PROGRAMS = 2000;

Deno.test({
  name: `${PROGRAMS} random programs do on every selector as the model says`,
  // The model describes sockets and pipes of Linux, and takes minutes in other emulators.
  ignore: Deno.build.os !== "linux" ||
    !["", "kqueue.c"].includes(Deno.env.get("SELECTORS_EMULATOR") ?? ""),
  async fn() {
    const { code, stdout, stderr } = await runProgram("tests/long/model.ts", [`${PROGRAMS}`]);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /as the model says/);
  },
});
