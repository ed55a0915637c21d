/**
 * What runs in the browser: takes the reports of visualize.ts as server-sent events, and draws
 * them. visualize.ts takes the types out and serves the rest as it is, so only types may be
 * imported here.
 *
 * @module
 */

/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

import type { Client } from "./clients.ts";
import type { Report } from "./echo.ts";

type Call = Report & { kind: "call" };
type Lane = {
  fd: number;
  role: string;
  events: number;
  ready: number;
  readyUntil: number;
  isClosed: boolean;
};

const SELECTOR = -1; // as in echo.ts
const LABEL_WIDTH = 290; // pixels, of the text at the left of each lane
const LANE_HEIGHT = 46;
const COLUMN_WIDTH = 26;
const LOG_LENGTH = 200;
const READY_TIME = 800; // milliseconds for which "ready" is shown

// The kind and the letter of a mark. A call that is not listed is of the kind "control".
const KINDS: Record<string, [kind: string, letter: string]> = {
  accept: ["receive", "a"],
  accept4: ["receive", "a"],
  recv: ["receive", "r"],
  read: ["receive", "r"],
  send: ["send", "s"],
  write: ["send", "w"],
  close: ["control", "×"],
  socket: ["control", "○"],
  setsockopt: ["control", "o"],
  getsockname: ["control", "n"],
  bind: ["control", "b"],
  listen: ["control", "l"],
  epoll_ctl: ["control", "c"],
  epoll_wait: ["wait", "…"],
  poll: ["wait", "…"],
  select: ["wait", "…"],
  kevent: ["wait", "…"],
};

const svg = document.querySelector<SVGSVGElement>("#lanes")!;
const chosenLine = document.querySelector<HTMLOutputElement>("#chosen")!;
const clientList = document.querySelector<HTMLUListElement>("#clients")!;
const log = document.querySelector<HTMLOListElement>("#log")!;

const lanes = new Map<number, Lane>([[SELECTOR, lane(SELECTOR, "the selector")]]);
const calls: Call[] = [];
let chosen: Call | undefined;
let isDrawn = true;

document.querySelector("#open")!.addEventListener("click", () => post("/clients"));
const events = new EventSource("/events");
events.addEventListener("error", () => {
  if (events.readyState !== EventSource.CLOSED) return; // it connects again by itself
  chosenLine.textContent = "Too many pages are open. Close one, and reload this one.";
});
events.addEventListener("message", ({ data }) => {
  const report: Report | { kind: "clients"; clients: Client[] } = JSON.parse(data);
  if (report.kind === "call") take(report);
  if (report.kind === "state") watch(report.lanes);
  if (report.kind === "clients") list(report.clients);
});

/** A syscall has returned. */
function take(call: Call) {
  calls.push(call);
  if (calls.length > LOG_LENGTH) calls.shift();
  const isNew = !lanes.has(call.lane);
  if (isNew || call.name === "socket") lanes.set(call.lane, lane(call.lane, ""));
  lanes.get(call.lane)!.isClosed = /^close(socket)?$/.test(call.name);

  const item = document.createElement("li");
  item.textContent = call.line;
  item.className = call.failed ? "failed" : "";
  log.prepend(item);
  while (log.childElementCount > LOG_LENGTH) log.lastElementChild!.remove();
  drawSoon();
}

/** What is registered, or ready, has changed. */
function watch(watched: { fd: number; role: string; events: number; ready: number }[]) {
  for (const lane of lanes.values()) lane.events = 0;
  for (const { fd, role, events, ready } of watched) {
    const known = lanes.get(fd) ?? lane(fd, role);
    lanes.set(fd, Object.assign(known, { role, events, isClosed: false }));
    if (ready === 0) continue;
    known.ready = ready;
    known.readyUntil = performance.now() + READY_TIME;
    setTimeout(drawSoon, READY_TIME + 1);
  }
  drawSoon();
}

function lane(fd: number, role: string): Lane {
  return { fd, role, events: 0, ready: 0, readyUntil: 0, isClosed: false };
}

function drawSoon() {
  if (isDrawn) requestAnimationFrame(draw);
  isDrawn = false;
}

function draw() {
  isDrawn = true;
  const columns = Math.floor((svg.clientWidth - LABEL_WIDTH) / COLUMN_WIDTH);
  const shown = calls.slice(-columns);
  // The lane of a closed descriptor is removed together with its last call.
  for (const [fd, { isClosed }] of lanes) {
    if (isClosed && !shown.some((call) => call.lane === fd)) lanes.delete(fd);
  }
  const rows = [...lanes.values()].sort((a, b) => a.fd - b.fd);
  svg.setAttribute("height", `${rows.length * LANE_HEIGHT}`);
  const marks = shown.map((call, column) => {
    return drawCall(call, column, rows.findIndex(({ fd }) => fd === call.lane));
  });
  svg.replaceChildren(...rows.map(drawLane), ...marks);
}

function drawLane(lane: Lane, row: number): SVGElement {
  const { fd, role, events, isClosed } = lane;
  const y = row * LANE_HEIGHT;
  const name = fd === SELECTOR ? role : `${fd}  ${role}`;
  const watched = events === 0 ? "" : `registered for ${namesOf(events)}`;
  const ready = lane.readyUntil > performance.now() ? `ready: ${namesOf(lane.ready)}` : "";
  const group = element("g", { class: isClosed ? "lane closed" : "lane" });
  group.append(
    element("line", { x1: 0, x2: svg.clientWidth, y1: y + LANE_HEIGHT, y2: y + LANE_HEIGHT }),
    element("text", { x: 12, y: y + 20 }, isClosed ? `${name} (closed)` : name),
    element("text", { x: 12, y: y + 37, class: "quiet" }, watched),
    element("text", { x: 180, y: y + 37, class: "ready" }, ready),
  );
  return group;
}

function drawCall(call: Call, column: number, row: number): SVGElement {
  const [kind, letter] = KINDS[call.name] ?? ["control", call.name[0]!];
  const x = LABEL_WIDTH + column * COLUMN_WIDTH;
  const y = row * LANE_HEIGHT + 12;
  const states = [call.failed ? "failed" : "", call === chosen ? "chosen" : ""];
  const group = element("g", { class: ["mark", kind, ...states].join(" ") });
  group.append(
    element("title", {}, call.line),
    element("rect", { x, y, width: 20, height: 22, rx: 5 }),
    element("text", { x: x + 10, y: y + 15 }, letter),
  );
  // Not "pointerenter", because the mark is redrawn under a pointer at rest.
  group.addEventListener("pointermove", () => choose(call));
  return group;
}

function choose(call: Call) {
  chosen = call;
  const seconds = call.duration / 1e6; // as strace -T prints it
  chosenLine.textContent = `${call.line}  <${seconds.toFixed(6)}>`;
  drawSoon();
}

svg.addEventListener("keydown", (event) => {
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    Home: -Infinity,
    End: Infinity,
  };
  const step = steps[event.key];
  if (step === undefined || calls.length === 0) return;
  event.preventDefault();
  const at = chosen === undefined ? calls.length : calls.indexOf(chosen);
  choose(calls[Math.min(Math.max(at + step, 0), calls.length - 1)]!);
});
addEventListener("resize", drawSoon);

/** Shows the clients, each with its buttons. */
function list(clients: Client[]) {
  const focused = document.activeElement?.id;
  clientList.replaceChildren(...clients.map(({ id, port, isHalfClosed, isStalled }) => {
    const item = document.createElement("li");
    const name = document.createElement("span");
    const state = isHalfClosed ? " (half-closed)" : isStalled ? " (stalled)" : "";
    name.textContent = `client on port ${port}${state}`;
    item.append(
      name,
      button(id, "send", isHalfClosed || isStalled),
      button(id, "half-close", isHalfClosed),
      button(id, "reset", false),
      button(id, isStalled ? "resume" : "stall", isHalfClosed && !isStalled),
    );
    return item;
  }));
  if (focused !== undefined && focused !== "") document.getElementById(focused)?.focus();
}

function button(id: number, action: string, isDisabled: boolean): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.id = `client-${id}-${action}`;
  button.textContent = action;
  button.disabled = isDisabled;
  button.addEventListener("click", () => post(`/clients/${id}/${action}`));
  return button;
}

async function post(path: string) {
  const response = await fetch(path, { method: "POST" });
  if (!response.ok) chosenLine.textContent = await response.text(); // such as too many clients
}

function namesOf(events: number): string {
  return [events & 1 ? "READ" : "", events & 2 ? "WRITE" : ""].filter(Boolean).join(", ");
}

function element(name: string, attributes: Record<string, string | number>, text = ""): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, `${value}`);
  element.textContent = text;
  return element;
}
