/**
 * Prints what is sent to a channel of PostgreSQL (LISTEN, NOTIFY), on Deno's event loop. libpq has
 * its own socket, which Deno cannot wait for, and readable() can. Ctrl-C ends it.
 *
 *     deno run --allow-ffi examples/libpq_notify.ts CONNINFO CHANNEL
 *
 * CONNINFO is a connection string of libpq, such as "dbname=postgres" or
 * "postgresql://user@host/database". Try it: psql -c "NOTIFY channel, 'hello'"
 */

import { readable, writable } from "../mod.ts";
import { printable } from "./printable.ts";

// <libpq-fe.h>
const CONNECTION_OK = 0;
const PGRES_COMMAND_OK = 1;
const PGRES_POLLING_FAILED = 0;
const PGRES_POLLING_READING = 1;
const PGRES_POLLING_OK = 3;

const libpq = openLibpq();
const [conninfo, channel] = Deno.args;
if (conninfo === undefined || channel === undefined) {
  fail("Usage: libpq_notify.ts CONNINFO CHANNEL", 2);
}

const connection = libpq.PQconnectStart(cString(conninfo));
// PQconnectPoll() says what to wait for. The socket may change at each step. libpq manual,
// "Database Connection Control Functions"
for (let state = -1; state !== PGRES_POLLING_OK; state = libpq.PQconnectPoll(connection)) {
  if (state === PGRES_POLLING_FAILED) fail(string(libpq.PQerrorMessage(connection)));
  const socket = libpq.PQsocket(connection);
  if (socket === -1) fail(string(libpq.PQerrorMessage(connection)));
  await (state === PGRES_POLLING_READING ? readable(socket) : writable(socket));
}

const name = cString(channel);
const identifier = string(libpq.PQescapeIdentifier(connection, name, BigInt(name.length - 1)));
const result = libpq.PQexec(connection, cString(`LISTEN ${identifier}`));
if (libpq.PQresultStatus(result) !== PGRES_COMMAND_OK) {
  fail(string(libpq.PQerrorMessage(connection)));
}
libpq.PQclear(result);

const end = new AbortController();
const stop = () => end.abort();
Deno.addSignalListener("SIGINT", stop);
console.log(`listening on ${channel}`);
while (!end.signal.aborted) {
  // Notifications may have arrived with the answer to LISTEN: read them before waiting.
  for (
    let notify = libpq.PQnotifies(connection);
    notify !== null;
    notify = libpq.PQnotifies(connection)
  ) {
    // struct pgNotify { char *relname; int be_pid; char *extra; … }
    const view = new Deno.UnsafePointerView(notify);
    const [name, payload] = [string(view.getPointer(0)), string(view.getPointer(16))];
    console.log(printable(`${name} (from ${view.getInt32(8)}): ${payload}`));
    libpq.PQfreemem(notify);
  }
  try {
    await readable(libpq.PQsocket(connection), end);
  } catch (error) {
    if (!end.signal.aborted) throw error;
    break;
  }
  if (libpq.PQconsumeInput(connection) === 0 || libpq.PQstatus(connection) !== CONNECTION_OK) {
    fail(string(libpq.PQerrorMessage(connection)));
  }
}
libpq.PQfinish(connection);
Deno.removeSignalListener("SIGINT", stop);

function openLibpq() {
  const names = { darwin: "libpq.5.dylib", windows: "libpq.dll" } as Record<string, string>;
  const library = names[Deno.build.os] ?? "libpq.so.5";
  try {
    return Deno.dlopen(library, {
      PQconnectStart: { parameters: ["buffer"], result: "pointer" },
      PQconnectPoll: { parameters: ["pointer"], result: "i32" },
      PQsocket: { parameters: ["pointer"], result: "i32" },
      PQstatus: { parameters: ["pointer"], result: "i32" },
      PQerrorMessage: { parameters: ["pointer"], result: "pointer" },
      PQescapeIdentifier: { parameters: ["pointer", "buffer", "usize"], result: "pointer" },
      PQexec: { parameters: ["pointer", "buffer"], result: "pointer" },
      PQresultStatus: { parameters: ["pointer"], result: "i32" },
      PQclear: { parameters: ["pointer"], result: "void" },
      PQconsumeInput: { parameters: ["pointer"], result: "i32" },
      PQnotifies: { parameters: ["pointer"], result: "pointer" },
      PQfreemem: { parameters: ["pointer"], result: "void" },
      PQfinish: { parameters: ["pointer"], result: "void" },
    }).symbols;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return fail(`${library} is not installed (Debian: libpq5)`);
  }
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

function string(pointer: Deno.PointerValue): string {
  return pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer).trimEnd();
}

function fail(message: string, code = 1): never {
  console.error(message);
  Deno.exit(code);
}
