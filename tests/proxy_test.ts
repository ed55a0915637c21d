/** examples/proxy.ts as a program, with Deno's own connections as its peers. */

import { assertEquals, assertLess } from "@std/assert";
import {
  assertEnded,
  assertSameBytes,
  EVENT_LIMIT,
  MiB,
  receive,
  seededBytes,
  send,
  until,
  within,
} from "./helpers/echo_server_process.ts";
import { unlessLeftOut } from "./helpers/left_out.ts";
import { DENO, path, Program, run } from "./helpers/programs.ts";
import { delay } from "./helpers/timing.ts";

const EXAMPLE = "examples/proxy.ts";
const FLAGS = ["--no-prompt", "--allow-ffi"];
const SLOW = 128 * MiB; // more than kernels and proxy hold for a reader that does not read

/** A proxy to a port, and how to connect to it. */
async function startProxy(port: number) {
  const program = Program.start(EXAMPLE, ["0", "127.0.0.1", `${port}`], FLAGS);
  const line = await program.line();
  const own = Number(/^listening on port (\d+)$/.exec(line ?? "")![1]);
  return { program, connect: () => Deno.connect({ port: own }) };
}

/** A client and the server's end of its connection through a proxy. */
async function connectThrough() {
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { program, connect } = await startProxy(server.addr.port);
  const client = await connect();
  const connection = await within(EVENT_LIMIT, server.accept(), "the proxy's connection");
  return {
    program,
    client,
    connection,
    async [Symbol.asyncDispose]() {
      for (const closable of [client, connection, server]) close(closable);
      await program[Symbol.asyncDispose]();
    },
  };
}

const bothDirections = "proxy.ts passes every byte in both directions, and the end of each";
Deno.test({ ...unlessLeftOut(bothDirections), fn: passesBothDirections });

async function passesBothDirections(): Promise<void> {
  await using through = await connectThrough();
  const { client, connection } = through;
  const [request, response] = [seededBytes(5 * MiB, 1), seededBytes(7 * MiB, 2)];
  const sending = send(client, request).then(() => client.closeWrite());
  assertSameBytes(await receive(connection, request.length), request);
  await sending;
  await assertEnded(connection);
  // The other direction is still open: the client has closed its own half only.
  const answering = send(connection, response).then(() => connection.closeWrite());
  assertSameBytes(await receive(client, response.length), response);
  await answering;
  await assertEnded(client);
}

Deno.test({
  name: "proxy.ts holds a fast sender to the pace of a slow reader, and holds little itself",
  ignore: Deno.build.os !== "linux", // which has /proc
  async fn() {
    await using through = await connectThrough();
    const { client, connection, program } = through;
    const bytes = seededBytes(SLOW, 3);
    let sent = 0;
    const sending = (async () => {
      while (sent < bytes.length) sent += await client.write(bytes.subarray(sent, sent + 65536));
    })();
    sending.catch(() => {});
    const before = residentBytes(program.child.pid);
    // While nobody reads, the sender is stuck before the end.
    let last = -1;
    await until(() => {
      const isStuck = last === sent && sent > 0;
      last = sent;
      return isStuck;
    }, "a sender that is held back");
    assertLess(sent, SLOW / 2);
    // A reader that takes all gets all, at its own pace.
    const received = new Uint8Array(SLOW);
    for (let at = 0; at < SLOW;) {
      at += (await within(EVENT_LIMIT, connection.read(received.subarray(at)), "more bytes"))!;
      assertLess(residentBytes(program.child.pid) - before, 100 * MiB);
    }
    await sending;
    assertSameBytes(received, bytes);
  },
});

Deno.test("proxy.ts closes a client whose server cannot be reached, and serves the next", async () => {
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = server.addr;
  server.close();
  const { program, connect } = await startProxy(port);
  await using _ = program;
  for (let i = 0; i < 2; i++) {
    using client = await connect();
    await assertEnded(client);
  }
});

Deno.test({
  name: "proxy.ts serves on after it was out of descriptors",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using server = echoServer();
    const script = 'ulimit -n 50; exec "$@"';
    const command = [DENO, "run", ...FLAGS, path(EXAMPLE), "0", "127.0.0.1", `${server.port}`];
    await using program = new Program("sh", ["-c", script, "sh", ...command]);
    const port = Number(/\d+$/.exec((await program.line())!)![0]);
    const clients = await Promise.all(Array.from({ length: 60 }, () => Deno.connect({ port })));
    for (const client of clients) client.close();
    const hello = new TextEncoder().encode("hello");
    const echoed = async () => {
      while (true) {
        using client = await Deno.connect({ port });
        try {
          await client.write(hello);
          const echo = await receive(client, 5);
          if (echo.length > 0) return echo;
        } catch {
          // reset
        }
        await delay(10); // it came before the descriptors were free again, and was turned away
      }
    };
    assertEquals(await within(EVENT_LIMIT, echoed(), "the echo"), hello);
  },
});

Deno.test("proxy.ts without a target prints its usage and exits 2", async () => {
  const { code, stdout } = await run(DENO, ["run", ...FLAGS, path(EXAMPLE), "0"]);
  assertEquals({ code, stdout }, { code: 2, stdout: "" });
});

function echoServer() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      connections.push(connection);
      connection.readable.pipeTo(connection.writable).catch(() => {});
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      for (const connection of connections) close(connection);
    },
  };
}

function residentBytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]);
}

function close(closable: { close(): void }): void {
  try {
    closable.close();
  } catch {
    // It was closed before.
  }
}
