/**
 * examples/terminal/: over a WebSocket of Deno's, and in headless Chromium where it is installed
 * (npm's playwright-core drives it).
 */

import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { EVENT_LIMIT, until, within } from "./helpers/echo_server_process.ts";
import { DENO, hasCommand, path, Program, run } from "./helpers/programs.ts";

const EXAMPLE = "examples/terminal/main.ts";
const FLAGS = [
  "--no-prompt",
  "--allow-ffi",
  "--allow-read",
  "--allow-net=127.0.0.1",
  "--allow-run=sh",
];
const PLAYWRIGHT = "playwright-core"; // a variable, so that checking this project does not fetch it
const LIMIT = 30_000; // milliseconds until something that must happen is given up
const WINDOW = 262_144; // bytes, as in terminal/shell.ts

/** With Deno's own second argument, which the DOM's types, loaded by page.ts, do not have. */
const DenoWebSocket = WebSocket as unknown as {
  new (url: string, options: { headers: Record<string, string> }): WebSocket;
};

const hasBash = Deno.build.os !== "windows" && hasCommand("bash");
// Chromium runs on the real platform, which Deno must not deny.
const isEmulated = Deno.env.get("SELECTORS_EMULATOR") !== undefined;
const chromium = ["chromium", "chromium-browser", "google-chrome"].find((name) => {
  return hasBash && !isEmulated && hasCommand(name);
});

// Deno lets a program that has this variable start others only with --allow-run for everything.
const missing = Deno.env.has("LD_LIBRARY_PATH")
  ? " (left out: LD_LIBRARY_PATH is set)"
  : hasBash
  ? ""
  : " (needs bash)";

function terminalTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: name + missing, ignore: missing !== "", fn });
}

/** The program on a free port. */
async function start() {
  const program = Program.start(EXAMPLE, ["0"], FLAGS);
  const line = await within(LIMIT, program.line(), "its first line");
  const [, url, port, token] = /^open (http:\/\/127\.0\.0\.1:(\d+)\/([-0-9a-f]{36})\/)$/.exec(
    line!,
  )!;
  return { program, url: url!, port: Number(port), token: token! };
}

/** A page's end of the WebSocket, which shows what it gets unless it is told not to. */
class Page implements AsyncDisposable {
  readonly #socket: WebSocket;
  readonly closed: Promise<CloseEvent>;
  text = "";
  bytes = 0;
  isShowing = true;

  static async open(url: string, port: number): Promise<Page> {
    const headers = { origin: `http://127.0.0.1:${port}` };
    const socket = new DenoWebSocket(`${url.replace("http", "ws")}socket`, { headers });
    socket.binaryType = "arraybuffer";
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = (event) => reject(new Error((event as ErrorEvent).message));
    });
    return new Page(socket);
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.onclose = resolve);
    socket.onmessage = ({ data }) => {
      this.text += new TextDecoder().decode(data);
      this.bytes += data.byteLength;
      if (this.isShowing) this.show(data.byteLength);
    };
  }

  type(text: string): void {
    this.#socket.send(new TextEncoder().encode(text));
  }

  resize(columns: number, rows: number): void {
    this.#socket.send(JSON.stringify({ columns, rows }));
  }

  show(shown: number): void {
    this.#socket.send(JSON.stringify({ shown }));
  }

  /** Waits until the shell has printed something that matches. */
  async untilPrinted(pattern: RegExp): Promise<RegExpExecArray> {
    await until(() => pattern.test(this.text), `${pattern} in ${JSON.stringify(this.text)}`);
    return pattern.exec(this.text)!;
  }

  leave(): void {
    this.#socket.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.leave();
    await this.closed;
  }
}

terminalTest("A page of the terminal has a shell that runs commands, and job control", async () => {
  const { program, url, port } = await start();
  await using _ = program;
  await using page = await Page.open(url, port);
  page.type("echo $((6 * 7)) $TERM\n");
  await page.untilPrinted(/^42 xterm-256color\r$/m);
  page.type("sh -c 'echo sta''rted; sleep 100'\n");
  await page.untilPrinted(/^started\r$/m);
  page.type("\x1a"); // Ctrl-Z
  await page.untilPrinted(/Stopped[^]*[#$] $/); // and the prompt
  page.type("kill %1; tty\n");
  await page.untilPrinted(/^\/dev\/.+\r$/m);
  assert(!page.text.includes("no job control"), page.text);
});

terminalTest("A page of the terminal can be resized, and the shell knows", async () => {
  const { program, url, port } = await start();
  await using _ = program;
  await using page = await Page.open(url, port);
  page.resize(132, 43);
  page.type("stty size\n");
  await page.untilPrinted(/^43 132\r$/m);
  page.type(`sh -c 'trap "stty size" WINCH; echo trap""ped; while :; do sleep 0.1; done'\n`);
  await page.untilPrinted(/^trapped\r$/m);
  page.resize(61, 17);
  await page.untilPrinted(/^17 61\r$/m);
});

terminalTest("A page of the terminal is told how the shell exited", async () => {
  const { program, url, port } = await start();
  await using _ = program;
  await using page = await Page.open(url, port);
  page.type("exit 7\n");
  const { code, reason } = await within(EVENT_LIMIT, page.closed, "the end");
  assertEquals({ code, reason }, { code: 1000, reason: "The shell has exited (7)" });
});

terminalTest("A shell ends when its page leaves, and the next page gets its own", async () => {
  const { program, url, port } = await start();
  await using _ = program;
  const page = await Page.open(url, port);
  page.type("echo shell $$\n");
  const [, pid] = await page.untilPrinted(/^shell (\d+)\r$/m);
  page.leave();
  await page.closed;
  const isAlive = async () => (await run("kill", ["-0", pid!])).code === 0;
  const deadline = performance.now() + EVENT_LIMIT;
  while (await isAlive()) assertLess(performance.now(), deadline, "the shell's end");
  await using next = await Page.open(url, port);
  next.type("echo shell $$\n");
  assert((await next.untilPrinted(/^shell (\d+)\r$/m))[1] !== pid);
});

terminalTest("A shell that prints faster than its page shows waits for the page", async () => {
  const { program, url, port } = await start();
  await using _ = program;
  await using page = await Page.open(url, port);
  page.isShowing = false;
  page.type("stty -echo -opost; head -c 3000000 /dev/zero | tr '\\0' x; echo end\n");
  await until(() => page.bytes > WINDOW, "a full window");
  // What comes now was sent before the window was full.
  let last = -1;
  await until(() => {
    const isStuck = last === page.bytes;
    last = page.bytes;
    return isStuck;
  }, "a shell that waits");
  assertLess(page.bytes, 2 * WINDOW);
  page.isShowing = true;
  page.show(page.bytes);
  await page.untilPrinted(/xend/);
  assertEquals(/x{3000000}end/.test(page.text), true);
});

/** The status of a request whose headers are written by hand. */
async function status(port: number, path: string, headers: Record<string, string>) {
  using connection = await Deno.connect({ port });
  const lines = Object.entries({ connection: "close", ...headers }).map(([n, v]) =>
    `${n}: ${v}\r\n`
  );
  const request = `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
  await connection.write(new TextEncoder().encode(request));
  const buffer = new Uint8Array(4096);
  const count = await connection.read(buffer);
  return Number(new TextDecoder().decode(buffer.subarray(0, count!)).split(" ")[1]);
}

terminalTest("The terminal refuses other Hosts, Origins and tokens", async () => {
  const { program, port, token } = await start();
  await using _ = program;
  const host = `127.0.0.1:${port}`;
  const origin = `http://${host}`;
  const upgrade = {
    connection: "upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  const page = `/${token}/`;
  const socket = `/${token}/socket`;
  assertEquals(await status(port, page, { host }), 200);
  assertEquals(await status(port, socket, { host, origin, ...upgrade }), 101);

  assertEquals(await status(port, page, { host: `example.com:${port}` }), 403);
  assertEquals(await status(port, page, { host: "127.0.0.1.example.com:80" }), 403);
  assertEquals(await status(port, page, { host, origin: "http://example.com" }), 403);
  assertEquals(await status(port, socket, { host, origin: "null", ...upgrade }), 403);
  assertEquals(
    await status(port, socket, { host, origin: `http://localhost:${port}`, ...upgrade }),
    403,
  );
  assertEquals(await status(port, socket, { host, ...upgrade }), 403);
  assertEquals(
    await status(port, socket, { host: "example.com", origin: "http://example.com", ...upgrade }),
    403,
  );
  const other = crypto.randomUUID();
  for (
    const path of ["/", "/socket", `/${other}/`, `/${other}/socket`, `/${token}`, `${page}etc`]
  ) {
    assertEquals(await status(port, path, { host, origin, ...upgrade }), 404, path);
  }
  assertEquals(await status(port, `${page}../../deno.json`, { host }), 404);
  assertEquals(await status(port, `${page}..%2f..%2fdeno.json`, { host }), 404);
});

terminalTest("The terminal listens on 127.0.0.1 only", async () => {
  const { program, port } = await start();
  await using _ = program;
  const addresses = Deno.networkInterfaces().filter(({ family, name }) => {
    return family === "IPv4" && name !== "lo";
  });
  for (const { address } of addresses) {
    const error = await Deno.connect({ hostname: address, port }).then(
      (connection) => connection.close(),
      (error) => error,
    );
    assert(error instanceof Deno.errors.ConnectionRefused, `${address}: ${error}`);
  }
});

Deno.test({
  name: "The terminal's page shows a shell in Chromium, follows its size, and says when it exits" +
    (chromium === undefined ? " (needs bash and chromium)" : ""),
  ignore: chromium === undefined,
  sanitizeOps: false, // playwright-core keeps what it opened for the whole process
  sanitizeResources: false,
  async fn() {
    const { program, url } = await start();
    await using _ = program;
    const playwright = await import(PLAYWRIGHT);
    const { stdout: executablePath } = await run("which", [chromium!]);
    const browser = await playwright.chromium.launch({
      executablePath: executablePath.trim(),
      args: ["--no-sandbox"],
      timeout: 2 * LIMIT, // the first start on a machine takes long
    });
    try {
      const page = await browser.newPage({ viewport: { width: 1000, height: 460 } });
      page.setDefaultTimeout(LIMIT);
      const errors: string[] = [];
      page.on("pageerror", (error: Error) => errors.push(error.message));
      await page.goto(url);
      await page.getByText("connected").waitFor();
      const line = (text: RegExp) => page.locator(".xterm-rows > div", { hasText: text }).last();
      const type = (text: string) => page.keyboard.type(`${text}\n`);
      const size = async () => {
        await type("clear; echo size: $(stty size)");
        const text = await line(/^size: \d+ \d+\s*$/).textContent();
        return text.trim().split(" ").slice(1).map(Number);
      };

      await type("PS1='$ '; clear");
      const [rows, columns] = await size();
      assert(columns! > 90 && rows! > 15, `${columns} × ${rows}`);
      await type("clear; tty; ls -p --color=always; seq 3 | sed 's/^/line /'");
      await line(/^line 3\s*$/).waitFor();
      await type("head -3 examples/terminal/shell.ts");
      await line(/A shell on a pseudoterminal/).waitFor();
      await screenshot(page, "terminal");

      await page.setViewportSize({ width: 390, height: 760 }); // a phone
      await line(/line 3/).waitFor();
      const [phoneRows, phoneColumns] = await size();
      assert(phoneColumns! < columns! && phoneColumns! > 30, `${phoneColumns}`);
      assert(phoneRows! > rows!);
      const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
      assertEquals(overflow, 0);
      await screenshot(page, "terminal-phone");

      await type("exit 3");
      await page.getByText("The shell has exited (3)").waitFor();
      assertEquals(errors, []);
    } finally {
      await browser.close();
    }
  },
});

/** Keeps a picture of the page where `SELECTORS_SCREENSHOT` names a folder, such as docs. */
async function screenshot(
  page: { screenshot(options: { path: string }): Promise<unknown> },
  name: string,
): Promise<void> {
  const folder = Deno.env.get("SELECTORS_SCREENSHOT");
  if (folder !== undefined) await page.screenshot({ path: `${folder}/${name}.png` });
}

terminalTest("The terminal says in one line that its port is taken, and exits 1", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const { code, stdout, stderr } = await run(DENO, ["run", ...FLAGS, path(EXAMPLE), `${port}`]);
  assertEquals({ code, stdout }, { code: 1, stdout: "" });
  assertMatch(stderr, /^.*in use.*\n$/);
});
