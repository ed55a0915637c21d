/**
 * examples/pass_descriptor.ts, with itself and with CPython's send_fds() and recv_fds() as peers.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { EVENT_LIMIT, until, within } from "./helpers/echo_server_process.ts";
import { DENO, hasCommand, path, Program, run } from "./helpers/programs.ts";

const EXAMPLE = "examples/pass_descriptor.ts";
const FLAGS = ["--no-prompt", "--allow-ffi"];
const WORKER_FLAGS = [...FLAGS, "--allow-write"]; // it removes its socket's file

const isWindows = Deno.build.os === "windows";
const hasPython = !isWindows && hasCommand("python3");

function passTest(name: string, fn: (socket: string) => Promise<void>, needs = ""): void {
  const isMissing = isWindows || needs === "python3" && !hasPython;
  Deno.test({
    name: name + (isMissing ? ` (needs ${needs || "Unix sockets"})` : ""),
    ignore: isMissing,
    async fn() {
      const folder = await Deno.makeTempDir();
      try {
        await fn(`${folder}/socket`);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

const line = (program: Program) => within(EVENT_LIMIT, program.line(), "a line");

/** Everything that a client receives until its connection ends. */
async function conversation(port: number): Promise<string> {
  using client = await Deno.connect({ port });
  const bytes = await within(EVENT_LIMIT, new Response(client.readable).text(), "the end");
  return bytes;
}

async function startFront(socket: string) {
  const args = ["run", ...FLAGS, path(EXAMPLE), "front", socket];
  const front = new Program(DENO, args, { stderr: "null" });
  const port = Number(/^listening on port (\d+)$/.exec((await line(front))!)![1]);
  return { front, port };
}

passTest("A worker greets the clients that a front hands over and takes back", async (socket) => {
  await using worker = Program.start(EXAMPLE, ["worker", socket], WORKER_FLAGS);
  assertEquals(await line(worker), `waiting on ${socket}`);
  const { front, port } = await startFront(socket);
  await using _ = front;
  for (let i = 0; i < 50; i++) {
    const [hello, goodbye] = [worker, front].map(({ child }) => child.pid);
    assertEquals(await conversation(port), `hello from ${hello}\ngoodbye from ${goodbye}\n`);
  }
  if (Deno.build.os === "linux") {
    const descriptors = () => [...Deno.readDirSync(`/proc/${front.child.pid}/fd`)].length;
    // A wait of the front has a few descriptors of its own, fewer than a leak would leave.
    const before = descriptors();
    for (let i = 0; i < 20; i++) await conversation(port);
    await until(() => descriptors() < before + 20, "the front's descriptors to be closed");
  }
  front.kill("SIGTERM");
  assertEquals([await worker.rest(), await worker.code()], ["", 0]); // it ends with its front
});

passTest("A front hands clients to CPython's recv_fds() and takes them back", async (socket) => {
  await using worker = new Program("python3", [path("tests/fixtures/fd_worker.py"), socket]);
  assertEquals(await line(worker), "waiting");
  const { front, port } = await startFront(socket);
  await using _ = front;
  for (let i = 0; i < 3; i++) {
    const expected = `hello from CPython\ngoodbye from ${front.child.pid}\n`;
    assertEquals(await conversation(port), expected);
  }
}, "python3");

passTest("A worker takes clients from CPython's send_fds() and hands them back", async (socket) => {
  await using worker = Program.start(EXAMPLE, ["worker", socket], WORKER_FLAGS);
  assertEquals(await line(worker), `waiting on ${socket}`);
  const { code, stdout, stderr } = await run("python3", [
    path("tests/fixtures/fd_front.py"),
    socket,
  ]);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  const once = `hello from ${worker.child.pid}\ngoodbye from CPython\n`;
  assertEquals(stdout, once.repeat(3));
  assertEquals([await worker.rest(), await worker.code()], ["", 0]);
}, "python3");

passTest("A front ends when its worker leaves, and says when there is none", async (socket) => {
  const none = await run(DENO, ["run", ...FLAGS, path(EXAMPLE), "front", socket]);
  assertEquals({ code: none.code, stdout: none.stdout }, { code: 1, stdout: "" });
  assertMatch(none.stderr, /^connect .*socket: .*\n$/);

  await using worker = Program.start(EXAMPLE, ["worker", socket], WORKER_FLAGS);
  assertEquals(await line(worker), `waiting on ${socket}`);
  const { front, port } = await startFront(socket);
  await using _ = front;
  worker.kill("SIGKILL");
  await worker.code();
  await conversation(port).catch(() => {}); // may be reset
  assertEquals(await within(EVENT_LIMIT, front.code(), "the front's end"), 1);
});

passTest("pass_descriptor.ts without a role prints its usage and exits 2", async () => {
  const { code, stdout } = await run(DENO, ["run", ...FLAGS, path(EXAMPLE)]);
  assertEquals({ code, stdout }, { code: 2, stdout: "" });
});
