/**
 * Random programs of registrations, descriptors and waits, each run on every selector beside a
 * plain model. Every selector must do what the model says, and so the same as the others but for
 * the differences that it lists.
 *
 *     deno run -A tests/long/model.ts PROGRAMS [SEED [PATH]]
 *
 * Where a process may have at most 1,024 descriptors (`prlimit --nofile=256`), programs take all
 * but 0 to 8 of them now and then.
 *
 * Prints how many programs were run. At the first that goes otherwise it exits 1 with the shortest
 * such program that fast-check finds, and with the seed and path that repeat it. Each begins with a
 * socket pair in 64 and 65, and a pipe in 66 and 67.
 */

import { setImmediate } from "node:timers/promises";
import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import * as ffi from "../../ffi/mod.ts";
import { EVENT_READ, EVENT_WRITE, type ReadyEvent, Socket, type TriggerMode } from "../../mod.ts";
import { openDescriptors, Pipe } from "../helpers/descriptors.ts";
import { Model } from "./plain_model.ts";
import { closing } from "../../selectors/closing.ts";
import { SELECTORS } from "../helpers/mechanisms.ts";
import { Waits } from "./waiting.ts";

const FIRST = 64; // of the descriptors that programs use, above those of Deno and the selectors
const LAST = 69;
const LONG = 20_000; // milliseconds: nothing that ends by itself takes so long
const SHORT = 0.05;
const ONE = new Uint8Array(1);
const MUCH = new Uint8Array(2 ** 20); // more than a pipe or socket holds

// Where a process may have so few descriptors, programs take them all now and then.
const [, most = Infinity] = /^Max open files\s+(\d+)/m.exec(readLimits()) ?? [];
const isLimited = Number(most) <= 1024;

function readLimits(): string {
  return Deno.build.os === "linux" ? Deno.readTextFileSync("/proc/self/limits") : "";
}

/** One program on one selector. Each step is done in the model as well. */
class Run {
  readonly #model: Model;
  readonly #selector;
  readonly #waits: Waits;
  #data = 0;
  #wait: { promise: Promise<ReadyEvent<number>[]>; controller: AbortController } | undefined;

  constructor(Selector: typeof SELECTORS[number]) {
    this.#model = new Model(Selector.name);
    this.#waits = new Waits(this.#model);
    this.#selector = new Selector<number>();
    this.open(FIRST, FIRST + 1, "sockets");
    this.open(FIRST + 2, FIRST + 3, "pipe");
  }

  // ─── descriptors ────────────────────────────────────────────────────────────────────────────

  open(fd: number, other: number, kind: "sockets" | "pipe"): void {
    if (fd === other) return;
    this.close(fd);
    this.close(other);
    if (kind === "pipe") {
      using pipe = new Pipe();
      dup(pipe.reader, fd);
      dup(pipe.writer, other);
    } else {
      const [one, two] = Socket.pair();
      dup(one.fileno(), fd);
      dup(two.fileno(), other);
      for (const socket of [one, two]) {
        socket.setBlocking(false);
        socket.close();
      }
    }
    this.#model.open(fd, other, kind);
  }

  dup(fd: number, to: number): void {
    const file = this.#model.files.get(fd);
    if (file === undefined || fd === to) return;
    this.close(to);
    dup(fd, to);
    this.#model.dup(file, to);
  }

  close(fd: number): void {
    if (!this.#model.files.has(fd)) return;
    this.#waits.lose(fd);
    ffi.close(fd);
    this.#model.close(fd);
  }

  /** As Socket and Descriptor close: whoever waits hears of it. */
  async closeAndTell(fd: number): Promise<void> {
    if (!this.#model.files.has(fd)) return;
    closing(fd);
    ffi.close(fd);
    this.#model.close(fd);
    await this.#during(this.#waits.closed(fd));
  }

  write(fd: number, much: boolean): void {
    const file = this.#model.files.get(fd);
    if (file === undefined || file.kind === "reader") return;
    let [bytes, n, isFull] = [0, 0, false];
    do {
      n = ffi.write(fd, much ? MUCH : ONE, much ? MUCH.length : 1);
      if (n !== -1) bytes += n;
      else isFull = ffi.errno() === ffi.EAGAIN;
    } while (much && n !== -1);
    this.#model.write(file, bytes, isFull);
  }

  read(fd: number, much: boolean): void {
    const file = this.#model.files.get(fd);
    if (file === undefined || file.kind === "writer") return;
    // When there is room again in what was full is the kernel's business, unless all is read.
    const size = much || file.peer.isFull ? MUCH.length : 1;
    const bytes = Math.max(ffi.read(fd, MUCH, size), 0);
    assertStrictEquals(bytes, this.#model.read(file, size), "bytes");
  }

  shutdown(fd: number, how: number): void {
    const file = this.#model.files.get(fd);
    if (file?.kind !== "socket" || ffi.shutdown(fd, how) === -1) return;
    this.#model.shutdown(file, how);
  }

  // ─── registrations ──────────────────────────────────────────────────────────────────────────

  register(fd: number, events: number, mode: TriggerMode): void {
    const data = this.#data++;
    const error = caught(() => this.#selector.register(fd, events, data, { mode }));
    assertThrew(error, this.#model.register(fd, events, mode, data));
  }

  modify(fd: number, events: number, mode: TriggerMode): void {
    const data = this.#data++;
    const error = caught(() => this.#selector.modify(fd, events, data, { mode }));
    assertThrew(error, this.#model.modify(fd, events, mode, data));
  }

  unregister(fd: number): void {
    const error = caught(() => this.#selector.unregister(fd));
    assertThrew(error, this.#model.unregister(fd));
  }

  // ─── waits ──────────────────────────────────────────────────────────────────────────────────

  /** Only looks, also while selectAsync() waits. */
  select(): void {
    this.#look(() => this.#selector.select(0));
  }

  /** Blocks: what is ready or a wake-up ends a long wait, and nothing else a short one. */
  block(): void {
    if (this.#wait !== undefined) return;
    const isDue = this.#model.isDue();
    const start = performance.now();
    const count = this.#look(() => this.#selector.select(isDue ? LONG : SHORT));
    const elapsed = performance.now() - start;
    if (isDue) assert(elapsed < LONG, "nothing ended the wait");
    else if (count === 0) assert(elapsed >= SHORT, "something ended the wait");
  }

  /** Begins to wait on the event loop. What comes next happens meanwhile. */
  async selectAsync(): Promise<void> {
    const controller = new AbortController();
    const promise = this.#selector.selectAsync({ timeout: LONG, signal: controller.signal });
    promise.catch(() => {}); // it is looked at later
    if (this.#wait === undefined) this.#wait = { promise, controller };
    else assertInstanceOf(await rejection(promise), Deno.errors.Busy);
    if (!this.#model.isQuiet()) await this.settle();
  }

  /** Lets the event loop turn, and so selectAsync() find what there is. */
  async turn(): Promise<void> {
    if (this.#model.isQuiet()) await setImmediate();
    else await this.settle();
  }

  wakeup(): void {
    this.#selector.wakeup();
    this.#model.isWoken = true;
  }

  async abort(): Promise<void> {
    const controller = this.#wait?.controller ?? new AbortController();
    controller.abort("mine");
    const promise = this.#wait?.promise ?? this.#selector.selectAsync(controller);
    this.#wait = undefined;
    assertStrictEquals(await rejection(promise), "mine");
  }

  /** Waits for selectAsync(), which takes a wake-up unless it certainly ends by itself. */
  async settle(): Promise<void> {
    if (this.#wait === undefined) return;
    const { promise } = this.#wait;
    const isDue = this.#model.isDue();
    if (!isDue) this.wakeup();
    const start = performance.now();
    const find = await promise.then((ready) => () => ready, (error) => () => {
      throw error;
    });
    this.#wait = undefined;
    this.#look(find);
    assert(performance.now() - start < LONG, "nothing ended selectAsync()");
    if (isDue) return;
    // It may have ended before the wake-up, which is the next wait's then.
    this.select();
  }

  /** Whether a step must not come while selectAsync() waits. */
  mustSettleBefore(name: keyof typeof STEPS): boolean {
    const isClosing = ["close", "closeAndTell", "open", "dup"].includes(name);
    return isClosing && this.#model.differs("holds open what it waits for");
  }

  /** Returns how many are ready. */
  #look(find: () => ReadyEvent<number>[]): number {
    let ready: ReadyEvent<number>[] = [];
    const error = caught(() => ready = find());
    if (error === undefined) {
      this.#model.look(ready);
      if (this.#wait === undefined) this.#model.isWoken = false; // otherwise it is that one's
      return ready.length;
    }
    const gone = this.#model.closed().filter((fd) => !this.#selector.getMap().has(fd));
    assertThrew(error, gone.length === 1 ? Deno.errors.BadResource : undefined);
    this.#model.unregister(gone[0]!);
    return 0;
  }

  // ─── readable() and writable() ──────────────────────────────────────────────────────────────

  wait(fd: number, event: number, hasAttempt: boolean): void {
    this.#waits.begin(fd, event, hasAttempt, false);
  }

  /** The same with few descriptors free, until the event loop has turned. */
  async starve(fd: number, event: number, hasAttempt: boolean, free: number): Promise<void> {
    if (!isLimited) return;
    const taken: number[] = [];
    for (let fd = 0; (fd = ffi.fcntl(0, ffi.F_DUPFD_CLOEXEC, LAST + 1)) !== -1;) taken.push(fd);
    for (const fd of taken.splice(0, free)) ffi.close(fd);
    this.#waits.begin(fd, event, hasAttempt, true);
    for (let turns = 0; turns < 3; turns++) await setImmediate();
    for (const fd of taken) ffi.close(fd);
    if (!this.#model.isQuiet()) await this.settle();
  }

  abortWait(index: number): Promise<void> {
    return this.#during(this.#waits.abort(index));
  }

  settleWaits(): Promise<void> {
    return this.#during(this.#waits.settle());
  }

  /** Something that lets the event loop turn: selectAsync() may end too. */
  async #during(step: Promise<void>): Promise<void> {
    await step;
    if (!this.#model.isQuiet()) await this.settle();
  }

  /** Leaves the iteration with the first event of its batch. */
  async iterate(): Promise<void> {
    if (this.#wait !== undefined || !this.#model.isReady()) return;
    for await (const event of this.#selector) {
      this.#model.take(event);
      break;
    }
  }

  // ─── after each step, and at the end ────────────────────────────────────────────────────────

  checkKeys(): void {
    const keys = [...this.#selector.getMap().values()].map(({ fd, data }) => `${fd}: ${data}`);
    const expected = [...this.#model.registrations].map(([fd, { data }]) => `${fd}: ${data}`);
    assertEquals(keys, expected.sort(), "getMap()");
  }

  async end(): Promise<void> {
    this.#selector.close();
    assertEquals(await this.#wait?.promise ?? [], [], "close() ends selectAsync()");
    await this.#waits.end();
  }

  dispose(): void {
    this.#selector.close();
    for (const fd of this.#model.files.keys()) ffi.close(fd);
  }
}

function dup(fd: number, to: number): void {
  assertStrictEquals(ffi.fcntl(fd, ffi.F_DUPFD_CLOEXEC, to), to);
}

function caught(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
}

function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(() => undefined, (error) => error);
}

function assertThrew(error: unknown, expected: ReturnType<Model["unregister"]>): void {
  if (expected !== undefined) assertInstanceOf(error, expected);
  else if (error !== undefined) throw error;
}

// ─── programs ───────────────────────────────────────────────────────────────────────────────────

const fd = fc.integer({ min: FIRST, max: LAST });
const events = fc.constantFrom(EVENT_READ, EVENT_WRITE, EVENT_READ | EVENT_WRITE);
const event = fc.constantFrom(EVENT_READ, EVENT_WRITE);
const mode = fc.constantFrom<TriggerMode>("level", "oneshot", "edge");

/** The steps, each with its arguments. */
const STEPS = {
  register: fc.tuple(fd, events, mode),
  modify: fc.tuple(fd, events, mode),
  unregister: fc.tuple(fd),
  open: fc.tuple(fd, fd, fc.constantFrom("sockets", "pipe")),
  dup: fc.tuple(fd, fd),
  close: fc.tuple(fd),
  write: fc.tuple(fd, fc.boolean()),
  read: fc.tuple(fd, fc.boolean()),
  shutdown: fc.tuple(fd, fc.constantFrom(ffi.SHUT_RD, ffi.SHUT_WR, ffi.SHUT_RDWR)),
  select: fc.tuple(),
  block: fc.tuple(),
  selectAsync: fc.tuple(),
  turn: fc.tuple(),
  wakeup: fc.tuple(),
  abort: fc.tuple(),
  closeAndTell: fc.tuple(fd),
  wait: fc.tuple(fd, event, fc.boolean()),
  starve: fc.tuple(fd, event, fc.boolean(), fc.integer({ min: 0, max: 8 })),
  abortWait: fc.tuple(fc.integer({ min: 0, max: 3 })),
  settleWaits: fc.tuple(),
  iterate: fc.tuple(),
};
type Step = [name: keyof typeof STEPS, args: unknown[]];

const steps = Object.entries(STEPS).map(([name, args]) => fc.tuple(fc.constant(name), args));
const program = fc.array(fc.oneof(...steps) as fc.Arbitrary<Step>, { maxLength: 40, size: "max" });

/**
 * Lets promises be handled, so that what is found is checked against the state in which it was
 * found.
 */
async function settled(): Promise<void> {
  for (let step = 0; step < 20; step++) await undefined;
}

async function run(Selector: typeof SELECTORS[number], steps: Step[]): Promise<void> {
  const run = new Run(Selector);
  try {
    for (const [name, args] of steps) {
      if (run.mustSettleBefore(name)) await run.settle().then(settled);
      // Only some steps let the event loop turn: between the others nothing happens.
      const turn = (run[name] as (...args: unknown[]) => Promise<void> | void).apply(run, args);
      if (turn !== undefined) await turn.then(settled);
      run.checkKeys();
    }
    await run.end();
  } catch (error) {
    throw new Error(`${Selector.name}: ${error}`, { cause: error });
  } finally {
    run.dispose();
  }
}

// Deno opens some descriptors of its own when it has run for half a second.
if (isLimited) await new Promise((resolve) => setTimeout(resolve, 1000));
const [programs = "1000", seed = Math.floor(Math.random() * 2 ** 31), path = ""] = Deno.args;
const before = openDescriptors();
const property = fc.asyncProperty(program, async (steps) => {
  for (const Selector of SELECTORS) await run(Selector, steps);
});
const result = await fc.check(property, { numRuns: +programs, seed: +seed, path });
if (result.failed) {
  const [steps = []] = result.counterexample ?? [];
  console.error(`${result.errorInstance}\n`);
  for (const [name, args] of steps) console.error(`  ${name}(${args.join(", ")})`);
  const again = `${programs} ${seed} ${result.counterexamplePath}`;
  console.error(`\n${result.numShrinks} shrinks; again: deno run -A tests/long/model.ts ${again}`);
  Deno.exit(1);
}
// Deno opens a few of its own when it has run for half a second.
assert(openDescriptors() < before + 10, "descriptors are left open");
const names = SELECTORS.map(({ name }) => name).join(", ");
console.log(`${result.numRuns} programs on ${names}: all as the model says`);
