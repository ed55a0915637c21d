/** Descriptor: pipes, ptys, files and others that are no sockets, on the event loop. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { DefaultSelector, Descriptor, EVENT_READ, isOsError, readable, writable } from "../mod.ts";
import * as c from "../ffi/mod.ts";
import { isCloseOnExec, openDescriptors } from "./helpers/descriptors.ts";
import { DENO, run } from "./helpers/programs.ts";
import { delay, promptly, timed } from "./helpers/timing.ts";

const isWindows = Deno.build.os === "windows";
const isLinux = Deno.build.os === "linux";
const onPosix = { ignore: isWindows };
const onLinux = { ignore: !isLinux };
const NOT_OPEN = 60_000;
const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

// A stream gives its bytes before the turn of the event loop that may follow: which is no leak.
Deno.test.afterEach(() => delay(5));

async function readText(stream: { read(p: Uint8Array): Promise<number | null> }): Promise<string> {
  const p = new Uint8Array(1024);
  const count = await stream.read(p);
  return decode(p.subarray(0, count!));
}

/** Both ends of a pipe. */
function pipe(): { reader: Descriptor; writer: Descriptor } & Disposable {
  const fds = new Int32Array(2);
  if (c.pipe(fds) === -1) throw c.osError("pipe", "");
  const [reader, writer] = [new Descriptor(fds[0]!), new Descriptor(fds[1]!)];
  return {
    reader,
    writer,
    [Symbol.dispose]() {
      reader.close();
      writer.close();
    },
  };
}

/** Both sides of a pty, whose terminal passes bytes on as they are. */
function pty(): { master: Descriptor; openTerminal(): Descriptor } {
  const library = Deno.dlopen("libc.so.6", {
    unlockpt: { parameters: ["i32"], result: "i32" },
    ptsname: { parameters: ["i32"], result: "pointer" },
    tcgetattr: { parameters: ["i32", "buffer"], result: "i32" },
    cfmakeraw: { parameters: ["buffer"], result: "void" },
    tcsetattr: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  });
  const { symbols } = library;
  try {
    const master = Descriptor.open("/dev/ptmx", c.O_RDWR | c.O_NOCTTY);
    symbols.unlockpt(master.fileno());
    const name = Deno.UnsafePointerView.getCString(symbols.ptsname(master.fileno())!);
    const termios = new Uint8Array(128);
    symbols.tcgetattr(master.fileno(), termios);
    symbols.cfmakeraw(termios);
    symbols.tcsetattr(master.fileno(), 0, termios);
    return { master, openTerminal: () => Descriptor.open(name, c.O_RDWR | c.O_NOCTTY) };
  } finally {
    library.close();
  }
}

function isNonBlocking(fd: number): boolean {
  return (c.fcntl(fd, c.F_GETFL) & c.O_NONBLOCK) !== 0;
}

Deno.test("A descriptor that is taken over becomes non-blocking and close-on-exec", onPosix, () => {
  const fds = new Int32Array(2);
  c.pipe(fds);
  assert(!isNonBlocking(fds[0]!) && !isCloseOnExec(fds[0]!));
  using reader = new Descriptor(fds[0]!);
  using _writer = new Descriptor(fds[1]!);
  assertStrictEquals(reader.fileno(), fds[0]!);
  assert(isNonBlocking(reader.fileno()) && isCloseOnExec(reader.fileno()));
  assert(!reader.closed);
});

Deno.test("Standard input, output and error stay open for child processes", onPosix, async () => {
  const program = `
    import { Descriptor } from ${JSON.stringify(new URL("../mod.ts", import.meta.url).href)};
    const [input] = [new Descriptor(0), new Descriptor(1)];
    const { stdout } = await new Deno.Command("cat", { stdin: "inherit", stdout: "piped" }).output();
    console.log(new TextDecoder().decode(stdout), input.closed);
  `;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, program);
  const script = `echo typed | "${DENO}" run -A ${file} | cat`;
  const result = await run("sh", ["-c", script]);
  await Deno.remove(file);
  assertStrictEquals(result.stdout, "typed\n false\n", result.stderr);
});

Deno.test("What cannot be a descriptor or is not open is not taken over", onPosix, () => {
  for (const fd of [-1, 1.5, NaN, 2 ** 31, Infinity]) {
    assertThrows(() => new Descriptor(fd), RangeError, String(fd));
  }
  for (const fd of ["1", null, undefined, {}]) {
    assertThrows(() => new Descriptor(fd as unknown as number), TypeError);
  }
  const error = assertThrows(() => new Descriptor(NOT_OPEN), Deno.errors.BadResource);
  assert(isOsError(error));
  assertEquals([error.code, error.syscall], ["EBADF", "fcntl"]);
  assertMatch(error.message, /60000/);
});

Deno.test({
  name: "On Windows there is no Descriptor",
  ignore: !isWindows,
  fn() {
    assertThrows(() => new Descriptor(4), Deno.errors.NotSupported);
    assertThrows(() => Descriptor.open("NUL", 0), Deno.errors.NotSupported);
  },
});

Deno.test("tryRead() and tryWrite() do not wait, and tell the end from nothing", onPosix, () => {
  using ends = pipe();
  assertStrictEquals(ends.reader.tryRead(new Uint8Array(4)), null);
  assertStrictEquals(ends.writer.tryWrite(encode("hello")), 5);
  const buffer = new Uint8Array(4);
  assertStrictEquals(ends.reader.tryRead(buffer), 4);
  assertStrictEquals(decode(buffer), "hell");
  while (ends.writer.tryWrite(new Uint8Array(65536)) !== null);
  while (ends.reader.tryRead(new Uint8Array(65536)) !== null);
  ends.writer.close();
  assertStrictEquals(ends.reader.tryRead(buffer), 0);
});

Deno.test("Writing to a pipe that nobody reads is BrokenPipe", onPosix, async () => {
  using ends = pipe();
  ends.reader.close();
  assertThrows(() => ends.writer.tryWrite(new Uint8Array(1)), Deno.errors.BrokenPipe);
  await assertRejects(() => ends.writer.write(new Uint8Array(1)), Deno.errors.BrokenPipe);
});

Deno.test("read() and write() wait until the pipe has bytes or room", onPosix, async () => {
  using ends = pipe();
  const reading = readText(ends.reader);
  await delay(2);
  assertStrictEquals(await ends.writer.write(encode("hello")), 5);
  assertStrictEquals(await reading, "hello");
  while (ends.writer.tryWrite(new Uint8Array(65536)) !== null);
  const writing = ends.writer.write(encode("more"));
  await delay(2);
  while (ends.reader.tryRead(new Uint8Array(65536)) !== null);
  assertStrictEquals(await writing, 4);
  ends.writer.close();
  assertStrictEquals(await readText(ends.reader), "more");
  assertStrictEquals(await ends.reader.read(new Uint8Array(1)), null);
});

Deno.test(
  "A regular file is read and written, though nothing can wait for it",
  onPosix,
  async () => {
    const path = await Deno.makeTempFile();
    const text = "x".repeat(200_000);
    using out = Descriptor.open(path, c.O_WRONLY);
    await new Blob([text]).stream().pipeTo(out.writable);
    assert(out.closed); // it is open for writing alone
    const into = Descriptor.open(path, c.O_RDONLY);
    assertStrictEquals(await new Response(into.readable).text(), text);
    assert(into.closed);
    await Deno.remove(path);
  },
);

Deno.test(
  "A descriptor is closed once the directions that it is open for have ended",
  onPosix,
  async () => {
    using ends = pipe();
    const text = new Response(ends.reader.readable).text();
    const writer = ends.writer.writable.getWriter();
    await writer.write(encode("all of it"));
    await writer.close();
    assert(ends.writer.closed);
    assertStrictEquals(await text, "all of it");
    assert(ends.reader.closed);
  },
);

Deno.test("A cancelled stream loses no byte of a pipe", onPosix, async () => {
  const fds = new Int32Array(2);
  c.pipe(fds);
  const duplicate = c.fcntl(fds[0]!, c.F_DUPFD_CLOEXEC, 0);
  using writer = new Descriptor(fds[1]!);
  const first = new Descriptor(fds[0]!);
  const reading = first.readable.getReader();
  const chunk = reading.read();
  await delay(2);
  await reading.cancel();
  assert((await chunk).done);
  assert(first.closed); // a reading end has no other direction
  writer.tryWrite(encode("kept"));
  using second = new Descriptor(duplicate);
  assertStrictEquals(await readText(second), "kept");
});

Deno.test(
  "close() ends the waits at once; it leaves nothing and can be called again",
  onPosix,
  async () => {
    await promptly(async () => {
      const before = openDescriptors();
      const took = await (async () => {
        using ends = pipe();
        const waits = [ends.reader.read(new Uint8Array(1)), readable(ends.reader)];
        await delay(1);
        return await timed(async () => {
          ends.reader.close();
          ends.reader.close();
          await Promise.all(
            waits.map((wait) => assertRejects(() => wait, Deno.errors.BadResource)),
          );
        });
      })();
      assertStrictEquals(openDescriptors(), before);
      return took;
    });
  },
);

Deno.test("After close() everything is BadResource, and fileno() -1", onPosix, async () => {
  using ends = pipe();
  const { reader } = ends;
  reader.close();
  assert(reader.closed);
  assertStrictEquals(reader.fileno(), -1);
  using selector = new DefaultSelector();
  for (
    const use of [
      () => reader.tryRead(new Uint8Array(1)),
      () => reader.tryWrite(new Uint8Array(1)),
      () => reader.detach(),
      () => reader.readable,
      () => reader.writable,
      () => selector.register(reader, EVENT_READ),
    ]
  ) assertThrows(use, Deno.errors.BadResource);
  for (
    const use of [
      () => reader.read(new Uint8Array(1)),
      () => reader.write(new Uint8Array(1)),
      () => readable(reader),
      () => writable(reader),
    ]
  ) await assertRejects(use, Deno.errors.BadResource);
});

Deno.test("detach() gives the descriptor up, open", onPosix, () => {
  using ends = pipe();
  const fd = ends.reader.detach();
  assert(ends.reader.closed);
  ends.reader.close();
  ends.writer.tryWrite(encode("x"));
  assertStrictEquals(c.read(fd, new Uint8Array(1), 1), 1);
  c.close(fd);
});

Deno.test("A descriptor is a file object of a selector", onPosix, () => {
  using ends = pipe();
  using selector = new DefaultSelector();
  selector.register(ends.reader, EVENT_READ);
  ends.writer.tryWrite(encode("x"));
  assertStrictEquals(selector.select(1000)[0]![0].fileobj, ends.reader);
});

Deno.test("open() takes paths and URLs, adds flags, and makes files with the mode", onPosix, () => {
  const folder = Deno.makeTempDirSync();
  const path = `${folder}/a file`;
  const flags = c.O_WRONLY | c.O_CREAT | c.O_EXCL;
  {
    using file = Descriptor.open(path, flags, 0o600);
    assert(isNonBlocking(file.fileno()) && isCloseOnExec(file.fileno()));
    assertStrictEquals(Deno.statSync(path).mode! & 0o777, 0o600);
    file.tryWrite(encode("text"));
  }
  const url = new URL(`file://${folder}/a%20file`);
  using file = Descriptor.open(url, 0);
  const buffer = new Uint8Array(9);
  assertStrictEquals(file.tryRead(buffer), 4);
  assertThrows(() => Descriptor.open(path, flags), Deno.errors.AlreadyExists, path);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("open() names the path in its errors, and opens nothing", onPosix, () => {
  const before = openDescriptors();
  const error = assertThrows(() => Descriptor.open("/no/such/file", 0), Deno.errors.NotFound);
  assert(isOsError(error));
  assertEquals([error.code, error.syscall], ["ENOENT", "open"]);
  assertMatch(error.message, /^open \/no\/such\/file: /);
  assertThrows(() => Descriptor.open("/tmp\0/x", 0), TypeError);
  assertThrows(() => Descriptor.open(new URL("https://deno.land"), 0), TypeError);
  assertThrows(() => Descriptor.open(5 as unknown as string, 0), TypeError);
  assertThrows(() => Descriptor.open("/tmp", NaN), RangeError);
  assertThrows(() => Descriptor.open("/tmp", "0" as unknown as number), TypeError);
  assertStrictEquals(openDescriptors(), before);
});

Deno.test("A directory opens and is IsADirectory when read", onPosix, async () => {
  using directory = Descriptor.open("/", c.O_DIRECTORY);
  await assertRejects(() => directory.read(new Uint8Array(1)), Deno.errors.IsADirectory);
});

Deno.test(
  "A pty carries bytes both ways, and ends when its terminal is closed",
  onLinux,
  async () => {
    const { master, openTerminal } = pty();
    using _master = master;
    const terminal = openTerminal();
    await master.write(encode("typed"));
    assertStrictEquals(await readText(terminal), "typed");
    const reading = readText(master);
    await delay(2);
    await terminal.write(encode("shown"));
    assertStrictEquals(await reading, "shown");
    await terminal.write(encode("the last"));
    const rest = new Response(master.readable).text();
    terminal.close();
    assertStrictEquals(await rest, "the last"); // read(2) says EIO here
    assertStrictEquals(master.tryRead(new Uint8Array(1)), 0);
  },
);

Deno.test("EIO is no end where nobody has hung up", onLinux, () => {
  // Reading one's own memory at an address that is not mapped is EIO.
  using memory = Descriptor.open("/proc/self/mem", c.O_RDONLY);
  const error = assertThrows(() => memory.tryRead(new Uint8Array(1)));
  assert(isOsError(error));
  assertStrictEquals(error.code, "EIO");
});

Deno.test("console.log() shows the descriptor, and whether it is closed", onPosix, () => {
  using ends = pipe();
  const fd = ends.reader.fileno();
  assertStrictEquals(Deno.inspect(ends.reader), `Descriptor { fd: ${fd}, closed: false }`);
  assertStrictEquals(
    Deno.inspect({ a: ends.reader }),
    `{ a: Descriptor { fd: ${fd}, closed: false } }`,
  );
  ends.reader.close();
  assertStrictEquals(Deno.inspect(ends.reader), "Descriptor { fd: -1, closed: true }");
  Deno.inspect(Descriptor.prototype);
});

Deno.test("10,000 aborted reads of a pipe lose no byte", onPosix, async () => {
  using ends = pipe();
  let [sent, received] = [0, 0];
  const p = new Uint8Array(7);
  for (let i = 0; i < 10_000; i++) {
    const aborting = new AbortController();
    const reading = ends.reader.read(p, { signal: aborting.signal });
    if (i % 3 === 0) {
      ends.writer.tryWrite(new Uint8Array([sent & 255, (sent + 1) & 255])), sent += 2;
    }
    for (let turns = i % 4; turns > 0; turns--) await Promise.resolve();
    if (i % 11 === 0) await delay(0);
    aborting.abort();
    const count = await reading.catch(() => 0);
    for (let at = 0; at < count!; at++) assertStrictEquals(p[at], received++ & 255);
  }
  ends.writer.close();
  for (let count; (count = await ends.reader.read(p)) !== null;) {
    for (let at = 0; at < count; at++) assertStrictEquals(p[at], received++ & 255);
  }
  assertStrictEquals(received, sent);
});
