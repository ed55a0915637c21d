/**
 * readable() and writable(): promises for one descriptor, on a selector that exists while something
 * waits.
 */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { isOsError, readable, Socket, writable } from "../mod.ts";
import { openDescriptors, Pair, Pipe, tcpPair } from "./helpers/descriptors.ts";
import { runProgram } from "./helpers/programs.ts";
import { unlessLeftOut } from "./helpers/left_out.ts";
import { delay, promptly, timed } from "./helpers/timing.ts";

const CLOSED = 1000; // milliseconds within which a closed descriptor must be noticed

/** Whether a promise is settled. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  await delay(10);
  return settled;
}

/** Sends until the buffers of a socket are full. */
function fill(socket: Socket): void {
  socket.setBlocking(false);
  while (socket.send(new Uint8Array(65536)) !== null);
}

Deno.test("readable() resolves to undefined once there is something to read", async () => {
  using pair = new Pair();
  const wait = readable(pair.right);
  assert(!await isSettled(wait));
  pair.left.send(new Uint8Array([42]));
  assertStrictEquals(await wait, undefined);
  assertEquals(pair.right.recv(16), new Uint8Array([42]));
});

Deno.test("readable() and writable() resolve at once for what is ready", async () => {
  using pair = new Pair();
  pair.left.send(new Uint8Array(1));
  await Promise.all([readable(pair.right), writable(pair.right), readable(pair.right.fileno())]);
});

Deno.test("readable() resolves at the end of the stream and for a connection that waits", async () => {
  using pair = new Pair();
  pair.left.close();
  await readable(pair.right);
  assertEquals(pair.right.recv(1), new Uint8Array());

  using listener = new Socket();
  listener.bind({ hostname: "127.0.0.1", port: 0 });
  listener.listen();
  const wait = readable(listener);
  using client = new Socket();
  client.connect(listener.localAddress);
  await wait;
  listener.accept()!.close();
});

Deno.test("writable() resolves once the peer has read", async () => {
  using pair = new Pair();
  fill(pair.left);
  const wait = writable(pair.left);
  assert(!await isSettled(wait));
  pair.right.setBlocking(false);
  while (pair.right.recv(65536) !== null);
  await wait;
});

Deno.test("writable() resolves for a refused connection, and takeError() says why", async () => {
  const gone = new Socket();
  gone.bind({ hostname: "127.0.0.1", port: 0 });
  const address = gone.localAddress;
  gone.close();
  using client = new Socket();
  client.setBlocking(false);
  try {
    client.connect(address);
    await writable(client);
    assertStrictEquals(client.takeError()?.code, "ECONNREFUSED");
  } catch (error) {
    assert(error instanceof Deno.errors.ConnectionRefused); // reported by connect(2) itself
  }
});

Deno.test("Several waiters of one descriptor are all served, readers and writers apart", async () => {
  using pair = new Pair();
  fill(pair.right);
  const readers = [readable(pair.right), readable(pair.right.fileno()), readable(pair.right)];
  const writers = [writable(pair.right), writable(pair.right)];
  assert(!await isSettled(Promise.race([...readers, ...writers])));
  pair.left.send(new Uint8Array(1));
  await Promise.all(readers);
  assert(!await isSettled(Promise.race(writers)));
  const late = readable(pair.right);
  await late;
  pair.left.setBlocking(false);
  while (pair.left.recv(65536) !== null);
  await Promise.all(writers);
});

Deno.test("A waiter that is told may wait again at once, and others of the descriptor with it", async () => {
  using pair = new Pair();
  let turns = 0;
  const reader = async () => {
    for (let i = 0; i < 50; i++) {
      await readable(pair.right);
      turns++;
      await delay(0);
    }
  };
  pair.left.send(new Uint8Array(1));
  await Promise.all([reader(), reader(), reader()]);
  assertStrictEquals(turns, 150);
});

Deno.test("An aborted wait rejects with the reason, promptly, and leaves the others waiting", async () => {
  using pair = new Pair();
  for (const reason of [new Error("mine"), "a string", undefined]) {
    await promptly(async () => {
      const controller = new AbortController();
      const aborted = readable(pair.right, { signal: controller.signal });
      const other = readable(pair.right);
      await delay(5);
      const elapsed = await timed(async () => {
        controller.abort(reason);
        const caught = await aborted.then(() => assert(false), (error) => error);
        assertStrictEquals(caught, controller.signal.reason);
      });
      assert(!await isSettled(other));
      pair.left.send(new Uint8Array(1));
      await other;
      pair.right.recv(1);
      return elapsed;
    });
  }
  const caught = await readable(pair.right, { signal: AbortSignal.abort("before") })
    .then(() => "resolved", (error) => error);
  assertStrictEquals(caught, "before");
});

Deno.test("Bad file objects and closed descriptors reject as register() throws, and leave nothing", async () => {
  const before = openDescriptors();
  // deno-lint-ignore no-explicit-any
  for (const fileobj of [null, undefined, "1", {}, []] as any[]) {
    await assertRejects(() => readable(fileobj), TypeError);
  }
  for (const fd of [-1, 0.5, NaN, 2 ** 31]) {
    await assertRejects(() => writable(fd), RangeError);
  }
  const pipe = new Pipe();
  pipe[Symbol.dispose]();
  const error = await assertRejects(() => readable(pipe.reader), Deno.errors.BadResource);
  assert(isOsError(error) && error.code === "EBADF");
  assertStrictEquals(openDescriptors(), before);
});

Deno.test("A descriptor closed meanwhile rejects with EBADF instead of hanging", async () => {
  await promptly(async () => {
    const pair = tcpPair();
    const fd = pair.right.fileno();
    const waits = [readable(pair.right), readable(pair.right)];
    await delay(5);
    pair[Symbol.dispose]();
    return timed(async () => {
      for (const wait of waits) {
        const error = await assertRejects(() => wait, Deno.errors.BadResource, ` ${fd}:`);
        assert(isOsError(error) && error.code === "EBADF");
      }
    });
  }, CLOSED);
});

Deno.test(
  unlessLeftOut("A descriptor closed meanwhile rejects though its number is another file's by now"),
  async () => {
    using others = new DisposableStack();
    const pipe = new Pipe();
    const wait = readable(pipe.reader);
    await delay(5);
    pipe[Symbol.dispose]();
    const other = others.use(new Pipe());
    assert([other.reader, other.writer].includes(pipe.reader));
    await assertRejects(() => wait, Deno.errors.BadResource);
  },
);

Deno.test(
  unlessLeftOut("A waiter of a reused number gets the new file, and those of the old one EBADF"),
  async () => {
    const pipe = new Pipe();
    const old = readable(pipe.reader);
    await delay(5);
    const fd = pipe.reader;
    pipe[Symbol.dispose]();
    using pair = new Pair();
    assertStrictEquals(pair.left.fileno(), fd);
    const young = readable(fd);
    await assertRejects(() => old, Deno.errors.BadResource);
    pair.right.send(new Uint8Array(1));
    await young;
  },
);

Deno.test("Nothing is left when nobody waits: no descriptor, and the program ends", async () => {
  const before = openDescriptors();
  using pair = new Pair();
  for (let i = 0; i < 100; i++) {
    const wait = readable(pair.right);
    pair.left.send(new Uint8Array(1));
    await wait;
    pair.right.recv(1);
    await assertRejects(() => readable(pair.right, { signal: AbortSignal.timeout(0) }));
  }
  assertStrictEquals(openDescriptors() - 2, before);

  const { code, stdout, stderr } = await runProgram("tests/fixtures/ready_end.ts");
  assertEquals([code, stdout], [0, "read\n"], stderr);
});

Deno.test("100 descriptors waited for at once are each told", async () => {
  using pairs = new DisposableStack();
  const all = Array.from({ length: 100 }, () => {
    const pair = pairs.use(new Pair());
    return { pair, wait: readable(pair.right) };
  });
  for (const { pair, wait } of all.reverse()) {
    pair.left.send(new Uint8Array(1));
    await wait;
  }
});
