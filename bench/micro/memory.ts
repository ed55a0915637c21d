/**
 * Prints the bytes that the library keeps for each registered descriptor. Needs
 * `--v8-flags=--expose-gc`.
 */

import { EpollSelector, EVENT_READ } from "../../mod.ts";
import { EFD_CLOEXEC, eventfd } from "../../ffi/mod.ts";

const COUNT = 10_000;

const { gc } = globalThis as unknown as { gc(): void };
const fds = Array.from({ length: COUNT }, () => eventfd(0, EFD_CLOEXEC));
const selector = new EpollSelector<undefined, number>();
const before = used();
for (const fd of fds) selector.register(fd, EVENT_READ);
console.log((used() - before) / COUNT);
selector.close();

function used(): number {
  gc();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
