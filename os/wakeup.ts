/**
 * A pair of descriptors by which one thread ends another's wait: a write to the second makes the
 * first readable. On Linux it is an eventfd, a counter in the kernel that is readable while it is
 * not zero, so that one descriptor is both. eventfd(2) Elsewhere it is a pipe; on Windows, which
 * can wait for sockets only, two connected sockets.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { platform } from "../ffi/platform.ts";
import { tcpPair } from "../ffi/winsock.ts";
import { setBlocking, setCloseOnExec } from "./descriptor.ts";

// write(2) adds the number 1 to an eventfd, whose values have 8 bytes. A pipe takes any bytes.
const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);
const drained = new Uint8Array(512);

/**
 * Two non-blocking, close-on-exec descriptors; both are the same if it is an eventfd.
 *
 * @throws An OS error when there are no descriptors left (EMFILE, ENFILE).
 */
export function openWakeupPair(): [readable: number, writable: number] {
  if (platform.waker === "eventfd") {
    const fd = c.eventfd(0, c.EFD_CLOEXEC | c.EFD_NONBLOCK);
    if (fd === -1) throw c.osError("eventfd", "");
    return [fd, fd];
  }
  const fds = new Int32Array(2);
  const isPipe = platform.waker === "pipe"; // pipe(2) and no pipe2(2), which macOS lacks
  if ((isPipe ? c.pipe(fds) : tcpPair(fds)) === -1) {
    throw c.osError(isPipe ? "pipe" : "socketpair", "");
  }
  for (const fd of fds) {
    setCloseOnExec(fd);
    setBlocking(fd, false);
  }
  return [fds[0]!, fds[1]!];
}

/**
 * Makes the readable end readable.
 *
 * @throws An OS error when the descriptor is closed (EBADF).
 */
export function writeWakeup(writable: number): void {
  while (true) {
    const result = platform.isWinsock
      ? c.send(writable, ONE, 1, 0)
      : c.write(writable, ONE, ONE.length);
    if (result !== -1) return;
    const error = c.errno();
    if (error === c.EINTR) continue;
    if (error === c.EAGAIN) return; // it is full of wake-ups that were not read yet
    const syscall = platform.isWinsock ? "send" : "write";
    // For Windows a closed socket is no socket.
    throw c.osError(syscall, writable, error === c.ENOTSOCK ? c.EBADF : error);
  }
}

/** Reads the wake-ups that have arrived, so that the readable end is no longer readable. */
export function readWakeups(readable: number): void {
  if (platform.isWinsock) {
    while (c.recv(readable, drained, drained.length, 0) > 0);
    return;
  }
  // A pipe may hold more than one read takes.
  let count: number;
  do count = c.read(readable, drained, drained.length); while (
    count === drained.length || (count === -1 && c.errno() === c.EINTR)
  );
}
