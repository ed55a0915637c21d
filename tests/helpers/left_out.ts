/**
 * The tests that are left out on some platform, each with the reason: what an emulator does unlike
 * the system that it emulates, and what Windows lacks.
 *
 * As a program it reads the log of a whole run of `deno test`, and fails if a row of the list
 * belongs to no test, say because the test was renamed: `left_out.ts LOG EMULATOR PLATFORM`.
 *
 * @module
 */

const POLLNVAL_IS_LAST =
  "Wine's WSAPoll goes on waiting for the others when it has found POLLNVAL, and reports it alone";
const CLOSED_IN_POLL = "under Wine the test hangs: a socket is closed while WSAPoll waits for it";
const RESOLVER = "musl's resolver needs threads of its own, and crashes in a glibc process";
const TAKES_ERROR = "libkqueue reads SO_ERROR, which clears it for the program";
const KEEPS_DESCRIPTORS =
  "libkqueue frees the descriptors of closed queues when their numbers are used again";
const SLOW = "its figures are those of a real machine, and an emulator is ten times slower";
const STAND_IN = {
  "KqueueSelector without free descriptors throws EMFILE from its constructor, and leaks nothing":
    "kqueue.c frees the inner descriptors of a closed queue when it makes the next one",
};

/** By emulator: the tests that it cannot pass, and what it does instead. */
const LEFT_OUT: Record<string, Record<string, string>> = {
  // platforms/libkqueue_facts.c shows each.
  libkqueue: {
    "KqueueSelector reports a reset connection as readable and writable": TAKES_ERROR,
    "KqueueSelector reports a refused connection as writable, and takeError() says why":
      TAKES_ERROR,
    "KqueueSelector takes descriptors from FD_SETSIZE up, or refuses them with RangeError":
      "libkqueue returns at most 512 events at a time, however many fit",
    "KqueueSelector close() forgets every key, leaves registered descriptors open, and twice is once":
      KEEPS_DESCRIPTORS,
    "KqueueSelector opened and closed 2,000 times leaks nothing": KEEPS_DESCRIPTORS,
    "KqueueSelector close() during selectAsync() resolves it to [], and frees every descriptor":
      KEEPS_DESCRIPTORS,
    "KqueueSelector 2,000 waits, aborts and wake-ups leave no descriptor": KEEPS_DESCRIPTORS,
    "KqueueSelector forgets a closed descriptor though a duplicate of it lives on":
      "libkqueue drops no descriptor by itself, like epoll",
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
    "Control data that do not fit are cut, and msg_flags has MSG_CTRUNC":
      "qemu-user does not set MSG_CTRUNC",
    ...ofEach(
      ["EpollSelector", "PollSelector", "SelectSelector"],
      "selectAsync() under full load lets timers fire, and events flow",
      SLOW,
    ),
  },
  musl: {
    "getaddrinfo() gives a list to read and to free once": RESOLVER,
    "Names are resolved, and those that cannot be say so": RESOLVER,
    "An address of another family is not resolved": RESOLVER,
    "No failing call leaks a descriptor": RESOLVER,
  },
  // platforms/wine_facts.c shows each.
  wine: {
    ...ofWindows("selectAsync() under full load lets timers fire, and events flow", SLOW),
    "An address of another family is not resolved": "Wine gives an EAI_ code of Linux",
    "PollSelector selectAsync() says once that a registered descriptor was closed, names it, and goes on":
      POLLNVAL_IS_LAST,
    "PollSelector keeps a wake-up for the wait after the one that throws": POLLNVAL_IS_LAST,
    "PollSelector the first selectAsync() takes no number of a registered, closed descriptor":
      POLLNVAL_IS_LAST,
    ...ofWindows(
      "selectAsync() that is parked rejects with EBADF within a second of close(2)",
      CLOSED_IN_POLL,
    ),
    ...ofWindows("selectAsync() that is parked hears of Socket.close() at once", CLOSED_IN_POLL),
    "proxy.ts passes every byte in both directions, and the end of each":
      "Wine ends a stream, once both directions are shut down, before all of it was read",
  },
};

const NO_SIGNALS = "Windows has no signals that interrupt a call";
const SOCKETS_ALONE = "Winsock polls nothing but sockets";
const BY_NUMBER =
  "WSAPoll takes numbers only, and so cannot tell a socket from an earlier one of its number";

/** The tests of what Windows does not have. */
const NOT_ON_WINDOWS: Record<string, string> = {
  ...ofWindows(
    "select() returns [] when a signal interrupts it, and goes on afterwards",
    NO_SIGNALS,
  ),
  ...ofWindows("selectAsync() hears signals at once, idle and under full load", NO_SIGNALS),
  "A signal ends a blocking call with Deno.errors.Interrupted": NO_SIGNALS,
  ...ofWindows(
    "without free descriptors throws EMFILE from its constructor, and leaks nothing",
    "Windows has no limit of sockets to reach",
  ),
  "SelectSelector select() waits less than half a millisecond more than 100 microseconds, at best":
    "timers of Windows count milliseconds, and its clock ticks every 15.6 of them",
  ...ofWindows("reports a regular file as always ready", SOCKETS_ALONE),
  "A descriptor closed meanwhile rejects though its number is another file's by now": BY_NUMBER,
  "A waiter of a reused number gets the new file, and those of the old one EBADF": BY_NUMBER,
  "Unix sockets meet at a path, streams and datagrams": "Windows has Unix sockets for streams only",
  "fromFd() refuses what is no socket, and leaves it open": SOCKETS_ALONE,
  "A child process inherits no socket and no selector":
    "no sh to ask; the handle of each socket is asked instead",
};

function ofWindows(fact: string, reason: string): Record<string, string> {
  return ofEach(["PollSelector", "SelectSelector"], fact, reason);
}

function ofEach(selectors: string[], fact: string, reason: string): Record<string, string> {
  return Object.fromEntries(selectors.map((name) => [`${name} ${fact}`, reason]));
}

/** The options of a test that is left out on some emulator, or on Windows. */
export function unlessLeftOut(name: string): { name: string; ignore: boolean } {
  const rows = rowsOf(Deno.env.get("SELECTORS_EMULATOR"), Deno.build.os === "windows");
  const reason = rows[name];
  if (reason === undefined) return { name, ignore: false };
  return { name: `${name} (left out: ${reason})`, ignore: true };
}

function rowsOf(emulator: string | undefined, isWindows: boolean): Record<string, string> {
  return { ...LEFT_OUT[emulator ?? ""], ...isWindows ? NOT_ON_WINDOWS : {} };
}

if (import.meta.main) {
  const [log, emulator, platform] = Deno.args;
  const text = await Deno.readTextFile(log!);
  const unused = Object.keys(rowsOf(emulator, platform === "windows"))
    .filter((name) => !text.includes(`${name} (left out: `));
  for (const name of unused) {
    console.error(`helpers/left_out.ts names a test that is not there: ${name}`);
  }
  if (unused.length > 0) Deno.exit(1);
}
