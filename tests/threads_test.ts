/**
 * Several threads at once, each with its own selectors. They share descriptors by number.
 */

import { assertEquals, assertLess } from "@std/assert";
import { EVENT_READ, EVENT_WRITE, Socket } from "../mod.ts";
import "./helpers/descriptors.ts"; // opens libc before the tests
import {
  assertSameBytes,
  EVENT_LIMIT,
  MiB,
  seededBytes,
  within,
} from "./helpers/echo_server_process.ts";
import { Program, runProgram } from "./helpers/programs.ts";
import { SELECTORS } from "./helpers/mechanisms.ts";

const SCALE = Number(Deno.env.get("FLOODS") ?? 1);
const THREADS = 4;
const emulator = Deno.env.get("SELECTORS_EMULATOR");
const isBsd = emulator === "bsd.c"; // where Workers see Linux

/** A Worker of `fixtures/`, after its first message; said() gives its next one. */
async function startWorker(fixture: string, order?: unknown) {
  const worker = new Worker(new URL(`./fixtures/${fixture}`, import.meta.url), { type: "module" });
  const said = () => new Promise<unknown>((resolve) => worker.onmessage = (e) => resolve(e.data));
  if (order !== undefined) worker.postMessage(order);
  await said();
  return { worker, said, [Symbol.dispose]: () => worker.terminate() };
}

// ─── Sockets that move between threads ────────────────────────────────────────────────────

for (const Selector of SELECTORS) {
  Deno.test({
    name: `${Selector.name} in ${THREADS} Workers at once passes every byte on round a ring`,
    ignore: isBsd,
    async fn() {
      using stack = new DisposableStack();
      const pairs = Array.from({ length: THREADS + 1 }, () => Socket.pair());
      const starting = pairs.slice(1).map(() => startWorker("ring_worker.ts"));
      const workers = (await Promise.all(starting)).map((worker) => stack.use(worker));
      const ends = workers.map(({ worker, said }, index) => {
        worker.postMessage({
          name: Selector.name,
          how: index % 2 === 0 ? "select" : "selectAsync",
          from: pairs[index]![1].detach(),
          to: pairs[index + 1]![0].detach(),
        });
        return said();
      });

      using first = pairs[0]![0];
      using last = pairs[THREADS]![1];
      for (const socket of [first, last]) socket.setBlocking(false);
      using selector = new Selector<void, Socket>();
      selector.register(first, EVENT_WRITE);
      selector.register(last, EVENT_READ);
      const bytes = seededBytes(4 * MiB * SCALE, 1);
      const received = new Uint8Array(bytes.length);
      let [sent, end] = [0, 0];
      while (end < bytes.length) {
        const ready = await selector.selectAsync({ timeout: EVENT_LIMIT });
        if (ready.length === 0) throw new Error(`the ring stands still after ${end} bytes`);
        for (const [{ fileobj }] of ready) {
          if (fileobj === last) end += last.recvInto(received.subarray(end)) ?? 0;
          else sent += first.send(bytes.subarray(sent, sent + 65536)) ?? 0;
        }
        if (sent < bytes.length || !selector.getMap().has(first)) continue;
        selector.unregister(first);
        first.shutdown("write");
      }
      assertSameBytes(received, bytes);
      assertEquals(
        await within(EVENT_LIMIT, Promise.all(ends), "their end"),
        ends.map(() => "end"),
      );
    },
  });
}

// ─── One waker, many that wake ────────────────────────────────────────────────────────────────

const ROUNDS = 2000 * SCALE;
const LOST = 5000; // milliseconds after which a wake-up counts as lost

for (const Selector of SELECTORS) {
  for (const how of ["select", "selectAsync"]) {
    Deno.test({
      name: `${Selector.name} ${how}() loses none of ${THREADS} times ${ROUNDS} wake-ups ` +
        `of ${THREADS} threads at once`,
      ignore: isBsd,
      async fn() {
        using stack = new DisposableStack();
        using selector = new Selector();
        const ints = (length: number) => new Int32Array(new SharedArrayBuffer(4 * length));
        const [told, heard, start] = [ints(THREADS), ints(THREADS), ints(1)];
        const orders = Array.from({ length: THREADS }, (_, index) => {
          return { fd: selector.waker.fd, rounds: ROUNDS, index, told, heard, start };
        });
        const starting = orders.map((order) => startWorker("wake_worker.ts", order));
        const workers = (await Promise.all(starting)).map((worker) => stack.use(worker));
        const ends = workers.map(({ said }) => said());
        Atomics.store(start, 0, 1);
        Atomics.notify(start, 0);

        while (heard.some((round) => round < ROUNDS)) {
          const before = performance.now();
          if (how === "select") selector.select(LOST);
          else await selector.selectAsync({ timeout: LOST });
          assertLess(performance.now() - before, LOST, `a wake-up was lost after ${heard}`);
          for (let index = 0; index < THREADS; index++) {
            Atomics.store(heard, index, Atomics.load(told, index));
            Atomics.notify(heard, index);
          }
        }
        await within(EVENT_LIMIT, Promise.all(ends), "their end");
      },
    });
  }
}

// ─── Separate programs ─────────────────────────────────────────────────────────────────

Deno.test({
  name: "traceSyscalls() in one of three threads reports the calls of that thread",
  ignore: isBsd,
  async fn() {
    const program = runProgram("tests/fixtures/traced_threads.ts");
    const { code, stderr } = await within(EVENT_LIMIT, program, "its end");
    assertEquals(code, 0, stderr);
    const sent = [...stderr.matchAll(/^send\(\d+, "(\w+ \d+)"/gm)].map(([, text]) => text);
    assertEquals(sent, Array.from({ length: 100 }, (_, round) => `traced ${round}`));
    assertEquals(stderr.match(/main|silent/g), null);
  },
});

for (const how of ["select", "selectAsync", "readable"]) {
  const count = 60 * SCALE;
  Deno.test(`${count} Workers terminated in ${how}() leave no thread, and let the process end`, async () => {
    await using program = Program.start("tests/fixtures/terminate_often.ts", [how, `${count}`]);
    const limit = EVENT_LIMIT * SCALE;
    assertEquals(await within(limit, program.line(), "their end"), "terminated, and gone");
    assertEquals(await within(EVENT_LIMIT, program.code(), "its exit"), 0);
  });
}
