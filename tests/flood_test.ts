/**
 * The echo server under load: more clients than it has descriptors for, clients that never read,
 * that reset, that vanish, and a server that is stopped during traffic. `FLOODS=10` makes each load
 * ten times as large, and prints its figures.
 */

import { assertEquals, assertLess, assertLessOrEqual, assertMatch } from "@std/assert";
import { IPPROTO_TCP, SO_LINGER, SOL_SOCKET, SOMAXCONN } from "../ffi/mod.ts";
import { type Address, isOsError, Socket } from "../mod.ts";
import { Ring } from "../ring/mod.ts";
import "./helpers/descriptors.ts"; // opens libc before the tests
import {
  assertEchoes,
  assertEnded,
  assertSameBytes,
  BEST,
  Connections,
  EchoServer,
  EVENT_LIMIT,
  leave,
  MiB,
  receive,
  seededBytes,
  send,
  serverTest,
  until,
  within,
} from "./helpers/echo_server_process.ts";
import { Program } from "./helpers/programs.ts";
import { delay } from "./helpers/timing.ts";

const SCALE = Number(Deno.env.get("FLOODS") ?? 1);
const LIMIT = EVENT_LIMIT * SCALE;
// the most that the server holds for a connection, as in echo_server.ts
const STREAM_SIZE = 524288;
// memory that V8 has not collected, the same for two connections and for two hundred
const GARBAGE = 24 * MiB;

const emulator = Deno.env.get("SELECTORS_EMULATOR");
const isEmulated = emulator === "qemu"; // whose figures are not those of a real machine
const isLinux = Deno.build.os === "linux";

function floodTest(name: string, fn: () => Promise<void>): void {
  serverTest({ name, fn, ignore: isEmulated });
}

function report(flood: string, figures: Record<string, number | string>): void {
  if (SCALE > 1) console.log(flood, figures);
}

function inMiB(bytes: number): string {
  return `${(bytes / MiB).toFixed(1)} MiB`;
}

// ─── More clients than descriptors ────────────────────────────────────────────────────────────

/** The server on io_uring, where the kernel has that. */
const RING: readonly string[][] = Ring.isSupported() ? [["--ring"], ["--ring", "--blocking"]] : [];

const DESCRIPTORS = 128;
const CLIENTS = Math.min(1000 * SCALE, SOMAXCONN); // which all wait to be accepted
const IDLE = 1000; // milliseconds for which a full server is observed
const LOOKS = 5; // of which one must find it idle: V8 may still collect garbage
const IDLE_CPU = 50; // milliseconds of CPU time that it may use: it checks every 100 ms

for (
  const args of [
    ["--selector", BEST],
    ["--selector", "poll"],
    ["--selector", "select"],
    ["--selector", BEST, "--blocking"],
    ...RING,
  ]
) {
  floodTest(
    `Echo server ${
      args.join(" ")
    } with ${DESCRIPTORS} descriptors serves ${CLIENTS} clients at once as others leave, says so each time that it becomes full, and does not spin`,
    async () => {
      await using server = await EchoServer.startIn(
        { descriptors: DESCRIPTORS },
        "--quiet",
        ...args,
      );

      await crowd(server, async (served) => {
        // While it is full, it only checks from time to time whether it still is.
        let spent = Infinity;
        for (let look = 0; look < LOOKS && spent > IDLE_CPU; look++) {
          const before = server.cpuTime();
          await delay(IDLE);
          spent = server.cpuTime() - before;
        }
        assertLessOrEqual(spent, IDLE_CPU, `${spent} ms of CPU time in ${IDLE} ms`);
        // The connections that it has work as before.
        for (const connection of served) await assertEchoes(connection, seededBytes(1000, 2));
        report(args.join(" "), { clients: CLIENTS, places: served.length, "CPU ms/s": spent });
      });

      // All clients waited from the beginning, so it became full once.
      assertComplaints(server, 1);
      // With one client it is not full; with the next crowd it is, and reports it again.
      using connections = new Connections();
      const [connection] = await connections.open(server, 1);
      await assertEchoes(connection!, seededBytes(1000, 1));
      await leave(connection!);
      await crowd(server, () => {});
      assertComplaints(server, 2);
      await server.stop();
      server.stderr = "";
    },
  );
}

/**
 * Connects more clients than the server has descriptors for. Each one leaves when it was served and
 * `whileFull` has returned.
 */
async function crowd(
  server: EchoServer,
  whileFull: (served: Deno.TcpConn[]) => void | Promise<void>,
): Promise<void> {
  using connections = new Connections();
  const bytes = seededBytes(1000, 4);
  const complaints = server.complaints().length;
  const served: Deno.TcpConn[] = [];
  const mayLeave = Promise.withResolvers<void>();
  const clients = await connections.open(server, CLIENTS);
  const everybody = Promise.all(clients.map(async (connection) => {
    await send(connection, bytes);
    assertSameBytes(await receive(connection, bytes.length), bytes);
    served.push(connection);
    await mayLeave.promise;
    await leave(connection);
  }));
  everybody.catch(() => {}); // is awaited below
  await until(() => server.complaints().length > complaints, "a line that says that it is full");
  await until(() => served.length > DESCRIPTORS / 2, "the echo for those who have a place");
  await whileFull([...served]);
  assertLess(served.length, DESCRIPTORS);
  mayLeave.resolve();
  await within(LIMIT, everybody, "the echo for every client");
  assertEquals(served.length, CLIENTS);
}

function assertComplaints(server: EchoServer, count: number): void {
  const complaints = server.complaints();
  assertEquals(complaints.length, count, server.stderr);
  for (const complaint of complaints) {
    assertMatch(complaint, /^accept4? \d+: .+ \(EMFILE \d+\); .*wait/);
  }
}

// ─── Clients that do not read ─────────────────────────────────────────────────────────────────

const READERS = 5; // that read slowly, and the same number that do not read
const FETCHED = 100 * MiB * SCALE; // bytes, by all slow readers together
const ROUND_TRIPS = 200; // of another client, during which no sender makes progress

for (const args of [["--selector", BEST], ["--selector", "poll", "--blocking"], ...RING]) {
  floodTest(
    `Echo server ${args.join(" ")} holds little for clients that fetch ${
      FETCHED / MiB
    } MiB slowly or not at all, and serves others meanwhile`,
    async () => {
      const bound = 2 * READERS * STREAM_SIZE + GARBAGE;
      const giveUp = 512 * MiB; // a server that buffered everything would accept it

      await using server = await EchoServer.start("--quiet", ...args);
      using connections = new Connections();
      const [other] = await connections.open(server, 1);
      await assertEchoes(other!, seededBytes(MiB, 1));
      const before = server.memory();

      const piece = seededBytes(65536, 2);
      const all = await connections.open(server, 2 * READERS);
      const [slow, deaf] = [all.slice(READERS), all.slice(0, READERS)];
      const echoed = slow.map(async (connection) => {
        for (let sent = 0; sent < FETCHED / READERS; sent += piece.length) {
          await send(connection, piece);
        }
        await connection.closeWrite();
      });
      let taken = 0;
      const totals = deaf.map(() => 0);
      let isEnough = false;
      const sending = deaf.map(async (connection, index) => {
        while (!isEnough) {
          await send(connection, piece);
          totals[index]! += piece.length;
          taken += piece.length;
        }
      });

      let left = FETCHED;
      for (let quiet = 0, seen = -1; quiet < ROUND_TRIPS || left > 0; quiet++) {
        if (taken !== seen) [quiet, seen] = [0, taken];
        await assertEchoes(other!, piece.subarray(0, 64));
        assertLess(taken, giveUp, `${taken} bytes were taken from clients that do not read`);
        // Slowly: one piece for each round trip of the other client.
        if (left === 0) continue;
        for (const connection of slow) {
          assertSameBytes(await within(LIMIT, receive(connection, piece.length), "a piece"), piece);
          left -= piece.length;
        }
      }
      await within(LIMIT, Promise.all(echoed), "the end of those that are read slowly");
      for (const connection of slow) await assertEnded(connection);

      const growth = server.peakMemory() - before;
      report(args.join(" "), {
        fetched: inMiB(FETCHED),
        unread: inMiB(taken),
        grown: inMiB(growth),
      });
      assertLess(growth, bound, `it grew by ${inMiB(growth)}`);
      // Nothing that was buffered is lost: the clients that did not read now read everything.
      isEnough = true;
      const reading = deaf.map(async (connection, index) => {
        const ended = sending[index]!.then(() => connection.closeWrite());
        for (let echoed = 0;; echoed += piece.length) {
          const bytes = await receive(connection, piece.length);
          if (bytes.length === 0) {
            await ended;
            return assertEquals(echoed, totals[index]);
          }
          assertSameBytes(bytes, piece);
        }
      });
      await within(LIMIT, Promise.all(reading), "everything that was sent");
      await server.stop();
    },
  );
}

// ─── Clients that reset, half-close, vanish ───────────────────────────────────────────────────

// If the backlog is 128, a client that finds it full tries again a second later.
const RESETS = (emulator === "bsd.c" ? 1000 : 10_000) * SCALE;
const RESETS_GARBAGE = 48 * MiB;
const NO_LINGER = new Uint8Array(Int32Array.of(1, 0).buffer); // { l_onoff: 1, l_linger: 0 }

for (const args of [["--selector", BEST], ["--selector", BEST, "--blocking"], ...RING]) {
  floodTest(
    `Echo server ${
      args.join(" ")
    } keeps nothing of ${RESETS} connections that are reset as soon as they are made, and serves on`,
    async () => {
      await using server = await EchoServer.start("--quiet", ...args);
      using connections = new Connections();
      const [other] = await connections.open(server, 1);
      const address = { hostname: server.hostname, port: server.port };
      // until V8 has compiled the code
      for (let count = 0; count < RESETS / 2; count++) reset(address, count);
      await assertEchoes(other!, seededBytes(MiB, 1));
      const sockets = server.sockets();
      const memory = server.memory();
      const start = performance.now();

      for (let count = 0; count < RESETS; count++) reset(address, count);

      const seconds = (performance.now() - start) / 1000;
      await assertEchoes(other!, seededBytes(MiB, 2));
      await until(() => server.sockets() === sockets, `${sockets} sockets, as before`);
      const growth = server.memory() - memory;
      report(args.join(" "), { resets: RESETS, seconds, grown: inMiB(growth) });
      assertLess(growth, RESETS_GARBAGE, `it grew by ${inMiB(growth)}`);
      await server.stop();
    },
  );
}

/** Every second client has sent something that is never read. */
function reset(address: Address, count: number): void {
  using socket = new Socket();
  socket.setOption(SOL_SOCKET, SO_LINGER, NO_LINGER);
  socket.connect(address);
  if (count % 2 === 1) socket.send(NO_LINGER);
}

floodTest("Echo server sends everything to clients that half-close before they read", async () => {
  await using server = await EchoServer.start("--quiet");
  using connections = new Connections();
  // what the kernel buffers for a client that does not read
  const bytes = seededBytes(128 * 1024, 3);
  const clients = await connections.open(server, 100 * SCALE);
  const served = Promise.all(clients.map(async (connection) => {
    await send(connection, bytes);
    await connection.closeWrite();
    assertSameBytes(await receive(connection, bytes.length), bytes);
    await assertEnded(connection);
  }));
  await within(LIMIT, served, "everything that was sent");
  await server.stop();
});

for (const args of [["--selector", BEST], ["--selector", "poll", "--blocking"], ...RING]) {
  floodTest(
    `Echo server ${args.join(" ")} keeps nothing of clients that are killed in mid-traffic`,
    async () => {
      await using server = await EchoServer.start("--quiet", ...args);
      using connections = new Connections();
      const [other] = await connections.open(server, 1);
      await assertEchoes(other!, seededBytes(1000, 1));
      const sockets = server.sockets();
      for (let round = 0; round < SCALE; round++) {
        await using clients = Program.start("tests/fixtures/flooding.ts", [`${server.port}`, "50"]);
        assertEquals(await within(LIMIT, clients.line(), "the load"), "flooding");
        clients.kill("SIGKILL");
        await until(() => server.sockets() === sockets, `${sockets} sockets, as before`);
        await assertEchoes(other!, seededBytes(1000, 1));
      }
      await server.stop();
    },
  );
}

// <linux/tcp.h>: such a socket closes without telling its peer. Needs CAP_NET_ADMIN.
const TCP_REPAIR = 19;
const canVanish = isLinux && isRepairable();

serverTest({
  name: "Echo server keeps nothing of clients that vanish without a word while it sends to them" +
    (canVanish ? "" : " (needs TCP_REPAIR)"),
  ignore: !canVanish || emulator !== undefined,
  async fn() {
    await using server = await EchoServer.start("--quiet");
    using connections = new Connections();
    const [other] = await connections.open(server, 1);
    await assertEchoes(other!, seededBytes(1000, 1));
    const sockets = server.sockets();
    const address = { hostname: server.hostname, port: server.port };
    const bytes = seededBytes(MiB, 1);
    for (let count = 0; count < 20 * SCALE; count++) {
      using socket = new Socket();
      socket.connect(address);
      socket.setBlocking(false);
      // until it would block, so that the server has something left to send
      while (socket.send(bytes) !== null);
      socket.setOption(IPPROTO_TCP, TCP_REPAIR, 1);
    }
    await assertEchoes(other!, seededBytes(1000, 1));
    await until(() => server.sockets() === sockets, `${sockets} sockets, as before`);
    await server.stop();
  },
});

function isRepairable(): boolean {
  using socket = new Socket();
  try {
    socket.setOption(IPPROTO_TCP, TCP_REPAIR, 1);
    return true;
  } catch (error) {
    if (!isOsError(error)) throw error;
    return false;
  }
}

// ─── Stopped and continued ────────────────────────────────────────────────────────────────────

for (
  const args of [
    ["--selector", BEST],
    ["--selector", "poll"],
    ["--selector", BEST, "--blocking"],
    ...RING,
  ]
) {
  floodTest(
    `Echo server ${args.join(" ")} loses no byte when it is stopped and continued in mid-traffic`,
    async () => {
      await using server = await EchoServer.start("--quiet", ...args);
      using connections = new Connections();
      const bytes = seededBytes(MiB, 3);
      let goesOn = true; // until the last stop, so that each stop happens during traffic
      let sent = 0;
      let echoed = 0;
      const clients = (await connections.open(server, 4)).map(async (connection) => {
        const sending = (async () => {
          for (; goesOn; sent += bytes.length) await send(connection, bytes);
          await connection.closeWrite();
        })();
        sending.catch(() => {}); // is awaited below
        for (let piece, at = 0; (piece = await receive(connection, 65536)).length > 0;) {
          assertSameBytes(piece, bytes.subarray(at, at + piece.length));
          at = (at + piece.length) % bytes.length;
          echoed += piece.length;
        }
        await sending;
      });
      const everything = Promise.all(clients);
      everything.catch(() => {}); // is awaited below

      for (let stop = 1; stop <= 5 * SCALE; stop++) {
        const before = echoed;
        await until(() => echoed > before + 4 * bytes.length, "more of the echo");
        server.kill("SIGSTOP");
        await until(() => server.isStopped(), "the stop");
        // The bytes under way arrive, and then no others.
        for (let seen = -1; seen !== echoed;) {
          seen = echoed;
          await delay(20);
        }
        server.kill("SIGCONT");
      }
      goesOn = false;

      await within(LIMIT, everything, "everything that was sent");
      assertEquals(echoed, sent);
      assertEquals(server.stderr, "");
      await server.stop();
    },
  );
}
