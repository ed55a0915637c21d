/**
 * An echo server on `for await` over a selector. It reads from a client again when the client has
 * received everything.
 */

import { DefaultSelector, EVENT_READ, EVENT_WRITE, type InetAddress, Socket } from "../../mod.ts";
import { IPPROTO_TCP, TCP_NODELAY } from "../../ffi/mod.ts";

const buffer = new Uint8Array(65536);
const unsent = new Map<Socket, Uint8Array>();
const selector = new DefaultSelector<void, Socket>();
const server = new Socket();
server.bind({ hostname: "127.0.0.1", port: 0 });
server.listen();
server.setBlocking(false);
selector.register(server, EVENT_READ);
console.log(`listening on 127.0.0.1:${(server.localAddress as InetAddress).port}`);

for await (const [{ fileobj }, events] of selector) {
  if (fileobj === server) accept();
  else if (events & EVENT_READ) read(fileobj);
  else write(fileobj);
}

function accept() {
  for (let connection; (connection = server.accept()) !== null;) {
    connection.setOption(IPPROTO_TCP, TCP_NODELAY, 1);
    selector.register(connection, EVENT_READ);
  }
}

function read(connection: Socket) {
  const count = connection.recvInto(buffer);
  if (count === null) return;
  if (count === 0) {
    selector.unregister(connection);
    return connection.close();
  }
  const sent = connection.send(buffer.subarray(0, count)) ?? 0;
  if (sent === count) return;
  unsent.set(connection, buffer.slice(sent, count));
  selector.modify(connection, EVENT_WRITE);
}

function write(connection: Socket) {
  const data = unsent.get(connection)!;
  const sent = connection.send(data) ?? 0;
  if (sent < data.length) return void unsent.set(connection, data.subarray(sent));
  unsent.delete(connection);
  selector.modify(connection, EVENT_READ);
}
