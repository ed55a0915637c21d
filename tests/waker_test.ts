/** Waker, in one thread and across threads. */

import { assertEquals, assertGreaterOrEqual, assertStrictEquals, assertThrows } from "@std/assert";
import { EVENT_READ, readable, Waker } from "../mod.ts";
import { openDescriptors } from "./helpers/descriptors.ts";
import { DENO, path, Program, run } from "./helpers/programs.ts";
import { SELECTORS } from "./helpers/mechanisms.ts";

/** A Worker that wakes a waker after some milliseconds. */
async function wakeLater(fd: number, delay: number): Promise<Disposable> {
  const worker = new Worker(new URL("./fixtures/waker_worker.ts", import.meta.url), {
    type: "module",
  });
  worker.postMessage({ fd, delay });
  await new Promise((resolve) => worker.onmessage = resolve);
  return { [Symbol.dispose]: () => worker.terminate() };
}

for (const Selector of SELECTORS) {
  Deno.test(`${Selector.name} is woken out of select() by another thread`, async () => {
    using selector = new Selector();
    using _ = await wakeLater(selector.waker.fd, 20);
    assertEquals(selector.select(), []);
  });

  Deno.test(`${Selector.name} is woken out of selectAsync() by another thread`, async () => {
    using selector = new Selector();
    const wait = selector.selectAsync();
    using _ = await wakeLater(selector.waker.fd, 20);
    assertEquals(await wait, []);
  });

  Deno.test(`${Selector.name} keeps a wake-up that came before the wait, and keeps it once`, async () => {
    using selector = new Selector();
    new Waker(selector.waker.fd).wake();
    assertEquals(await selector.selectAsync(), []);
    new Waker(selector.waker.fd).wake();
    selector.waker.wake();
    assertEquals(selector.select(), []);
    const start = performance.now();
    assertEquals(selector.select(20), []);
    assertGreaterOrEqual(performance.now() - start, 20);
  });

  Deno.test(`${Selector.name} takes a waker as a file object`, () => {
    using waker = new Waker();
    using selector = new Selector<string, Waker>();
    selector.register(waker, EVENT_READ, "mine");
    assertEquals(selector.select(0), []);
    waker.wake();
    assertEquals(selector.select(0).map(([{ data }]) => data), ["mine"]);
    waker.drain();
    assertEquals(selector.select(0), []);
  });
}

Deno.test("readable() waits for a waker", async () => {
  using waker = new Waker();
  const wait = readable(waker);
  setTimeout(() => new Waker(waker.fd).wake(), 5);
  await wait;
});

Deno.test("A waker is readable once woken, until it is drained, however often it was woken", () => {
  using waker = new Waker();
  for (let i = 0; i < 100_000; i++) waker.wake();
  waker.drain();
  using selector = new SELECTORS[0]!();
  selector.register(waker, EVENT_READ);
  assertEquals(selector.select(0), []);
});

Deno.test("A handle of another's waker leaves the descriptor open, and the owner closes it", () => {
  const before = openDescriptors();
  const owner = new Waker();
  {
    using handle = new Waker(owner.fd);
    assertStrictEquals(handle.fd, owner.fd);
    assertStrictEquals(handle.fileno(), owner.fd);
    handle.wake();
  }
  owner.wake();
  const { fd } = owner;
  owner.close();
  owner.close();
  assertStrictEquals(owner.fd, -1);
  assertStrictEquals(openDescriptors(), before);
  assertThrows(() => owner.wake(), Deno.errors.BadResource);
  assertThrows(() => new Waker(fd).wake(), Deno.errors.BadResource);
});

Deno.test("A waker refuses what cannot be a descriptor", () => {
  for (const fd of [-1, 0.5, NaN, 2 ** 31, Infinity]) {
    assertThrows(() => new Waker(fd), RangeError);
  }
  // deno-lint-ignore no-explicit-any
  for (const fd of ["1", null, {}, 1n] as any[]) assertThrows(() => new Waker(fd), TypeError);
});

Deno.test("console.log() shows a waker's descriptor", () => {
  const waker = new Waker();
  assertStrictEquals(Deno.inspect(waker), `Waker { fd: ${waker.fd} }`);
  waker.close();
  assertStrictEquals(Deno.inspect(waker), "Waker { fd: -1 }");
  Deno.inspect(Waker.prototype);
});

for (const wait of ["select", "selectAsync", "readable"]) {
  Deno.test(`A Worker terminated in ${wait}() and woken lets the process end`, async () => {
    await using program = Program.start("tests/fixtures/terminate.ts", [wait]);
    assertStrictEquals(await program.line(), "terminated");
    assertStrictEquals(await program.code(), 0);
  });
}

Deno.test("examples/worker_wakeup.ts reads, is woken, and ends", async () => {
  const example = path("examples/worker_wakeup.ts");
  const { code, stdout, stderr } = await run(DENO, [
    "run",
    "--allow-ffi",
    "--allow-read",
    example,
  ]);
  assertEquals([code, stdout], [0, "worker read: hello\nworker: stopped\n"], stderr);
});
