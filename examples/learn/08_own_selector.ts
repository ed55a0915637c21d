/**
 * 08 · Your own selector.
 *
 * A class does what the programs before did by hand. It has a table of the descriptors that are
 * watched, each with its events and its data, and select(), which waits and returns those that are
 * ready. That is the idea of Python's `selectors` and of this library; 09 shows what is missing
 * here.
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
      // What was asked for, and POLLHUP and POLLERR, which are always reported.
      const events = pollfd.read(fds, i * pollfd.size).revents;
      return events === 0 ? [] : [{ data, events }];
    });
  }
}

// An echo server that uses it. The data of a descriptor is the function to call when it is ready.
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
  client.shutdown("write"); // nothing more follows
  return client;
});
for (let ready = selector.select(100); ready.length > 0; ready = selector.select(100)) {
  for (const { data: callback } of ready) callback();
}
for (const client of clients) {
  console.log(`echoed: ${new TextDecoder().decode(client.recv(64)!)}`);
  client.close();
}
server.close();
