/**
 * 05 · epoll(7), level-triggered: register once what to watch.
 *
 * poll() takes the whole array at each call, and checks all of it. epoll keeps the list in the
 * kernel: epoll_ctl() changes it, and epoll_wait() returns only the ready descriptors. It reports
 * each of them as long as it is ready: the level, not the change.
 *
 *   deno run --allow-ffi examples/learn/05_epoll.ts
 */

import {
  AF_UNIX,
  close,
  EPOLL_CLOEXEC,
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  epoll_event,
  epoll_wait,
  EPOLLIN,
  isPlatformWith,
  osError,
  recv,
  send,
  SOCK_STREAM,
  socketpair,
} from "../../ffi/mod.ts";

if (!isPlatformWith("epoll")) {
  console.log(`There is no epoll(7) on ${Deno.build.os}: only Linux has it.`);
  Deno.exit(0);
}

const pairs = Array.from({ length: 3 }, () => {
  const fds = new Int32Array(2);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) === -1) throw osError("socketpair", "");
  return { client: fds[0]!, server: fds[1]! };
});

const epfd = epoll_create1(EPOLL_CLOEXEC);
if (epfd === -1) throw osError("epoll_create1", "");

// struct epoll_event { uint32_t events; epoll_data_t data; }: the kernel returns `data` with the
// event, so it identifies the descriptor.
const event = new Uint8Array(epoll_event.size);
for (const { server } of pairs) {
  epoll_event.write(event, { events: EPOLLIN, data: BigInt(server) });
  if (epoll_ctl(epfd, EPOLL_CTL_ADD, server, event) === -1) throw osError("epoll_ctl", server);
}

const MAX_EVENTS = 8;
const events = new Uint8Array(MAX_EVENTS * epoll_event.size);

/** Waits at most a tenth of a second, and reads `size` bytes from each descriptor that is ready. */
function turn(size: number) {
  const buffer = new Uint8Array(size);
  const count = epoll_wait(epfd, events, MAX_EVENTS, 100);
  if (count === -1) throw osError("epoll_wait", epfd);
  console.log(`epoll_wait() returned ${count}, of ${pairs.length} descriptors`);
  for (let i = 0; i < count; i++) {
    const fd = Number(epoll_event.read(events, i * epoll_event.size).data);
    const received = recv(fd, buffer, size, 0);
    console.log(`  ${fd}: ${new TextDecoder().decode(buffer.subarray(0, received))}`);
  }
}

send(pairs[1]!.client, new TextEncoder().encode("hello, world"), 12, 0);
turn(5); // reads five of the twelve bytes
turn(64); // it is still ready: reads the rest
turn(64); // it is not ready any more

epoll_ctl(epfd, EPOLL_CTL_DEL, pairs[1]!.server, null);
send(pairs[1]!.client, new TextEncoder().encode("anybody?"), 8, 0);
turn(64); // it is not watched any more
for (const { client, server } of pairs) [client, server].forEach((fd) => close(fd));
close(epfd);
