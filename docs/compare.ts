/**
 * Measures one select() with 10 to 10,000 idle descriptors and one that is ready, on each mechanism
 * of this machine, and one wait() of a ring that carries out an operation as well. Prints a table,
 * and draws a plot in `compare.svg`, or in the file that the first argument names.
 *
 *   deno task compare
 *
 * @module
 */

import { median } from "../bench/statistics.ts";
import { drawSvg } from "../bench/svg.ts";
import { close, F_DUPFD_CLOEXEC, fcntl, O_RDWR } from "../ffi/mod.ts";
import * as selectors from "../mod.ts";
import { Descriptor, EVENT_READ, Socket } from "../mod.ts";
import { Ring } from "../ring/mod.ts";

interface Measure {
  mechanism: string;
  /** Idle descriptors. */
  idle: number;
  /** Microseconds for one select(). */
  time: number;
}

const COUNTS = [10, 30, 100, 300, 1000, 3000, 10_000];
const BATCHES = 21;
const BATCH_TIME = 5; // milliseconds, at least
const FD_SETSIZE = 1024;

const { SelectSelector, PollSelector, EpollSelector, KqueueSelector } = selectors;
const MECHANISMS = {
  select: SelectSelector,
  poll: PollSelector,
  epoll: EpollSelector,
  kqueue: KqueueSelector,
};

const measures = Object.entries(MECHANISMS)
  .filter(([, Selector]) => Selector.isSupported())
  .flatMap(([mechanism, Selector]) =>
    COUNTS.map((idle) => ({ mechanism, idle, time: measure(new Selector(), idle) }))
  ).concat(
    Ring.isSupported()
      ? COUNTS.map((idle) => ({ mechanism: "ring", idle, time: measureRing(idle) }))
      : [],
  ).filter((measure): measure is Measure => measure.time !== undefined);
printTable(measures);
const file = Deno.args[0] ?? "compare.svg";
await drawSvg(plot(measures), file);
console.log(`\nThe plot is in ${file}.`);

/** Microseconds of one select(); undefined where the mechanism cannot watch that many. */
function measure(selector: selectors.BaseSelector, idle: number): number | undefined {
  using _ = selector;
  const [quiet, other] = Socket.pair();
  const [ready, talker] = Socket.pair();
  const fds: number[] = [];
  try {
    while (fds.length < idle) {
      const fd = fcntl(quiet.fileno(), F_DUPFD_CLOEXEC, 0);
      if (fd === -1) return undefined; // ulimit -n
      fds.push(fd);
      if (selector instanceof SelectSelector && fd >= FD_SETSIZE) return undefined;
      selector.register(fd, EVENT_READ);
    }
    selector.register(ready, EVENT_READ);
    talker.send(new Uint8Array(1)); // nobody receives it, so `ready` is ready each time
    return medianOf(() => selector.select(0));
  } finally {
    for (const fd of fds) close(fd);
    for (const socket of [quiet, other, ready, talker]) socket.close();
  }
}

/**
 * Microseconds of one wait() for a write to /dev/null, while polls of idle descriptors are under
 * way.
 */
function measureRing(idle: number): number | undefined {
  using ring = new Ring<string>({ buffers: 1 });
  const [quiet, other] = Socket.pair();
  using file = Descriptor.open("/dev/null", O_RDWR);
  const fds: number[] = [];
  const byte = new Uint8Array(1);
  try {
    while (fds.length < idle) {
      const fd = fcntl(quiet.fileno(), F_DUPFD_CLOEXEC, 0);
      if (fd === -1) return undefined; // ulimit -n
      fds.push(fd);
      ring.poll(fd, EVENT_READ, "idle");
    }
    ring.wait(0);
    return medianOf(() => {
      ring.write(file, byte, 0, "ready");
      return ring.wait(0);
    });
  } finally {
    for (const fd of fds) close(fd);
    quiet.close();
    other.close();
  }
}

function medianOf(call: () => { length: number }): number {
  return median(Array.from({ length: BATCHES }, () => batch(call)).slice(1));
}

/** Microseconds of one call, averaged over some milliseconds. */
function batch(call: () => { length: number }): number {
  const start = performance.now();
  let calls = 0;
  let end = start;
  do {
    for (let i = 0; i < 10; i++) {
      if (call().length !== 1) throw new Error("not just one descriptor is ready");
    }
    calls += 10;
    end = performance.now();
  } while (end < start + BATCH_TIME);
  return (end - start) * 1000 / calls;
}

function printTable(measures: Measure[]) {
  const mechanisms = [...new Set(measures.map(({ mechanism }) => mechanism))];
  console.log(
    "Microseconds for one select() that finds one ready descriptor, and for a ring's wait()\n",
  );
  console.log(`|  idle | ${mechanisms.map((name) => name.padStart(7)).join(" | ")} |`);
  console.log(`| ----: | ${mechanisms.map(() => "------:").join(" | ")} |`);
  for (const idle of COUNTS) {
    const times = mechanisms.map((mechanism) => {
      const found = measures.find((one) => one.mechanism === mechanism && one.idle === idle);
      return (found?.time.toFixed(1) ?? "–").padStart(7);
    });
    console.log(`| ${`${idle}`.padStart(5)} | ${times.join(" | ")} |`);
  }
}

/** One line per mechanism, on logarithmic axes. */
function plot(measures: Measure[]): Record<string, unknown> {
  const axis = (field: keyof Measure, title: string) => {
    return { field, title, type: "quantitative", scale: { type: "log" } };
  };
  return {
    width: 480,
    height: 300,
    data: { values: measures },
    mark: { type: "line", point: true },
    encoding: {
      x: axis("idle", "idle descriptors"),
      y: axis("time", "microseconds for one select()"),
      color: {
        field: "mechanism",
        type: "nominal",
        title: null,
        sort: [...Object.keys(MECHANISMS), "ring"],
      },
    },
  };
}
