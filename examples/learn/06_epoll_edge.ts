/**
 * 06 · epoll(7), edge-triggered, and its usual bug.
 *
 * With EPOLLET a descriptor is reported when data arrives (the change), not while data is there. A
 * program that reads once and then waits, as 05 does, leaves bytes behind that are not reported
 * again: the connection hangs. The fix: make the socket non-blocking and read until EAGAIN.
 *
 *   deno run --allow-ffi examples/learn/06_epoll_edge.ts
 */

import {
  AF_UNIX,
  close,
  EAGAIN,
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  epoll_event,
  epoll_wait,
  EPOLLET,
  EPOLLIN,
  errno,
  isPlatformWith,
  osError,
  recv,
  send,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socketpair,
} from "../../ffi/mod.ts";

if (!isPlatformWith("epoll")) {
  console.log(`There is no epoll(7) on ${Deno.build.os}: only Linux has it.`);
  Deno.exit(0);
}

const buffer = new Uint8Array(5); // smaller than the message

/** Calls recv() once. Returns the text, or null when no data was there. */
function receive(fd: number): string | null {
  const count = recv(fd, buffer, buffer.length, 0);
  if (count !== -1) return new TextDecoder().decode(buffer.subarray(0, count));
  if (errno() !== EAGAIN) throw osError("recv", fd);
  return null;
}

/** The bug: reads once. */
function readOnce(fd: number): string {
  return receive(fd) ?? "";
}

/** The fix: reads until no data is left. */
function readAll(fd: number): string {
  let text = "";
  for (let piece = receive(fd); piece !== null; piece = receive(fd)) text += piece;
  return text;
}

for (const read of [readOnce, readAll]) {
  const fds = new Int32Array(2);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) === -1) {
    throw osError("socketpair", "");
  }
  const [client, server] = fds as unknown as [number, number];
  const epfd = epoll_create1(0);
  const event = new Uint8Array(epoll_event.size);
  epoll_event.write(event, { events: (EPOLLIN | EPOLLET) >>> 0, data: BigInt(server) }); // unsigned
  if (epoll_ctl(epfd, EPOLL_CTL_ADD, server, event) === -1) throw osError("epoll_ctl", server);

  send(client, new TextEncoder().encode("hello, world"), 12, 0);
  let received = "";
  while (epoll_wait(epfd, event, 1, 200) === 1) received += read(server);
  console.log(`${read.name}() received ${JSON.stringify(received)} of "hello, world"`);
  if (received.length < 12) {
    console.log(`  and ${JSON.stringify(readAll(server))} was left unread`);
  }
  for (const fd of [client, server, epfd]) close(fd);
}
