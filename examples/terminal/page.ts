/**
 * The script of the page: xterm.js at the end of a WebSocket. main.ts removes the types and serves
 * the rest as it is.
 *
 * @module
 */

/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";

const status = document.querySelector("#status")!;
const terminal = new Terminal({
  cursorBlink: true,
  fontFamily: "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace",
  fontSize: 14,
  theme: { background: "#14161b", foreground: "#d8dbe2" },
});
const fit = new FitAddon();
terminal.loadAddon(fit);
terminal.open(document.querySelector("#terminal")!);

const socket = new WebSocket(new URL("socket", location.href).href.replace(/^http/, "ws"));
socket.binaryType = "arraybuffer";
socket.addEventListener("open", () => {
  status.textContent = "connected";
  terminal.onData((text) => socket.send(new TextEncoder().encode(text)));
  terminal.onBinary((text) => socket.send(Uint8Array.from(text, (c) => c.charCodeAt(0))));
  terminal.onResize(sendSize);
  sendSize();
  new ResizeObserver(() => fit.fit()).observe(document.querySelector("#terminal")!);
  terminal.focus();
});
socket.addEventListener("message", ({ data }) => {
  const bytes = new Uint8Array(data);
  terminal.write(bytes, () => socket.send(JSON.stringify({ shown: bytes.length })));
});
socket.addEventListener("close", ({ reason }) => {
  status.textContent = reason || "The connection is lost";
  terminal.options.disableStdin = true;
  terminal.options.cursorBlink = false;
});
terminal.onTitleChange((title) => document.title = title);

function sendSize() {
  socket.send(JSON.stringify({ columns: terminal.cols, rows: terminal.rows }));
}
