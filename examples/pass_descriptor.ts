/**
 * Hands a TCP connection to another process and takes it back, over a Unix socket (SCM_RIGHTS,
 * unix(7)). Start the worker first. The worker greets each client, the front says goodbye.
 *
 *     deno run --allow-ffi --allow-write examples/pass_descriptor.ts worker PATH
 *     deno run --allow-ffi examples/pass_descriptor.ts front PATH [PORT]
 */

import { type InetAddress, isOsError, readable, Socket, writable } from "../mod.ts";

const [role, path, port = "0"] = Deno.args;
if (path === undefined || (role !== "worker" && role !== "front")) {
  console.error("Usage: pass_descriptor.ts worker PATH, or pass_descriptor.ts front PATH [PORT]");
  Deno.exit(2);
}
try {
  await (role === "worker" ? work(path) : serve(path, Number(port)));
} catch (error) {
  if (!isOsError(error) && !(error instanceof Deno.errors.NotSupported)) throw error;
  console.error(error.message); // such as ECONNREFUSED without a worker
  Deno.exit(1);
}

/** Accepts clients, and has the worker greet each. Ends when the worker does. */
async function serve(path: string, port: number): Promise<void> {
  using worker = await Socket.createConnection({ path });
  const listener = Socket.createServer({ hostname: "127.0.0.1", port });
  console.log(`listening on port ${(listener.localAddress as InetAddress).port}`);
  for await (const client of listener) {
    await give(worker, client);
    using returned = await take(worker);
    if (returned === null) return console.log("the worker has left");
    await returned.write(new TextEncoder().encode(`goodbye from ${Deno.pid}\n`));
  }
}

/** Greets the clients that a front hands over, and hands them back. Ends when the front does. */
async function work(path: string): Promise<void> {
  const listener = Socket.createServer({ path });
  console.log(`waiting on ${path}`);
  for await (using front of listener) {
    Deno.removeSync(path);
    for (let client; (client = await take(front)) !== null;) {
      await client.write(new TextEncoder().encode(`hello from ${Deno.pid}\n`));
      await give(front, client);
    }
    break;
  }
}

/** Sends a connection to another process, and closes it here: the other process has its own. */
async function give(peer: Socket, connection: Socket): Promise<void> {
  using _ = connection;
  const fds = [connection.fileno()];
  // Descriptors travel with at least one byte of data.
  await writable(peer, () => peer.sendMsg(new Uint8Array(1), { fds }));
}

/** Receives a connection from another process, or null at the end. */
async function take(peer: Socket): Promise<Socket | null> {
  const { fds } = await readable(peer, () => peer.recvMsg(1, { maxFds: 1 }));
  return fds.length === 0 ? null : Socket.fromFd(fds[0]!);
}
