/**
 * The memory of rings: what the kernel reads and writes is never JavaScript's, stays mapped, and is
 * used again once the kernel is done with it.
 */

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import * as c from "../ffi/mod.ts";
import { Descriptor, Socket } from "../mod.ts";
import { type Completion, Ring } from "../ring/mod.ts";
import "./helpers/descriptors.ts"; // opens libc before the tests
import { DENO, path, run } from "./helpers/programs.ts";

const reason = Ring.isSupported() ? "" : " (needs io_uring)";
const MiB = 2 ** 20;

function test(fact: string, fn: () => void | Promise<void>): void {
  Deno.test({ name: fact + reason, ignore: reason !== "", fn });
}

function overwrittenBy(memory: "ring" | "control"): Promise<number> {
  const fixture = path("tests/fixtures/ring_memory.ts");
  return run(DENO, ["run", "-A", "--v8-flags=--expose-gc", fixture, memory])
    .then(({ stdout, stderr }) => {
      assertEquals(stderr, "");
      return Number(stdout);
    });
}

function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

test("A ring that is dropped without close() and collected lets the kernel overwrite nothing", async () => {
  assertEquals(await overwrittenBy("ring"), 0);
});

test("Control: the same with memory of JavaScript's overwrites what others have there", async () => {
  assertGreater(await overwrittenBy("control"), 1000);
});

test("A Worker that is terminated while its ring receives corrupts nothing, and ends no process", async () => {
  const { code, stdout, stderr } = await run(DENO, [
    "run",
    "-A",
    path("tests/fixtures/ring_terminate.ts"),
  ]);
  assertEquals([code, stdout], [0, "0 bytes overwritten\n"], stderr);
});

test("A view that outlives its completion and its ring reads stale bytes", () => {
  const views: Uint8Array[] = [];
  for (let round = 0; round < 20; round++) {
    const ring = new Ring<string>({ buffers: 2, bufferSize: 64 });
    const [left, right] = Socket.pair();
    ring.recv(right, "");
    left.send(new Uint8Array(64).fill(round));
    const [completion] = ring.wait();
    views.push(completion!.bytes);
    if (round % 2 === 0) completion!.release();
    ring.close();
    completion!.release();
    left.close();
    right.close();
  }
  for (const view of views) {
    assertEquals(view.length, 64);
    assert(view.every((byte) => byte < 20));
    view.fill(1);
  }
});

test("A program that detaches the buffer of a view harms neither the ring nor the next receiver", () => {
  using ring = new Ring<string>({ buffers: 1, bufferSize: 64 });
  const [left, right] = Socket.pair();
  ring.recv(right, "");
  for (let round = 0; round < 5; round++) {
    left.send(new Uint8Array(10).fill(round));
    const completion = ring.wait()[0]!;
    assertEquals(completion.bytes, new Uint8Array(10).fill(round));
    const buffer = completion.bytes.buffer as ArrayBuffer;
    const taken = structuredClone(completion.bytes, { transfer: [buffer] });
    assertEquals(taken, new Uint8Array(10).fill(round));
    completion.release();
  }
  left.close();
  right.close();
});

test("The buffer of a view is its receive buffer, and nothing of the queues", () => {
  using ring = new Ring<string>({ buffers: 4, bufferSize: 64 });
  const [left, right] = Socket.pair();
  ring.recv(right, "");
  left.send(new Uint8Array(10));
  const completion = ring.wait()[0]!;
  assertEquals(completion.bytes.buffer.byteLength, 64);
  new Uint8Array(completion.bytes.buffer).fill(0xff);
  completion.release();
  left.send(new Uint8Array(3));
  assertEquals(ring.wait().map(({ result }) => result), [3]);
  left.close();
  right.close();
});

test("close() cancels and drains everything: no descriptor and no memory is left behind", async () => {
  const name = await Deno.makeTempFile();
  const file = Descriptor.open(name, c.O_RDWR);
  const listener = Socket.createServer({ hostname: "127.0.0.1", port: 0 });
  const [left, right] = Socket.pair();
  const before = { descriptors: 0, rss: 0 };
  const held: Completion<string>[] = [];
  for (let round = 0; round < 300; round++) {
    if (round === 50) {
      before.descriptors = descriptors();
      before.rss = Deno.memoryUsage().rss;
    }
    const ring = new Ring<string>({ buffers: 256 });
    ring.accept(listener, "accept");
    ring.recv(right, "recv");
    ring.poll(left, 1, "poll");
    ring.send(left, new Uint8Array(2 * MiB), "send");
    ring.send(left, new Uint8Array(10), "queued");
    ring.read(file, MiB, 0, "read");
    ring.write(file, new Uint8Array(MiB), 0, "write");
    if (round % 3 > 0) held.push(...ring.wait(round % 3 === 1 ? 0 : 1));
    ring.recv(right, "unsubmitted");
    ring.close();
    for (const completion of held.splice(0)) completion.release();
    right.setBlocking(false);
    while (right.recv(MiB) !== null);
    await new Promise((resolve) => setTimeout(resolve)); // a WeakRef lives until here
  }
  assertEquals(descriptors(), before.descriptors);
  // A ring that leaked its blocks would take 5 MiB each time.
  assertLess(Deno.memoryUsage().rss - before.rss, 128 * MiB);
  for (const one of [left, right, listener, file]) one.close();
  await Deno.remove(name);
});

test("close() takes time in proportion to the operations, of which there may be many", () => {
  const [left, right] = Socket.pair();
  const ring = new Ring<string>({ entries: 16, buffers: 1 });
  for (let i = 0; i < 20_000; i++) ring.poll(right, 1, "");
  ring.wait(0);
  const start = performance.now();
  ring.close();
  assertLess(performance.now() - start, 3000); // in proportion to their square it was minutes
  left.close();
  right.close();
});

test("Connections that were accepted and not delivered are closed by close()", async () => {
  const listener = Socket.createServer({ hostname: "127.0.0.1", port: 0 });
  const clients = Array.from({ length: 10 }, () => new Socket());
  const before = descriptors();
  for (const how of ["never waited", "left in the queue", "left in a loop"]) {
    const ring = new Ring<string>();
    ring.accept(listener, "");
    if (how !== "never waited") ring.wait(0);
    const connected = clients.map(() => {
      const client = new Socket();
      client.connect(listener.localAddress);
      return client;
    });
    if (how === "left in a loop") {
      for await (const { result } of ring) {
        c.close(result);
        break;
      }
    }
    ring.close();
    for (const client of connected) {
      client.setBlocking(true);
      client.close();
    }
    // Those in the backlog go with the next ring, or with the listener.
    listener.setBlocking(false);
    for (let one; (one = listener.accept()) !== null;) one.close();
  }
  assertEquals(descriptors(), before);
  for (const one of [listener, ...clients]) one.close();
});
