/**
 * What surrounds echo_server.ts: its flags, its signals, its worker threads, and its log.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { SO_REUSEPORT } from "../ffi/mod.ts";
import * as selectors from "../mod.ts";
import type { Address, InetAddress } from "../mod.ts";
import { printable } from "./printable.ts";

const USAGE = `Usage: deno run --allow-ffi examples/echo_server.ts [options]
  --host HOST      address to listen on (127.0.0.1)
  --port PORT      port to listen on; 0 picks a free one (8888)
  --selector NAME  epoll, poll, select or kqueue (the best that this platform has)
  --workers N      number of serving threads, 1 to 64 (1; on Windows always 1). More than 1 also need
                   --allow-read
  --blocking       wait in select() instead of on Deno's event loop
  --quiet          print no line per connection
  --trace          print every syscall on standard error, as strace does
  --help           print this text`;

const SELECTORS = {
  default: selectors.DefaultSelector,
  epoll: selectors.EpollSelector,
  poll: selectors.PollSelector,
  select: selectors.SelectSelector,
  kqueue: selectors.KqueueSelector,
};

/** The signals that end the server: Ctrl+C, and kill(1) or on Windows Ctrl+Break. */
export const SIGNALS = ["SIGINT", Deno.build.os === "windows" ? "SIGBREAK" : "SIGTERM"] as const;

const LINES_PER_SECOND = 10; // about clients

/** Whether this is a worker thread of the server: each has the port as its name. */
export const isWorker = self.name !== "";

/**
 * Parses the command line and starts the trace if it asks for one. Ends the program with a one-line
 * message when the command line is wrong.
 */
export function parseOptions() {
  try {
    const { values } = parseArgs({
      options: {
        host: { type: "string", default: "127.0.0.1" },
        port: { type: "string", default: "8888" },
        selector: { type: "string", default: "default" },
        workers: { type: "string", default: "1" },
        blocking: { type: "boolean", default: false },
        quiet: { type: "boolean", default: false },
        trace: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      Deno.exit(0);
    }
    if (values.trace) selectors.traceSyscalls();
    return {
      ...values,
      port: isWorker ? Number(self.name) : integer("--port", values.port, 0, 65535),
      // Windows has no SO_REUSEPORT, which lets several threads listen on one port.
      workers: integer("--workers", values.workers, 1, SO_REUSEPORT === 0 ? 1 : 64),
      Selector: selectorNamed(values.selector),
    };
  } catch (error) {
    fail(error as Error, 2);
  }
}

/** Listens. Ends the program with a one-line message when it cannot. */
export function listen(
  { host, port, workers }: { host: string; port: number; workers: number },
): selectors.Socket {
  try {
    // With SO_REUSEPORT the kernel spreads the clients over the threads.
    const reusePort = workers > 1;
    return selectors.Socket.createServer({ hostname: host, port }, { reusePort });
  } catch (error) {
    if (isWorker) throw error; // ends all threads
    fail(error as Error, 1);
  }
}

/** Ends the program with the first line of the error's message. */
function fail(error: Error, status: number): never {
  printError(error.message.split("\n")[0]!);
  Deno.exit(status);
}

/**
 * Starts `count` worker threads that run `program`, each named after the port. The function that it
 * returns stops them and resolves when they have closed their sockets.
 */
export function startWorkers(
  program: string,
  count: number,
  address: Address,
): () => Promise<void> {
  const { port } = address as InetAddress;
  const workers = Array.from({ length: count }, () => {
    return new Worker(program, { type: "module", name: `${port}` });
  });
  return async () => {
    await Promise.all(workers.map(async (worker) => {
      worker.postMessage("stop");
      await new Promise((resolve) => worker.onmessage = resolve);
      worker.terminate();
    }));
  };
}

/** What a ring is to serve(): completions with their handlers as data. */
interface Waiting<Event> {
  waitAsync(): Promise<Event[]>;
  wait(timeout: number): Event[];
}

/** What a server does at its beginning and its end. */
interface Server {
  listen(address: InetAddress): Address;
  stop(): void;
}

const LONGEST = 100; // milliseconds that --blocking keeps a signal waiting

/** Serves until a signal comes, on as many threads as the options say. */
export async function serve<Event extends { data: (event: Event) => void }>(
  program: string,
  options: { host: string; port: number; workers: number; blocking: boolean },
  ring: Waiting<Event>,
  server: Server,
): Promise<void> {
  let isStopped = false;
  const stop = () => {
    if (!isStopped) server.stop();
    isStopped = true;
  };
  const run = async () => {
    for (let turn = 0; !isStopped;) {
      const events = options.blocking ? ring.wait(LONGEST) : await ring.waitAsync();
      for (const event of events) event.data(event);
      if (options.blocking && (events.length === 0 || performance.now() > turn + LONGEST)) {
        await new Promise((resolve) => setTimeout(resolve)); // lets signal listeners and timers run
        turn = performance.now();
      }
    }
  };
  if (self.name !== "") { // a worker thread, which has the port as its name
    addEventListener("message", stop);
    server.listen({ hostname: options.host, port: Number(self.name) });
    await run();
    (self as unknown as Worker).postMessage("closed");
    return;
  }
  for (const signal of SIGNALS) Deno.addSignalListener(signal, stop);
  try {
    const address = server.listen({ hostname: options.host, port: options.port });
    print(`listening on ${format(address)} (${ring.constructor.name})`);
    const stopWorkers = startWorkers(program, options.workers - 1, address);
    await run();
    await stopWorkers();
    print("server closed");
  } catch (error) {
    fail(error as Error, 1);
  }
}

/** What `make` returns, or the end of the program with the message of what it throws. */
export function orFail<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    fail(error as Error, 1);
  }
}

/** The peer's address, or none where it has been reset already. */
export function peerOf(socket: selectors.Socket): Address {
  try {
    return socket.remoteAddress;
  } catch {
    return { hostname: "(gone)", port: 0 };
  }
}

/** Prints a line on standard output. */
export function print(line: string): void {
  tryToPrint(console.log, line);
}

/** Prints a line on standard error. */
export function printError(line: string): void {
  tryToPrint(console.error, line);
}

let second = 0;
let lines = 0;

/** Prints a line about a client, unless this second has had LINES_PER_SECOND of them. */
export function log(client: Address, what: string): void {
  const now = Math.floor(performance.now() / 1000);
  if (now !== second) [second, lines] = [now, 0];
  lines++;
  if (lines <= LINES_PER_SECOND) print(`${format(client)} ${what}`);
  if (lines === LINES_PER_SECOND) print("(no more lines in this second)");
}

/** Formats an address as `127.0.0.1:8888` or `[::1]:8888`. */
export function format(address: Address): string {
  const { hostname, port } = address as InetAddress;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/**
 * Prints a line with its control characters escaped. Ignores a failed write (ENOSPC on a full disk,
 * EPIPE when the reader of a pipe has left), because the server must go on serving without its log.
 */
function tryToPrint(print: (line: string) => void, line: string): void {
  try {
    print(printable(line));
  } catch {
    // There is nowhere to report it.
  }
}

function integer(flag: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new Error(`${flag} takes a number from ${least} to ${most}, not "${text}"`);
}

function selectorNamed(name: string): typeof selectors.DefaultSelector {
  if (!Object.hasOwn(SELECTORS, name)) {
    throw new Error(`--selector takes epoll, poll, select or kqueue, not "${name}"`);
  }
  const Selector = SELECTORS[name as keyof typeof SELECTORS];
  if (Selector.isSupported()) return Selector;
  throw new Error(`--selector ${name} is not supported on ${Deno.build.os}`);
}
