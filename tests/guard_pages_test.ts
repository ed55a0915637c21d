import { assertEquals, assertMatch } from "@std/assert";
import { EFAULT } from "../ffi/mod.ts";
import { DENO, path, run } from "./helpers/programs.ts";

Deno.test("A page behind a buffer that nobody may touch tells one byte too many", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  // CI runs whole suites this way.
  const preload = `--preload=${path("tests/helpers/guard_pages.ts")}`;
  const program = path("tests/fixtures/one_byte_too_many.ts");
  const { stdout, stderr } = await run(DENO, ["run", "--allow-ffi", preload, program]);
  assertEquals(stdout, `-1 ${EFAULT}\n16 0\n`, stderr);
  assertMatch(stderr, /^\d+ buffers lay before a guard page$/m);
});
