/**
 * A socket on a raw descriptor. The calls themselves are in the files beside this one, by subject.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import type { Address } from "./address.ts";
import { Bytes, type ByteStream, type WaitOptions } from "./byte_stream.ts";
import { lengthOf } from "./calls.ts";
import { createConnection, createServer } from "./connect.ts";
import type { ConnectionOptions, ServerOptions } from "./connect.ts";
import { Connections } from "./connections.ts";
import * as endpoints from "./endpoints.ts";
import * as handles from "./handle.ts";
import { describeSocket, makeInspectable } from "./inspect.ts";
import { receiveMessage, sendMessage } from "./messages.ts";
import type { ReceivedMessage, RecvMsgOptions, SendMsgOptions } from "./messages.ts";
import * as options from "./options.ts";
import { SocketChannel } from "./socket_channel.ts";
import * as transfer from "./transfer.ts";

/**
 * A socket. null always means "would block"; every other failure throws an OS error. A signal that
 * interrupts a blocking call is Deno.errors.Interrupted; a non-blocking call is made again. Use
 * after close() throws Deno.errors.BadResource.
 *
 * @example An echo server
 * ```ts ignore
 * import { Socket } from "@syscall/selectors";
 * for await (const connection of Socket.createServer({ hostname: "127.0.0.1", port: 8888 })) {
 *   connection.readable.pipeTo(connection.writable).catch(console.error);
 * }
 * ```
 * @example A server and its client
 * ```ts
 * import { Socket } from "@syscall/selectors";
 * using server = Socket.createServer({ hostname: "127.0.0.1", port: 0 });
 * using client = await Socket.createConnection(server.localAddress);
 * await client.write(new TextEncoder().encode("hello"));
 * for await (const connection of server) {
 *   console.log(await connection.read(new Uint8Array(16))); // 5
 *   connection.close();
 *   break; // closes the server
 * }
 * ```
 */
export class Socket implements Disposable, ByteStream, AsyncIterable<Socket> {
  /** The address family: AF_INET, AF_INET6, AF_UNIX and so on. */
  readonly family: number;
  /** SOCK_STREAM, SOCK_DGRAM and so on. */
  readonly type: number;
  readonly #handle: handles.Handle;
  #bytes: Bytes | undefined; // made by the first use

  /**
   * Makes a socket, close-on-exec and blocking. socket(2)
   *
   * @param family AF_INET (default), AF_INET6, AF_UNIX and so on.
   * @param type SOCK_STREAM (default), SOCK_DGRAM and so on; non-blocking with SOCK_NONBLOCK added.
   * @param protocol 0 (default) is the usual one for the type.
   * @throws {RangeError} When an argument is not a 32-bit integer.
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   * @throws An OS error, such as EMFILE or EAFNOSUPPORT.
   */
  constructor(family: number = c.AF_INET, type: number = c.SOCK_STREAM, protocol: number = 0) {
    this.#handle = handles.adopted() ?? handles.openSocket(family, type, protocol);
    ({ family: this.family, type: this.type } = this.#handle);
  }

  /**
   * Makes a bound, non-blocking socket that listens unless its type is SOCK_DGRAM. It has
   * SO_REUSEADDR set, so that a server can be started again at once (Windows: SO_EXCLUSIVEADDRUSE).
   *
   * @param address Where to listen, as in bind(); of a name, its first address on this machine.
   * @param options `type`; `backlog`, as in listen(); `reusePort`, for several sockets at one
   * address; `dualStack`, for an IPv6 socket that takes IPv4 too.
   * @returns The socket, of the address's family.
   * @throws {TypeError} When `address` is no address, or no IPv6 address with `dualStack`.
   * @throws {Deno.errors.NotSupported} When the platform has no SO_REUSEPORT.
   * @throws An OS error, such as EADDRINUSE. Nothing stays open then.
   */
  static createServer(address: Address, options: ServerOptions = {}): Socket {
    return createServer(Socket, address, options);
  }

  /**
   * Connects a stream socket without blocking the thread. A name is resolved on a thread of Deno's
   * pool, and each address that it resolves to is tried.
   *
   * @param address Where to connect to.
   * @param options `signal` ends the attempt; `localAddress` is where to connect from.
   * @returns The connected socket, non-blocking.
   * @throws `options.signal.reason` When the signal is aborted.
   * @throws {TypeError} When `address` is no address.
   * @throws An OS error: the last attempt's, such as ECONNREFUSED, or an EAI_ code.
   */
  static createConnection(address: Address, options: ConnectionOptions = {}): Promise<Socket> {
    return createConnection(Socket, address, options);
  }

  /**
   * Takes over an open descriptor: close() will close it. Windows does not tell whether a socket is
   * blocking: there it becomes so.
   *
   * @param fd A socket's descriptor.
   * @param options `closeOnExec`: whether child processes do not inherit it. Default: true.
   * @returns A socket of the descriptor's family, type and blocking mode.
   * @throws {RangeError} When `fd` cannot be a descriptor.
   * @throws An OS error when it is no open socket (EBADF, ENOTSOCK). Nothing is taken over then.
   */
  static fromFd(fd: number, { closeOnExec = true }: { closeOnExec?: boolean } = {}): Socket {
    return handles.adopt(Socket, handles.takeOverSocket(fd, closeOnExec));
  }

  /**
   * Makes two connected Unix sockets, close-on-exec and blocking; on Windows TCP over loopback.
   *
   * @param type SOCK_STREAM (default), SOCK_DGRAM or SOCK_SEQPACKET.
   * @throws {Deno.errors.NotSupported} On Windows, when the type is not SOCK_STREAM.
   */
  static pair(type: number = c.SOCK_STREAM): [Socket, Socket] {
    const [left, right] = handles.openPair(type);
    return [handles.adopt(Socket, left), handles.adopt(Socket, right)];
  }

  /** The descriptor; -1 once closed or detached. */
  fileno(): number {
    return this.#handle.fd;
  }

  /** Whether calls wait until they can do something. */
  get blocking(): boolean {
    return this.#handle.blocking;
  }

  /** Makes calls wait until they can do something, or return null at once. O_NONBLOCK, fcntl(2) */
  setBlocking(blocking: boolean): void {
    this.#handle.setBlocking(blocking);
  }

  /**
   * Gives the socket its address. bind(2)
   *
   * @param address An IP address, or a name that is resolved while the thread waits; port 0 picks a
   * free one. For a Unix socket the path of a new file, which stays after close().
   * @throws {TypeError} When it is not an address of the socket's family.
   * @throws {RangeError} When the port or the length of the path is out of range.
   * @throws An OS error, such as EADDRINUSE or EACCES.
   */
  bind(address: Address): void {
    endpoints.bind(this.#handle, address);
  }

  /**
   * Lets clients connect. listen(2)
   *
   * @param backlog How many may wait for accept(). Default: as many as the system allows.
   * @throws An OS error, such as EADDRINUSE.
   */
  listen(backlog: number = c.SOMAXCONN): void {
    endpoints.listen(this.#handle, backlog);
  }

  /**
   * Accepts the next connection. accept4(2)
   *
   * @returns The connection, blocking or not as the listener is, close-on-exec; null when none
   * waits and the listener is non-blocking.
   * @throws An OS error, such as EMFILE, or ECONNABORTED when the client has gone again.
   */
  accept(): Socket | null {
    const connection = handles.accept(this.#handle);
    return connection === null ? null : handles.adopt(Socket, connection);
  }

  /**
   * Iterates over a listener's connections until it is closed. The listener and the connections are
   * non-blocking. A client that has gone again (ECONNABORTED) is passed over. Leaving the loop
   * closes the listener; an error such as EMFILE does not, and the loop can be entered again.
   *
   * @throws {TypeError} When the socket does not listen.
   *
   * @example
   * ```ts
   * import { Socket } from "@syscall/selectors";
   *
   * const server = Socket.createServer({ hostname: "127.0.0.1", port: 0 });
   * using client = await Socket.createConnection(server.localAddress);
   * for await (using connection of server) {
   *   console.log(connection.remoteAddress); // { hostname: "127.0.0.1", port: 54321 }
   *   break;
   * }
   * console.log(server.closed); // true
   * ```
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Socket> {
    return new Connections(this);
  }

  /**
   * Connects. connect(2)
   *
   * @param address As in bind().
   * @returns true: connected; false: under way (the socket is non-blocking, or a signal came): wait
   * for EVENT_WRITE, then call takeError().
   * @throws As bind(); an OS error such as ECONNREFUSED.
   */
  connect(address: Address): boolean {
    return endpoints.connect(this.#handle, address);
  }

  /**
   * Returns and clears the pending error, such as why a connection attempt failed; null if there
   * is none. SO_ERROR, socket(7)
   */
  takeError(): c.OsError | null {
    return endpoints.takeError(this.#handle);
  }

  /**
   * Receives at most `size` bytes. recv(2)
   *
   * @param size The most bytes to receive.
   * @param flags MSG_PEEK and the like.
   * @returns The bytes, in a new array; empty at the end of the stream; null when it would block.
   * @throws {RangeError} When `size` is not an integer from 0 to 2147483647.
   * @throws An OS error, such as ECONNRESET.
   */
  recv(size: number, flags: number = 0): Uint8Array | null {
    return transfer.receive(this.#handle, size, flags);
  }

  /**
   * Receives into the caller's memory. recv(2)
   *
   * @param buffer Where to put the bytes; its length is the most to receive.
   * @param flags MSG_PEEK and the like.
   * @returns The number of bytes; 0 at the end of the stream; null when it would block.
   * @throws {TypeError} When `buffer` is not a Uint8Array.
   * @throws An OS error, such as ECONNRESET.
   */
  recvInto(buffer: Uint8Array, flags: number = 0): number | null {
    return transfer.receiveInto(this.#handle, buffer, lengthOf(buffer), flags);
  }

  /**
   * Sends what the kernel takes. send(2)
   *
   * @param data The bytes.
   * @param flags MSG_OOB and the like; MSG_NOSIGNAL is always added.
   * @returns How many bytes the kernel took, perhaps not all; null when it would block.
   * @throws {TypeError} When `data` is not a Uint8Array.
   * @throws An OS error: EPIPE or ECONNRESET when the peer has gone, never SIGPIPE.
   */
  send(data: Uint8Array, flags: number = 0): number | null {
    return transfer.send(this.#handle, data, flags);
  }

  /**
   * Receives a datagram and its sender's address. recvfrom(2)
   *
   * @param size The most bytes to receive; a longer datagram is truncated.
   * @param flags MSG_PEEK and the like.
   * @returns The bytes, in a new array, and where they came from; null when it would block.
   * @throws {RangeError} When `size` is not an integer from 0 to 2147483647.
   * @throws An OS error, such as ECONNREFUSED.
   */
  recvFrom(size: number, flags: number = 0): { data: Uint8Array; address: Address } | null {
    return transfer.receiveFrom(this.#handle, size, flags);
  }

  /**
   * Sends a datagram. sendto(2)
   *
   * @param data The bytes.
   * @param address Where to, as in bind().
   * @param flags As in send().
   * @returns How many bytes were sent; null when it would block.
   * @throws {TypeError} When `data` is no Uint8Array, or `address` not of the socket's family.
   * @throws An OS error, such as EMSGSIZE.
   */
  sendTo(data: Uint8Array, address: Address, flags: number = 0): number | null {
    return transfer.sendTo(this.#handle, data, address, flags);
  }

  /**
   * Sends bytes with descriptors and other control messages. sendmsg(2)
   *
   * @param data The bytes: one array, or several that are sent one after the other.
   * @param options `fds`, descriptors to pass on a Unix socket; `control`; `address`; `flags`.
   * @returns As send(). On a stream, descriptors travel with the first byte.
   * @throws {TypeError} When `fds` are given and the socket is not AF_UNIX.
   * @throws {RangeError} When a descriptor cannot be one, or would be sent on a stream without
   * data.
   * @throws {Deno.errors.NotSupported} On Windows.
   * @throws An OS error, such as EBADF for a descriptor that is not open.
   *
   * @example
   * ```ts ignore
   * import { Socket } from "@syscall/selectors";
   *
   * const [left, right] = Socket.pair();
   * left.sendMsg(new Uint8Array(1), { fds: [left.fileno()] });
   * using duplicate = Socket.fromFd(right.recvMsg(1, { maxFds: 1 })!.fds[0]!);
   * for (const socket of [left, right]) socket.close();
   * ```
   */
  sendMsg(data: Uint8Array | readonly Uint8Array[], options: SendMsgOptions = {}): number | null {
    return sendMessage(this.#handle, data, options);
  }

  /**
   * Receives bytes with descriptors and other control messages, as sendMsg() sends them. recvmsg(2)
   *
   * @param size The most bytes to receive.
   * @param options `maxFds`; `controlSize`, the room for other control messages; `flags`.
   * @returns What was received; null when it would block. Its `fds` are the caller's to close.
   * @throws As recv().
   * @throws {Deno.errors.NotSupported} On Windows.
   */
  recvMsg(size: number, options: RecvMsgOptions = {}): ReceivedMessage | null {
    return receiveMessage(this.#handle, size, options);
  }

  /**
   * Reads at least one byte, without blocking the thread: the socket becomes non-blocking. Reads
   * that overlap are served in the order of the calls.
   *
   * @param p Where to put the bytes; its length is the most to read.
   * @param options `signal` ends the wait; no byte is lost.
   * @returns The number of bytes; null at the end of the stream.
   * @throws `options.signal.reason` When the signal is aborted.
   * @throws {Deno.errors.BadResource} When the socket is closed, also while it waits.
   * @throws An OS error, such as ECONNRESET.
   */
  read(p: Uint8Array, options?: WaitOptions): Promise<number | null> {
    return this.#streams().read(p, options);
  }

  /**
   * Writes at least one byte, without blocking the thread: the socket becomes non-blocking. Writes
   * that overlap are made in the order of the calls.
   *
   * @param p The bytes.
   * @param options `signal` ends the wait.
   * @returns How many of the bytes the kernel took, perhaps not all.
   * @throws As {@linkcode Socket.read}; EPIPE or ECONNRESET when the peer has gone.
   */
  write(p: Uint8Array, options?: WaitOptions): Promise<number> {
    return this.#streams().write(p, options);
  }

  /**
   * What arrives, as a byte stream that reads only when asked. cancel() ends a wait that is under
   * way, and loses no byte. When it and `writable` have ended, the socket is closed.
   *
   * @throws {TypeError} When the socket has messages, as SOCK_DGRAM has.
   */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#streams().readable;
  }

  /**
   * Writes all of each chunk, in order, with backpressure. close() is `shutdown("write")`; abort()
   * ends a wait that is under way. When it and `readable` have ended, the socket is closed.
   *
   * @throws As {@linkcode Socket.readable}.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.#streams().writable;
  }

  /** The socket's own address. getsockname(2) */
  get localAddress(): Address {
    return endpoints.localAddress(this.#handle);
  }

  /**
   * The peer's address; of an accepted connection also after the peer has gone. Throws
   * Deno.errors.NotConnected when there is no peer. getpeername(2)
   */
  get remoteAddress(): Address {
    return endpoints.remoteAddress(this.#handle);
  }

  /**
   * Sets an option. setsockopt(2)
   *
   * @param level SOL_SOCKET, IPPROTO_TCP and the like.
   * @param name SO_REUSEADDR, TCP_NODELAY and the like.
   * @param value An int, or the bytes of a struct.
   * @throws An OS error, such as ENOPROTOOPT.
   */
  setOption(level: number, name: number, value: number | Uint8Array): void {
    options.setOption(this.#handle, level, name, value);
  }

  /** Gets the value of an option that is an int. Throws as setOption(). getsockopt(2) */
  getOption(level: number, name: number): number;
  /**
   * Gets the bytes of an option that is a struct, such as SO_PEERCRED or TCP_INFO. getsockopt(2)
   *
   * @param size The most bytes to get.
   * @returns As many bytes as the option has, in a new array.
   */
  getOption(level: number, name: number, size: number): Uint8Array;
  getOption(level: number, name: number, size?: number): number | Uint8Array {
    return options.getOption(this.#handle, level, name, size);
  }

  /**
   * Ends one direction or both, without closing the descriptor. shutdown(2)
   *
   * @param how `"write"` tells the peer that all was sent.
   * @throws {Deno.errors.NotConnected} When there is no peer.
   */
  shutdown(how: "read" | "write" | "both"): void {
    endpoints.shutdown(this.#handle, how);
  }

  /** Gives the descriptor up without closing it, and returns it. */
  detach(): number {
    return this.#handle.detach();
  }

  /** Whether the socket was closed or detached. */
  get closed(): boolean {
    return this.#handle.fd === -1;
  }

  /**
   * Closes the descriptor, and rejects who waits for it in read(), write(), readable() and
   * writable(). Unregister it first where a selector watches it. Calling it again has no effect.
   */
  close(): void {
    this.#handle.close();
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #streams(): Bytes {
    return this.#bytes ??= new Bytes(new SocketChannel(this), { read: true, write: true });
  }
}

makeInspectable(Socket.prototype, describeSocket);
