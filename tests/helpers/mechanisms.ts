/**
 * The selectors that this machine has, for the tests that hold each to the same facts. `LIBKQUEUE` names a library that
 * brings kqueue(2) along, as `platforms/kqueue.sh` does.
 *
 * @module
 */

import { EVFILT_EXCEPT } from "../../ffi/mod.ts";
import * as selectors from "../../mod.ts";
import { EpollSelector, type FileObject, PollSelector, SelectSelector } from "../../mod.ts";

const library = Deno.env.get("LIBKQUEUE");
const emulator = Deno.env.get("SELECTORS_EMULATOR");
// platforms/kqueue.c, by itself or within bsd.c
const isStandIn = emulator === "kqueue.c" || emulator === "bsd.c";
let queues = 0;
let settled = 0;

class KqueueSelectorOfLibrary<Data = unknown, File extends FileObject = FileObject>
  extends selectors.KqueueSelector<Data, File> {
  static override isSupported(): boolean {
    return library !== undefined || super.isSupported();
  }

  constructor() {
    super(library === undefined ? {} : { library });
    queues++;
  }
}
Object.defineProperty(KqueueSelectorOfLibrary, "name", { value: "KqueueSelector" });

/** kqueue(2), of the library that the environment names or of the platform. */
export const KqueueSelector = KqueueSelectorOfLibrary;

export const SELECTORS = [KqueueSelector, EpollSelector, PollSelector, SelectSelector].filter((S) =>
  S.isSupported()
);

// As libc in descriptors.ts: opened here, so that no test is held responsible for the library that it opened.
if (KqueueSelector.isSupported()) new KqueueSelector().close();
settled = queues;

/** Gets rid of what closed queues left: kqueue.c frees it when the next one is made. Before descriptors are counted. */
export function settleQueues(): void {
  if (!isStandIn || queues === settled) return;
  new KqueueSelector().close();
  settled = queues;
}

const POLLNVAL_IS_LAST =
  "Wine's WSAPoll goes on waiting for the others though it has found POLLNVAL, and does not tell it beside them";
const RESOLVER = "musl's resolver needs threads of its own, and crashes in a glibc process";
const TAKES_ERROR = "libkqueue takes SO_ERROR away from the program";
const KEEPS_DESCRIPTORS =
  "libkqueue frees what closed queues had when their numbers are used again";
const STAND_IN = {
  "KqueueSelector without free descriptors throws EMFILE from its constructor, and leaks nothing":
    "kqueue.c frees the inner descriptors of a closed queue when it makes the next one",
};

/** Whether a selector has EVENT_PRIORITY, which kqueue has on macOS alone. */
export function hasPriority(Selector: typeof SELECTORS[number]): boolean {
  return Selector !== KqueueSelector || EVFILT_EXCEPT !== 0 && emulator !== "libkqueue";
}

/** Tests that an emulator cannot pass since it is not like what it emulates, and what it does instead. */
const LEFT_OUT: Record<string, Record<string, string>> = {
  // platforms/libkqueue_facts.c shows each.
  libkqueue: {
    "KqueueSelector reports a reset connection as readable and writable": TAKES_ERROR,
    "KqueueSelector reports a refused connection as writable, and takeError() says why":
      TAKES_ERROR,
    "KqueueSelector takes descriptors from FD_SETSIZE up, or refuses them with RangeError":
      "libkqueue gives 512 events at a time, whatever room there is",
    "KqueueSelector close() forgets every key, leaves registered descriptors open, and twice is once":
      KEEPS_DESCRIPTORS,
    "KqueueSelector opened and closed 2,000 times leaks nothing": KEEPS_DESCRIPTORS,
    "KqueueSelector close() during selectAsync() resolves it to [], and frees every descriptor":
      KEEPS_DESCRIPTORS,
    "KqueueSelector 2,000 waits, aborts and wake-ups leave no descriptor": KEEPS_DESCRIPTORS,
    "KqueueSelector forgets a closed descriptor though a duplicate of it lives on":
      "libkqueue forgets no descriptor by itself, as epoll does not",
    'KqueueSelector in "edge" mode reports of reading and writing only what has appeared, not what is still there':
      "libkqueue has one epoll entry for both filters",
    "KqueueSelector watches another selector's descriptor":
      "libkqueue's descriptor cannot be watched",
  },
  "kqueue.c": STAND_IN,
  "bsd.c": STAND_IN,
  // platforms/qemu_facts.c shows it.
  qemu: {
    "EpollSelector select() waits less than half a millisecond more than 100 microseconds, at best":
      "qemu-user lacks epoll_pwait2, and epoll_wait counts milliseconds",
    ...Object.fromEntries(["EpollSelector", "PollSelector", "SelectSelector"].map((name) => [
      `${name} selectAsync() under full load lets timers fire, and events flow`,
      "its figures are those of a machine, which an emulator is ten times slower than",
    ])),
  },
  musl: {
    "getaddrinfo() gives a list to read and to free once": RESOLVER,
    "Names are resolved, and those that cannot be say so": RESOLVER,
    "An address of another family is not resolved": RESOLVER,
    "No failing call leaks a descriptor": RESOLVER,
  },
  // platforms/wine_facts.c shows each.
  wine: {
    ...Object.fromEntries(["PollSelector", "SelectSelector"].map((name) => [
      `${name} selectAsync() under full load lets timers fire, and events flow`,
      "its figures are those of a machine, which an emulator is slower than",
    ])),
    "An address of another family is not resolved": "Wine gives an EAI_ code of Linux'",
    "PollSelector selectAsync() says once that a registered descriptor was closed, names it, and goes on":
      POLLNVAL_IS_LAST,
    "PollSelector keeps a wake-up for the wait after the one that throws": POLLNVAL_IS_LAST,
  },
};

const EVERY = ["KqueueSelector", "EpollSelector", "PollSelector", "SelectSelector"];
const NO_SIGNALS = "Windows has no signals that interrupt a call";
const NO_LIMIT = "Windows has no limit of sockets to come up against";
const SOCKETS_ALONE = "Winsock polls sockets alone";
const BY_NUMBER =
  "WSAPoll is given numbers alone, and so cannot tell a socket from an earlier one of its number";
const UNIX = "Windows' Unix sockets are streams alone";

/** Tests of what Windows does not have. */
const NOT_ON_WINDOWS: Record<string, string> = {
  ...ofEvery("select() returns [] when a signal interrupts it, and goes on afterwards", NO_SIGNALS),
  ...ofEvery("selectAsync() hears signals at once, idle and under full load", NO_SIGNALS),
  "A signal ends a blocking call with Deno.errors.Interrupted": NO_SIGNALS,
  ...ofEvery(
    "without free descriptors throws EMFILE from its constructor, and leaks nothing",
    NO_LIMIT,
  ),
  "SelectSelector select() waits less than half a millisecond more than 100 microseconds, at best":
    "Windows' timers count milliseconds, and its clock ticks every 15.6 of them",
  ...ofEvery("reports a regular file as always ready", SOCKETS_ALONE),
  "A descriptor closed meanwhile rejects though its number is another file's by now": BY_NUMBER,
  "A waiter of a reused number gets the new file, and those of the old one EBADF": BY_NUMBER,
  "Unix sockets meet at a path, streams and datagrams": UNIX,
  "fromFd() refuses what is no socket, and leaves it open": SOCKETS_ALONE,
  "A child process inherits no socket and no selector":
    "no sh to ask; of each socket its handle is asked instead",
};

function ofEvery(fact: string, reason: string): Record<string, string> {
  return Object.fromEntries(EVERY.map((name) => [`${name} ${fact}`, reason]));
}

/** Why the test of this name is left out on this emulator; undefined where it is not. */
function leftOut(name: string): string | undefined {
  const notHere = Deno.build.os === "windows" ? NOT_ON_WINDOWS[name] : undefined;
  return notHere ?? LEFT_OUT[emulator ?? ""]?.[name];
}

/** The options of a test that is left out on some emulator. */
export function unlessLeftOut(name: string): { name: string; ignore: boolean } {
  const reason = leftOut(name);
  if (reason === undefined) return { name, ignore: false };
  return { name: `${name} (left out: ${reason})`, ignore: true };
}
