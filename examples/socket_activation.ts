/**
 * Serves on listening sockets that another program has opened: systemd(1), or
 * systemd-socket-activate, gives them as descriptors 3 and up (LISTEN_FDS, sd_listen_fds(3)),
 * spawn-fcgi and inetd give one as standard input. The program needs no right to bind a low port,
 * and no client is refused while it restarts. Without any it opens its own.
 *
 *     systemd-socket-activate --listen 8890 \
 *       deno run --allow-ffi --allow-env=LISTEN_PID,LISTEN_FDS examples/socket_activation.ts
 *
 * With --http the connections are node:http's, which also needs --allow-net.
 */

import { createServer } from "node:http";
import { IPPROTO_TCP, SO_ACCEPTCONN, SOL_SOCKET, TCP_DEFER_ACCEPT } from "../ffi/mod.ts";
import { AF_UNIX, isOsError, Socket } from "../mod.ts";

const FIRST = 3; // SD_LISTEN_FDS_START

/** The listening sockets that this process was started with. */
export function inheritedListeners(): Socket[] {
  // The variables are for one process: its children inherit them too, but not the descriptors.
  const isForUs = Deno.env.get("LISTEN_PID") === `${Deno.pid}`;
  const count = isForUs ? Number(Deno.env.get("LISTEN_FDS")) : 0;
  if (count > 0) return Array.from({ length: count }, (_, i) => Socket.fromFd(FIRST + i));
  return isListener(0) ? [Socket.fromFd(0)] : [];
}

function isListener(fd: number): boolean {
  try {
    const socket = Socket.fromFd(fd, { closeOnExec: false });
    const listens = socket.getOption(SOL_SOCKET, SO_ACCEPTCONN) !== 0;
    socket.detach();
    return listens;
  } catch {
    return false; // ENOTSOCK: a terminal, a file
  }
}

async function echo(listener: Socket): Promise<void> {
  try {
    for await (const connection of listener) {
      connection.readable.pipeTo(connection.writable).catch(() => {}); // reset
    }
  } catch (error) { // such as EMFILE: new clients wait until others leave
    if (!isOsError(error)) throw error;
    setTimeout(echo, 100, listener);
  }
}

if (import.meta.main) {
  const listeners = inheritedListeners();
  const count = listeners.length;
  if (count === 0) listeners.push(Socket.createServer({ hostname: "127.0.0.1", port: 0 }));
  for (const listener of listeners) {
    console.log("listening on", listener.localAddress, count === 0 ? "(own)" : "(inherited)");
    listener.setBlocking(false);
    // An option that Deno.listen() lacks: a connection is accepted once it has sent something.
    const isTcp = listener.family !== AF_UNIX && TCP_DEFER_ACCEPT !== 0;
    if (isTcp) listener.setOption(IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
    if (Deno.args[0] === "--http") {
      createServer((_, response) => response.end("hello\n")).listen({ fd: listener.detach() });
    } else {
      echo(listener);
    }
  }
}
