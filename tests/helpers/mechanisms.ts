/**
 * The selectors that this machine has, for the tests that run on each of them. `LIBKQUEUE` names a
 * library that has kqueue(2); `platforms/kqueue.sh` sets it.
 *
 * @module
 */

import { close, EVFILT_EXCEPT, F_DUPFD_CLOEXEC, fcntl, POLLRDHUP } from "../../ffi/mod.ts";
import * as selectors from "../../mod.ts";
import { EpollSelector, type FileObject, PollSelector, SelectSelector } from "../../mod.ts";

const library = Deno.env.get("LIBKQUEUE");
const emulator = Deno.env.get("SELECTORS_EMULATOR");
// platforms/kqueue.c, alone or as a part of bsd.c
const isStandIn = emulator === "kqueue.c" || emulator === "bsd.c";

class KqueueSelectorOfLibrary<Data = unknown, File extends FileObject = FileObject>
  extends selectors.KqueueSelector<Data, File> {
  static override isSupported(): boolean {
    return library !== undefined || super.isSupported();
  }

  constructor() {
    super(library === undefined ? {} : { library });
  }
}
Object.defineProperty(KqueueSelectorOfLibrary, "name", { value: "KqueueSelector" });

/** kqueue(2) of the library that the environment names, or else of the platform. */
export const KqueueSelector = KqueueSelectorOfLibrary;

export const SELECTORS = [KqueueSelector, EpollSelector, PollSelector, SelectSelector].filter((S) =>
  S.isSupported()
);

// Opens the library here, so that no test leaks it as a resource. descriptors.ts does so for libc.
if (KqueueSelector.isSupported()) new KqueueSelector().close();

/**
 * Frees the descriptors of closed queues, except those of the last one: kqueue.c keeps the
 * descriptors of a closed queue until the next queue is made. Call it before counting descriptors.
 */
export function settleQueues(): void {
  if (isStandIn && hasRoom()) new KqueueSelector().close();
}

/** Whether there is room for a queue. Tests that use up all descriptors make none meanwhile. */
function hasRoom(): boolean {
  const copies = Array.from({ length: 8 }, () => fcntl(0, F_DUPFD_CLOEXEC, 0));
  copies.filter((fd) => fd !== -1).forEach((fd) => close(fd));
  return !copies.includes(-1);
}

/** Why a selector refuses EVENT_HANGUP; undefined if it has it. */
export function hangupRefusal(Selector: typeof SELECTORS[number]): string | undefined {
  if (Selector === SelectSelector) return "select(2) does not tell a hang-up from data";
  return Selector === PollSelector && POLLRDHUP === 0 ? "poll(2) lacks POLLRDHUP" : undefined;
}

/** Whether a selector has EVENT_PRIORITY. With kqueue, only macOS does. */
export function hasPriority(Selector: typeof SELECTORS[number]): boolean {
  return Selector !== KqueueSelector || EVFILT_EXCEPT !== 0 && emulator !== "libkqueue";
}
