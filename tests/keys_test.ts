/**
 * Keys and how they change, for every selector: what is done to a key changes nothing, modify()
 * asks the kernel again, a selector refuses itself, and console.log() tells what there is.
 */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  EpollSelector,
  EVENT_READ,
  EVENT_WRITE,
  type FileObject,
  isOsError,
  Socket,
  traceSyscalls,
} from "../mod.ts";
import { Pair, Pipe } from "./helpers/descriptors.ts";
import { unlessLeftOut } from "./helpers/left_out.ts";
import { KqueueSelector, SELECTORS } from "./helpers/mechanisms.ts";

/** The names of the syscalls that a function makes. */
function syscalls(call: () => void): string[] {
  const names: string[] = [];
  using _ = traceSyscalls(({ name }) => void names.push(name));
  call();
  return names;
}

for (const Selector of SELECTORS) {
  const test = (fact: string, fn: () => void | Promise<void>) =>
    Deno.test({ ...unlessLeftOut(`${Selector.name} ${fact}`), fn });

  test("a changed key changes nothing that select(), unregister() and modify() do", () => {
    using pipe = new Pipe();
    using pair = new Pair();
    using selector = new Selector<string>();
    const key = selector.register(pair.right, EVENT_READ, "data");
    const { fd } = key;
    Object.assign(key, { fd: pipe.reader, fileobj: pipe.writer, events: EVENT_WRITE });
    pair.left.send(new Uint8Array(1));
    assertEquals(selector.select(1000).map(([found, events]) => [found === key, events]), [
      [true, EVENT_READ],
    ]);
    assertEquals([...selector.getMap().keys()], [fd]);
    assertStrictEquals(selector.getMap().get(pair.right), key);
    assertThrows(() => selector.getKey(pipe.writer), Deno.errors.NotFound);
    const changed = selector.modify(pair.right, EVENT_WRITE, "more");
    assertEquals([changed.fd, changed.fileobj], [fd, pair.right]);
    Object.assign(changed, { fd: -1, fileobj: null });
    pair.right.close(); // found by identity from now on
    assertStrictEquals(selector.unregister(pair.right), changed);
    assertStrictEquals(selector.getMap().size, 0);
  });

  test("a changed event changes nothing that later waits report", () => {
    using pipe = new Pipe();
    using selector = new Selector<string>();
    const key = selector.register(pipe.reader, EVENT_READ, "data");
    pipe.fill();
    for (const change of [[null, EVENT_READ], [key, 7]] as unknown[][]) {
      const [event] = selector.select(1000) as unknown as unknown[][];
      Object.assign(event!, change);
      assertEquals(selector.select(1000), [[key, EVENT_READ]]);
    }
  });

  test("for await delivers an event whose key was changed meanwhile", async () => {
    using one = new Pair();
    using two = new Pair();
    using selector = new Selector<string>();
    const first = selector.register(one.right, EVENT_READ, "first");
    const second = selector.register(two.right, EVENT_READ, "second");
    one.left.send(new Uint8Array(1));
    two.left.send(new Uint8Array(1));
    const seen = new Set<string>();
    for await (const [key] of selector) {
      seen.add(key.data);
      Object.assign(first, { fd: 1 << 20 });
      Object.assign(second, { fd: 1 << 20 });
      if (seen.size === 2) selector.close();
    }
    assertEquals([...seen].sort(), ["first", "second"]);
  });

  test("modify() of data alone makes no syscall in level mode, and asks the kernel in the others", () => {
    using pipe = new Pipe();
    using selector = new Selector<string>();
    const isPolled = Selector !== KqueueSelector && Selector !== EpollSelector;
    selector.register(pipe.reader, EVENT_READ, "level");
    assertEquals(syscalls(() => void selector.modify(pipe.reader, EVENT_READ, "again")), []);
    for (const mode of isPolled ? ["oneshot"] as const : ["oneshot", "edge"] as const) {
      selector.modify(pipe.reader, EVENT_READ, mode, { mode });
      pipe.fill();
      assertStrictEquals(selector.select(1000).length, 1, mode);
      assertEquals(selector.select(0), [], mode);
      const again = () => void selector.modify(pipe.reader, EVENT_READ, "again", { mode });
      assert(syscalls(again).length > 0, mode);
      // What is ready now is reported again.
      assertEquals(selector.select(1000).map(([{ data }]) => data), ["again"], mode);
      assertEquals(selector.select(0), [], mode);
      again();
      pipe.drain();
      assertEquals(selector.select(0), [], mode);
    }
  });

  test("refuses a mode in the place of options, which would be lost", () => {
    using pair = new Pair();
    using selector = new Selector<string>();
    for (const options of ["oneshot", 5, null] as never[]) {
      assertThrows(() => selector.register(pair.left, EVENT_READ, "data", options), TypeError);
      assertStrictEquals(selector.getMap().size, 0);
    }
    const key = selector.register(pair.left, EVENT_READ, "data");
    assertThrows(() => selector.modify(pair.left, EVENT_READ, "", "oneshot" as never), TypeError);
    assertStrictEquals(selector.getKey(pair.left), key);
  });

  test("console.log() shows its descriptor, how many are registered, and whether it is closed", () => {
    using pair = new Pair();
    const selector = new Selector<unknown>();
    const { fd } = selector.register(pair.left, EVENT_READ, "data");
    const fileno = (selector as { fileno?(): number }).fileno?.();
    const prefix = fileno === undefined ? "" : `fileno: ${fileno}, `;
    assertStrictEquals(
      Deno.inspect(selector),
      `${Selector.name} { ${prefix}registered: 1, closed: false }`,
    );
    const map = Deno.inspect(selector.getMap());
    assert(map.startsWith(`Map(1) {\n  ${fd} => {`) && map.includes('data: "data"'), map);
    selector.close();
    const closed = fileno === undefined ? "" : "fileno: -1, ";
    assertStrictEquals(
      Deno.inspect(selector),
      `${Selector.name} { ${closed}registered: 0, closed: true }`,
    );
    assertStrictEquals(Deno.inspect(selector.getMap()), "Map(0) {}");
    Deno.inspect(Selector.prototype);
  });

  test("console.log() bears any data: the selector itself, its map, and what throws", () => {
    using pair = new Pair();
    using selector = new Selector<unknown>();
    const map = selector.getMap();
    selector.register(pair.left, EVENT_READ, { selector, map, maps: [map, [map]] });
    const text = Deno.inspect(map, { depth: Infinity });
    assert(text.includes("map: [Map(1)]") && text.length < 2000, text);
    const hostile = {
      [Symbol.for("Deno.customInspect")]() {
        throw new Error("not today");
      },
      get toString(): never {
        throw new Error("not today");
      },
    };
    for (const data of [hostile, new Proxy({}, { get: () => hostile.toString }), Symbol(), 1n]) {
      selector.modify(pair.left, EVENT_READ, data);
      assert(Deno.inspect(map).startsWith("Map(1) {"));
    }
  });
}

for (const Selector of [EpollSelector, KqueueSelector]) {
  const test = (fact: string, fn: () => void) =>
    Deno.test({ name: `${Selector.name} ${fact}`, ignore: !Selector.isSupported(), fn });

  test("refuses to be registered in itself, by number or as an object", () => {
    using selector = new Selector<undefined, FileObject>();
    const fd = selector.fileno();
    for (const fileobj of [selector, fd, { fileno: () => fd }]) {
      const error = assertThrows(
        () => selector.register(fileobj, EVENT_READ),
        Error,
        `register ${fd}: a selector cannot wait for itself`,
      );
      assert(isOsError(error));
      assertStrictEquals(error.code, "EINVAL");
    }
    assertStrictEquals(selector.getMap().size, 0);
    assertEquals(selector.select(0), []);
  });

  test("cannot be registered elsewhere once closed", () => {
    const closed = new Selector();
    closed.close();
    using selector = new Selector<undefined, FileObject>();
    assertThrows(() => selector.register(closed, EVENT_READ), Deno.errors.BadResource);
  });
}

Deno.test({
  name: "EpollSelector refuses a circle of two selectors with ELOOP, and keeps no key",
  ignore: !EpollSelector.isSupported(),
  fn() {
    using one = new EpollSelector<undefined, FileObject>();
    using two = new EpollSelector<undefined, FileObject>();
    one.register(two, EVENT_READ);
    const error = assertThrows(() => two.register(one, EVENT_READ));
    assert(isOsError(error));
    assertStrictEquals(error.code, "ELOOP");
    assertStrictEquals(two.getMap().size, 0);
    using socket = new Socket();
    two.register(socket, EVENT_WRITE); // a new socket is hung up, and so ready
    assertEquals(one.select(1000).map(([{ fileobj }]) => fileobj), [two]);
  },
});
