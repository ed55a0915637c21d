/**
 * Waiting on Deno's event loop: selectAsync() and async iteration, for each selector that the
 * machine has.
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import {
  EVENT_READ,
  EVENT_WRITE,
  isOsError,
  PollSelector,
  type ReadyEvent,
  SelectSelector,
  type Socket,
} from "../mod.ts";
import { openDescriptors, Pair, Pipe, pipeAt } from "./helpers/descriptors.ts";
import { Program, runProgram } from "./helpers/programs.ts";
import { unlessLeftOut } from "./helpers/left_out.ts";
import { SELECTORS } from "./helpers/mechanisms.ts";
import { delay, promptly, timed } from "./helpers/timing.ts";

const HEARD = 1000; // milliseconds within which another program hears a signal
const LONG = 60_000; // milliseconds: a wait that fails the test if nothing ends it

const fds = (events: readonly ReadyEvent[]) => events.map(([{ fd }]) => fd).sort((a, b) => a - b);

for (const Selector of SELECTORS) {
  const isPolled = Selector === PollSelector || Selector === SelectSelector;
  const hasEdge = !isPolled;
  const test = (fact: string, fn: () => Promise<void>) =>
    Deno.test({ ...unlessLeftOut(`${Selector.name} ${fact}`), fn });

  // ─── selectAsync(): what it resolves to, and when ───────────────────────────────────────────

  test("selectAsync() resolves at once to all that is ready", async () => {
    using selector = new Selector();
    using pipes = new DisposableStack();
    const ready: number[] = [];
    for (let i = 0; i < 60; i++) { // select() takes 64 on Windows
      const pipe = pipes.use(new Pipe());
      selector.register(pipe.reader, EVENT_READ);
      if (i % 2 === 0) continue;
      pipe.fill();
      ready.push(pipe.reader);
    }
    ready.sort((a, b) => a - b); // another thread may free a number in between
    assertEquals(fds(await selector.selectAsync({ timeout: LONG })), ready);
    assertEquals(fds(await selector.selectAsync({ timeout: 0 })), ready);
  });

  test("selectAsync() resolves when something becomes ready, with its key and data", async () => {
    using pipe = new Pipe();
    using selector = new Selector<string>();
    const key = selector.register(pipe.reader, EVENT_READ, "mine");
    setTimeout(() => pipe.fill(), 20);
    const events = await selector.selectAsync();
    assertStrictEquals(events.length, 1);
    assertStrictEquals(events[0]![0], key);
    assertStrictEquals(events[0]![1], EVENT_READ);
  });

  test("selectAsync() resolves to [] at the timeout and never before, also with nothing registered", async () => {
    using pipe = new Pipe();
    using empty = new Selector();
    using selector = new Selector();
    selector.register(pipe.reader, EVENT_READ);
    for (const timeout of [0.5, 3.1, 20]) {
      for (const each of [empty, selector]) {
        const start = performance.now();
        assertEquals(await each.selectAsync({ timeout }), []);
        assertGreaterOrEqual(performance.now() - start, timeout);
      }
    }
  });

  test("selectAsync() with 0 or less only looks", async () => {
    using pipe = new Pipe();
    using selector = new Selector();
    selector.register(pipe.reader, EVENT_READ);
    for (const timeout of [0, -0, -1, -Infinity]) {
      assertEquals(await selector.selectAsync({ timeout }), []);
    }
    pipe.fill();
    assertEquals(fds(await selector.selectAsync({ timeout: 0 })), [pipe.reader]);
  });

  test("selectAsync() without a timeout waits for ever: null, undefined, Infinity, beyond an int", async () => {
    using selector = new Selector();
    for (const timeout of [null, undefined, Infinity, 2 ** 31, 1e300]) {
      let isWoken = false;
      setTimeout(() => {
        isWoken = true;
        selector.wakeup();
      }, 20);
      assertEquals(await selector.selectAsync(timeout === undefined ? {} : { timeout }), []);
      assert(isWoken);
    }
  });

  test("selectAsync() rejects, and does not throw, on bad timeouts and once closed", async () => {
    using selector = new Selector();
    await assertRejects(() => selector.selectAsync({ timeout: NaN }), RangeError);
    // deno-lint-ignore no-explicit-any
    await assertRejects(() => selector.selectAsync({ timeout: "1" as any }), TypeError);
    selector.close();
    await assertRejects(() => selector.selectAsync(), Deno.errors.BadResource);
  });

  // ─── what goes on meanwhile ─────────────────────────────────────────────────────────────────

  test("selectAsync() lets timers, promises and other I/O of Deno go on", async () => {
    using pipe = new Pipe();
    using selector = new Selector();
    selector.register(pipe.reader, EVENT_READ);
    let isOver = false;
    const wait = selector.selectAsync().finally(() => isOver = true);
    let ticks = 0;
    const interval = setInterval(() => ticks++, 1);
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const [connection, accepted] = await Promise.all([
      Deno.connect({ hostname: "127.0.0.1", port: (listener.addr as Deno.NetAddr).port }),
      listener.accept(),
    ]);
    for (let i = 0; i < 20; i++) {
      await connection.write(new Uint8Array(100));
      await accepted.read(new Uint8Array(100));
    }
    await Deno.readTextFile(new URL(import.meta.url));
    while (ticks < 5) await delay(1);
    assert(!isOver);
    clearInterval(interval);
    connection.close();
    accepted.close();
    pipe.fill();
    assertEquals(fds(await wait), [pipe.reader]);
  });

  test("selectAsync() under full load lets timers fire, and events flow", async () => {
    using one = new Pipe();
    using two = new Pipe();
    using selector = new Selector();
    for (const { reader } of [one, two]) selector.register(reader, EVENT_READ);
    one.fill();
    two.fill();
    // The limits are for an idle machine. On a busy one, the best of some rounds counts.
    let best = { ticks: 0, events: 0 };
    for (let round = 0; round < 20; round++) {
      let ticks = 0;
      let events = 0;
      const interval = setInterval(() => ticks++, 10);
      for (const end = performance.now() + 500; performance.now() < end;) {
        events += (await selector.selectAsync()).length;
      }
      clearInterval(interval);
      if (ticks + events / 1000 > best.ticks + best.events / 1000) best = { ticks, events };
      if (best.ticks >= 30 && best.events > 20_000) break;
    }
    assertGreaterOrEqual(best.ticks, 30);
    assertGreater(best.events, 20_000);
  });

  test("selectAsync() hears signals at once, idle and under full load", async () => {
    for (const load of ["idle", "busy"]) {
      await promptly(async () => {
        const args = [Selector.name, load];
        await using program = Program.start("tests/fixtures/async_signal.ts", args);
        assertEquals(await program.line(), "waiting");
        program.kill("SIGTERM");
        const heard = await timed(async () => assertEquals(await program.line(), "heard SIGTERM"));
        assertEquals(await program.code(), 0);
        return heard;
      }, HEARD);
    }
  });

  // ─── abort ──────────────────────────────────────────────────────────────────────────────────

  test("an aborted selectAsync() rejects with the signal's reason, promptly, whatever the reason is", async () => {
    using pipe = new Pipe();
    using selector = new Selector();
    selector.register(pipe.reader, EVENT_READ);
    for (const reason of [new Error("mine"), "a string", 0, undefined]) {
      await promptly(async () => {
        const controller = new AbortController();
        const wait = selector.selectAsync({ timeout: LONG, signal: controller.signal });
        await delay(5);
        return timed(async () => {
          controller.abort(reason);
          const caught = await wait.then(() => assert(false), (error) => error);
          assertStrictEquals(caught, controller.signal.reason);
        });
      });
    }
    assertEquals(await selector.selectAsync({ timeout: 1 }), []);
  });

  test("selectAsync() with a signal that is aborted already rejects, though something is ready", async () => {
    using pipe = new Pipe();
    using selector = new Selector();
    selector.register(pipe.reader, EVENT_READ, undefined, { mode: "oneshot" });
    pipe.fill();
    const signal = AbortSignal.abort("before");
    const caught = await selector.selectAsync({ signal }).then(() => "resolved", (error) => error);
    assertStrictEquals(caught, "before");
    assertEquals(fds(await selector.selectAsync({ timeout: LONG })), [pipe.reader]);
  });

  test("AbortSignal.timeout() ends selectAsync() with TimeoutError", async () => {
    using selector = new Selector();
    const wait = selector.selectAsync({ signal: AbortSignal.timeout(10) });
    assertStrictEquals((await assertRejects(() => wait, DOMException)).name, "TimeoutError");
  });

  for (const mode of hasEdge ? ["oneshot", "edge"] as const : ["oneshot"] as const) {
    test(`an abort loses no "${mode}" event, at whatever moment it comes`, async () => {
      using pipe = new Pipe();
      using selector = new Selector<number>();
      for (let round = 0; round < 200; round++) {
        selector.register(pipe.reader, EVENT_READ, round, { mode });
        const controller = new AbortController();
        const wait = selector.selectAsync({ timeout: LONG, signal: controller.signal });
        const order = [() => pipe.fill(), () => controller.abort()];
        if (round % 2 === 0) order.reverse();
        if (round % 4 > 1) await delay(0);
        for (const step of order) {
          step();
          if (round % 8 > 3) await Promise.resolve();
        }
        let events = await wait.catch(() => []);
        if (events.length === 0) events = await selector.selectAsync({ timeout: LONG });
        assertEquals(events.map(([{ data }]) => data), [round]);
        pipe.drain();
        selector.unregister(pipe.reader);
      }
    });
  }

  test("selectAsync() leaves no listener on its signal", async () => {
    using pipe = new Pipe();
    using selector = new Selector();
    selector.register(pipe.reader, EVENT_READ);
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, args);
    };
    await selector.selectAsync({ timeout: 1, signal });
    const wait = selector.selectAsync({ signal });
    assertStrictEquals(listeners, 1);
    pipe.fill();
    await wait;
    await selector.selectAsync({ signal });
    assertStrictEquals(listeners, 0);
  });

  // ─── one wait at a time, and its end ────────────────────────────────────────────────────────

  test("a second selectAsync() meanwhile is Busy, and the first goes on", async () => {
    using pipe = new Pipe();
    using selector = new Selector();
    selector.register(pipe.reader, EVENT_READ);
    const first = selector.selectAsync();
    await assertRejects(() => selector.selectAsync(), Deno.errors.Busy);
    await delay(5);
    await assertRejects(() => selector.selectAsync({ timeout: 0 }), Deno.errors.Busy);
    pipe.fill();
    assertEquals(fds(await first), [pipe.reader]);
    assertEquals(fds(await selector.selectAsync()), [pipe.reader]);
  });

  test("select() during selectAsync() looks without disturbing it", async () => {
    using pipe = new Pipe();
    using selector = new Selector();
    selector.register(pipe.reader, EVENT_READ);
    const wait = selector.selectAsync();
    await delay(5);
    assertEquals(selector.select(0), []);
    pipe.fill();
    assertEquals(fds(selector.select(0)), [pipe.reader]);
    assertEquals(fds(await wait), [pipe.reader]);
  });

  test("close() during selectAsync() resolves it to [], and frees every descriptor", async () => {
    const before = openDescriptors();
    for (const pause of [0, 5]) {
      await promptly(async () => {
        using pipe = new Pipe();
        const selector = new Selector();
        selector.register(pipe.reader, EVENT_READ);
        const wait = selector.selectAsync();
        if (pause > 0) await delay(pause);
        return timed(async () => {
          selector.close();
          assertEquals(await wait, []);
          assertStrictEquals(selector.closed, true);
        });
      });
    }
    assertStrictEquals(openDescriptors(), before);
  });

  test("wakeup() ends selectAsync(), this one or the next, once", async () => {
    using selector = new Selector();
    const wait = selector.selectAsync();
    await delay(5);
    selector.wakeup();
    selector.wakeup();
    assertEquals(await wait, []);
    selector.wakeup();
    assertEquals(await selector.selectAsync(), []);
    assertGreaterOrEqual(await timed(() => selector.selectAsync({ timeout: 20 })), 20);
  });

  test("wakeup() ends selectAsync() also when select() looks before it can", async () => {
    using selector = new Selector();
    await promptly(async () => {
      const wait = selector.selectAsync({ timeout: LONG });
      await delay(5);
      selector.wakeup();
      assertEquals(selector.select(0), []);
      return timed(() => wait);
    });
    assertGreaterOrEqual(await timed(() => selector.selectAsync({ timeout: 20 })), 20);
  });

  // ─── changes meanwhile ──────────────────────────────────────────────────────────────────────

  test("register(), modify() and unregister() take effect during selectAsync()", async () => {
    using pipe = new Pipe();
    using quiet = new Pipe();
    using pair = new Pair();
    using selector = new Selector();
    selector.register(quiet.reader, EVENT_READ);

    pipe.fill();
    let wait = selector.selectAsync({ timeout: LONG });
    await delay(5);
    selector.register(pipe.reader, EVENT_READ);
    assertEquals(fds(await wait), [pipe.reader]);
    selector.unregister(pipe.reader);

    selector.register(pair.left, EVENT_READ);
    wait = selector.selectAsync({ timeout: LONG });
    await delay(5);
    selector.modify(pair.left, EVENT_READ | EVENT_WRITE);
    assertEquals((await wait).map(([{ fd }, events]) => [fd, events]), [
      [pair.left.fileno(), EVENT_WRITE],
    ]);
    selector.unregister(pair.left);

    selector.register(pipe.reader, EVENT_READ);
    pipe.drain();
    wait = selector.selectAsync({ timeout: 30 });
    await delay(5);
    selector.unregister(pipe.reader);
    pipe.fill();
    assertEquals(await wait, []);
  });

  test("a descriptor that is unregistered and closed during selectAsync(), its number reused, is not reported", async () => {
    using selector = new Selector();
    using other = new Pipe();
    selector.register(other.reader, EVENT_READ);
    const pipe = new Pipe();
    selector.register(pipe.reader, EVENT_READ);
    const wait = selector.selectAsync({ timeout: 30 });
    await delay(5);
    selector.unregister(pipe.reader);
    pipe[Symbol.dispose]();
    using stack = new DisposableStack();
    pipeAt(pipe.reader, stack).fill();
    assertEquals(await wait, []);
  });

  if (isPolled) {
    test("selectAsync() says once that a registered descriptor was closed, names it, and goes on", async () => {
      using pipe = new Pipe();
      using selector = new Selector();
      selector.register(pipe.reader, EVENT_READ);
      // Opens what the selector needs, so that it takes none of the numbers below.
      await selector.selectAsync({ timeout: 0 });
      const closed = new Pipe();
      selector.register(closed.reader, EVENT_READ);
      closed[Symbol.dispose]();
      const error = await assertRejects(() => selector.selectAsync(), Deno.errors.BadResource);
      assert(isOsError(error) && error.code === "EBADF");
      assert(error.message.includes(` ${closed.reader}:`), error.message);
      pipe.fill();
      assertEquals(fds(await selector.selectAsync()), [pipe.reader]);
    });
  }

  // ─── for await ──────────────────────────────────────────────────────────────────────────────

  test("for await gives ready events one by one, until close()", async () => {
    using one = new Pipe();
    using two = new Pipe();
    using selector = new Selector<Pipe>();
    for (const pipe of [one, two]) {
      selector.register(pipe.reader, EVENT_READ, pipe);
      pipe.fill();
    }
    const seen: number[] = [];
    for await (const [{ fd, data }, events] of selector) {
      assertStrictEquals(events, EVENT_READ);
      seen.push(fd);
      data.drain();
      if (seen.length === 2) setTimeout(() => one.fill(), 10);
      if (seen.length === 3) selector.close();
    }
    assertEquals(seen.slice(0, 2).sort((a, b) => a - b), [one.reader, two.reader]);
    assertEquals(seen.slice(2), [one.reader]);
    for await (const _ of selector) assert(false, "closed");
  });

  test("for await drops events that an earlier handler unregistered or modified away", async () => {
    using pairs = new DisposableStack();
    using selector = new Selector<string, Socket>();
    const rights = [0, 1, 2].map(() => {
      const pair = pairs.use(new Pair());
      pair.left.send(new Uint8Array(1));
      selector.register(pair.right, EVENT_READ, "first");
      return pair.right;
    });
    let turn = 0;
    for await (const [{ fileobj, data }, events] of selector) {
      if (turn++ === 0) {
        // The batch has all three. One of the others is unregistered, and one waits to write.
        const [gone, writer] = rights.filter((socket) => socket !== fileobj);
        selector.unregister(gone!);
        selector.modify(writer!, EVENT_WRITE, "changed");
        fileobj.recv(1);
      } else {
        assertEquals([data, events], ["changed", EVENT_WRITE]);
        break;
      }
    }
  });

  for (const mode of hasEdge ? ["oneshot", "edge"] as const : ["oneshot"] as const) {
    test(`for await loses no "${mode}" event of a batch that it leaves`, async () => {
      using one = new Pipe();
      using two = new Pipe();
      using selector = new Selector();
      for (const { reader } of [one, two]) {
        selector.register(reader, EVENT_READ, undefined, { mode });
      }
      one.fill();
      two.fill();
      const seen: number[] = [];
      for await (const [{ fd }] of selector) {
        seen.push(fd);
        break;
      }
      for await (const [{ fd }] of selector) {
        seen.push(fd);
        break;
      }
      assertEquals(seen.sort((a, b) => a - b), [one.reader, two.reader]);
      assertEquals(selector.select(0), []);
    });
  }

  test("for await throws what the wait rejects with, such as Busy", async () => {
    using selector = new Selector();
    const wait = selector.selectAsync({ timeout: 20 });
    await assertRejects(async () => {
      for await (const _ of selector) assert(false);
    }, Deno.errors.Busy);
    assertEquals(await wait, []);
  });

  // ─── many, long, and what is left over ──────────────────────────────────────────────────────

  test("40 selectors wait at once, beside file I/O, on one parked thread", async () => {
    using stack = new DisposableStack();
    const waiting = Array.from({ length: 40 }, () => {
      const pipe = stack.use(new Pipe());
      const selector = stack.use(new Selector());
      selector.register(pipe.reader, EVENT_READ);
      return { pipe, wait: selector.selectAsync({ timeout: LONG }) };
    });
    const url = new URL(import.meta.url);
    await Promise.all(Array.from({ length: 40 }, () => Deno.readTextFile(url)));
    await parkedThreads(1);
    for (const { pipe, wait } of waiting) {
      pipe.fill();
      assertEquals(fds(await wait), [pipe.reader]);
    }
    await parkedThreads(0);
  });

  test("waits in turns on several selectors wake only whom they concern", async () => {
    using stack = new DisposableStack();
    const rings = Array.from({ length: 10 }, () => {
      const pair = stack.use(new Pair());
      const selector = stack.use(new Selector());
      pair.right.setBlocking(false);
      selector.register(pair.right, EVENT_READ);
      return { pair, selector };
    });
    let passed = 0;
    await Promise.all(rings.map(async ({ pair, selector }, i) => {
      const next = rings[(i + 1) % rings.length]!.pair;
      if (i === 0) pair.left.send(new Uint8Array(1));
      for (let round = 0; round < 50; round++) {
        const events = await selector.selectAsync({ timeout: LONG });
        assertStrictEquals(events.length, 1);
        assertStrictEquals(pair.right.recv(1)!.length, 1);
        passed++;
        next.left.send(new Uint8Array(1));
      }
    }));
    assertStrictEquals(passed, 500);
  });

  test("2,000 waits, aborts and wake-ups leave no descriptor", async () => {
    using pipe = new Pipe();
    const before = openDescriptors();
    for (let i = 0; i < 100; i++) {
      using selector = new Selector();
      selector.register(pipe.reader, EVENT_READ);
      for (let round = 0; round < 20; round++) {
        const controller = new AbortController();
        const wait = selector.selectAsync({ signal: controller.signal }).catch(() => []);
        if (round % 3 === 0) controller.abort();
        else if (round % 3 === 1) selector.wakeup();
        else pipe.fill();
        await wait;
        pipe.drain();
      }
    }
    assertStrictEquals(openDescriptors(), before);
  });

  test("a program ends when its waits have ended, and not before", async () => {
    const { code, stdout, stderr } = await runProgram("tests/fixtures/async_end.ts", [
      Selector.name,
    ]);
    assertEquals([code, stdout], [0, "waited\n"], stderr);
  });
}

const POLL = 7; // __NR_poll of x86-64

/**
 * Waits until `count` threads are parked, if proc(5) shows them. A thread takes a while to park and
 * to return.
 */
async function parkedThreads(count: number): Promise<void> {
  if (!Deno.build.target.startsWith("x86_64-unknown-linux")) return;
  for (let tries = 0; threadsIn(POLL) !== count; tries++) {
    assertLess(tries, 1000, `${threadsIn(POLL)} threads are parked, not ${count}`);
    await delay(5);
  }
}

/** How many threads of this process are inside a system call. proc(5) */
function threadsIn(call: number): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    const [number, _fds, nfds] = Deno.readTextFileSync(`/proc/self/task/${name}/syscall`).split(
      " ",
    );
    if (Number(number) === call && Number(nfds) > 0) count++;
  }
  return count;
}
