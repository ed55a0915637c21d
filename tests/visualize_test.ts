/**
 * examples/visualize.ts: over HTTP, in headless Chromium where it is installed (npm's
 * playwright-core drives it), and at the limits of its resources.
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { until } from "./helpers/echo_server_process.ts";
import { DENO, hasCommand, path, Program, runProgram } from "./helpers/programs.ts";

const VISUALIZE = "examples/visualize.ts";
const FLAGS = ["--no-prompt", "--allow-ffi", "--allow-read"];
// In a variable, so that `deno check` does not fetch it.
const PLAYWRIGHT = "playwright-core";
const LIMIT = 30_000; // milliseconds to wait for something that must happen

// Chromium runs on the real platform, so Deno must see that one.
const isEmulated = Deno.env.get("SELECTORS_EMULATOR") !== undefined;
const chromium = ["chromium", "chromium-browser", "google-chrome"].find((name) => {
  return !isEmulated && hasCommand(name);
});

/** Starts the program on a free port. */
async function start(): Promise<{ program: Program; origin: string }> {
  const program = Program.start(VISUALIZE, ["0"], FLAGS);
  const line = await program.line();
  assertMatch(line ?? "", /^open http:\/\/127\.0\.0\.1:\d+\/$/);
  return { program, origin: line!.slice("open ".length, -1) };
}

/** Reads server-sent events until one matches, and returns all of them. */
async function eventsUntil(origin: string, isLast: (event: string) => boolean): Promise<string[]> {
  const { body } = await fetch(`${origin}/events`, { signal: AbortSignal.timeout(LIMIT) });
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.split("\n\n").some(isLast)) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
  }
  await reader.cancel();
  return text.split("\n\n");
}

async function press(origin: string, path: string): Promise<void> {
  const response = await fetch(`${origin}${path}`, { method: "POST" });
  assertEquals([response.status, await response.text()], [202, ""]);
}

Deno.test("visualize.ts tells a page each syscall of the echo server, and ends on Ctrl-C", async () => {
  const { program, origin } = await start();
  await using _ = program;
  const page = await (await fetch(`${origin}/`)).text();
  assertStringIncludes(page, "<title>An echo server at work</title>");
  const script = await (await fetch(`${origin}/page.js`)).text();
  assert(!script.includes("interface ") && !script.includes("import type"), "types are taken out");

  await press(origin, "/clients");
  await press(origin, "/clients/1/send");
  const all = await eventsUntil(origin, (event) => event.includes('"line":"send('));
  const events = all.filter((event) => event.startsWith("data: ") && event.endsWith("}"))
    .map((event) => JSON.parse(event.slice("data: ".length)));
  const names = events.filter(({ kind }) => kind === "call").map(({ name }) => name);
  for (const name of ["bind", "listen", "recv", "send"]) assert(names.includes(name), `${names}`);
  const state = events.findLast(({ kind }) => kind === "state");
  const roles = state.lanes.map(({ role }: { role: string }) => role.replace(/\d+/, "#"));
  assertEquals(roles, ["listener", "client on port #", "waker"]);
  const { clients } = events.findLast(({ kind }) => kind === "clients");
  assertEquals(clients.map(({ id }: { id: number }) => id), [1]);

  program.kill("SIGINT");
  // Windows has no signals: the program is terminated.
  const code = Deno.build.os === "windows" ? 1 : 0;
  assertEquals([await program.rest(), await program.code()], ["", code]);
});

Deno.test("visualize.ts says in one line that its port is taken, or is none, and exits 1", async () => {
  const { program, origin } = await start();
  await using _ = program;
  const port = new URL(origin).port;
  for (const [argument, what] of [[port, "EADDRINUSE"], ["eighty", "NaN"]] as const) {
    const { code, stdout, stderr } = await runProgram(VISUALIZE, [argument]);
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr, new RegExp(`^.*${what}.*\n$`));
  }
});

Deno.test("visualize.ts answers no page from elsewhere, and says what is not there", async () => {
  const { program, origin } = await start();
  await using _ = program;
  const status = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${origin}${path}`, init);
    await response.body?.cancel();
    return response.status;
  };
  const evil = { headers: { origin: "http://example.com" } };
  assertEquals(await status("/clients", { method: "POST", ...evil }), 403);
  assertEquals(await status("/events", evil), 403);
  assertEquals(await status("/passwords"), 404);
  assertEquals(await status("/clients/1/explode", { method: "POST" }), 404);
  assertEquals(await status("/", { method: "PUT" }), 405);
  // the client has left: nothing happens
  assertEquals(await status("/clients/77/send", { method: "POST" }), 202);
  assertEquals(await status("/"), 200);
});

Deno.test({
  name: "visualize.ts shows lanes, syscalls and states in Chromium, and its buttons work" +
    (chromium === undefined ? " (needs chromium)" : ""),
  ignore: chromium === undefined,
  sanitizeOps: false, // playwright-core keeps resources for the whole process
  sanitizeResources: false,
  async fn() {
    const { program, origin } = await start();
    await using _ = program;
    const playwright = await import(PLAYWRIGHT);
    const executablePath = await which(chromium!);
    const browser = await playwright.chromium.launch({
      executablePath,
      args: ["--no-sandbox"],
      timeout: 2 * LIMIT, // the first start on a machine takes long
    });
    try {
      const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
      page.setDefaultTimeout(LIMIT);
      const errors: string[] = [];
      page.on("pageerror", (error: Error) => errors.push(error.message));
      await page.goto(`${origin}/`);
      const lane = (text: string | RegExp) => page.locator("#lanes .lane", { hasText: text });
      const line = (text: RegExp) => page.locator("#log li", { hasText: text }).first().waitFor();

      // The page has lanes for the selector and the listener; a click adds one for a client.
      await lane("the selector").waitFor();
      await lane("listener").waitFor();
      await page.getByRole("button", { name: "Open a client" }).click();
      await lane("client on port").waitFor();
      assertMatch(await lane("client on port").textContent(), /registered for READ/);

      // A click sends bytes, and the page shows the recv and send of the server.
      await page.getByRole("button", { name: "send" }).click();
      await line(/^recv\(\d+, "hello 1 from \d+\\n", 4096, 0\) = \d+$/);
      await page.locator("#lanes .ready", { hasText: "ready: READ" }).last().waitFor();
      await line(/^send\(\d+, "hello 1 from \d+\\n", \d+, MSG_NOSIGNAL\) = \d+$/);

      // A mark shows its line when it is hovered, and when it has the keyboard focus.
      await page.locator("#lanes .mark.send").last().hover();
      assertMatch(await page.locator("#chosen").textContent(), /^send\(.* {2}<0\.\d{6}>$/);
      await page.locator("#lanes").focus();
      await page.keyboard.press("Home");
      const first = await page.locator("#chosen").textContent();
      await page.keyboard.press("ArrowRight");
      assert(await page.locator("#chosen").textContent() !== first);

      // A client that does not read: the server waits until it can write.
      await page.getByRole("button", { name: "stall" }).click();
      await page.getByText("(stalled)").waitFor();
      await lane("registered for WRITE").waitFor();
      await screenshot(page);
      await page.emulateMedia({ colorScheme: "dark" });
      await screenshot(page, "-dark");
      await page.emulateMedia({ colorScheme: "light" });
      await page.getByRole("button", { name: "resume" }).click();
      await lane(/client.*registered for READ/).waitFor();

      // With the keyboard only: half-close, and the server closes too. A reset makes the server's
      // recv fail.
      await page.getByRole("button", { name: "half-close" }).press("Enter");
      await line(/^recv\(\d+, .., 4096, 0\) = 0$/); // "", which playwright-core does not take
      await page.locator("#lanes .lane.closed").waitFor();
      await page.getByRole("button", { name: "Open a client" }).press("Enter");
      await page.getByRole("button", { name: "reset" }).press("Enter");
      await line(/^recv\(.*\) = -1 ECONNRESET /);
      assertEquals(await page.locator("#clients li").count(), 0);
      assertGreater(await page.locator("#lanes .mark.failed").count(), 0);
      assertEquals(errors, []);
    } finally {
      await browser.close();
    }
  },
});

/** Saves a screenshot if `SELECTORS_SCREENSHOT` names a folder, such as docs. */
async function screenshot(
  page: { screenshot(options: { path: string }): Promise<unknown> },
  scheme = "",
): Promise<void> {
  const folder = Deno.env.get("SELECTORS_SCREENSHOT");
  if (folder !== undefined) await page.screenshot({ path: `${folder}/visualize${scheme}.png` });
}

async function which(command: string): Promise<string> {
  const { stdout } = await new Deno.Command("which", { args: [command] }).output();
  return new TextDecoder().decode(stdout).trim();
}

// ─── Limits ─────────────────────────────────────────────────────────────────────────────────────

const isLinux = Deno.build.os === "linux"; // which has /proc
const DESCRIPTORS = 64;
const MOST_PAGES = 8; // as in visualize/http.ts

/** Starts the program with a low limit of descriptors. */
async function startLimited(): Promise<{ program: Program; origin: string }> {
  const script = `ulimit -n ${DESCRIPTORS}; exec "$@"`;
  const command = [DENO, "run", ...FLAGS, path(VISUALIZE), "0"];
  const program = new Program("sh", ["-c", script, "sh", ...command]);
  const line = await program.line();
  assertMatch(line ?? "", /^open /);
  return { program, origin: line!.slice("open ".length, -1) };
}

/** The status of a response; reads its body to the end. */
async function statusOf(origin: string, path: string, method = "GET"): Promise<number> {
  const response = await fetch(`${origin}${path}`, {
    method,
    signal: AbortSignal.timeout(LIMIT),
  });
  await response.text();
  return response.status;
}

/** Opens the stream of events and does not read it. */
async function openPage(port: number): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ port });
  const request = `GET /events HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`;
  await connection.write(new TextEncoder().encode(request));
  return connection;
}

Deno.test({
  name: "visualize.ts serves on while 80 silent connections use up its descriptors",
  ignore: !isLinux,
  async fn() {
    const { program, origin } = await startLimited();
    await using _ = program;
    const connections: Deno.Conn[] = [];
    try {
      for (let i = 0; i < 80; i++) {
        connections.push(await Deno.connect({ port: Number(new URL(origin).port) }));
      }
      assertEquals(await statusOf(origin, "/"), 200);
    } finally {
      for (const connection of connections) connection.close();
    }
    assertEquals(await statusOf(origin, "/"), 200);
    assertEquals(await statusOf(origin, "/clients", "POST"), 202);
    program.kill("SIGINT");
    assertEquals([await program.rest(), await program.code()], ["", 0]);
  },
});

Deno.test({
  name: "visualize.ts has an echo server that serves on after it was out of descriptors",
  ignore: !isLinux,
  async fn() {
    const { program, origin } = await startLimited();
    await using _ = program;
    const events = await eventsUntil(origin, (event) => event.includes('"line":"getsockname('));
    const port = Number(/"line":"getsockname\(.*?sin_port=htons\((\d+)\)/.exec(events.join())![1]);
    const connections: Deno.Conn[] = [];
    try {
      for (let i = 0; i < 80; i++) connections.push(await Deno.connect({ port }));
      await until(() => descriptorsOf(program.child.pid) >= DESCRIPTORS, "a full server");
    } finally {
      for (const connection of connections) close(connection);
    }
    const connection = await Deno.connect({ port });
    try {
      await connection.write(new TextEncoder().encode("hello"));
      const buffer = new Uint8Array(16);
      const count = await connection.read(buffer);
      assertEquals(new TextDecoder().decode(buffer.subarray(0, count!)), "hello");
    } finally {
      connection.close();
    }
    program.kill("SIGINT");
    assertEquals([await program.rest(), await program.code()], ["", 0]);
  },
});

Deno.test({
  name: "visualize.ts refuses clients beyond its limit, and those that it has no descriptor for",
  ignore: !isLinux,
  async fn() {
    const { program, origin } = await startLimited();
    await using _ = program;
    const statuses: number[] = [];
    for (let i = 0; i < 40; i++) statuses.push(await statusOf(origin, "/clients", "POST"));
    const opened = statuses.filter((status) => status === 202).length;
    assertGreater(opened, 0);
    assertEquals(statuses.slice(opened), Array(40 - opened).fill(503));
    // Refused clients keep no descriptor: when clients leave, the same number can be opened again.
    const full = descriptorsOf(program.child.pid);
    for (let i = 0; i < 20; i++) await statusOf(origin, "/clients", "POST");
    assertLessOrEqual(descriptorsOf(program.child.pid), full + 1);
    // The server's end of a client closes after the client's own.
    await press(origin, "/clients/1/reset");
    const deadline = performance.now() + LIMIT;
    while (await statusOf(origin, "/clients", "POST") !== 202) {
      assertLess(performance.now(), deadline, "a client that can be opened");
    }
  },
});

Deno.test({
  name: "visualize.ts bounds the pages, and the memory of those that do not read",
  ignore: !isLinux,
  async fn() {
    const { program, origin } = await start();
    await using _ = program;
    const port = Number(new URL(origin).port);
    const pages: Deno.TcpConn[] = [];
    try {
      for (let i = 0; i < 200; i++) pages.push(await openPage(port));
      assertEquals(await statusOf(origin, "/events"), 503);
      const before = residentBytes(program.child.pid);
      // Each request causes events for every page.
      await press(origin, "/clients");
      for (let i = 0; i < 1500; i++) await press(origin, "/clients/1/send");
      assertLess(residentBytes(program.child.pid) - before, 100e6);
      // A page that did not read is closed when its backlog is full, and leaves its place to
      // another.
      for (const page of pages) page.close();
      await eventsUntil(origin, (event) => event.includes('"kind":"clients"'));
    } finally {
      for (const page of pages) close(page);
    }
    const open = await Promise.all(Array.from({ length: MOST_PAGES }, () => openPage(port)));
    for (const page of open) page.close();
  },
});

function descriptorsOf(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

function residentBytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]);
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // The test has closed it.
  }
}
