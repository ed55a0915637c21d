/**
 * Waits during thousands of signals, a stop of the process, and jumps of the clock. No event is
 * lost, and timeouts are kept.
 */

import { assertEquals, assertGreater, assertGreaterOrEqual, assertLess } from "@std/assert";
import "./helpers/descriptors.ts"; // opens libc before the tests
import { EVENT_LIMIT, until, within } from "./helpers/echo_server_process.ts";
import { DENO, hasCommand, path, Program, run } from "./helpers/programs.ts";
import { SELECTORS } from "./helpers/mechanisms.ts";
import { delay } from "./helpers/timing.ts";

const STORM = 10_000 * Number(Deno.env.get("FLOODS") ?? 1); // signals, at least
const BYTES = 1000; // to echo meanwhile
const LATE = 5000; // milliseconds by which a wait may be late on a busy machine

const emulator = Deno.env.get("SELECTORS_EMULATOR");
const isWindows = Deno.build.os === "windows"; // which has no such signals and no /proc

/**
 * Sends `count` signals to a process, and more until it ends, in groups of a hundred. The pauses
 * are necessary: when a mutex of V8 is first contended, Abseil measures the processor's clock with
 * nanosleep(), and repeats it after each signal for the remaining time. The kernel prolongs each
 * sleep by up to 50 µs, so without pauses Deno might sleep for ever.
 */
const STORM_SCRIPT = `trap 'enough=1' TERM
  sent=0
  echo started
  while [ $sent -lt ${STORM} ] || [ -z "$enough" ]; do
    burst=$((sent+100))
    while [ $sent -lt $burst ]; do kill -USR2 $1; sent=$((sent+1)); done
    sleep 0.01
  done`;

for (const Selector of SELECTORS) {
  for (const how of ["select", "selectAsync"]) {
    Deno.test({
      name: `${Selector.name} ${how}() loses no event in a storm of ${STORM} signals`,
      ignore: isWindows || emulator === "qemu",
      async fn() {
        await using program = Program.start("tests/fixtures/storm.ts", [Selector.name, how]);
        const port = Number(await within(EVENT_LIMIT, program.line(), "its port"));
        // Continue until the last byte, however late the client is.
        await using storm = new Program("sh", ["-c", STORM_SCRIPT, "sh", `${program.child.pid}`]);
        assertEquals(await within(EVENT_LIMIT, storm.line(), "the storm"), "started");
        let isOver = false;
        void storm.code().then(() => isOver = true);

        using client = await Deno.connect({ port });
        const byte = new Uint8Array(1);
        let sent = 0;
        while (!isOver) {
          await client.write(byte);
          await within(EVENT_LIMIT, client.read(byte), `the echo of byte ${sent}`);
          sent++;
          if (sent === BYTES) storm.kill("SIGTERM");
        }
        assertEquals(await storm.code(), 0);
        await client.closeWrite();

        const line = await within(EVENT_LIMIT, program.line(), "its end");
        const { bytes, empty, signals, waits } = JSON.parse(line!);
        assertEquals(bytes, sent);
        assertGreater(signals, 0);
        // Signals end blocking waits only, and make no wait longer.
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
        const { elapsed } = await passed(program);
        assertGreaterOrEqual(elapsed, 200);
        assertLess(elapsed, 200 + LATE);
      },
    });
  }
}

/** The milliseconds of a wait of fixtures/timed.ts, by two clocks. */
async function passed(program: Program): Promise<{ day: number; elapsed: number }> {
  const line = await within(EVENT_LIMIT, program.line(), "the end of a wait");
  const [day, elapsed] = line!.split(" ").map(Number);
  return { day: day!, elapsed: elapsed! };
}

function isStopped({ child }: Program): boolean {
  return /^State:\tT/m.test(Deno.readTextFileSync(`/proc/${child.pid}/status`));
}

// ─── A clock that jumps ───────────────────────────────────────────────────────────────────────

const hasCompiler = hasCommand("cc");
const HOUR = 3600; // seconds
const TIMEOUT = 120;
const JUMPS = 50; // at most, until one jump forward and one back happened during a wait

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
  const args = ["run", "-A", path("tests/fixtures/timed.ts"), name, how, `${TIMEOUT}`, `${JUMPS}`];
  const env = { LD_PRELOAD: library, CLOCK_SHIFT: file };
  await using program = new Program(DENO, args, { env });
  const seen = new Set<number>();
  for (let jump = 1; jump <= JUMPS && seen.size < 2; jump++) {
    assertEquals(await within(EVENT_LIMIT, program.line(), "the wait"), "waiting");
    await delay(TIMEOUT / 4);
    const isForward = jump % 2 === 1;
    setClock(isForward ? HOUR : 0);
    const { day, elapsed } = await passed(program);
    assertGreaterOrEqual(elapsed, TIMEOUT, `${name} ${how}()`);
    assertLess(elapsed, TIMEOUT + LATE, `${name} ${how}()`);
    // Whether the clock jumped during the wait: on a busy machine it may jump after it.
    const told = (isForward ? HOUR : -HOUR) * 1000;
    if (Math.abs(day - told - elapsed) < LATE) seen.add(told);
    else assertLess(Math.abs(day - elapsed), LATE, `the clock moved by ${day} ms`);
  }
  assertEquals(seen.size, 2, "the clock never jumped in the midst of a wait");
}
