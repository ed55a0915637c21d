/**
 * 01 · One client, and calls that wait.
 *
 * A server makes six calls: socket, bind, listen, accept, recv, send. The client, which is in the
 * same program, makes three: socket, connect, send. accept and recv block: the thread waits until
 * they have a result. Here a connection and data are always ready, so no wait is seen.
 *
 *   deno run --allow-ffi examples/learn/01_blocking.ts
 */

import {
  accept,
  AF_INET,
  bind,
  close,
  connect,
  getsockname,
  listen,
  osError,
  recv,
  send,
  SOCK_STREAM,
  sockaddr_in,
  socket,
} from "../../ffi/mod.ts";

const buffer = new Uint8Array(64);

/** A C function returns -1 when it fails, and errno says why. osError() makes an Error of it. */
function check(call: string, result: number): number {
  if (result === -1) throw osError(call, "");
  return result;
}

/** The first `count` bytes of the buffer, as text. */
function text(count: number): string {
  return JSON.stringify(new TextDecoder().decode(buffer.subarray(0, count)));
}

// The server: a socket with an address, of which the kernel picks the port.
const listener = check("socket", socket(AF_INET, SOCK_STREAM, 0));
const address = new Uint8Array(sockaddr_in.size);
sockaddr_in.write(address, { sin_family: AF_INET, sin_port: 0, sin_addr: "127.0.0.1" });
check("bind", bind(listener, address, address.length));
check("listen", listen(listener, 16));
check("getsockname", getsockname(listener, address, new Int32Array([address.length])));
console.log(`server: descriptor ${listener} listens on port ${sockaddr_in.read(address).sin_port}`);

// The client. The kernel makes the connection and keeps its bytes before the server accepts it.
const client = check("socket", socket(AF_INET, SOCK_STREAM, 0));
check("connect", connect(client, address, address.length));
const hello = new TextEncoder().encode("hello");
check("send", send(client, hello, hello.length, 0));
console.log(`client: descriptor ${client} is connected, and has sent "hello"`);

// The server again: each connection has its own descriptor.
const connection = check("accept", accept(listener, null, null));
const count = check("recv", recv(connection, buffer, buffer.length, 0));
console.log(`server: descriptor ${connection} is the connection, and has received ${text(count)}`);
check("send", send(connection, buffer, count, 0));

const echoed = check("recv", recv(client, buffer, buffer.length, 0));
console.log(`client: ${text(echoed)} has come back`);

close(client);
console.log(
  `server: recv() gives ${recv(connection, buffer, buffer.length, 0)}: the client has left`,
);
close(connection);
close(listener);
