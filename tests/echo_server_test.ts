/**
 * The echo server as a program, with real peers: CPython's asyncio, nc, and Deno's own connections.
 * Each server starts with the permissions that its usage names and no others, on a port that the
 * system picks.
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertLessOrEqual,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { SO_LINGER, SOL_SOCKET } from "../ffi/mod.ts";
import { DefaultSelector, KqueueSelector, Socket } from "../mod.ts";
import { Ring } from "../ring/mod.ts";
import "./helpers/descriptors.ts"; // opens libc before the tests
import {
  assertEchoes,
  assertEnded,
  assertSameBytes,
  BEST,
  commandLine,
  Connections,
  ECHO_SERVER,
  EchoServer,
  EVENT_LIMIT,
  flood,
  leave,
  MiB,
  receive,
  seededBytes,
  send,
  serverTest,
  until,
  within,
} from "./helpers/echo_server_process.ts";
import { DENO, hasCommand, path, run } from "./helpers/programs.ts";

const ECHO_CLIENT = path("tests/fixtures/echo_client.py");
const FLAGS = [
  "--host",
  "--port",
  "--selector",
  "--workers",
  "--blocking",
  "--quiet",
  "--trace",
  "--help",
];

/** The server on io_uring, where the kernel has that. */
const RING: readonly string[][] = Ring.isSupported() ? [["--ring"]] : [];
const CONNECTIONS = 200;
const LINES_PER_SECOND = 11; // ten about clients, and one that reports that there are more

const emulator = Deno.env.get("SELECTORS_EMULATOR");
const hasPython = hasCommand("python3");
const hasNetcat = hasCommand("nc") && await takesNetcat("-N");
const hasIpv6 = await Deno.readTextFile("/proc/net/if_inet6")
  .then((table) => table.includes("00000000000000000000000000000001"), () => false);

/** Runs the echo server to its end. */
function runServer(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [command, ...rest] = commandLine(args);
  return within(EVENT_LIMIT, run(command!, rest), `the end of the server with ${args.join(" ")}`);
}

async function takesNetcat(flag: string): Promise<boolean> {
  const { stdout, stderr } = await run("nc", ["-h"]);
  return new RegExp(`\\[-\\w*${flag[1]}|^\\s*${flag}\\b`, "m").test(stdout + stderr);
}

// ─── Echoing ──────────────────────────────────────────────────────────────────────────────────

for (
  const args of [
    ["--selector", BEST],
    ["--selector", "poll"],
    ["--selector", "select"],
    ["--selector", BEST, "--blocking"],
    ["--selector", "poll", "--blocking"],
    ["--selector", "select", "--blocking"],
    ["--selector", BEST, "--workers", "2"],
    ["--selector", "poll", "--workers", "2"],
    ["--selector", "select", "--workers", "2"],
    ["--workers", "2", "--blocking"],
    ...RING,
    ...RING.map((args) => [...args, "--blocking"]),
    ...RING.map((args) => [...args, "--workers", "2"]),
    // With bsd.c, Workers see Linux.
  ].filter((args) => !(emulator === "bsd.c" && args.includes(BEST) && args.includes("--workers")))
) {
  serverTest({
    name: `Echo server ${args.join(" ")} echoes every byte to ${CONNECTIONS} connections of ` +
      `CPython's asyncio at once, and keeps no descriptor${hasPython ? "" : " (needs python3)"}`,
    ignore: !hasPython,
    async fn() {
      await using server = await EchoServer.start(...args);
      const start = performance.now();
      const threads = args.includes("--workers") ? 2 : 1;
      await until(() => server.listeners() === threads, `${threads} listeners`);
      // Opens what the server opens once, for its first clients.
      using connections = new Connections();
      for (const connection of await connections.open(server, 16)) {
        await assertEchoes(connection, new Uint8Array([1, 2, 3]));
        await leave(connection);
      }
      const sockets = server.sockets();
      const descriptors = server.descriptors().length;

      const client = [ECHO_CLIENT, server.hostname, `${server.port}`, `${CONNECTIONS}`, "7"];
      const { code, stdout, stderr } = await run("python3", client);

      assertEquals(code, 0, stderr);
      const { equal, reset, bytes, most, wrong } = JSON.parse(stdout);
      assertEquals(wrong, []);
      assertEquals({ equal, reset, most }, { equal: 160, reset: 40, most: CONNECTIONS });
      assertGreater(bytes, 20 * MiB);
      await until(() => server.sockets() === sockets, `${sockets} sockets, as before`);
      // A thread that waits has one descriptor more than one that is about to wait.
      assertLessOrEqual(server.descriptors().length, descriptors + threads);
      const lines = await server.stop();
      // seconds that have begun count in full
      const seconds = (performance.now() - start) / 1000 + 2;
      assertLessOrEqual(lines.length, LINES_PER_SECOND * seconds * threads, "a handful a second");
      assertEquals(server.stderr, "");
    },
  });
}

serverTest({
  name: "Echo server sends nc -N a file of 5 MB back, byte for byte, and then ends the connection" +
    (hasNetcat ? "" : " (needs an nc that has -N)"),
  ignore: !hasNetcat,
  async fn() {
    await using server = await EchoServer.start();
    const directory = await Deno.makeTempDir();
    try {
      const sent = seededBytes(5_000_000, 5);
      await Deno.writeFile(`${directory}/sent`, sent);
      const script = 'exec nc -N "$1" "$2" <"$3/sent" >"$3/echoed"';
      const args = ["-c", script, "sh", server.hostname, `${server.port}`, directory];
      // nc ends when the server does; an echo that never ends would exceed the limit.
      const { code, stderr } = await within(EVENT_LIMIT, run("sh", args), "the end of nc");
      assertEquals(code, 0, stderr);
      assertSameBytes(await Deno.readFile(`${directory}/echoed`), sent);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
    await server.stop();
  },
});

serverTest("Echo server answers a half-close after everything was echoed", async () => {
  await using server = await EchoServer.start();
  using connections = new Connections();
  const [connection] = await connections.open(server, 1);
  // more than the kernel buffers for a client that does not read
  const bytes = seededBytes(8 * MiB, 1);
  const sent = send(connection!, bytes).then(() => connection!.closeWrite());
  assertSameBytes(await within(EVENT_LIMIT, receive(connection!, bytes.length), "echo"), bytes);
  await sent;
  await assertEnded(connection!);
  await server.stop();
});

serverTest("Echo server ends a connection that sends nothing and half-closes", async () => {
  await using server = await EchoServer.start();
  using connections = new Connections();
  const [connection] = await connections.open(server, 1);
  await leave(connection!);
  await server.stop();
});

// ─── What it says ─────────────────────────────────────────────────────────────────────────────

for (
  const [args, selector] of [
    [[], DefaultSelector.name],
    [["--selector", BEST], DefaultSelector.name],
    [["--selector", "poll"], "PollSelector"],
    [["--selector", "select"], "SelectSelector"],
  ] as const
) {
  serverTest(
    `Echo server with ${
      args.join(" ") || "no flag"
    } says first where it listens, and that it uses ${selector}`,
    async () => {
      await using server = await EchoServer.start(...args);
      assertEquals(server.hostname, "127.0.0.1");
      assertGreater(server.port, 0);
      assertEquals(server.selector, selector);
      assertEquals(await server.stop(), []);
    },
  );
}

serverTest({
  name: `Echo server --host ::1 serves over IPv6${hasIpv6 ? "" : " (needs IPv6 on loopback)"}`,
  ignore: !hasIpv6,
  async fn() {
    await using server = await EchoServer.start("--host", "::1");
    assertEquals(server.hostname, "::1");
    using connections = new Connections();
    const [connection] = await connections.open(server, 1);
    const { port } = connection!.localAddr;
    await assertEchoes(connection!, seededBytes(100_000, 6));
    assertEquals(await server.line(), `[::1]:${port} connected`);
    await leave(connection!);
    assertEquals(await server.line(), `[::1]:${port} closed`);
    await server.stop();
  },
});

serverTest("Echo server says a line for each connection that comes and goes", async () => {
  await using server = await EchoServer.start("--host", "localhost");
  assertEquals(server.hostname, "127.0.0.1");
  using connections = new Connections();
  const [connection] = await connections.open(server, 1);
  const client = `127.0.0.1:${connection!.localAddr.port}`;
  assertEquals(await server.line(), `${client} connected`);
  await assertEchoes(connection!, seededBytes(10, 1));
  await leave(connection!);
  assertEquals(await server.line(), `${client} closed`);
  assertEquals(await server.stop(), []);
  assertEquals(server.stderr, "");
});

serverTest("Echo server says that a connection was reset, and lives on", async () => {
  await using server = await EchoServer.start();
  using socket = new Socket();
  socket.setOption(SOL_SOCKET, SO_LINGER, new Uint8Array(Int32Array.of(1, 0).buffer));
  socket.connect({ hostname: server.hostname, port: server.port });
  const { port } = socket.localAddress as { port: number };
  assertEquals(await server.line(), `127.0.0.1:${port} connected`);
  socket.close();
  assertMatch(await server.line() ?? "", new RegExp(`^127\\.0\\.0\\.1:${port} .*ECONNRESET`));
  using connections = new Connections();
  const [connection] = await connections.open(server, 1);
  await assertEchoes(connection!, seededBytes(10, 1));
  await server.stop();
  assertEquals(server.stderr, "");
});

serverTest("Echo server --quiet says nothing of its connections", async () => {
  await using server = await EchoServer.start("--quiet");
  using connections = new Connections();
  for (const connection of await connections.open(server, 3)) {
    await assertEchoes(connection, seededBytes(10, 1));
    await leave(connection);
  }
  assertEquals(await server.stop(), []);
});

for (const args of [["--selector", "poll"], ["--blocking"]]) {
  serverTest(
    `Echo server --trace ${args.join(" ")} prints each syscall as it happens`,
    async () => {
      await using server = await EchoServer.start("--trace", ...args);
      using connections = new Connections();
      const [connection] = await connections.open(server, 1);
      const { port } = connection!.localAddr;
      const hasPrinted = (line: RegExp) => until(() => line.test(server.stderr), `${line}`);

      // The lines of what has happened so far, and no others.
      await hasPrinted(new RegExp(`^accept4?\\(\\d+, {.*htons\\(${port}\\).* = \\d+$`, "m"));
      const fd = /^accept4?\(.* = (\d+)$/m.exec(server.stderr)![1];
      assertEquals(/^(recv|send)/m.test(server.stderr), false, server.stderr);
      await assertEchoes(connection!, new TextEncoder().encode("hello\n"));
      await hasPrinted(
        new RegExp(`^recv\\(${fd}, "hello\\\\n", 65536, 0\\) = 6\nsend\\(${fd}, .*\\) = 6$`, "m"),
      );
      assertEquals(server.stderr.includes("\nclose("), false, server.stderr);
      await leave(connection!);
      await hasPrinted(new RegExp(`^recv\\(${fd}, "", 65536, 0\\) = 0$`, "m"));
      await hasPrinted(new RegExp(`^close\\(${fd}\\) = 0$`, "m"));

      await server.stop();
      // System calls and nothing else, from the first to the last.
      const lines = server.stderr.trimEnd().split("\n");
      assertEquals(lines.filter((line) => !/^\w+\(.*\) = (-1 E|0x)?\w+( \(.*\))?$/.test(line)), []);
      assertMatch(lines[0]!, /^eventfd\(|^pipe|^socketpair\(/);
      assertMatch(lines.at(-1)!, /^close\(/);
      server.stderr = "";
    },
  );
}

serverTest(
  "Echo server receives more at once while a client sends much, and then less again",
  async () => {
    await using server = await EchoServer.start("--trace");
    using connections = new Connections();
    const [connection] = await connections.open(server, 1);
    const hasReceived = (text: RegExp) => until(() => text.test(server.stderr), `${text}`);
    await assertEchoes(connection!, seededBytes(8 * MiB, 1));
    await hasReceived(/^recv\(.*, 524288, 0\) = 524288$/m);
    await assertEchoes(connection!, new TextEncoder().encode("a"));
    await assertEchoes(connection!, new TextEncoder().encode("b"));
    await hasReceived(/^recv\(\d+, "b", 65536, 0\) = 1$/m);
    await leave(connection!);
    await server.stop();
    server.stderr = "";
  },
);

serverTest("Echo server --help shows every flag and exits 0", async () => {
  const { code, stdout, stderr } = await runServer("--help");
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  for (const flag of FLAGS) assertMatch(stdout, new RegExp(`^ +${flag}\\b`, "m"));
});

serverTest("Echo server says in one line which flag or value is wrong, and exits 2", async () => {
  const lines: [string[], RegExp][] = [
    [["--wrong"], /--wrong/],
    [["extra"], /extra/],
    [["--quiet=yes"], /--quiet/],
    [["--port"], /--port/],
    [["--port", ""], /--port/],
    [["--port", "echo"], /--port .*"echo"/],
    [["--port", "65536"], /--port .*"65536"/],
    [["--port=-1"], /--port .*"-1"/],
    [["--port", "1e3"], /--port .*"1e3"/],
    [["--selector", "fast"], /--selector .*"fast"/],
    [["--selector", "toString"], /--selector .*"toString"/],
    [["--workers", "0"], /--workers .*"0"/],
    [["--workers", "65"], /--workers .*"65"/],
    [["--workers", "1.5"], /--workers .*"1.5"/],
    [["--workers", "many"], /--workers .*"many"/],
  ];
  await Promise.all(lines.map(async ([args, what]) => {
    const { code, stdout, stderr } = await runServer(...args);
    assertEquals({ code, stdout }, { code: 2, stdout: "" }, `${args.join(" ")}: ${stderr}`);
    assertMatch(stderr, /^.+\n$/);
    assertMatch(stderr, what);
  }));
});

serverTest({
  name: "Echo server --selector kqueue says in one line that the platform has none, and exits 2",
  ignore: KqueueSelector.isSupported(),
  async fn() {
    const { code, stdout, stderr } = await runServer("--selector", "kqueue");
    assertEquals({ code, stdout }, { code: 2, stdout: "" });
    assertMatch(stderr, /^--selector kqueue .*not supported on .*\n$/);
  },
});

for (const workers of ["1", "2"]) {
  serverTest(
    `Echo server --workers ${workers} on an occupied port says so in one line, and exits 1`,
    async () => {
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = listener.addr;
      const { code, stdout, stderr } = await runServer("--port", `${port}`, "--workers", workers);
      assertEquals({ code, stdout }, { code: 1, stdout: "" });
      assertMatch(stderr, new RegExp(`^bind 127\\.0\\.0\\.1:${port}: .+ \\(EADDRINUSE \\d+\\)\n$`));
    },
  );
}

serverTest(
  "Echo server --host with a name that nobody has says so in one line, and exits 1",
  async () => {
    // Without the limit of runServer(), because a resolver may take long.
    const [command, ...args] = commandLine(["--host", "echo.invalid"]);
    const { code, stdout, stderr } = await run(command!, args);
    assertEquals({ code, stdout }, { code: 1, stdout: "" });
    assertMatch(stderr, /^getaddrinfo echo\.invalid: .+\n$/);
  },
);

serverTest("Echo server without --allow-ffi names the flag that it needs", async () => {
  const args = ["run", "--no-prompt", ECHO_SERVER, "--port", "0"];
  const { code, stdout, stderr } = await within(EVENT_LIMIT, run(DENO, args), "its end");
  assertEquals({ code, stdout }, { code: 1, stdout: "" });
  assertStringIncludes(stderr, "--allow-ffi");
});

serverTest(
  "Echo server --workers 2 without --allow-read names the flag that it needs",
  async () => {
    const args = [
      "run",
      "--no-prompt",
      "--allow-ffi",
      ECHO_SERVER,
      "--port",
      "0",
      "--workers",
      "2",
    ];
    const { code, stderr } = await within(EVENT_LIMIT, run(DENO, args), "its end");
    assertEquals(code, 1);
    assertStringIncludes(stderr, "--allow-read");
  },
);

// ─── How it ends ──────────────────────────────────────────────────────────────────────────────

for (
  const [args, starts] of [ // as often for each signal
    [["--selector", BEST], 5],
    [["--selector", "poll"], 2],
    [["--selector", "select"], 2],
    [["--blocking"], 5],
    [["--workers", "2"], 5],
    [["--workers", "2", "--blocking"], 2],
    ...RING.map((args) => [args, 5] as const),
  ] as const
) {
  serverTest(
    `Echo server ${args.join(" ")} ends on a signal that comes as soon as it listens`,
    async () => {
      await Promise.all((["SIGINT", "SIGTERM"] as const).map(async (signal) => {
        for (let start = 0; start < starts; start++) {
          await using server = await EchoServer.start(...args);
          assertEquals(await server.stop(signal), []);
          assertEquals(server.stderr, "");
        }
      }));
    },
  );
}

const SERVERS = [`--selector ${BEST}`, "--selector poll", "--blocking", "--workers 2"];
if (RING.length > 0) SERVERS.push("--ring", "--ring --blocking", "--ring --workers 2");
for (const flags of SERVERS) {
  const args = flags.split(" ");
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const test = (
      fact: string,
      body: (server: EchoServer, clients: Connections) => Promise<void>,
    ) =>
      serverTest(`Echo server ${flags} ends on ${signal} ${fact}`, async () => {
        await using server = await EchoServer.start("--quiet", ...args);
        using connections = new Connections();
        await body(server, connections);
        assertEquals(server.stderr, "");
      });

    test("when nobody is connected any more", async (server, connections) => {
      const [connection] = await connections.open(server, 1);
      await assertEchoes(connection!, seededBytes(1000, 1));
      await leave(connection!);
      await server.stop(signal);
    });

    test(
      "with connections that are silent, half sent, or not read",
      async (server, connections) => {
        const [silent, halfSent, unread] = await connections.open(server, 3);
        await assertEchoes(halfSent!, seededBytes(1000, 1));
        await send(halfSent!, seededBytes(10, 1));
        const sending = send(unread!, new Uint8Array(64 * MiB)).catch(() => {});
        await assertEchoes(silent!, new Uint8Array([1]));
        await server.stop(signal);
        await within(EVENT_LIMIT, sending, "the end of the sender");
      },
    );

    test("under load", async (server, connections) => {
      const clients = await connections.open(server, 8);
      const moving = new Set<number>();
      const floods = clients.map((client, index) => flood(client, () => moving.add(index)));
      await until(() => moving.size === clients.length, "all connections' echo");
      await server.stop(signal);
      await within(EVENT_LIMIT, Promise.all(floods), "the end of the load");
    });
  }
}

serverTest("Echo server takes a second signal while it ends for the first", async () => {
  for (const args of [[], ["--workers", "2"]]) {
    // A signal after "server closed", when Deno's listeners are removed, ends it like any program:
    // then try again.
    let exit = -1;
    for (let round = 1; round <= 20 && exit !== 0; round++) {
      await using server = await EchoServer.start(...args);
      for (const signal of ["SIGTERM", "SIGTERM", "SIGINT"] as const) server.kill(signal);
      const { code } = await server.ended("SIGINT");
      assert([0, 128 + 2, 128 + 15].includes(code), `exit ${code}`);
      assertEquals(server.stderr, "");
      exit = code;
    }
    assertEquals(exit, 0);
  }
});
