/**
 * An echo server: sends every client back what it sent. One thread, one selector, any number of clients.
 *
 *     deno run --allow-ffi examples/echo_server.ts [--host 127.0.0.1] [--port 8888] [--selector epoll] [--quiet]
 *
 * A connection is either being read (EVENT_READ, `read`) or, while its client takes no more, being written
 * (EVENT_WRITE, `write`) and not read. So each holds at most BUFFER_SIZE bytes here, however slow its client is.
 */

import { parseArgs } from "node:util";
import {
  DefaultSelector,
  EpollSelector,
  EVENT_READ,
  EVENT_WRITE,
  isOsError,
  PollSelector,
  SelectSelector,
  Socket,
} from "../mod.ts";
import {
  AF_INET,
  AF_INET6,
  IPPROTO_TCP,
  SO_REUSEADDR,
  SOL_SOCKET,
  TCP_NODELAY,
} from "../ffi/mod.ts";

type Handler = (socket: Socket) => void;

const USAGE = `Usage: echo_server.ts [options]
  --host HOST       address to listen on (127.0.0.1)
  --port PORT       port to listen on, 0 picks a free one (8888)
  --selector NAME   epoll, poll, select or kqueue (the best one there is)
  --quiet           no line for each connection
  --help            this text`;
const SELECTORS = { epoll: EpollSelector, poll: PollSelector, select: SelectSelector };
const BUFFER_SIZE = 65536;
const LONGEST_WAIT = 250; // milliseconds until a signal is noticed that came just before a wait
const RETRY = 100; // milliseconds until a full server tries to accept again
const LINES_PER_SECOND = 10;

const options = parseOptions();
const selector = new options.Selector<Handler, Socket>();
const server = new Socket(options.host.includes(":") ? AF_INET6 : AF_INET);
const buffer = new Uint8Array(BUFFER_SIZE); // each read's, until it is sent
const unsent = new Map<Socket, Uint8Array>(); // what the kernel did not take yet

function accept(server: Socket) {
  while (true) {
    let connection;
    try {
      connection = server.accept();
    } catch (error) {
      if (!isOsError(error)) throw error;
      if (error.code === "ECONNABORTED") continue; // gone before it was here
      return pause(error); // EMFILE, ENFILE, ENOBUFS, ENOMEM: no place for another client
    }
    if (connection === null) return;
    try {
      connection.setOption(IPPROTO_TCP, TCP_NODELAY, 1); // small echoes must not wait for each other
      selector.register(connection, EVENT_READ, read);
      isFull = false;
      log("connected", connection);
    } catch (error) { // such as a descriptor that is too large for select
      log(`refused (${(error as Error).message})`, connection);
      connection.close();
    }
  }
}

function read(connection: Socket) {
  const count = connection.recvInto(buffer);
  if (count === null) return;
  // The client has sent all and, since nothing is unsent while we read, got all back.
  if (count === 0) return close(connection, "closed");
  const sent = connection.send(buffer.subarray(0, count)) ?? 0;
  if (sent === count) return;
  unsent.set(connection, buffer.slice(sent, count));
  selector.modify(connection, EVENT_WRITE, write);
}

function write(connection: Socket) {
  const data = unsent.get(connection)!;
  const sent = connection.send(data) ?? 0;
  if (sent < data.length) return void unsent.set(connection, data.subarray(sent));
  unsent.delete(connection);
  selector.modify(connection, EVENT_READ, read);
}

function close(connection: Socket, why: string) {
  log(why, connection);
  selector.unregister(connection);
  unsent.delete(connection);
  connection.close();
  resume(); // its place is free
}

// Without a descriptor to spare, the connections that wait would make the listener ready for ever: look away.
let isFull = false;
let pausedAt = 0;
function pause(error: Error) {
  if (!isFull) console.error(`${error.message}; new clients wait until others leave`);
  isFull = true;
  pausedAt = performance.now();
  selector.unregister(server);
}
function resume() {
  if (pausedAt === 0) return;
  pausedAt = 0;
  selector.register(server, EVENT_READ, accept);
}

let second = 0;
let lines = 0;
function log(what: string, connection: Socket) {
  if (options.quiet) return;
  const now = Math.floor(performance.now() / 1000);
  if (now !== second) [second, lines] = [now, 0];
  if (++lines > LINES_PER_SECOND + 1) return;
  if (lines > LINES_PER_SECOND) return console.log("… and more within this second");
  const { hostname, port } = connection.remoteAddress as { hostname: string; port: number };
  console.log(`${hostname}:${port} ${what}`);
}

function parseOptions() {
  try {
    const { values } = parseArgs({
      options: {
        host: { type: "string", default: "127.0.0.1" },
        port: { type: "string", default: "8888" },
        selector: { type: "string" },
        quiet: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      Deno.exit(0);
    }
    if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65535) {
      throw new Error(`--port takes a number from 0 to 65535, not "${values.port}"`);
    }
    const name = values.selector;
    if (name !== undefined && !Object.hasOwn({ ...SELECTORS, kqueue: null }, name)) {
      throw new Error(`--selector takes epoll, poll, select or kqueue, not "${name}"`);
    }
    const Selector = name === undefined ? DefaultSelector : SELECTORS[name as "epoll"];
    if (!Selector?.isSupported()) throw new Error(`${name} is not supported on ${Deno.build.os}`);
    return { ...values, port: Number(values.port), Selector };
  } catch (error) {
    console.error((error as Error).message.split("\n")[0]);
    Deno.exit(2);
  }
}

try {
  server.setOption(SOL_SOCKET, SO_REUSEADDR, 1); // not held up by the connections of a server before
  server.bind({ hostname: options.host, port: options.port });
  server.listen();
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(1);
}
server.setBlocking(false);
selector.register(server, EVENT_READ, accept);
const { hostname, port } = server.localAddress as { hostname: string; port: number };
console.log(`listening on ${hostname}:${port} (${selector.constructor.name})`);

let running = true;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => running = false);
}

while (running) {
  for (const [key] of selector.select(LONGEST_WAIT)) {
    try {
      key.data(key.fileobj);
    } catch (error) {
      if (!isOsError(error)) throw error;
      close(key.fileobj, error.message);
    }
  }
  if (pausedAt !== 0 && performance.now() - pausedAt > RETRY) resume();
  await new Promise((resolve) => setTimeout(resolve)); // lets Deno deliver signals
}

for (const key of [...selector.getMap().values()]) key.fileobj.close();
server.close();
selector.close();
console.log("server closed");
