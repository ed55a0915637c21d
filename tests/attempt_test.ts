/** readable() and writable() with an attempt: any call that returns null for "would block". */

import { assert, assertEquals, assertLess, assertRejects, assertStrictEquals } from "@std/assert";
import { close, read } from "../ffi/mod.ts";
import { isOsError, readable, type Socket, writable } from "../mod.ts";
import { openDescriptors, Pair, Pipe, RegularFile } from "./helpers/descriptors.ts";
import { delay, promptly, timed } from "./helpers/timing.ts";

const CLOSED = 500; // milliseconds until a closed descriptor must have been noticed

/** A pair of non-blocking sockets. */
function pairOfSockets(): Pair {
  const pair = new Pair();
  for (const socket of [pair.left, pair.right]) socket.setBlocking(false);
  return pair;
}

Deno.test("readable() calls attempt at once, and waits for nothing when it succeeds", async () => {
  const before = openDescriptors();
  let attempts = 0;
  const wait = readable(0, () => ++attempts);
  assertStrictEquals(attempts, 1);
  assertStrictEquals(await wait, 1);
  assertStrictEquals(openDescriptors(), before);
});

Deno.test("readable() calls attempt again each time the descriptor is ready, and not in between", async () => {
  using pair = pairOfSockets();
  let attempts = 0;
  const wait = readable(pair.right, () => {
    attempts++;
    const data = pair.right.recv(1);
    return data !== null && data[0] === 3 ? "three" : null;
  });
  for (const byte of [1, 2]) {
    await delay(5);
    const before: number = attempts;
    pair.left.send(new Uint8Array([byte]));
    while (attempts === before) await delay(1);
    assertStrictEquals(attempts, before + 1);
  }
  await delay(5);
  assertStrictEquals(attempts, 3);
  pair.left.send(new Uint8Array([3]));
  assertStrictEquals(await wait, "three");
  assertStrictEquals(attempts, 4);
});

Deno.test("readable() takes every result but null for one: undefined, 0, false, an empty string", async () => {
  for (const result of [undefined, 0, false, "", NaN]) {
    assertStrictEquals(await readable(0, () => result as number | null), result);
  }
});

Deno.test("writable() resolves to what attempt returns once there is room", async () => {
  using pair = pairOfSockets();
  while (pair.left.send(new Uint8Array(65536)) !== null);
  const wait = writable(pair.left, () => pair.left.send(new Uint8Array(1)));
  await delay(5);
  while (pair.right.recv(65536) !== null);
  assertStrictEquals(await wait, 1);
});

Deno.test("readable() rejects with what attempt throws, at the first attempt and later", async () => {
  const before = openDescriptors();
  const error = new Error("mine");
  const throwing = () => {
    throw error;
  };
  assertStrictEquals(await readable(0, throwing).catch((caught) => caught), error);
  using pair = pairOfSockets();
  let attempts = 0;
  const wait = readable(pair.right, () => attempts++ === 0 ? null : throwing());
  await delay(5);
  pair.left.send(new Uint8Array(1));
  assertStrictEquals(await wait.catch((caught) => caught), error);
  assertStrictEquals(openDescriptors() - 2, before);
});

Deno.test("An aborted signal comes before the first attempt", async () => {
  using pair = pairOfSockets();
  pair.left.send(new Uint8Array([42]));
  let attempts = 0;
  const attempt = () => {
    attempts++;
    return pair.right.recv(1);
  };
  const signal = AbortSignal.abort("before");
  assertStrictEquals(await readable(pair.right, attempt, { signal }).catch((e) => e), "before");
  assertStrictEquals(attempts, 0);
  assertEquals(pair.right.recv(1), new Uint8Array([42]));
});

Deno.test("10,000 aborts at any moment lose no byte, and nothing is attempted after one", async () => {
  using pair = pairOfSockets();
  let sent = 0;
  let received = 0;
  for (let round = 0; round < 10_000; round++) {
    const controller = new AbortController();
    let isAborted = false;
    const wait = readable(pair.right, () => {
      assert(!isAborted, "attempted after the abort");
      return pair.right.recv(1);
    }, { signal: controller.signal });
    const steps = [
      () => sent += pair.left.send(new Uint8Array([sent & 255]))!,
      () => {
        controller.abort();
        isAborted = true;
      },
    ];
    if (round % 2 === 0) steps.reverse();
    if (round % 100 === 0) await delay(0);
    for (const step of steps) {
      step();
      for (let i = 0; i < round % 8; i++) await Promise.resolve();
    }
    const byte = await wait.catch(() => pair.right.recv(1));
    if (byte !== null) assertStrictEquals(byte[0], received++ & 255);
  }
  assertStrictEquals(received, sent);
  assertStrictEquals(sent, 10_000);
});

Deno.test("Waits with the same signal share its listener, all end with it, and leave none", async () => {
  using pair = pairOfSockets();
  const controller = new AbortController();
  const { signal } = controller;
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
  const one = readable(pair.right, () => pair.right.recv(1), { signal });
  const others = Array.from({ length: 50 }, () => writable(pair.left, () => null, { signal }));
  pair.left.send(new Uint8Array(1));
  await one;
  assertStrictEquals(listeners, 1);
  controller.abort("mine");
  for (const other of await Promise.allSettled(others)) {
    assertEquals(other, { status: "rejected", reason: "mine" });
  }
  assertStrictEquals(listeners, 0);
});

Deno.test("An abort within an attempt does not take away what the attempt returns", async () => {
  using pair = pairOfSockets();
  for (const result of ["mine", null]) {
    const controller = new AbortController();
    let attempts = 0;
    const wait = readable(pair.right, () => {
      if (attempts++ === 0) return null;
      controller.abort("aborted");
      return result;
    }, { signal: controller.signal });
    pair.left.send(new Uint8Array(1));
    assertStrictEquals(await wait.catch((error) => error), result ?? "aborted");
    assertStrictEquals(attempts, 2);
    pair.right.recv(1);
  }
});

Deno.test("A blocking Socket is a TypeError, and nothing is attempted", async () => {
  using pair = new Pair();
  let attempts = 0;
  for (const wait of [readable, writable]) {
    const error = await assertRejects(() => wait(pair.right, () => attempts++), TypeError);
    assert(/setBlocking/.test(error.message), error.message);
  }
  assertStrictEquals(attempts, 0);
});

Deno.test("Options that are no object, and bad file objects, reject with TypeError or RangeError", async () => {
  // deno-lint-ignore no-explicit-any
  for (const options of [0, "x", true, null] as any[]) {
    await assertRejects(() => readable(0, () => 1, options), TypeError);
    await assertRejects(() => readable(0, options), TypeError);
  }
  let attempts = 0;
  // deno-lint-ignore no-explicit-any
  for (const fileobj of [null, undefined, "1", {}] as any[]) {
    await assertRejects(() => readable(fileobj, () => attempts++), TypeError);
  }
  for (const fd of [-1, 0.5, NaN]) {
    await assertRejects(() => writable(fd, () => attempts++), RangeError);
  }
  assertStrictEquals(attempts, 0);
});

Deno.test("A closed Socket rejects with BadResource", async () => {
  const pair = pairOfSockets();
  pair[Symbol.dispose]();
  await assertRejects(() => readable(pair.right, () => 1), Deno.errors.BadResource);
  await assertRejects(() => readable(pair.right), Deno.errors.BadResource);
});

Deno.test({
  name:
    "A regular file waits with an attempt, as poll(2) does, and EPERM says why it cannot without",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using file = new RegularFile("text");
    const bytes = new Uint8Array(4);
    assertStrictEquals(await readable(file.fd, () => read(file.fd, bytes, 4)), 4);
    const error = await assertRejects(() => readable(file.fd));
    assert(isOsError(error) && error.code === "EPERM");
  },
});

Deno.test("Attempts that succeed, or fail, without end let timers run and Deno read files", async () => {
  const throwing = () => {
    throw new Error("mine");
  };
  for (const attempt of [() => 1, throwing, () => Promise.reject(new Error("mine"))]) {
    await promptly(async () => {
      let isOver = false;
      const busy = (async () => {
        while (!isOver) {
          await readable(0, attempt as () => number).catch(() => {});
        }
      })();
      const elapsed = await timed(async () => {
        await delay(1);
        await Deno.readTextFile(new URL(import.meta.url));
        await delay(1);
      });
      isOver = true;
      await busy;
      return elapsed;
    }, 200);
  }
});

Deno.test("Two who read through sockets of this thread let timers run", async () => {
  using pair = pairOfSockets();
  let isOver = false;
  let rounds = 0;
  const play = async (socket: Socket) => {
    const ball = new Uint8Array(1);
    while (!isOver) {
      if (await readable(socket, () => socket.recvInto(ball)) === 0) break;
      rounds++;
      if (!isOver) socket.send(ball);
    }
    socket.shutdown("both");
  };
  pair.left.send(new Uint8Array(1));
  const players = [play(pair.left), play(pair.right)];
  let ticks = 0;
  while (ticks < 20) {
    await delay(1);
    ticks++;
  }
  isOver = true;
  await Promise.all(players);
  assert(rounds > 20, `${rounds} rounds`);
});

Deno.test("Several attempts at one descriptor each get their share", async () => {
  using pair = pairOfSockets();
  const got = Array.from({ length: 50 }, () => readable(pair.right, () => pair.right.recv(1)));
  await delay(5);
  for (let i = 0; i < 50; i++) {
    pair.left.send(new Uint8Array([i]));
    if (i % 10 === 0) await delay(0);
  }
  const bytes = (await Promise.all(got)).map((data) => data![0]!);
  assertEquals(bytes.sort((a, b) => a - b), Array.from({ length: 50 }, (_, i) => i));
});

Deno.test("500 sockets that are read at once each get what is theirs", async () => {
  using pairs = new DisposableStack();
  const all = Array.from({ length: 500 }, () => pairs.use(pairOfSockets()));
  for (let round = 0; round < 3; round++) {
    const reads = all.map(({ right }) => readable(right, () => right.recv(8)));
    if (round > 0) await delay(round);
    all.forEach(({ left }, i) => left.send(new Uint8Array([i & 255, i >> 8])));
    const got = (await Promise.all(reads)).map((data) => data![0]! + 256 * data![1]!);
    assertEquals(got, all.map((_, i) => i));
  }
});

// ─── closed meanwhile ────────────────────────────────────────────────────────────────────────────

for (const withAttempt of [false, true]) {
  const how = withAttempt ? "with an attempt" : "without an attempt";
  const waitFor = (fileobj: Socket | number): Promise<unknown> =>
    withAttempt ? readable(fileobj, () => null) : readable(fileobj);

  Deno.test(`Socket.close() rejects readable() ${how} at once, before and after it is parked`, async () => {
    for (const pause of [0, 10]) {
      await promptly(async () => {
        const pair = pairOfSockets();
        const fd = pair.right.fileno();
        const wait = waitFor(pair.right);
        if (pause > 0) await delay(pause);
        const elapsed = await timed(async () => {
          pair.right.close();
          const error = await assertRejects(() => wait, Deno.errors.BadResource, ` ${fd}:`);
          assert(isOsError(error) && error.code === "EBADF");
        });
        pair.left.close();
        return elapsed;
      });
    }
  });

  Deno.test(`close(2) elsewhere rejects readable() ${how} in half a second, while others are busy`, async () => {
    using busy = pairOfSockets();
    let isOver = false;
    const work = (async () => {
      while (!isOver) {
        busy.left.send(new Uint8Array(1));
        await readable(busy.right);
        busy.right.recv(16);
      }
    })();
    try {
      await promptly(async () => {
        const pipe = new Pipe();
        const wait = waitFor(pipe.reader);
        await delay(5);
        pipe[Symbol.dispose]();
        return timed(() => assertRejects(() => wait, Deno.errors.BadResource));
      }, CLOSED);
    } finally {
      isOver = true;
      await work;
    }
  });
}

Deno.test({
  name: "A number that is a regular file's or a device's by now counts as closed",
  ignore: Deno.build.os !== "linux",
  async fn() {
    for (const path of ["/dev/null", "/dev/zero", Deno.execPath()]) {
      await promptly(async () => {
        const pipe = new Pipe();
        const wait = readable(pipe.reader);
        await delay(5);
        close(pipe.reader);
        // Deno opens the lowest free number.
        using _file = Deno.openSync(path);
        const elapsed = await timed(() => assertRejects(() => wait, Deno.errors.BadResource));
        close(pipe.writer);
        return elapsed;
      }, CLOSED);
    }
  },
});

Deno.test("An attempt that closes its own socket still gives what it returns", async () => {
  const pair = pairOfSockets();
  let attempts = 0;
  const wait = readable(pair.right, () => {
    if (attempts++ === 0) return null;
    const data = pair.right.recv(1);
    pair.right.close();
    return data;
  });
  pair.left.send(new Uint8Array([42]));
  assertEquals(await wait, new Uint8Array([42]));
  pair.left.close();
});

Deno.test("What is ready is told to its waiter, not to one who waits for the reused number", async () => {
  for (const withAttempt of [false, true]) {
    for (let round = 0; round < 30; round++) {
      using first = new Pipe();
      const second = new Pipe();
      const fd = second.reader;
      using numbers = new DisposableStack();
      const waitFor = (fd: number): Promise<unknown> => {
        if (!withAttempt) return readable(fd);
        let attempts = 0;
        return readable(fd, () => attempts++ === 0 ? null : attempts);
      };
      let young: { pipe: Pipe; wait: Promise<unknown> } | undefined;
      const swap = waitFor(first.reader).then(() => {
        second[Symbol.dispose]();
        const pipe = numbers.use(new Pipe());
        if (pipe.reader === fd) young = { pipe, wait: waitFor(fd) };
      });
      const old = waitFor(fd).catch(() => {});
      if (round % 2 === 0) await delay(2);
      first.fill();
      second.fill();
      await swap;
      await old;
      if (young === undefined) continue;
      let isTold = false;
      young.wait.then(() => isTold = true, () => {});
      await delay(1);
      assert(!isTold, "the waiter of the reused number was told of the old file");
      young.pipe.fill();
      await young.wait;
    }
  }
});

Deno.test("A signal whose addEventListener() throws rejects the wait, and the next one works", async () => {
  using pair = pairOfSockets();
  const signal = new AbortController().signal;
  signal.addEventListener = () => {
    throw new Error("no listeners");
  };
  await assertRejects(() => readable(pair.right, { signal }), Error, "no listeners");
  await assertRejects(() => readable(pair.right, () => null, { signal }), Error, "no listeners");
  pair.left.send(new Uint8Array(1));
  await readable(pair.right);
  assertLess(await timed(() => readable(pair.right, () => pair.right.recv(1))), CLOSED);
});
