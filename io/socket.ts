/**
 * A socket on a raw descriptor: socket(2) and its family with OS errors instead of -1, blocking as
 * POSIX has it until setBlocking(false); and reading, writing and accepting on Deno's event loop.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { isBlocking, setBlocking, setCloseOnExec } from "../os/descriptor.ts";
import * as os from "../os/socket.ts";
import { closing } from "../selectors/closing.ts";
import { type Address, decodeAddress, encodeAddress, formatAddress } from "./address.ts";
import { Bytes, type ByteStream, type WaitOptions } from "./byte_stream.ts";
import { lengthOf, receiveMemory, takeReceived, withFlag, wouldBlock } from "./calls.ts";
import {
  type ConnectionOptions,
  createConnection,
  createServer,
  type ServerOptions,
} from "./connect.ts";
import { Connections } from "./connections.ts";
import { resolveOne } from "./resolve.ts";
import { SocketChannel } from "./socket_channel.ts";

// For the kernel to write into, one call at a time: the calls of a thread never overlap.
const addressBuffer = new Uint8Array(c.sockaddr_storage.size);
const addressLength = new Int32Array(1);
const optionValue = new Int32Array(1);
const optionLength = new Int32Array(1);

const HOW: Readonly<Record<"read" | "write" | "both", number>> = {
  read: c.SHUT_RD,
  write: c.SHUT_WR,
  both: c.SHUT_RDWR,
};

/**
 * A socket. null always means "would block"; every other failure throws an OS error. A signal that
 * interrupts a blocking call is Deno.errors.Interrupted; a non-blocking call is made again. Use
 * after close() throws Deno.errors.BadResource.
 *
 * @example A server and its client, blocking
 * ```ts
 * import { Socket } from "@syscall/selectors";
 *
 * using server = new Socket();
 * server.bind({ hostname: "127.0.0.1", port: 0 });
 * server.listen();
 * using client = new Socket();
 * client.connect(server.localAddress);
 * using connection = server.accept()!;
 * client.send(new TextEncoder().encode("hello"));
 * console.log(new TextDecoder().decode(connection.recv(16)!)); // hello
 * ```
 */
export class Socket implements Disposable, ByteStream, AsyncIterable<Socket> {
  /** AF_INET, AF_INET6, AF_UNIX and so on. */
  readonly family: number;
  /** SOCK_STREAM, SOCK_DGRAM and so on. */
  readonly type: number;
  #fd: number;
  #blocking: boolean;
  #bytes: Bytes | undefined; // made by the first use
  #remote: Uint8Array | undefined; // as accept(2) gave it: known even after a reset
  #connecting = ""; // where to, until takeError() was called
  #taken = 0; // the errno that takeError() returned last

  /**
   * Makes a socket, close-on-exec and blocking. socket(2)
   *
   * @param family AF_INET (default), AF_INET6, AF_UNIX and so on.
   * @param type SOCK_STREAM (default), SOCK_DGRAM and so on; with SOCK_NONBLOCK added,
   * non-blocking.
   * @param protocol 0 (default) is the usual one for the type.
   * @throws {RangeError} When an argument is not a 32-bit integer.
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   * @throws An OS error, such as EMFILE or EAFNOSUPPORT.
   */
  constructor(family: number = c.AF_INET, type: number = c.SOCK_STREAM, protocol: number = 0) {
    const adopted = adoption;
    adoption = undefined;
    if (adopted === undefined) {
      this.#fd = c.socket(family, withFlag(type, c.SOCK_CLOEXEC, "type"), protocol);
      if (this.#fd === -1) throw c.osError("socket", "");
      os.setCloseOnExecIfMissing(this.#fd);
      this.#blocking = (type & c.SOCK_NONBLOCK) === 0;
    } else {
      this.#fd = adopted.fd;
      this.#blocking = adopted.blocking;
      this.#remote = adopted.remote;
    }
    this.family = family;
    this.type = type & ~(c.SOCK_NONBLOCK | c.SOCK_CLOEXEC);
  }

  /**
   * Makes a server's socket: bound, listening (unless the type is SOCK_DGRAM) and non-blocking,
   * with SO_REUSEADDR set so that a server can be started again at once (on Windows
   * SO_EXCLUSIVEADDRUSE). A name is resolved as bind() does it.
   *
   * @param address Where to listen; its kind gives the family. Port 0 picks a free one.
   * @param options `type`; `backlog`, how many connections may wait for accept(); `reusePort`, for
   * several sockets at one address; `dualStack`, for an IPv6 socket that takes IPv4 too.
   * @returns The socket.
   * @throws {TypeError} When it is no address, or with `dualStack` no IPv6 address.
   * @throws {Deno.errors.NotSupported} When the platform has no SO_REUSEPORT.
   * @throws An OS error, such as EADDRINUSE. Nothing stays open then.
   *
   * @example An echo server
   * ```ts ignore
   * import { Socket } from "@syscall/selectors";
   *
   * for await (const connection of Socket.createServer({ hostname: "127.0.0.1", port: 8888 })) {
   *   connection.readable.pipeTo(connection.writable).catch(console.error);
   * }
   * ```
   */
  static createServer(address: Address, options: ServerOptions = {}): Socket {
    return createServer((family, type) => new Socket(family, type), address, options);
  }

  /**
   * Connects a stream socket without blocking the thread. A name is resolved on a thread of Deno's
   * pool, and each address that it resolves to is tried.
   *
   * @param address Where to connect to.
   * @param options `signal` ends the attempt; `localAddress` is where to connect from.
   * @returns The connected socket, non-blocking.
   * @throws `options.signal.reason` When the signal is aborted.
   * @throws {TypeError} When it is no address.
   * @throws An OS error: the last attempt's, such as ECONNREFUSED, or an EAI_ code.
   *
   * @example
   * ```ts
   * import { Socket } from "@syscall/selectors";
   *
   * using server = Socket.createServer({ hostname: "127.0.0.1", port: 0 });
   * using client = await Socket.createConnection(server.localAddress);
   * console.log(client.remoteAddress); // { hostname: "127.0.0.1", port: 43567 }
   * ```
   */
  static createConnection(address: Address, options: ConnectionOptions = {}): Promise<Socket> {
    return createConnection((family, type) => new Socket(family, type), address, options);
  }

  /**
   * Takes over an open descriptor: close() will close it. Windows does not tell whether a socket is
   * blocking: there it becomes so.
   *
   * @param fd A socket's descriptor.
   * @param options `closeOnExec`: whether child processes do not inherit it. Default: true.
   * @returns A socket of the descriptor's family, type and blocking mode.
   * @throws {RangeError} When `fd` cannot be a descriptor.
   * @throws An OS error when it is not an open socket (EBADF, ENOTSOCK); it is not taken over then.
   */
  static fromFd(fd: number, { closeOnExec = true }: { closeOnExec?: boolean } = {}): Socket {
    if (typeof fd !== "number") throw new TypeError("fd must be a number");
    if ((fd | 0) !== fd || fd < 0) throw new RangeError(`fd must be a descriptor, not ${fd}`);
    const family = os.socketFamily(fd);
    const type = os.intOption(fd, c.SOL_SOCKET, c.SO_TYPE);
    const blocking = isBlocking(fd);
    if (closeOnExec) setCloseOnExec(fd);
    return adopt(fd | 0, family, type, blocking);
  }

  /**
   * Makes two sockets that are connected to each other, close-on-exec and blocking: Unix sockets,
   * on Windows TCP over loopback. socketpair(2)
   *
   * @param type SOCK_STREAM (default), SOCK_DGRAM or SOCK_SEQPACKET.
   * @returns The pair.
   * @throws {Deno.errors.NotSupported} On Windows, for another type than SOCK_STREAM.
   * @throws An OS error, such as EMFILE.
   */
  static pair(type: number = c.SOCK_STREAM): [Socket, Socket] {
    c.checkInt(type, "type");
    const blocking = (type & c.SOCK_NONBLOCK) === 0;
    const [left, right] = os.makePair(type);
    return [
      adopt(left, os.PAIR_FAMILY, type, blocking),
      adopt(right, os.PAIR_FAMILY, type, blocking),
    ];
  }

  /** The descriptor; -1 once closed or detached. */
  fileno(): number {
    return this.#fd;
  }

  /** Whether calls wait until they can do something. */
  get blocking(): boolean {
    return this.#blocking;
  }

  /**
   * Makes calls wait until they can do something, or return null at once. O_NONBLOCK, fcntl(2)
   *
   * @param blocking Whether to wait.
   * @throws {Deno.errors.BadResource} When the socket is closed.
   */
  setBlocking(blocking: boolean): void {
    setBlocking(this.#open(), blocking);
    this.#blocking = Boolean(blocking);
  }

  /**
   * Gives the socket its address. bind(2)
   *
   * @param address For an internet socket an IP address, or a name that getaddrinfo(3) resolves
   * while the thread waits; port 0 picks a free one. For a Unix socket the path of a file, which
   * must not exist yet and stays after close().
   * @throws {TypeError} When it is not an address of the socket's family.
   * @throws {RangeError} When the port or the length of the path is out of range.
   * @throws An OS error, such as EADDRINUSE or EACCES.
   */
  bind(address: Address): void {
    const bytes = this.#encode(address);
    if (c.bind(this.#open(), bytes, bytes.length) === -1) {
      const error = c.errno(); // before formatAddress(), which may lose it
      throw c.osError("bind", formatAddress(address), error);
    }
  }

  /**
   * Lets clients connect. listen(2)
   *
   * @param backlog How many may wait for accept(). Default: as many as the system allows.
   * @throws An OS error, such as EADDRINUSE.
   */
  listen(backlog: number = c.SOMAXCONN): void {
    const fd = this.#open();
    if (c.listen(fd, backlog) === -1) throw c.osError("listen", fd);
  }

  /**
   * Accepts the next connection. accept4(2)
   *
   * @returns The connection, blocking or not as the listener is, close-on-exec; null when none
   * waits and the listener is non-blocking.
   * @throws An OS error: EMFILE and ENFILE when there are no descriptors left, ECONNABORTED when
   * the client has gone again.
   */
  accept(): Socket | null {
    const listener = this.#open();
    for (;;) {
      addressLength[0] = addressBuffer.length;
      const fd = acceptFrom(listener, this.#blocking);
      if (fd !== -1) return this.#accepted(fd);
      if (this.#wouldBlock(c.SOCK_CLOEXEC === 0 ? "accept" : "accept4")) return null;
    }
  }

  /**
   * Iterates over a listener's connections, which are non-blocking, until it is closed. The
   * listener becomes non-blocking. A client that has gone again (ECONNABORTED) is passed over.
   * Leaving the loop closes the listener; an error such as EMFILE does not, so that the loop can be
   * entered again.
   *
   * @returns The connections.
   * @throws {TypeError} When the socket does not listen.
   * @throws An OS error, such as EMFILE.
   *
   * @example
   * ```ts
   * import { Socket } from "@syscall/selectors";
   *
   * using server = Socket.createServer({ hostname: "127.0.0.1", port: 0 });
   * using client = await Socket.createConnection(server.localAddress);
   * for await (using connection of server) {
   *   await connection.write(new TextEncoder().encode("hello"));
   *   break;
   * }
   * console.log(new TextDecoder().decode(client.recv(16)!)); // hello
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
   * @throws {TypeError} When it is not an address of the socket's family.
   * @throws {RangeError} When the port or the length of the path is out of range.
   * @throws An OS error, such as ECONNREFUSED.
   */
  connect(address: Address): boolean {
    const bytes = this.#encode(address);
    this.#taken = 0;
    if (c.connect(this.#open(), bytes, bytes.length) === 0) return true;
    const error = c.errno();
    if (!os.isConnecting(error)) throw c.osError("connect", formatAddress(address), error);
    this.#connecting = formatAddress(address);
    return false;
  }

  /**
   * Reads and clears the socket's pending error, such as why a connection attempt failed. SO_ERROR,
   * socket(7)
   *
   * @returns The error, not thrown; null if there is none.
   */
  takeError(): c.OsError | null {
    const fd = this.#open();
    const error = os.intOption(fd, c.SOL_SOCKET, c.SO_ERROR);
    const peer = this.#connecting;
    this.#connecting = "";
    if (error === 0 || (os.KEEPS_SOCKET_ERROR && error === this.#taken)) return null;
    this.#taken = error;
    return peer === "" ? c.osError("getsockopt", fd, error) : c.osError("connect", peer, error);
  }

  /**
   * Receives at most `size` bytes. recv(2)
   *
   * @param size The most bytes to receive.
   * @param flags MSG_PEEK and the like.
   * @returns The bytes, in a new array; empty at the end of the stream; null when nothing is there
   * and the socket is non-blocking.
   * @throws {RangeError} When `size` is not an integer from 0 to 2147483647.
   * @throws An OS error, such as ECONNRESET.
   */
  recv(size: number, flags: number = 0): Uint8Array | null {
    const fd = this.#open();
    const memory = receiveMemory(size, flags);
    for (;;) {
      const count = this.#received(c.recv(fd, memory, size, flags), "recv", size);
      if (count === null) return null;
      if (count !== -1) return takeReceived(memory, count);
    }
  }

  /**
   * Receives into the caller's memory. recv(2)
   *
   * @param buffer Where to put the bytes; its length is the most to receive.
   * @param flags MSG_PEEK and the like.
   * @returns The number of bytes; 0 at the end of the stream; null when nothing is there and the
   * socket is non-blocking.
   * @throws {TypeError} When `buffer` is not a Uint8Array.
   * @throws An OS error, such as ECONNRESET.
   */
  recvInto(buffer: Uint8Array, flags: number = 0): number | null {
    const fd = this.#open();
    const size = lengthOf(buffer);
    for (;;) {
      const count = this.#received(c.recv(fd, buffer, size, flags), "recv", size);
      if (count !== -1) return count;
    }
  }

  /**
   * Sends what the kernel takes. send(2)
   *
   * @param data The bytes.
   * @param flags MSG_OOB and the like; MSG_NOSIGNAL is always added.
   * @returns How many bytes the kernel took, perhaps fewer than given; null when it takes none now
   * and the socket is non-blocking.
   * @throws {TypeError} When `data` is not a Uint8Array.
   * @throws An OS error: EPIPE or ECONNRESET when the peer has gone, never SIGPIPE.
   */
  send(data: Uint8Array, flags: number = 0): number | null {
    const fd = this.#open();
    const size = lengthOf(data);
    flags = withFlag(flags, c.MSG_NOSIGNAL, "flags");
    for (;;) {
      const count = c.send(fd, data, size, flags);
      if (count !== -1) return count;
      if (this.#wouldBlock("send")) return null;
    }
  }

  /**
   * Receives a datagram and its sender's address. recvfrom(2)
   *
   * @param size The most bytes to receive; a longer datagram is truncated.
   * @param flags MSG_PEEK and the like.
   * @returns The bytes, in a new array, and where they came from; null when nothing is there and
   * the socket is non-blocking.
   * @throws {RangeError} When `size` is not an integer from 0 to 2147483647.
   * @throws An OS error, such as ECONNREFUSED.
   */
  recvFrom(size: number, flags: number = 0): { data: Uint8Array; address: Address } | null {
    const fd = this.#open();
    const memory = receiveMemory(size, flags);
    for (;;) {
      addressLength[0] = addressBuffer.length;
      const result = c.recvfrom(fd, memory, size, flags, addressBuffer, addressLength);
      const count = this.#received(result, "recvfrom", size);
      if (count === null) return null;
      if (count === -1) continue;
      const data = takeReceived(memory, count);
      // A stream reports no sender: it is the peer.
      if (this.type === c.SOCK_STREAM) return { data, address: this.remoteAddress };
      return { data, address: decodeAddress(addressBuffer, addressLength[0]!, this.family) };
    }
  }

  /**
   * Sends a datagram. sendto(2)
   *
   * @param data The bytes.
   * @param address Where to, as in bind().
   * @param flags As in send().
   * @returns How many bytes were sent; null when the kernel takes none now and the socket is
   * non-blocking.
   * @throws {TypeError} When `data` is not a Uint8Array, or `address` not one of the socket's
   * family.
   * @throws An OS error, such as EMSGSIZE.
   */
  sendTo(data: Uint8Array, address: Address, flags: number = 0): number | null {
    const bytes = this.#encode(address);
    const fd = this.#open();
    const size = lengthOf(data);
    flags = withFlag(flags, c.MSG_NOSIGNAL, "flags");
    for (;;) {
      const count = c.sendto(fd, data, size, flags, bytes, bytes.length);
      if (count !== -1) return count;
      if (this.#wouldBlock("sendto", address)) return null;
    }
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
   * @returns How many of the bytes the kernel took, which may be fewer than given.
   * @throws `options.signal.reason` When the signal is aborted.
   * @throws {Deno.errors.BadResource} When the socket is closed, also while it waits.
   * @throws An OS error: EPIPE or ECONNRESET when the peer has gone.
   */
  write(p: Uint8Array, options?: WaitOptions): Promise<number> {
    return this.#streams().write(p, options);
  }

  /**
   * Everything that arrives, as a byte stream that reads only when it is asked to. cancel() ends a
   * wait that is under way, and loses no byte. When it and `writable` have ended, the socket is
   * closed.
   *
   * @throws {TypeError} When the socket has messages, such as a datagram socket.
   * @throws {Deno.errors.BadResource} When the socket is closed.
   */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#streams().readable;
  }

  /**
   * Writes all of each chunk, in order, with backpressure. Its close() is `shutdown("write")`;
   * abort() ends a wait that is under way. When it and `readable` have ended, the socket is closed.
   *
   * @throws {TypeError} When the socket has messages, such as a datagram socket.
   * @throws {Deno.errors.BadResource} When the socket is closed.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.#streams().writable;
  }

  /**
   * The socket's own address. getsockname(2)
   *
   * @throws {Deno.errors.BadResource} When the socket is closed.
   */
  get localAddress(): Address {
    const fd = this.#open();
    addressLength[0] = addressBuffer.length;
    if (c.getsockname(fd, addressBuffer, addressLength) === -1) throw c.osError("getsockname", fd);
    return decodeAddress(addressBuffer, addressLength[0], this.family);
  }

  /**
   * The peer's address; of an accepted connection also after the peer has gone. getpeername(2)
   *
   * @throws {Deno.errors.NotConnected} When there is no peer.
   * @throws {Deno.errors.BadResource} When the socket is closed.
   */
  get remoteAddress(): Address {
    const fd = this.#open();
    const remote = this.#remote;
    if (remote !== undefined) return decodeAddress(remote, remote.length, this.family);
    addressLength[0] = addressBuffer.length;
    if (c.getpeername(fd, addressBuffer, addressLength) === -1) throw c.osError("getpeername", fd);
    return decodeAddress(addressBuffer, addressLength[0], this.family);
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
    const fd = this.#open();
    let bytes: c.Memory;
    if (typeof value === "number") {
      if ((value | 0) !== value) {
        throw new RangeError(`An option must fit an int, and ${value} does not`);
      }
      optionValue[0] = value;
      bytes = optionValue;
    } else {
      bytes = value;
    }
    const length = bytes === optionValue ? 4 : lengthOf(bytes as Uint8Array);
    if (c.setsockopt(fd, level, name, bytes, length) === -1) throw c.osError("setsockopt", fd);
  }

  /**
   * Gets the value of an option that is an int. getsockopt(2)
   *
   * @param level SOL_SOCKET, IPPROTO_TCP and the like.
   * @param name SO_RCVBUF, TCP_NODELAY and the like.
   * @returns The value.
   * @throws An OS error, such as ENOPROTOOPT.
   */
  getOption(level: number, name: number): number;
  /**
   * Gets the bytes of an option that is a struct. getsockopt(2)
   *
   * @param level SOL_SOCKET, IPPROTO_TCP and the like.
   * @param name SO_PEERCRED, TCP_INFO and the like.
   * @param size The most bytes to get.
   * @returns The bytes, as many as the option has, in a new array.
   * @throws {RangeError} When `size` is not an integer from 0 to 2147483647.
   * @throws An OS error, such as ENOPROTOOPT.
   */
  getOption(level: number, name: number, size: number): Uint8Array;
  getOption(level: number, name: number, size?: number): number | Uint8Array {
    const fd = this.#open();
    if (size === undefined) return os.intOption(fd, level, name);
    const bytes = new Uint8Array(size);
    optionLength[0] = bytes.length;
    if (c.getsockopt(fd, level, name, bytes, optionLength) === -1) {
      throw c.osError("getsockopt", fd);
    }
    return bytes.subarray(0, optionLength[0]);
  }

  /**
   * Ends one direction or both, without closing the descriptor. shutdown(2)
   *
   * @param how `"write"` tells the peer that all was sent.
   * @throws {Deno.errors.NotConnected} When there is no peer.
   */
  shutdown(how: "read" | "write" | "both"): void {
    const fd = this.#open();
    const number = Object.hasOwn(HOW, how) ? HOW[how] : undefined;
    if (number === undefined) throw new TypeError('how must be "read", "write" or "both"');
    if (c.shutdown(fd, number) === -1) throw c.osError("shutdown", fd);
  }

  /**
   * Gives the descriptor up without closing it.
   *
   * @returns The descriptor, which is the caller's to close.
   */
  detach(): number {
    const fd = this.#open();
    closing(fd);
    this.#fd = -1;
    return fd;
  }

  /** Whether the socket was closed or detached. */
  get closed(): boolean {
    return this.#fd === -1;
  }

  /**
   * Closes the descriptor, and rejects who waits for it in read(), write(), readable() and
   * writable(). Unregister the socket first where a selector watches it. Calling it again has no
   * effect. close(2)
   */
  close(): void {
    const fd = this.#fd;
    if (fd === -1) return;
    closing(fd);
    this.#fd = -1;
    c.close(fd); // whatever it returns, the number is free now and may be another file's
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #open(): number {
    if (this.#fd === -1) throw new Deno.errors.BadResource("The socket is closed");
    return this.#fd;
  }

  #encode(address: Address): Uint8Array {
    return encodeAddress(
      address,
      this.family,
      (name, family) => resolveOne(name, family, this.type),
    );
  }

  #accepted(fd: number): Socket {
    const remote = addressBuffer.slice(0, addressLength[0]);
    if (c.SOCK_CLOEXEC === 0) {
      setCloseOnExec(fd);
      setBlocking(fd, this.#blocking);
    }
    return adopt(fd, this.family, this.type, this.#blocking, remote);
  }

  /** Whether the call that failed would block; false: make it again. Other failures are thrown. */
  #wouldBlock(syscall: string, address?: Address): boolean {
    const error = c.errno(); // before formatAddress(), which may lose it
    const about = address === undefined ? this.#fd : formatAddress(address);
    if (error === c.EINTR && this.#blocking) throw c.osError(syscall, about, error);
    return wouldBlock(syscall, about, error);
  }

  /**
   * The result of a call that receives: null where it would block, -1 where it must be repeated.
   */
  #received(result: number, syscall: string, size: number): number | null {
    if (result !== -1) return result;
    if (os.isTruncation(c.errno())) return size;
    return this.#wouldBlock(syscall) ? null : -1;
  }

  #streams(): Bytes {
    return this.#bytes ??= new Bytes(new SocketChannel(this), { read: true, write: true });
  }
}

// What the constructor takes over instead of calling socket(2). Set only by adopt(), just before
// it.
let adoption: { fd: number; blocking: boolean; remote: Uint8Array | undefined } | undefined;

function adopt(
  fd: number,
  family: number,
  type: number,
  blocking: boolean,
  remote?: Uint8Array,
): Socket {
  adoption = { fd, blocking, remote };
  return new Socket(family, type);
}

/** accept4(2), or accept(2) where there is no SOCK_CLOEXEC. */
function acceptFrom(listener: number, blocking: boolean): number {
  if (c.SOCK_CLOEXEC === 0) return c.accept(listener, addressBuffer, addressLength);
  const flags = c.SOCK_CLOEXEC | (blocking ? 0 : c.SOCK_NONBLOCK);
  return c.accept4(listener, addressBuffer, addressLength, flags);
}
