/**
 * 03 · Calls that do not wait, in a busy loop.
 *
 * With O_NONBLOCK, recv() returns at once, and fails with EAGAIN when no data is there. So one
 * thread can try all its clients in turn, and no client waits for another. But the loop never
 * rests, and the program prints the CPU time that it takes.
 *
 *   deno run --allow-ffi examples/learn/03_busy_loop.ts
 */

import {
  AF_UNIX,
  close,
  EAGAIN,
  errno,
  F_GETFL,
  F_SETFL,
  fcntl,
  O_NONBLOCK,
  osError,
  recv,
  send,
  SOCK_STREAM,
  socketpair,
} from "../../ffi/mod.ts";
import { cpuUsage } from "node:process";

const SILENCE = 300; // milliseconds until the second client sends

const buffer = new Uint8Array(64);

/** Both ends of a connection. The server's end is non-blocking. */
function connectionPair(): [client: number, server: number] {
  const fds = new Int32Array(2);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) === -1) throw osError("socketpair", "");
  const [client, server] = fds as unknown as [number, number];
  fcntl(server, F_SETFL, fcntl(server, F_GETFL) | O_NONBLOCK);
  return [client, server];
}

const [first, toFirst] = connectionPair();
const [second, toSecond] = connectionPair();

const start = performance.now();
const cpuStart = cpuUsage();
let calls = 0;
let hasSent = false;
let isAnswered = false;
while (!isAnswered) {
  // The second client sends after a while; the first never does.
  if (!hasSent && performance.now() - start > SILENCE) {
    hasSent = true;
    send(second, new TextEncoder().encode("hello"), 5, 0);
  }
  for (const connection of [toFirst, toSecond]) {
    calls++;
    const count = recv(connection, buffer, buffer.length, 0);
    if (count === -1) {
      if (errno() !== EAGAIN) throw osError("recv", connection);
      continue; // no data yet: try the next one
    }
    send(connection, buffer, count, 0);
    isAnswered = true;
  }
}
const { user, system } = cpuUsage(cpuStart); // microseconds
console.log(`the second client was answered after ${(performance.now() - start).toFixed(0)} ms`);
console.log(`recv() was called ${calls} times, and ${calls - 1} times there was no data`);
console.log(`CPU time: ${((user + system) / 1000).toFixed(0)} ms`);
for (const fd of [first, toFirst, second, toSecond]) close(fd);
