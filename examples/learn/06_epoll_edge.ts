/**
 * 06 · epoll(7), edge-triggered, and the bug that everyone makes.
 *
 * With EPOLLET a descriptor is reported when something comes (the change), not while something is there. Whoever
 * reads once and then waits, as in 05, leaves bytes behind that are never reported again: the connection hangs. The
 * remedy: read until EAGAIN, with O_NONBLOCK.
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
  console.log(`There is no epoll(7) on ${Deno.build.os}: it is Linux'.`);
  Deno.exit(0);
}

const buffer = new Uint8Array(5); // smaller than the message

/** One recv(): the text that it gave, or null where there was nothing. */
function receive(fd: number): string | null {
  const count = recv(fd, buffer, buffer.length, 0);
  if (count !== -1) return new TextDecoder().decode(buffer.subarray(0, count));
  if (errno() !== EAGAIN) throw osError("recv", fd);
  return null;
}

/** The bug: it reads what one recv() gives. */
function readOnce(fd: number): string {
  return receive(fd) ?? "";
}

/** The remedy: it reads until nothing is there. */
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
    console.log(`  and ${JSON.stringify(readAll(server))} lay there unseen`);
  }
  for (const fd of [client, server, epfd]) close(fd);
}
