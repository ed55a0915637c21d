/**
 * The echo server that visualize.ts shows: a blocking loop in its own Worker, so that its trace has
 * only its own calls. It reports to the main thread each call, what is registered, and what is
 * ready.
 *
 * @module
 */

import { SO_RCVBUF, SO_SNDBUF, SOL_SOCKET } from "../../ffi/mod.ts";
import {
  type Address,
  DefaultSelector,
  EVENT_READ,
  EVENT_WRITE,
  isOsError,
  Socket,
  type SyscallRecord,
  traceSyscalls,
} from "../../mod.ts";

/** What the worker reports, in the order in which it happens. */
export type Report =
  | { kind: "listening"; address: Address; waker: number }
  /** A call that has returned. `lane` is its descriptor, or SELECTOR. */
  | { kind: "call"; lane: number; name: string; line: string; failed: boolean; duration: number }
  /**
   * What is registered, and what select() found ready; both are sums of EVENT_READ and EVENT_WRITE.
   */
  | { kind: "state"; lanes: { fd: number; role: string; events: number; ready: number }[] };

/** The lane of the calls that wait. */
export const SELECTOR = -1;

const BUFFER_SIZE = 4096; // bytes: small, so that a client that does not read soon has an effect
const RETRY = 100; // milliseconds until a server without free descriptors accepts again
const OF_SELECTOR = /^(epoll_create1|epoll_wait|epoll_pwait2|kqueue|kevent|p?poll|select|WSAPoll)$/;

if (self.name === "echo") serve(self as unknown as Worker);

function serve(mainThread: Worker) {
  const tell = (report: Report) => mainThread.postMessage(report);
  using _ = traceSyscalls((call) => {
    const { name, error, duration } = call;
    tell({
      kind: "call",
      lane: laneOf(call),
      name,
      line: `${call}`,
      failed: error !== undefined,
      duration,
    });
  });
  using selector = new DefaultSelector<(socket: Socket) => void, Socket>();
  using server = new Socket();
  const roles = new Map([[server.fileno(), "listener"]]);
  const unsent = new Map<Socket, Uint8Array>();
  let isFull = false;
  const buffer = new Uint8Array(BUFFER_SIZE);

  function accept(server: Socket) {
    let connection: Socket | null;
    try {
      connection = server.accept();
    } catch (error) {
      if (!isOsError(error)) throw error;
      if (error.code !== "ECONNABORTED") pause(); // such as EMFILE
      return;
    }
    if (connection === null) return;
    const { port } = connection.remoteAddress as { port: number };
    roles.set(connection.fileno(), `client on port ${port}`);
    selector.register(connection, EVENT_READ, read);
  }

  function read(connection: Socket) {
    const count = connection.recvInto(buffer);
    if (count === null) return;
    if (count === 0) return close(connection);
    const sent = connection.send(buffer.subarray(0, count)) ?? 0;
    if (sent === count) return;
    unsent.set(connection, buffer.slice(sent, count));
    selector.modify(connection, EVENT_WRITE, write);
  }

  function write(connection: Socket) {
    const data = unsent.get(connection)!;
    const sent = connection.send(data) ?? 0;
    if (sent < data.length) return void unsent.set(connection, data.subarray(sent));
    unsent.delete(connection);
    selector.modify(connection, EVENT_READ, read);
  }

  function close(connection: Socket) {
    selector.unregister(connection);
    unsent.delete(connection);
    connection.close();
  }

  // Without free descriptors waiting clients keep the listener ready: unregister it for a while.
  function pause() {
    isFull = true;
    selector.unregister(server);
  }

  function resume() {
    isFull = false;
    selector.register(server, EVENT_READ, accept);
  }

  function tellState(ready: ReadonlyMap<number, number> = new Map()) {
    const lanes = [...selector.getMap().values()].map(({ fd, events }) => {
      return { fd, role: roles.get(fd)!, events, ready: ready.get(fd) ?? 0 };
    });
    lanes.push({ fd: selector.waker.fd, role: "waker", events: EVENT_READ, ready: 0 });
    tell({ kind: "state", lanes });
  }

  for (const size of [SO_RCVBUF, SO_SNDBUF]) server.setOption(SOL_SOCKET, size, BUFFER_SIZE);
  server.bind({ hostname: "127.0.0.1", port: 0 });
  server.listen();
  server.setBlocking(false);
  selector.register(server, EVENT_READ, accept);
  tell({ kind: "listening", address: server.localAddress, waker: selector.waker.fd });
  tellState();

  while (true) {
    const limit = isFull ? RETRY : Infinity;
    const start = performance.now();
    const ready = selector.select(limit);
    // Before the limit nothing is ready only when the main thread has woken the selector, to end
    // it.
    if (ready.length === 0 && performance.now() - start < limit) break;
    if (isFull) resume();
    tellState(new Map(ready.map(([{ fd }, events]) => [fd, events])));
    for (const [key] of ready) {
      try {
        key.data(key.fileobj);
      } catch (error) {
        if (!isOsError(error)) throw error;
        close(key.fileobj); // reset
      }
    }
    tellState();
  }
  self.close();
}

function laneOf({ name, args, result }: SyscallRecord): number {
  if (OF_SELECTOR.test(name)) return SELECTOR;
  if (name === "epoll_ctl") return Number(args[2]);
  return name === "socket" || name === "eventfd" ? result : Number(args[0]);
}
