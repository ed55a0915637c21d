/**
 * Waits on Deno's event loop where something is in short supply, or goes wrong elsewhere: threads,
 * descriptors, signals, closed descriptors, terminated Workers. Each on every selector.
 */

import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { close, F_DUPFD_CLOEXEC, fcntl, poll_nonblocking, pollfd, POLLIN } from "../ffi/mod.ts";
import {
  EpollSelector,
  EVENT_READ,
  isOsError,
  PollSelector,
  readable,
  type ReadyEvent,
  SelectSelector,
} from "../mod.ts";
import { Pair, Pipe, pipeAt } from "./helpers/descriptors.ts";
import { unlessLeftOut } from "./helpers/left_out.ts";
import { SELECTORS } from "./helpers/mechanisms.ts";
import { DENO, hasCommand, path, run, runProgram } from "./helpers/programs.ts";
import { delay, promptly, timed } from "./helpers/timing.ts";

const LONG = 60_000; // milliseconds: a wait that would fail the test if nothing ended it
const isLinux = Deno.build.os === "linux";

const fds = (events: readonly ReadyEvent[]) => events.map(([{ fd }]) => fd).sort((a, b) => a - b);

/** Blocks every thread of Deno's pool, until it is disposed of. */
class FullPool implements AsyncDisposable {
  readonly #pipe = new Pipe();
  readonly #calls: Promise<number>[];

  constructor() {
    this.#calls = Array.from({ length: 40 }, () => {
      const memory = new Uint8Array(pollfd.size);
      pollfd.write(memory, { fd: this.#pipe.reader, events: POLLIN, revents: 0 });
      return poll_nonblocking(memory, 1, -1);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pipe.fill();
    await Promise.all(this.#calls);
    this.#pipe[Symbol.dispose]();
    await delay(30); // the calls behind them end too
  }
}

/** Runs a fixture where a process may have so many descriptors. */
function runLimited(
  descriptors: number,
  fixture: string,
  args: string[] = [],
): ReturnType<typeof run> {
  return run("prlimit", [`--nofile=${descriptors}`, DENO, "run", "-A", path(fixture), ...args]);
}

/** Waits until a socket has received the end of the stream, without a wait of the library. */
async function seesEnd(socket: Pair["left"]): Promise<void> {
  socket.setBlocking(false);
  let received = socket.recv(1);
  for (; received === null; received = socket.recv(1)) await delay(1);
  assertStrictEquals(received.length, 0);
}

for (const Selector of SELECTORS) {
  const isPolled = Selector === PollSelector || Selector === SelectSelector;
  const test = (fact: string, fn: () => Promise<void>, ignore = false) =>
    Deno.test({ ...unlessLeftOut(`${Selector.name} ${fact}`), fn, ...ignore ? { ignore } : {} });

  // ─── the pool is full ───────────────────────────────────────────────────────────────────────

  test("selectAsync() reports what is ready, and is in time, while the thread pool is full", async () => {
    using pipe = new Pipe();
    using selector = new Selector();
    selector.register(pipe.reader, EVENT_READ);
    await using _full = new FullPool();
    await promptly(async () => {
      pipe.fill();
      const elapsed = await timed(async () => {
        assertEquals(fds(await selector.selectAsync({ timeout: LONG })), [pipe.reader]);
      });
      pipe.drain();
      return elapsed;
    });
    await promptly(async () => {
      const elapsed = await timed(async () => {
        assertEquals(await selector.selectAsync({ timeout: 50 }), []);
      });
      assertGreaterOrEqual(elapsed, 50);
      return elapsed;
    }, 150);
    await promptly(() => {
      setTimeout(() => pipe.fill(), 10);
      return timed(async () => {
        assertEquals(fds(await selector.selectAsync({ timeout: LONG })), [pipe.reader]);
        pipe.drain();
      });
    }, 300);
    await promptly(() => {
      const wait = selector.selectAsync({ signal: AbortSignal.timeout(10) });
      return timed(() => assertRejects(() => wait, DOMException));
    }, 150);
  });

  test("selectAsync() under full load lets timers run while the thread pool is full", async () => {
    using pipe = new Pipe();
    using selector = new Selector();
    selector.register(pipe.reader, EVENT_READ);
    pipe.fill();
    await using _full = new FullPool();
    let ticks = 0;
    const interval = setInterval(() => ticks++, 5);
    const start = performance.now();
    while (ticks < 20) await selector.selectAsync();
    clearInterval(interval);
    assertLess(performance.now() - start, 5000);
  });

  // ─── closed meanwhile ───────────────────────────────────────────────────────────────────────

  test("selectAsync() that is parked rejects with EBADF within a second of close(2)", async () => {
    await promptly(async () => {
      using selector = new Selector();
      const pair = new Pair();
      const fd = pair.right.fileno();
      selector.register(fd, EVENT_READ);
      const wait = selector.selectAsync();
      await delay(10);
      close(pair.right.detach());
      const elapsed = await timed(async () => {
        const rejected = assertRejects(() => wait, Deno.errors.BadResource, ` ${fd}:`);
        await seesEnd(pair.left);
        const error = await rejected;
        assert(isOsError(error) && error.code === "EBADF");
      });
      assertStrictEquals(selector.getMap().size, 0);
      pair.left.close();
      return elapsed;
    }, 1000);
  }, !isPolled);

  test(
    "the peer of a descriptor that is closed while selectAsync() is parked, its number reused, sees the end",
    async () => {
      using selector = new Selector();
      const pair = new Pair();
      const fd = pair.right.fileno();
      selector.register(fd, EVENT_READ);
      const wait = selector.selectAsync();
      await delay(10);
      const ended = wait.catch(() => []);
      close(pair.right.detach());
      using stack = new DisposableStack();
      pipeAt(fd, stack); // nothing tells that this is another file
      const elapsed = await timed(async () => {
        pair.left.setBlocking(false);
        while (pair.left.recv(1) === null) await delay(5);
      });
      assertLess(elapsed, 2000);
      pair.left.close();
      selector.close();
      assertEquals(await ended, []);
    },
    Deno.build.os === "windows",
  );

  test("selectAsync() that is parked hears of Socket.close() at once", async () => {
    await promptly(async () => {
      using selector = new Selector();
      const pair = new Pair();
      selector.register(pair.right, EVENT_READ);
      const wait = selector.selectAsync();
      await delay(10);
      const elapsed = await timed(async () => {
        pair.right.close();
        const rejected = isPolled && assertRejects(() => wait, Deno.errors.BadResource);
        await seesEnd(pair.left);
        await rejected;
      });
      selector.close();
      await wait.catch(() => {});
      pair.left.close();
      return elapsed;
    });
  });

  test("the first selectAsync() takes no number of a registered, closed descriptor", async () => {
    // Nothing of this thread waits: so the reactor has no descriptor yet.
    using selector = new Selector();
    const pipes = Array.from({ length: 3 }, () => new Pipe());
    for (const { reader } of pipes) selector.register(reader, EVENT_READ);
    for (const pipe of pipes) pipe[Symbol.dispose]();
    for (const _ of pipes) {
      const wait = selector.selectAsync({ timeout: 50 });
      if (isPolled) await assertRejects(() => wait, Deno.errors.BadResource);
      else assertEquals(await wait, []);
    }
    assertEquals(await selector.selectAsync({ timeout: 1 }), []);
  });

  // ─── what happens between the find and the report ───────────────────────────────────────────

  test("what is unregistered in the same step as selectAsync() is not reported", async () => {
    using one = new Pipe();
    using two = new Pipe();
    using selector = new Selector();
    for (const pipe of [one, two]) {
      pipe.fill();
      selector.register(pipe.reader, EVENT_READ);
    }
    const wait = selector.selectAsync({ timeout: 1000 });
    selector.unregister(one.reader);
    assertEquals(fds(await wait), [two.reader]);
  });

  for (const mode of isPolled ? ["oneshot"] as const : ["oneshot", "edge"] as const) {
    test(`leaving for await with a closed descriptor in the batch throws nothing and loses no "${mode}" event`, async () => {
      using selector = new Selector();
      using stack = new DisposableStack();
      const pipes = Array.from({ length: 4 }, () => new Pipe());
      for (const pipe of pipes) {
        selector.register(pipe.reader, EVENT_READ, undefined, { mode });
        pipe.fill();
      }
      const left = new Set(pipes.map(({ reader }) => reader));
      for await (const [{ fd }] of selector) {
        left.delete(fd);
        const closed = pipes.find(({ reader }) => reader !== fd)!;
        closed[Symbol.dispose]();
        left.delete(closed.reader);
        for (const pipe of pipes) if (pipe !== closed) stack.use(pipe);
        break;
      }
      for (let tries = 0; left.size > 0 && tries < 4; tries++) {
        try {
          for (const fd of fds(await selector.selectAsync({ timeout: 1000 }))) left.delete(fd);
        } catch (error) {
          assert(isPolled && isOsError(error) && error.code === "EBADF", `${error}`);
        }
      }
      assertEquals([...left], []);
    });
  }

  // ─── bad arguments ──────────────────────────────────────────────────────────────────────────

  test("selectAsync() with options that are no object rejects with TypeError", async () => {
    using selector = new Selector();
    // deno-lint-ignore no-explicit-any
    for (const options of [0, 1000, "x", true, null, Symbol("x")] as any[]) {
      await assertRejects(() => selector.selectAsync(options), TypeError);
    }
    assertEquals(await selector.selectAsync({ timeout: 0 }), []);
  });

  test("a signal whose addEventListener() throws leaves the selector usable, and close() frees it", async () => {
    using pipe = new Pipe();
    const selector = new Selector();
    selector.register(pipe.reader, EVENT_READ);
    for (const name of ["addEventListener", "throwIfAborted"] as const) {
      const { signal } = new AbortController();
      signal[name] = () => {
        throw new Error(name);
      };
      await assertRejects(() => selector.selectAsync({ signal }), Error, name);
    }
    pipe.fill();
    assertEquals(fds(await selector.selectAsync({ timeout: LONG })), [pipe.reader]);
    const fd = selector.waker.fd;
    selector.close();
    if (isLinux) assertStrictEquals(fcntl(fd, F_DUPFD_CLOEXEC, 0), -1);
  });

  // ─── other processes ────────────────────────────────────────────────────────────────────────

  test("a signal that interrupts select() does not end a pending selectAsync()", async () => {
    const { code, stdout, stderr } = await runProgram("tests/fixtures/interrupted_beside.ts", [
      Selector.name,
    ]);
    assertEquals([code, stdout], [0, "interrupted, then 1 ready\n"], stderr);
  }, Deno.build.os === "windows");

  test("15 of them wait for the same 65 descriptors where a process may have 128", async () => {
    const { stdout, stderr } = await runLimited(
      128,
      "tests/fixtures/exhausted_joint.ts",
      [Selector.name],
    );
    assertEquals(stdout, `${Array(15).fill(65).join()}\n`, stderr);
  }, !isLinux || !isPolled || !hasCommand("prlimit"));
}

for (const how of ["readable", "selectAsync"]) {
  Deno.test({
    name: `${how}() waits, or rejects with EMFILE, with 0 to 8 free descriptors, and timers run`,
    ignore: !isLinux || !hasCommand("prlimit"),
    async fn() {
      const { stdout, stderr } = await runLimited(64, "tests/fixtures/exhausted_ready.ts", [how]);
      assertEquals(stdout, "settled, and timers ran\n", stderr);
    },
  });
}

Deno.test({
  name:
    "readable() takes no processor time where a stale event cannot be removed without descriptors",
  ignore: !isLinux || !hasCommand("prlimit"),
  async fn() {
    const { stdout, stderr } = await runLimited(64, "tests/fixtures/exhausted_stale.ts");
    assertEquals(stdout, "EBADF\nEMFILE\nidle\n", stderr);
  },
});

Deno.test({
  name: "Workers that are terminated while they wait leave no thread for long",
  ignore: !Deno.build.target.startsWith("x86_64-unknown-linux"),
  async fn() {
    const { stdout, stderr } = await runProgram("tests/fixtures/terminate_parked.ts");
    assertEquals(stdout, "were parked 0\n", stderr);
  },
});

Deno.test("readable() is in time while the thread pool is full", async () => {
  using pipe = new Pipe();
  await using _full = new FullPool();
  await promptly(() => {
    setTimeout(() => pipe.fill(), 10);
    return timed(async () => {
      await readable(pipe.reader);
      pipe.drain();
    });
  }, 300);
  await promptly(
    () =>
      timed(() => assertRejects(() => readable(pipe.reader, { signal: AbortSignal.timeout(10) }))),
    150,
  );
});

for (const mode of ["level", "edge", "oneshot"] as const) {
  Deno.test({
    name:
      `EpollSelector selectAsync() reports "${mode}" events after select() has made epoll's list anew`,
    ignore: !EpollSelector.isSupported(),
    async fn() {
      let missed = 0; // found late by the reactor's timer, which looks every 150 milliseconds
      for (let round = 0; round < 60; round++) {
        using stack = new DisposableStack();
        using selector = new EpollSelector();
        const pipe = stack.use(new Pipe());
        const late = stack.use(new Pipe());
        const wait = selector.selectAsync({ timeout: 500 });
        await delay(2); // it is parked
        const forgotten = fcntl(pipe.reader, F_DUPFD_CLOEXEC, 0);
        selector.register(forgotten, EVENT_READ);
        close(forgotten);
        selector.unregister(forgotten);
        pipe.fill();
        assertEquals(selector.select(0), []);
        selector.register(late.reader, EVENT_READ, undefined, { mode });
        await delay(1);
        late.fill();
        const elapsed = await timed(async () => assertEquals(fds(await wait), [late.reader]));
        if (elapsed > 100) missed++;
      }
      assertLess(missed, 5);
    },
  });
}
