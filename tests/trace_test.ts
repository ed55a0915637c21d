/** What traceSyscalls() reports, compared with strace(1), and that it changes nothing. */

import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
  assertMatch,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import * as ffi from "../ffi/mod.ts";
import { libc } from "../ffi/libc.ts";
import { DefaultSelector, EVENT_READ, Socket, type SyscallRecord, traceSyscalls } from "../mod.ts";
import { Pair } from "./helpers/descriptors.ts";
import { DENO, path, Program, run } from "./helpers/programs.ts";
import { asStrace, canStrace, parseStrace, straceArgs, withoutTimeLeft } from "./helpers/strace.ts";

const isWindows = Deno.build.os === "windows"; // where a closed socket is no socket
const NOT_OPEN = isWindows ? ffi.ENOTSOCK : ffi.EBADF;
const CLOSE = isWindows ? "closesocket" : "close";
const POLL = isWindows ? "WSAPoll" : "poll";
const CODE = ffi.errnoName(NOT_OPEN);
const FAILURE = `-1 ${CODE} (${ffi.strerror(NOT_OPEN)})`;
const ABSENT = 999_999; // no descriptor
// where a selector waits with poll() on its own descriptor
const isPolling = ffi.isPlatformWith("epoll");

/** The calls that were recorded while `action` ran. */
function recordsOf(action: () => void): SyscallRecord[] {
  const records: SyscallRecord[] = [];
  using _ = traceSyscalls((call) => records.push(call));
  action();
  return records;
}

function linesOf(action: () => void): string[] {
  return recordsOf(action).map(String);
}

/** The text that was printed on standard error while `action` ran. */
function printedBy(action: () => void): string {
  const { error } = console;
  let printed = "";
  console.error = (...values: unknown[]) => printed += `${values.join(" ")}\n`;
  try {
    action();
  } finally {
    console.error = error;
  }
  return printed;
}

Deno.test({
  name: "traceSyscalls() prints some three hundred calls as strace does, one for one" +
    (canStrace ? "" : " (needs strace on x86-64 Linux)"),
  ignore: !canStrace,
  async fn() {
    const file = await Deno.makeTempFile();
    try {
      const program = [DENO, "run", "--allow-ffi", path("tests/fixtures/traced.ts")];
      const { code, stdout, stderr } = await run("strace", straceArgs(file, program));
      assertEquals(code, 0, stderr);
      const ours = stdout.trimEnd().split("\n");

      const all = parseStrace(await Deno.readTextFile(file));
      const first = all.findIndex(({ line }) => line.startsWith("close(-1001)"));
      const last = all.findIndex(({ line }) => line.startsWith("close(-1002)"));
      const { thread } = all[first]!;
      const theirs = all.slice(first, last + 1).filter((call) => call.thread === thread);

      assertGreaterOrEqual(ours.length, 300);
      assertEquals(ours.map(asStrace), theirs.map(({ line }) => withoutTimeLeft(line)));
    } finally {
      await Deno.remove(file);
    }
  },
});

Deno.test({
  name: "The echo server's --trace is what strace says of it with three clients, call by call" +
    (canStrace ? "" : " (needs strace on x86-64 Linux)"),
  ignore: !canStrace,
  async fn() {
    const file = await Deno.makeTempFile();
    try {
      const server = [DENO, "run", "--allow-ffi", path("examples/echo_server.ts")];
      const args = straceArgs(file, [...server, "--trace", "--port", "0"]);
      await using program = new Program("strace", args, { stderr: "piped" });
      const stderr = new Response(program.child.stderr).text();
      const port = Number(/:(\d+) /.exec(await program.line() ?? "")![1]);
      await visit(port);
      Deno.kill(childOf(program.child.pid), "SIGINT");
      assertMatch(await program.rest(), /server closed\n$/);
      const ours = (await stderr).trimEnd().split("\n");
      await program.child.status; // the file is complete

      assertAlike(ours, parseStrace(await Deno.readTextFile(file)));
      const names = new Set(ours.map((line) => line.split("(")[0]));
      const expected = ["bind", "listen", "epoll_ctl", "accept4", "recv", "send", "close", "poll"];
      assertEquals(expected.filter((name) => !names.has(name)), [], "calls of every kind");
      assertMatch(ours.join("\n"), /^recv\(.* = -1 ECONNRESET /m);
      assertMatch(ours.join("\n"), /^accept4\(.* = -1 EAGAIN /m);
    } finally {
      await Deno.remove(file);
    }
  },
});

/** Three clients: one sends twice, one resets its connection, one sends nothing. */
async function visit(port: number): Promise<void> {
  const address = { hostname: "127.0.0.1", port };
  const buffer = new Uint8Array(64);
  using talker = await Deno.connect(address);
  using silent = await Deno.connect(address);
  for (const text of ["hello\n", "more than thirty-two bytes: the trace cuts them\n"]) {
    await talker.write(new TextEncoder().encode(text));
    assertEquals(await talker.read(buffer), text.length);
  }
  const reset = new Socket();
  reset.setOption(ffi.SOL_SOCKET, ffi.SO_LINGER, new Uint8Array(Int32Array.of(1, 0).buffer));
  reset.connect(address);
  reset.send(new Uint8Array([0, 1, 255]));
  assertEquals(reset.recv(64), new Uint8Array([0, 1, 255]));
  reset.close();
  for (const client of [silent, talker]) {
    await client.closeWrite();
    assertEquals(await client.read(buffer), null);
  }
}

/** The id of the process that strace started. */
function childOf(pid: number): number {
  return Number(Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim().split(" ")[0]);
}

/**
 * Asserts that strace saw the calls that we report, in our order, and no others on our descriptors.
 * A poll() in another thread is reported when it returns, so those calls are compared separately.
 */
function assertAlike(ours: string[], theirs: { line: string }[]): void {
  const start = theirs.findIndex(({ line }) => line === asStrace(ours[0]!));
  const isPoll = (line: string) => line.startsWith("poll(");
  const own = new Set<string>(); // our open descriptors
  const seen = theirs.slice(start).map(({ line }) => withoutTimeLeft(line)).filter((line) => {
    const [, name, argument, result] = /^(\w+)\((?:\[\{fd=)?([-\w]*).* = (\S+)/.exec(line)!;
    const creates = ["socket", "eventfd2", "epoll_create1"].includes(name!);
    const isOwn = creates || own.has(argument!) || line.startsWith("poll(NULL, 0, 0)");
    if (creates || name === "accept4") own.add(result!);
    if (name === "close") own.delete(argument!);
    return isOwn;
  });
  // getaddrinfo() is libc's. For a numeric address it makes no call.
  const expected = ours.filter((line) => !line.startsWith("getaddrinfo(")).map(asStrace);
  assertEquals(expected.filter((line) => !isPoll(line)), seen.filter((line) => !isPoll(line)));
  assertEquals(expected.filter(isPoll), seen.filter(isPoll));
}

Deno.test("A record has the call's name, decoded arguments, result, and the errno's name where it failed", () => {
  const [call] = recordsOf(() => ffi.close(ABSENT));
  assertEquals(call!.name, CLOSE);
  assertEquals(call!.args, [`${ABSENT}`]);
  assertEquals(call!.result, -1);
  assertEquals(call!.error, CODE);
  assertEquals(`${call}`, `${CLOSE}(${ABSENT}) = ${FAILURE}`);

  const fd = new Socket().detach();
  const [success] = recordsOf(() => ffi.close(fd));
  assertEquals(success!.error, undefined);
  assert(!("error" in success!));
});

Deno.test("traceSyscalls() cuts buffers after 32 bytes", () => {
  using pair = new Pair();
  const [left, right] = [pair.left.fileno(), pair.right.fileno()];
  const bytes = new Uint8Array(40).fill(120);
  const [send32, send33, recv33] = linesOf(() => {
    ffi.send(left, bytes, 32, 0);
    ffi.send(left, bytes, 33, 0);
    ffi.recv(right, new Uint8Array(32), 32, 0);
    ffi.recv(right, new Uint8Array(33), 33, 0);
  }).toSpliced(2, 1);
  const x = "x".repeat(32);
  assertEquals(send32, `send(${left}, "${x}", 32, 0) = 32`);
  assertEquals(send33, `send(${left}, "${x}"..., 33, 0) = 33`);
  assertEquals(recv33, `recv(${right}, "${x}"..., 33, 0) = 33`);
});

Deno.test("A record's duration is how long the call took, in microseconds", () => {
  using pair = new Pair();
  const memory = new Uint8Array(ffi.pollfd.size);
  ffi.pollfd.write(memory, { fd: pair.left.fileno(), events: ffi.POLLIN, revents: 0 });
  const start = performance.now();
  const [waited, looked] = recordsOf(() => {
    ffi.poll(memory, 1, 20);
    ffi.poll(memory, 1, 0);
  });
  const all = (performance.now() - start) * 1000;
  assertGreaterOrEqual(waited!.duration, 19_000); // the clock may be coarse
  assertLess(waited!.duration, all);
  assertLess(looked!.duration, waited!.duration);
  assertGreaterOrEqual(looked!.duration, 0);
});

Deno.test("A call that changed its memory is printed with what it was given and what it found", () => {
  using pair = new Pair();
  const [fd, other] = [pair.left.fileno(), pair.right.fileno()];
  const set = new Uint8Array(4 * ffi.fd_set.size); // larger than in C, which select() allows
  ffi.FD_SET(fd, set);
  ffi.FD_SET(other, set);
  pair.left.send(new Uint8Array([1]));
  const [line] = linesOf(() => ffi.select(other + 1, set, null, null, null));
  assertEquals(
    line,
    `select(${other + 1}, [${fd} ${other}], NULL, NULL, NULL) = 1 (in [${other}])`,
  );
});

Deno.test({
  name:
    "The poll() that selectAsync() parks is reported when it completes, with its whole duration",
  ignore: !isPolling,
  async fn() {
    using pair = new Pair();
    using selector = new DefaultSelector();
    selector.register(pair.left, EVENT_READ);
    let longest = 0; // of some: on a busy machine it may begin long after selectAsync()
    for (let round = 0; round < 20 && longest < 15_000; round++) {
      const records: SyscallRecord[] = [];
      using _ = traceSyscalls((call) => records.push(call));
      // A poll() without descriptors only lets the event loop run.
      const polls = () => records.filter(({ name, args }) => name === POLL && args[1] !== "0");

      const wait = selector.selectAsync();
      await new Promise((resolve) => setTimeout(resolve, 20));
      assertEquals(polls(), [], "it has not completed");
      pair.right.send(new Uint8Array([1]));
      await wait;
      pair.left.recv(1);

      const [poll] = polls();
      assertMatch(
        `${poll}`,
        /^(?:WSAP|p)oll\(\[\{fd=\d+, events=POLLIN\}, \{fd=(\d+), events=POLLIN\}\], 2, \d+\) = 1 \(\[\{fd=\1, revents=POLLIN\}\]\)$/,
      );
      longest = Math.max(longest, poll!.duration);
    }
    assertGreaterOrEqual(longest, 15_000);
  },
});

Deno.test("A nonblocking poll() that began before the tracing is not reported", async () => {
  using pair = new Pair();
  const memory = new Uint8Array(ffi.pollfd.size);
  ffi.pollfd.write(memory, { fd: pair.left.fileno(), events: ffi.POLLIN, revents: 0 });
  const parked = ffi.poll_nonblocking(memory, 1, -1);
  const names: string[] = [];
  using _ = traceSyscalls(({ name }) => names.push(name));
  pair.right.send(new Uint8Array([1]));
  assertEquals(await parked, 1);
  assertEquals(names, ["send"]);
});

Deno.test("Each of several tracings gets every call once, in the order in which they began", () => {
  const reported: string[] = [];
  using _outer = traceSyscalls(({ args }) => reported.push(`outer ${args}`));
  {
    using _inner = traceSyscalls(({ args }) => reported.push(`inner ${args}`));
    ffi.close(-2);
  }
  ffi.close(-3);
  assertEquals(reported, ["outer -2", "inner -2", "outer -3"]);
});

Deno.test("A tracing may end before one that began earlier, and the other way round", () => {
  const reported: string[] = [];
  const first = traceSyscalls(({ args }) => reported.push(`first ${args}`));
  const second = traceSyscalls(({ args }) => reported.push(`second ${args}`));
  first[Symbol.dispose]();
  ffi.close(-2);
  second[Symbol.dispose]();
  ffi.close(-3);
  assertEquals(reported, ["second -2"]);
});

Deno.test("A sink that traces twice gets each call twice, until one tracing ends", () => {
  let count = 0;
  const sink = () => void count++;
  const first = traceSyscalls(sink);
  const second = traceSyscalls(sink);
  ffi.close(-2);
  assertEquals(count, 2);
  first[Symbol.dispose]();
  ffi.close(-2);
  assertEquals(count, 3);
  second[Symbol.dispose]();
});

Deno.test("Disposing a tracing again has no effect, and ends no other tracing", () => {
  const reported: string[] = [];
  const first = traceSyscalls(() => {});
  using _ = traceSyscalls(({ name }) => reported.push(name));
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  ffi.close(-2);
  assertEquals(reported, [CLOSE]);
});

Deno.test("A sink may end its own tracing", () => {
  let count = 0;
  const tracing = traceSyscalls(() => {
    count++;
    tracing[Symbol.dispose]();
  });
  ffi.close(-2);
  ffi.close(-2);
  assertEquals(count, 1);
});

Deno.test("What a sink throws is printed, and changes neither the call, nor its errno, nor the other sinks", () => {
  let reported = 0;
  const printed = printedBy(() => {
    using _throws = traceSyscalls(() => {
      throw new Error("no sink today");
    });
    using _counts = traceSyscalls(() => void reported++);
    assertEquals(ffi.close(-2), -1);
    assertEquals(ffi.errno(), NOT_OPEN);
  });
  assertEquals(reported, 1);
  assertMatch(printed, /^A sink of traceSyscalls\(\) failed: Error: no sink today/);
});

Deno.test("A sink that uses the library does not get its own calls, and changes no errno", () => {
  const names: string[] = [];
  {
    using _ = traceSyscalls(({ name }) => {
      names.push(name);
      const [left, right] = Socket.pair();
      left.send(new Uint8Array([1]));
      right.recv(1);
      left.close();
      right.close();
      using selector = new DefaultSelector();
      selector.select(0);
      const socket = new Socket();
      ffi.listen(socket.fileno(), 1);
      ffi.connect(socket.fileno(), new Uint8Array(1), 1); // fails with another errno
      socket.close();
      assertNotEquals(ffi.errno(), NOT_OPEN);
    });
    assertEquals(ffi.close(-2), -1);
    assertEquals(ffi.errno(), NOT_OPEN);
  }
  assertEquals(names, [CLOSE]);
});

Deno.test("Tracing changes neither results nor what the library throws", () => {
  using pair = new Pair();
  pair.left.setBlocking(false);
  using _ = traceSyscalls(() => {});
  assertEquals(pair.left.recv(16), null);
  pair.right.send(new Uint8Array([1, 2, 3]));
  assertEquals(pair.left.recv(16), new Uint8Array([1, 2, 3]));
  assertThrows(() => Socket.fromFd(ABSENT), Error, CODE);
});

Deno.test("Calls go straight to the C library's functions before the first tracing and after the last", async () => {
  // The same object and functions, so the calls are those of a program that has never traced.
  const program = `
    import { libc } from "${new URL("../ffi/libc.ts", import.meta.url)}";
    import { traceSyscalls } from "${new URL("../mod.ts", import.meta.url)}";
    const never = libc();
    const functions = Object.values(never);
    const first = traceSyscalls(() => {});
    const second = traceSyscalls(() => {});
    console.log(libc() !== never && libc().close !== never.close);
    first[Symbol.dispose]();
    second[Symbol.dispose]();
    console.log(libc() === never, Object.values(libc()).every((f, i) => f === functions[i]));`;
  const { stdout, stderr } = await run(DENO, ["eval", program]);
  assertEquals(stdout, "true\ntrue true\n", stderr);
});

Deno.test("Functions that are no syscalls are never wrapped", () => {
  const { inet_pton, close } = libc();
  using _ = traceSyscalls(() => {});
  assertStrictEquals(libc().inet_pton, inet_pton);
  assert(libc().close !== close);
});

Deno.test("Without a sink, traceSyscalls() prints a line a call on standard error", () => {
  const printed = printedBy(() => {
    using _ = traceSyscalls();
    ffi.close(-2);
    ffi.close(-3);
  });
  assertEquals(
    printed,
    `${CLOSE}(-2) = ${FAILURE}\n${CLOSE}(-3) = ${FAILURE}\n`,
  );
});

Deno.test("traceSyscalls() refuses a sink that is no function", () => {
  assertThrows(() => traceSyscalls("stderr" as never), TypeError, "function");
  assertEquals(linesOf(() => ffi.close(-2)).length, 1);
});
