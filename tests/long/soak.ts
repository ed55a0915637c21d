/**
 * Hours in minutes: waits, aborts, wake-ups, registrations and reconnections at random, on each
 * selector and on readable(), while descriptors, threads and memory must stay flat. Run by hand and
 * by CI:
 *
 *     deno run -A tests/long/soak.ts SECONDS
 *
 * Workers are terminated while they wait. Under `prlimit --nofile=2048`, descriptors run out and
 * come back.
 *
 * Prints a line for each sample and the slopes at the end, and exits 1 if something grows.
 */

import * as ffi from "../../ffi/mod.ts";
import { EVENT_READ, EVENT_WRITE, isOsError, readable, Socket, writable } from "../../mod.ts";
import { openDescriptors, Pipe } from "../helpers/descriptors.ts";
import { SELECTORS } from "../helpers/mechanisms.ts";
import { delay } from "../helpers/timing.ts";

const seconds = Number(Deno.args[0] ?? 60);
const SAMPLES = 40;
// What may be seen of a slope over the whole run, beyond twice its standard error.
const GROWTH_LIMIT = { descriptors: 1, threads: 1, megabytes: 15 };

const deadline = performance.now() + seconds * 1000;
const isOver = () => performance.now() > deadline;
const random = (limit: number) => Math.floor(Math.random() * limit);
const counts = {
  waits: 0,
  events: 0,
  aborts: 0,
  wakeups: 0,
  registrations: 0,
  reconnections: 0,
  balls: 0,
  terminated: 0,
  shortages: 0,
  refusals: 0,
};
let slowest = 0; // milliseconds from a write to its event, since the last sample

/** One selector, that is made anew every now and then. */
async function work(Selector: (typeof SELECTORS)[number]): Promise<void> {
  while (!isOver()) {
    using stack = new DisposableStack();
    using selector = new Selector<{ pipe: Pipe; written: number }>();
    const pipes = Array.from({ length: 20 }, () => stack.use(new Pipe()));
    for (let turn = 0; turn < 500 && !isOver(); turn++) {
      const pipe = pipes[random(pipes.length)]!;
      const isRegistered = selector.getMap().has(pipe.reader);
      switch (random(5)) {
        case 0:
          if (isRegistered) selector.unregister(pipe.reader);
          counts.registrations++;
          break;
        case 1: {
          const mode = random(2) === 0 ? "oneshot" : "level";
          const data = { pipe, written: 0 };
          if (isRegistered) selector.modify(pipe.reader, EVENT_READ, data, { mode });
          else selector.register(pipe.reader, EVENT_READ, data, { mode });
          counts.registrations++;
          break;
        }
        case 2:
          if (isRegistered) selector.getKey(pipe.reader).data.written = performance.now();
          pipe.fill();
          break;
        case 3:
          if (random(2) === 0) selector.wakeup();
          else setTimeout(() => selector.wakeup(), random(3));
          counts.wakeups++;
          break;
      }
      const controller = new AbortController();
      if (random(4) === 0) setTimeout(() => controller.abort(), random(3));
      counts.waits++;
      try {
        const wait = { timeout: random(5), signal: controller.signal };
        for (const [{ data }] of await selector.selectAsync(wait)) {
          counts.events++;
          if (data.written > 0) slowest = Math.max(slowest, performance.now() - data.written);
          data.written = 0;
          data.pipe.drain();
        }
      } catch (error) {
        if (!controller.signal.aborted) throw error;
        counts.aborts++;
      }
    }
  }
}

/**
 * A client that connects, sends, is echoed and leaves, again and again, by readable() and
 * writable().
 */
async function reconnect(): Promise<void> {
  using listener = new Socket();
  listener.bind({ hostname: "127.0.0.1", port: 0 });
  listener.listen();
  listener.setBlocking(false);
  while (!isOver()) {
    using client = new Socket();
    client.setBlocking(false);
    client.connect(listener.localAddress);
    await writable(client);
    await readable(listener);
    using connection = listener.accept()!;
    for (let i = 0; i < 10; i++) {
      client.send(new Uint8Array(1000));
      await readable(connection);
      connection.send(connection.recv(1000)!);
      await readable(client);
      client.recv(1000);
      await readable(client, { signal: AbortSignal.timeout(random(2)) }).catch(() =>
        counts.aborts++
      );
    }
    counts.reconnections++;
  }
}

/**
 * A selector that another thread's write would not hurt: registered for both events, edge or not.
 */
async function iterate(): Promise<void> {
  while (!isOver()) {
    const [left, right] = Socket.pair();
    using selector = new SELECTORS[0]!<undefined, Socket>();
    selector.register(right, EVENT_READ | EVENT_WRITE);
    let turns = 0;
    for await (const [{ fileobj }, events] of selector) {
      if (events & EVENT_WRITE) selector.modify(fileobj, EVENT_READ);
      if (events & EVENT_READ) fileobj.recv(100);
      setTimeout(() => left.fileno() !== -1 && left.send(new Uint8Array(10)), random(3));
      counts.events++;
      if (++turns === 100 || isOver()) selector.close();
    }
    left.close();
    right.close();
  }
}

/**
 * Two who throw a ball to each other by readable() with an attempt, which is aborted now and then.
 */
async function play(): Promise<void> {
  while (!isOver()) {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    for (const socket of [left, right]) socket.setBlocking(false);
    left.send(new Uint8Array(1));
    let [from, to] = [right, left];
    for (let i = 0; i < 2000 && !isOver(); i++) {
      const options = random(10) === 0 ? { signal: AbortSignal.timeout(random(2)) } : {};
      if (random(100) === 0) await delay(random(3));
      try {
        const ball = await readable(from, () => from.recv(1), options);
        await writable(from, () => from.send(ball));
        [from, to] = [to, from];
        counts.balls++;
      } catch (error) {
        if (!options.signal?.aborted) throw error;
        counts.aborts++;
      }
    }
  }
}

/**
 * Workers that are terminated while they wait. What each leaves open cannot be closed: see
 * leaked().
 */
async function terminate(): Promise<void> {
  using pipe = new Pipe();
  while (!isOver()) {
    while (isStarving) await delay(1);
    const worker = new Worker(new URL("../fixtures/soak_worker.ts", import.meta.url), {
      type: "module",
    });
    const next = () => new Promise((resolve) => worker.onmessage = resolve);
    await next();
    worker.postMessage(pipe.reader);
    await next();
    await delay(50 + random(50)); // it is parked
    worker.terminate();
    counts.terminated++;
    await delay(500);
  }
}

/** Descriptors of terminated Workers: their selector's two, and their reactor's one. */
function leaked(): number {
  return counts.terminated * 3;
}

// Where a process may have so few descriptors, they run out now and then.
const [, most = Infinity] = /^Max open files\s+(\d+)/m.exec(
  Deno.readTextFileSync("/proc/self/limits"),
) ?? [];
let isStarving = false;

/** Takes all descriptors but a few, for a moment. */
async function starve(): Promise<void> {
  if (Number(most) > 4096) return;
  using pipe = new Pipe();
  while (!isOver()) {
    await delay(2000);
    isStarving = true;
    const taken: number[] = [];
    for (let fd = 0; (fd = ffi.fcntl(0, ffi.F_DUPFD_CLOEXEC, 0)) !== -1;) taken.push(fd);
    for (const fd of taken.splice(0, random(9))) ffi.close(fd);
    for (let i = 0; i < 20; i++) {
      await readable(pipe.reader, { signal: AbortSignal.timeout(1) }).catch(() => {});
      await delay(1);
    }
    for (const fd of taken) ffi.close(fd);
    isStarving = false;
    counts.shortages++;
  }
}

/** Begins again where descriptors have run out. */
async function insistently(work: () => Promise<void>): Promise<void> {
  while (!isOver()) {
    try {
      await work();
    } catch (error) {
      if (!isOsError(error) || error.code !== "EMFILE") throw error;
      counts.refusals++;
      await delay(1);
    }
  }
}

interface Sample {
  seconds: number;
  descriptors: number;
  threads: number;
  megabytes: number;
}

function sample(): Sample {
  const status = Deno.readTextFileSync("/proc/self/status");
  return {
    seconds: performance.now() / 1000,
    descriptors: openDescriptors() - leaked(),
    threads: Number(/^Threads:\s+(\d+)/m.exec(status)![1]),
    megabytes: Number(/^VmRSS:\s+(\d+)/m.exec(status)![1]) / 1024,
  };
}

/** The slope of a straight line through the points, and its standard error: least squares. */
function slope(points: [number, number][]): [slope: number, error: number] {
  const n = points.length;
  const mean = (i: 0 | 1) => points.reduce((sum, point) => sum + point[i], 0) / n;
  const [x, y] = [mean(0), mean(1)];
  const sxx = points.reduce((sum, [px]) => sum + (px - x) ** 2, 0);
  const b = points.reduce((sum, [px, py]) => sum + (px - x) * (py - y), 0) / sxx;
  const rest = points.reduce((sum, [px, py]) => sum + (py - y - b * (px - x)) ** 2, 0);
  return [b, Math.sqrt(rest / (n - 2) / sxx)];
}

const samples: Sample[] = [];
const interval = setInterval(() => {
  if (isStarving || isOver()) return;
  const now = sample();
  samples.push(now);
  console.log(
    `${now.seconds.toFixed(0)} s: ${now.descriptors} descriptors, ${now.threads} threads, ` +
      `${now.megabytes.toFixed(1)} MB, slowest event ${slowest.toFixed(1)} ms`,
  );
  slowest = 0;
}, seconds * 1000 / SAMPLES);
await Promise.all([
  ...SELECTORS.map((Selector) => insistently(() => work(Selector))),
  insistently(reconnect),
  insistently(iterate),
  insistently(play),
  terminate(),
  starve(),
]);
clearInterval(interval);

console.log(counts);
// The first quarter warms up: code is compiled, the heap and the pool of threads find their size.
const steady = samples.slice(Math.floor(samples.length / 4));
let isFlat = true;
for (const [what, limit] of Object.entries(GROWTH_LIMIT)) {
  const points = steady.map((sample): [number, number] => [
    sample.seconds,
    sample[what as keyof Sample],
  ]);
  const [perSecond, error] = slope(points);
  const growth = (perSecond - 2 * error) * (steady.at(-1)!.seconds - steady[0]!.seconds);
  if (growth > limit) isFlat = false;
  console.log(
    `${what}: ${(perSecond * 60).toPrecision(2)} ± ${(error * 60).toPrecision(2)} a minute` +
      (growth > limit ? " — GROWS" : ""),
  );
}
Deno.exit(isFlat ? 0 : 1);
