/**
 * An echo server: sends every client back what it sent. `--help` shows its flags. A connection is either read (EVENT_READ, `read`) or, while its client takes no more, written (EVENT_WRITE, `write`)
 * and not read. So each holds at most BUFFER_SIZE bytes here, however slow its client is.
 */

import { setTimeout as delay } from "node:timers/promises";
import * as ffi from "../ffi/mod.ts";
import { EVENT_READ, EVENT_WRITE, isOsError, Socket } from "../mod.ts";
import { fail, format, log, parseOptions, SIGNALS, startWorkers } from "./echo_server_cli.ts";

const BUFFER_SIZE = 65536; // bytes
const RETRY = 100; // milliseconds until a full server tries to accept again
const LONGEST = 100; // milliseconds until --blocking sees a signal, whether it waits or is busy

const options = parseOptions();
const selector = new options.Selector<(socket: Socket) => void, Socket>();
const server = new Socket(options.host.includes(":") ? ffi.AF_INET6 : ffi.AF_INET);
const buffer = new Uint8Array(BUFFER_SIZE); // what is being read, until it is sent
let received = buffer; // the part of it that was; mostly as long as the one before
const unsent = new Map<Socket, Uint8Array>(); // what was read and the kernel did not take yet

function accept(server: Socket) {
  try {
    let connection: Socket | null;
    while ((connection = server.accept()) !== null) welcome(connection);
    isFull = false; // all that waited are in
  } catch (error) {
    if (!isOsError(error)) throw error;
    if (error.code !== "ECONNABORTED") pause(error); // that one: gone before it was here
  }
}

function welcome(connection: Socket) {
  try {
    connection.setOption(ffi.IPPROTO_TCP, ffi.TCP_NODELAY, 1); // no echo waits for the one before
    selector.register(connection, EVENT_READ, read);
    if (!options.quiet) log(connection.remoteAddress, "connected");
  } catch (error) { // such as a descriptor that is too large for select(2)
    if (!options.quiet) log(connection.remoteAddress, `refused: ${(error as Error).message}`);
    connection.close();
  }
}

function read(connection: Socket) {
  const count = connection.recvInto(buffer);
  if (count === null) return;
  // The client has sent all and, since we read only while nothing is unsent, has been sent all back.
  if (count === 0) return close(connection, "closed");
  if (received.length !== count) received = buffer.subarray(0, count);
  const sent = connection.send(received) ?? 0;
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
  if (!options.quiet) log(connection.remoteAddress, why);
  if (selector.getMap().has(connection)) selector.unregister(connection); // unless modify() has failed
  unsent.delete(connection);
  connection.close();
  resume(); // there is a place now
}

// Out of descriptors or memory (EMFILE, ENOBUFS), the clients that wait would keep the listener ready: look away.
let isFull = false;
function pause(error: Error) {
  if (!isFull) console.error(`${error.message}; new clients wait until others leave`);
  isFull = true;
  selector.unregister(server);
  setTimeout(resume, RETRY);
}

function resume() {
  if (selector.closed || selector.getMap().has(server)) return;
  try {
    selector.register(server, EVENT_READ, accept);
  } catch (error) { // there is no memory for it yet
    if (!isOsError(error)) throw error;
    setTimeout(resume, RETRY);
  }
}

function listen(port: number) {
  // The connections of a server before may linger. Windows does not mind, and means by it that a second server may listen too.
  if (Deno.build.os !== "windows") server.setOption(ffi.SOL_SOCKET, ffi.SO_REUSEADDR, 1);
  if (options.workers > 1) server.setOption(ffi.SOL_SOCKET, ffi.SO_REUSEPORT, 1); // the kernel deals
  server.bind({ hostname: options.host, port });
  server.listen();
  server.setBlocking(false);
  selector.register(server, EVENT_READ, accept);
}

async function serve() {
  for (let turn = 0; !selector.closed;) {
    let ready: ReturnType<typeof selector.select> = [];
    try {
      ready = options.blocking ? selector.select(LONGEST) : await selector.selectAsync();
    } catch (error) { // of the wait itself, such as ENOMEM: the connections are there still
      if (!isOsError(error)) throw error;
      console.error(error.message);
      await delay(RETRY);
    }
    for (const [key] of ready) {
      try {
        key.data(key.fileobj);
      } catch (error) {
        if (!isOsError(error)) throw error;
        close(key.fileobj, error.message); // reset, timed out
      }
    }
    if (options.blocking && (ready.length === 0 || performance.now() > turn + LONGEST)) {
      await delay(0); // signal listeners and timers run now
      turn = performance.now();
    }
  }
}

function stop() {
  for (const { fileobj } of selector.getMap().values()) fileobj.close();
  server.close();
  selector.close();
}

if (self.name !== "") { // a worker of the main thread below, named after the port
  addEventListener("message", stop);
  listen(Number(self.name));
  await serve();
  (self as unknown as Worker).postMessage("closed");
} else {
  for (const signal of SIGNALS) Deno.addSignalListener(signal, stop);
  try {
    listen(options.port);
  } catch (error) {
    fail(error as Error, 1);
  }
  console.log(`listening on ${format(server.localAddress)} (${selector.constructor.name})`);
  const stopWorkers = startWorkers(import.meta.url, options.workers - 1, server.localAddress);
  await serve();
  await stopWorkers();
  console.log("server closed");
}
