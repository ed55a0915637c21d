/**
 * The cases that are measured for each mechanism. micro.c and micro.py have the same cases under
 * the same names. All descriptors are eventfds at zero, which are writable and not readable. So
 * those that are registered for EVENT_WRITE are ready, and the others are not.
 *
 * @module
 */

import { type BaseSelector, EVENT_READ, EVENT_WRITE } from "../../mod.ts";
import { EFD_CLOEXEC, eventfd } from "../../ffi/mod.ts";

/** A selector class. */
export type SelectorClass = new () => BaseSelector<number, number>;

/** Defines the benchmarks of one mechanism, with `total` registered descriptors. */
export function define(mechanism: string, Selector: SelectorClass, total: number): void {
  const fds = Array.from({ length: total }, () => eventfd(0, EFD_CLOEXEC));
  const fd = eventfd(0, EFD_CLOEXEC);
  const bench = (name: string, body: () => void) => Deno.bench(`${mechanism}: ${name}`, body);

  const empty = new Selector();
  bench("register, unregister", () => {
    empty.register(fd, EVENT_READ, 1);
    empty.unregister(fd);
  });

  const one = new Selector();
  one.register(fd, EVENT_READ, 1);
  let data = 0;
  bench("modify data", () => {
    one.modify(fd, EVENT_READ, data++);
  });
  let events = EVENT_READ;
  bench("modify events", () => {
    events ^= EVENT_READ | EVENT_WRITE;
    one.modify(fd, events, 1);
  });

  for (const ready of [0, 1, 100, total]) {
    const selector = new Selector();
    fds.forEach((fd, at) => selector.register(fd, at < ready ? EVENT_WRITE : EVENT_READ, at));
    bench(`select(0), ${ready} ready of ${total}`, () => {
      let sum = 0;
      for (const [key] of selector.select(0)) sum += key.data;
      if (sum !== ready * (ready - 1) / 2) throw new Error("Not what is ready");
    });
  }

  const woken = new Selector();
  bench("wakeup, select", () => {
    woken.wakeup();
    woken.select();
  });
}
