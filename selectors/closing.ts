/**
 * The notice that the library is about to close a descriptor. The kernel does not report it: a
 * thread that is in poll(2) keeps the file open until it returns, and epoll(7) forgets it silently.
 *
 * @module
 */

/** Called with the number, before close(2), for as long as something waits on this thread. */
export const closingWatchers: Set<(fd: number) => void> = new Set();

/**
 * Says that a descriptor is about to be closed. Call it before close(2): who waits for the
 * descriptor in readable() or writable() is rejected with EBADF at once, and the thread that is in
 * poll(2) returns. Costs next to nothing when nothing waits.
 *
 * @param fd The descriptor, still open.
 */
export function closing(fd: number): void {
  if (closingWatchers.size === 0) return;
  for (const watcher of closingWatchers) watcher(fd);
}
