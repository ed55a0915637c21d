/**
 * What is around echo_server.ts: its flags, its signals, its other threads, and what it says of its clients.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { SO_REUSEPORT } from "../ffi/mod.ts";
import * as selectors from "../mod.ts";
import type { Address, InetAddress } from "../mod.ts";

const USAGE = `Usage: deno run --allow-ffi examples/echo_server.ts [options]
  --host HOST      address to listen on (127.0.0.1)
  --port PORT      port to listen on, 0 picks a free one (8888)
  --selector NAME  epoll, poll, select or kqueue (the best one there is)
  --workers N      threads that serve, 1 to 64 (on Windows 1); more than 1 need --allow-read too (1)
  --blocking       wait in select() instead of on Deno's event loop
  --quiet          no line for each connection
  --trace          every syscall on standard error, as strace prints it
  --help           this text`;

const SELECTORS = {
  default: selectors.DefaultSelector,
  epoll: selectors.EpollSelector,
  poll: selectors.PollSelector,
  select: selectors.SelectSelector,
  kqueue: selectors.KqueueSelector,
};

/** Ctrl+C, and kill(1) or Ctrl+Break. */
export const SIGNALS = ["SIGINT", Deno.build.os === "windows" ? "SIGBREAK" : "SIGTERM"] as const;

const LINES_PER_SECOND = 10;

/** What the command line says, or the end of the program with one line that says what is wrong with it. Starts the trace. */
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
      port: integer("--port", values.port, 0, 65535),
      // Windows has no SO_REUSEPORT, by which several threads listen at one port.
      workers: integer("--workers", values.workers, 1, SO_REUSEPORT === 0 ? 1 : 64),
      Selector: selectorNamed(values.selector),
    };
  } catch (error) {
    fail(error as Error, 2);
  }
}

/** Ends the program with one line that says why. */
export function fail(error: Error, status: number): never {
  console.error(error.message.split("\n")[0]);
  Deno.exit(status);
}

/** Starts `count` more threads that run `program`, each named after the port. Returns what stops them, once they have closed everything. */
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

let second = 0;
let lines = 0;

/** Prints a line about a client, unless there were many within this second already. */
export function log(client: Address, what: string): void {
  const now = Math.floor(performance.now() / 1000);
  if (now !== second) [second, lines] = [now, 0];
  lines++;
  if (lines <= LINES_PER_SECOND) console.log(`${format(client)} ${what}`);
  if (lines === LINES_PER_SECOND) console.log("(no more lines within this second)");
}

/** `127.0.0.1:8888`, `[::1]:8888` */
export function format(address: Address): string {
  const { hostname, port } = address as InetAddress;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
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
