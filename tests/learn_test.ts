/**
 * The programs of examples/learn/. Each runs alone, with the permission that it names and no other.
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertMatch,
} from "@std/assert";
import { isPlatformWith } from "../ffi/mod.ts";
import { DENO, hasCommand, path, run } from "./helpers/programs.ts";
import { promptly } from "./helpers/timing.ts";

const STEPS = [...Deno.readDirSync(path("examples/learn"))].map(({ name }) => name)
  .filter((name) => /^\d/.test(name)).sort();

// These programs call socketpair(2), which Winsock lacks.
const notOnWindows = { ignore: Deno.build.os === "windows" };

/** The lines that a step prints. */
async function linesOf(step: string, ...args: string[]): Promise<string[]> {
  const file = STEPS.find((name) => name.startsWith(step))!;
  const command = ["run", "--no-prompt", "--allow-ffi", path(`examples/learn/${file}`), ...args];
  const { code, stdout, stderr } = await run(DENO, command);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  return stdout.trimEnd().split("\n");
}

/** The numbers in a line. */
function numbers(line: string | undefined): number[] {
  return (line?.match(/\d+(\.\d+)?/g) ?? []).map(Number);
}

/** Lines without the numbers of descriptors, which the system chooses. */
function withoutDescriptors(lines: string[]): string[] {
  return lines.map((line) => line.replace(/^( *)\d+: /, "$1fd: "));
}

Deno.test("The staircase has eleven steps, each under 80 lines, and says how to run it", async () => {
  assertEquals(STEPS.length, 11);
  for (const step of STEPS) {
    const text = await Deno.readTextFile(path(`examples/learn/${step}`));
    assertLess(text.trimEnd().split("\n").length, 80, step);
    assert(text.includes(`deno run --allow-ffi examples/learn/${step}`), step);
  }
});

Deno.test("01 serves one client with blocking calls", async () => {
  const [listens, connected, received, back, end, ...rest] = await linesOf("01");
  assertMatch(listens!, /^server: descriptor \d+ listens on port \d+$/);
  assertMatch(connected!, /^client: descriptor \d+ is connected, and has sent "hello"$/);
  assertMatch(received!, /^server: descriptor \d+ is the connection, and has received "hello"$/);
  assertEquals(back, 'client: "hello" has come back');
  assertEquals(end, "server: recv() gives 0: the client has left");
  assertEquals(rest, []);
  const descriptors = [listens, connected, received].map((line) => numbers(line)[0]);
  assertEquals(new Set(descriptors).size, 3);
});

Deno.test(
  "02 keeps the second client waiting for the first, half a second",
  notOnWindows,
  async () => {
    const lines = await linesOf("02");
    assertEquals(lines.map((line) => line.replace(/^ *\d+ ms {2}/, "")), [
      'the second client has sent "hello"; the first sends nothing',
      "server: recv() from the first …",
      "server: … timed out",
      "server: recv() from the second …",
      'server: … received "hello"',
      "the second client has its answer: it waited for the first client's timeout",
    ]);
    const [spoken, , , , heard] = lines.map((line) => numbers(line)[0]!);
    assertGreaterOrEqual(heard! - spoken!, 490);
  },
);

Deno.test("03 asks all the time, and takes the CPU for it", notOnWindows, async () => {
  let most = { calls: 0, cpu: 0 }; // on a busy machine
  for (let round = 0; round < 20 && !(most.calls > 1000 && most.cpu > 30); round++) {
    const [answered, asked, cpu, ...rest] = await linesOf("03");
    assertMatch(answered!, /^the second client was answered after \d+ ms$/);
    assertGreaterOrEqual(numbers(answered)[0]!, 300);
    const [calls, empty] = numbers(asked);
    assertEquals(empty, calls! - 1);
    assertEquals(rest, []);
    most = { calls: calls!, cpu: numbers(cpu)[0]! };
  }
  assertGreater(most.calls, 1000);
  assertGreater(most.cpu, 30); // of 300 ms
});

Deno.test({
  name: "04 waits with poll() for whoever has something, at next to no CPU time",
  ...notOnWindows,
  async fn() {
    await promptly(async () => {
      const lines = withoutDescriptors(await linesOf("04"));
      assertEquals(lines.slice(0, -1), [
        "poll() returned 1, of 3 descriptors",
        "  fd: third",
        "poll() returned 2, of 3 descriptors",
        "  fd: first",
        "  fd: third",
        "poll() returned 0, of 3 descriptors",
      ]);
      assertMatch(lines.at(-1)!, /^300 ms of waiting took [\d.]+ ms of CPU time$/);
      return numbers(lines.at(-1))[1]!;
    }, 30);
  },
});

Deno.test({
  name: "05 is told by epoll of what is left, until nothing is",
  ignore: !isPlatformWith("epoll"),
  async fn() {
    assertEquals(withoutDescriptors(await linesOf("05")), [
      "epoll_wait() returned 1, of 3 descriptors",
      "  fd: hello",
      "epoll_wait() returned 1, of 3 descriptors",
      "  fd: , world",
      "epoll_wait() returned 0, of 3 descriptors",
      "epoll_wait() returned 0, of 3 descriptors",
    ]);
  },
});

Deno.test({
  name: "06 loses bytes to an edge, and mends that",
  ignore: !isPlatformWith("epoll"),
  async fn() {
    assertEquals(await linesOf("06"), [
      'readOnce() received "hello" of "hello, world"',
      '  and ", world" was left unread',
      'readAll() received "hello, world" of "hello, world"',
    ]);
  },
});

const KEVENTS = [
  "kevent() returned 1, of 3 filters",
  "  fd: hello (of 12 bytes)",
  "kevent() returned 1, of 3 filters",
  "  fd: , world (of 7 bytes)",
  "kevent() returned 0, of 3 filters",
  "kevent() returned 0, of 3 filters",
];

Deno.test({
  name: "07 is told by kqueue how many bytes are left, until none are",
  ignore: !isPlatformWith("kqueue"),
  async fn() {
    assertEquals(withoutDescriptors(await linesOf("07")), KEVENTS);
  },
});

Deno.test({
  name: "07 does the same with a library that brings kqueue" +
    (hasCommand("cc") ? "" : " (needs a C compiler)"),
  ignore: Deno.build.os !== "linux" || !hasCommand("cc") ||
    Deno.env.get("SELECTORS_EMULATOR") === "qemu", // which cannot load a library that cc makes
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const library = `${folder}/libkqueue.so`;
      const flags = ["-shared", "-fPIC", "-pthread", "-o", library];
      const { code, stderr } = await run("cc", [...flags, path("tests/platforms/kqueue.c")]);
      assertEquals(code, 0, stderr);
      assertEquals(withoutDescriptors(await linesOf("07", library)), KEVENTS);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "08 serves two clients with a selector of its own",
  ignore: !isPlatformWith("poll"),
  async fn() {
    const lines = withoutDescriptors(await linesOf("08"));
    const expected = ['fd: "hello"', 'fd: ""', 'fd: "world"', 'fd: ""'];
    assertEquals(lines.slice(0, 4).sort(), expected.sort());
    assertEquals(lines.slice(4), ["echoed: hello", "echoed: world"]);
  },
});

Deno.test("09 serves two clients with the library", async () => {
  const [mechanism, ...lines] = withoutDescriptors(await linesOf("09"));
  assertMatch(mechanism!, /^\w+Selector is the default here$/);
  const served = [
    "fd: connected",
    "fd: connected",
    'fd: "hello"',
    'fd: "world"',
    'fd: ""',
    'fd: ""',
  ];
  assertEquals(lines.slice(0, 6).sort(), served.sort());
  assertEquals(lines.slice(6), ["echoed: hello", "echoed: world"]);
});

Deno.test("10 lets a timer tick while it waits, and shows that select() does not", async () => {
  const lines = await linesOf("10");
  assertEquals(lines.slice(0, 4), [
    "first: I am first",
    "first: left",
    "second: I am second",
    "second: left",
  ]);
  assertMatch(lines[4]!, /^the timer ticked \d+ times meanwhile$/);
  assertGreater(numbers(lines[4])[0]!, 2); // of 20, on a busy machine
  assertEquals(lines[5], "and 0 times during a select() of 200 ms");
  assertEquals(lines.length, 6);
});

Deno.test("trace.ts shows the syscalls of a step on standard error, beside what it prints", async () => {
  const program = path("examples/learn/01_blocking.ts");
  const trace = `--preload=${path("examples/learn/trace.ts")}`;
  const { code, stdout, stderr } = await run(DENO, ["run", "--allow-ffi", trace, program]);
  assertEquals({ code, stdout: stdout.split("\n").length }, { code: 0, stdout: 6 }, stderr);
  const calls = stderr.trimEnd().split("\n").map((line) => /^(\w+)\(.*\) = \d+$/.exec(line)?.[1]);
  assertEquals(
    calls.join(" ").replaceAll("closesocket", "close"), // on Windows
    "socket bind listen getsockname socket connect send accept recv send recv close recv close close",
  );
});

for (const step of ["04", "05", "06", "07", "08"]) {
  Deno.test(`${step} says in one line that the platform lacks its mechanism, and exits 0`, async () => {
    const file = path(`examples/learn/${STEPS.find((name) => name.startsWith(step))}`);
    // A platform that this library does not support.
    const elsewhere = `Object.defineProperty(Deno, "build", {
      value: { ...Deno.build, os: "solaris" },
    });`;
    const preload = `--preload=data:text/javascript,${encodeURIComponent(elsewhere)}`;
    const { code, stdout, stderr } = await run(DENO, ["run", "--no-prompt", preload, file]);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    assertMatch(stdout, /^There is no (poll|epoll|kqueue)\(\d\) on solaris\b.*\n$/);
  });
}

Deno.test("11 receives and echoes three messages by completions, or says that there is no io_uring", async () => {
  const lines = await linesOf("11");
  if (lines.length === 1) return assertMatch(lines[0]!, /has no io_uring/);
  const names = ["first", "second", "third"];
  const parts = ["receive 5", "echo 5", "receive 0"].map((what) => {
    return names.map((name) => `${name}: ${what}`);
  });
  assertEquals(lines, parts.flat());
});
