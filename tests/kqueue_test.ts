/**
 * How kqueue(2) differs from epoll(7), and how KqueueSelector handles it. Runs on macOS and the
 * BSDs, and where `LIBKQUEUE` names a library: see `platforms/kqueue.sh`.
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertLess,
  assertMatch,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  EVENT_HANGUP,
  EVENT_PRIORITY,
  EVENT_READ,
  EVENT_WRITE,
  type FileObject,
  isOsError,
  KqueueSelector as PlainKqueueSelector,
  traceSyscalls,
} from "../mod.ts";
import {
  close,
  EPERM,
  EV_DELETE,
  EVFILT_EXCEPT,
  EVFILT_READ,
  F_DUPFD_CLOEXEC,
  F_GETFD,
  fcntl,
  FD_CLOEXEC,
  kevent,
  kqueue,
  libkqueue,
  timespec,
} from "../ffi/mod.ts";
import { Pair, Pipe, pipeAt, RegularFile } from "./helpers/descriptors.ts";
import { unlessLeftOut } from "./helpers/left_out.ts";
import { KqueueSelector } from "./helpers/mechanisms.ts";

const READ_WRITE = EVENT_READ | EVENT_WRITE;
const missing = KqueueSelector.isSupported() ? undefined : "no kqueue, and no LIBKQUEUE";

/** A test that needs kqueue(2); without it the test is left out, with the reason. */
function test(fact: string, fn: () => void | Promise<void>) {
  const name = `KqueueSelector ${fact}`;
  if (missing === undefined) Deno.test({ ...unlessLeftOut(name), fn });
  else Deno.test({ name: `${name} (left out: ${missing})`, ignore: true, fn });
}

/** The differences between kqueue(2) and epoll(7), with the sentence that documents each. */
const DIFFERENCES: { fact: string; source: string; show(): void | Promise<void> }[] = [
  {
    fact: "takes regular files: readable unless at their end, always writable",
    source:
      'kqueue(2), EVFILT_READ, Vnodes: "Returns when the file pointer is not at the end of file."',
    show() {
      using file = new RegularFile("text");
      using selector = new KqueueSelector();
      selector.register(file.fd, READ_WRITE);
      assertEquals(selector.select(0).map(([, events]) => events), [READ_WRITE]);
      file.readAll();
      assertEquals(selector.select(0).map(([, events]) => events), [EVENT_WRITE]);
    },
  },
  {
    fact: "forgets a closed descriptor though a duplicate of it lives on",
    source:
      'kqueue(2): "Calling close() on a file descriptor will remove any kevents that reference the descriptor."',
    show() {
      using pair = new Pair();
      using selector = new KqueueSelector<string>();
      const fd = fcntl(pair.right.fileno(), F_DUPFD_CLOEXEC, 0);
      selector.register(fd, EVENT_READ, "closed");
      close(fd); // pair.right keeps the socket alive
      pair.left.send(new Uint8Array(1));
      assertEquals(selector.select(0), []);
      selector.unregister(fd);
    },
  },
  {
    fact:
      'in "edge" mode reports of reading and writing only what has appeared, not what is still there',
    source:
      'kqueue(2): events are of an (ident, filter) pair, and EV_CLEAR resets "the state" of that one.',
    show() {
      using pair = new Pair();
      using selector = new KqueueSelector();
      selector.register(pair.right, READ_WRITE, undefined, { mode: "edge" });
      assertEquals(selector.select(0).map(([, events]) => events), [EVENT_WRITE]);
      pair.left.send(new Uint8Array(1));
      // epoll(7) would report READ_WRITE.
      assertEquals(selector.select(1000).map(([, events]) => events), [EVENT_READ]);
    },
  },
];

for (const { fact, show } of DIFFERENCES) test(fact, show);

test("reports a pipe whose reader had gone before as writable: level, oneshot and edge", () => {
  using pipe = new Pipe();
  const writer = fcntl(pipe.writer, F_DUPFD_CLOEXEC, 0);
  const ends = new Pipe();
  close(ends.reader);
  using selector = new KqueueSelector<string>();
  selector.register(ends.writer, EVENT_WRITE, "broken"); // EPIPE
  selector.register(writer, EVENT_WRITE, "whole");
  const names = () => selector.select(0).map(([{ data }]) => data).sort();
  assertEquals(names(), ["broken", "whole"]);
  assertEquals(names(), ["broken", "whole"]);
  for (const mode of ["oneshot", "edge"] as const) {
    selector.modify(ends.writer, EVENT_WRITE, mode, { mode });
    assertEquals(names(), [mode, "whole"]);
    assertEquals(names(), ["whole"]);
  }
  selector.modify(ends.writer, EVENT_WRITE, "broken");
  assertEquals(names(), ["broken", "whole"]);
  selector.unregister(ends.writer);
  assertEquals(names(), ["whole"]);
  selector.register(ends.writer, EVENT_WRITE, "broken");
  close(ends.writer);
  assertEquals(names(), ["whole"]);
  selector.unregister(ends.writer);
  selector.unregister(writer);
  close(writer);
});

test("forgets a pipe without a reader when it is closed, though its number is another file's by then", () => {
  using selector = new KqueueSelector();
  using stack = new DisposableStack();
  const pipe = new Pipe();
  close(pipe.reader);
  selector.register(pipe.writer, EVENT_WRITE);
  close(pipe.writer);
  pipeAt(pipe.writer, stack);
  assertEquals(selector.select(0), []);
  selector.unregister(pipe.writer);
});

test("reports a pipe without a reader that is registered during selectAsync()", async () => {
  using selector = new KqueueSelector();
  const pipe = new Pipe();
  close(pipe.reader);
  const wait = selector.selectAsync({ timeout: 60_000 });
  await new Promise((resolve) => setTimeout(resolve, 5));
  selector.register(pipe.writer, EVENT_WRITE);
  const start = performance.now();
  assertStrictEquals((await wait).length, 1);
  assertLess(performance.now() - start, 30_000);
  selector.unregister(pipe.writer);
  close(pipe.writer);
});

test('goes quiet as a whole in "oneshot" mode, though one filter alone had something to say', () => {
  using pair = new Pair();
  using selector = new KqueueSelector<string>();
  selector.register(pair.right, READ_WRITE, "first", { mode: "oneshot" });
  assertEquals(selector.select(1000).map(([, events]) => events), [EVENT_WRITE]);
  pair.left.send(new Uint8Array(1));
  assertEquals(selector.select(0), []);
  selector.modify(pair.right, READ_WRITE, "again", { mode: "oneshot" });
  assertEquals(selector.select(1000).map(([{ data }, events]) => [data, events]), [
    ["again", READ_WRITE],
  ]);
  assertEquals(selector.select(0), []);
});

test("takes the first filter back when the second one is refused", () => {
  if (EVFILT_EXCEPT === 0) return; // no known file accepts one filter of two otherwise
  using file = new RegularFile("text");
  using selector = new KqueueSelector();
  const error = assertThrows(() => selector.register(file.fd, EVENT_READ | EVENT_PRIORITY));
  assert(error instanceof Deno.errors.NotSupported || isOsError(error) && error.errno === EPERM);
  assertStrictEquals(selector.getMap().size, 0);
  assertEquals(selector.select(0), []);
  const change = new Uint8Array(kevent.size);
  const fields = { ident: file.fd, filter: EVFILT_READ, flags: EV_DELETE };
  kevent.write(change, { ...fields, fflags: 0, data: 0, udata: 0n });
  const look = new Uint8Array(timespec.size);
  assertStrictEquals(calls().kevent(selector.fileno(), change, 1, null, 0, look), -1); // ENOENT
});

test("does not wake for data when EVENT_HANGUP alone is asked for of a socket", () => {
  using pair = new Pair();
  using selector = new KqueueSelector();
  selector.register(pair.right, EVENT_HANGUP);
  pair.left.send(new Uint8Array(1));
  const waits: string[] = [];
  {
    using _ = traceSyscalls((call) => void (call.name === "kevent" && waits.push(`${call}`)));
    assertEquals(selector.select(5), []);
  }
  assertStrictEquals(waits.length, 1); // one wait, which nothing ended before its time
});

test("reports pipes without a reader and what the queue has in turns, one by one", () => {
  using stack = new DisposableStack();
  using selector = new KqueueSelector<string>();
  for (const name of ["broken 1", "broken 2"]) {
    const pipe = new Pipe();
    stack.defer(() => void close(pipe.writer));
    close(pipe.reader);
    selector.register(pipe.writer, EVENT_WRITE, name);
  }
  for (const name of ["whole 1", "whole 2"]) {
    selector.register(stack.use(new Pipe()).writer, EVENT_WRITE, name);
  }
  const names = Array.from({ length: 8 }, () => selector.select(0, 1).map(([{ data }]) => data));
  assert(names.every(({ length }) => length === 1));
  assertEquals([...new Set(names.flat())].sort(), ["broken 1", "broken 2", "whole 1", "whole 2"]);
  // There one descriptor may be found in both ways, and counts twice towards the limit.
  const found = selector.select(0, 3).length;
  assert(Deno.build.os === "netbsd" ? found === 2 || found === 3 : found === 3, `${found}`);
  assertStrictEquals(selector.select(0).length, 4);
});

test("watches another selector's descriptor", () => {
  using pipe = new Pipe();
  using inner = new KqueueSelector();
  using outer = new KqueueSelector<string, FileObject>();
  inner.register(pipe.reader, EVENT_READ);
  outer.register(inner, EVENT_READ, "inner");
  assertEquals(outer.select(0), []);
  pipe.fill();
  assertEquals(outer.select(1000).map(([{ data }]) => data), ["inner"]);
  assertEquals(inner.select(1000).map(([{ fd }]) => fd), [pipe.reader]);
});

test("has a descriptor that is close-on-exec, and -1 once closed", () => {
  const selector = new KqueueSelector();
  assertStrictEquals(fcntl(selector.fileno(), F_GETFD), FD_CLOEXEC);
  selector.close();
  assertStrictEquals(selector.fileno(), -1);
});

test("is traced: changes with their receipts, and events", () => {
  using pipe = new Pipe();
  const lines: string[] = [];
  {
    using _ = traceSyscalls((call) => void (call.name === "kevent" && lines.push(`${call}`)));
    using selector = new KqueueSelector();
    selector.register(pipe.reader, EVENT_READ);
    pipe.fill();
    selector.select(1000);
  }
  const fd = pipe.reader;
  const [, change, wait] = lines;
  assertStringIncludes(
    change!,
    `[{ident=${fd}, filter=EVFILT_READ, flags=EV_ADD|EV_ENABLE|EV_RECEIPT,`,
  );
  assertMatch(change!, /flags=[A-Z_|]*EV_ERROR, fflags=0x0, data=0, .* = 1$/);
  assertStringIncludes(wait!, `, NULL, 0, [{ident=${fd}, filter=EVFILT_READ, `);
  assertMatch(wait!, /data=1, udata=0x[1-9a-f]\d*\}\], \d+, \{tv_sec=1, tv_nsec=0\}\) = 1$/);
});

Deno.test("KqueueSelector is NotSupported where neither the platform nor a library has kqueue", () => {
  if (PlainKqueueSelector.isSupported()) new PlainKqueueSelector().close();
  else assertThrows(() => new PlainKqueueSelector(), Deno.errors.NotSupported, "KqueueSelector");
  const library = "/nonexistent/libkqueue.so";
  assertThrows(() => new PlainKqueueSelector({ library }), Deno.errors.NotSupported, library);
});

Deno.test("kevent() checks its lists before the call could touch memory", () => {
  const list = new Uint8Array(kevent.size);
  assertThrows(() => kevent(-1, list, 2, null, 0, null), RangeError, "changelist");
  assertThrows(() => kevent(-1, null, 0, list, 2, null), RangeError, "eventlist");
  assertThrows(() => kevent(-1, null, 1, null, 0, null), RangeError, "changelist");
  assertThrows(() => kevent(-1, null, 0, null, 0, new Uint8Array(8)), RangeError, "timeout");
  assertThrows(() => kevent(-1, list, -1, null, 0, null), RangeError, "nchanges");
  assertThrows(() => kevent(NaN, null, 0, null, 0, null), RangeError, "kq");
  assertFalse(PlainKqueueSelector.isSupported() && kqueue() === -1);
});

function calls() {
  const library = Deno.env.get("LIBKQUEUE");
  return library === undefined ? { kqueue, kevent } : libkqueue(library);
}
