/**
 * The echo server when its log cannot be written: it goes on serving. Each server has /dev/full, or
 * a pipe whose reader has left, as standard output and error.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import {
  assertEchoes,
  assertEnded,
  commandLine,
  EVENT_LIMIT,
  leave,
  seededBytes,
  serverTest,
  until,
  within,
} from "./helpers/echo_server_process.ts";

import { print } from "../examples/echo_server_cli.ts";
import { Program } from "./helpers/programs.ts";

const DESCRIPTORS = 40; // open at most, in the server that is to run out of them
const isLinux = Deno.build.os === "linux"; // which has /dev/full and /proc

/** The ports on which a process listens, one for each listener, from proc(5). */
function listeningPorts(pid: number): number[] {
  const inodes = [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
    } catch {
      return ""; // closed meanwhile
    }
  });
  return Deno.readTextFileSync(`/proc/${pid}/net/tcp`).split("\n").flatMap((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    const isListening = state === "0A" && inodes.includes(`socket:[${inode}]`);
    return isListening ? [parseInt(local!.split(":")[1]!, 16)] : [];
  });
}

/** Starts a server whose output goes where `redirection` says, and waits until it listens. */
async function startServer(redirection: string, ...args: string[]) {
  const script = `ulimit -n ${DESCRIPTORS}; exec "$@" ${redirection}`;
  const program = new Program("sh", ["-c", script, "sh", ...commandLine(args)]);
  let ports: number[] = [];
  const threads = args.includes("--workers") ? 2 : 1;
  await until(() => {
    ports = listeningPorts(program.child.pid);
    return ports.length === threads;
  }, "a listening server");
  return { program, connect: () => Deno.connect({ port: ports[0]! }) };
}

for (const flags of ["", "--blocking", "--selector poll", "--workers 2", "--trace"]) {
  serverTest({
    name: `Echo server ${
      flags || "without flags"
    } serves while /dev/full takes its log, also out of descriptors`,
    ignore: !isLinux,
    async fn() {
      const { program, connect } = await startServer(
        ">/dev/full 2>/dev/full",
        ...flags === "" ? [] : flags.split(" "),
      );
      await using _ = program;
      const clients = await Promise.all(Array.from({ length: 2 * DESCRIPTORS }, connect));
      try {
        // The server serves as many as it has descriptors for, and the others as these leave.
        await Promise.all(clients.map(async (client) => {
          await assertEchoes(client, seededBytes(1000, 1));
          await leave(client);
        }));
      } finally {
        for (const client of clients) close(client);
      }
      program.kill("SIGINT");
      assertEquals(await within(EVENT_LIMIT, program.code(), "the end of the server"), 0);
    },
  });
}

serverTest({
  name: "Echo server serves on when the reader of its log has left, and ends on a signal",
  ignore: !isLinux,
  async fn() {
    const { program, connect } = await startServer("2>&1");
    await using _ = program;
    assert((await program.line())!.startsWith("listening on "));
    const [first, second] = [await connect(), await connect()];
    try {
      assertGreater((await program.line())!.length, 0);
      await program.hangUp();
      await assertEchoes(first, seededBytes(1000, 1));
      await leave(first); // the server logs "closed", which is EPIPE
      await assertEchoes(second, seededBytes(1000, 1));
      program.kill("SIGTERM");
      await assertEnded(second);
    } finally {
      for (const client of [first, second]) close(client);
    }
    assertEquals(await within(EVENT_LIMIT, program.code(), "the end of the server"), 0);
  },
});

Deno.test("The echo server's log lines have their control characters escaped", () => {
  const { log } = console;
  const lines: string[] = [];
  console.log = (line: string) => lines.push(line);
  try {
    print("\x1b]0;title\x07\r\n\x9b2Jé");
  } finally {
    console.log = log;
  }
  assertEquals(lines, ["\\x1b]0;title\\x07\\x0d\\x0a\\x9b2Jé"]);
});

function close(client: Deno.Conn): void {
  try {
    client.close();
  } catch {
    // The test has closed it.
  }
}
