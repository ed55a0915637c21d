/** EVENT_HANGUP, on every selector: it tells that the peer has left, and data does not wake it. */

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { EVENT_HANGUP, EVENT_READ, EVENT_WRITE, type Socket } from "../mod.ts";
import { close, SO_LINGER, SOL_SOCKET } from "../ffi/mod.ts";
import { Pair, Pipe, tcpPair } from "./helpers/descriptors.ts";
import { unlessLeftOut } from "./helpers/left_out.ts";
import { hangupRefusal, SELECTORS } from "./helpers/mechanisms.ts";

const READ_HANGUP = EVENT_READ | EVENT_HANGUP;
const WRITE_HANGUP = EVENT_WRITE | EVENT_HANGUP;
const LONG = 5000; // milliseconds, for what must happen
const SHORT = 10; // and for what must not

/** The events of the only ready descriptor; 0 when none is ready. */
function eventsOf(events: readonly (readonly [unknown, number])[]): number {
  assertEquals(events.slice(1), []);
  return events[0]?.[1] ?? 0;
}

for (const Selector of SELECTORS) {
  const test = (fact: string, fn: () => void | Promise<void>) =>
    Deno.test({ ...unlessLeftOut(`${Selector.name} ${fact}`), fn });

  const refusal = hangupRefusal(Selector);
  if (refusal !== undefined) {
    test("refuses EVENT_HANGUP with NotSupported, says why, and leaves all as it was", () => {
      using pair = new Pair();
      using selector = new Selector();
      for (const events of [EVENT_HANGUP, READ_HANGUP, WRITE_HANGUP]) {
        const register = () => selector.register(pair.right, events);
        assertThrows(register, Deno.errors.NotSupported, refusal);
      }
      assertStrictEquals(selector.getMap().size, 0);
      const key = selector.register(pair.right, EVENT_READ);
      const modify = () => selector.modify(pair.right, READ_HANGUP);
      assertThrows(modify, Deno.errors.NotSupported, refusal);
      assertStrictEquals(selector.getKey(pair.right), key);
      pair.left.send(new Uint8Array(1));
      assertEquals(selector.select(LONG), [[key, EVENT_READ]]);
    });
    continue;
  }

  for (const makePair of [tcpPair, () => new Pair()]) {
    const kind = makePair === tcpPair ? "a TCP connection" : "a socket pair";

    test(`reports a half-closed peer of ${kind} as EVENT_HANGUP, and no data`, () => {
      using pair = makePair();
      using selector = new Selector();
      selector.register(pair.right, EVENT_HANGUP);
      assertEquals(selector.select(SHORT), []);
      pair.left.send(new Uint8Array(100));
      assertEquals(selector.select(SHORT), []);
      pair.left.send(new Uint8Array(100));
      assertEquals(selector.select(SHORT), []);
      pair.left.shutdown("write");
      assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_HANGUP);
      assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_HANGUP); // as long as it lasts
      assertStrictEquals(pair.right.recv(1000)!.length, 200);
      assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_HANGUP);
      assertStrictEquals(pair.right.send(new Uint8Array(1)), 1); // the other half is open
      selector.unregister(pair.right);
      assertEquals(selector.select(SHORT), []);
    });

    test(`reports EVENT_READ and EVENT_HANGUP of ${kind} beside each other`, () => {
      using pair = makePair();
      using selector = new Selector();
      selector.register(pair.right, READ_HANGUP);
      assertEquals(selector.select(0), []);
      pair.left.send(new Uint8Array(1));
      assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_READ);
      pair.right.recv(16);
      assertEquals(selector.select(SHORT), []);
      pair.left.shutdown("write");
      assertStrictEquals(eventsOf(selector.select(LONG)), READ_HANGUP);
      assertStrictEquals(pair.right.recv(16)!.length, 0);
      assertStrictEquals(eventsOf(selector.select(LONG)), READ_HANGUP);
    });

    test(`reports EVENT_WRITE and EVENT_HANGUP of ${kind} beside each other`, () => {
      using pair = makePair();
      using selector = new Selector();
      selector.register(pair.right, WRITE_HANGUP);
      assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_WRITE);
      pair.left.send(new Uint8Array(1));
      assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_WRITE);
      pair.left.shutdown("write");
      let events = eventsOf(selector.select(LONG));
      const deadline = performance.now() + LONG; // the end takes its time
      while (events === EVENT_WRITE && performance.now() < deadline) {
        events = eventsOf(selector.select(LONG));
      }
      assertStrictEquals(events, WRITE_HANGUP);
    });
  }

  // With TCP the end comes after the data, which has to fit in the receiver's buffer.
  test("reports a closed peer of a socket pair as EVENT_HANGUP, though the buffer is full", () => {
    using pair = new Pair();
    using selector = new Selector();
    selector.register(pair.right, EVENT_HANGUP);
    pair.left.setBlocking(false);
    while (pair.left.send(new Uint8Array(65536)) !== null);
    assertEquals(selector.select(SHORT), []);
    pair.left.close();
    assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_HANGUP);
    assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_HANGUP);
  });

  test("reports a reset connection as EVENT_HANGUP", () => {
    using pair = tcpPair();
    using selector = new Selector();
    selector.register(pair.right, EVENT_HANGUP);
    const linger = new Uint8Array(8);
    new Int32Array(linger.buffer)[0] = 1; // l_onoff
    pair.left.setOption(SOL_SOCKET, SO_LINGER, linger);
    pair.left.close();
    assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_HANGUP);
    assertThrows(() => pair.right.recv(1), Deno.errors.ConnectionReset);
  });

  test("reports EVENT_HANGUP of both ends of a pipe, and no data", () => {
    using selector = new Selector();
    const one = new Pipe();
    selector.register(one.reader, EVENT_HANGUP);
    one.fill();
    assertEquals(selector.select(SHORT), []);
    one.fill();
    assertEquals(selector.select(SHORT), []);
    close(one.writer);
    assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_HANGUP);
    assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_HANGUP);
    selector.unregister(one.reader);
    close(one.reader);

    const other = new Pipe();
    selector.register(other.writer, EVENT_HANGUP);
    other.fill();
    assertEquals(selector.select(SHORT), []);
    close(other.reader);
    assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_HANGUP);
    selector.modify(other.writer, WRITE_HANGUP);
    assertStrictEquals(eventsOf(selector.select(LONG)), WRITE_HANGUP);
    selector.unregister(other.writer);
    close(other.writer);
  });

  for (const mode of ["oneshot", "edge"] as const) {
    if (mode === "edge" && Selector.name === "PollSelector") continue;

    test(`in "${mode}" mode reports EVENT_HANGUP once, and again after modify()`, () => {
      using pair = tcpPair();
      using selector = new Selector<string>();
      selector.register(pair.right, EVENT_HANGUP, "first", { mode });
      pair.left.send(new Uint8Array(1));
      assertEquals(selector.select(SHORT), []); // data does not use it up
      pair.left.shutdown("write");
      assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_HANGUP);
      assertEquals(selector.select(SHORT), []);
      const key = selector.modify(pair.right, EVENT_HANGUP, "again", { mode });
      assertEquals(selector.select(LONG), [[key, EVENT_HANGUP]]);
      assertEquals(selector.select(SHORT), []);
      const both = selector.modify(pair.right, READ_HANGUP, "both", { mode });
      assertEquals(selector.select(LONG), [[both, READ_HANGUP]]);
      assertEquals(selector.select(SHORT), []);
      selector.modify(pair.right, EVENT_HANGUP, "level");
      assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_HANGUP);
      assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_HANGUP);
    });
  }

  test("modify() from EVENT_READ to EVENT_HANGUP and back pauses and resumes reading", () => {
    using pair = new Pair();
    using selector = new Selector();
    selector.register(pair.right, READ_HANGUP);
    pair.left.send(new Uint8Array(1));
    assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_READ);
    selector.modify(pair.right, EVENT_HANGUP);
    assertEquals(selector.select(SHORT), []);
    selector.modify(pair.right, EVENT_READ);
    assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_READ);
    selector.modify(pair.right, EVENT_HANGUP);
    pair.left.close();
    assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_HANGUP);
    selector.modify(pair.right, EVENT_READ); // the end can be read
    assertStrictEquals(eventsOf(selector.select(LONG)), EVENT_READ);
  });

  test("selectAsync() and for await report EVENT_HANGUP, and no data", async () => {
    using pair = new Pair();
    using selector = new Selector<undefined, Socket>();
    selector.register(pair.right, EVENT_HANGUP);
    pair.left.send(new Uint8Array(1));
    assertEquals(await selector.selectAsync({ timeout: SHORT }), []);
    const wait = selector.selectAsync({ timeout: LONG });
    await new Promise((resolve) => setTimeout(resolve, 1));
    pair.left.send(new Uint8Array(1));
    await new Promise((resolve) => setTimeout(resolve, 1));
    pair.left.close();
    assertStrictEquals(eventsOf(await wait), EVENT_HANGUP);
    for await (const [, events] of selector) {
      assertStrictEquals(events, EVENT_HANGUP);
      break;
    }
  });
}
