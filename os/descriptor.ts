/**
 * What the library asks of any descriptor, on every platform alike: POSIX says it with fcntl(2),
 * Winsock with ioctlsocket() and the like.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { SetHandleInformation } from "../ffi/winsock.ts";
import { platform } from "../ffi/platform.ts";

const O_ACCMODE = 3; // <fcntl.h>, on every platform

const value = new Int32Array(1);
const size = new Int32Array(1);

/** Whether it is open; on Windows, whether it is a socket. */
export function isOpen(fd: number): boolean {
  if (!platform.isWinsock) return c.fcntl(fd, c.F_GETFD) !== -1;
  size[0] = 4;
  return c.getsockopt(fd, c.SOL_SOCKET, c.SO_TYPE, value, size) !== -1;
}

/**
 * Whether kqueue(2) may fail to report that a pipe has no reader left: NetBSD reports nothing to
 * EVFILT_WRITE when the pipe is full, but the write end's EVFILT_READ gets EV_EOF.
 */
export function missesGoneReader(fd: number): boolean {
  return platform.missesGoneReader && (c.fcntl(fd, c.F_GETFL) & O_ACCMODE) === c.O_WRONLY;
}

/** Throws EBADF unless it is open. */
export function checkOpen(fd: number): void {
  if (!isOpen(fd)) throw c.osError(platform.isWinsock ? "getsockopt" : "fcntl", fd, c.EBADF);
}

/** Child processes do not inherit it. */
export function setCloseOnExec(fd: number): void {
  if (platform.isWinsock) SetHandleInformation(fd, c.HANDLE_FLAG_INHERIT, 0);
  else c.fcntl(fd, c.F_SETFD, c.FD_CLOEXEC);
}

/** Whether calls on it wait. Windows does not tell. */
export function setBlocking(fd: number, blocking: boolean): void {
  if (platform.isWinsock) {
    if (c.ioctlsocket(fd, c.FIONBIO, new Uint32Array([blocking ? 0 : 1])) !== -1) return;
    throw c.osError("ioctlsocket", fd);
  }
  const flags = c.fcntl(fd, c.F_GETFL);
  if (flags === -1) throw c.osError("fcntl", fd);
  const wanted = blocking ? flags & ~c.O_NONBLOCK : flags | c.O_NONBLOCK;
  if (c.fcntl(fd, c.F_SETFL, wanted) === -1) throw c.osError("fcntl", fd);
}

/** Whether calls on it wait; on Windows, which does not tell, they do from now on. */
export function isBlocking(fd: number): boolean {
  if (platform.isWinsock) {
    setBlocking(fd, true);
    return true;
  }
  const flags = c.fcntl(fd, c.F_GETFL);
  if (flags === -1) throw c.osError("fcntl", fd);
  return (flags & c.O_NONBLOCK) === 0;
}

/**
 * Makes an open descriptor that is no socket non-blocking, and close-on-exec unless it is standard
 * input, output or error, which child processes inherit.
 *
 * @returns The directions that it is open for.
 * @throws An OS error when it is not open (EBADF); nothing is changed then.
 * @throws {Deno.errors.NotSupported} On Windows.
 */
export function takeOver(fd: number): { read: boolean; write: boolean } {
  if (platform.isWinsock) {
    throw new Deno.errors.NotSupported(
      "On Windows only sockets can be waited for: use Socket.fromFd() for a SOCKET",
    );
  }
  const flags = c.fcntl(fd, c.F_GETFL);
  if (flags === -1) throw c.osError("fcntl", fd);
  if (c.fcntl(fd, c.F_SETFL, flags | c.O_NONBLOCK) === -1) throw c.osError("fcntl", fd);
  if (fd > STDERR) setCloseOnExec(fd);
  const mode = flags & O_ACCMODE;
  return { read: mode !== c.O_WRONLY, write: mode !== c.O_RDONLY };
}

const STDERR = 2;

const hangUp = new Uint8Array(c.pollfd.size);

/** Whether the other side of a pty, terminal or pipe has gone. POLLHUP, poll(2) */
export function isHungUp(fd: number): boolean {
  c.pollfd.write(hangUp, { fd, events: 0, revents: 0 });
  if (c.poll(hangUp, 1, 0) !== 1) return false;
  return (c.pollfd.read(hangUp).revents & c.POLLHUP) !== 0;
}
