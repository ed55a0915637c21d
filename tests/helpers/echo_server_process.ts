/**
 * The echo server as a running program, and clients for it. Each server starts with the permissions
 * that its usage names and no others, on a port that the system picks.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { assert, assertEquals, assertLess } from "@std/assert";
import { DefaultSelector } from "../../mod.ts";
import { DENO, path, Program } from "./programs.ts";
import { delay } from "./timing.ts";

export const ECHO_SERVER = path("examples/echo_server.ts");
/** Started in its place where the arguments have `--ring`, which the program does not know. */
const RING_SERVER = path("examples/echo_server_ring.ts");
// "epoll" on Linux, "kqueue" on macOS
export const BEST: string = DefaultSelector.name.replace("Selector", "").toLowerCase();
const STOP_LIMIT = 5_000; // milliseconds from a signal to the exit
export const EVENT_LIMIT = 15_000; // milliseconds to wait for something that must happen
export const MiB = 1024 * 1024;
const TICKS_PER_SECOND = 100; // USER_HZ, in which proc(5) counts CPU time

/**
 * Deno.test(), except on Windows: these tests end servers by signals and read /proc.
 * `platforms/windows.sh` tests a server there with CPython's client.
 */
export function serverTest(name: string, fn: () => Promise<void>): void;
export function serverTest(definition: Deno.TestDefinition): void;
export function serverTest(
  definition: string | Deno.TestDefinition,
  fn?: () => Promise<void>,
): void {
  const { ignore = false, ...rest } = typeof definition === "string"
    ? { name: definition, fn: fn! }
    : definition;
  Deno.test({ ...rest, ignore: ignore || Deno.build.os === "windows" });
}

interface Surroundings {
  descriptors?: number;
  env?: Record<string, string>;
  preload?: string;
}

/** A running echo server. */
export class EchoServer implements AsyncDisposable {
  readonly #program: Program;
  readonly hostname: string;
  readonly port: number;
  readonly selector: string;
  readonly pid: number;
  readonly #stderr: Promise<void>;
  /** What it has printed on standard error so far. */
  stderr = "";

  private constructor(program: Program, [, hostname, port, selector]: string[]) {
    this.#program = program;
    this.hostname = hostname!.replace(/^\[(.*)\]$/, "$1");
    this.port = Number(port);
    this.selector = selector!;
    this.pid = program.child.pid;
    this.#stderr = this.#readStderr();
  }

  /** Starts one on a free port of loopback, and waits until it listens. */
  static start(...args: string[]): Promise<EchoServer> {
    return EchoServer.startIn({}, ...args);
  }

  /**
   * Starts one with a limit of descriptors, with additional environment variables, or with a
   * preloaded module.
   */
  static startIn(
    { descriptors, env = {}, preload }: Surroundings,
    ...args: string[]
  ): Promise<EchoServer> {
    const flags = preload === undefined ? [] : [`--preload=${path(preload)}`];
    const limit = descriptors === undefined ? "" : `ulimit -n ${descriptors}; `;
    const shell = ["-c", `${limit}exec "$@"`, "sh", ...commandLine(args, flags)];
    return EchoServer.#started(new Program("sh", shell, { stderr: "piped", env }));
  }

  static async #started(program: Program): Promise<EchoServer> {
    try {
      const line = await within(EVENT_LIMIT, program.line(), "the server's first line");
      const match = /^listening on (\S+):(\d+) \((\w+)\)$/.exec(line ?? "");
      assert(match, `the first line is ${JSON.stringify(line)}`);
      return new EchoServer(program, match);
    } catch (error) {
      await program.child.stderr.cancel();
      await program[Symbol.asyncDispose]();
      throw error;
    }
  }

  connect(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: this.hostname, port: this.port });
  }

  line(): Promise<string | null> {
    return within(EVENT_LIMIT, this.#program.line(), "a line of the server's");
  }

  /** The lines in which it reports that it is full. Deno may print others about EMFILE. */
  complaints(): string[] {
    return this.stderr.split("\n").filter((line) => line.includes("accept"));
  }

  kill(signal: Deno.Signal): void {
    this.#program.kill(signal);
  }

  /**
   * Stops it, asserts that it exits properly and in time, and returns the lines that were not read
   * yet.
   */
  async stop(signal: Deno.Signal = "SIGINT"): Promise<string[]> {
    this.kill(signal);
    const { code, lines } = await this.ended(signal);
    assertEquals(code, 0, `the exit after ${signal}`);
    return lines;
  }

  /**
   * Waits until it has ended because of a signal, in time and with the right last line. Returns its
   * exit code and the lines that were not read yet.
   */
  async ended(signal: Deno.Signal): Promise<{ code: number; lines: string[] }> {
    const rest = await within(STOP_LIMIT, this.#program.rest(), `the end after ${signal}`);
    const lines = rest.split("\n");
    assertEquals(lines.splice(-2), ["server closed", ""], "its last line");
    const code = await within(STOP_LIMIT, this.#program.code(), `the exit after ${signal}`);
    await this.#stderr;
    return { code, lines };
  }

  /** The targets of its descriptors, such as `socket:[4711]`. */
  descriptors(): string[] {
    const directory = `/proc/${this.pid}/fd`;
    return [...Deno.readDirSync(directory)].flatMap(({ name }) => {
      try {
        return [Deno.readLinkSync(`${directory}/${name}`)];
      } catch {
        return []; // closed in the meantime
      }
    });
  }

  sockets(): number {
    return this.descriptors().filter((target) => target.startsWith("socket:")).length;
  }

  /** Bytes of memory that the process has in use. */
  memory(): number {
    return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(this.#proc("status"))![1]);
  }

  /** Its peak of memory in use. */
  peakMemory(): number {
    return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(this.#proc("status"))![1]);
  }

  /** Whether a signal has stopped it. */
  isStopped(): boolean {
    return /^State:\tT/m.test(this.#proc("status"));
  }

  /** Milliseconds of CPU time of all its threads so far. */
  cpuTime(): number {
    const [utime, stime] = this.#proc("stat").split(") ")[1]!.split(" ").slice(11, 13);
    return (Number(utime) + Number(stime)) * 1000 / TICKS_PER_SECOND;
  }

  /** How many sockets of its threads listen on its port. */
  listeners(): number {
    const port = this.port.toString(16).toUpperCase().padStart(4, "0");
    return this.#proc("net/tcp").match(new RegExp(`:${port} 00000000:0000 0A `, "g"))?.length ?? 0;
  }

  #proc(file: string): string {
    return Deno.readTextFileSync(`/proc/${this.pid}/${file}`);
  }

  async #readStderr(): Promise<void> {
    for await (const text of this.#program.child.stderr.pipeThrough(new TextDecoderStream())) {
      this.stderr += text;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
    await this.#stderr;
    if (this.stderr !== "") console.error(`The server said: ${this.stderr}`);
  }
}

/** Connections, which are closed when their block ends. */
export class Connections implements Disposable {
  readonly all: Deno.TcpConn[] = [];

  async open(server: EchoServer, count: number): Promise<Deno.TcpConn[]> {
    const connections = await Promise.all(Array.from({ length: count }, () => server.connect()));
    this.all.push(...connections);
    return connections;
  }

  [Symbol.dispose](): void {
    for (const connection of this.all) {
      try {
        connection.close();
      } catch {
        // The test has closed it already.
      }
    }
  }
}

export function commandLine(args: string[], flags: string[] = []): string[] {
  // Imports need no read permission, except the main module of a Worker.
  const allowed = args.includes("--workers") ? ["--allow-ffi", "--allow-read"] : ["--allow-ffi"];
  const port = args.includes("--port") ? [] : ["--port", "0"];
  const program = args.includes("--ring") ? RING_SERVER : ECHO_SERVER;
  const own = args.filter((arg) => arg !== "--ring");
  return [DENO, "run", "--no-prompt", ...allowed, ...flags, program, ...port, ...own];
}

/** The value of a promise, or an error if it takes too long. */
export async function within<T>(limit: number, promise: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`${what} did not come within ${limit} ms`)),
    limit,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until a condition holds. */
export async function until(isSo: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + EVENT_LIMIT;
  while (!isSo()) {
    assertLess(performance.now(), deadline, `${what} did not come to be`);
    await delay(10);
  }
}

/** Pseudo-random bytes, the same in each run. */
export function seededBytes(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1103515245) + 12345) | 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

export async function send(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** Reads `length` bytes, or fewer if the stream ends before. */
export async function receive(
  connection: Deno.Conn,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let end = 0;
  while (end < length) {
    const count = await connection.read(bytes.subarray(end));
    if (count === null) break;
    end += count;
  }
  return bytes.subarray(0, end);
}

export async function assertEchoes(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  const [echoed] = await within(
    EVENT_LIMIT,
    Promise.all([receive(connection, bytes.length), send(connection, bytes)]),
    `the echo of ${bytes.length} bytes`,
  );
  assertSameBytes(echoed, bytes);
}

/** Asserts that bytes are equal, and reports where they differ instead of printing megabytes. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array): void {
  assertEquals(actual.length, expected.length, `length ${actual.length}, not ${expected.length}`);
  if (Buffer.compare(actual, expected) === 0) return;
  const different = actual.findIndex((byte, at) => byte !== expected[at]);
  throw new Error(`other bytes from ${different} on`);
}

export async function assertEnded(connection: Deno.Conn): Promise<void> {
  const rest = await within(EVENT_LIMIT, receive(connection, 1), "the end of the connection");
  assertEquals(rest.length, 0);
}

/** Shuts down writing, and waits until the server has closed its end. */
export async function leave(connection: Deno.TcpConn): Promise<void> {
  await connection.closeWrite();
  await assertEnded(connection);
  connection.close();
}

/** Sends and receives until the connection ends. Calls `echoed` as bytes come back. */
export async function flood(connection: Deno.TcpConn, echoed: () => void): Promise<void> {
  const sent = (async () => {
    const bytes = new Uint8Array(65536);
    while (true) await connection.write(bytes);
  })();
  const received = (async () => {
    const bytes = new Uint8Array(65536);
    while (await connection.read(bytes) !== null) echoed();
  })();
  await Promise.allSettled([sent, received]);
}
