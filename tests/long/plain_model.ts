/**
 * A plain model of descriptors and of a selector that watches them: what the man pages promise,
 * without a syscall.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { SHUT_RD, SHUT_WR } from "../../ffi/mod.ts";
import { EVENT_READ, EVENT_WRITE, type ReadyEvent, type TriggerMode } from "../../mod.ts";

const READ_WRITE = EVENT_READ | EVENT_WRITE;

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
    source: "kqueue(2), EPIPE: the selector looks itself, and takes one for another of its number",
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

// deno-lint-ignore no-explicit-any -- constructors of every kind
type ErrorClass = new (...args: any[]) => Error;

/** An open file description, open(2), and what there is to say of it: poll(2), pipe(7), unix(7). */
export class File {
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

  get isReadable(): boolean {
    return this.unread > 0 || this.isShutForReading || this.isHungUp || this.isBroken;
  }

  get hasRoom(): boolean {
    return this.kind !== "reader" && !this.isFull || this.isBroken;
  }
}

class Registration {
  armed = true;
  isLost = false; // whether the kernel may have dropped it
  appeared = READ_WRITE; // since the last wait: an edge reports it if it is still ready
  stirred = 0; // an edge may report it if it is ready: the file was touched, and the kernel decides

  constructor(
    readonly file: File, // which the number was then
    readonly events: number,
    readonly mode: TriggerMode,
    readonly data: number,
  ) {}
}

/** A selector and the descriptors around it. What a method returns is what the selector must do. */
export class Model {
  readonly #selector: string;
  readonly files = new Map<number, File>();
  readonly registrations = new Map<number, Registration>();
  isWoken = false;
  // Closed under their number, and watched still: what it takes to forget them may disturb the
  // rest.
  readonly #leftBehind = new Set<File>();

  constructor(selector: string) {
    this.#selector = selector;
  }

  differs(fact: keyof typeof DIFFERENCES): boolean {
    return (DIFFERENCES[fact].of as string[]).includes(this.#selector);
  }

  // ─── descriptors ────────────────────────────────────────────────────────────────────────────

  open(fd: number, other: number, kind: "sockets" | "pipe"): void {
    const [one, two] = kind === "pipe"
      ? [new File("reader"), new File("writer")]
      : [new File("socket"), new File("socket")];
    [one.peer, two.peer] = [two, one];
    this.dup(one, fd);
    this.dup(two, other);
  }

  dup(file: File, to: number): void {
    this.files.set(to, file);
    file.descriptors++;
  }

  close(fd: number): void {
    const file = this.files.get(fd)!;
    this.#touch(file, () => {
      this.files.delete(fd);
      if (--file.descriptors > 0) return;
      file.peer.isFull = false;
      if (file.kind === "socket") file.peer.isShutForReading = file.peer.isShutForWriting = true;
    });
    const registration = this.registrations.get(fd);
    if (registration?.file !== file || !this.differs("watches descriptors")) return;
    // kqueue.c, which stands in for it, notices with the next event.
    registration.isLost = true;
    this.#leftBehind.add(file);
  }

  write(file: File, bytes: number, isFull: boolean): void {
    this.#touch(file, () => {
      file.peer.unread += bytes;
      file.isFull ||= isFull;
    });
    if (bytes === 0) return;
    for (const registration of this.registrations.values()) {
      if (registration.file === file.peer) registration.appeared |= EVENT_READ;
    }
  }

  /** Returns the number of bytes. */
  read(file: File, size: number): number {
    const bytes = Math.min(file.unread, size);
    this.#touch(file, () => {
      file.unread -= bytes;
      if (file.unread === 0) file.peer.isFull = false;
    });
    return bytes;
  }

  shutdown(file: File, how: number): void {
    this.#touch(file, () => {
      if (how !== SHUT_WR) file.isShutForReading = file.peer.isShutForWriting = true;
      if (how !== SHUT_RD) file.isShutForWriting = file.peer.isShutForReading = true;
    });
  }

  #touch(file: File, change: () => void): void {
    const touched = [...this.registrations.values()]
      .filter((registration) => registration.file === file || registration.file === file.peer)
      .map((registration) => ({ registration, before: this.#ready(registration.file) }));
    change();
    for (const { registration, before } of touched) {
      registration.stirred = READ_WRITE;
      registration.appeared |= this.#ready(registration.file) & ~before;
    }
  }

  #ready(file: File): number {
    const isWritable = file.hasRoom ||
      file.isHungUp && !this.differs("has hang-ups readable alone");
    return (file.isReadable ? EVENT_READ : 0) | (isWritable ? EVENT_WRITE : 0);
  }

  // ─── registrations ──────────────────────────────────────────────────────────────────────────

  register(fd: number, events: number, mode: TriggerMode, data: number): ErrorClass | undefined {
    const file = this.files.get(fd);
    if (this.registrations.has(fd)) return Deno.errors.AlreadyExists;
    if (mode === "edge" && this.differs("has no edges")) return Deno.errors.NotSupported;
    if (file === undefined) return Deno.errors.BadResource;
    this.registrations.set(fd, new Registration(file, events, mode, data));
  }

  modify(fd: number, events: number, mode: TriggerMode, data: number): ErrorClass | undefined {
    const file = this.files.get(fd);
    const old = this.registrations.get(fd);
    if (old === undefined) return Deno.errors.NotFound;
    if (mode === "edge" && this.differs("has no edges")) return Deno.errors.NotSupported;
    if (mode === "level" && old.armed && old.events === events && old.mode === mode) {
      // The kernel is not told of other data, and so goes on watching what it did.
      this.registrations.set(
        fd,
        Object.assign(new Registration(old.file, events, mode, 0), old, { data }),
      );
      return;
    }
    this.unregister(fd);
    if (file === undefined) return Deno.errors.BadResource;
    this.registrations.set(fd, new Registration(file, events, mode, data));
  }

  unregister(fd: number): ErrorClass | undefined {
    const old = this.registrations.get(fd);
    if (old === undefined) return Deno.errors.NotFound;
    this.registrations.delete(fd);
    const isGone = this.files.get(fd) === old.file;
    if (!isGone && this.differs("watches open files")) this.#leftBehind.add(old.file);
  }

  // ─── waits ──────────────────────────────────────────────────────────────────────────────────

  /** The registered numbers that are closed, where that is an error: of one of them at a time. */
  closed(): number[] {
    if (!this.differs("watches numbers")) return [];
    const registrations = [...this.registrations];
    return registrations.flatMap(([fd, { armed }]) => armed && !this.files.has(fd) ? [fd] : []);
  }

  /** Whether a wait certainly ends by itself. */
  isDue(): boolean {
    this.#disturb();
    return this.isWoken || this.closed().length > 0 ||
      [...this.registrations].some((each) => this.#expected(...each).must !== 0);
  }

  /** Whether a wait certainly does not end, nor what is parked for it, which is poll(2). */
  isQuiet(): boolean {
    if (this.isDue() || this.#isDisturbed()) return false;
    const hasHidden = this.differs("has hang-ups readable alone");
    return [...this.registrations].every(([fd, registration]) =>
      this.#expected(fd, registration).may === 0 && !(hasHidden && this.files.get(fd)?.isHungUp)
    );
  }

  /** Checks what a look has found, and that nothing of it is stale. */
  look(ready: ReadyEvent<number>[]): void {
    assertEquals(this.closed(), [], "closed, and no EBADF");
    const found = new Map(ready.map(([{ fd }, events]) => [fd, events]));
    for (const [{ fd, data }] of ready) {
      assertStrictEquals(data, this.registrations.get(fd)?.data, `${fd} is stale`);
    }
    this.#disturb();
    for (const [fd, registration] of this.registrations) {
      const { must, may } = this.#expected(fd, registration);
      const events = found.get(fd) ?? 0;
      const isAsExpected = (events & must) === must && (events & ~may) === 0;
      assert(isAsExpected, `${fd}: found events ${events}, must ${must}, may ${may}`);
      if (registration.mode === "oneshot" && events !== 0) registration.armed = false;
      registration.appeared = registration.stirred = 0;
    }
    this.#disturb(); // of which the next look may tell
  }

  /** Checks what `break` has taken out of a batch. The rest of the batch is re-armed. */
  take(event: ReadyEvent<number>): void {
    const [{ fd, data }, events] = event;
    const registration = this.registrations.get(fd);
    assertStrictEquals(data, registration?.data, `${fd} is stale`);
    this.#disturb();
    const { must, may } = this.#expected(fd, registration!);
    const isAsExpected = (events & must) === must && (events & ~may) === 0;
    assert(isAsExpected, `${fd}: took events ${events}, must ${must}, may ${may}`);
    if (registration!.mode === "oneshot") registration!.armed = false;
    registration!.appeared = registration!.stirred = 0;
    // EPOLL_CTL_MOD makes an edge of what is ready.
    for (const [fd, other] of this.registrations) {
      if (other === registration) continue;
      other.stirred = READ_WRITE;
      // What was in the batch cannot be re-armed by a number that is closed.
      if (other.mode !== "level" && this.files.get(fd) !== other.file) other.isLost = true;
    }
    this.#disturb();
  }

  /** Whether a registration, and no wake-up, certainly ends a wait. */
  isReady(): boolean {
    this.#disturb();
    return !this.isWoken && this.closed().length === 0 &&
      [...this.registrations].some((each) => this.#expected(...each).must !== 0);
  }

  /** Whether readable() or writable() of a file may resolve. */
  isReadyFor(file: File, event: number): boolean {
    if (!file.isOpen) return false;
    if (event === EVENT_READ) return file.isReadable;
    return file.hasRoom || file.isHungUp;
  }

  /** The events that the next look must find of a registration, and those that it may find. */
  #expected(fd: number, registration: Registration): { must: number; may: number } {
    const { events, mode, armed, isLost, appeared, stirred } = registration;
    const now = this.files.get(fd);
    const file = this.differs("watches numbers") ? now : registration.file;
    if (file === undefined || !armed) return { must: 0, may: 0 };
    const isTakenForIt = this.differs("refuses pipes without a reader") && now?.isBroken;
    if (isLost && file.isBroken && isTakenForIt) return { must: 0, may: events };
    if (!file.isOpen) return { must: 0, may: 0 };

    const ready = this.#ready(file) & events;
    if (isLost) return { must: 0, may: ready };
    if (mode !== "edge") return { must: ready, may: ready };
    if (this.differs("has an edge for each event")) {
      return { must: ready & appeared, may: ready & (appeared | stirred) };
    }
    // One edge tells all that is ready.
    return {
      must: (ready & appeared) !== 0 ? ready : 0,
      may: (events & (appeared | stirred)) !== 0 ? ready : 0,
    };
  }

  #isDisturbed(): boolean {
    return [...this.#leftBehind].some((file) => file.isOpen);
  }

  /** The list that the kernel is given anew tells edges again, and lacks what was closed. */
  #disturb(): void {
    if (!this.#isDisturbed()) return;
    for (const [fd, registration] of this.registrations) {
      registration.stirred = READ_WRITE;
      if (registration.file !== this.files.get(fd)) registration.isLost = true;
    }
  }
}
