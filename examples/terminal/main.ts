/**
 * A terminal in the browser: a shell on a pseudoterminal, shown by xterm.js, over a WebSocket.
 *
 *     deno task terminal [PORT]
 *
 * Whoever opens its URL controls a shell. So it listens on 127.0.0.1 only, the URL has a random
 * token, and requests that name another Host or come from another Origin are refused.
 */

import { stripTypeScriptTypes } from "node:module";
import { openPty } from "../pty.ts";
import { runShell } from "./shell.ts";

// The packages of the page. This never runs here: it makes Deno download them.
if (Deno.args.includes("")) await Promise.all([import("@xterm/xterm"), import("@xterm/addon-fit")]);

const token = crypto.randomUUID();
const files: Record<string, [url: string, type: string]> = {
  "": [import.meta.resolve("./page.html"), "text/html; charset=utf-8"],
  "page.js": [import.meta.resolve("./page.ts"), "text/javascript"],
  "xterm.mjs": [import.meta.resolve("@xterm/xterm/lib/xterm.mjs"), "text/javascript"],
  "xterm.css": [import.meta.resolve("@xterm/xterm/css/xterm.css"), "text/css"],
  "fit.mjs": [import.meta.resolve("@xterm/addon-fit/lib/addon-fit.mjs"), "text/javascript"],
};

try {
  openPty().master.close(); // fails on Windows, which has none
  Deno.serve({
    hostname: "127.0.0.1",
    port: Number(Deno.args[0] ?? 8890),
    onListen: ({ port }) => console.log(`open http://127.0.0.1:${port}/${token}/`),
  }, answer);
} catch (error) {
  console.error((error as Error).message); // such as EADDRINUSE
  Deno.exit(1);
}

async function answer(request: Request): Promise<Response> {
  const { host, pathname } = new URL(request.url);
  const origin = request.headers.get("origin");
  // Another Host is DNS rebinding. Another Origin is a page from elsewhere.
  if (!/^(127\.0\.0\.1|localhost):\d+$/.test(host)) return new Response(null, { status: 403 });
  if (origin !== null && origin !== `http://${host}`) return new Response(null, { status: 403 });
  const [, first, name] = /^\/([^/]+)\/([^/]*)$/.exec(pathname) ?? [];
  if (first !== token) return new Response("Not found\n", { status: 404 });
  if (name === "socket" && request.headers.get("upgrade") === "websocket") {
    if (origin === null) return new Response(null, { status: 403 });
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.addEventListener("open", () => {
      runShell(socket).catch((error) => socket.close(4000, error.message.slice(0, 100))); // ENOSPC
    });
    return response;
  }
  return await file(name!);
}

async function file(name: string): Promise<Response> {
  if (!Object.hasOwn(files, name)) return new Response("Not found\n", { status: 404 });
  const [url, type] = files[name]!;
  const text = await Deno.readTextFile(new URL(url));
  return new Response(name === "page.js" ? stripTypeScriptTypes(text) : text, {
    headers: {
      "content-type": type,
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
    },
  });
}
