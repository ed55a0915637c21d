/**
 * The echo server while system calls fail at random, in every way that their man pages allow. A
 * failure costs at most the connection that it concerns, and afterwards the server works as before.
 * `FAULTS_SEED` repeats the failures of a run; `FAULTS_CONNECTIONS` sets the number of connections:
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
const ROUNDS = 10; // of which one must show the expected result

// Failures that must not end a connection: try again, or about a connection not accepted yet.
const HARMLESS = KINDS.filter((kind) => kind !== "ENOMEM" && kind !== "ENOBUFS");
// Failures that end the connection they happen to.
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

/** Deno.test() on machines where calls can be made to fail. */
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
  // A hundred connections sometimes get no failure of one of the kinds.
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
 * Opens many connections, some at once, each of which expects its own bytes back. Returns how many
 * got all of them, and how many ended early.
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
 * Sends and receives at the same time, then shuts down writing. Returns whether all bytes came
 * back, and asserts that those that did are the ones that were sent.
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
    // The connection was reset while the server had unread bytes of ours.
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
 * The CPU time of the server while calls fail and no client sends. Takes the best of some rounds,
 * because retries may go on for a while and V8 may collect garbage.
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

/** Asserts that the number of waits is in proportion to the work: the server does not spin. */
function assertFewWaits(faults: Faults): void {
  const done = faults.called("recv") + faults.called("send") + faults.called("accept");
  assertLess(faults.called("wait"), 3 * done);
}

/** Asserts that the server reports that it is full, and nothing else. */
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

/** Whether each kind of failure happened; otherwise the test has shown nothing. */
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
