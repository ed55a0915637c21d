/**
 * A TCP proxy: passes the bytes of each connection on to a server, and back. It reads from one side
 * only as fast as the other side takes it, so a slow reader holds a fast sender back, and the proxy
 * holds little of what is under way.
 *
 *     deno run --allow-ffi examples/proxy.ts LISTEN_PORT HOST PORT
 */

import { setTimeout as delay } from "node:timers/promises";
import { isOsError, Socket } from "../mod.ts";

const [listenPort, hostname, port] = Deno.args;
if (hostname === undefined || !(Number(listenPort) >= 0 && Number(port) > 0)) {
  console.error("Usage: proxy.ts LISTEN_PORT HOST PORT");
  Deno.exit(2);
}

const listener = Socket.createServer({ hostname: "127.0.0.1", port: Number(listenPort) });
console.log(`listening on port ${(listener.localAddress as { port: number }).port}`);
while (true) {
  try {
    for await (const client of listener) pass(client).catch(() => {}); // both sides are closed then
  } catch (error) { // such as EMFILE: new clients wait until others leave
    if (!isOsError(error)) throw error;
    await delay(100);
  }
}

async function pass(client: Socket): Promise<void> {
  using _client = client;
  using server = await Socket.createConnection({ hostname: hostname!, port: Number(port) });
  // pipeTo() waits for the writing side, and passes on the end of each direction by itself.
  await Promise.all([
    client.readable.pipeTo(server.writable),
    server.readable.pipeTo(client.writable),
  ]);
}
