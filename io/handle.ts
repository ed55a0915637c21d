/**
 * What a Socket is made of: its descriptor and what is known about it. The calls on it are in the
 * files beside this one, by subject.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { isBlocking, setBlocking, setCloseOnExec } from "../os/descriptor.ts";
import * as os from "../os/socket.ts";
import { closing } from "../selectors/closing.ts";
import { type Address, formatAddress } from "./address.ts";
import { withFlag, wouldBlock } from "./calls.ts";

/** An open socket, until it is closed or given up. */
export class Handle {
  /** -1 once closed or given up. */
  fd: number;
  blocking: boolean;
  readonly family: number;
  readonly type: number;
  /** The peer's sockaddr as accept(2) gave it: known even after a reset. */
  readonly remote: Uint8Array | undefined;
  /** Where connect() goes, until the outcome was asked for. */
  connecting = "";
  /** The pending error that was reported last. */
  reported = 0;

  constructor(fd: number, family: number, type: number, blocking: boolean, remote?: Uint8Array) {
    this.fd = fd;
    this.family = family;
    this.type = type & ~(c.SOCK_NONBLOCK | c.SOCK_CLOEXEC);
    this.blocking = blocking;
    this.remote = remote;
  }

  /** The descriptor; throws when it is closed. */
  open(): number {
    if (this.fd === -1) throw new Deno.errors.BadResource("The socket is closed");
    return this.fd;
  }

  setBlocking(blocking: boolean): void {
    setBlocking(this.open(), blocking);
    this.blocking = Boolean(blocking);
  }

  /**
   * Decides about a call that failed with `error`. Only a blocking call is ended by a signal.
   *
   * @returns true: it would block. false: make it again.
   * @throws Every other error.
   */
  wouldBlock(syscall: string, error: number = c.errno(), address?: Address): boolean {
    const about = address === undefined ? this.fd : formatAddress(address);
    if (error === c.EINTR && this.blocking) throw c.osError(syscall, about, error);
    return wouldBlock(syscall, about, error);
  }

  /** Gives the descriptor up. */
  detach(): number {
    const fd = this.open();
    closing(fd);
    this.fd = -1;
    return fd;
  }

  close(): void {
    if (this.fd === -1) return;
    c.close(this.detach()); // whatever it returns, the number is free now
  }
}

const adoption: { handle: Handle | undefined } = { handle: undefined };

/** A Socket of a handle that is open already. Its constructor must call {@linkcode adopted}. */
export function adopt<Instance>(constructor: new () => Instance, handle: Handle): Instance {
  adoption.handle = handle;
  return new constructor();
}

/** What the constructor that is running adopts, if anything. */
export function adopted(): Handle | undefined {
  const { handle } = adoption;
  adoption.handle = undefined;
  return handle;
}

/** A new socket, close-on-exec. */
export function openSocket(family: number, type: number, protocol: number): Handle {
  const fd = c.socket(family, withFlag(type, c.SOCK_CLOEXEC, "type"), protocol);
  if (fd === -1) throw c.osError("socket", "");
  os.setCloseOnExecIfMissing(fd);
  return new Handle(fd, family, type, (type & c.SOCK_NONBLOCK) === 0);
}

/** A socket that other code opened. */
export function takeOverSocket(fd: number, closeOnExec: boolean): Handle {
  if (typeof fd !== "number") throw new TypeError("fd must be a number");
  if ((fd | 0) !== fd || fd < 0) throw new RangeError(`fd must be a descriptor, not ${fd}`);
  fd |= 0; // -0 is 0
  const family = os.socketFamily(fd);
  const type = os.intOption(fd, c.SOL_SOCKET, c.SO_TYPE);
  const blocking = isBlocking(fd);
  if (closeOnExec) setCloseOnExec(fd);
  return new Handle(fd, family, type, blocking);
}

/** Two sockets that are connected to each other. */
export function openPair(type: number): [Handle, Handle] {
  const blocking = (withFlag(type, 0, "type") & c.SOCK_NONBLOCK) === 0;
  const [left, right] = os.makePair(type);
  return [
    new Handle(left, os.PAIR_FAMILY, type, blocking),
    new Handle(right, os.PAIR_FAMILY, type, blocking),
  ];
}

const addressBuffer = new Uint8Array(c.sockaddr_storage.size);
const addressLength = new Int32Array(1);

/** The next connection of a listener; null when there is none. */
export function accept(listener: Handle): Handle | null {
  for (;;) {
    addressLength[0] = addressBuffer.length;
    const fd = c.SOCK_CLOEXEC === 0
      ? c.accept(listener.open(), addressBuffer, addressLength)
      : c.accept4(listener.open(), addressBuffer, addressLength, flagsOf(listener));
    if (fd !== -1) return accepted(listener, fd);
    if (listener.wouldBlock(c.SOCK_CLOEXEC === 0 ? "accept" : "accept4")) return null;
  }
}

function flagsOf({ blocking }: Handle): number {
  return c.SOCK_CLOEXEC | (blocking ? 0 : c.SOCK_NONBLOCK);
}

function accepted({ family, type, blocking }: Handle, fd: number): Handle {
  const remote = addressBuffer.slice(0, addressLength[0]);
  if (c.SOCK_CLOEXEC === 0) {
    setCloseOnExec(fd);
    setBlocking(fd, blocking); // some platforms inherit it from the listener, and some do not
  }
  return new Handle(fd, family, type, blocking, remote);
}
