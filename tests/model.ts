/**
 * Random programs of registrations, descriptors and waits, each run on every selector beside a plain model of what the man pages
 * promise. Every selector must do what the model says, and so the same as the others but for DIFFERENCES.
 *
 *     deno run -A tests/model.ts PROGRAMS [SEED [PATH]]
 *
 * Prints how many programs were run. At the first that goes otherwise it exits 1 with the shortest such program that fast-check
 * finds, and the seed and path that repeat it. Each program starts with a socket pair in descriptors 64 and 65, and a pipe in 66 and 67.
 */

import { setImmediate } from "node:timers/promises";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import {
  close,
  EAGAIN,
  errno,
  F_DUPFD_CLOEXEC,
  fcntl,
  read,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  shutdown,
  write,
} from "../ffi/mod.ts";
import { EVENT_READ, EVENT_WRITE, type ReadyEvent, Socket, type TriggerMode } from "../mod.ts";
import { openDescriptors, Pipe } from "./descriptors.ts";
import { SELECTORS } from "./selectors.ts";

const READ_WRITE = EVENT_READ | EVENT_WRITE;
const FIRST = 64; // of the descriptors that programs use, above those of Deno and the selectors
const LAST = 69;
const LONG = 2000; // milliseconds: nothing that ends by itself takes so long
const SHORT = 0.05;

/** Where mechanisms differ by their nature, and who says so. In all else they are the same. */
const DIFFERENCES = {
  "has no edges": {
    of: ["PollSelector", "SelectSelector"],
    source: "poll(2), select(2): a call tells what is so, and remembers nothing of the one before",
  },
  "watches numbers": {
    of: ["PollSelector", "SelectSelector"],
    source: "poll(2), POLLNVAL; select(2), EBADF: a call is given numbers, and refuses closed ones",
  },
  "watches open files": {
    of: ["EpollSelector"],
    source: "epoll(7), Questions and answers 6: events come until every duplicate is closed",
  },
  "watches descriptors": {
    of: ["KqueueSelector"],
    source: "kqueue(2): close() on a descriptor removes any kevents that reference it",
  },
  "has an edge for each event": {
    of: ["KqueueSelector"],
    source: "kqueue(2): an event is of an (ident, filter) pair, and EV_CLEAR resets that one",
  },
  "refuses pipes without a reader": {
    of: ["KqueueSelector"],
    source:
      "kqueue(2), EPIPE: the selector looks itself, and cannot tell one such pipe from another of its number",
  },
  "has hang-ups readable alone": {
    of: ["SelectSelector"],
    source: "select(2), Correspondence between select() and poll(): no POLLHUP in POLLOUT_SET",
  },
  "holds open what it waits for": {
    of: ["PollSelector", "SelectSelector"],
    source: "select(2), Multithreaded applications: closing it meanwhile is unspecified",
  },
} satisfies Record<string, { of: string[]; source: string }>;

/** An open file description, open(2), and what there is to say of it. */
class File {
  peer!: File;
  descriptors = 0;
  unread = 0; // bytes
  isFull = false;
  isShutForReading = false;
  isShutForWriting = false;

  constructor(readonly kind: "socket" | "reader" | "writer") {}

  get isOpen(): boolean {
    return this.descriptors > 0;
  }

  get isHungUp(): boolean {
    return this.kind === "reader" && !this.peer.isOpen ||
      this.isShutForReading && this.isShutForWriting;
  }

  get isBroken(): boolean {
    return this.kind === "writer" && !this.peer.isOpen;
  }

  /** The events that are ready. poll(2), pipe(7), unix(7) */
  ready(isHangupWritable: boolean): number {
    const isEnded = this.isShutForReading || this.isHungUp || this.isBroken;
    const isReadable = this.unread > 0 || isEnded;
    const hasRoom = this.kind !== "reader" && !this.isFull;
    const isWritable = hasRoom || this.isBroken || this.isHungUp && isHangupWritable;
    return (isReadable ? EVENT_READ : 0) | (isWritable ? EVENT_WRITE : 0);
  }

  /** What its last close(2) does to the other end. */
  release(): void {
    const { peer } = this;
    peer.isFull = false;
    if (this.kind === "socket") peer.isShutForReading = peer.isShutForWriting = true;
  }
}

/** What the model remembers of a registration: the file that its number was then, if the selector watches that. */
class Registration {
  armed = true;
  isLost = false; // the kernel may have forgotten it, or not
  appeared = READ_WRITE; // since the last look: an edge tells it, if it is ready still
  stirred = 0; // an edge may tell it, if it is ready: the file was touched, and it is up to the kernel

  constructor(
    readonly file: File,
    readonly events: number,
    readonly mode: TriggerMode,
    readonly data: number,
  ) {}
}

/** One program on one selector, each step done in the model as well. */
class Run {
  readonly #selector;
  readonly #files = new Map<number, File>();
  readonly #registrations = new Map<number, Registration>();
  // Files that are watched still though their number was closed: what it takes to forget them may disturb the rest.
  readonly #leftBehind = new Set<File>();
  #data = 0;
  #isWoken = false;
  #wait: { promise: Promise<ReadyEvent<number>[]>; controller: AbortController } | undefined;

  constructor(readonly Selector: typeof SELECTORS[number]) {
    this.#selector = new Selector<number>();
    this.#put(FIRST, FIRST + 1, "sockets");
    this.#put(FIRST + 2, FIRST + 3, "pipe");
  }

  #differs(fact: keyof typeof DIFFERENCES): boolean {
    return (DIFFERENCES[fact].of as string[]).includes(this.Selector.name);
  }

  // ─── descriptors ────────────────────────────────────────────────────────────────────────────

  open(fd: number, other: number, kind: "sockets" | "pipe"): void {
    if (fd === other) return;
    this.close(fd);
    this.close(other);
    this.#put(fd, other, kind);
  }

  dup(fd: number, to: number): void {
    if (fd === to || !this.#files.has(fd)) return;
    this.close(to);
    assertStrictEquals(fcntl(fd, F_DUPFD_CLOEXEC, to), to);
    this.#name(to, this.#files.get(fd)!);
  }

  close(fd: number): void {
    const file = this.#files.get(fd);
    if (file === undefined) return;
    this.#touch(file, () => {
      close(fd);
      this.#files.delete(fd);
      if (--file.descriptors === 0) file.release();
    });
    const registration = this.#registrations.get(fd);
    if (registration?.file !== file || !this.#differs("watches descriptors")) return;
    // The stand-in notices at its next event.
    registration.isLost = true;
    this.#leftBehind.add(file);
  }

  write(fd: number, much: boolean): void {
    const file = this.#files.get(fd);
    if (file === undefined || file.kind === "reader") return;
    const chunk = much ? MUCH : ONE;
    let written = 0;
    this.#touch(file, () => {
      for (let n = 0; n !== -1 && (much || written === 0);) {
        n = write(fd, chunk, chunk.length);
        if (n !== -1) written += n;
        else if (errno() === EAGAIN) file.isFull = true;
      }
      file.peer.unread += written;
    });
    if (written > 0) this.#arrive(file.peer);
  }

  read(fd: number, much: boolean): void {
    const file = this.#files.get(fd);
    if (file === undefined || file.kind === "writer") return;
    // When the first room appears in what is full is the kernel's business: it is read whole.
    const size = much || file.peer.isFull ? MUCH.length : 1;
    this.#touch(file, () => {
      const expected = Math.min(file.unread, size);
      assertStrictEquals(Math.max(read(fd, MUCH, size), 0), expected, "bytes read");
      file.unread -= expected;
      if (file.unread === 0) file.peer.isFull = false;
    });
  }

  shutdown(fd: number, how: number): void {
    const file = this.#files.get(fd);
    if (file?.kind !== "socket") return;
    this.#touch(file, () => {
      if (shutdown(fd, how) === -1) return; // the other end is closed
      if (how !== SHUT_WR) file.isShutForReading = file.peer.isShutForWriting = true;
      if (how !== SHUT_RD) file.isShutForWriting = file.peer.isShutForReading = true;
    });
  }

  #put(fd: number, other: number, kind: "sockets" | "pipe"): void {
    const files = kind === "pipe"
      ? [new File("reader"), new File("writer")]
      : [new File("socket"), new File("socket")];
    [files[0]!.peer, files[1]!.peer] = [files[1]!, files[0]!];
    [fd, other].forEach((fd, i) => this.#name(fd, files[i]!));
    if (kind === "pipe") {
      using pipe = new Pipe();
      move(pipe.reader, fd);
      move(pipe.writer, other);
      return;
    }
    const pair = Socket.pair();
    pair.forEach((socket, i) => {
      using _ = socket;
      socket.setBlocking(false);
      move(socket.fileno(), [fd, other][i]!);
    });
  }

  #name(fd: number, file: File): void {
    this.#files.set(fd, file);
    file.descriptors++;
  }

  #touch(file: File, change: () => void): void {
    const touched = [...this.#registrations.values()]
      .filter((registration) => registration.file === file || registration.file === file.peer)
      .map((registration) => ({ registration, before: this.#ready(registration.file) }));
    change();
    for (const { registration, before } of touched) {
      registration.stirred = READ_WRITE;
      registration.appeared |= this.#ready(registration.file) & ~before;
    }
  }

  #arrive(file: File): void {
    for (const registration of this.#registrations.values()) {
      if (registration.file === file) registration.appeared |= EVENT_READ;
    }
  }

  // ─── registrations ──────────────────────────────────────────────────────────────────────────

  register(fd: number, events: number, mode: TriggerMode): void {
    const file = this.#files.get(fd);
    const error = this.#registrations.has(fd)
      ? Deno.errors.AlreadyExists
      : mode === "edge" && this.#differs("has no edges")
      ? Deno.errors.NotSupported
      : file === undefined
      ? Deno.errors.BadResource
      : undefined;
    const data = this.#data++;
    same(error, () => this.#selector.register(fd, events, data, { mode }));
    if (error === undefined) {
      this.#registrations.set(fd, new Registration(file!, events, mode, data));
    }
  }

  modify(fd: number, events: number, mode: TriggerMode): void {
    const old = this.#registrations.get(fd);
    const file = this.#files.get(fd);
    const isSame = old?.armed && old.events === events && old.mode === mode;
    const error = old === undefined
      ? Deno.errors.NotFound
      : mode === "edge" && this.#differs("has no edges")
      ? Deno.errors.NotSupported
      : file === undefined && !isSame
      ? Deno.errors.BadResource
      : undefined;
    const data = this.#data++;
    same(error, () => this.#selector.modify(fd, events, data, { mode }));
    if (error === undefined) {
      // The OS is not told of other data, and so goes on watching what it did.
      const { appeared, stirred, isLost } = old!;
      const registration = new Registration(isSame ? old!.file : file!, events, mode, data);
      if (isSame) Object.assign(registration, { appeared, stirred, isLost });
      if (!isSame) this.#leaveBehind(fd);
      this.#registrations.set(fd, registration);
    } else if (error === Deno.errors.BadResource) this.#forget(fd);
  }

  unregister(fd: number): void {
    const error = this.#registrations.has(fd) ? undefined : Deno.errors.NotFound;
    same(error, () => this.#selector.unregister(fd));
    if (error === undefined) this.#forget(fd);
  }

  #forget(fd: number): void {
    this.#leaveBehind(fd);
    this.#registrations.delete(fd);
  }

  #leaveBehind(fd: number): void {
    const { file } = this.#registrations.get(fd)!;
    if (this.#differs("watches open files") && this.#files.get(fd) !== file) {
      this.#leftBehind.add(file);
    }
  }

  // ─── waits ──────────────────────────────────────────────────────────────────────────────────

  /** Only looks, also while selectAsync() waits. */
  select(): void {
    this.#look(() => this.#selector.select(0));
  }

  /** Blocks: a long wait is ended by what is ready or by a wake-up, and a short one by nothing else. */
  block(): void {
    if (this.#wait !== undefined) return;
    const isDue = this.#isDue();
    const start = performance.now();
    const count = this.#look(() => this.#selector.select(isDue ? LONG : SHORT));
    const elapsed = performance.now() - start;
    if (isDue) assert(elapsed < LONG, "the wait was not ended");
    else if (count === 0) assert(elapsed >= SHORT, "the wait was ended early");
  }

  /** Begins to wait on the event loop. What comes next happens meanwhile. */
  async selectAsync(): Promise<void> {
    const controller = new AbortController();
    const promise = this.#selector.selectAsync({ timeout: LONG, signal: controller.signal });
    promise.catch(() => {}); // it is looked at later
    if (this.#wait !== undefined) {
      const error = await promise.then(() => undefined, (error) => error);
      assert(error instanceof Deno.errors.Busy, "a second selectAsync()");
    } else this.#wait = { promise, controller };
    if (!this.#isQuiet()) await this.settle();
  }

  /** Lets the event loop turn, and so selectAsync() find what there is. */
  async turn(): Promise<void> {
    if (this.#isQuiet()) await setImmediate();
    else await this.settle();
  }

  wakeup(): void {
    this.#selector.wakeup();
    this.#isWoken = true;
  }

  async abort(): Promise<void> {
    const controller = this.#wait?.controller ?? new AbortController();
    controller.abort("mine");
    const { promise } = this.#wait ?? { promise: this.#selector.selectAsync(controller) };
    this.#wait = undefined;
    const reason = await promise.then(() => undefined, (reason) => reason);
    assertStrictEquals(reason, "mine", "an aborted selectAsync()");
  }

  /** Ends the selectAsync() that is under way, by a wake-up if it is not certain that it ends by itself. */
  async settle(): Promise<void> {
    if (this.#wait === undefined) return;
    const { promise } = this.#wait;
    const isDue = this.#isDue();
    if (!isDue) this.wakeup();
    const start = performance.now();
    await promise.catch(() => {});
    assert(performance.now() - start < LONG, "selectAsync() was not ended");
    this.#wait = undefined;
    const outcome = await promise.then((events) => () => events, (error) => () => {
      throw error;
    });
    this.#look(outcome);
    if (isDue) return;
    // It may have ended before the wake-up, which is the next one's then.
    this.#isWoken = true;
    this.select();
  }

  /** Whether a step must not be taken while selectAsync() waits. */
  isUnspecified(name: keyof typeof STEPS): boolean {
    const isClosing = name === "close" || name === "open" || name === "dup";
    return isClosing && this.#differs("holds open what it waits for");
  }

  /** Compares what a selector finds with what the model says, and returns how many are ready. */
  #look(find: () => ReadyEvent<number>[]): number {
    const closed = this.#closed();
    const found = new Map<number, number>();
    try {
      for (const [key, events] of find()) {
        assertStrictEquals(key.data, this.#registrations.get(key.fd)?.data, `stale: ${key.fd}`);
        found.set(key.fd, events);
      }
    } catch (error) {
      const gone = closed.filter((fd) => !this.#selector.getMap().has(fd));
      if (!(error instanceof Deno.errors.BadResource) || gone.length !== 1) throw error;
      this.#registrations.delete(gone[0]!);
      return 0;
    }
    assertEquals(closed, [], "closed descriptors, and no EBADF");
    this.#disturb();
    for (const [fd, registration] of this.#registrations) {
      const [must, may] = this.#expected(fd, registration);
      const events = found.get(fd) ?? 0;
      const isAsExpected = (events & must) === must && (events & ~may) === 0;
      assert(isAsExpected, `${fd}: found ${events}, must ${must}, may ${may}`);
      if (registration.mode === "oneshot" && events !== 0) registration.armed = false;
      registration.appeared = registration.stirred = 0;
    }
    this.#disturb(); // of which the next look may tell
    if (this.#wait === undefined) this.#isWoken = false; // otherwise it is that one's
    return found.size;
  }

  /** The events that the next look must find of a registration, and those that it may find. */
  #expected(fd: number, registration: Registration): [must: number, may: number] {
    const { events, mode, armed, isLost, appeared, stirred } = registration;
    const file = this.#differs("watches numbers") ? this.#files.get(fd) : registration.file;
    if (file === undefined || !armed) return [0, 0];
    const isStillBroken = file.isBroken && this.#files.get(fd)?.isBroken &&
      this.#differs("refuses pipes without a reader");
    if (isLost && isStillBroken) return [0, events];
    if (!file.isOpen) return [0, 0];
    const ready = this.#ready(file) & events;
    if (isLost) return [0, ready];
    if (mode !== "edge") return [ready, ready];
    if (this.#differs("has an edge for each event")) {
      return [ready & appeared, ready & (appeared | stirred)];
    }
    return [
      (ready & appeared) !== 0 ? ready : 0,
      (events & (appeared | stirred)) !== 0 ? ready : 0,
    ];
  }

  #ready(file: File): number {
    return file.ready(!this.#differs("has hang-ups readable alone"));
  }

  #disturb(): void {
    if (![...this.#leftBehind].some((file) => file.isOpen)) return;
    for (const [fd, registration] of this.#registrations) {
      registration.stirred = READ_WRITE;
      if (registration.file !== this.#files.get(fd)) registration.isLost = true;
    }
  }

  /** The registered numbers that are closed, where that is an error. */
  #closed(): number[] {
    if (!this.#differs("watches numbers")) return [];
    return [...this.#registrations].flatMap(([fd, { armed }]) =>
      armed && !this.#files.has(fd) ? [fd] : []
    );
  }

  /** Whether a wait certainly ends. */
  #isDue(): boolean {
    this.#disturb();
    return this.#isWoken || this.#closed().length > 0 ||
      [...this.#registrations].some((each) => this.#expected(...each)[0] !== 0);
  }

  /** Whether a wait certainly does not end, and looks at nothing meanwhile. */
  #isQuiet(): boolean {
    return !this.#isDue() && ![...this.#leftBehind].some((file) => file.isOpen) &&
      [...this.#registrations].every(([fd, registration]) =>
        this.#expected(fd, registration)[1] === 0 &&
        // What is parked is poll(2), for all of them.
        !(this.#differs("has hang-ups readable alone") && this.#files.get(fd)?.isHungUp)
      );
  }

  // ─── before and after ───────────────────────────────────────────────────────────────────────

  /** After each step: the keys are those of the model. */
  checkKeys(): void {
    const keys = [...this.#selector.getMap().values()].map(({ fd, data }) => `${fd}: ${data}`);
    const expected = [...this.#registrations].map(([fd, { data }]) => `${fd}: ${data}`);
    assertEquals(keys, expected.sort(), "getMap()");
  }

  async end(): Promise<void> {
    this.#selector.close();
    const events = await this.#wait?.promise;
    assertEquals(events ?? [], [], "selectAsync() at close()");
  }

  dispose(): void {
    this.#selector.close();
    for (const fd of this.#files.keys()) close(fd);
  }
}

const ONE = new Uint8Array(1);
const MUCH = new Uint8Array(2 ** 20);

function move(from: number, to: number): void {
  assertStrictEquals(fcntl(from, F_DUPFD_CLOEXEC, to), to);
}

// deno-lint-ignore no-explicit-any -- constructors of every kind
function same(errorClass: (new (...args: any[]) => Error) | undefined, call: () => unknown): void {
  let caught: unknown;
  try {
    call();
  } catch (error) {
    caught = error;
  }
  const isAsExpected = errorClass ? caught instanceof errorClass : caught === undefined;
  assert(isAsExpected, `threw ${caught}, and not ${errorClass?.name}`);
}

// ─── programs ───────────────────────────────────────────────────────────────────────────────────

const fd = fc.integer({ min: FIRST, max: LAST });
const events = fc.constantFrom(EVENT_READ, EVENT_WRITE, READ_WRITE);
const mode = fc.constantFrom<TriggerMode>("level", "oneshot", "edge");

/** The steps, each with what it takes. */
const STEPS = {
  register: fc.tuple(fd, events, mode),
  modify: fc.tuple(fd, events, mode),
  unregister: fc.tuple(fd),
  open: fc.tuple(fd, fd, fc.constantFrom("sockets" as const, "pipe" as const)),
  dup: fc.tuple(fd, fd),
  close: fc.tuple(fd),
  write: fc.tuple(fd, fc.boolean()),
  read: fc.tuple(fd, fc.boolean()),
  shutdown: fc.tuple(fd, fc.constantFrom(SHUT_RD, SHUT_WR, SHUT_RDWR)),
  select: fc.tuple(),
  block: fc.tuple(),
  selectAsync: fc.tuple(),
  turn: fc.tuple(),
  wakeup: fc.tuple(),
  abort: fc.tuple(),
};
type Step = [keyof typeof STEPS, ...(number | string | boolean)[]];

const step = fc.oneof(
  ...Object.entries(STEPS).map(([name, taken]) => taken.map((taken) => [name, ...taken] as Step)),
);
const program = fc.array(step, { maxLength: 40, size: "max" });

async function runOn(Selector: typeof SELECTORS[number], steps: Step[]): Promise<void> {
  const run = new Run(Selector);
  let at = "before the first step";
  try {
    for (const [name, ...taken] of steps) {
      at = `${name}(${taken.join(", ")})`;
      if (run.isUnspecified(name)) await run.settle();
      // Only steps that say so let the event loop turn: what happens between the others is certain.
      const turn = (run[name] as (...taken: unknown[]) => unknown).apply(run, taken);
      if (turn !== undefined) await turn;
      run.checkKeys();
    }
    at = "close()";
    await run.end();
  } catch (error) {
    throw new Error(`${Selector.name}, ${at}: ${error}`, { cause: error });
  } finally {
    run.dispose();
  }
}

const [programs = 1000, seed = Math.floor(Math.random() * 2 ** 31), path = ""] = Deno.args;
const before = openDescriptors();
const result = await fc.check(
  fc.asyncProperty(program, async (steps) => {
    for (const Selector of SELECTORS) await runOn(Selector, steps);
  }),
  { numRuns: Number(programs), seed: Number(seed), path: `${path}` },
);
if (result.failed) {
  console.error(`${result.errorInstance}\n`);
  for (const [name, ...taken] of result.counterexample?.[0] ?? []) {
    console.error(`  ${name}(${taken.join(", ")})`);
  }
  console.error(
    `\n${result.numShrinks} shrinks; again: deno run -A tests/model.ts ${programs} ${result.seed} ${result.counterexamplePath}`,
  );
  Deno.exit(1);
}
// Deno opens a few of its own when it has run for half a second.
assert(openDescriptors() < before + 10, "descriptors are left open");
console.log(
  `${result.numRuns} programs on ${SELECTORS.map(({ name }) => name).join(", ")}: all as the model`,
);
