/**
 * examples/socket_activation.ts, started by a launcher that does what systemd and spawn-fcgi do.
 */

import { assertEquals, assertMatch } from "@std/assert";
import {
  assertEchoes,
  EVENT_LIMIT,
  leave,
  seededBytes,
  within,
} from "./helpers/echo_server_process.ts";
import { DENO, hasCommand, path, Program } from "./helpers/programs.ts";

const EXAMPLE = path("examples/socket_activation.ts");
const ENV = "--allow-env=LISTEN_PID,LISTEN_FDS";
const canLaunch = Deno.build.os !== "windows" && hasCommand("python3");

function activationTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: name + (canLaunch ? "" : " (needs python3)"), ignore: !canLaunch, fn });
}

/** The example with a listener from the launcher, and the port of that. */
async function launch(kind: "listen_fds" | "stdin", flags: string[], ...args: string[]) {
  const file = await Deno.makeTempFile();
  const command = [DENO, "run", "--no-prompt", "--allow-ffi", ENV, ...flags, EXAMPLE, ...args];
  const program = new Program("python3", [
    path("tests/fixtures/activate.py"),
    kind,
    file,
    ...command,
  ]);
  const line = await within(EVENT_LIMIT, program.line(), "its first line");
  const port = Number(await Deno.readTextFile(file));
  await Deno.remove(file);
  assertEquals(line, `listening on { hostname: "127.0.0.1", port: ${port} } (inherited)`);
  return { program, port };
}

for (
  const [kind, what] of [
    ["listen_fds", "descriptor 3, as from systemd"],
    ["stdin", "standard input, as from spawn-fcgi"],
  ] as const
) {
  activationTest(`socket_activation.ts serves on ${what}`, async () => {
    const { program, port } = await launch(kind, []);
    await using _ = program;
    for (let i = 0; i < 2; i++) {
      const connection = await Deno.connect({ port });
      await assertEchoes(connection, seededBytes(100_000, i));
      await leave(connection);
    }
  });

  activationTest(`socket_activation.ts --http serves HTTP on ${what}`, async () => {
    const { program, port } = await launch(kind, ["--allow-net"], "--http");
    await using _ = program;
    const response = await within(EVENT_LIMIT, fetch(`http://127.0.0.1:${port}/`), "a response");
    assertEquals([response.status, await response.text()], [200, "hello\n"]);
  });
}

activationTest("socket_activation.ts ignores variables that are another process's", async () => {
  const env = { LISTEN_FDS: "1", LISTEN_PID: "1" };
  const args = ["run", "--no-prompt", "--allow-ffi", ENV, EXAMPLE];
  await using program = new Program(DENO, args, { env });
  const line = await within(EVENT_LIMIT, program.line(), "its first line");
  assertMatch(line!, /^listening on \{ hostname: "127.0.0.1", port: \d+ \} \(own\)$/);
});
