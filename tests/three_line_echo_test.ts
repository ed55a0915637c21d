/** The three-line echo server of the README, as it stands there, in a process of its own. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { SO_LINGER, SOL_SOCKET } from "../ffi/mod.ts";
import { Socket } from "../mod.ts";
import {
  assertEchoes,
  EVENT_LIMIT,
  leave,
  MiB,
  seededBytes,
  within,
} from "./helpers/echo_server_process.ts";
import "./helpers/descriptors.ts"; // opens libc before the tests
import { DENO, path, Program } from "./helpers/programs.ts";

const MOD = new URL("../mod.ts", import.meta.url).href;

/** Starts the server on a free port, which the README's program does not have. */
async function start() {
  const readme = await Deno.readTextFile(path("README.md"));
  const [, block] = /```ts[^\n]*\n((?:(?!```)[^])*Socket\.createServer[^]*?)```/.exec(readme) ?? [];
  assert(block !== undefined, "a program with Socket.createServer in the README");
  assertLess(block.trim().split("\n").filter((line) => !/^import|^$/.test(line)).length, 4);
  const script = `
    import { Socket } from ${JSON.stringify(MOD)};
    const { createServer } = Socket;
    Socket.createServer = (address) => {
      const server = createServer({ ...address, port: 0 });
      console.log(server.localAddress.port);
      return server;
    };
    ${block.replace(/^import .*$/m, "")}
  `;
  const program = new Program(DENO, ["eval", script], { stderr: "null" });
  return { program, port: Number(await within(EVENT_LIMIT, program.line(), "its port")) };
}

Deno.test("The README's three-line echo server echoes to 50 clients and answers half-closes", async () => {
  const { program, port } = await start();
  await using _ = program;
  await Promise.all(Array.from({ length: 50 }, async (_, seed) => {
    const connection = await Deno.connect({ port });
    await assertEchoes(connection, seededBytes(200_000, seed));
    await leave(connection);
  }));
  const connection = await Deno.connect({ port });
  await assertEchoes(connection, seededBytes(8 * MiB, 1));
  await leave(connection);
});

Deno.test("The README's three-line echo server survives clients that reset", async () => {
  const { program, port } = await start();
  await using _ = program;
  for (let i = 0; i < 5; i++) {
    using socket = new Socket();
    socket.setOption(SOL_SOCKET, SO_LINGER, new Uint8Array(Int32Array.of(1, 0).buffer));
    socket.connect({ hostname: "127.0.0.1", port });
    socket.send(new Uint8Array(1000));
  }
  const connection = await Deno.connect({ port });
  await assertEchoes(connection, seededBytes(1000, 1));
  await leave(connection);
  program.kill("SIGTERM");
  assertEquals((await program.child.status).success, false);
});
