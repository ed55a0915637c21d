/**
 * Shows an echo server at work on a web page: a lane for each descriptor, each syscall as it
 * happens, what is registered and what is ready, and buttons for clients that send, half-close,
 * reset and stall. The library's own sockets serve the page.
 *
 *   deno run --allow-ffi --allow-read examples/visualize.ts [port]
 *
 * This thread serves the page and has the clients, on Deno's event loop (selectAsync). The echo
 * server blocks in its own Worker.
 */

import { stripTypeScriptTypes } from "node:module";
import { setTimeout as delay } from "node:timers/promises";
import { DefaultSelector, isOsError, type ReadyEvent, type Socket, Waker } from "../mod.ts";
import { type Action, Clients } from "./visualize/clients.ts";
import type { Report } from "./visualize/echo.ts";
import { type Answer, HttpServer } from "./visualize/http.ts";

const HISTORY = 100; // past calls that a new page receives
const RETRY = 100; // milliseconds until a wait that failed is tried again
const NOT_FOUND: Answer = { status: "404 Not Found", body: "Not found\n" };

const read = (name: string) => Deno.readTextFileSync(new URL(`visualize/${name}`, import.meta.url));
const html = read("page.html");
const script = stripTypeScriptTypes(read("page.ts"));

const worker = new Worker(new URL("visualize/echo.ts", import.meta.url), {
  type: "module",
  name: "echo",
});
const { promise: listening, resolve } = Promise.withResolvers<Report & { kind: "listening" }>();
const history: string[] = [];
let state = "";
let broadcast: (event: string) => void = () => {}; // until the server exists
worker.onmessage = ({ data: report }: MessageEvent<Report>) => {
  if (report.kind === "listening") return resolve(report);
  const event = eventOf(report);
  if (report.kind === "state") state = event;
  else if (history.push(event) > HISTORY) history.shift();
  broadcast(event);
};

const { address, waker } = await listening;
const selector = new DefaultSelector<(socket: Socket) => void, Socket>();
const listClients = () => eventOf({ kind: "clients", clients: clients.list() });
const clients = new Clients(selector, address, () => broadcast(listClients()));
const http = serve();
const { port } = http;
broadcast = (event) => http.broadcast(event);
console.log(`open http://127.0.0.1:${port}/`);

for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => stop(0));
while (true) {
  for (const [{ fileobj, data: callback }] of await wait()) {
    if (!fileobj.closed) callback(fileobj); // an earlier callback may have closed it
  }
}

/** Waits for events. An error of the wait itself, such as EMFILE, passes: it is retried. */
async function wait(): Promise<ReadyEvent<(socket: Socket) => void, Socket>[]> {
  try {
    return await selector.selectAsync();
  } catch (error) {
    if (!isOsError(error)) throw error;
    await delay(RETRY);
    return [];
  }
}

function serve(): HttpServer {
  try {
    return new HttpServer(selector, Number(Deno.args[0] ?? 8889), answer);
  } catch (error) {
    console.error((error as Error).message);
    stop(1);
  }
}

/** Ends the program. The Worker blocks in select(), so it has to be woken first. */
function stop(code: number): never {
  new Waker(waker).wake();
  Deno.exit(code);
}

function answer(method: string, path: string, headers: Map<string, string>): Answer {
  // A page of another origin must neither read this one nor press its buttons.
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  const origin = headers.get("origin")?.replace("http://", "");
  if (
    !hosts.includes(headers.get("host") ?? "") || origin !== undefined && !hosts.includes(origin)
  ) {
    return { status: "403 Forbidden" };
  }
  if (method === "POST") return press(path);
  if (method !== "GET") return { status: "405 Method Not Allowed" };
  if (path === "/") return { status: "200 OK", type: "text/html; charset=utf-8", body: html };
  if (path === "/page.js") return { status: "200 OK", type: "text/javascript", body: script };
  if (path !== "/events") return NOT_FOUND;
  return { status: "200 OK", events: true, body: history.join("") + state + listClients() };
}

/** `/clients` opens a client; `/clients/3/send` makes the third one send. */
function press(path: string): Answer {
  const [, id, action] =
    /^\/clients(?:\/(\d+)\/(send|half-close|reset|stall|resume))?$/.exec(path) ?? [];
  if (action !== undefined) clients.act(Number(id), action as Action);
  else if (path !== "/clients") return NOT_FOUND;
  const failure = action === undefined ? clients.open() : undefined;
  if (failure !== undefined) return { status: "503 Service Unavailable", body: `${failure}\n` };
  return { status: "202 Accepted" };
}

function eventOf(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}
