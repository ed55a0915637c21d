/**
 * 07 · kqueue(2), on macOS and the BSDs.
 *
 * kevent() takes a list of changes and returns a list of events, in one call. It watches a filter
 * on a descriptor, EVFILT_READ or EVFILT_WRITE, and the event says how many bytes can be read. On
 * other platforms a library can provide it:
 *
 *   deno run --allow-ffi examples/learn/07_kqueue.ts [libkqueue.so.0]
 */

import * as ffi from "../../ffi/mod.ts";
import { AF_UNIX, close, osError, recv, send, SOCK_STREAM, socketpair } from "../../ffi/mod.ts";
import { EV_ADD, EV_DELETE, EVFILT_READ } from "../../ffi/mod.ts";

const library = Deno.args[0];
if (library === undefined && !ffi.isPlatformWith("kqueue")) {
  console.log(`There is no kqueue(2) on ${Deno.build.os}: only macOS and the BSDs have it.`);
  Deno.exit(0);
}
const { kqueue, kevent } = library === undefined ? ffi : ffi.libkqueue(library);
const { size, read, write } = ffi.kevent; // as in C: a function and a struct

const pairs = Array.from({ length: 3 }, () => {
  const fds = new Int32Array(2);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) === -1) throw osError("socketpair", "");
  return { client: fds[0]!, server: fds[1]! };
});

const kq = kqueue();
if (kq === -1) throw osError("kqueue", "");

/** A list with one change per descriptor. */
function changes(fds: number[], flags: number): Uint8Array {
  const list = new Uint8Array(fds.length * size);
  fds.forEach((ident, i) => {
    write(list, { ident, filter: EVFILT_READ, flags, fflags: 0, data: 0, udata: 0n }, i * size);
  });
  return list;
}

// Three descriptors in one call, which does not wait because it has no room for events.
const servers = pairs.map(({ server }) => server);
if (kevent(kq, changes(servers, EV_ADD), servers.length, null, 0, null) === -1) {
  throw osError("kevent", kq);
}

const MAX_EVENTS = 8;
const events = new Uint8Array(MAX_EVENTS * size);
const tenth = new Uint8Array(ffi.timespec.size);
ffi.timespec.write(tenth, { tv_sec: 0, tv_nsec: 100_000_000 });

/** Waits at most a tenth of a second, and reads `most` bytes from each descriptor that is ready. */
function turn(most: number) {
  const buffer = new Uint8Array(most);
  const count = kevent(kq, null, 0, events, MAX_EVENTS, tenth);
  if (count === -1) throw osError("kevent", kq);
  console.log(`kevent() returned ${count}, of ${pairs.length} filters`);
  for (let i = 0; i < count; i++) {
    const { ident, data } = read(events, i * size);
    const text = new TextDecoder().decode(buffer.subarray(0, recv(ident, buffer, most, 0)));
    console.log(`  ${ident}: ${text} (of ${data} bytes)`);
  }
}

send(pairs[1]!.client, new TextEncoder().encode("hello, world"), 12, 0);
turn(5); // reads five of the twelve bytes
turn(64); // it is still ready: reads the rest
turn(64); // it is not ready any more

kevent(kq, changes([servers[1]!], EV_DELETE), 1, null, 0, null);
send(pairs[1]!.client, new TextEncoder().encode("anybody?"), 8, 0);
turn(64); // it is not watched any more
for (const { client, server } of pairs) [client, server].forEach((fd) => close(fd));
close(kq);
