/**
 * 09 · The library.
 *
 * The selector of 08, complete: it uses the best mechanism of the platform (epoll, kqueue,
 * poll, select), throws errors with their names, copes with closed descriptors, and has oneshot and
 * edge modes and timeouts of any length. The program is shorter: the callback is the key's data.
 *
 *   deno run --allow-ffi examples/learn/09_library.ts
 */

import { DefaultSelector, EVENT_READ, Socket } from "../../mod.ts";

using selector = new DefaultSelector<(socket: Socket) => void, Socket>();
console.log(`${selector.constructor.name} is the default here`);

function accept(server: Socket) {
  const connection = server.accept();
  if (connection === null) return; // the client has left already
  console.log(`${connection.fileno()}: connected`);
  selector.register(connection, EVENT_READ, read);
}

function read(connection: Socket) {
  const bytes = connection.recv(1000);
  if (bytes === null) return; // no data
  console.log(`${connection.fileno()}: ${JSON.stringify(new TextDecoder().decode(bytes))}`);
  if (bytes.length > 0) return void connection.send(bytes);
  selector.unregister(connection);
  connection.close();
}

using server = new Socket();
server.bind({ hostname: "127.0.0.1", port: 0 });
server.listen();
server.setBlocking(false);
selector.register(server, EVENT_READ, accept);

const clients = ["hello", "world"].map((text) => {
  const client = new Socket();
  client.connect(server.localAddress);
  client.send(new TextEncoder().encode(text));
  client.shutdown("write"); // nothing more follows
  return client;
});

// A real server loops for ever. This one ends when both clients have left.
do {
  for (const [key] of selector.select()) key.data(key.fileobj);
} while (selector.getMap().size > 1);

for (const client of clients) {
  console.log(`echoed: ${new TextDecoder().decode(client.recv(64)!)}`);
  client.close();
}
