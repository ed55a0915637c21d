/**
 * Messages with descriptors and other control messages. sendmsg(2), recvmsg(2), cmsg(3), unix(7)
 *
 * Received descriptors are in the process as soon as recvmsg(2) has returned: whatever is not
 * handed to the caller is closed here.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { checkSize } from "../ffi/arguments.ts";
import { setCloseOnExec } from "../os/descriptor.ts";
import { checkMessages } from "../os/socket.ts";
import { type Address, decodeAddress } from "./address.ts";
import { lengthOf, withFlag } from "./calls.ts";
import { encodeFor } from "./endpoints.ts";
import type { Handle } from "./handle.ts";
import { receiveMemory, takeReceived } from "./transfer.ts";

/** A control message, as the kernel has it. cmsg(3) */
export interface ControlMessage {
  /** The protocol that it belongs to, such as SOL_SOCKET or IPPROTO_IP. */
  level: number;
  /** What it is, such as SCM_CREDENTIALS or IP_PKTINFO. */
  type: number;
  /** Its bytes. */
  data: Uint8Array;
}

/** Options of {@linkcode Socket.sendMsg}. */
export interface SendMsgOptions {
  /** Descriptors that the receiver gets duplicates of, SCM_RIGHTS. Unix sockets only. */
  fds?: readonly number[];
  /** Other control messages. */
  control?: readonly ControlMessage[];
  /** Where to, for a datagram socket that is not connected. */
  address?: Address;
  /** MSG_OOB and the like. */
  flags?: number;
}

/** Options of {@linkcode Socket.recvMsg}. */
export interface RecvMsgOptions {
  /**
   * The most descriptors to receive; more are closed. Default: 253, as many as Linux sends at once,
   * on a Unix socket, and 0 on others.
   */
  maxFds?: number;
  /** Room for other control messages, in bytes with their headers. Default: 512. */
  controlSize?: number;
  /** MSG_PEEK and the like. */
  flags?: number;
}

/** What {@linkcode Socket.recvMsg} received. */
export interface ReceivedMessage {
  /** The bytes, in a new array; empty at the end of a stream. */
  data: Uint8Array;
  /** The descriptors that came along: close-on-exec, and the caller's to close. */
  fds: number[];
  /** The other control messages. */
  control: ControlMessage[];
  /** Whether the datagram was longer than `size`, and its rest was discarded. MSG_TRUNC */
  truncated: boolean;
  /** Whether control messages or descriptors were discarded for want of room. MSG_CTRUNC */
  controlTruncated: boolean;
  /** The sender's address, if the kernel reports one. */
  address?: Address;
}

/** sendmsg(2) */
export function sendMessage(
  handle: Handle,
  data: Uint8Array | readonly Uint8Array[],
  { fds = [], control = [], address, flags = 0 }: SendMsgOptions,
): number | null {
  const fd = handle.open();
  checkMessages();
  const buffers = data instanceof Uint8Array ? [data] : buffersOf(data);
  const controls = controlsOf(fds, control, handle.family);
  if (controls.length > 0 && handle.type === c.SOCK_STREAM && sizeOf(buffers) === 0) {
    // unix(7): they travel with a byte, and would be lost without one
    throw new RangeError("On a stream, descriptors and control messages need at least one byte");
  }
  const message: c.Msghdr = { msg_iov: buffers };
  if (controls.length > 0) message.msg_control = c.cmsghdr.write(controls);
  if (address !== undefined) message.msg_name = encodeFor(handle, address);
  flags = withFlag(flags, c.MSG_NOSIGNAL, "flags");
  for (;;) {
    const count = c.sendmsg(fd, message, flags);
    if (count !== -1) return count;
    if (handle.wouldBlock("sendmsg", c.errno(), address)) return null;
  }
}

function buffersOf(data: readonly Uint8Array[]): Uint8Array[] {
  if (!Array.isArray(data)) throw new TypeError("The bytes must be a Uint8Array or several");
  const buffers = [...data];
  buffers.forEach(lengthOf);
  return buffers;
}

function sizeOf(buffers: readonly Uint8Array[]): number {
  return buffers.reduce((size, buffer) => size + lengthOf(buffer), 0);
}

function controlsOf(
  fds: readonly number[],
  control: readonly ControlMessage[],
  family: number,
): c.Cmsghdr[] {
  const messages = [...control].map(({ level, type, data }) => {
    lengthOf(data);
    return { cmsg_level: level, cmsg_type: type, cmsg_data: data };
  });
  const numbers = [...fds];
  numbers.forEach(checkDescriptor);
  if (numbers.length === 0) return messages;
  if (family !== c.AF_UNIX) throw new TypeError("Only Unix sockets can send descriptors");
  const cmsg_data = new Uint8Array(new Int32Array(numbers).buffer);
  return [...messages, { cmsg_level: c.SOL_SOCKET, cmsg_type: c.SCM_RIGHTS, cmsg_data }];
}

function checkDescriptor(fd: number): void {
  if (typeof fd !== "number") throw new TypeError("A descriptor in fds must be a number");
  if ((fd | 0) === fd && fd >= 0) return;
  throw new RangeError(`A descriptor must be an integer from 0 to 2147483647, not ${fd}`);
}

const MOST_FDS = 253; // SCM_MAX_FD of Linux
const INT_SIZE = 4;

// macOS installs descriptors for which there is no room, without reporting them (it has no
// MSG_CMSG_CLOEXEC either): there must always be room for all that a message can have.
const SPARE_FDS = c.MSG_CMSG_CLOEXEC === 0 ? 512 : 0;

const addressBuffer = new Uint8Array(c.sockaddr_storage.size);

/** recvmsg(2) */
export function receiveMessage(
  handle: Handle,
  size: number,
  { maxFds, controlSize = 512, flags = 0 }: RecvMsgOptions,
): ReceivedMessage | null {
  const fd = handle.open();
  checkMessages();
  checkSize(size, "size");
  checkSize(controlSize, "controlSize");
  maxFds ??= handle.family === c.AF_UNIX ? MOST_FDS : 0;
  checkSize(maxFds, "maxFds");
  const room = handle.family === c.AF_UNIX ? Math.max(maxFds, SPARE_FDS) : maxFds;
  const control = new Uint8Array(controlSize + (room === 0 ? 0 : c.CMSG_SPACE(room * INT_SIZE)));
  flags = withFlag(flags, c.MSG_CMSG_CLOEXEC, "flags");
  const memory = receiveMemory(size, flags);
  const message = {
    msg_name: addressBuffer,
    msg_iov: [memory.subarray(0, size)],
    msg_control: control,
    msg_namelen: 0,
    msg_controllen: 0,
    msg_flags: 0,
  };
  for (;;) {
    const count = c.recvmsg(fd, message, flags);
    if (count !== -1) {
      const data = takeReceived(memory, Math.min(count, size));
      return decode(data, message, maxFds, handle.family);
    }
    if (handle.wouldBlock("recvmsg")) return null;
  }
}

function decode(
  data: Uint8Array,
  { msg_namelen, msg_control, msg_controllen, msg_flags }: Required<c.Msghdr>,
  maxFds: number,
  family: number,
): ReceivedMessage {
  const fds: number[] = [];
  try {
    const control: ControlMessage[] = [];
    for (const message of c.cmsghdr.read(msg_control as Uint8Array, msg_controllen)) {
      const { cmsg_level: level, cmsg_type: type, cmsg_data } = message;
      if (level === c.SOL_SOCKET && type === c.SCM_RIGHTS) fds.push(...intsOf(cmsg_data));
      else control.push({ level, type, data: cmsg_data });
    }
    if (c.MSG_CMSG_CLOEXEC === 0) fds.forEach(setCloseOnExec);
    const excess = fds.splice(maxFds);
    closeAll(excess);
    const received: ReceivedMessage = {
      data,
      fds,
      control,
      truncated: (msg_flags & c.MSG_TRUNC) !== 0,
      controlTruncated: (msg_flags & c.MSG_CTRUNC) !== 0 || excess.length > 0,
    };
    if (msg_namelen > 0) received.address = decodeAddress(addressBuffer, msg_namelen, family);
    return received;
  } catch (error) {
    closeAll(fds);
    throw error;
  }
}

/** The ints in the bytes; a last one that was truncated is none. */
function intsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.slice().buffer, 0, Math.floor(bytes.length / INT_SIZE));
}

function closeAll(fds: readonly number[]): void {
  for (const fd of fds) c.close(fd);
}
