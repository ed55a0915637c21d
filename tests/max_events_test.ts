/** maxEvents, on every selector: at most so many, nothing is lost, and nobody starves. */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { EVENT_READ, EVENT_WRITE } from "../mod.ts";
import { Pair, Pipe } from "./helpers/descriptors.ts";
import { unlessLeftOut } from "./helpers/left_out.ts";
import { SELECTORS } from "./helpers/mechanisms.ts";

const COUNT = 20;

for (const Selector of SELECTORS) {
  const isPolled = ["PollSelector", "SelectSelector"].includes(Selector.name);
  const test = (fact: string, fn: () => void | Promise<void>) =>
    Deno.test({ ...unlessLeftOut(`${Selector.name} ${fact}`), fn });

  test("select() and selectAsync() refuse a maxEvents that is no positive integer", async () => {
    using selector = new Selector();
    const wrong = [0, -1, -0, 1.5, NaN, Infinity, -Infinity, "1", null, {}, true, 1n, Symbol()];
    for (const maxEvents of wrong as number[]) {
      assertThrows(() => selector.select(0, maxEvents), RangeError, "maxEvents");
      await assertRejects(
        () => selector.selectAsync({ timeout: 0, maxEvents }),
        RangeError,
        "maxEvents",
      );
    }
    assertEquals(selector.select(0, 2 ** 53), []);
    assertEquals(selector.select(0, undefined), []);
  });

  for (const maxEvents of [1, 3, COUNT - 1]) {
    test(`with maxEvents ${maxEvents} reports so many, and each of ${COUNT} in turn`, () => {
      using stack = new DisposableStack();
      using selector = new Selector<number>();
      const times = readablePipes(stack).map(({ reader }, i) => {
        selector.register(reader, EVENT_READ, i);
        return 0;
      });
      for (let round = 0; round < 3 * COUNT; round++) {
        const events = selector.select(1000, maxEvents);
        assertStrictEquals(events.length, maxEvents);
        assertStrictEquals(new Set(events).size, maxEvents);
        for (const [{ data }] of events) times[data]!++;
      }
      const [fewest, most] = [Math.min(...times), Math.max(...times)];
      assert(fewest > 0 && most - fewest <= 2, `${times}`);
      assertStrictEquals(selector.select(0, COUNT).length, COUNT);
      assertStrictEquals(selector.select(0).length, COUNT);
    });

    for (const mode of ["oneshot", "edge"] as const) {
      if (mode === "edge" && isPolled) continue;
      test(`with maxEvents ${maxEvents} loses and repeats no "${mode}" event`, () => {
        using stack = new DisposableStack();
        using selector = new Selector<number>();
        for (const [i, { reader }] of readablePipes(stack).entries()) {
          selector.register(reader, EVENT_READ, i, { mode });
        }
        const seen: number[] = [];
        for (let rest = COUNT; rest > 0; rest -= maxEvents) {
          const events = selector.select(1000, maxEvents);
          assertStrictEquals(events.length, Math.min(maxEvents, rest));
          seen.push(...events.map(([{ data }]) => data));
        }
        assertEquals(seen.sort((a, b) => a - b), Array.from({ length: COUNT }, (_, i) => i));
        assertEquals(selector.select(0, maxEvents), []);
      });
    }
  }

  test("lets nobody starve though descriptors come and go between waits with maxEvents", () => {
    using stack = new DisposableStack();
    using selector = new Selector<number>();
    const pipes = readablePipes(stack);
    const missed = pipes.map(() => 0);
    for (const [i, { reader }] of pipes.entries()) selector.register(reader, EVENT_READ, i);
    for (let round = 0; round < 10 * COUNT; round++) {
      missed.forEach((_, i) => missed[i]!++);
      for (const [{ data }] of selector.select(1000, 2)) missed[data] = 0;
      assert(Math.max(...missed) <= 3 * COUNT, `${missed}`);
      const i = (round * 7) % COUNT;
      selector.unregister(pipes[i]!.reader);
      selector.register(pipes[i]!.reader, EVENT_READ, i);
      missed[i] = 0;
    }
  });

  test("reports both events of a descriptor in waits with maxEvents 1", () => {
    using pairs = new DisposableStack();
    using selector = new Selector();
    const two = [pairs.use(new Pair()), pairs.use(new Pair())];
    for (const pair of two) {
      selector.register(pair.right, EVENT_READ | EVENT_WRITE);
      pair.left.send(new Uint8Array(1));
    }
    const ready = new Map<number, number>();
    for (let round = 0; round < 12; round++) {
      const [[{ fd }, events]] = selector.select(1000, 1) as unknown as [[{ fd: number }, number]];
      ready.set(fd, (ready.get(fd) ?? 0) | events);
    }
    assertEquals([...ready.values()], [EVENT_READ | EVENT_WRITE, EVENT_READ | EVENT_WRITE]);
  });

  test("keeps a wake-up beside more events than maxEvents", () => {
    using stack = new DisposableStack();
    using selector = new Selector();
    const pipes = readablePipes(stack);
    for (const { reader } of pipes) selector.register(reader, EVENT_READ);
    selector.wakeup();
    for (let round = 0; round < 2 * COUNT; round++) selector.select(1000, 1);
    for (const pipe of pipes) pipe.drain();
    assertEquals(selector.select(5), []); // the wake-up was taken, and nothing is left
  });

  test("selectAsync() and select() share what maxEvents left", async () => {
    using stack = new DisposableStack();
    using selector = new Selector<number>();
    for (const [i, { reader }] of readablePipes(stack).entries()) {
      selector.register(reader, EVENT_READ, i, { mode: "oneshot" });
    }
    const seen: number[] = [];
    for (let turn = 0; seen.length < COUNT; turn++) {
      const events = turn % 2 === 0
        ? await selector.selectAsync({ timeout: 1000, maxEvents: 3 })
        : selector.select(1000, 3);
      assert(events.length > 0 && events.length <= 3);
      seen.push(...events.map(([{ data }]) => data));
    }
    assertStrictEquals(new Set(seen).size, COUNT);
    assertEquals(await selector.selectAsync({ timeout: 0, maxEvents: 3 }), []);
  });
}

/** Pipes that can be read, closed at the end of `stack`. */
function readablePipes(stack: DisposableStack): Pipe[] {
  const pipes = Array.from({ length: COUNT }, () => stack.use(new Pipe()));
  for (const pipe of pipes) pipe.fill();
  return pipes;
}
