/**
 * An echo server; `--help` shows its flags. A connection is either read or, while its client takes
 * no more, written and not read. So the server holds at most what it reads at once from each.
 */

import { setTimeout as delay } from "node:timers/promises";
import * as ffi from "../ffi/mod.ts";
import { EVENT_READ, EVENT_WRITE, isOsError, type Socket } from "../mod.ts";
import * as cli from "./echo_server_cli.ts";

const BUFFER_SIZE = 65536; // bytes to receive at once
const STREAM_SIZE = 524288; // bytes to receive at once while a client sends more than that
const MAX_EVENTS = 1024; // of a wait, so that the first of them is not kept waiting for the last
const RETRY = 100; // milliseconds until a server without free descriptors accepts again
const LONGEST = 100; // milliseconds that --blocking keeps a signal waiting

const options = cli.parseOptions();
const selector = new options.Selector<(socket: Socket) => void, Socket>();
const server = cli.listen(options);
const streamBuffer = new Uint8Array(STREAM_SIZE); // receives from every connection in turn
const buffer = streamBuffer.subarray(0, BUFFER_SIZE);
let received = buffer; // its part with bytes, kept because messages often have one size
const unsent = new Map<Socket, Uint8Array>(); // received, and not sent yet

function accept(server: Socket) {
  try {
    let connection: Socket | null;
    while ((connection = server.accept()) !== null) welcome(connection);
    isFull = false; // no client waits any longer
  } catch (error) {
    if (!isOsError(error)) throw error;
    if (error.code !== "ECONNABORTED") pause(error); // ECONNABORTED: the client left first
  }
}

function welcome(connection: Socket) {
  try {
    connection.setOption(ffi.IPPROTO_TCP, ffi.TCP_NODELAY, 1); // send each echo at once
    selector.register(connection, EVENT_READ, read);
    if (!options.quiet) cli.log(connection.remoteAddress, "connected");
  } catch (error) { // such as a descriptor beyond FD_SETSIZE
    if (!options.quiet) cli.log(connection.remoteAddress, `refused: ${(error as Error).message}`);
    connection.close();
  }
}

function read(connection: Socket) {
  const count = connection.recvInto(buffer);
  if (count === BUFFER_SIZE) selector.modify(connection, EVENT_READ, readStream);
  if (count !== null) echo(connection, count);
}

function readStream(connection: Socket) { // of a client whose last read filled the buffer
  const count = connection.recvInto(streamBuffer);
  if (count !== null && count < BUFFER_SIZE) selector.modify(connection, EVENT_READ, read);
  if (count !== null) echo(connection, count);
}

function echo(connection: Socket, count: number) {
  // Everything was sent back: a connection with unsent bytes is not read.
  if (count === 0) return close(connection, "closed");
  if (received.length !== count) received = streamBuffer.subarray(0, count);
  const sent = connection.send(received) ?? 0;
  if (sent === count) return;
  unsent.set(connection, received.slice(sent));
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
  if (!options.quiet) cli.log(connection.remoteAddress, why);
  if (selector.getMap().has(connection)) selector.unregister(connection); // a failed modify() did
  unsent.delete(connection);
  connection.close();
  resume(); // a descriptor is free now
}

// Without descriptors or memory (EMFILE, ENOBUFS) the listener stays ready: unregister it.
let isFull = false;
function pause(error: Error) {
  if (!isFull) cli.printError(`${error.message}; new clients wait until others leave`);
  isFull = true;
  selector.unregister(server);
  setTimeout(resume, RETRY);
}

function resume() {
  if (selector.closed || selector.getMap().has(server)) return;
  try {
    selector.register(server, EVENT_READ, accept);
  } catch (error) { // no memory yet
    if (!isOsError(error)) throw error;
    setTimeout(resume, RETRY);
  }
}

async function serve() {
  for (let turn = 0; !selector.closed;) {
    let ready: ReturnType<typeof selector.select> = [];
    try {
      ready = options.blocking
        ? selector.select(LONGEST, MAX_EVENTS)
        : await selector.selectAsync({ maxEvents: MAX_EVENTS });
    } catch (error) { // such as ENOMEM; the connections are still open
      if (!isOsError(error)) throw error;
      cli.printError(error.message);
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
      await delay(0); // lets signal listeners and timers run
      turn = performance.now();
    }
  }
}

function stop() {
  for (const { fileobj } of selector.getMap().values()) fileobj.close();
  server.close();
  selector.close();
}

selector.register(server, EVENT_READ, accept);
if (cli.isWorker) {
  addEventListener("message", stop);
  await serve();
  (self as unknown as Worker).postMessage("closed");
} else {
  for (const signal of cli.SIGNALS) Deno.addSignalListener(signal, stop);
  cli.print(`listening on ${cli.format(server.localAddress)} (${selector.constructor.name})`);
  const stopWorkers = cli.startWorkers(import.meta.url, options.workers - 1, server.localAddress);
  await serve();
  await stopWorkers();
  cli.print("server closed");
}
