/**
 * 02 · Two clients, and why blocking fails.
 *
 * The server of 01 serves one client after the other. Here the first client sends nothing, and the
 * second has to wait although it sent its message long ago. recv() would wait for the first client
 * for ever; the option SO_RCVTIMEO ends the wait after half a second.
 *
 *   deno run --allow-ffi examples/learn/02_two_clients.ts
 */

import {
  AF_UNIX,
  close,
  EAGAIN,
  errno,
  osError,
  recv,
  send,
  setsockopt,
  SO_RCVTIMEO,
  SOCK_STREAM,
  socketpair,
  SOL_SOCKET,
  timeval,
} from "../../ffi/mod.ts";

const TIMEOUT = 500; // milliseconds

const buffer = new Uint8Array(64);
const start = performance.now();

/** Prints a line, with the time since the start. */
function log(line: string) {
  console.log(`${(performance.now() - start).toFixed(0).padStart(4)} ms  ${line}`);
}

/**
 * Both ends of a connection, made by socketpair(). From here on the programs leave out what 01 did
 * before recv().
 */
function connectionPair(): [client: number, server: number] {
  const fds = new Int32Array(2);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) === -1) throw osError("socketpair", "");
  const limit = new Uint8Array(timeval.size);
  timeval.write(limit, { tv_sec: 0, tv_usec: TIMEOUT * 1000 });
  setsockopt(fds[1]!, SOL_SOCKET, SO_RCVTIMEO, limit, limit.length);
  return [fds[0]!, fds[1]!];
}

const [first, toFirst] = connectionPair();
const [second, toSecond] = connectionPair();
send(second, new TextEncoder().encode("hello"), 5, 0);
log('the second client has sent "hello"; the first sends nothing');

for (const [name, connection] of [["first", toFirst], ["second", toSecond]] as const) {
  log(`server: recv() from the ${name} …`);
  const count = recv(connection, buffer, buffer.length, 0);
  if (count !== -1) {
    log(`server: … received "${new TextDecoder().decode(buffer.subarray(0, count))}"`);
    send(connection, buffer, count, 0);
  } else if (errno() === EAGAIN) {
    log("server: … timed out");
  } else {
    throw osError("recv", connection);
  }
}
recv(second, buffer, buffer.length, 0);
log("the second client has its answer: it waited for the first client's timeout");
for (const fd of [first, toFirst, second, toSecond]) close(fd);
