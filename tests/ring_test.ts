/**
 * The ring: what each operation does, how waits end, and what happens under overload. What it does
 * with memory is in ring_memory_test.ts.
 */

import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { assertMatch, assertRejects } from "@std/assert";
import * as c from "../ffi/mod.ts";
import * as lib from "../mod.ts";
import { Descriptor, EVENT_HANGUP, EVENT_READ, EVENT_WRITE, isOsError, Socket } from "../mod.ts";
import { type Completion, Ring } from "../ring/mod.ts";
import "./helpers/descriptors.ts"; // opens libc before the tests
import { DENO, hasCommand, path, run } from "./helpers/programs.ts";

const reason = Ring.isSupported() ? "" : " (needs io_uring)";
const LIMIT = 10_000; // milliseconds until something that must happen is given up

function test(fact: string, fn: () => void | Promise<void>): void {
  Deno.test({ name: fact + reason, ignore: reason !== "", fn });
}

const text = (completion: Completion<unknown>) => new TextDecoder().decode(completion.bytes);
const bytes = (string: string) => new TextEncoder().encode(string);

/** What comes until there are `count` completions, as data and result. */
function gather<Data>(ring: Ring<Data>, count: number): Completion<Data>[] {
  const all: Completion<Data>[] = [];
  const deadline = performance.now() + LIMIT;
  while (all.length < count) {
    all.push(...ring.wait(deadline - performance.now()));
    assertLess(performance.now(), deadline, `only ${all.length} of ${count} completions came`);
  }
  return all;
}

function pair(): [Socket, Socket] & Disposable {
  const sockets = Socket.pair();
  return Object.assign(sockets, {
    [Symbol.dispose]: () => sockets.forEach((socket) => socket.close()),
  });
}

test("send() and recv() complete with the data given along, and the bytes", () => {
  using ring = new Ring<string>();
  using sockets = pair();
  ring.recv(sockets[1], "received");
  ring.send(sockets[0], bytes("hello"), "sent");
  const completions = gather(ring, 2);
  const sent = completions.find(({ data }) => data === "sent")!;
  assertEquals([sent.result, sent.error, sent.bytes.length, sent.more], [5, null, 0, false]);
  const received = completions.find(({ data }) => data === "received")!;
  assertEquals([received.result, received.error, text(received)], [5, null, "hello"]);
  assertEquals(received.more, true);
  received.release();
  received.release();
  sockets[0].close();
  const [end] = gather(ring, 1);
  assertEquals([end!.data, end!.result, end!.more], ["received", 0, false]);
});

test("recv() and accept() work on blocking and non-blocking sockets alike", () => {
  for (const blocking of [true, false]) {
    using ring = new Ring<string>();
    using sockets = pair();
    sockets[1].setBlocking(blocking);
    ring.recv(sockets[1], "recv");
    assertEquals(ring.wait(20), []);
    sockets[0].send(bytes("x"));
    const [completion] = gather(ring, 1);
    assertEquals(text(completion!), "x");
    completion!.release();
    using listener = Socket.createServer({ hostname: "127.0.0.1", port: 0 });
    listener.setBlocking(blocking);
    ring.accept(listener, "accept");
    assertEquals(ring.wait(20), []);
    using client = new Socket();
    client.connect(listener.localAddress);
    const [accepted] = gather(ring, 1);
    assertEquals([accepted!.data, accepted!.more], ["accept", true]);
    assertEquals(c.fcntl(accepted!.result, c.F_GETFD), c.FD_CLOEXEC);
    c.close(accepted!.result);
  }
});

test("send() sends all of 8 MB to a slow reader, in order with what is sent before and after", () => {
  using ring = new Ring<string>();
  using sockets = pair();
  const big = new Uint8Array(8 << 20).map((_, i) => i * 31 >> 3);
  ring.send(sockets[0], bytes("first"), "first");
  ring.send(sockets[0], big, "big");
  big.fill(0, 0, 1000); // was copied
  ring.send(sockets[0], bytes("last"), "last");
  const done: [string, number][] = [];
  const got: Uint8Array[] = [];
  sockets[1].setBlocking(false);
  let length = 0;
  while (done.length < 3 || length < big.length + 9) {
    for (const { data, result } of ring.wait(5)) done.push([data, result]);
    for (let part; (part = sockets[1].recv(65536)) !== null;) {
      got.push(part);
      length += part.length;
      if (got.length % 4 === 0) break;
    }
  }
  assertEquals(done, [["first", 5], ["big", 8 << 20], ["last", 4]]);
  const whole = new Uint8Array(length);
  got.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  big.set(new Uint8Array(1000).map((_, i) => i * 31 >> 3));
  assertEquals(new TextDecoder().decode(whole.subarray(0, 5)), "first");
  assertEquals(new TextDecoder().decode(whole.subarray(-4)), "last");
  assert(whole.subarray(5, -4).every((byte, i) => byte === big[i]));
});

test("A completion's bytes are sent from where they are, also twice, and released when gone", () => {
  using ring = new Ring<string>({ buffers: 1, bufferSize: 16 });
  using one = pair();
  using other = pair();
  ring.recv(one[1], "recv");
  for (let round = 0; round < 10; round++) { // one buffer: each must have been released
    one[0].send(bytes(`round ${round}`));
    const [received] = gather(ring, 1);
    {
      using completion = received!; // disposal leaves it to the sends
      ring.send(one[1], completion, "a");
      ring.send(other[0], completion, "b");
    }
    assertEquals(gather(ring, 2).map(({ data, result }) => [data, result]).sort(), [
      ["a", 7],
      ["b", 7],
    ]);
    for (const socket of [one[0], other[1]]) {
      assertEquals(new TextDecoder().decode(socket.recv(16)!), `round ${round}`);
    }
    assertThrows(() => ring.send(one[1], received!, "late"), Deno.errors.BadResource);
  }
});

test("send() refuses completions without bytes, released ones, and what is no Uint8Array", () => {
  using ring = new Ring<string>();
  using sockets = pair();
  ring.recv(sockets[1], "recv");
  ring.send(sockets[0], bytes("x"), "send");
  const completions = gather(ring, 2);
  const sent = completions.find(({ data }) => data === "send")!;
  const received = completions.find(({ data }) => data === "recv")!;
  assertThrows(() => ring.send(sockets[0], sent, ""), TypeError);
  received.release();
  assertThrows(() => ring.send(sockets[0], received, ""), Deno.errors.BadResource);
  for (const wrong of ["text", null, undefined, {}, [1], 5, new ArrayBuffer(1)]) {
    assertThrows(() => ring.send(sockets[0], wrong as never, ""), TypeError);
  }
});

test("read() and write() are pread(2) and pwrite(2), on regular files and on pipes", async () => {
  using ring = new Ring<string>();
  const name = await Deno.makeTempFile();
  try {
    using file = Descriptor.open(name, c.O_RDWR);
    ring.write(file, bytes("content"), 3, "write");
    assertEquals(gather(ring, 1).map(({ result }) => result), [7]);
    ring.read(file, 5, 1, "read");
    const [read] = gather(ring, 1);
    assertEquals([read!.result, text(read!), read!.more], [5, "\0\0con", false]);
    read!.release();
    ring.read(file, 100, 10, "end");
    assertEquals(gather(ring, 1).map(({ result, bytes }) => [result, bytes.length]), [[0, 0]]);
    ring.read(file, 0, 0, "nothing");
    assertEquals(gather(ring, 1).map(({ result }) => result), [0]);
    ring.write(file, new Uint8Array([1]), 2 ** 33 + 5, "far");
    gather(ring, 1);
    assertEquals((await Deno.stat(name)).size, 2 ** 33 + 6);
  } finally {
    await Deno.remove(name);
  }
  const fds = new Int32Array(2);
  c.pipe(fds);
  ring.read(fds[0]!, 10, 0, "pipe");
  assertEquals(ring.wait(10), []);
  ring.write(fds[1]!, bytes("through"), 0, "pipe");
  const through = gather(ring, 2).find(({ bytes }) => bytes.length > 0)!;
  assertEquals(text(through), "through");
  through.release();
  for (const fd of fds) c.close(fd);
});

test("connect() completes with 0, or with the OS error that says why not", () => {
  using ring = new Ring<string>();
  using listener = Socket.createServer({ hostname: "127.0.0.1", port: 0 });
  using client = new Socket();
  ring.connect(client, listener.localAddress, "connected");
  assertEquals(gather(ring, 1).map(({ data, result }) => [data, result]), [["connected", 0]]);
  const { port } = listener.localAddress as lib.InetAddress;
  listener.close();
  using late = new Socket();
  ring.connect(late, { hostname: "127.0.0.1", port }, "refused");
  const [{ error, result, more }] = gather(ring, 1) as [Completion<string>];
  assertEquals([result, more], [-1, false]);
  assert(error instanceof Deno.errors.ConnectionRefused && isOsError(error));
  assertEquals([error.code, error.errno, error.syscall], ["ECONNREFUSED", 111, "connect"]);
  assertThrows(() => ring.connect(late, { path: "/x" }, ""), TypeError);
});

test("poll() goes on and reports the events that appear, in the words of selectors", () => {
  using ring = new Ring<string>();
  using sockets = pair();
  const writable = ring.poll(sockets[0], EVENT_WRITE, "writable");
  assertEquals(gather(ring, 1).map(({ result, more }) => [result, more]), [[EVENT_WRITE, true]]);
  writable.cancel();
  assertEquals(gather(ring, 1).map(({ error }) => error?.code), ["ECANCELED"]);
  ring.poll(sockets[1], EVENT_READ | EVENT_HANGUP, "readable");
  for (let round = 0; round < 3; round++) {
    sockets[0].send(bytes("x"));
    assertEquals(gather(ring, 1).map(({ result }) => result), [EVENT_READ]);
    sockets[1].recv(10);
  }
  sockets[0].close();
  assertEquals(gather(ring, 1)[0]!.result & EVENT_HANGUP, EVENT_HANGUP);
});

test("cancel() ends an operation with ECANCELED, whatever it waits for, and has no effect later", () => {
  using ring = new Ring<string>({ buffers: 1, bufferSize: 16 });
  using sockets = pair();
  using listener = Socket.createServer({ hostname: "127.0.0.1", port: 0 });
  const submitted = [
    ring.accept(listener, "accept"),
    ring.recv(sockets[1], "recv"),
    ring.poll(sockets[1], EVENT_READ, "poll"),
  ];
  assertEquals(ring.wait(5), []);
  const queued = [
    ring.send(sockets[0], new Uint8Array(8 << 20), "sending"),
    ring.send(sockets[0], new Uint8Array(1), "queued 1"),
    ring.send(sockets[0], new Uint8Array(1), "queued 2"),
  ];
  gather(ring, 1); // the only buffer is taken, and recv() pauses
  for (const operation of [...submitted, ...queued.reverse()]) {
    operation.cancel();
    operation.cancel();
  }
  const ended = new Map<string, string | undefined>();
  while (ended.size < 6) {
    for (const one of gather(ring, 1)) if (!one.more) ended.set(one.data, one.error?.code);
  }
  assertEquals([...new Set(ended.values())], ["ECANCELED"]);
  for (const operation of [...submitted, ...queued]) operation.cancel();
  assertEquals(ring.wait(5), []);
});

test("wait() returns [] at its timeout, after wakeup(), and looks once with 0 or less", () => {
  using ring = new Ring();
  for (const timeout of [0, -5, 0.5, 20]) {
    const start = performance.now();
    assertEquals(ring.wait(timeout), []);
    const took = performance.now() - start;
    assert(took >= timeout && took < timeout + 1000, `${timeout} ms took ${took}`);
  }
  ring.wakeup();
  ring.wakeup();
  assertEquals(ring.wait(), []);
  ring.waker.wake();
  assertEquals(ring.wait(null), []);
  assertEquals(ring.wait(5), []); // several wake-ups are one
  assertThrows(() => ring.wait(NaN), RangeError);
  assertThrows(() => ring.wait("1" as never), TypeError);
});

test("A Worker wakes a ring by the number of its waker, in wait() and in waitAsync()", async () => {
  using ring = new Ring();
  using worker = disposable(
    new Worker(new URL("./fixtures/ring_wake_worker.ts", import.meta.url), { type: "module" }),
  );
  for (const wait of [() => ring.wait(LIMIT), () => ring.waitAsync({ timeout: LIMIT })]) {
    const start = performance.now();
    worker.it.postMessage(ring.waker.fd);
    assertEquals(await wait(), []);
    assertLess(performance.now() - start, LIMIT / 2);
  }
});

function disposable(it: Worker) {
  return { it, [Symbol.dispose]: () => it.terminate() };
}

test("waitAsync() lets timers run, and submits what is started meanwhile", async () => {
  using ring = new Ring<string>();
  using sockets = pair();
  ring.recv(sockets[1], "recv");
  setTimeout(() => ring.send(sockets[0], bytes("later"), "send"), 10);
  const got: string[] = [];
  while (got.length < 2) {
    for (const { data } of await ring.waitAsync({ timeout: LIMIT })) got.push(data);
  }
  assertEquals(got.sort(), ["recv", "send"]);
  assertEquals(await ring.waitAsync({ timeout: 10 }), []);
  setTimeout(() => ring.wakeup(), 5);
  assertEquals(await ring.waitAsync({ timeout: LIMIT }), []);
});

test("waitAsync() returns at once when bytes arrive while it is parked, many times", async () => {
  using ring = new Ring<string>();
  using sockets = pair();
  ring.recv(sockets[1], "recv");
  const start = performance.now();
  for (let round = 0; round < 30; round++) {
    setTimeout(() => sockets[0].send(bytes("x")), 3);
    const [completion] = await ring.waitAsync({ timeout: LIMIT });
    assertEquals(completion?.data, "recv");
    completion!.release();
  }
  assertLess(performance.now() - start, 30 * 120); // parked waits are woken, not only looked after
});

test("One waitAsync() at a time: a second one rejects with Busy", async () => {
  using ring = new Ring();
  const first = ring.waitAsync({ timeout: 30 });
  await assertRejects(() => ring.waitAsync(), Deno.errors.Busy);
  assertEquals(ring.wait(0), []); // beside it
  assertEquals(await first, []);
});

test("An aborted waitAsync() rejects with the reason and loses no completion", async () => {
  using ring = new Ring<string>();
  using sockets = pair();
  const reason = new Error("enough");
  await assertRejects(() => ring.waitAsync({ signal: AbortSignal.abort(reason) }), Error, "enough");
  const controller = new AbortController();
  setTimeout(() => {
    ring.send(sockets[0], bytes("x"), "send");
    controller.abort(reason);
  }, 10);
  await assertRejects(() => ring.waitAsync({ signal: controller.signal }), Error, "enough");
  const [completion] = await ring.waitAsync({ timeout: LIMIT });
  assertEquals(completion?.data, "send");
  await assertRejects(() => ring.waitAsync(0 as never), TypeError);
});

test("close() resolves waitAsync() to [], and ends for await", async () => {
  const ring = new Ring<string>();
  const wait = ring.waitAsync();
  setTimeout(() => ring.close(), 10);
  assertEquals(await wait, []);
  const other = new Ring<string>();
  using sockets = pair();
  other.send(sockets[0], bytes("x"), "send");
  for await (const { data } of other) {
    assertEquals(data, "send");
    other.close();
  }
});

test("Leaving for await in the middle of a batch loses no completion", async () => {
  using ring = new Ring<number>();
  using sockets = pair();
  for (let i = 0; i < 20; i++) ring.send(sockets[0], bytes("x"), i);
  const got: number[] = [];
  while (got.length < 20) {
    for await (const { data } of ring) {
      got.push(data);
      if (got.length % 3 === 0 || got.length === 20) break;
    }
  }
  assertEquals(got, Array.from({ length: 20 }, (_, i) => i));
});

test("Timers run while waitAsync() always finds something", async () => {
  using ring = new Ring<string>();
  using sockets = pair();
  let isOver = false;
  const timer = setTimeout(() => isOver = true, 50);
  const start = performance.now();
  while (!isOver && performance.now() - start < LIMIT) {
    ring.send(sockets[0], bytes("x"), "send");
    await ring.waitAsync();
    sockets[1].recv(1);
  }
  clearTimeout(timer);
  assertEquals(isOver, true);
});

test("Bad arguments are TypeError or RangeError, and start nothing", () => {
  for (const entries of [0, 3, -1, 1.5, 65536, NaN]) {
    assertThrows(() => new Ring({ entries }), RangeError);
  }
  for (const buffers of [0, -1, 1.5, 40000]) assertThrows(() => new Ring({ buffers }), RangeError);
  for (const bufferSize of [0, -1, 0.5, 2 ** 31]) {
    assertThrows(() => new Ring({ bufferSize }), RangeError);
  }
  assertThrows(() => new Ring({ entries: "8" } as never), TypeError);
  assertThrows(() => new Ring(5 as never), TypeError);
  using ring = new Ring<string>();
  for (const fd of [-1, 0.5, 2 ** 31, NaN]) assertThrows(() => ring.recv(fd, ""), RangeError);
  for (const fd of ["1", null, undefined, {}]) {
    assertThrows(() => ring.recv(fd as never, ""), TypeError);
  }
  for (const events of [0, 16, -1]) assertThrows(() => ring.poll(0, events, ""), RangeError);
  for (const size of [-1, 0.5, 2 ** 31]) assertThrows(() => ring.read(0, size, 0, ""), RangeError);
  for (const offset of [-1, 0.5, 2 ** 53, NaN]) {
    assertThrows(() => ring.read(0, 1, offset, ""), RangeError);
    assertThrows(() => ring.write(0, bytes("x"), offset, ""), RangeError);
  }
  assertThrows(() => ring.write(0, "x" as never, 0, ""), TypeError);
  assertEquals(ring.wait(0), []);
});

test("An operation on a descriptor that is not open completes with EBADF", () => {
  using ring = new Ring<string>();
  ring.recv(999_999, "recv");
  ring.send(999_999, bytes("x"), "send");
  ring.accept(999_999, "accept");
  const completions = gather(ring, 3);
  assertEquals(completions.map(({ error }) => error?.code), ["EBADF", "EBADF", "EBADF"]);
  assertEquals(completions.map(({ error }) => error instanceof Deno.errors.BadResource), [
    true,
    true,
    true,
  ]);
});

test("After close() everything throws BadResource, and close() again has no effect", async () => {
  const ring = new Ring<string>();
  using sockets = pair();
  const operation = ring.recv(sockets[0], "");
  ring.close();
  ring.close();
  ring[Symbol.dispose]();
  assertEquals(ring.closed, true);
  operation.cancel();
  ring.wakeup();
  const { BadResource } = Deno.errors;
  assertThrows(() => ring.recv(sockets[0], ""), BadResource);
  assertThrows(() => ring.send(sockets[0], bytes("x"), ""), BadResource);
  assertThrows(() => ring.wait(0), BadResource);
  await assertRejects(() => ring.waitAsync(), BadResource);
});

test("Closing a socket ends its operations, and what was queued reaches no later descriptor", () => {
  using ring = new Ring<string>();
  const [left, right] = Socket.pair();
  const fd = left.fileno();
  ring.recv(left, "recv");
  ring.send(left, bytes("out"), "out");
  ring.wait(5);
  ring.send(left, new Uint8Array(8 << 20), "sending");
  ring.send(left, bytes("queued"), "queued");
  left.close();
  const [reused, other] = Socket.pair();
  assert([reused.fileno(), other.fileno()].includes(fd));
  const ends = new Map<string, string | undefined>();
  while (ends.size < 3) {
    for (const { data, error } of gather(ring, 1)) ends.set(data, error?.code);
  }
  assertEquals(ends.get("queued"), "ECANCELED");
  assertEquals(ends.get("recv"), "ECANCELED");
  for (const socket of [reused, other]) {
    socket.setBlocking(false);
    assertEquals(socket.recv(10), null);
  }
  reused.close();
  other.close();
  // The peer sees the end: nothing holds the file open.
  while (right.recv(65536)!.length > 0);
  right.close();
});

test("More operations than the submission queue has entries are submitted as they come", () => {
  using ring = new Ring<number>({ entries: 2 });
  const pairs = Array.from({ length: 50 }, () => pair());
  pairs.forEach((sockets, i) => {
    ring.recv(sockets[1], i);
    ring.send(sockets[0], bytes(`${i}`), 1000 + i);
  });
  const received = gather(ring, 100).filter(({ data }) => data < 1000);
  assertEquals(received.map(text).sort(), pairs.map((_, i) => `${i}`).sort());
  for (const sockets of pairs) sockets[Symbol.dispose]();
});

test("More completions than the completion queue has entries are all delivered", () => {
  using ring = new Ring<number>({ entries: 1 }); // 8 completions
  using sockets = pair();
  const polls = Array.from({ length: 500 }, (_, i) => ring.poll(sockets[1], EVENT_READ, i));
  sockets[0].send(bytes("x"));
  const first = new Set<number>();
  while (first.size < 500) for (const { data } of gather(ring, 1)) first.add(data);
  for (const poll of polls) poll.cancel();
  const ended: number[] = [];
  while (ended.length < 500) {
    for (const { data, more } of gather(ring, 1)) if (!more) ended.push(data);
  }
  assertEquals(ended.sort((a, b) => a - b), polls.map((_, i) => i));
});

test("Without a free buffer receiving pauses, loses nothing, and does not spin", async () => {
  using ring = new Ring<number>({ buffers: 2, bufferSize: 8 });
  const pairs = Array.from({ length: 20 }, () => pair());
  pairs.forEach((sockets, i) => {
    ring.recv(sockets[1], i);
    sockets[0].send(bytes(`${i} is sent in several parts.`));
    sockets[0].shutdown("write");
  });
  const got: string[] = pairs.map(() => "");
  let held: Completion<number>[] = [];
  const calls: string[] = [];
  for (let ended = 0; ended < 20;) {
    {
      using _ = lib.traceSyscalls(({ name }) => calls.push(name));
      held = await ring.waitAsync({ timeout: 30 });
    }
    // Nothing is free: the next wait finds nothing, and makes a handful of calls meanwhile.
    if (held.some(({ result }) => result > 0)) {
      calls.length = 0;
      using _ = lib.traceSyscalls(({ name }) => calls.push(name));
      const more = await ring.waitAsync({ timeout: 30 });
      held.push(...more);
      assertLess(calls.length, 60);
    }
    for (const completion of held) {
      assertEquals(completion.error, null);
      got[completion.data] += text(completion);
      if (completion.result === 0) ended++;
      completion.release();
    }
  }
  assertEquals(got, pairs.map((_, i) => `${i} is sent in several parts.`));
  for (const sockets of pairs) sockets[Symbol.dispose]();
});

test("Buffers that wait to be sent to a slow reader do not keep others from receiving", () => {
  using ring = new Ring<string>({ buffers: 4, bufferSize: 4096 });
  using slow = pair();
  using quick = pair();
  ring.recv(slow[1], "slow");
  ring.recv(quick[1], "quick");
  const chunk = new Uint8Array(4096);
  slow[0].setBlocking(false);
  let unread = 0;
  for (let idle = 0; idle < 3;) { // until the kernel holds all that it can
    const count = slow[0].send(chunk);
    if (count !== null) unread += count;
    const completions = ring.wait(5);
    idle = count === null && completions.length === 0 ? idle + 1 : 0;
    for (const completion of completions) {
      if (completion.data === "slow") ring.send(slow[1], completion, "echoed");
    }
    if (unread > 4 << 20) break;
  }
  for (let round = 0; round < 10; round++) {
    quick[0].send(bytes(`${round}`));
    const completion = gather(ring, 1).find(({ data }) => data === "quick");
    assertEquals(text(completion!), `${round}`);
    completion!.release();
  }
});

// FLOODS multiplies this: with 50 it is 10,000 connections, which need 20,000 descriptors.
const CROWD = 200 * Number(Deno.env.get("FLOODS") ?? 1);

test(`${CROWD} slow readers get back all that they sent, with few buffers and bounded memory`, () => {
  using ring = new Ring<number>({ buffers: 64, bufferSize: 4096 });
  const pairs = Array.from({ length: CROWD }, () => pair());
  const sent = new Uint8Array(32768).map((_, i) => i * 7 >> 2);
  const received = pairs.map(() => 0);
  pairs.forEach(([client, server], i) => {
    client.setBlocking(false);
    ring.recv(server, i);
  });
  const before = Deno.memoryUsage().rss;
  const written = pairs.map(() => 0);
  const deadline = performance.now() + 6 * LIMIT;
  const piece = new Uint8Array(4096);
  for (let left = CROWD * sent.length; left > 0;) {
    assertLess(performance.now(), deadline, `${left} bytes have not come back`);
    pairs.forEach(([client], i) => {
      if (written[i]! < sent.length) written[i]! += client.send(sent.subarray(written[i]!)) ?? 0;
      const count = client.recvInto(piece) ?? 0; // at most one piece in each round
      for (let at = 0; at < count; at++) {
        if (piece[at] !== sent[received[i]! + at]) throw new Error("another byte");
      }
      received[i]! += count;
      left -= count;
    });
    for (const completion of ring.wait(0)) {
      assertEquals(completion.error, null);
      if (completion.bytes.length > 0) ring.send(pairs[completion.data]![1], completion, -1);
    }
  }
  assertLess(Deno.memoryUsage().rss - before, CROWD * 2 * sent.length + 128 * 2 ** 20);
  for (const sockets of pairs) sockets[Symbol.dispose]();
});

test("accept() without a free descriptor fails with EMFILE, and the client waits in the backlog", async () => {
  const fixture = path("tests/fixtures/ring_emfile.ts");
  const { code, stdout, stderr } = await run("sh", [
    "-c",
    `ulimit -n 64; exec "$@"`,
    "sh",
    DENO,
    "run",
    "--allow-ffi",
    fixture,
  ]);
  assertEquals([code, stdout], [0, "EMFILE, and then accepted\n"], stderr);
});

test("A signal interrupts wait(), which returns [] so that its listener can run", async () => {
  const fixture = path("tests/fixtures/ring_signal.ts");
  const { code, stdout, stderr } = await run(DENO, ["run", "-A", fixture]);
  assertEquals([code, stdout], [0, "[] and SIGUSR1\n"], stderr);
});

Deno.test({
  name: "Where a seccomp filter forbids io_uring, or the kernel is too old, NotSupported says so" +
    (hasCommand("cc") && reason === "" ? "" : " (needs cc and io_uring)"),
  ignore: !hasCommand("cc") || reason !== "",
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const launcher = `${folder}/forbid`;
      const built = await run("cc", ["-o", launcher, path("tests/fixtures/forbid_io_uring.c")]);
      assertEquals(built.code, 0, built.stderr);
      const cases: [number, RegExp][] = [
        [1, /may not use.*seccomp.*EPERM/],
        [38, /does not have.*ENOSYS/],
        [22, /Linux 6\.0 or newer.*EINVAL/],
      ];
      for (const [errno, message] of cases) {
        const fixture = path("tests/fixtures/ring_forbidden.ts");
        const args = [`${errno}`, DENO, "run", "--allow-ffi", "--allow-sys", fixture];
        const { code, stdout, stderr } = await run(launcher, args);
        assertEquals(code, 0, stderr);
        assertMatch(stdout, /^false NotSupported /);
        assertMatch(stdout, message);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

test("Importing needs no permission, and a ring without --allow-ffi is NotCapable", async () => {
  const code = `import { Ring } from ${JSON.stringify(import.meta.resolve("../ring/mod.ts"))};
    try { Ring.isSupported(); } catch (error) { console.log(error.name); }
    try { new Ring(); } catch (error) { console.log(error.name); }`;
  const { stdout, stderr } = await run(DENO, [
    "run",
    "--no-prompt",
    `data:text/typescript,${encodeURIComponent(code)}`,
  ]);
  assertEquals(stdout, "NotCapable\nNotCapable\n", stderr);
});

test("The calls of a ring are traced", () => {
  const calls: string[] = [];
  {
    using _ = lib.traceSyscalls((call) => calls.push(`${call}`));
    using ring = new Ring<string>({ entries: 8 });
    ring.wait(1);
  }
  assertMatch(calls[0]!, /^io_uring_setup\(8, \{flags=IORING_SETUP_CQSIZE\|/);
  assert(calls.some((call) => /^io_uring_register\(\d+, IORING_REGISTER_PBUF_RING, /.test(call)));
  assert(calls.some((call) => /^io_uring_enter\(\d+, 1, 1, IORING_ENTER_GETEVENTS/.test(call)));
  assertGreater(calls.length, 4);
});
