/** Waits that are disturbed: by thousands of signals, by a stop, by a clock that jumps. No event is lost, and timeouts hold. */

import { assert, assertEquals, assertGreater, assertGreaterOrEqual, assertLess } from "@std/assert";
import "./descriptors.ts"; // opens libc before the tests
import { delay, EVENT_LIMIT, until, within } from "./echo_server.ts";
import { DENO, hasCommand, path, Program, run } from "./programs.ts";
import { SELECTORS } from "./selectors.ts";

const STORM = 10_000 * Number(Deno.env.get("FLOODS") ?? 1); // signals
const LATE = 1000; // milliseconds that a wait may take longer, on a machine that is busy

const emulator = Deno.env.get("SELECTORS_EMULATOR");
const isWindows = Deno.build.os === "windows"; // has neither such signals, nor /proc

for (const Selector of SELECTORS) {
  for (const how of ["select", "selectAsync"]) {
    Deno.test({
      name: `${Selector.name} ${how}() loses no event in a storm of ${STORM} signals`,
      ignore: isWindows || emulator === "qemu",
      async fn() {
        await using program = Program.start("tests/fixtures/storm.ts", [Selector.name, how]);
        const port = Number(await within(EVENT_LIMIT, program.line(), "its port"));
        const storm = run("sh", [
          "-c",
          `i=0; while [ $i -lt ${STORM} ]; do kill -USR2 ${program.child.pid}; i=$((i+1)); done`,
        ]);
        await using _ = { [Symbol.asyncDispose]: async () => void await storm };
        let isOver = false;
        void storm.then(() => isOver = true);

        using client = await Deno.connect({ port });
        const byte = new Uint8Array(1);
        let sent = 0;
        while (!isOver || sent < 1000) {
          await client.write(byte);
          await within(EVENT_LIMIT, client.read(byte), `the echo of byte ${sent}`);
          sent++;
        }
        await client.closeWrite();

        const line = await within(EVENT_LIMIT, program.line(), "its end");
        const { bytes, empty, signals, waits } = JSON.parse(line!);
        assertEquals(bytes, sent);
        assertGreater(signals, 0);
        // They end a blocking wait and no other, nor do they make one longer.
        if (how === "select") assertGreater(empty, 0);
        else assertEquals(empty, 0);
        for (const wait of waits) {
          assertGreaterOrEqual(wait, 50);
          assertLess(wait, 50 + LATE);
        }
        assertEquals(await within(EVENT_LIMIT, program.code(), "its exit"), 0);
      },
    });

    Deno.test({
      name: `${Selector.name} ${how}() keeps its timeouts after it was stopped and continued`,
      ignore: isWindows,
      async fn() {
        const args = [Selector.name, how, "200", "2"];
        await using program = Program.start("tests/fixtures/timed.ts", args);
        assertEquals(await within(EVENT_LIMIT, program.line(), "the first wait"), "waiting");
        const start = performance.now();
        program.kill("SIGSTOP");
        await until(() => isStopped(program), "the stop");
        await delay(300); // past the timeout
        program.kill("SIGCONT");
        await within(EVENT_LIMIT, program.line(), "the end of the first wait");
        assertLess(performance.now() - start, 300 + LATE);

        assertEquals(await within(EVENT_LIMIT, program.line(), "the second wait"), "waiting");
        const elapsed = Number(await within(EVENT_LIMIT, program.line(), "its end"));
        assertGreaterOrEqual(elapsed, 199); // Date.now() counts whole milliseconds
        assertLess(elapsed, 200 + LATE);
      },
    });
  }
}

function isStopped({ child }: Program): boolean {
  return /^State:\tT/m.test(Deno.readTextFileSync(`/proc/${child.pid}/status`));
}

// ─── A clock that jumps ───────────────────────────────────────────────────────────────────────

const hasCompiler = hasCommand("cc");
const HOUR = 3600; // seconds
const TIMEOUT = 120;

Deno.test({
  name: "Timeouts take as long as ever when the clock is set an hour forward or back meanwhile" +
    (hasCompiler ? "" : " (needs cc)"),
  ignore: !hasCompiler || Deno.build.os !== "linux" || emulator !== undefined,
  async fn() {
    const directory = await Deno.makeTempDir();
    try {
      const library = `${directory}/clock.so`;
      const source = path("tests/fixtures/clock.c");
      const { code, stderr } = await run("cc", ["-shared", "-fPIC", "-o", library, source]);
      assertEquals(code, 0, stderr);
      const waits = SELECTORS.flatMap((Selector) =>
        ["select", "selectAsync"].map((how) => [Selector.name, how] as const)
      );
      await Promise.all(waits.map(([name, how]) => {
        return assertSteady(library, `${directory}/${name}.${how}`, name, how);
      }));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

async function assertSteady(library: string, file: string, name: string, how: string) {
  const setClock = (seconds: number) =>
    Deno.writeFileSync(file, new Uint8Array(BigInt64Array.of(BigInt(seconds)).buffer));
  setClock(0);
  const args = ["run", "-A", path("tests/fixtures/timed.ts"), name, how, `${TIMEOUT}`, "2"];
  const env = { LD_PRELOAD: library, CLOCK_SHIFT: file };
  await using program = new Program(DENO, args, { env });
  for (const [shift, told] of [[HOUR, HOUR], [0, -HOUR]] as const) {
    assertEquals(await within(EVENT_LIMIT, program.line(), "the wait"), "waiting");
    const start = performance.now();
    await delay(TIMEOUT / 4);
    setClock(shift);
    const line = await within(EVENT_LIMIT, program.line(), `the end of ${name} ${how}()`);
    const elapsed = performance.now() - start;
    assertGreaterOrEqual(elapsed, TIMEOUT - 20, `${name} ${how}()`); // its line took a while
    assertLess(elapsed, TIMEOUT + LATE, `${name} ${how}()`);
    // The program did see the clock jump in the midst of it.
    assert(Math.abs(Number(line) - told * 1000 - TIMEOUT) < LATE, `the clock moved by ${line} ms`);
  }
}
