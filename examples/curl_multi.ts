/**
 * Downloads many URLs at once with libcurl, on Deno's event loop. libcurl says which sockets to
 * watch and when to call it again (its "multi_socket" interface), and a selector watches them.
 * Prints a line when a transfer ends. The bytes are counted and thrown away.
 *
 *     deno run --allow-ffi examples/curl_multi.ts URL...
 */

import { DefaultSelector } from "../mod.ts";
import * as c from "./libcurl.ts";

const curl = c.openCurl() ?? fail("libcurl is not installed (Debian: libcurl4)", 3);
const urls = Deno.args;
if (urls.length === 0) fail("Usage: curl_multi.ts URL...", 2);
const selector = new DefaultSelector<undefined, number>();
const multi = curl.curl_multi_init();
const running = new Int32Array(1); // how many transfers are under way
let deadline = Infinity; // when to call libcurl even if no socket is ready
let [done, failed, bytes] = [0, 0, 0];

const onSocket = new Deno.UnsafeCallback(
  { parameters: ["pointer", "i32", "i32"], result: "i32" }, // CURL *, socket, what to watch
  (_easy, fd, events) => {
    const isRegistered = selector.getMap().has(fd);
    if (events === c.CURL_POLL_REMOVE) isRegistered && selector.unregister(fd);
    else if (isRegistered) selector.modify(fd, events);
    else selector.register(fd, events);
    return 0;
  },
);
const onTimer = new Deno.UnsafeCallback(
  { parameters: ["pointer", "i32"], result: "i32" }, // CURLM *, milliseconds or -1
  (_multi, timeout) => {
    deadline = timeout < 0 ? Infinity : performance.now() + timeout;
    return 0;
  },
);
const onData = new Deno.UnsafeCallback(
  { parameters: ["pointer", "usize", "usize"], result: "usize" }, // data, 1, bytes
  (_data, size, count) => {
    bytes += Number(size * count);
    return size * count;
  },
);

curl.curl_multi_setopt(multi, c.CURLMOPT_SOCKETFUNCTION, ...c.variadic, onSocket.pointer);
curl.curl_multi_setopt(multi, c.CURLMOPT_TIMERFUNCTION, ...c.variadic, onTimer.pointer);
for (const url of urls) c.addTransfer(curl, multi, url, onData.pointer);
while (done < urls.length) {
  const ready = await selector.selectAsync({ timeout: Math.max(0, deadline - performance.now()) });
  for (const [{ fd }, events] of ready) {
    curl.curl_multi_socket_action(multi, BigInt(fd), events, running);
  }
  if (performance.now() >= deadline) {
    deadline = Infinity;
    curl.curl_multi_socket_action(multi, c.CURL_SOCKET_TIMEOUT, 0, running);
  }
  for (const { url, status, error } of c.endedTransfers(curl, multi)) {
    if (error !== "" || status >= 400) failed++;
    console.log(`${++done}/${urls.length}  ${bytes} bytes so far  ${error || status}  ${url}`);
  }
}
curl.curl_multi_cleanup(multi);
selector.close();
for (const callback of [onSocket, onTimer, onData]) callback.close();
Deno.exit(failed === 0 ? 0 : 1);

function fail(message: string, code: number): never {
  console.error(message);
  Deno.exit(code);
}
