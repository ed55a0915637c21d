/**
 * 10 · On Deno's event loop.
 *
 * select() blocks the thread: no timer, promise or signal listener runs meanwhile. `for await`
 * waits for the same events while they go on. Here a timer ticks, and the clients are timers too.
 *
 *   deno run --allow-ffi examples/learn/10_event_loop.ts
 */

import { DefaultSelector, EVENT_READ, Socket } from "../../mod.ts";

using selector = new DefaultSelector<string, Socket>();
const pairs = ["first", "second"].map((name) => {
  const [client, server] = Socket.pair();
  selector.register(server, EVENT_READ, name);
  return { name, client, server };
});

let ticks = 0;
const ticking = setInterval(() => ticks++, 10);

// Each client sends after a while, and leaves.
pairs.forEach(({ name, client }, i) => {
  setTimeout(() => {
    client.send(new TextEncoder().encode(`I am ${name}`));
    client.close();
  }, 100 * (i + 1));
});

for await (const [{ data: name, fileobj }] of selector) {
  const bytes = fileobj.recv(64)!;
  if (bytes.length > 0) {
    console.log(`${name}: ${new TextDecoder().decode(bytes)}`);
    continue;
  }
  console.log(`${name}: left`);
  selector.unregister(fileobj);
  fileobj.close();
  if (selector.getMap().size === 0) selector.close(); // ends the loop
}
clearInterval(ticking);
console.log(`the timer ticked ${ticks} times meanwhile`);

// The same with a blocked thread.
let blockedTicks = 0;
const blockedTicking = setInterval(() => blockedTicks++, 10);
using blocking = new DefaultSelector();
blocking.select(200);
clearInterval(blockedTicking);
console.log(`and ${blockedTicks} times during a select() of 200 ms`);
