/** examples/serial.ts over a pseudoterminal pair: the test is the device at the other end. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { openPty } from "../examples/pty.ts";
import { openSerial } from "../examples/serial.ts";
import type { Descriptor } from "../mod.ts";
import {
  assertSameBytes,
  EVENT_LIMIT,
  seededBytes,
  within,
} from "./helpers/echo_server_process.ts";
import { DENO, path, run } from "./helpers/programs.ts";

const EXAMPLE = path("examples/serial.ts");
const FLAGS = ["run", "--no-prompt", "--allow-ffi"];
const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, i) => i); // Ctrl-C, CR, XOFF, 0xff …

const isWindows = Deno.build.os === "windows";
if (!isWindows) openPty().master.close(); // opens libc before the tests
const serialTest = (name: string, fn: () => Promise<void>) => {
  Deno.test({ name: name + (isWindows ? " (not on Windows)" : ""), ignore: isWindows, fn });
};

serialTest("A serial port passes every byte unchanged in both directions", async () => {
  const { master, path } = openPty();
  using device = master;
  using port = openSerial(path, 115200);
  await write(device, ALL_BYTES);
  assertSameBytes(await read(port, ALL_BYTES.length), ALL_BYTES);
  await write(port, ALL_BYTES);
  assertSameBytes(await read(device, ALL_BYTES.length), ALL_BYTES);
});

serialTest("A serial port as Web Streams carries 2 MB each way at once", async () => {
  const { master, path } = openPty();
  using device = master;
  const port = openSerial(path, 921600);
  const bytes = seededBytes(2_000_000, 1);
  const echoing = port.readable.pipeTo(port.writable); // the program sends back what it receives
  const [, echoed] = await within(
    EVENT_LIMIT,
    Promise.all([write(device, bytes), read(device, bytes.length)]),
    "the echo",
  );
  assertSameBytes(echoed, bytes);
  device.close(); // the device is unplugged
  await echoing;
  assertEquals(port.closed, true);
});

serialTest("A write to a serial port does not wait for a read that is under way", async () => {
  const { master, path } = openPty();
  using device = master;
  using port = openSerial(path, 115200);
  const reading = read(port, 2);
  await within(EVENT_LIMIT, write(port, new TextEncoder().encode("AT")), "the write");
  assertEquals(new TextDecoder().decode(await read(device, 2)), "AT");
  await write(device, new TextEncoder().encode("OK"));
  assertEquals(new TextDecoder().decode(await reading), "OK");
});

serialTest("serial.ts connects a port with standard input and output", async () => {
  const { master, path } = openPty();
  using device = master;
  const child = new Deno.Command(DENO, {
    args: [...FLAGS, EXAMPLE, path, "9600"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  const messages = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await within(EVENT_LIMIT, messages.read(), "its first line");
  assertEquals(value, `${path} is open at 9600 baud; Ctrl-C ends\n`);

  await input.write(ALL_BYTES);
  assertSameBytes(await read(device, ALL_BYTES.length), ALL_BYTES);
  await write(device, ALL_BYTES);
  const output = child.stdout.getReader();
  const received: number[] = [];
  while (received.length < ALL_BYTES.length) received.push(...(await output.read()).value!);
  assertSameBytes(Uint8Array.from(received), ALL_BYTES);

  device.close();
  assertEquals((await output.read()).done, true);
  await input.close().catch(() => {});
  await messages.cancel();
  assertEquals((await within(EVENT_LIMIT, child.status, "its end")).code, 0);
});

serialTest("serial.ts says in one line what is wrong, and keeps no descriptor", async () => {
  const missing = await run(DENO, [...FLAGS, EXAMPLE, "/dev/no such port"]);
  assertEquals({ code: missing.code, stdout: missing.stdout }, { code: 1, stdout: "" });
  assertMatch(missing.stderr, /^open \/dev\/no such port: .*\n$/);
  assertEquals((await run(DENO, [...FLAGS, EXAMPLE])).code, 2);

  const { master, path } = openPty();
  using _ = master;
  const odd = await run(DENO, [...FLAGS, EXAMPLE, path, "fast"]);
  assertEquals({ code: odd.code, stdout: odd.stdout }, { code: 1, stdout: "" });
  assertThrows(() => openSerial("/dev/null", 9600)); // ENOTTY
});

async function write(to: Descriptor, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

async function read(from: Descriptor, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await within(EVENT_LIMIT, from.read(bytes.subarray(at)), "more bytes");
    if (count === null) return bytes.subarray(0, at);
    at += count;
  }
  return bytes;
}
