/**
 * 03 · Calls that do not wait, and a loop that does nothing else.
 *
 * With O_NONBLOCK, recv() returns at once: with EAGAIN where nothing is there yet. So one thread can ask all its
 * clients in turn, and nobody waits for anybody. But it asks all the time, and the CPU time that this takes is
 * printed.
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

const SILENCE = 300; // milliseconds until the second client speaks

const buffer = new Uint8Array(64);

/** A connection, of which the server's end does not wait. */
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
let asked = 0;
let hasSpoken = false;
let isAnswered = false;
while (!isAnswered) {
  // The second client speaks up after a while; the first one never does.
  if (!hasSpoken && performance.now() - start > SILENCE) {
    hasSpoken = true;
    send(second, new TextEncoder().encode("hello"), 5, 0);
  }
  for (const connection of [toFirst, toSecond]) {
    asked++;
    const count = recv(connection, buffer, buffer.length, 0);
    if (count === -1) {
      if (errno() !== EAGAIN) throw osError("recv", connection);
      continue; // nothing there yet: the next one
    }
    send(connection, buffer, count, 0);
    isAnswered = true;
  }
}
const { user, system } = cpuUsage(cpuStart); // microseconds
console.log(`the second client was answered after ${(performance.now() - start).toFixed(0)} ms`);
console.log(`recv() was called ${asked} times, and ${asked - 1} times there was nothing`);
console.log(`CPU time: ${((user + system) / 1000).toFixed(0)} ms`);
for (const fd of [first, toFirst, second, toSecond]) close(fd);
