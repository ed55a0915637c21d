/**
 * The notice that the library is about to close a descriptor. The kernel does not report it: a
 * thread that is in poll(2) keeps the file open until it returns, and epoll(7) forgets it silently.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";

/** Called with the number, before close(2). */
export const closingWatchers: Set<(fd: number) => void> = new Set();

/**
 * Says that a descriptor is about to be closed. Call it before close(2): who waits for the
 * descriptor in readable() or writable() is rejected with EBADF at once, and the thread that is in
 * poll(2) returns. Costs next to nothing when nothing waits.
 *
 * @param fd The descriptor, still open.
 */
export function closing(fd: number): void {
  for (const watcher of closingWatchers) watcher(fd);
}

/** What rejects a wait whose descriptor was closed. */
export function closedError(fd: number): Error {
  return c.osError("poll", fd, c.EBADF);
}
