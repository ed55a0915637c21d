/**
 * Random programs against a model, in a process of their own, where the numbers of descriptors are
 * known to be free.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { runProgram } from "./helpers/programs.ts";

const PROGRAMS = 2000;

Deno.test({
  name: `${PROGRAMS} random programs do on every selector as the model says`,
  // The model is of Linux' sockets and pipes, and takes other emulators minutes.
  ignore: Deno.build.os !== "linux" ||
    !["", "kqueue.c"].includes(Deno.env.get("SELECTORS_EMULATOR") ?? ""),
  async fn() {
    const { code, stdout, stderr } = await runProgram("tests/long/model.ts", [`${PROGRAMS}`]);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /as the model says/);
  },
});
