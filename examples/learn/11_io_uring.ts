/**
 * 11 · Completions instead of readiness.
 *
 * A selector says what is ready, and each recv() and send() is one more system call. With io_uring
 * the program writes what it wants into a ring of memory that it shares with the kernel, and reads
 * the results from another ring. One call submits many operations and waits for many results.
 *
 *   deno run --allow-ffi examples/learn/11_io_uring.ts
 */

import { Socket } from "../../mod.ts";
import { Ring } from "../../ring/mod.ts";

if (!Ring.isSupported()) {
  console.log("This kernel or container has no io_uring; the selectors work everywhere.");
  Deno.exit(0);
}

type What = { doing: "receive" | "echo"; name: string; client: Socket; server: Socket };
using ring = new Ring<What>({ entries: 8, buffers: 8 });

const pairs = ["first", "second", "third"].map((name) => {
  const [client, server] = Socket.pair();
  const what: What = { doing: "receive", name, client, server };
  ring.recv(server, what); // goes on until the client has left
  return what;
});

// Nothing has been submitted yet. All clients send before the server waits.
for (const { client } of pairs) client.send(new TextEncoder().encode("hello"));

let connected = pairs.length;
while (connected > 0) {
  for (const completion of ring.wait()) {
    const { data: { doing, name, client, server }, result } = completion;
    console.log(`${name}: ${doing} ${result}`);
    if (doing === "echo") {
      client.recv(16);
      client.close();
    } else if (result > 0) {
      // The kernel has received the bytes already. They are sent from where they are.
      ring.send(server, completion, { ...completion.data, doing: "echo" });
    } else {
      server.close();
      connected--;
    }
  }
}
