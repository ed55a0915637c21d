/**
 * The echo server where syscalls fail at random, in every way that their man pages allow: what must
 * not hurt a connection hurts none, what must costs that one alone, and when it is over all is as
 * before. `FAULTS_SEED` has the same failures again, and `FAULTS_CONNECTIONS` more of them:
 *
 *     FAULTS_CONNECTIONS=20000 deno test -A tests/faults_test.ts
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertLessOrEqual,
  assertMatch,
} from "@std/assert";
import "./helpers/descriptors.ts"; // opens libc before the tests
import {
  assertEchoes,
  assertSameBytes,
  Connections,
  EchoServer,
  EVENT_LIMIT,
  leave,
  seededBytes,
  send,
  until,
  within,
} from "./helpers/echo_server_process.ts";
import { CALLS, cannotFail, Faults, KINDS } from "./helpers/faults.ts";
import { DENO, path, run } from "./helpers/programs.ts";
import { delay } from "./helpers/timing.ts";

const SEED = Number(Deno.env.get("FAULTS_SEED") ?? Date.now() % 1_000_000);
const CONNECTIONS = Number(Deno.env.get("FAULTS_CONNECTIONS") ?? 100);
const AT_ONCE = 30;
const LARGEST = 200_000; // bytes
const RATE = 128; // of 1024 calls
const ROUNDS = 10; // of which one has to show what is asked for

// What must not cost a connection: all that says "again", or concerns those that have none yet.
const HARMLESS = KINDS.filter((kind) => kind !== "ENOMEM" && kind !== "ENOBUFS");
// What costs the connection that it happens to.
const FATAL = /^(recv|send|epoll_ctl|setsockopt) (ENOMEM|ENOBUFS)$/;

const total = new Map<string, number>();
Deno.test.afterAll(() => {
  const counts = [...total].map(([what, count]) => `${what} ${count}`).join(", ");
  if (cannotFail === undefined) console.log(`FAULTS_SEED=${SEED} made these calls fail: ${counts}`);
});

for (
  const servers of [
    ["--selector epoll", "--selector epoll --blocking"],
    ["--selector poll", "--selector poll --blocking"],
    ["--selector select", "--selector select --blocking"],
    ["--workers 2", "--workers 2 --blocking"],
  ]
) {
  faultTest(
    `Echo server ${
      servers.join(", ")
    } loses no byte and no descriptor while syscalls fail at random, does not spin, and goes on`,
    async () => {
      const ends = await Promise.allSettled(servers.map((args) => suffer(args.split(" "))));
      for (const end of ends) if (end.status === "rejected") throw end.reason;
    },
  );
}

faultTest(
  "Calls of non-blocking sockets, of wakers, and selectAsync() go on where signals interrupt every other syscall",
  async () => {
    await using faults = await Faults.make();
    faults.begin(512, ["EINTR"], SEED);
    const fixture = path("tests/fixtures/interrupted_nonblocking.ts");
    const ran = run(DENO, ["run", "-A", fixture], { env: faults.env });
    const { stdout, stderr } = await within(EVENT_LIMIT, ran, "its end");
    assertEquals(stdout, "as if nothing had been\n", stderr);
    for (const call of CALLS.filter((call) => call !== "epoll_ctl" && call !== "setsockopt")) {
      assertGreater(sum(faults, new RegExp(`^${call} EINTR$`)), 10);
    }
  },
);

faultTest(
  "Waits go on where they fail with EAGAIN, which a signal's handler may leave of EINTR",
  async () => {
    await using faults = await Faults.make();
    faults.begin(512, ["EAGAIN"], SEED);
    const ran = run(DENO, ["run", "-A", path("tests/fixtures/try_again.ts")], { env: faults.env });
    const { stdout, stderr } = await within(EVENT_LIMIT, ran, "its end");
    assertEquals(stdout, "as if nothing had been\n", stderr);
    assertGreater(sum(faults, /^wait EAGAIN$/), 100);
  },
);

/** As Deno.test(), where calls can be made to fail. */
function faultTest(name: string, fn: () => Promise<void>): void {
  const ignore = cannotFail !== undefined;
  Deno.test({ name: ignore ? `${name} (left out: ${cannotFail})` : name, ignore, fn });
}

async function suffer(args: string[]): Promise<void> {
  await using faults = await Faults.make();
  await using server = await EchoServer.startIn({ env: faults.env }, "--quiet", ...args);
  const threads = args.includes("--workers") ? 2 : 1;
  await until(() => server.listeners() === threads, `${threads} listeners`);
  await assertServes(server);
  const sockets = server.sockets();

  faults.begin(RATE, HARMLESS, SEED);
  assertEquals(await crowd(server), { whole: CONNECTIONS, cut: 0 });
  await assertIdles(server, faults);
  await until(() => server.sockets() === sockets, `${sockets} sockets, as before`);

  faults.begin(RATE, KINDS, SEED);
  const before = fatal(faults);
  const counts = { whole: 0, cut: 0 };
  // A hundred connections do without one of the kinds, now and then.
  for (let round = 0; round === 0 || round < ROUNDS && !hasHappened(faults); round++) {
    const { whole, cut } = await crowd(server);
    counts.whole += whole;
    counts.cut += cut;
  }
  assert(hasHappened(faults), `not every kind came up with FAULTS_SEED=${SEED}`);
  assertGreater(counts.whole, 0);
  assertGreater(counts.cut, 0);
  assertLessOrEqual(counts.cut, fatal(faults) - before, "connections that ended for no reason");
  await assertIdles(server, faults);
  assertFewWaits(faults);

  faults.end();
  await assertServes(server);
  await until(() => server.sockets() === sockets, `${sockets} sockets, as before`);
  assertComplaints(server, faults);
  for (const [what, count] of faults.counts()) total.set(what, (total.get(what) ?? 0) + count);
  assertEquals(await server.stop(), []);
  server.stderr = "";
}

/**
 * Many connections, some at once, each with bytes of its own that must come back: how many had all
 * of them, and how many ended before.
 */
async function crowd(server: EchoServer): Promise<{ whole: number; cut: number }> {
  const counts = { whole: 0, cut: 0 };
  let next = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < CONNECTIONS) {
      const number = next++;
      const isWhole = await within(EVENT_LIMIT, talk(server, number), `the end of ${number}`);
      counts[isWhole ? "whole" : "cut"]++;
    }
  }));
  return counts;
}

/**
 * Sends and receives at once, and then ends its half. Whether all came back; what did is what was
 * sent, in any case.
 */
async function talk(server: EchoServer, number: number): Promise<boolean> {
  using connection = await server.connect();
  const bytes = seededBytes(1 + number * 7919 % LARGEST, number);
  const sent = send(connection, bytes).then(() => connection.closeWrite()).catch(() => {});
  const echoed = new Uint8Array(bytes.length + 1);
  let end = 0;
  try {
    for (let count; (count = await connection.read(echoed.subarray(end))) !== null;) end += count;
  } catch {
    // It was reset, with bytes of ours that the server had not read.
  }
  await sent;
  assertSameBytes(echoed.subarray(0, end), bytes.subarray(0, end));
  return end === bytes.length;
}

async function assertServes(server: EchoServer): Promise<void> {
  using connections = new Connections();
  for (const connection of await connections.open(server, AT_ONCE)) {
    await assertEchoes(connection, seededBytes(100_000, 3));
    await leave(connection);
  }
}

/**
 * While calls fail and nobody talks: at best, since what was retried may go on for a while, and V8
 * may tidy up.
 */
async function assertIdles(server: EchoServer, faults: Faults): Promise<void> {
  let best = { cpu: Infinity, waits: Infinity };
  for (let round = 0; round < ROUNDS && !(best.cpu <= 30 && best.waits <= 40); round++) {
    const [cpu, waits] = [server.cpuTime(), faults.called("wait")];
    await delay(300);
    best = { cpu: server.cpuTime() - cpu, waits: faults.called("wait") - waits };
  }
  assertLessOrEqual(best.cpu, 30, "milliseconds of CPU time in 300 ms");
  assertLessOrEqual(best.waits, 40, "waits in 300 ms");
}

/**
 * A wait for each thing that is done is many, even if each is looked for, waited for and looked for
 * again.
 */
function assertFewWaits(faults: Faults): void {
  const done = faults.called("recv") + faults.called("send") + faults.called("accept");
  assertLess(faults.called("wait"), 3 * done);
}

/** It says that it is full when it is, and nothing else. */
function assertComplaints(server: EchoServer, faults: Faults): void {
  const complaints = server.stderr.split("\n").filter((line) => line !== "");
  for (const line of complaints) {
    assertMatch(
      line,
      /^(accept4 \d+: .+; new clients wait.*|(poll|select): .+ \((EAGAIN|ENOMEM) \d+\))$/,
    );
  }
  assertLessOrEqual(
    complaints.length,
    sum(faults, /^(accept|wait) (EMFILE|ENFILE|ENOMEM|ENOBUFS|EAGAIN)$/),
  );
}

/** Whether every kind came up: else this test has shown nothing yet. */
function hasHappened(faults: Faults): boolean {
  const all = KINDS.map((kind) => new RegExp(` ${kind}$`));
  return [...all, /^wait EINTR$/].every((what) => sum(faults, what) > 0);
}

function fatal(faults: Faults): number {
  return sum(faults, FATAL);
}

function sum(faults: Faults, what: RegExp): number {
  return [...faults.counts()].reduce((sum, [name, n]) => what.test(name) ? sum + n : sum, 0);
}
