/**
 * Random programs and a model of them, in a separate process, in which known descriptor numbers are
 * free.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { DENO, hasCommand, path, run } from "./helpers/programs.ts";

const PROGRAMS = 2000;

Deno.test({
  name: `${PROGRAMS} random programs do on every selector as the model says`,
  // The model describes sockets and pipes of Linux, and takes minutes in other emulators.
  ignore: Deno.build.os !== "linux" ||
    !["", "kqueue.c"].includes(Deno.env.get("SELECTORS_EMULATOR") ?? ""),
  async fn() {
    const args = ["run", "-A", path("tests/long/model.ts"), `${PROGRAMS}`];
    // With a limit, programs run short of descriptors now and then.
    const { code, stdout, stderr } = hasCommand("prlimit")
      ? await run("prlimit", ["--nofile=256", DENO, ...args])
      : await run(DENO, args);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /as the model says/);
  },
});
