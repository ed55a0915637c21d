/**
 * From an address to a socket that serves it or is connected to it: what CPython's socket module
 * calls create_server() and create_connection().
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { writable } from "../selectors/ready.ts";
import { type Address, checkAddress, decodeAddress, isIpv4 } from "./address.ts";
import type { WaitOptions } from "./byte_stream.ts";
import { resolve, resolveAsync, type Resolved } from "./resolve.ts";
import type { Socket } from "./socket.ts";

/** Options of {@linkcode Socket.createServer}. */
export interface ServerOptions {
  /** SOCK_STREAM (default), SOCK_DGRAM or SOCK_SEQPACKET. */
  type?: number;
  /** How many connections may wait for accept(). Default: as many as the system allows. */
  backlog?: number;
  /** Whether several sockets may share the address, SO_REUSEPORT. Default: false. */
  reusePort?: boolean;
  /** Whether an IPv6 socket takes IPv4 too. Default: false. */
  dualStack?: boolean;
}

/** Options of {@linkcode Socket.createConnection}. */
export interface ConnectionOptions extends WaitOptions {
  /** Where to connect from. Default: the system chooses. */
  localAddress?: Address;
}

type SocketClass = new (family: number, type: number) => Socket;

/** An address that does not need resolving, and its family. */
interface Endpoint {
  readonly family: number;
  readonly address: Address;
}

/** A socket that is bound to the address, and listens if its type can. */
export function createServer(
  SocketClass: SocketClass,
  address: Address,
  { type = c.SOCK_STREAM, backlog, reusePort = false, dualStack = false }: ServerOptions,
): Socket {
  checkAddress(address);
  if (reusePort && c.SO_REUSEPORT === 0) {
    throw new Deno.errors.NotSupported("The platform has no SO_REUSEPORT");
  }
  if (dualStack && (!("hostname" in address) || isIpv4(address.hostname))) {
    throw new TypeError('dualStack takes an IPv6 address, such as { hostname: "::", port: 80 }');
  }
  const options = { backlog, reusePort, dualStack };
  return firstOf(endpointsOf(address, dualStack ? c.AF_INET6 : c.AF_UNSPEC, type), (endpoint) => {
    const socket = new SocketClass(endpoint.family, type);
    try {
      serve(socket, endpoint, options);
      return socket;
    } catch (error) {
      socket.close();
      throw error;
    }
  });
}

function serve(
  socket: Socket,
  { family, address }: Endpoint,
  { backlog, reusePort, dualStack }: {
    backlog: number | undefined;
    reusePort: boolean;
    dualStack: boolean;
  },
): void {
  socket.setBlocking(false);
  if (family === c.AF_INET || family === c.AF_INET6) {
    // On Windows SO_REUSEADDR would let another program take the address over.
    socket.setOption(c.SOL_SOCKET, c.SO_EXCLUSIVEADDRUSE || c.SO_REUSEADDR, 1);
  }
  if (family === c.AF_INET6) {
    socket.setOption(c.IPPROTO_IPV6, c.IPV6_V6ONLY, dualStack ? 0 : 1);
  }
  if (reusePort) socket.setOption(c.SOL_SOCKET, c.SO_REUSEPORT, 1);
  socket.bind(address);
  if (socket.type === c.SOCK_STREAM || socket.type === c.SOCK_SEQPACKET) socket.listen(backlog);
}

/** A connected socket, without blocking the thread. */
export async function createConnection(
  SocketClass: SocketClass,
  address: Address,
  { signal, localAddress }: ConnectionOptions,
): Promise<Socket> {
  checkAddress(address);
  if (localAddress !== undefined) checkAddress(localAddress);
  signal?.throwIfAborted();
  const remotes = await endpointsOfAsync(address, signal);
  const locals = localAddress === undefined ? [] : await endpointsOfAsync(localAddress, signal);
  let failure: unknown = new TypeError("localAddress is not of the address family to connect to");
  for (const remote of remotes) {
    const local = locals.find(({ family }) => family === remote.family);
    if (localAddress !== undefined && local === undefined) continue;
    try {
      return await connected(SocketClass, remote, local, signal);
    } catch (error) {
      signal?.throwIfAborted();
      failure = error;
    }
  }
  throw failure;
}

async function connected(
  SocketClass: SocketClass,
  remote: Endpoint,
  local: Endpoint | undefined,
  signal: AbortSignal | undefined,
): Promise<Socket> {
  const socket = new SocketClass(remote.family, c.SOCK_STREAM);
  try {
    socket.setBlocking(false);
    if (local !== undefined) socket.bind(local.address);
    await connect(socket, remote.address, signal);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

const LONGEST_PAUSE = 64; // milliseconds

async function connect(
  socket: Socket,
  address: Address,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let pause = 1;; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    try {
      if (socket.connect(address)) return;
      break;
    } catch (error) {
      // unix(7): the backlog is full, and no event says when it no longer is.
      if (!(error instanceof Deno.errors.WouldBlock) || socket.family !== c.AF_UNIX) throw error;
    }
    await pauseFor(pause, signal);
  }
  await writable(socket.fileno(), signal === undefined ? {} : { signal });
  const error = socket.takeError();
  if (error !== null) throw error;
}

async function pauseFor(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  try {
    await abortable(promise, signal);
  } finally {
    clearTimeout(timer);
  }
}

function endpointsOf(address: Address, family: number, type: number): Endpoint[] {
  if (!("hostname" in address)) return [endpointOf(address)];
  return resolve(address.hostname, family, type).map((resolved) =>
    withPort(resolved, address.port)
  );
}

async function endpointsOfAsync(
  address: Address,
  signal: AbortSignal | undefined,
): Promise<Endpoint[]> {
  if (!("hostname" in address)) return [endpointOf(address)];
  const resolving = resolveAsync(address.hostname, c.AF_UNSPEC, c.SOCK_STREAM);
  return (await abortable(resolving, signal)).map((resolved) => withPort(resolved, address.port));
}

function endpointOf(address: Exclude<Address, { hostname: string }>): Endpoint {
  return { family: "data" in address ? address.family : c.AF_UNIX, address };
}

function withPort({ family, sockaddr }: Resolved, port: number): Endpoint {
  const address = decodeAddress(sockaddr, sockaddr.length, family);
  return { family, address: { ...address, port } as Address };
}

/**
 * What `attempt` returns for the first item that it does not throw for; else the last error. An
 * address in use is not passed over: two servers would share the clients of one name.
 */
function firstOf<Item, Result>(items: readonly Item[], attempt: (item: Item) => Result): Result {
  let failure: unknown;
  for (const item of items) {
    try {
      return attempt(item);
    } catch (error) {
      // Windows reports an address in use as EACCES too.
      if (error instanceof Deno.errors.AddrInUse) throw error;
      if (error instanceof Deno.errors.PermissionDenied) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** The promise, or the signal's rejection if that comes first. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
