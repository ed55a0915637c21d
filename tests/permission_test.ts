/**
 * What needs `--allow-ffi`, what does not, and which errors a user without it sees. These tests
 * start programs with fewer permissions.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { EACCES, pollfd } from "../ffi/mod.ts";
import { DENO, hasCommand, path, run } from "./helpers/programs.ts";

const IMPORT = path("tests/fixtures/permission_import.ts");
const FIRST_USE = path("tests/fixtures/permission_first_use.ts");
const PROMPT = path("tests/fixtures/permission_prompt.ts");
const REFUSAL =
  "NotCapable: Requires ffi access to call the C library, run again with the --allow-ffi flag";
const USES = 10; // that permission_first_use.ts makes
const PROMPT_LIMIT = 20_000; // milliseconds to wait for a prompt

const env = { NO_COLOR: "1" };

/** Runs a program with these permissions and without a terminal for prompts. */
function runWith(flags: string[], program: string) {
  return run(DENO, ["run", "--no-prompt", ...flags, program], { env });
}

Deno.test("Importing the library and asking what is supported needs no permission", async () => {
  const { code, stdout, stderr } = await runWith([], IMPORT);
  assertEquals(
    [code, stdout],
    [
      0,
      `1 true false\nbind 127.0.0.1:80: Permission denied (EACCES ${EACCES})\n${pollfd.size} 2\n`,
    ],
    stderr,
  );
});

Deno.test("Every first use without permission throws NotCapable and names --allow-ffi", async () => {
  const { code, stdout, stderr } = await runWith([], FIRST_USE);
  const lines = stdout.trimEnd().split("\n");
  assertEquals([code, lines.length], [0, USES], stdout + stderr);
  for (const line of lines) assertEquals(line.slice(line.indexOf(": ") + 2), REFUSAL, line);
});

Deno.test("--deny-ffi is refused in the same words, also beside --allow-all", async () => {
  const { code, stdout, stderr } = await runWith(["--allow-all", "--deny-ffi"], FIRST_USE);
  assertEquals(code, 0, stderr);
  assertEquals(stdout.split(REFUSAL).length - 1, USES, stdout);
});

Deno.test("Permission for one library's path is not enough, and the message says what is", async () => {
  const { code, stdout, stderr } = await runWith(["--allow-ffi=/lib/libc.so.6"], FIRST_USE);
  assertEquals(code, 0, stderr);
  assertEquals(stdout.split(REFUSAL).length - 1, USES, stdout);
});

Deno.test("With --deny-ffi=PATH every first use throws NotSupported", async () => {
  const flags = ["--allow-ffi", "--deny-ffi=/nowhere/libc.so.6"];
  const { code, stdout, stderr } = await runWith(flags, FIRST_USE);
  assertEquals(code, 0, stderr);
  assertEquals(stdout.split(": NotSupported: No library ").length - 1, USES, stdout);
});

Deno.test("A Worker can be denied the permission, with --unstable-worker-options", async () => {
  const program = path("tests/fixtures/permission_of_worker.ts");
  const flags = ["--allow-ffi", "--allow-read"];
  const denied = await runWith([...flags, "--unstable-worker-options"], program);
  assertEquals([denied.code, denied.stdout], [0, `${REFUSAL}\n`], denied.stderr);
  const { code, stderr } = await runWith(flags, program);
  assertEquals(code, 70);
  assertStringIncludes(stderr, "--unstable-worker-options");
});

Deno.test("--allow-ffi is all the permission that sockets need", async () => {
  const { code, stdout, stderr } = await runWith(["--allow-ffi"], PROMPT);
  assertEquals([code, stdout], [0, "went on\n"], stderr);
});

Deno.test("An uncaught refusal ends the program with the flag to add on its standard error", async () => {
  const { code, stdout, stderr } = await runWith([], PROMPT);
  assertEquals([code, stdout], [1, ""]);
  assertStringIncludes(stderr, REFUSAL);
});

// ─── with a terminal for prompts ─────────────────────────────────────────────────────────────────

const PYTHON_PTY =
  "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

/** Runs a program in a terminal: with script(1) of util-linux, or with CPython's pty module. */
async function pseudoTerminal(): Promise<((command: string[]) => string[]) | undefined> {
  if (hasCommand("script")) {
    // script(1) of the BSDs has other arguments.
    const { stdout } = await run("script", ["--version"]);
    const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
    if (stdout.includes("util-linux")) {
      return (command) => ["script", "-qec", command.map(quote).join(" "), "/dev/null"];
    }
  }
  if (hasCommand("python3")) return (command) => ["python3", "-c", PYTHON_PTY, ...command];
  return undefined;
}

const inTerminal = await pseudoTerminal();
const why = inTerminal === undefined ? " (skipped: neither util-linux's script nor python3)" : "";

/** Runs the program in a terminal, and types `answer` at the prompt. */
async function answerPrompt(answer: string): Promise<{ code: number; screen: string }> {
  const [command, ...args] = inTerminal!([DENO, "run", PROMPT]);
  const child = new Deno.Command(command!, {
    args,
    env: { ...env, TERM: "xterm" },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  const limit = setTimeout(() => child.kill("SIGKILL"), PROMPT_LIMIT);
  let typing: ReturnType<typeof setInterval> | undefined;
  try {
    let screen = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      screen += chunk;
      if (/(Granted|Denied) ffi access/.test(screen)) clearInterval(typing);
      else if (screen.includes("[y/n/A]")) {
        // Deno discards input until the terminal was silent for 100 milliseconds, so type slowly
        // until it reacts.
        typing ??= setInterval(() => writer.write(new TextEncoder().encode(`${answer}\n`)), 300);
      }
    }
    return { code: (await child.status).code, screen };
  } finally {
    clearTimeout(limit);
    clearInterval(typing);
    await writer.close().catch(() => {}); // the reader has ended already
  }
}

const questions = (screen: string) => screen.split("Deno requests ffi access").length - 1;

Deno.test({
  name: `At a terminal the first use asks once, and goes on when the answer is yes${why}`,
  ignore: inTerminal === undefined,
  async fn() {
    const { code, screen } = await answerPrompt("y");
    assertEquals(questions(screen), 1, screen);
    assertMatch(screen, /Granted ffi access/);
    assertMatch(screen, /^went on\r?$/m);
    assertEquals(code, 0, screen);
  },
});

Deno.test({
  name: `At a terminal the first use throws NotCapable when the answer is no${why}`,
  ignore: inTerminal === undefined,
  async fn() {
    const { code, screen } = await answerPrompt("n");
    assertEquals(questions(screen), 1, screen);
    assertStringIncludes(screen, REFUSAL);
    assert(!screen.includes("went on"), screen);
    assertEquals(code, 1, screen);
  },
});
