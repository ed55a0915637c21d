/**
 * Reading, writing and accepting on Deno's event loop: ByteStream on sockets, and listeners as
 * asynchronous iterables.
 */

import { Buffer } from "node:buffer";
import {
  assert,
  assertEquals,
  assertLess,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { type InetAddress, readable, Socket, writable } from "../mod.ts";
import {
  AF_INET,
  SO_RCVBUF,
  SO_SNDBUF,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOL_SOCKET,
} from "../ffi/mod.ts";
import { openDescriptors, Pair, tcpPair } from "./helpers/descriptors.ts";
import { hasCommand, path, run } from "./helpers/programs.ts";
import { delay, promptly, timed } from "./helpers/timing.ts";

const isWindows = Deno.build.os === "windows";
const LOOPBACK = { hostname: "127.0.0.1", port: 0 };
const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

// A stream gives its bytes before the turn of the event loop that may follow: which is no leak.
Deno.test.afterEach(() => delay(5));

/** Whether a promise is settled after a moment. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  await delay(10);
  return settled;
}

async function readText(stream: { read(p: Uint8Array): Promise<number | null> }): Promise<string> {
  const p = new Uint8Array(1024);
  const count = await stream.read(p);
  return decode(p.subarray(0, count!));
}

/** Fills a Unix socket's buffers until it takes no more. (TCP makes room by itself later.) */
function fill(socket: Socket): number {
  socket.setBlocking(false);
  let sent = 0;
  for (let count; (count = socket.send(new Uint8Array(65536))) !== null;) sent += count;
  return sent;
}

const byteAt = (position: number) => (position * 31 + (position >>> 8)) & 255;

function pattern(start: number, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => byteAt(start + i));
}

// ─── read and write ─────────────────────────────────────────────────────────────────────────────

Deno.test("read() waits for bytes, gives at most as many as fit, and null at the end", async () => {
  using pair = tcpPair();
  const reading = readText(pair.right);
  assert(!await isSettled(reading));
  assertStrictEquals(await pair.left.write(encode("hello")), 5);
  assertStrictEquals(await reading, "hello");
  await pair.left.write(encode("world"));
  const p = new Uint8Array(3);
  assertStrictEquals(await pair.right.read(p), 3);
  assertStrictEquals(decode(p), "wor");
  pair.left.shutdown("write");
  assertStrictEquals(await readText(pair.right), "ld");
  assertStrictEquals(await pair.right.read(p), null);
  assertStrictEquals(await pair.right.read(p), null);
});

Deno.test("read() and write() of nothing are 0 at once, as with Deno.Conn", async () => {
  using pair = new Pair();
  assertStrictEquals(await pair.left.read(new Uint8Array()), 0);
  assertStrictEquals(await pair.left.write(new Uint8Array()), 0);
});

Deno.test("The first use makes a blocking socket non-blocking", async () => {
  using pair = new Pair();
  assert(pair.right.blocking);
  const reading = readText(pair.right);
  assert(!pair.right.blocking);
  await pair.left.write(encode("x"));
  assert(!pair.left.blocking);
  assertStrictEquals(await reading, "x");
  pair.right.setBlocking(true); // once more, while a read waits
  const again = readText(pair.right);
  pair.right.setBlocking(true);
  pair.left.send(encode("y"));
  assertStrictEquals(await again, "y");
});

Deno.test("A readable stream makes a blocking socket non-blocking", async () => {
  using pair = new Pair();
  const reader = pair.right.readable.getReader();
  const reading = reader.read();
  assert(!await isSettled(reading));
  pair.left.send(encode("x"));
  assertStrictEquals(decode((await reading).value!), "x");
});

Deno.test("write() waits for room, and takes part of what does not fit", async () => {
  using pair = new Pair();
  fill(pair.left);
  const writing = pair.left.write(encode("more"));
  assert(!await isSettled(writing));
  pair.right.setBlocking(false);
  while (!await isSettled(writing)) while (pair.right.recv(65536) !== null);
  assertStrictEquals(await writing, 4);
});

Deno.test("Reads that overlap are served in the order of their calls, and so are writes", async () => {
  using pair = new Pair();
  const order: number[] = [];
  const reads = Array.from({ length: 20 }, async (_, i) => {
    const p = new Uint8Array(1);
    await pair.right.read(p);
    order.push(i);
    return p[0];
  });
  for (let i = 0; i < 20; i++) {
    pair.left.send(new Uint8Array([i]));
    await delay(i % 5 === 0 ? 1 : 0);
  }
  const numbers = Array.from({ length: 20 }, (_, i) => i);
  assertEquals(await Promise.all(reads), numbers);
  assertEquals(order, numbers);
  // One that comes while bytes are there does not come before one that waits.
  const first = pair.right.read(new Uint8Array(1)).then(() => "first");
  pair.left.send(new Uint8Array(2));
  const second = pair.right.read(new Uint8Array(1)).then(() => "second");
  assertStrictEquals(await Promise.race([first, second]), "first");
  await second;

  fill(pair.left);
  const writes = numbers.map((i) => pair.left.write(new Uint8Array([100 + i])));
  const received: number[] = [];
  pair.right.setBlocking(false);
  while (received.at(-1) !== 119) {
    const p = new Uint8Array(65536);
    const count = await pair.right.read(p);
    received.push(...p.subarray(0, count!).filter((byte) => byte !== 0));
  }
  await Promise.all(writes);
  assertEquals(received, numbers.map((i) => 100 + i));
});

Deno.test("An abort rejects with the reason at once, whatever else waits, and leaves the rest in order", async () => {
  using pair = new Pair();
  await promptly(async () => {
    const aborting = new AbortController();
    const reading = pair.right.read(new Uint8Array(1), { signal: aborting.signal });
    const queued = new AbortController();
    const second = pair.right.read(new Uint8Array(1), { signal: queued.signal });
    const third = readText(pair.right);
    await delay(1);
    queued.abort("queued");
    assertStrictEquals(await second.catch((reason) => reason), "queued");
    const reason = new Error("waiting");
    const took = await timed(async () => {
      aborting.abort(reason);
      assertStrictEquals(await reading.catch((reason) => reason), reason);
    });
    pair.left.send(encode("x"));
    assertStrictEquals(await third, "x");
    return took;
  });
});

Deno.test("A signal that is aborted already comes before what is ready", async () => {
  using pair = new Pair();
  pair.left.send(encode("kept"));
  const signal = AbortSignal.abort("before");
  assertStrictEquals(
    await pair.right.read(new Uint8Array(9), { signal }).catch((r) => r),
    "before",
  );
  assertStrictEquals(await pair.right.write(encode("x"), { signal }).catch((r) => r), "before");
  assertStrictEquals(await readText(pair.right), "kept");
});

Deno.test("10,000 aborted reads lose no byte", async () => {
  using pair = tcpPair();
  let [sent, received, aborts] = [0, 0, 0];
  const p = new Uint8Array(7);
  for (let i = 0; i < 10_000; i++) {
    const aborting = new AbortController();
    const reading = pair.right.read(p, { signal: aborting.signal });
    // At every moment: before the bytes, with them, and after they were found.
    if (i % 3 === 0) sent += pair.left.send(pattern(sent, 3))!;
    if (i % 2 === 0) await Promise.resolve();
    if (i % 7 === 0) await new Promise((resolve) => setTimeout(resolve));
    aborting.abort();
    const count = await reading.catch(() => null);
    if (count === null) aborts++;
    for (let at = 0; at < (count ?? 0); at++) assertStrictEquals(p[at], byteAt(received++));
  }
  pair.left.shutdown("write");
  for (let count; (count = await pair.right.read(p)) !== null;) {
    for (let at = 0; at < count; at++) assertStrictEquals(p[at], byteAt(received++));
  }
  assertStrictEquals(received, sent);
  assert(aborts > 1000 && aborts < 10_000, `${aborts} aborts`);
});

Deno.test("close() rejects reads and writes that wait with BadResource, at once", async () => {
  await promptly(async () => {
    using pair = new Pair();
    fill(pair.right);
    const waits = [
      pair.right.read(new Uint8Array(1)),
      pair.right.read(new Uint8Array(1)),
      pair.right.write(new Uint8Array(1)),
      pair.right.write(new Uint8Array(1)),
    ];
    await delay(5);
    return await timed(async () => {
      pair.right.close();
      await Promise.all(waits.map((wait) => assertRejects(() => wait, Deno.errors.BadResource)));
    });
  });
});

Deno.test("detach() rejects reads that wait, and leaves the bytes to the descriptor", async () => {
  using pair = new Pair();
  const reading = pair.right.read(new Uint8Array(1));
  await delay(1);
  const fd = pair.right.detach();
  await assertRejects(() => reading, Deno.errors.BadResource);
  using again = Socket.fromFd(fd);
  const text = readText(again); // waits, so that the call of the wait before has ended too
  pair.left.send(encode("kept"));
  assertStrictEquals(await text, "kept");
});

Deno.test("After close() everything is BadResource, also readable(), writable() and the streams", async () => {
  const [left, right] = Socket.pair();
  right.close();
  left.close();
  await assertRejects(() => left.read(new Uint8Array(1)), Deno.errors.BadResource);
  await assertRejects(() => left.read(new Uint8Array(0)), Deno.errors.BadResource);
  await assertRejects(() => left.write(new Uint8Array(1)), Deno.errors.BadResource);
  await assertRejects(() => readable(left), Deno.errors.BadResource);
  await assertRejects(() => writable(left), Deno.errors.BadResource);
  await assertRejects(() => readable(left, () => 1), Deno.errors.BadResource);
  assertThrows(() => left.readable, Deno.errors.BadResource);
  assertThrows(() => left.writable, Deno.errors.BadResource);
});

Deno.test("read() and write() take a Uint8Array alone", async () => {
  using pair = new Pair();
  for (const p of [undefined, null, "text", [1, 2], new Uint16Array(2), new ArrayBuffer(4)]) {
    await assertRejects(() => pair.left.read(p as unknown as Uint8Array), TypeError);
    await assertRejects(() => pair.left.write(p as unknown as Uint8Array), TypeError);
  }
});

Deno.test("A reset is ConnectionReset, and sending to a gone peer is an error", async () => {
  using pair = tcpPair();
  const reading = pair.right.read(new Uint8Array(1));
  pair.right.send(encode("unread"));
  await delay(5);
  pair.left.close(); // with a byte unread: a reset
  await assertRejects(() => reading, Deno.errors.ConnectionReset);
  await assertRejects(async () => {
    for (;;) await pair.right.write(new Uint8Array(65536));
  }, Error);
});

Deno.test({
  name: "Datagram sockets read and write messages, an empty one too, and have no streams",
  ignore: isWindows,
  async fn() {
    using pair = new Pair(Socket.pair(SOCK_DGRAM));
    await pair.left.write(encode("message"));
    assertStrictEquals(await pair.left.write(new Uint8Array()), 0);
    assertStrictEquals(await readText(pair.right), "message");
    assertStrictEquals(await pair.right.read(new Uint8Array(9)), 0);
    assertThrows(() => pair.right.readable, TypeError);
    assertThrows(() => pair.right.writable, TypeError);
  },
});

Deno.test("UDP sockets have no streams", () => {
  using socket = new Socket(AF_INET, SOCK_DGRAM);
  assertThrows(() => socket.readable, TypeError);
  assertThrows(() => socket.writable, TypeError);
});

Deno.test("Bytes whose buffer is transferred while they wait are a TypeError, and no end", async () => {
  using pair = new Pair();
  const p = new Uint8Array(8);
  const reading = pair.right.read(p);
  await delay(2);
  p.buffer.transfer();
  pair.left.send(encode("kept"));
  await assertRejects(() => reading, TypeError, "transferred");
  assertStrictEquals(await readText(pair.right), "kept");

  fill(pair.left);
  const [data, chunk] = [new Uint8Array(100), new Uint8Array(100)];
  const writing = pair.left.write(data);
  const writer = pair.left.writable.getWriter();
  writer.closed.catch(() => {});
  const streaming = writer.write(chunk);
  streaming.catch(() => {});
  await delay(2);
  data.buffer.transfer();
  chunk.buffer.transfer();
  const drained = new Response(pair.right.readable).bytes();
  await assertRejects(() => writing, TypeError, "transferred");
  await assertRejects(() => streaming, TypeError, "transferred");
  pair.left.close();
  await drained;
});

// ─── streams ────────────────────────────────────────────────────────────────────────────────────

Deno.test("readable gives everything that arrives until the end, and then is done", async () => {
  using pair = tcpPair();
  await pair.left.write(encode("first "));
  const text = new Response(pair.right.readable).text();
  await delay(5);
  await pair.left.write(encode("second"));
  pair.left.shutdown("write");
  assertStrictEquals(await text, "first second");
});

Deno.test("The same stream object is given each time", () => {
  using pair = new Pair();
  assertStrictEquals(pair.left.readable, pair.left.readable);
  assertStrictEquals(pair.left.writable, pair.left.writable);
});

Deno.test("readable reads only when it is asked to, and no more than that", async () => {
  using pair = tcpPair();
  pair.left.send(encode("abc"));
  const reader = pair.right.readable.getReader();
  await delay(5);
  assertStrictEquals(decode(pair.right.recv(1)!), "a"); // nobody has read ahead
  assertStrictEquals(decode((await reader.read()).value!), "bc");
  pair.left.send(encode("def"));
  await delay(5);
  assertStrictEquals(decode(pair.right.recv(9)!), "def");
});

Deno.test("BYOB readers get their bytes in their own memory", async () => {
  using pair = tcpPair();
  const reader = pair.right.readable.getReader({ mode: "byob" });
  const reading = reader.read(new Uint8Array(4));
  assert(!await isSettled(reading));
  pair.left.send(encode("hello"));
  const { value, done } = await reading;
  assertStrictEquals(decode(value!), "hell");
  assert(!done);
  assertStrictEquals(value!.buffer.byteLength, 4);
  const words = reader.read(new Uint16Array(8)); // of which one byte is there
  assert(!await isSettled(words));
  pair.left.send(encode("!"));
  assertStrictEquals(decode(new Uint8Array((await words).value!.buffer, 0, 2)), "o!");
});

Deno.test("BYOB readers are done at the end", async () => {
  using pair = tcpPair();
  const reader = pair.right.readable.getReader({ mode: "byob" });
  const reading = reader.read(new Uint8Array(4));
  pair.left.shutdown("write");
  const { value, done } = await reading;
  assertStrictEquals(value?.length, 0);
  assert(done);
});

Deno.test("A BYOB reader with a minimum gets at least that", async () => {
  using pair = tcpPair();
  const reader = pair.right.readable.getReader({ mode: "byob" });
  const reading = reader.read(new Uint8Array(8), { min: 4 });
  for (const text of ["a", "b", "c", "de"]) {
    assert(!await isSettled(reading));
    pair.left.send(encode(text));
  }
  assertStrictEquals(decode((await reading).value!), "abcde");
});

Deno.test("cancel() ends a wait that is under way, and loses no byte", async () => {
  await promptly(async () => {
    using pair = tcpPair();
    const reader = pair.right.readable.getReader();
    const reading = reader.read();
    await delay(2);
    const took = await timed(() => reader.cancel("enough"));
    assert((await reading).done);
    pair.left.send(encode("kept"));
    assertStrictEquals(await readText(pair.right), "kept");
    assert(!pair.right.closed);
    return took;
  });
});

Deno.test("1,000 cancelled streams lose no byte, at whatever moment", async () => {
  let [sent, received] = [0, 0];
  using server = Socket.createServer(LOOPBACK);
  for (let i = 0; i < 1000; i++) {
    using client = await Socket.createConnection(server.localAddress);
    using connection = server.accept() ?? await readable(server, () => server.accept());
    const reader = connection.readable.getReader();
    const reading = reader.read();
    if (i % 2 === 0) sent += client.send(encode("ab"))!;
    for (let turns = i % 5; turns > 0; turns--) await Promise.resolve();
    if (i % 7 === 0) await delay(0);
    const cancelled = reader.cancel();
    received += (await reading).value?.length ?? 0;
    await cancelled;
    client.shutdown("write");
    const p = new Uint8Array(9);
    for (let count; (count = await connection.read(p)) !== null;) received += count;
  }
  assertStrictEquals(received, sent);
});

Deno.test("A reader that is released while it waits leaves the bytes to the next one", async () => {
  using pair = tcpPair();
  for (const mode of [undefined, "byob"] as const) {
    const stream = pair.right.readable;
    const reader = mode === undefined ? stream.getReader() : stream.getReader({ mode });
    const reading = mode === undefined
      ? (reader as ReadableStreamDefaultReader).read()
      : (reader as ReadableStreamBYOBReader).read(new Uint8Array(4));
    await delay(2);
    reader.releaseLock();
    await assertRejects(() => reading, TypeError);
    pair.left.send(encode("next"));
    const next = stream.getReader();
    assertStrictEquals(decode((await next.read()).value!), "next");
    next.releaseLock();
  }
});

Deno.test("writable writes all of each chunk, in order, and its close() is shutdown", async () => {
  using pair = tcpPair();
  const writer = pair.left.writable.getWriter();
  const total = 3_000_000;
  const writing = (async () => {
    for (let at = 0; at < total;) {
      const chunk = pattern(at, Math.min(total - at, 1 + at % 500_000));
      writer.write(chunk).catch(() => {}); // close() rejects too
      at += chunk.length;
    }
    await writer.close();
  })();
  let received = 0;
  for await (const chunk of pair.right.readable) {
    for (const byte of chunk) if (byte !== byteAt(received++)) throw new Error(`at ${received}`);
  }
  await writing;
  assertStrictEquals(received, total);
  assert(!pair.left.closed); // its other direction is open
  await pair.right.write(encode("answer"));
  assertStrictEquals(await readText(pair.left), "answer");
});

Deno.test("writable has backpressure: a chunk is done once the kernel has it", async () => {
  using pair = new Pair();
  const writer = pair.left.writable.getWriter();
  const room = fill(pair.left);
  const writing = writer.write(new Uint8Array(10));
  assert(!await isSettled(writing));
  assertStrictEquals(writer.desiredSize, 0);
  pair.right.setBlocking(false);
  for (let got = 0; got < room + 10;) {
    got += pair.right.recv(65536)?.length ?? (await delay(1), 0);
  }
  await writing;
  assertStrictEquals(writer.desiredSize, 1);
});

Deno.test("abort() ends a write that waits, with the reason", async () => {
  await promptly(async () => {
    using pair = new Pair();
    fill(pair.left);
    const writer = pair.left.writable.getWriter();
    const writing = writer.write(new Uint8Array(10));
    const failed = writing.catch((reason) => reason);
    writer.closed.catch(() => {});
    await delay(2);
    const took = await timed(() => writer.abort("enough"));
    assertStrictEquals(await failed, "enough");
    assert(!pair.left.closed);
    return took;
  });
});

Deno.test("When both streams have ended, the socket is closed, however they end", async () => {
  const ends = {
    end: (socket: Socket) => new Response(socket.readable).bytes(),
    cancel: (socket: Socket) => socket.readable.cancel(),
  };
  const writeEnds = {
    close: (socket: Socket) => socket.writable.close(),
    abort: (socket: Socket) => socket.writable.abort(),
  };
  for (const [name, end] of Object.entries(ends)) {
    for (const [other, endWriting] of Object.entries(writeEnds)) {
      for (const order of ["reading first", "writing first"]) {
        using pair = tcpPair();
        pair.left.shutdown("write");
        const steps = order === "reading first" ? [end, endWriting] : [endWriting, end];
        await steps[0]!(pair.right);
        assert(!pair.right.closed, `${name}, ${other}, ${order}`);
        await steps[1]!(pair.right);
        assert(pair.right.closed, `${name}, ${other}, ${order}`);
      }
    }
  }
});

Deno.test("A stream that fails has ended: pipeTo() of a reset connection leaves nothing open", async () => {
  const before = openDescriptors();
  for (let i = 0; i < 20; i++) {
    using pair = tcpPair();
    const piping = pair.right.readable.pipeTo(pair.right.writable);
    pair.right.send(encode("unread"));
    await delay(1);
    pair.left.close();
    await assertRejects(() => piping, Error);
    assert(pair.right.closed);
  }
  assertStrictEquals(openDescriptors(), before);
});

Deno.test("Closing the writable of a connection that the peer has reset is no error", async () => {
  using pair = tcpPair();
  pair.right.send(encode("unread"));
  await delay(1);
  pair.left.close();
  await assertRejects(() => pair.right.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  await pair.right.writable.close();
  await pair.right.readable.cancel();
  assert(pair.right.closed);
});

Deno.test("Streams of a closed socket fail with BadResource", async () => {
  using pair = tcpPair();
  const reader = pair.right.readable.getReader();
  const writer = pair.right.writable.getWriter();
  writer.closed.catch(() => {});
  reader.closed.catch(() => {});
  const reading = reader.read();
  await delay(1);
  pair.right.close();
  await assertRejects(() => reading, Deno.errors.BadResource);
  await assertRejects(() => writer.write(new Uint8Array(1)), Deno.errors.BadResource);
});

Deno.test("writable refuses chunks that are no bytes, and has ended then", async () => {
  using pair = tcpPair();
  const writer = pair.left.writable.getWriter();
  writer.closed.catch(() => {});
  await assertRejects(() => writer.write("text" as unknown as Uint8Array), TypeError);
  await pair.left.readable.cancel();
  assert(pair.left.closed);
});

Deno.test("A socket that waits on its streams keeps no descriptor after its end", async () => {
  const before = openDescriptors();
  {
    using pair = tcpPair();
    const echo = pair.right.readable.pipeTo(pair.right.writable);
    const writer = pair.left.writable.getWriter();
    await writer.write(encode("hello"));
    assertStrictEquals(await readText(pair.left), "hello");
    await writer.close();
    await echo;
    assert(pair.right.closed);
  }
  assertStrictEquals(openDescriptors(), before);
});

// 200 MB with `SELECTORS_LONG=1 deno test -A --filter "MB both ways" tests/streams_test.ts`.
const isLong = Deno.env.has("SELECTORS_LONG");
const VOLUME = isLong ? 200_000_000 : 20_000_000;
const CHUNK = pattern(0, 65_536);
const MOST_AHEAD = 4_000_000; // bytes: what the kernel buffers, and a chunk
const MOST_GROWTH = 128_000_000; // bytes of resident memory, most of it garbage

Deno.test(`${VOLUME / 1e6} MB both ways, with slow readers, need bounded memory`, async () => {
  using pair = tcpPair();
  const sent = new Map([[pair.left, 0], [pair.right, 0]]);
  const start = Deno.memoryUsage().rss;
  let [mostAhead, mostGrowth] = [0, 0];

  async function send(socket: Socket) {
    // Wine mixes up what it sends from a small send buffer: its rest comes after a later call's.
    for (const name of isWindows ? [] : [SO_SNDBUF, SO_RCVBUF]) {
      socket.setOption(SOL_SOCKET, name, 256_000);
    }
    const writer = socket.writable.getWriter();
    for (let at = 0; at < VOLUME;) {
      const chunk = CHUNK.subarray(0, Math.min(CHUNK.length, VOLUME - at));
      await writer.ready;
      writer.write(chunk).catch(() => {}); // close() rejects too
      sent.set(socket, at += chunk.length);
    }
    await writer.close();
  }

  async function receive(socket: Socket, peer: Socket) {
    let [received, pauses] = [0, 0];
    for await (const chunk of socket.readable) {
      for (let at = 0; at < chunk.length;) {
        const from = received % CHUNK.length;
        const length = Math.min(CHUNK.length - from, chunk.length - at);
        const [a, b] = [chunk.subarray(at, at + length), CHUNK.subarray(from, from + length)];
        if (Buffer.compare(a, b) !== 0) throw new Error(`other bytes at ${received}`);
        at += length;
        received += length;
      }
      mostAhead = Math.max(mostAhead, sent.get(peer)! - received);
      if (received <= pauses * 1_000_000) continue;
      pauses++;
      mostGrowth = Math.max(mostGrowth, Deno.memoryUsage().rss - start);
      await delay(1); // slow
    }
    return received;
  }

  const took = await timed(async () => {
    const { left, right } = pair;
    const all = [receive(left, right), receive(right, left), send(left), send(right)];
    assertEquals((await Promise.all(all)).slice(0, 2), [VOLUME, VOLUME]);
  });
  if (isLong) {
    const [ahead, growth] = [mostAhead, mostGrowth].map((bytes) => (bytes / 1e6).toFixed(1));
    console.log(`${(took / 1000).toFixed(1)} s, ${ahead} MB ahead, ${growth} MB more memory`);
  }
  if (!isWindows) assertLess(mostAhead, MOST_AHEAD);
  assertLess(mostGrowth, MOST_GROWTH);
  assert(pair.left.closed && pair.right.closed);
});

// ─── listeners ──────────────────────────────────────────────────────────────────────────────────

Deno.test("An echo server is three lines", async () => {
  using server = Socket.createServer(LOOPBACK);
  const serving = (async () => {
    for await (const connection of server) connection.readable.pipeTo(connection.writable);
  })();
  const answers = await Promise.all(Array.from({ length: 20 }, async (_, i) => {
    const connection = await Deno.connect(server.localAddress as InetAddress);
    await connection.write(encode(`hello ${i}`));
    await connection.closeWrite();
    return await new Response(connection.readable).text();
  }));
  assertEquals(answers, Array.from({ length: 20 }, (_, i) => `hello ${i}`));
  server.close();
  await serving;
});

Deno.test("A listener's connections are non-blocking, and so is the listener", async () => {
  using server = new Socket();
  server.bind(LOOPBACK);
  server.listen();
  using client = new Socket();
  client.connect(server.localAddress);
  for await (using connection of server) {
    assert(!connection.blocking && !server.blocking);
    assertEquals(connection.remoteAddress, client.localAddress);
    break;
  }
});

Deno.test("Iterating over a listener ends when it is closed, also while it waits", async () => {
  await promptly(async () => {
    const server = Socket.createServer(LOOPBACK);
    let connections = 0;
    const serving = (async () => {
      for await (using _connection of server) connections++;
    })();
    using _client = await Socket.createConnection(server.localAddress);
    while (connections === 0) await delay(1);
    const took = await timed(async () => {
      server.close();
      await serving;
    });
    for await (const _ of server) throw new Error("a closed listener has no connections");
    return took;
  });
});

Deno.test("Leaving the loop closes the listener, as with Deno.Listener", async () => {
  const server = Socket.createServer(LOOPBACK);
  using _client = await Socket.createConnection(server.localAddress);
  for await (using _connection of server) break;
  assert(server.closed);
});

Deno.test("Iterating over a socket that does not listen is a TypeError", async () => {
  async function iterate(socket: Socket) {
    for await (const _ of socket);
  }
  using socket = new Socket();
  await assertRejects(() => iterate(socket), TypeError, "listen");
  using pair = tcpPair();
  await assertRejects(() => iterate(pair.left), TypeError, "listen");
  using datagrams = new Socket(AF_INET, SOCK_DGRAM);
  await assertRejects(() => iterate(datagrams), TypeError, "listen");
});

Deno.test({
  name: "An error of accept() leaves the listener open, and the loop can be entered again",
  ignore: !hasCommand("prlimit"),
  async fn() {
    const program = path("tests/fixtures/accept_exhausted.ts");
    const result = await run("prlimit", ["--nofile=40", Deno.execPath(), "run", "-A", program]);
    assertEquals([result.code, result.stdout.trim()], [0, "EMFILE, then connected"], result.stderr);
  },
});

Deno.test({
  name: "SOCK_SEQPACKET keeps messages apart, and is a connection",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using pair = new Pair(Socket.pair(SOCK_SEQPACKET));
    await pair.left.write(encode("one"));
    await pair.left.write(encode("two"));
    assertStrictEquals(await readText(pair.right), "one");
    assertStrictEquals(await readText(pair.right), "two");
    assertThrows(() => pair.right.readable, TypeError);
    pair.left.close();
    assertStrictEquals(await pair.right.read(new Uint8Array(9)), null);
  },
});
