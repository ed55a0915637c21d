/**
 * 09 · The library.
 *
 * The selector of 08 as it ships: the best mechanism that the platform has (epoll, kqueue, poll, select), every error
 * with its name, descriptors that were closed, oneshot and edge, timeouts that fit no int. The program has become
 * short: the callback is the key's data.
 *
 *   deno run --allow-ffi examples/learn/09_library.ts
 */

import { DefaultSelector, EVENT_READ, Socket } from "../../mod.ts";

using selector = new DefaultSelector<(socket: Socket) => void, Socket>();
console.log(`${selector.constructor.name} is the default here`);

function accept(server: Socket) {
  const connection = server.accept();
  if (connection === null) return; // gone again
  console.log(`${connection.fileno()}: connected`);
  selector.register(connection, EVENT_READ, read);
}

function read(connection: Socket) {
  const bytes = connection.recv(1000);
  if (bytes === null) return; // would have blocked
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
  client.shutdown("write"); // that was all
  return client;
});

// A server would say `while (true)`: this one ends when both clients have left.
do {
  for (const [key] of selector.select()) key.data(key.fileobj);
} while (selector.getMap().size > 1);

for (const client of clients) {
  console.log(`came back: ${new TextDecoder().decode(client.recv(64)!)}`);
  client.close();
}
