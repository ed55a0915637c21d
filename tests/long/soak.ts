/**
 * Hours in minutes: waits, aborts, wake-ups, registrations and reconnections at random, on each
 * selector and on readable(), while descriptors, threads and memory must stay flat. Run by hand and
 * by CI:
 *
 *     deno run -A tests/long/soak.ts SECONDS
 *
 * Prints a line for each sample and the slopes at the end, and exits 1 if something grows.
 */

import { EVENT_READ, EVENT_WRITE, readable, Socket, writable } from "../../mod.ts";
import { openDescriptors, Pipe } from "../helpers/descriptors.ts";
import { SELECTORS } from "../helpers/mechanisms.ts";

const seconds = Number(Deno.args[0] ?? 60);
const SAMPLES = 40;
// What may be seen of a slope over the whole run, beyond twice its standard error.
const GROWTH_LIMIT = { descriptors: 1, threads: 1, megabytes: 15 };

const deadline = performance.now() + seconds * 1000;
const isOver = () => performance.now() > deadline;
const random = (limit: number) => Math.floor(Math.random() * limit);
const counts = { waits: 0, events: 0, aborts: 0, wakeups: 0, registrations: 0, reconnections: 0 };
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
    descriptors: openDescriptors(),
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
  const now = sample();
  samples.push(now);
  console.log(
    `${now.seconds.toFixed(0)} s: ${now.descriptors} descriptors, ${now.threads} threads, ` +
      `${now.megabytes.toFixed(1)} MB, slowest event ${slowest.toFixed(1)} ms`,
  );
  slowest = 0;
}, seconds * 1000 / SAMPLES);
await Promise.all([...SELECTORS.map(work), reconnect(), iterate()]);
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
