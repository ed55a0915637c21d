/**
 * A socket on a raw descriptor, for selectors to wait on: thin over socket(2) and its family, blocking as POSIX has it
 * until setBlocking(false), with OS errors instead of -1.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { platform } from "../ffi/platform.ts";
import { isBlocking, setBlocking, setCloseOnExec } from "../os/descriptor.ts";
import { type Address, decodeAddress, encodeAddress, formatAddress } from "./address.ts";

// For the kernel to write into, one call at a time: a thread's calls never overlap.
const addressBuffer = new Uint8Array(c.sockaddr_storage.size);
const addressLength = new Int32Array(1);
const optionValue = new Int32Array(1);
const optionLength = new Int32Array(1);

// recv() receives here first, so that a small message costs a small array and not one of `size`.
const RECEIVE_BUFFER_SIZE = 65536;
let receiveBuffer: Uint8Array | undefined;

const HOW: Readonly<Record<"read" | "write" | "both", number>> = {
  read: c.SHUT_RD,
  write: c.SHUT_WR,
  both: c.SHUT_RDWR,
};

// What connect(2) says while a connection is being made. EINTR too: it goes on, and a second connect() would be told EALREADY.
const UNDER_WAY = platform.isWinsock ? [c.EAGAIN] : [c.EINPROGRESS, c.EINTR];

// WSAPROTOCOL_INFOW, of which the family is an int.
const protocolInfo = new Uint8Array(628);
const PROTOCOL_INFO_FAMILY = 76;

/**
 * A socket. null always means "would block"; every other failure throws an OS error (a signal that interrupts a blocking
 * call is Deno.errors.Interrupted; a non-blocking one is made again); use after close() throws Deno.errors.BadResource.
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
export class Socket implements Disposable {
  /** AF_INET, AF_INET6, AF_UNIX. */
  readonly family: number;
  /** SOCK_STREAM, SOCK_DGRAM. */
  readonly type: number;
  #fd: number;
  #blocking: boolean;
  #remote: Uint8Array | undefined; // as accept(2) gave it: known even after a reset
  #connecting = ""; // where to, until takeError() was asked
  #taken = 0; // what takeError() told last

  /**
   * A new socket, close-on-exec and blocking.
   *
   * @param family AF_INET (default), AF_INET6 or AF_UNIX.
   * @param type SOCK_STREAM (default) or SOCK_DGRAM; with SOCK_NONBLOCK beside it, non-blocking.
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
      closeOnExec(this.#fd);
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
   * Takes over an open descriptor: close() will close it. Windows does not tell whether a socket is blocking: there it becomes so.
   *
   * @param fd A socket's descriptor.
   * @returns A socket of the descriptor's family, type and blocking mode.
   * @throws {RangeError} When `fd` cannot be a descriptor.
   * @throws An OS error when it is not an open socket (EBADF, ENOTSOCK); it is not taken over then.
   */
  static fromFd(fd: number): Socket {
    if (typeof fd !== "number") throw new TypeError("fd must be a number");
    if ((fd | 0) !== fd || fd < 0) throw new RangeError(`fd must be a descriptor, not ${fd}`);
    const family = c.SO_DOMAIN === 0 ? familyOf(fd) : getIntOption(fd, c.SOL_SOCKET, c.SO_DOMAIN);
    const type = getIntOption(fd, c.SOL_SOCKET, c.SO_TYPE);
    return adopt(fd | 0, family, type, isBlocking(fd));
  }

  /**
   * Two stream sockets connected to each other, close-on-exec and blocking: Unix sockets, on Windows TCP over loopback.
   *
   * @returns The pair.
   * @throws An OS error, such as EMFILE.
   */
  static pair(): [Socket, Socket] {
    const fds = new Int32Array(2);
    const family = platform.isWinsock ? c.AF_INET : c.AF_UNIX;
    const result = platform.isWinsock
      ? c.tcpPair(fds)
      : c.socketpair(family, c.SOCK_STREAM | c.SOCK_CLOEXEC, 0, fds);
    if (result === -1) throw c.osError("socketpair", "");
    const [left, right] = fds as unknown as [number, number];
    closeOnExec(left);
    closeOnExec(right);
    return [
      adopt(left, family, c.SOCK_STREAM, true),
      adopt(right, family, c.SOCK_STREAM, true),
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
   */
  setBlocking(blocking: boolean): void {
    setBlocking(this.#open(), blocking);
    this.#blocking = Boolean(blocking);
  }

  /**
   * Gives the socket its address. bind(2)
   *
   * @param address For an internet socket an IPv4 or IPv6 address, or a name that getaddrinfo(3) resolves; port 0 picks a free one. For a Unix
   * socket the path of a file, which must not exist yet and stays after close().
   * @throws {TypeError} When it is not an address of the socket's family.
   * @throws {RangeError} When the port or the length of the path is out of range.
   * @throws An OS error, such as EADDRINUSE or EACCES.
   */
  bind(address: Address): void {
    const bytes = encodeAddress(address, this.family, this.type);
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
   * The next connection, blocking or not as the listener is, close-on-exec. accept4(2)
   *
   * @returns The connection; null when none waits and the listener is non-blocking.
   * @throws An OS error: EMFILE and ENFILE when there are no descriptors left, ECONNABORTED when the client has gone again.
   */
  accept(): Socket | null {
    const listener = this.#open();
    addressLength[0] = addressBuffer.length;
    let fd: number | null;
    do fd = acceptFrom(listener, this.#blocking); while (this.#isToRepeat(fd));
    fd = this.#outcome(fd, c.SOCK_CLOEXEC === 0 ? "accept" : "accept4");
    if (fd === null) return null;
    const remote = addressBuffer.slice(0, addressLength[0]);
    if (c.SOCK_CLOEXEC === 0) {
      closeOnExec(fd);
      setBlocking(fd, this.#blocking);
    }
    return adopt(fd, this.family, this.type, this.#blocking, remote);
  }

  /**
   * Connects. connect(2)
   *
   * @param address As in bind().
   * @returns true: connected; false: under way (the socket is non-blocking, or a signal came), wait for EVENT_WRITE, then ask takeError().
   * @throws {TypeError} When it is not an address of the socket's family.
   * @throws {RangeError} When the port or the length of the path is out of range.
   * @throws An OS error, such as ECONNREFUSED.
   */
  connect(address: Address): boolean {
    const bytes = encodeAddress(address, this.family, this.type);
    this.#taken = 0;
    if (c.connect(this.#open(), bytes, bytes.length) === 0) return true;
    const error = c.errno();
    if (!UNDER_WAY.includes(error)) throw c.osError("connect", formatAddress(address), error);
    this.#connecting = formatAddress(address);
    return false;
  }

  /**
   * The error that waits on the socket, such as why a connection attempt failed; reading clears it. SO_ERROR, socket(7)
   *
   * @returns The error, not thrown; null if there is none.
   */
  takeError(): c.OsError | null {
    const fd = this.#open();
    const error = getIntOption(fd, c.SOL_SOCKET, c.SO_ERROR);
    const peer = this.#connecting;
    this.#connecting = "";
    // Windows does not clear it.
    if (error === 0 || platform.isWinsock && error === this.#taken) return null;
    this.#taken = error;
    return peer === "" ? c.osError("getsockopt", fd, error) : c.osError("connect", peer, error);
  }

  /**
   * Receives at most `size` bytes. recv(2)
   *
   * @param size The most bytes to receive.
   * @param flags MSG_PEEK and the like.
   * @returns The bytes, in a new array; empty at the end of the stream; null when nothing is there and the socket is non-blocking.
   * @throws {RangeError} When `size` is not an integer from 0 to 2147483647.
   * @throws An OS error, such as ECONNRESET.
   */
  recv(size: number, flags: number = 0): Uint8Array | null {
    this.#open();
    const buffer = bufferOf(size, flags);
    let count: number | null;
    do count = c.recv(this.#fd, buffer, size, flags); while (this.#isToRepeat(count));
    count = this.#received(count, "recv", size);
    return count === null ? null : taken(buffer, count);
  }

  /**
   * Receives into memory of the caller's. recv(2)
   *
   * @param buffer Where to put the bytes; its length is the most to receive.
   * @param flags MSG_PEEK and the like.
   * @returns The number of bytes; 0 at the end of the stream; null when nothing is there and the socket is non-blocking.
   * @throws {TypeError} When `buffer` is not an Uint8Array.
   * @throws An OS error, such as ECONNRESET.
   */
  recvInto(buffer: Uint8Array, flags: number = 0): number | null {
    const fd = this.#open();
    const size = lengthOf(buffer);
    let count: number;
    do count = c.recv(fd, buffer, size, flags); while (this.#isToRepeat(count));
    return this.#received(count, "recv", size);
  }

  /**
   * Sends what the kernel takes. send(2)
   *
   * @param data The bytes.
   * @param flags MSG_OOB and the like; MSG_NOSIGNAL is always among them.
   * @returns How many bytes the kernel took, perhaps fewer than given; null when it takes none now and the socket is non-blocking.
   * @throws {TypeError} When `data` is not an Uint8Array.
   * @throws An OS error: EPIPE or ECONNRESET when the peer has gone, never SIGPIPE.
   */
  send(data: Uint8Array, flags: number = 0): number | null {
    const fd = this.#open();
    const size = lengthOf(data);
    flags = withFlag(flags, c.MSG_NOSIGNAL, "flags");
    let count: number;
    do count = c.send(fd, data, size, flags); while (this.#isToRepeat(count));
    return this.#outcome(count, "send");
  }

  /**
   * Receives a datagram and its sender. recvfrom(2)
   *
   * @param size The most bytes to receive; what is longer is cut.
   * @param flags MSG_PEEK and the like.
   * @returns The bytes, in a new array, and where they came from; null when nothing is there and the socket is non-blocking.
   * @throws {RangeError} When `size` is not an integer from 0 to 2147483647.
   * @throws An OS error, such as ECONNREFUSED.
   */
  recvFrom(size: number, flags: number = 0): { data: Uint8Array; address: Address } | null {
    const fd = this.#open();
    const buffer = bufferOf(size, flags);
    addressLength[0] = addressBuffer.length;
    let count: number | null;
    do count = c.recvfrom(fd, buffer, size, flags, addressBuffer, addressLength); while (
      this.#isToRepeat(count)
    );
    count = this.#received(count, "recvfrom", size);
    if (count === null) return null;
    // A connected stream has no sender to tell: its peer is.
    const address = this.type === c.SOCK_STREAM
      ? this.remoteAddress
      : decodeAddress(addressBuffer, addressLength[0]!);
    return { data: taken(buffer, count), address };
  }

  /**
   * Sends a datagram. sendto(2)
   *
   * @param data The bytes.
   * @param address Where to, as in bind().
   * @param flags As in send().
   * @returns How many bytes were sent; null when the kernel takes none now and the socket is non-blocking.
   * @throws {TypeError} When `data` is not an Uint8Array, or `address` not one of the socket's family.
   * @throws An OS error, such as EMSGSIZE.
   */
  sendTo(data: Uint8Array, address: Address, flags: number = 0): number | null {
    const bytes = encodeAddress(address, this.family, this.type);
    const fd = this.#open();
    const size = lengthOf(data);
    flags = withFlag(flags, c.MSG_NOSIGNAL, "flags");
    let count: number;
    do count = c.sendto(fd, data, size, flags, bytes, bytes.length); while (
      this.#isToRepeat(count)
    );
    return this.#outcome(count, "sendto", address);
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
    return decodeAddress(addressBuffer, addressLength[0]);
  }

  /**
   * The peer's address; of an accepted connection also after the peer has gone. getpeername(2)
   *
   * @throws {Deno.errors.NotConnected} When there is no peer.
   * @throws {Deno.errors.BadResource} When the socket is closed.
   */
  get remoteAddress(): Address {
    const fd = this.#open();
    if (this.#remote !== undefined) return decodeAddress(this.#remote, this.#remote.length);
    addressLength[0] = addressBuffer.length;
    if (c.getpeername(fd, addressBuffer, addressLength) === -1) throw c.osError("getpeername", fd);
    return decodeAddress(addressBuffer, addressLength[0]);
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
   * An option's value, where it is an int. getsockopt(2)
   *
   * @param level SOL_SOCKET, IPPROTO_TCP and the like.
   * @param name SO_RCVBUF, TCP_NODELAY and the like.
   * @returns The value.
   * @throws An OS error, such as ENOPROTOOPT.
   */
  getOption(level: number, name: number): number {
    return getIntOption(this.#open(), level, name);
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
    this.#fd = -1;
    return fd;
  }

  /** Whether the socket was closed or detached. */
  get closed(): boolean {
    return this.#fd === -1;
  }

  /** Closes the descriptor. Unregister the socket first where a selector watches it. Twice is once. close(2) */
  close(): void {
    if (this.#fd === -1) return;
    // Whatever close says, the number is free afterwards and may be another's already: never twice.
    c.close(this.#fd);
    this.#fd = -1;
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #open(): number {
    if (this.#fd === -1) throw new Deno.errors.BadResource("The socket is closed");
    return this.#fd;
  }

  /** Whether a signal alone kept the call from doing anything, and it was not to wait anyway: it is made again. */
  #isToRepeat(result: number): boolean {
    return result === -1 && !this.#blocking && c.errno() === c.EINTR;
  }

  /** The result of a call; null where it would block. Every other failure is thrown. */
  #outcome(result: number, syscall: string, address?: Address): number | null {
    if (result !== -1) return result;
    const error = c.errno();
    if (error === c.EAGAIN) return null;
    throw c.osError(syscall, address === undefined ? this.#fd : formatAddress(address), error);
  }

  /** The same of a call that receives. To Windows a datagram that was cut is an error; the others say nothing of it. */
  #received(result: number, syscall: string, size: number): number | null {
    const isCut = result === -1 && platform.isWinsock && c.errno() === c.EMSGSIZE;
    return isCut ? size : this.#outcome(result, syscall);
  }
}

// What the constructor takes over instead of calling socket(2). Set only by adopt(), just before it.
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

/** accept4(2), or accept(2) where it is missing with SOCK_CLOEXEC; there connections inherit O_NONBLOCK of their listener, or do not. */
function acceptFrom(listener: number, blocking: boolean): number {
  if (c.SOCK_CLOEXEC !== 0) {
    const flags = c.SOCK_CLOEXEC | (blocking ? 0 : c.SOCK_NONBLOCK);
    return c.accept4(listener, addressBuffer, addressLength, flags);
  }
  return c.accept(listener, addressBuffer, addressLength);
}

/** For what was not close-on-exec from its beginning, since the platform has no SOCK_CLOEXEC. */
function closeOnExec(fd: number): void {
  if (c.SOCK_CLOEXEC === 0) setCloseOnExec(fd);
}

function familyOf(fd: number): number {
  if (platform.isWinsock) { // where getsockname() knows nothing before bind()
    const length = new Int32Array([protocolInfo.length]);
    if (c.getsockopt(fd, c.SOL_SOCKET, c.SO_PROTOCOL_INFOW, protocolInfo, length) === -1) {
      throw c.osError("getsockopt", fd);
    }
    return new DataView(protocolInfo.buffer).getInt32(PROTOCOL_INFO_FAMILY, true);
  }
  addressLength[0] = addressBuffer.length;
  if (c.getsockname(fd, addressBuffer, addressLength) === -1) throw c.osError("getsockname", fd);
  return c.sockaddr.read(addressBuffer).sa_family;
}

function getIntOption(fd: number, level: number, name: number): number {
  optionValue[0] = 0;
  optionLength[0] = 4;
  if (c.getsockopt(fd, level, name, optionValue, optionLength) === -1) {
    throw c.osError("getsockopt", fd);
  }
  return optionValue[0];
}

/** `flags` with one more, unless they are no int: `|` would make one of anything. */
function withFlag(flags: number, flag: number, name: string): number {
  c.checkInt(flags, name);
  return flags | flag;
}

/** With MSG_TRUNC the kernel may count bytes that it did not put there: those must not be an earlier message's, another connection's perhaps. */
function bufferOf(size: number, flags: number): Uint8Array {
  if (!(size <= RECEIVE_BUFFER_SIZE) || flags & c.MSG_TRUNC) return new Uint8Array(size);
  return receiveBuffer ??= new Uint8Array(RECEIVE_BUFFER_SIZE);
}

function taken(buffer: Uint8Array, count: number): Uint8Array {
  return buffer === receiveBuffer ? buffer.slice(0, count) : buffer.subarray(0, count);
}

function lengthOf(bytes: Uint8Array): number {
  if (!(bytes instanceof Uint8Array)) throw new TypeError("The bytes must be a Uint8Array");
  return c.byteLength(bytes);
}
