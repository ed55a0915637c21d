/**
 * 08 · A selector of your own.
 *
 * What the programs before did by hand, once and for all: a table of who is watched, for what, and with which data;
 * and select(), which waits and says who is ready. That is all there is to Python's `selectors`, and to this library.
 * What it lacks here is in 09.
 *
 *   deno run --allow-ffi examples/learn/08_own_selector.ts
 */

import { isPlatformWith, osError, poll, pollfd, POLLIN } from "../../ffi/mod.ts";
import { Socket } from "../../mod.ts";

if (!isPlatformWith("poll")) {
  console.log(`There is no poll(2) on ${Deno.build.os}.`);
  Deno.exit(0);
}

class Selector<Data> {
  readonly #watched = new Map<number, { events: number; data: Data }>();

  register(fd: number, events: number, data: Data) {
    this.#watched.set(fd, { events, data });
  }

  unregister(fd: number) {
    this.#watched.delete(fd);
  }

  /** Waits up to `timeout` milliseconds; for ever with -1. */
  select(timeout: number): { data: Data; events: number }[] {
    const watched = [...this.#watched];
    const fds = new Uint8Array(watched.length * pollfd.size);
    watched.forEach(([fd, { events }], i) => {
      pollfd.write(fds, { fd, events, revents: 0 }, i * pollfd.size);
    });
    if (poll(fds, watched.length, timeout) === -1) throw osError("poll", "");
    return watched.flatMap(([, { data }], i) => {
      const events = pollfd.read(fds, i * pollfd.size).revents; // what was asked for, and POLLHUP, POLLERR
      return events === 0 ? [] : [{ data, events }];
    });
  }
}

// An echo server on it. What is to be done with a descriptor is kept beside it.
const selector = new Selector<() => void>();
const server = new Socket();
server.bind({ hostname: "127.0.0.1", port: 0 });
server.listen();
selector.register(server.fileno(), POLLIN, () => {
  const connection = server.accept()!;
  selector.register(connection.fileno(), POLLIN, () => {
    const bytes = connection.recv(64)!;
    console.log(`${connection.fileno()}: ${JSON.stringify(new TextDecoder().decode(bytes))}`);
    if (bytes.length > 0) return void connection.send(bytes);
    selector.unregister(connection.fileno());
    connection.close();
  });
});

const clients = ["hello", "world"].map((text) => {
  const client = new Socket();
  client.connect(server.localAddress);
  client.send(new TextEncoder().encode(text));
  client.shutdown("write"); // that was all
  return client;
});
for (let ready = selector.select(100); ready.length > 0; ready = selector.select(100)) {
  for (const { data: callback } of ready) callback();
}
for (const client of clients) {
  console.log(`came back: ${new TextDecoder().decode(client.recv(64)!)}`);
  client.close();
}
server.close();
