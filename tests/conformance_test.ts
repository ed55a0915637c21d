/**
 * What every selector must do, whatever its mechanism. The tests run for each selector that the
 * machine has.
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertLess,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  type BaseSelector,
  DefaultSelector,
  Descriptor,
  EpollSelector,
  EVENT_PRIORITY,
  EVENT_READ,
  EVENT_WRITE,
  type FileObject,
  isOsError,
  KqueueSelector as PlainKqueueSelector,
  PollSelector,
  SelectSelector,
  Socket,
} from "../mod.ts";
import {
  close,
  dup3,
  EBADF,
  F_DUPFD_CLOEXEC,
  fcntl,
  FD_SETSIZE,
  has_epoll_pwait2,
  has_ppoll,
  MSG_OOB,
  O_CLOEXEC,
  O_RDONLY,
  SO_LINGER,
  SOL_SOCKET,
} from "../ffi/mod.ts";
import {
  openDescriptors,
  Pair,
  Pipe,
  pipeAt,
  RegularFile,
  tcpPair,
} from "./helpers/descriptors.ts";
import { runProgram } from "./helpers/programs.ts";
import { unlessLeftOut } from "./helpers/left_out.ts";
import { hasPriority, SELECTORS } from "./helpers/mechanisms.ts";

const READ_WRITE = EVENT_READ | EVENT_WRITE;

/** The ready descriptors and their events, sorted by descriptor. */
function summary(events: readonly (readonly [{ fd: number }, number])[]): [number, number][] {
  return events.map(([{ fd }, ready]): [number, number] => [fd, ready]).sort(([a], [b]) => a - b);
}

/** How long a call took, in milliseconds. */
function timed(call: () => unknown): number {
  const start = performance.now();
  call();
  return performance.now() - start;
}

for (const Selector of SELECTORS) {
  const isPolled = Selector === PollSelector || Selector === SelectSelector;
  const hasEdge = !isPolled;
  const test = (fact: string, fn: () => void | Promise<void>) =>
    Deno.test({ ...unlessLeftOut(`${Selector.name} ${fact}`), fn });

  // ─── register, unregister, modify ───────────────────────────────────────────────────────────

  test("register() returns a key that says all that was given", () => {
    using pipe = new Pipe();
    using selector = new Selector<string>();
    const key = selector.register(pipe.reader, EVENT_READ, "data");
    assertEquals(key, {
      fileobj: pipe.reader,
      fd: pipe.reader,
      events: EVENT_READ,
      data: "data",
      mode: "level",
    });
    assertStrictEquals(selector.getKey(pipe.reader), key);
  });

  test("a key that was changed by force changes nothing of what is waited for", () => {
    for (const mode of ["level", "oneshot"] as const) {
      using pipe = new Pipe();
      using selector = new Selector<string>();
      const key = selector.register(pipe.reader, EVENT_READ, "data", { mode });
      Object.assign(key, { fd: pipe.writer, events: EVENT_WRITE, mode: "edge" });
      pipe.fill();
      assertEquals(selector.select(0).map(([found, events]) => [found === key, events]), [
        [true, EVENT_READ],
      ]);
      assertEquals(selector.select(0).length, mode === "level" ? 1 : 0);
      assertStrictEquals(selector.getKey(pipe.reader), key);
    }
  });

  test("select() makes a new pair only for other events or another key", () => {
    using pair = new Pair();
    using selector = new Selector<string, Socket>();
    selector.register(pair.left, READ_WRITE, "one");
    const [before] = selector.select(0);
    assertStrictEquals(selector.select(0)[0], before);
    pair.right.send(new Uint8Array(1));
    let [more] = selector.select();
    // on Windows the byte arrives a little later
    while (more![1] === EVENT_WRITE) [more] = selector.select();
    assertEquals([before![1], more![1]], [EVENT_WRITE, READ_WRITE]);
    selector.modify(pair.left, READ_WRITE, "two");
    const [after] = selector.select(0);
    assertEquals([before![0].data, after![0].data, after![1]], ["one", "two", READ_WRITE]);
  });

  test("register() takes any object with fileno()", () => {
    using pair = new Pair();
    using selector = new Selector<undefined, Socket>();
    const key = selector.register(pair.left, READ_WRITE);
    assertStrictEquals(key.fileobj, pair.left);
    assertStrictEquals(key.fd, pair.left.fileno());
    assertStrictEquals(key.data, undefined);
  });

  test("register() refuses a descriptor that is registered, by number or under another object", () => {
    using pair = new Pair();
    using selector = new Selector<string>();
    selector.register(pair.left, EVENT_READ, "first");
    const fd = pair.left.fileno();
    for (const fileobj of [pair.left, fd, { fileno: () => fd }]) {
      assertThrows(() => selector.register(fileobj, EVENT_WRITE, ""), Deno.errors.AlreadyExists);
    }
    assertStrictEquals(selector.getKey(fd).data, "first");
    assertStrictEquals(selector.getMap().size, 1);
  });

  test("register() refuses no event and unknown ones with RangeError", () => {
    using pipe = new Pipe();
    using selector = new Selector();
    for (const events of [0, 16, 17, -1, 0.5, 1.5, NaN, Infinity, 2 ** 32 + 1]) {
      assertThrows(() => selector.register(pipe.reader, events), RangeError);
    }
    for (const events of ["1", null, undefined, {}, 1n] as unknown as number[]) {
      assertThrows(() => selector.register(pipe.reader, events), TypeError);
    }
    assertStrictEquals(selector.getMap().size, 0);
  });

  test("register() refuses numbers that cannot be descriptors with RangeError", () => {
    using selector = new Selector();
    for (const fd of [-1, 1.5, NaN, Infinity, 2 ** 31, 2 ** 53, -(2 ** 31)]) {
      assertThrows(() => selector.register(fd, EVENT_READ), RangeError);
      assertThrows(() => selector.register({ fileno: () => fd }, EVENT_READ), RangeError);
    }
  });

  test("register() refuses what has no fileno() with TypeError", () => {
    using selector = new Selector();
    const hostile: unknown[] = ["0", null, undefined, {}, { fileno: 1 }, true, Symbol(), 1n, []];
    hostile.push({ fileno: () => "1" }, { fileno: () => undefined });
    for (const fileobj of hostile as FileObject[]) {
      assertThrows(() => selector.register(fileobj, EVENT_READ), TypeError);
    }
    assertStrictEquals(selector.getMap().size, 0);
  });

  test("register() refuses an unknown mode, and leaves nothing registered", () => {
    using pipe = new Pipe();
    using selector = new Selector();
    const options = { mode: "sometimes" as "level" };
    assertThrows(() => selector.register(pipe.reader, EVENT_READ, undefined, options), RangeError);
    assertStrictEquals(selector.getMap().size, 0);
  });

  test("register() of a closed descriptor is EBADF, names it, and leaves no key", () => {
    using selector = new Selector();
    const pipe = new Pipe();
    pipe[Symbol.dispose]();
    const error = assertThrows(
      () => selector.register(pipe.reader, EVENT_READ),
      Deno.errors.BadResource,
    );
    assert(isOsError(error));
    assertStrictEquals(error.code, "EBADF");
    assertStringIncludes(error.message, `${pipe.reader}: Bad file descriptor (EBADF ${EBADF})`);
    assertFalse(selector.getMap().has(pipe.reader));
  });

  test("register() passes on what fileno() throws, and leaves nothing registered", () => {
    using selector = new Selector();
    const fileobj = {
      fileno(): number {
        throw new SyntaxError("no number today");
      },
    };
    assertThrows(() => selector.register(fileobj, EVENT_READ), SyntaxError, "no number today");
    assertStrictEquals(selector.getMap().size, 0);
  });

  test("register() of an object whose fileno() closes the selector is BadResource", () => {
    using pipe = new Pipe();
    const selector = new Selector();
    const fileobj = {
      fileno() {
        selector.close();
        return pipe.reader;
      },
    };
    assertThrows(() => selector.register(fileobj, EVENT_READ), Deno.errors.BadResource);
    assertStrictEquals(selector.getMap().size, 0);
  });

  test("register() of an object whose fileno() registers the same descriptor is refused", () => {
    using pipe = new Pipe();
    using selector = new Selector<string>();
    const fileobj = {
      fileno() {
        selector.register(pipe.reader, EVENT_READ, "inner");
        return pipe.reader;
      },
    };
    assertThrows(() => selector.register(fileobj, EVENT_READ, "outer"), Deno.errors.AlreadyExists);
    assertStrictEquals(selector.getKey(pipe.reader).data, "inner");
  });

  test("unregister() returns the key, and is NotFound a second time", () => {
    using pipe = new Pipe();
    using selector = new Selector();
    const key = selector.register(pipe.reader, EVENT_READ);
    pipe.fill();
    assertStrictEquals(selector.unregister(pipe.reader), key);
    assertEquals(selector.select(0), []);
    assertThrows(() => selector.unregister(pipe.reader), Deno.errors.NotFound);
    assertThrows(() => selector.getKey(pipe.reader), Deno.errors.NotFound);
    assertThrows(() => selector.modify(pipe.reader, EVENT_READ), Deno.errors.NotFound);
  });

  test("unregister() takes the number of a registered object, and the other way round", () => {
    using pair = new Pair();
    using selector = new Selector();
    selector.register(pair.left, EVENT_READ);
    selector.register(pair.right.fileno(), EVENT_READ);
    selector.unregister(pair.left.fileno());
    selector.unregister(pair.right);
    assertStrictEquals(selector.getMap().size, 0);
  });

  test("unregister() finds a closed object by identity", () => {
    using pair = new Pair();
    using selector = new Selector<string>();
    let isBroken = false;
    const broken = {
      fileno() {
        if (isBroken) throw new Error("closed");
        return pair.right.fileno();
      },
    };
    selector.register(pair.left, EVENT_READ, "left");
    selector.register(broken, EVENT_READ, "broken");
    pair.left.close();
    isBroken = true;
    assertStrictEquals(selector.unregister(pair.left).data, "left");
    assertStrictEquals(selector.unregister(broken).data, "broken");
    assertStrictEquals(selector.getMap().size, 0);
  });

  test("unregister() after the number was reused leaves the new file alone", () => {
    using selector = new Selector<string>();
    const old = new Pair();
    selector.register(old.left, EVENT_READ, "old");
    const fd = old.left.fileno();
    old[Symbol.dispose]();
    using stack = new DisposableStack();
    const pipe = pipeAt(fd, stack);
    selector.unregister(old.left);
    selector.register(pipe.reader, EVENT_READ, "new");
    pipe.fill();
    const [event, ...rest] = selector.select(1000);
    assertStrictEquals(event?.[0].data, "new");
    assertEquals(rest, []);
  });

  test("modify() changes events, data and mode", () => {
    using pair = new Pair();
    using selector = new Selector<string>();
    selector.register(pair.left, EVENT_READ, "reads");
    assertEquals(selector.select(0), []);
    const key = selector.modify(pair.left, EVENT_WRITE, "writes", { mode: "oneshot" });
    assertEquals([key.events, key.data, key.mode], [EVENT_WRITE, "writes", "oneshot"]);
    assertStrictEquals(key.fileobj, pair.left);
    assertStrictEquals(selector.getKey(pair.left), key);
    assertEquals(selector.select(1000), [[key, EVENT_WRITE]]);
  });

  test("modify() of data alone makes no syscall: it succeeds on a closed descriptor", () => {
    using selector = new Selector<string>();
    const pipe = new Pipe();
    selector.register(pipe.reader, EVENT_READ, "before");
    pipe[Symbol.dispose]();
    assertStrictEquals(selector.modify(pipe.reader, EVENT_READ, "after").data, "after");
  });

  test("modify() of events that the OS refuses drops the key", () => {
    using selector = new Selector<string>();
    const pipe = new Pipe();
    selector.register(pipe.reader, EVENT_READ, "before");
    pipe[Symbol.dispose]();
    const error = assertThrows(
      () => selector.modify(pipe.reader, READ_WRITE, "after"),
      Deno.errors.BadResource,
    );
    assert(isOsError(error));
    assertFalse(selector.getMap().has(pipe.reader));
    assertEquals(selector.select(0), []);
  });

  test("modify() with bad arguments leaves all as it was", () => {
    using pipe = new Pipe();
    using selector = new Selector<string>();
    const key = selector.register(pipe.reader, EVENT_READ, "before");
    assertThrows(() => selector.modify(pipe.reader, 0, "after"), RangeError);
    assertThrows(() => selector.modify(pipe.reader, 16, "after"), RangeError);
    assertThrows(
      () => selector.modify(pipe.reader, 1, "after", { mode: "x" as "edge" }),
      RangeError,
    );
    assertStrictEquals(selector.getKey(pipe.reader), key);
  });

  test("keeps any data, falsy ones too", () => {
    using pipe = new Pipe();
    using selector = new Selector<unknown>();
    for (const data of [0, "", null, false, NaN, undefined]) {
      selector.register(pipe.reader, EVENT_READ, data);
      assertEquals(selector.getKey(pipe.reader).data, data);
      selector.unregister(pipe.reader);
    }
  });

  test("runs the seed program: callbacks as data, called with the file object", () => {
    using pair = new Pair();
    using selector = new Selector<(socket: Socket) => void, Socket>();
    const received: number[] = [];
    selector.register(pair.right, EVENT_READ, (socket) => received.push(...socket.recv(16)!));
    pair.left.send(new Uint8Array([1, 2, 3]));
    for (const [key] of selector.select()) key.data(key.fileobj);
    assertEquals(received, [1, 2, 3]);
  });

  // ─── getKey, getMap, close ──────────────────────────────────────────────────────────────────

  test("getMap() is a live view by descriptor and by object, rising", () => {
    using pair = new Pair();
    using selector = new Selector<string>();
    const map = selector.getMap();
    assertStrictEquals(map.size, 0);
    const right = selector.register(pair.right, EVENT_READ, "right");
    const left = selector.register(pair.left, EVENT_READ, "left");
    const fds = [pair.left.fileno(), pair.right.fileno()].sort((a, b) => a - b);
    assertStrictEquals(map.size, 2);
    assertEquals([...map.keys()], fds);
    assertEquals([...map].map(([fd]) => fd), fds);
    assertEquals([...map.values()].map(({ fd }) => fd), fds);
    assertStrictEquals(map.get(pair.left), left);
    assertStrictEquals(map.get(right.fd), right);
    assert(map.has(pair.left));
    assertFalse(map.has(-1));
    assertFalse(map.has("left" as unknown as number));
    assertStrictEquals(map.get({ fileno: () => -1 }), undefined);
    const seen: FileObject[] = [];
    map.forEach((key, fd, whole) => {
      assertStrictEquals(whole, map);
      assertStrictEquals(key.fd, fd);
      seen.push(fd);
    });
    assertEquals(seen, fds);
    selector.unregister(pair.left);
    assertStrictEquals(map.size, 1);
    selector.close();
    assertStrictEquals(map.size, 0);
    assertEquals([...map], []);
  });

  test("close() forgets every key, leaves registered descriptors open, and twice is once", () => {
    using pair = new Pair();
    const before = openDescriptors();
    const selector = new Selector();
    selector.register(pair.left, EVENT_READ);
    assertFalse(selector.closed);
    selector.close();
    selector.close();
    assert(selector.closed);
    assertStrictEquals(openDescriptors(), before);
    assertStrictEquals(pair.left.send(new Uint8Array(1)), 1);
  });

  test("is BadResource once closed", () => {
    using pipe = new Pipe();
    const selector = new Selector();
    selector.register(pipe.reader, EVENT_READ);
    {
      using _ = selector;
    }
    assertThrows(() => selector.register(pipe.writer, EVENT_WRITE), Deno.errors.BadResource);
    assertThrows(() => selector.modify(pipe.reader, EVENT_WRITE), Deno.errors.BadResource);
    assertThrows(() => selector.unregister(pipe.reader), Deno.errors.BadResource);
    assertThrows(() => selector.getKey(pipe.reader), Deno.errors.BadResource);
    assertThrows(() => selector.select(0), Deno.errors.BadResource);
    selector.wakeup();
  });

  test("opened and closed 2,000 times leaks nothing", () => {
    using pipe = new Pipe();
    const before = openDescriptors();
    for (let i = 0; i < 2000; i++) {
      using selector = new Selector();
      selector.register(pipe.reader, EVENT_READ);
    }
    assertStrictEquals(openDescriptors(), before);
  });

  test("without free descriptors throws EMFILE from its constructor, and leaks nothing", async () => {
    const { code, stdout, stderr } = await runProgram("tests/fixtures/exhausted.ts", [
      Selector.name,
    ]);
    assertEquals([code, stdout], [0, "EMFILE, nothing leaked\n"], stderr);
  });

  // ─── what is ready ──────────────────────────────────────────────────────────────────────────

  test("reports reading, writing, or both, and only what was asked for", () => {
    using pair = new Pair();
    using selector = new Selector();
    const { left, right } = pair;
    const key = selector.register(right, EVENT_READ);
    assertEquals(selector.select(0), []);
    left.send(new Uint8Array(1));
    assertEquals(selector.select(1000), [[key, EVENT_READ]]);
    const both = selector.modify(right, READ_WRITE);
    assertEquals(selector.select(1000), [[both, READ_WRITE]]);
    right.recv(16);
    assertEquals(selector.select(1000), [[both, EVENT_WRITE]]);
  });

  test("does not report a full socket as writable, until its peer reads", () => {
    using pair = new Pair();
    using selector = new Selector();
    pair.left.setBlocking(false);
    const chunk = new Uint8Array(65536);
    while (pair.left.send(chunk) !== null);
    selector.register(pair.left, EVENT_WRITE);
    assertEquals(selector.select(0), []);
    pair.right.setBlocking(false);
    while (pair.right.recv(65536) !== null);
    assertEquals(summary(selector.select(1000)), [[pair.left.fileno(), EVENT_WRITE]]);
  });

  test("reports the end of a stream, and what was sent before it, as readable", () => {
    using pair = new Pair();
    using selector = new Selector();
    selector.register(pair.right, EVENT_READ);
    pair.left.send(new Uint8Array([7]));
    pair.left.shutdown("write");
    assertEquals(summary(selector.select(1000)), [[pair.right.fileno(), EVENT_READ]]);
    assertEquals(pair.right.recv(16), new Uint8Array([7]));
    assertEquals(summary(selector.select(1000)), [[pair.right.fileno(), EVENT_READ]]);
    assertEquals(pair.right.recv(16), new Uint8Array(0));
    pair.left.close();
    assertEquals(summary(selector.select(1000)), [[pair.right.fileno(), EVENT_READ]]);
  });

  test("reports a reset connection as readable and writable", () => {
    using pair = tcpPair();
    using selector = new Selector();
    selector.register(pair.right, READ_WRITE);
    reset(pair.left);
    selector.select(1000); // writable at first, until the reset arrives
    const events = selector.select(1000);
    assertEquals(summary(events), [[pair.right.fileno(), READ_WRITE]]);
    assertThrows(() => pair.right.recv(16), Deno.errors.ConnectionReset);
  });

  test("reports a refused connection as writable, and takeError() says why", () => {
    using closed = new Socket();
    closed.bind({ hostname: "127.0.0.1", port: 0 });
    const address = closed.localAddress;
    using client = new Socket();
    client.setBlocking(false);
    using selector = new Selector();
    let error;
    try {
      assertFalse(client.connect(address));
      selector.register(client, EVENT_WRITE);
      assertEquals(summary(selector.select(1000)), [[client.fileno(), EVENT_WRITE]]);
      error = client.takeError();
    } catch (thrown) {
      error = thrown; // loopback may refuse immediately
    }
    assertInstanceOf(error, Deno.errors.ConnectionRefused);
  });

  test("reports an accepted connection as writable, and its listener as readable", () => {
    using server = new Socket();
    server.bind({ hostname: "127.0.0.1", port: 0 });
    server.listen();
    using selector = new Selector();
    selector.register(server, EVENT_READ);
    using client = new Socket();
    client.setBlocking(false);
    client.connect(server.localAddress);
    assertEquals(summary(selector.select(1000)), [[server.fileno(), EVENT_READ]]);
    selector.register(client, EVENT_WRITE);
    using _ = server.accept()!;
    assertEquals(summary(selector.select(1000)), [[client.fileno(), EVENT_WRITE]]);
    assertStrictEquals(client.takeError(), null);
  });

  test("reports both ends of a pipe: data, a gone writer, a gone reader", () => {
    using selector = new Selector();
    {
      using pipe = new Pipe();
      selector.register(pipe.reader, EVENT_READ);
      selector.register(pipe.writer, EVENT_WRITE);
      assertEquals(summary(selector.select(1000)), [[pipe.writer, EVENT_WRITE]]);
      pipe.fill();
      assertStrictEquals(selector.select(1000).length, 2);
      pipe.drain();
      selector.unregister(pipe.writer);
      selector.unregister(pipe.reader);
    }
    const ends = new Pipe();
    selector.register(ends.reader, EVENT_READ);
    close(ends.writer);
    assertEquals(summary(selector.select(1000)), [[ends.reader, EVENT_READ]]);
    selector.unregister(ends.reader);
    close(ends.reader);
    const others = new Pipe();
    selector.register(others.writer, EVENT_WRITE);
    close(others.reader);
    assertEquals(summary(selector.select(1000)), [[others.writer, EVENT_WRITE]]);
    selector.unregister(others.writer);
    close(others.writer);
  });

  test("reports a full pipe whose reader goes as writable, in every mode", () => {
    for (const mode of hasEdge ? ["level", "oneshot", "edge"] as const : ["level"] as const) {
      using selector = new Selector();
      const pipe = new Pipe();
      pipe.fillUp();
      selector.register(pipe.writer, EVENT_WRITE, undefined, { mode });
      assertEquals(selector.select(0), []);
      close(pipe.reader);
      assertEquals(summary(selector.select(1000)), [[pipe.writer, EVENT_WRITE]]);
      assertStrictEquals(selector.select(0).length, mode === "level" ? 1 : 0);
      selector.modify(pipe.writer, EVENT_WRITE, undefined, { mode });
      assertEquals(summary(selector.select(1000)), [[pipe.writer, EVENT_WRITE]]);
      selector.unregister(pipe.writer);
      assertEquals(selector.select(0), []);
      close(pipe.writer);
    }
  });

  if (hasPriority(Selector)) {
    test("reports urgent data as EVENT_PRIORITY, and only where it was asked for", () => {
      using pair = tcpPair();
      using selector = new Selector();
      selector.register(pair.right, EVENT_PRIORITY);
      pair.left.send(new Uint8Array([1]));
      assertEquals(selector.select(0), []);
      pair.left.send(new Uint8Array([2]), MSG_OOB);
      assertEquals(summary(selector.select(1000)), [[pair.right.fileno(), EVENT_PRIORITY]]);
      selector.modify(pair.right, EVENT_READ);
      assertEquals(summary(selector.select(1000)), [[pair.right.fileno(), EVENT_READ]]);
    });

    test("never reports an event of 0 for a hang-up that was not asked for", () => {
      using pair = new Pair();
      using selector = new Selector();
      selector.register(pair.right, EVENT_PRIORITY);
      pair.left.close();
      for (const [, events] of selector.select(0)) assertStrictEquals(events, EVENT_PRIORITY);
    });
  } else {
    test("refuses EVENT_PRIORITY with NotSupported, and leaves nothing registered", () => {
      using pair = tcpPair();
      using selector = new Selector();
      for (const events of [EVENT_PRIORITY, EVENT_PRIORITY | READ_WRITE]) {
        assertThrows(() => selector.register(pair.right, events), Deno.errors.NotSupported);
      }
      assertStrictEquals(selector.getMap().size, 0);
      pair.left.send(new Uint8Array(1));
      assertEquals(selector.select(20), []);
    });
  }

  test("reports everything that is ready in one call, however much it is", () => {
    using stack = new DisposableStack();
    using selector = new Selector();
    // sets have 256 bits on NetBSD, 64 sockets on Windows
    const count = FD_SETSIZE < 1024 ? 60 : 200;
    const pipes = Array.from({ length: count }, () => stack.use(new Pipe()));
    for (const { reader } of pipes) selector.register(reader, EVENT_READ);
    for (const pipe of pipes) pipe.fill();
    const readers = pipes.map(({ reader }) => reader).sort((a, b) => a - b);
    assertEquals(summary(selector.select(1000)), readers.map((fd) => [fd, EVENT_READ]));
    for (const pipe of pipes.slice(50)) {
      selector.unregister(pipe.reader);
    }
    assertStrictEquals(selector.select(1000).length, 50);
  });

  test("takes descriptors from FD_SETSIZE up, or refuses them with RangeError", async () => {
    const { code, stdout, stderr } = await runProgram("tests/fixtures/many_descriptors.ts", [
      Selector.name,
    ]);
    const expected = Selector === SelectSelector
      ? `RangeError from ${FD_SETSIZE} up\n`
      : "1500 of 1500 reported\n";
    assertEquals([code, stdout], [0, expected], stderr);
  });

  test("keeps working while descriptors come and go between calls", () => {
    using stack = new DisposableStack();
    using selector = new Selector<number>();
    const pipes = Array.from({ length: 20 }, () => stack.use(new Pipe()));
    const registered = new Set<number>();
    let seed = 1;
    for (let round = 0; round < 500; round++) {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      const pipe = pipes[seed % pipes.length]!;
      if (registered.delete(pipe.reader)) {
        selector.unregister(pipe.reader);
        pipe.drain();
      } else {
        registered.add(pipe.reader);
        selector.register(pipe.reader, EVENT_READ, pipe.reader);
        pipe.fill();
      }
      const ready = summary(selector.select(0)).map(([fd]) => fd);
      assertEquals(ready, [...registered].sort((a, b) => a - b));
    }
  });

  test("shares a descriptor with another selector", () => {
    using pipe = new Pipe();
    using one = new Selector();
    using other = new Selector();
    one.register(pipe.reader, EVENT_READ);
    other.register(pipe.reader, EVENT_READ);
    pipe.fill();
    assertStrictEquals(one.select(1000).length, 1);
    assertStrictEquals(other.select(1000).length, 1);
    one.unregister(pipe.reader);
    assertStrictEquals(other.select(1000).length, 1);
  });

  // ─── level, edge, oneshot ───────────────────────────────────────────────────────────────────

  test('in "level" mode reports readiness as long as it lasts', () => {
    using pipe = new Pipe();
    using selector = new Selector();
    selector.register(pipe.reader, EVENT_READ, undefined, { mode: "level" });
    pipe.fill();
    assertStrictEquals(selector.select(1000).length, 1);
    assertStrictEquals(selector.select(1000).length, 1);
    pipe.drain();
    assertEquals(selector.select(0), []);
  });

  test('in "oneshot" mode reports once, until modify() re-arms', () => {
    using pair = new Pair();
    using selector = new Selector<string>();
    pair.left.send(new Uint8Array(1));
    selector.register(pair.right, READ_WRITE, "first", { mode: "oneshot" });
    assertEquals(summary(selector.select(1000)), [[pair.right.fileno(), READ_WRITE]]);
    assertEquals(selector.select(0), []);
    pair.left.send(new Uint8Array(1));
    assertEquals(selector.select(0), []);
    selector.modify(pair.right, READ_WRITE, "again", { mode: "oneshot" });
    const [event] = selector.select(1000);
    assertStrictEquals(event?.[0].data, "again");
    assertEquals(selector.select(0), []);
    selector.modify(pair.right, EVENT_READ, "level");
    assertStrictEquals(selector.select(1000).length, 1);
    assertStrictEquals(selector.select(1000).length, 1);
    selector.modify(pair.right, EVENT_READ, "once more", { mode: "oneshot" });
    assertStrictEquals(selector.select(1000).length, 1);
    selector.unregister(pair.right);
    selector.register(pair.right, EVENT_READ, "anew");
    assertStrictEquals(selector.select(1000).length, 1);
  });

  if (hasEdge) {
    test('in "edge" mode reports when readiness appears, and again when more comes', () => {
      using pair = new Pair();
      using selector = new Selector();
      selector.register(pair.right, EVENT_READ, undefined, { mode: "edge" });
      pair.left.send(new Uint8Array(1));
      assertStrictEquals(selector.select(1000).length, 1);
      assertEquals(selector.select(0), []);
      pair.left.send(new Uint8Array(1));
      assertStrictEquals(selector.select(1000).length, 1);
      assertEquals(selector.select(0), []);
    });
  } else {
    test('refuses "edge" with NotSupported, and leaves all as it was', () => {
      using pair = new Pair();
      using selector = new Selector();
      const edge = { mode: "edge" } as const;
      assertThrows(
        () => selector.register(pair.left, EVENT_READ, undefined, edge),
        Deno.errors.NotSupported,
      );
      assertStrictEquals(selector.getMap().size, 0);
      const key = selector.register(pair.left, EVENT_READ);
      assertThrows(
        () => selector.modify(pair.left, EVENT_READ, undefined, edge),
        Deno.errors.NotSupported,
      );
      assertStrictEquals(selector.getKey(pair.left), key);
    });
  }

  // ─── timeouts, wake-ups, signals ────────────────────────────────────────────────────────────

  test("select() with 0 or less only looks", () => {
    using selector = new Selector();
    for (const timeout of [0, -0, -1, -0.5, -Infinity]) {
      assertEquals(selector.select(timeout), []);
    }
    assertLess(timed(() => selector.select(-60_000)), 30_000);
  });

  test("select() never returns early, down to fractions of a millisecond", () => {
    using pipe = new Pipe();
    using selector = new Selector();
    selector.register(pipe.reader, EVENT_READ);
    for (const timeout of [0.1, 0.25, 1, 3.1, 12.5]) {
      for (let i = 0; i < 10; i++) {
        assertGreaterOrEqual(timed(() => assertEquals(selector.select(timeout), [])), timeout);
      }
    }
  });

  test("select() waits less than half a millisecond more than 100 microseconds, at best", () => {
    if (Selector === PollSelector && !has_ppoll()) return; // poll(2) counts milliseconds,
    if (Selector === EpollSelector && !has_epoll_pwait2()) return; // and so does epoll_wait(2)
    using selector = new Selector();
    let best = Infinity; // of many, on a busy machine
    for (let i = 0; i < 50_000 && best >= 0.6; i++) {
      best = Math.min(best, timed(() => selector.select(0.1)));
    }
    assertGreaterOrEqual(best, 0.1);
    assertLess(best, 0.6);
  });

  test("select() with nothing registered waits for the timeout", () => {
    using selector = new Selector();
    assertGreaterOrEqual(timed(() => assertEquals(selector.select(20), [])), 20);
  });

  test("select() refuses NaN with RangeError and what is no number with TypeError", () => {
    using selector = new Selector();
    assertThrows(() => selector.select(NaN), RangeError);
    for (const timeout of ["1", {}, true, 1n, [1], Symbol()] as unknown as number[]) {
      assertThrows(() => selector.select(timeout), TypeError);
    }
  });

  test("select() with a timeout beyond what the OS can count waits until it is woken", async () => {
    for (const timeout of [2 ** 31, 2 ** 32, 2 ** 40 + 0.5, 1e300, Infinity, null, undefined]) {
      using selector = new Selector();
      const worker = startWakerWorker(selector, 20);
      await worker.ready;
      assertEquals(selector.select(timeout), []);
      assert(worker.hasWoken(), `timeout ${timeout}`);
      worker.terminate();
    }
  });

  test("wakeup() ends the next wait, once, however often it was called", () => {
    using pipe = new Pipe();
    using selector = new Selector();
    selector.register(pipe.reader, EVENT_READ);
    selector.wakeup();
    selector.wakeup();
    selector.wakeup();
    assertEquals(selector.select(), []);
    assertGreaterOrEqual(timed(() => assertEquals(selector.select(20), [])), 20);
  });

  test("wakeup() does not hide what is ready", () => {
    using pipe = new Pipe();
    using selector = new Selector();
    selector.register(pipe.reader, EVENT_READ);
    pipe.fill();
    selector.wakeup();
    assertStrictEquals(selector.select(1000).length, 1);
    assertStrictEquals(selector.select(1000).length, 1);
  });

  test("waker is invisible in getMap(), cannot be registered, and survives its own close()", () => {
    using selector = new Selector();
    const { fd } = selector.waker;
    assertStrictEquals(selector.getMap().size, 0);
    assertFalse(selector.getMap().has(fd));
    assertThrows(() => selector.register(fd, EVENT_READ), Deno.errors.AlreadyExists);
    selector.waker.close();
    selector.wakeup();
    assertEquals(selector.select(), []);
  });

  test("select() returns [] when a signal interrupts it, and goes on afterwards", async () => {
    const { code, stdout, stderr } = await runProgram("tests/fixtures/interrupted.ts", [
      Selector.name,
    ]);
    assertEquals([code, stdout], [0, "interrupted, then ready\n"], stderr);
  });

  // ─── closed and reused descriptors ──────────────────────────────────────────────────────────

  test("refuses a reused number until its old key is unregistered", () => {
    using selector = new Selector<string>();
    const old = new Pipe();
    selector.register(old.reader, EVENT_READ, "old");
    old[Symbol.dispose]();
    using stack = new DisposableStack();
    const fd = old.reader;
    const pipe = pipeAt(fd, stack);
    assertThrows(() => selector.register(fd, EVENT_READ, ""), Deno.errors.AlreadyExists);
    selector.unregister(fd);
    selector.register(pipe.reader, EVENT_READ, "new");
    pipe.fill();
    assertEquals(selector.select(1000).map(([{ data }]) => data), ["new"]);
  });

  if (isPolled) {
    test("says once that a registered descriptor was closed, names it, and goes on", () => {
      using stack = new DisposableStack();
      using selector = new Selector<string>();
      const gone = new Pipe();
      const pipe = stack.use(new Pipe());
      selector.register(gone.reader, EVENT_READ, "gone");
      selector.register(pipe.reader, EVENT_READ, "stays", { mode: "oneshot" });
      pipe.fill();
      gone[Symbol.dispose]();
      const error = assertThrows(() => selector.select(1000), Deno.errors.BadResource);
      assert(isOsError(error));
      assertStringIncludes(error.message, ` ${gone.reader}: Bad file descriptor (EBADF ${EBADF})`);
      assertFalse(selector.getMap().has(gone.reader));
      assertEquals(selector.select(1000).map(([{ data }]) => data), ["stays"]);
    });

    test("keeps a wake-up for the wait after the one that throws", () => {
      using selector = new Selector();
      const gone = new Pipe();
      selector.register(gone.reader, EVENT_READ);
      gone[Symbol.dispose]();
      selector.wakeup();
      assertThrows(() => selector.select(1000), Deno.errors.BadResource);
      assertLess(timed(() => assertEquals(selector.select(60_000), [])), 30_000);
      assertGreaterOrEqual(timed(() => assertEquals(selector.select(20), [])), 20);
    });
  }
}

// ─── epoll's own ────────────────────────────────────────────────────────────────────────────────

function epollTest(fact: string, fn: () => void | Promise<void>) {
  Deno.test({ name: `EpollSelector ${fact}`, ignore: !EpollSelector.isSupported(), fn });
}

epollTest("refuses a regular file in words, and keeps no key", () => {
  using file = new RegularFile("text");
  using selector = new EpollSelector();
  const error = assertThrows(
    () => selector.register(file.fd, EVENT_READ),
    Deno.errors.PermissionDenied,
    "epoll cannot wait for regular files, directories and devices such as /dev/null",
  );
  assert(isOsError(error));
  assertEquals([error.code, error.syscall], ["EPERM", "epoll_ctl"]);
  assertStrictEquals(selector.getMap().size, 0);
});

epollTest("says of /dev/null and of a directory what it says of a regular file", () => {
  using selector = new EpollSelector();
  for (const path of ["/dev/null", "/"]) {
    using device = Descriptor.open(path, O_RDONLY);
    assertThrows(
      () => selector.register(device, EVENT_READ),
      Deno.errors.PermissionDenied,
      "directories and devices such as /dev/null",
    );
  }
});

for (const Selector of [PollSelector, SelectSelector]) {
  Deno.test(unlessLeftOut(`${Selector.name} reports a regular file as always ready`), () => {
    using file = new RegularFile("text");
    using selector = new Selector();
    selector.register(file.fd, READ_WRITE);
    assertEquals(summary(selector.select()), [[file.fd, READ_WRITE]]);
    file.readAll();
    assertEquals(summary(selector.select()), [[file.fd, READ_WRITE]]);
  });
}

epollTest("drops events of a descriptor that lives on in a duplicate, and does not spin", () => {
  using pair = new Pair();
  using other = new Pipe();
  using selector = new EpollSelector<string>();
  const fd = fcntl(pair.right.fileno(), F_DUPFD_CLOEXEC, 0);
  selector.register(fd, EVENT_READ, "closed");
  selector.register(other.reader, EVENT_READ, "stays");
  close(fd); // pair.right keeps the open file, and so the epoll entry
  selector.unregister(fd);
  pair.left.send(new Uint8Array(1));
  assertGreaterOrEqual(timed(() => assertEquals(selector.select(30), [])), 30);
  other.fill();
  assertEquals(selector.select(1000).map(([{ data }]) => data), ["stays"]);
  selector.wakeup();
  selector.unregister(other.reader);
  assertEquals(selector.select(), []);
  assertEquals(selector.select(0), []);
});

epollTest("tells a reused number from the registration before it", () => {
  using pair = new Pair();
  using pipe = new Pipe();
  using selector = new EpollSelector<string>();
  const fd = fcntl(pair.right.fileno(), F_DUPFD_CLOEXEC, 0);
  selector.register(fd, EVENT_READ, "old");
  close(fd);
  selector.unregister(fd);
  assertStrictEquals(fcntl(pipe.reader, F_DUPFD_CLOEXEC, fd), fd);
  selector.register(fd, EVENT_READ, "new");
  pair.left.send(new Uint8Array(1)); // the old entry is ready, the new one is not
  assertEquals(selector.select(5), []);
  pipe.fill();
  assertEquals(selector.select(1000).map(([{ data }]) => data), ["new"]);
  selector.unregister(fd);
  close(fd);
});

epollTest("does not watch a reused number when it gets rid of a forgotten one", () => {
  using pair = new Pair();
  using pipe = new Pipe();
  using selector = new EpollSelector<string>();
  const forgotten = fcntl(pair.right.fileno(), F_DUPFD_CLOEXEC, 0);
  const gone = new Pair();
  const fd = gone.right.fileno();
  selector.register(forgotten, EVENT_READ, "forgotten");
  selector.register(fd, EVENT_READ, "closed");
  close(forgotten);
  selector.unregister(forgotten);
  gone[Symbol.dispose]();
  assertStrictEquals(dup3(pipe.reader, fd, O_CLOEXEC), fd);
  pipe.fill();
  pair.left.send(new Uint8Array(1)); // the stale entry is ready
  assertEquals(selector.select(5), []);
  assertEquals(selector.select(0), []);
  selector.unregister(fd);
  close(fd);
});

epollTest(
  "loses nothing though there is no descriptor left to get rid of a forgotten one",
  async () => {
    const { stdout, stderr } = await runProgram("tests/fixtures/exhausted_forgotten.ts");
    assertEquals(stdout, "once\nEMFILE\n0\n", stderr);
  },
);

epollTest('tells "oneshot" once, though events of a forgotten duplicate come along', () => {
  using pair = new Pair();
  using selector = new EpollSelector<string>();
  const forgotten = fcntl(pair.right.fileno(), F_DUPFD_CLOEXEC, 0);
  pair.left.send(new Uint8Array(1));
  // The kernel reports them in this order.
  selector.register(forgotten, EVENT_READ, "forgotten");
  selector.register(pair.right, EVENT_READ, "once", { mode: "oneshot" });
  close(forgotten);
  selector.unregister(forgotten);
  assertEquals(selector.select(0).map(([{ data }]) => data), ["once"]);
  assertEquals(selector.select(0), []);
});

epollTest("registers a number that the kernel still has, and modifies one that it forgot", () => {
  using pair = new Pair();
  using selector = new EpollSelector<string>();
  const fd = fcntl(pair.right.fileno(), F_DUPFD_CLOEXEC, 0);
  selector.register(fd, EVENT_READ, "one");
  close(fd);
  selector.unregister(fd);
  // the same open file under the same number
  assertStrictEquals(dup3(pair.right.fileno(), fd, O_CLOEXEC), fd);
  selector.register(fd, EVENT_READ, "two"); // EEXIST
  pair.left.send(new Uint8Array(1));
  assertEquals(selector.select(1000).map(([{ data }]) => data), ["two"]);

  close(fd);
  using pipe = new Pipe();
  assertStrictEquals(dup3(pipe.writer, fd, O_CLOEXEC), fd);
  selector.modify(fd, EVENT_WRITE, "three"); // ENOENT
  assertEquals(selector.select(1000).map(([{ data }]) => data), ["three"]);
  selector.unregister(fd);
  close(fd);
});

epollTest("forgets silently what was closed while registered", () => {
  using selector = new EpollSelector();
  const pipe = new Pipe();
  pipe.fill();
  selector.register(pipe.reader, EVENT_READ);
  pipe[Symbol.dispose]();
  assertEquals(selector.select(0), []);
  selector.unregister(pipe.reader);
});

epollTest("watches another selector's descriptor", () => {
  using pipe = new Pipe();
  using inner = new EpollSelector();
  using outer = new EpollSelector<string, FileObject>();
  inner.register(pipe.reader, EVENT_READ);
  outer.register(inner, EVENT_READ, "inner");
  assertEquals(outer.select(0), []);
  pipe.fill();
  assertEquals(outer.select(1000).map(([{ data }]) => data), ["inner"]);
  assertEquals(summary(inner.select(1000)), [[pipe.reader, EVENT_READ]]);
  const error = assertThrows(() => outer.register(outer, EVENT_READ, "itself"));
  assert(isOsError(error));
  assertStrictEquals(error.code, "EINVAL");
});

epollTest("fileno() is its descriptor, and -1 once closed", () => {
  const selector = new EpollSelector();
  assert(selector.fileno() >= 0);
  selector.close();
  assertStrictEquals(selector.fileno(), -1);
});

Deno.test("DefaultSelector is the best that the platform has, a class and a type", () => {
  using selector: DefaultSelector<string> = new DefaultSelector<string>();
  const [best] = [PlainKqueueSelector, EpollSelector, PollSelector].filter((S) => S.isSupported());
  assertInstanceOf(selector, best!);
  assert(DefaultSelector.isSupported());
});

// ─── helpers ────────────────────────────────────────────────────────────────────────────────────

/** Closes with a reset: SO_LINGER with a time of 0. */
function reset(socket: Socket): void {
  const linger = new Uint8Array(8);
  new Int32Array(linger.buffer)[0] = 1; // l_onoff
  socket.setOption(SOL_SOCKET, SO_LINGER, linger);
  socket.close();
}

/** A Worker that wakes the selector after some milliseconds. */
function startWakerWorker(selector: BaseSelector, delay: number) {
  const worker = new Worker(new URL("fixtures/waker_worker.ts", import.meta.url), {
    type: "module",
  });
  const ready = new Promise<void>((resolve) => worker.onmessage = () => resolve());
  const woken = new Int32Array(new SharedArrayBuffer(4));
  worker.postMessage({ fd: selector.waker.fd, delay, woken });
  return {
    ready,
    hasWoken: () => Atomics.load(woken, 0) === 1,
    terminate: () => worker.terminate(),
  };
}
