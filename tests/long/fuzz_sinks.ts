/**
 * A program that does random things with sockets and selectors, traced by a sink that does random
 * things with the same ones in the reports. Nothing may be thrown, or rejected with, that the
 * contract does not name, and the sink must never be called within itself.
 *
 *     deno run -A tests/long/fuzz_sinks.ts ACTIONS [SEED]
 *
 * Prints how many actions and reports there were, and exits 1 with the seed at the first error.
 */

import { isOsError, readable, Socket, traceSyscalls } from "../../mod.ts";
import type { BaseSelector } from "../../mod.ts";
import { SELECTORS } from "../helpers/mechanisms.ts";
import { seededRandom } from "../helpers/seeded_random.ts";

const actions = Number(Deno.args[0] ?? 20_000);
const seed = Number(Deno.args[1] ?? Math.floor(Math.random() * 2 ** 31));
const random = seededRandom(seed);
const pick = <T>(values: readonly T[]): T => values[random(values.length)]!;

let sockets: Socket[] = [];
let selectors: BaseSelector<number, Socket>[] = [];

/** Replaces what was closed. */
function fill(): void {
  const openSockets = sockets.filter((socket) => !socket.closed);
  const openSelectors = selectors.filter((selector) => !selector.closed);
  while (openSockets.length < 8) {
    const pair = Socket.pair();
    for (const socket of pair) socket.setBlocking(false);
    openSockets.push(...pair);
  }
  while (openSelectors.length < 3) openSelectors.push(new (pick(SELECTORS))<number, Socket>());
  [sockets, selectors] = [openSockets, openSelectors];
}

const mode = () => ({ mode: pick(["level", "oneshot"] as const) });
const events = () => 1 + random(3);
const limit = () => ({ signal: AbortSignal.timeout(20) });

const ACTIONS: readonly (() => unknown)[] = [
  () => pick(sockets).send(new Uint8Array(3)),
  () => pick(sockets).recv(10),
  () => pick(sockets).sendMsg(new Uint8Array(2)),
  () => pick(sockets).recvMsg(5),
  () => pick(sockets).localAddress,
  () => pick(sockets).takeError(),
  () => random(6) === 0 && pick(sockets).close(),
  () => pick(selectors).register(pick(sockets), events(), random(9), mode()),
  () => pick(selectors).modify(pick(sockets), events(), random(9), mode()),
  () => pick(selectors).unregister(pick(sockets)),
  () => pick(selectors).select(0),
  () => pick(selectors).wakeup(),
  () => random(8) === 0 && pick(selectors).close(),
  () => pick(selectors).selectAsync({ timeout: random(3) }),
  () => readable(pick(sockets), limit()),
  () => {
    const socket = pick(sockets);
    return readable(socket, () => socket.recv(5), limit());
  },
];

const DENO_ERRORS = Object.values(Deno.errors) as (new () => Error)[];

function isAllowed(error: unknown): boolean {
  return isOsError(error) || DENO_ERRORS.some((ErrorClass) => error instanceof ErrorClass) ||
    error instanceof DOMException && error.name === "TimeoutError";
}

let done = 0;
let reports = 0;
let isInSink = false;

function fail(error: unknown): never {
  report(`seed ${seed}, after ${done} actions and ${reports} reports:`, error);
  Deno.exit(1);
}

function act(): void {
  done++;
  try {
    const result = pick(ACTIONS)();
    if (result instanceof Promise) result.catch((error) => isAllowed(error) || fail(error));
  } catch (error) {
    if (!isAllowed(error)) fail(error);
  }
}

const report = console.error;
console.error = (...values: unknown[]) => fail(values); // what a sink throws
globalThis.addEventListener("unhandledrejection", ({ reason }) => fail(reason));

fill();
const tracing = traceSyscalls(() => {
  reports++;
  if (isInSink) fail(new Error("the sink was called within itself"));
  isInSink = true;
  if (random(3) === 0) act();
  isInSink = false;
});
while (done < actions) {
  fill();
  for (let i = 0; i < 30; i++) act();
  await new Promise((resolve) => setTimeout(resolve, random(2)));
}
tracing[Symbol.dispose]();
await new Promise((resolve) => setTimeout(resolve, 100));
console.log(`${done} actions, ${reports} reports, seed ${seed}: no error`);
Deno.exit(0);
