/**
 * Shows an echo server at work on a web page: a lane for each descriptor, each syscall as it happens, what is watched
 * and what is ready; with buttons for clients that send, half-close, reset and stall. The page is served by the
 * library's own sockets.
 *
 *   deno run --allow-ffi --allow-read examples/visualize.ts [port]
 *
 * This thread has the page and the clients, on Deno's event loop (selectAsync). The echo server blocks in a Worker of
 * its own.
 */

import { stripTypeScriptTypes } from "node:module";
import { DefaultSelector, type Socket, Waker } from "../mod.ts";
import { type Action, Clients } from "./visualize/clients.ts";
import type { Report } from "./visualize/echo.ts";
import { type Answer, HttpServer } from "./visualize/http.ts";

const HISTORY = 100; // calls that a page is told of which happened before it came
const NOT_FOUND: Answer = { status: "404 Not Found", body: "There is nothing here.\n" };

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
let broadcast: (event: string) => void = () => {}; // until there is somebody to tell
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
  for (const [{ fileobj, data: callback }] of await selector.selectAsync()) {
    if (!fileobj.closed) callback(fileobj); // an earlier callback may have closed it
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

/** The Worker blocks: it must be woken before the program can end. */
function stop(code: number): never {
  new Waker(waker).wake();
  Deno.exit(code);
}

function answer(method: string, path: string, headers: Map<string, string>): Answer {
  // A page from elsewhere may neither read this one nor press its buttons.
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

/** `/clients` opens one; `/clients/3/send` lets the third one send. */
function press(path: string): Answer {
  const [, id, action] =
    /^\/clients(?:\/(\d+)\/(send|half-close|reset|stall|resume))?$/.exec(path) ?? [];
  if (action !== undefined) clients.act(Number(id), action as Action);
  else if (path === "/clients") clients.open();
  else return NOT_FOUND;
  return { status: "202 Accepted" };
}

function eventOf(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}
