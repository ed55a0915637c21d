/**
 * 04 · poll(2): ask the kernel which descriptors are ready.
 *
 * One call takes an array of descriptors, each with the events to wait for (`events`). It sleeps
 * until one of them happens, and stores what happened (`revents`). Compare the CPU time with that
 * of 03.
 *
 *   deno run --allow-ffi examples/learn/04_poll.ts
 */

import {
  AF_UNIX,
  close,
  isPlatformWith,
  osError,
  poll,
  pollfd,
  POLLIN,
  recv,
  send,
  SOCK_STREAM,
  socketpair,
} from "../../ffi/mod.ts";
import { cpuUsage } from "node:process";

const SILENCE = 300; // milliseconds in which no client sends

if (!isPlatformWith("poll")) {
  console.log(`There is no poll(2) on ${Deno.build.os}.`);
  Deno.exit(0);
}

const buffer = new Uint8Array(64);
const pairs = Array.from({ length: 3 }, () => {
  const fds = new Int32Array(2);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) === -1) throw osError("socketpair", "");
  return { client: fds[0]!, server: fds[1]! };
});

// struct pollfd { int fd; short events; short revents; }, one for each connection
const fds = new Uint8Array(pairs.length * pollfd.size);
pairs.forEach(({ server }, i) => {
  pollfd.write(fds, { fd: server, events: POLLIN, revents: 0 }, i * pollfd.size);
});

/** Waits until descriptors are readable, and echoes their data. */
function serve(timeout: number) {
  const count = poll(fds, pairs.length, timeout);
  if (count === -1) throw osError("poll", "");
  console.log(`poll() returned ${count}, of ${pairs.length} descriptors`);
  // It returns how many are ready. Which ones they are is in `revents` of each.
  for (let i = 0; i < pairs.length; i++) {
    const { fd, revents } = pollfd.read(fds, i * pollfd.size);
    if ((revents & POLLIN) === 0) continue;
    const received = recv(fd, buffer, buffer.length, 0); // does not wait: data is there
    send(fd, buffer, received, 0);
    console.log(`  ${fd}: ${new TextDecoder().decode(buffer.subarray(0, received))}`);
  }
}

const [first, , third] = pairs;
send(third!.client, new TextEncoder().encode("third"), 5, 0);
serve(-1);
send(first!.client, new TextEncoder().encode("first"), 5, 0);
send(third!.client, new TextEncoder().encode("third"), 5, 0);
serve(-1);

const cpuStart = cpuUsage();
serve(SILENCE); // no client sends
const { user, system } = cpuUsage(cpuStart); // microseconds
console.log(`${SILENCE} ms of waiting took ${((user + system) / 1000).toFixed(1)} ms of CPU time`);
for (const { client, server } of pairs) [client, server].forEach((fd) => close(fd));
