/**
 * Calls every function of `./ffi` and every method of the public classes with hostile arguments,
 * and holds each call to: it returns, or throws one of the classes that the contract names; it
 * touches no byte outside the memory that it was given; no descriptor is left open, and none is
 * closed that is not its own. `fuzz_options.ts` does so with socket options.
 *
 *     deno run -A tests/long/fuzz.ts CALLS [SEED]
 *
 * Prints how many calls were made of each, and exits 1 with the seed and the call at the first that
 * breaks this. Descriptors of others (0 to 2, and what Deno has) are never given as valid ones: a
 * program may close its own standard output.
 */

import * as ffi from "../../ffi/mod.ts";
import { isOsError } from "../../mod.ts";
import * as mod from "../../mod.ts";
import { openDescriptors } from "../helpers/descriptors.ts";
import { SELECTORS } from "../helpers/mechanisms.ts";
import { seededRandom } from "../helpers/seeded_random.ts";

const calls = Number(Deno.args[0] ?? 200_000);
const seed = Number(Deno.args[1] ?? Math.floor(Math.random() * 2 ** 31));

const random = seededRandom(seed);
const pick = <T>(values: readonly T[]): T => values[random(values.length)]!;

class Thrown extends Error {} // by hostile objects of ours

// ─── hostile values ─────────────────────────────────────────────────────────────────────────────

// Integers are either no descriptor at all or far beyond any that is open.
const FAR = 2 ** 30;
const numbers = [
  NaN,
  -0,
  0.5,
  -0.5,
  1e-300,
  -1,
  FAR,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  -(2 ** 31) - 1,
]
  .concat([2 ** 32, 2 ** 32 + FAR, 2 ** 53, -(2 ** 53), 2 ** 63, 1e300, Infinity, -Infinity]);
// -0 is 0 as an integer: as a descriptor it would be standard input.
const numbersNotZero = numbers.filter((number) => number !== 0);
const others: unknown[] = [
  undefined,
  null,
  true,
  "",
  "3",
  "a\0b",
  "x".repeat(5000),
  "\ud800",
  1n,
  2n ** 64n,
  Symbol("hostile"),
  {},
  [],
  [3],
  () => 3,
  new Date(0),
  new Proxy({}, {
    get() {
      throw new Thrown();
    },
  }),
  { valueOf: () => 3, toString: () => "3" },
  new DataView(new ArrayBuffer(8)),
  new ArrayBuffer(8),
];

const detached = new Uint8Array(8);
structuredClone(detached, { transfer: [detached.buffer] });
const resizable = new Uint8Array(new ArrayBuffer(64, { maxByteLength: 64 }));
resizable.buffer.resize(4);
const lying = Object.defineProperties(new Uint8Array(2), {
  byteLength: { value: 1e6 },
  length: { value: 1e6 },
});

// Guarded memory: what is given is the middle of an arena, and the rest must stay as it is.
const GUARD = 0xa5;
const arena = new Uint8Array(1 << 17).fill(GUARD);
const MIDDLE = 1 << 16;
const arrays = [
  Uint8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
  Float32Array,
  Float64Array,
];
let given: Uint8Array[] = [];

function memory(): unknown {
  if (random(8) === 0) {
    const shared = new Uint8Array(new SharedArrayBuffer(16));
    return pick<unknown>([
      detached,
      resizable,
      lying,
      shared,
      new Uint8Array(),
      null,
      pick(others),
    ]);
  }
  const ArrayClass = pick(arrays);
  const count = pick([0, 1, 2, 3, 4, 8, 16, 24, 128, 1024]);
  const offset = MIDDLE + 8 * random(4);
  const array = new ArrayClass(
    arena.buffer,
    offset,
    Math.min(count, 4096 / ArrayClass.BYTES_PER_ELEMENT),
  );
  if (random(8) === 0) Object.defineProperty(array, "BYTES_PER_ELEMENT", { value: 4 });
  given.push(new Uint8Array(arena.buffer, offset, array.byteLength));
  if (random(2) === 0) given.at(-1)!.forEach((_, i, bytes) => bytes[i] = random(256));
  return array;
}

function checkGuards(): void {
  const end = given.reduce((end, bytes) => Math.max(end, bytes.byteOffset + bytes.length), MIDDLE);
  if (given.length === 0) return;
  const start = given.reduce((start, bytes) => Math.min(start, bytes.byteOffset), MIDDLE + 4096);
  for (let i = MIDDLE - 512; i < start; i++) {
    if (arena[i] !== GUARD) throw new Error(`wrote at ${i - start}`);
  }
  for (let i = end; i < MIDDLE + 8192; i++) {
    if (arena[i] !== GUARD) throw new Error(`wrote ${i - end} bytes behind`);
  }
  arena.fill(GUARD, MIDDLE, MIDDLE + 8192);
  given = [];
}

// ─── valid values, of our own descriptors ───────────────────────────────────────────────────────

/**
 * Sockets, a listener, a pipe and an eventfd: non-blocking, so that no call waits. They are made
 * anew when a call has closed one.
 */
class Playground implements Disposable {
  readonly sockets: mod.Socket[];
  readonly fds: number[];

  constructor() {
    const [left, right] = mod.Socket.pair();
    const listener = new mod.Socket();
    listener.bind({ hostname: "127.0.0.1", port: 0 });
    listener.listen(1);
    const datagrams = new mod.Socket(ffi.AF_INET, ffi.SOCK_DGRAM);
    this.sockets = [left, right, listener, datagrams];
    for (const socket of this.sockets) socket.setBlocking(false);
    this.fds = this.sockets.map((socket) => socket.fileno());
  }

  [Symbol.dispose](): void {
    for (const socket of this.sockets) socket.close();
  }
}

let playground = new Playground();
const own = () => pick(playground.fds);
const hostile = () => random(3) === 0 ? pick(others) : pick(numbers);
const hostileDescriptor = () => random(3) === 0 ? pick(others) : pick(numbersNotZero);

/** A file object, whose fileno() may lie, throw, change its mind, or use the selector that asks. */
function fileobj(selector: mod.BaseSelector): unknown {
  let asked = 0;
  const fd = own();
  return pick<() => unknown>([
    () => fd,
    hostileDescriptor,
    () => ({ fileno: () => fd }),
    () => ({ fileno: () => hostileDescriptor() }),
    () => ({ fileno: () => asked++ === 0 ? fd : own() }),
    () => ({
      fileno() {
        throw new Thrown();
      },
    }),
    () => ({
      fileno() {
        for (
          const call of [
            () => selector.unregister(fd),
            () => selector.register(fd, 1),
            () => selector.close(),
          ]
        ) {
          try {
            if (random(2) === 0) call();
          } catch (error) {
            if (!isAllowed(error)) throw error;
          }
        }
        return fd;
      },
    }),
    () => pick(playground.sockets),
  ])();
}

/** Control data: well-formed with hostile contents, or any memory. */
function control(): unknown {
  if (random(3) === 0) return memory();
  const message = {
    cmsg_level: random(2) === 0 ? ffi.SOL_SOCKET : hostile(),
    cmsg_type: random(2) === 0 ? ffi.SCM_RIGHTS : hostile(),
    cmsg_data: random(2) === 0 ? Uint8Array.of(own() as number, 0, 0, 0) : memory(),
  } as ffi.Cmsghdr;
  return attempt("cmsghdr.write", () => ffi.cmsghdr.write([message])) ?? null;
}

/** A struct msghdr, whose parts may be of any kind, or whose owner interferes. */
function message(): unknown {
  const msg = {
    msg_name: random(2) === 0 ? memory() : null,
    msg_namelen: random(3) === 0 ? hostile() : undefined,
    msg_iov: random(8) === 0 ? pick(others) : Array.from({ length: random(6) }, memory),
    msg_control: random(2) === 0 ? control() : null,
    msg_controllen: random(3) === 0 ? hostile() : undefined,
    msg_flags: 0,
  };
  return pick<() => unknown>([
    () => msg,
    () => msg,
    () => msg,
    () => Object.freeze(msg),
    () => ({
      ...msg,
      get msg_iov() {
        const mine = new Uint8Array(100);
        return new Proxy([mine, mine], {
          get(target, key) {
            if (key === "1" && mine.length > 0) structuredClone(mine, { transfer: [mine.buffer] });
            return Reflect.get(target, key);
          },
        });
      },
    }),
  ])();
}

/** Closes the descriptors that recvmsg() brought. */
function closeReceived(msg: unknown): void {
  const { msg_control, msg_controllen } = msg as {
    msg_control: Uint8Array;
    msg_controllen: number;
  };
  if (msg_control === null || msg_control === undefined || msg_controllen === 0) return;
  const messages = attempt("cmsghdr.read", () => ffi.cmsghdr.read(msg_control, msg_controllen));
  for (const { cmsg_level, cmsg_type, cmsg_data } of messages as ffi.Cmsghdr[]) {
    if (cmsg_level !== ffi.SOL_SOCKET || cmsg_type !== ffi.SCM_RIGHTS) continue;
    new Int32Array(cmsg_data.buffer, 0, cmsg_data.length >> 2).forEach((fd) => ffi.close(fd));
  }
}

const kinds = {
  fd: () => random(3) === 0 ? hostileDescriptor() : own(),
  int: () => random(2) === 0 ? hostile() : pick([0, 1, 2, 4, 16, 1024]),
  // Waits are for what never comes: so they only look.
  timeout: () => random(2) === 0 ? pick([NaN, 0.5, 2 ** 53, ...others]) : 0,
  size: () => random(2) === 0 ? hostile() : pick([0, 1, 2, 4, 8, 12, 16, 100]),
  memory,
  message,
  path: () => pick(["/dev/null", "/no/such/file", "a\0b", "", "/"]),
  lengths: () =>
    random(3) === 0
      ? memory()
      : pick([Int32Array, Uint32Array]).of(pick([0, 1, 16, 110, 128, 2 ** 31 - 1])),
  text: () =>
    random(2) === 0 ? pick(others) : pick(["127.0.0.1", "::1", "", "nonsense.invalid.", "a\0b"]),
  // What such a call gives to read, or to write, may be somebody else's: only its own.
  timespec: () =>
    random(2) === 0
      ? new Uint8Array(16)
      : random(2) === 0
      ? new Uint8Array(random(16))
      : pick(others.slice(2)),
} as const;
type Kind = keyof typeof kinds;

/** What each function takes. Those that give a descriptor are undone. */
const functions: Record<string, readonly Kind[]> = {
  epoll_create1: ["int"],
  epoll_ctl: ["fd", "int", "fd", "memory"],
  epoll_wait: ["fd", "memory", "size", "timeout"],
  epoll_pwait2: ["fd", "memory", "size", "timespec"],
  poll: ["memory", "size", "timeout"],
  ppoll: ["memory", "size", "timespec"],
  select: ["size", "memory", "memory", "memory", "timespec"],
  FD_ZERO: ["memory"],
  FD_SET: ["size", "memory"],
  FD_CLR: ["size", "memory"],
  FD_ISSET: ["size", "memory"],
  eventfd: ["int", "int"],
  read: ["fd", "memory", "size"],
  write: ["fd", "memory", "size"],
  recv: ["fd", "memory", "size", "int"],
  recvfrom: ["fd", "memory", "size", "int", "memory", "lengths"],
  send: ["fd", "memory", "size", "int"],
  sendto: ["fd", "memory", "size", "int", "memory", "size"],
  sendmsg: ["fd", "message", "int"],
  recvmsg: ["fd", "message", "int"],
  open: ["path", "int", "int"],
  bind: ["fd", "memory", "size"],
  connect: ["fd", "memory", "size"],
  listen: ["fd", "int"],
  accept: ["fd", "memory", "lengths"],
  accept4: ["fd", "memory", "lengths", "int"],
  getsockname: ["fd", "memory", "lengths"],
  getpeername: ["fd", "memory", "lengths"],
  getsockopt: ["fd", "int", "int", "memory", "lengths"],
  setsockopt: ["fd", "int", "int", "memory", "size"],
  shutdown: ["fd", "int"],
  fcntl: ["fd", "int", "int"],
  socket: ["int", "int", "int"],
  close: ["fd"],
  inet_pton: ["int", "text", "memory"],
  inet_ntop: ["int", "memory", "memory", "size"],
  getaddrinfo: ["text", "text", "memory", "memory"],
  gai_strerror: ["int"],
  strerror: ["int"],
  errnoName: ["int"],
  errnoNumber: ["text"],
  isPlatformWith: ["text"],
};
const givesDescriptor = new Set([
  "epoll_create1",
  "eventfd",
  "accept",
  "accept4",
  "socket",
  "fcntl",
  "open",
]);
const structs = [
  "epoll_event",
  "pollfd",
  "timeval",
  "timespec",
  "sockaddr_in",
  "sockaddr_in6",
  "sockaddr_un",
  "kevent",
  "addrinfo",
];

// ─── the calls ──────────────────────────────────────────────────────────────────────────────────

const DENO_ERRORS = Object.values(Deno.errors) as (new () => Error)[];

/** Whether the contract lets a call throw this. */
function isAllowed(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof Thrown ||
    isOsError(error) ||
    DENO_ERRORS.some((ErrorClass) => error instanceof ErrorClass);
}

let last = ""; // for the report
const made: Record<string, number> = {};

function attempt(name: string, call: () => unknown): unknown {
  last = name;
  made[name] = (made[name] ?? 0) + 1;
  try {
    return call();
  } catch (error) {
    if (!isAllowed(error)) throw error;
    return undefined;
  }
}

type AnyFunction = (...args: unknown[]) => unknown;

function callFfi(): void {
  const name = pick(Object.keys(functions));
  // A null timeout would wait for ever: so of those only what is refused.
  const args = functions[name]!.map((kind) => {
    return random(20) === 0 && kind !== "timespec" ? pick(others) : kinds[kind]();
  });
  // Not blocking for ever, nor resolving names over the network.
  if (name === "getaddrinfo" && random(50) > 0) return;
  // Not making files in the current directory.
  if (name === "open" && typeof args[0] === "string" && !/^(\/|$|a\0)/.test(args[0])) return;
  if (name === "socket" && args[0] === ffi.AF_INET && typeof args[1] === "number") {
    args[1] |= ffi.SOCK_CLOEXEC;
  }
  const result = attempt(
    name,
    () => (ffi as unknown as Record<string, AnyFunction>)[name]!(...args),
  );
  if (name === "recvmsg" && typeof result === "number" && result >= 0) closeReceived(args[1]);
  if (givesDescriptor.has(name) && typeof result === "number" && result > 2) {
    const isDuplicate = name !== "fcntl" || args[1] === ffi.F_DUPFD ||
      args[1] === ffi.F_DUPFD_CLOEXEC;
    if (isDuplicate && !playground.fds.includes(result)) ffi.close(result);
  }
  if (name === "close" || name === "fcntl" || name === "setsockopt" || name === "shutdown") renew();
}

function callStruct(): void {
  const name = pick(structs);
  const codec =
    (ffi as unknown as Record<string, { size: number; read: AnyFunction; write: AnyFunction }>)[
      name
    ]!;
  if (random(2) === 0) attempt(`${name}.read`, () => codec.read(memory(), kinds.size()));
  else {
    const fields = pick<unknown>([{}, null, {
      fd: hostile(),
      events: hostile(),
      revents: hostile(),
      data: 1n,
    }, pick(others)]);
    attempt(`${name}.write`, () => codec.write(memory(), fields, kinds.size()));
  }
}

/** Writes to a codec: a TypeError, and nothing changes. */
function callFrozen(): void {
  const name = pick([...structs, "fd_set", "sockaddr", "sockaddr_storage", "cmsghdr"]);
  const codec = (ffi as unknown as Record<string, Record<string, unknown>>)[name]!;
  const target = random(2) === 0 ? codec : (codec.offsets ?? codec) as Record<string, unknown>;
  const key = pick([...Object.keys(target), "new"]);
  const before = target[key];
  attempt("write to a codec", () => {
    if (random(2) === 0) target[key] = hostile();
    else delete target[key];
    if (key in target || before !== undefined) throw new Error(`${name}.${key} was written`);
  });
  if (target[key] !== before) throw new Error(`${name}.${key} has changed`);
}

/** sendmsg() or recvmsg() with a hostile struct msghdr. */
function callMessage(): void {
  const name = pick(["sendmsg", "recvmsg"]);
  const maybe = (kind: () => unknown) => random(3) === 0 ? undefined : kind();
  const iov = Array.from({ length: random(4) }, () => memory());
  const msg = random(10) === 0 ? pick(others) : {
    msg_iov: random(10) === 0 ? pick(others) : iov,
    msg_name: maybe(memory),
    msg_namelen: maybe(kinds.size),
    msg_control: maybe(memory),
    msg_controllen: maybe(kinds.size),
  };
  const call = (ffi as unknown as Record<string, AnyFunction>)[name]!;
  const result = attempt(name, () => call(kinds.fd(), msg, kinds.int()));
  if (name === "recvmsg" && typeof result === "number" && result >= 0) closeReceived(msg);
}

function renew(): void {
  playground[Symbol.dispose]();
  playground = new Playground();
}

function callSelector(): void {
  using selector = new (pick(SELECTORS))() as mod.BaseSelector;
  const any = selector as unknown as Record<string, AnyFunction>;
  for (let i = 0; i < 12; i++) {
    const options = pick<unknown>([
      undefined,
      {},
      { mode: "oneshot" },
      { mode: "edge" },
      { mode: pick(others) },
      pick(others),
      {
        get mode() {
          selector.unregister(own());
          return "level";
        },
      },
    ]);
    const events = random(3) === 0 ? hostile() : 1 + random(7);
    pick([
      () => attempt("register", () => any.register!(fileobj(selector), events, {}, options)),
      () => attempt("modify", () => any.modify!(fileobj(selector), events, {}, options)),
      () => attempt("unregister", () => any.unregister!(fileobj(selector))),
      () => attempt("getKey", () => any.getKey!(fileobj(selector))),
      () =>
        attempt(
          "getMap",
          () =>
            [...selector.getMap()].length +
            Number(selector.getMap().has(fileobj(selector) as number)),
        ),
      () =>
        attempt(
          "select",
          () => any.select!(pick([0, -1, NaN, 0.001, -Infinity, ...others.slice(2)])),
        ),
      () => attempt("wakeup", () => selector.wakeup()),
      () =>
        attempt(
          "new Waker",
          () =>
            new mod.Waker(
              pick([...numbersNotZero, selector.waker.fd, ...others.slice(1)]) as number,
            ).close(),
        ),
      () => random(10) === 0 && attempt("close", () => selector.close()),
    ])();
  }
}

function anyAddress(): unknown {
  return pick<() => unknown>([
    () => ({ hostname: "127.0.0.1", port: 0 }),
    () => ({
      hostname: pick(["127.0.0.1", "::1", "a\0b", pick(others)]),
      port: random(2) === 0 ? hostile() : 1,
    }),
    () => ({ path: pick(["\0fuzz", "x".repeat(200), "a\0b", "", pick(others)]) }),
    () => ({ family: random(2) === 0 ? ffi.AF_INET : hostile(), data: memory() }),
    () => pick(others),
    () => ({
      get hostname() {
        throw new Thrown();
      },
    }),
  ])();
}

const statics = mod.Socket as unknown as Record<string, AnyFunction>;
const closeIt = (file: Disposable) => file[Symbol.dispose]();
const maybe = (value: () => unknown) => random(3) === 0 ? pick(others) : value();

function buffers(): unknown {
  return random(2) === 0 ? memory() : Array.from({ length: random(4) }, () => maybe(memory));
}

function sendOptions(address: unknown): unknown {
  const message = () => ({ level: kinds.int(), type: kinds.int(), data: maybe(memory) });
  return maybe(() => ({
    fds: maybe(() => Array.from({ length: random(4) }, kinds.fd)),
    control: maybe(() => Array.from({ length: random(3) }, message)),
    flags: random(2) === 0 ? 0 : kinds.int(),
    ...(random(3) === 0 ? { address } : {}),
  }));
}

function receiveOptions(): unknown {
  return maybe(() => ({ maxFds: kinds.size(), controlSize: kinds.size(), flags: kinds.int() }));
}

function closeFds(message: unknown): void {
  for (const fd of (message as mod.ReceivedMessage | null)?.fds ?? []) ffi.close(fd);
}

function serverOptions(): unknown {
  return maybe(() => ({
    type: maybe(() => pick([ffi.SOCK_STREAM, ffi.SOCK_DGRAM])),
    backlog: maybe(kinds.int),
    reusePort: random(2) === 0,
    dualStack: random(8) === 0,
  }));
}

function callDescriptor(): void {
  const fds = new Int32Array(2);
  if (ffi.pipe(fds) === -1) throw ffi.osError("pipe", "");
  using reader = new mod.Descriptor(fds[0]!);
  using writer = new mod.Descriptor(fds[1]!);
  const [any, other] = [reader, writer] as unknown as [
    Record<string, AnyFunction>,
    Record<string, AnyFunction>,
  ];
  const Class = mod.Descriptor as unknown as new (fd: unknown) => mod.Descriptor;
  const open = (mod.Descriptor as unknown as Record<string, AnyFunction>).open!;
  for (let i = 0; i < 4; i++) {
    pick([
      () => attempt("new Descriptor", () => new Class(hostileDescriptor()).close()),
      () =>
        attempt("Descriptor.open", () => {
          const path = random(2) === 0
            ? kinds.path()
            : pick([...others, new URL("file:///dev/null")]);
          if (path === "x".repeat(5000) || path === "3") return; // in the current directory
          closeIt(open(path, kinds.int(), kinds.int()) as mod.Descriptor);
        }),
      () => attempt("tryRead", () => any.tryRead!(memory())),
      () => attempt("tryRead", () => other.tryRead!(memory())),
      () => attempt("tryWrite", () => other.tryWrite!(memory())),
      () => attempt("tryWrite", () => any.tryWrite!(memory())),
      () => attempt("Deno.inspect", () => Deno.inspect(reader)),
      () => random(4) === 0 && attempt("close", () => pick([reader, writer]).close()),
      () => random(4) === 0 && attempt("detach", () => ffi.close(pick([reader, writer]).detach())),
    ])();
  }
}

/** Reads, writes, streams and connections that overlap, are aborted and closed at any moment. */
async function callStreams(): Promise<void> {
  using server = mod.Socket.createServer({ hostname: "127.0.0.1", port: 0 });
  const stack = mod.Socket.pair();
  const aborting = new AbortController();
  // A BYOB read that is given up before its stream has started leaves later ones without an answer:
  // the Streams Standard does not pull again then.
  for (const socket of stack) void socket.readable;
  await Promise.resolve();
  const promises: Promise<unknown>[] = [];
  const wrong: unknown[] = [];
  const expectAllowed = (promise: unknown) => {
    const settled = Promise.resolve(promise).catch((error) => {
      if (!isAllowed(error)) wrong.push(error);
    });
    promises.push(settled);
  };
  for (let i = 0; i < 12; i++) {
    const socket = pick(stack);
    const any = socket as unknown as Record<string, AnyFunction>;
    const options = () =>
      pick<unknown>([undefined, {}, { signal: aborting.signal }, { signal: pick(others) }]);
    pick<() => unknown>([
      () => attempt("read", () => expectAllowed(any.read!(memory(), options()))),
      () => attempt("write", () => expectAllowed(any.write!(memory(), options()))),
      () => attempt("readable", () => void socket.readable),
      () => attempt("reader", () => expectAllowed(readSome(socket.readable))),
      () => attempt("cancel", () => expectAllowed(socket.readable.cancel(new Thrown()))),
      () => attempt("writer", () => expectAllowed(writeSome(socket.writable))),
      () => attempt("abort", () => expectAllowed(socket.writable.abort(new Thrown()))),
      () => attempt("pipeTo", () => expectAllowed(socket.readable.pipeTo(pick(stack).writable))),
      () => attempt("send", () => socket.setBlocking(false) ?? socket.send(new Uint8Array(9))),
      () => attempt("setBlocking", () => socket.setBlocking(random(2) === 0)),
      () => attempt("shutdown", () => socket.shutdown(pick(["read", "write", "both"]))),
      () =>
        attempt("createConnection", () => {
          const address = random(2) === 0 ? server.localAddress : { path: "\0nobody" };
          const connecting = statics.createConnection!(address, options());
          expectAllowed((connecting as Promise<mod.Socket>).then(closeIt));
        }),
      () => random(4) === 0 && aborting.abort(new Thrown()),
      () => random(6) === 0 && attempt("close", () => socket.close()),
    ])();
    if (random(3) === 0) await Promise.resolve();
    if (random(20) === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  aborting.abort(new Thrown());
  for (const socket of stack) socket.close();
  await Promise.all(promises);
  if (wrong.length > 0) throw wrong[0];
}

async function readSome(stream: ReadableStream<Uint8Array>): Promise<void> {
  const into = random(2) === 0 ? undefined : new Uint8Array(1 + random(16));
  const reader = into === undefined ? stream.getReader() : stream.getReader({ mode: "byob" });
  const reading = reader.read(into!);
  reader.closed.catch(() => {});
  if (random(3) === 0) reader.releaseLock();
  try {
    await reading;
  } finally {
    reader.releaseLock();
  }
}

async function writeSome(stream: WritableStream<Uint8Array>): Promise<void> {
  const writer = stream.getWriter();
  writer.closed.catch(() => {});
  writer.ready.catch(() => {});
  const writing = writer.write(random(8) === 0 ? pick(others) as Uint8Array : new Uint8Array(99));
  if (random(3) === 0) writer.releaseLock();
  try {
    await writing;
  } finally {
    writer.releaseLock();
  }
}

function callSocket(): void {
  const address = anyAddress();
  const own = new Set(playground.sockets);
  const socket = pick(playground.sockets);
  const any = socket as unknown as Record<string, AnyFunction>;
  const made = pick<() => unknown>([
    () =>
      attempt(
        "new Socket",
        () =>
          new (mod.Socket as unknown as new (...args: unknown[]) => mod.Socket)(
            hostile(),
            hostile(),
            hostile(),
          ),
      ),
    () => attempt("Socket.fromFd", () => mod.Socket.fromFd(hostileDescriptor() as number)),
    () => attempt("accept", () => socket.accept()),
    () => attempt("bind", () => any.bind!(address)),
    () => attempt("listen", () => any.listen!(kinds.int())),
    () => attempt("connect", () => any.connect!(address)),
    () =>
      attempt(
        "recv",
        () => any.recv!(pick([0, 10, 1e6, NaN, -1, 2 ** 31, 2 ** 53, ...others]), kinds.int()),
      ),
    () => attempt("recvInto", () => any.recvInto!(memory(), kinds.int())),
    () => attempt("send", () => any.send!(memory(), kinds.int())),
    () => attempt("recvFrom", () => any.recvFrom!(pick([0, 10, 1e6, NaN, ...others]), kinds.int())),
    () => attempt("sendTo", () => any.sendTo!(memory(), address, kinds.int())),
    () =>
      attempt(
        "setOption",
        () => any.setOption!(kinds.int(), kinds.int(), random(2) === 0 ? memory() : hostile()),
      ),
    () => attempt("getOption", () => any.getOption!(kinds.int(), kinds.int())),
    () => attempt("getOption", () => any.getOption!(kinds.int(), kinds.int(), kinds.size())),
    () => attempt("sendMsg", () => any.sendMsg!(buffers(), sendOptions(address))),
    () => attempt("recvMsg", () => closeFds(any.recvMsg!(kinds.size(), receiveOptions()))),
    () => attempt("createServer", () => statics.createServer!(address, serverOptions())),
    () => attempt("pair", () => (statics.pair!(kinds.int()) as mod.Socket[]).map(closeIt)),
    () => attempt("Deno.inspect", () => Deno.inspect(pick([socket, mod.Socket.prototype]))),
    () => attempt("shutdown", () => any.shutdown!(pick(["read", "write", "both", ...others]))),
    () => attempt("takeError", () => socket.takeError()),
    () => attempt("localAddress", () => socket.localAddress),
    () => attempt("remoteAddress", () => socket.remoteAddress),
    () =>
      attempt("traceSyscalls", () => {
        using _ = mod.traceSyscalls(pick<() => void>([() => {}, () => {
          throw new Thrown();
        }, () => void socket.takeError()]));
        return void socket.takeError();
      }),
  ])();
  if (made instanceof mod.Socket && !own.has(made)) made.close();
}

/** How many are open, once those are closed that a wait of readable() shares. */
async function settledDescriptors(): Promise<number> {
  for (let tries = 0; tries < 1000 && openDescriptors() !== before; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return openDescriptors();
}

// ─── the run ────────────────────────────────────────────────────────────────────────────────────

const report = console.error;
console.error = () => {}; // which prints what a sink throws
const sentinels = mod.Socket.pair();
const names = sentinels.map((socket) => Deno.readLinkSync(`/proc/self/fd/${socket.fileno()}`));
using _keepsLibrary = new mod.Waker();
renew();
// Opens what Deno itself needs for signals, which it would do half a second after its start.
Deno.addSignalListener("SIGUSR2", renew);
Deno.removeSignalListener("SIGUSR2", renew);
const before = openDescriptors();
const total = () => Object.values(made).reduce((sum, count) => sum + count, 0);

try {
  for (let turn = 0, count = 0; count < calls; turn++) {
    await pick<() => void | Promise<void>>([
      callFfi,
      callFfi,
      callFfi,
      callStruct,
      callFrozen,
      callMessage,
      callSocket,
      callSocket,
      callDescriptor,
      callSelector,
      ...(random(10) === 0 ? [callStreams] : []),
    ])();
    checkGuards();
    if (turn % 1000 !== 0) continue;
    renew();
    count = total();
    const now = await settledDescriptors();
    if (now !== before) throw new Error(`${now} descriptors are open, and not ${before}`);
    sentinels.forEach((socket, i) => {
      const name = Deno.readLinkSync(`/proc/self/fd/${socket.fileno()}`);
      if (name !== names[i]) {
        throw new Error(`descriptor ${socket.fileno()} is ${name}, and was ${names[i]}`);
      }
    });
  }
} catch (error) {
  report(`seed ${seed}, after ${total()} calls, in ${last}:`, error);
  Deno.exit(1);
}
console.log(made);
console.log(`${total()} calls, seed ${seed}: no crash, no byte outside, no descriptor lost`);
