/**
 * Socket's read(), write() and streams beside those of Deno.Conn, over TCP on loopback: rounds of
 * both in turns, and the medians of their rates. Run it with
 * `deno run --allow-ffi --allow-net --allow-run bench/streams.ts [--quick]`.
 */

import { Socket } from "../mod.ts";

/** What both have in common. */
interface Connection extends Disposable {
  read(p: Uint8Array): Promise<number | null>;
  write(p: Uint8Array): Promise<number>;
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<Uint8Array<ArrayBuffer>>;
}

interface Contender {
  readonly name: string;
  /** Two ends of a connection in this process. */
  pair(): Promise<[Connection, Connection]>;
  /** A connection to another process. */
  connect(port: number): Promise<Connection>;
}

const HOSTNAME = "127.0.0.1";
const isQuick = Deno.args.includes("--quick");
const ROUNDS = isQuick ? 3 : 9;
const MESSAGES = isQuick ? 2_000 : 10_000;
const CHUNKS = isQuick ? 1_000 : 4_000;
const MESSAGE_SIZE = 64;
const CHUNK_SIZE = 65_536;

/** Where the other process is an echo server. */
if (Deno.args[0] === "--echo") {
  const listener = Deno.listen({ hostname: HOSTNAME, port: 0 });
  console.log((listener.addr as Deno.NetAddr).port);
  for await (const connection of listener) {
    connection.setNoDelay(true);
    connection.readable.pipeTo(connection.writable).catch(() => {});
  }
}

const ours: Contender = {
  name: "Socket",
  async pair() {
    using server = Socket.createServer({ hostname: HOSTNAME, port: 0 });
    const client = await Socket.createConnection(server.localAddress);
    for await (const connection of server) return [client, connection];
    throw new Error("unreachable");
  },
  connect: (port) => Socket.createConnection({ hostname: HOSTNAME, port }),
};

const denos: Contender = {
  name: "Deno.Conn",
  async pair() {
    using listener = Deno.listen({ hostname: HOSTNAME, port: 0 });
    const connecting = this.connect((listener.addr as Deno.NetAddr).port);
    const connection = await listener.accept();
    connection.setNoDelay(true);
    return [await connecting, connection];
  },
  async connect(port) {
    const connection = await Deno.connect({ hostname: HOSTNAME, port });
    connection.setNoDelay(true);
    return connection;
  },
};

async function readAll(connection: Connection, p: Uint8Array): Promise<void> {
  for (let at = 0; at < p.length;) at += (await connection.read(p.subarray(at)))!;
}

/** Messages there and back a second. */
async function pingPong(left: Connection, right: Connection | undefined): Promise<number> {
  const start = performance.now();
  await Promise.all([ping(left), right && pong(right)]);
  return MESSAGES / (performance.now() - start) * 1000;
}

async function ping(connection: Connection): Promise<void> {
  const p = new Uint8Array(MESSAGE_SIZE);
  for (let i = 0; i < MESSAGES; i++) {
    await connection.write(p);
    await readAll(connection, p);
  }
}

async function pong(connection: Connection): Promise<void> {
  const p = new Uint8Array(MESSAGE_SIZE);
  for (let i = 0; i < MESSAGES; i++) {
    await readAll(connection, p);
    await connection.write(p);
  }
}

/** Megabytes a second through the streams of two ends. */
async function flow(left: Connection, right: Connection): Promise<number> {
  const start = performance.now();
  await Promise.all([send(left), receive(right)]);
  return CHUNKS * CHUNK_SIZE / (performance.now() - start) / 1000;
}

/** The same there and back through another process. */
async function flowAround(connection: Connection): Promise<number> {
  const start = performance.now();
  await Promise.all([send(connection), receive(connection)]);
  return CHUNKS * CHUNK_SIZE / (performance.now() - start) / 1000;
}

async function send(connection: Connection): Promise<void> {
  const writer = connection.writable.getWriter();
  const chunk = new Uint8Array(CHUNK_SIZE);
  for (let i = 0; i < CHUNKS; i++) await writer.write(chunk);
  writer.releaseLock();
}

async function receive(connection: Connection): Promise<void> {
  const reader = connection.readable.getReader();
  for (let rest = CHUNKS * CHUNK_SIZE; rest > 0;) rest -= (await reader.read()).value!.length;
  reader.releaseLock();
}

const child = new Deno.Command(Deno.execPath(), {
  args: ["run", "--allow-net", "--allow-ffi", import.meta.filename!, "--echo"],
  stdout: "piped",
}).spawn();
const port = await (async () => {
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) return Number(text);
  throw new Error("the echo server has not started");
})();

const WORKLOADS: Record<string, (contender: Contender) => Promise<number>> = {
  "ping-pong in one process, round trips/s": async (contender) => {
    const [left, right] = await contender.pair();
    using _left = left;
    using _right = right;
    return await pingPong(left, right);
  },
  "ping-pong with another process, round trips/s": async (contender) => {
    using connection = await contender.connect(port);
    return await pingPong(connection, undefined);
  },
  "64 kB chunks in one process, MB/s": async (contender) => {
    const [left, right] = await contender.pair();
    using _left = left;
    using _right = right;
    return await flow(left, right);
  },
  "64 kB chunks through another process, MB/s": async (contender) => {
    using connection = await contender.connect(port);
    return await flowAround(connection);
  },
};

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

for (const [name, run] of Object.entries(WORKLOADS)) {
  const rates = new Map([[ours, [] as number[]], [denos, [] as number[]]]);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const contender of round % 2 === 0 ? [ours, denos] : [denos, ours]) {
      const rate = await run(contender);
      if (round > 0) rates.get(contender)!.push(rate); // the first one warms up
    }
  }
  const [mine, theirs] = [...rates.values()] as [number[], number[]];
  const ratio = median(mine.map((rate, i) => rate / theirs[i]!));
  const text = [...rates].map(([{ name }, all]) => `${name} ${Math.round(median(all))}`).join(", ");
  console.log(`${name}: ${text}; ratio ${ratio.toFixed(2)}`);
}
child.kill();
