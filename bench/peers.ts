/**
 * The echo servers that are measured side by side: how each is built and started. A server whose
 * compiler or runtime is missing on this machine is left out, and the report says why.
 *
 * @module
 */

import { hasCommand, path, run } from "./programs.ts";

/** An echo server, ready to be started: it prints `listening on HOST:PORT`. */
export interface Peer {
  readonly name: string;
  readonly command: string[];
}

/** The server that all ratios refer to: the example as users run it. */
export const OURS = "selectors";

const EXAMPLE = ["run", "--allow-ffi", path("examples/echo_server.ts"), "--quiet", "--port", "0"];
const RING_EXAMPLE = [
  Deno.execPath(),
  "run",
  "--allow-ffi",
  path("examples/echo_server_ring.ts"),
  "--quiet",
  "--port",
  "0",
];
const CACHE = path("bench/.cache"); // not in git

const PEERS: Record<string, (directory: string) => Promise<string[]> | string[]> = {
  [OURS]: () => [Deno.execPath(), ...EXAMPLE],
  "selectors, blocking": () => [Deno.execPath(), ...EXAMPLE, "--blocking"],
  "selectors, for await": () => [Deno.execPath(), "run", "--allow-ffi", peer("for_await.ts")],
  ring: () => [...RING_EXAMPLE],
  "ring, blocking": () => [...RING_EXAMPLE, "--blocking"],
  "C io_uring": (directory) => compile(peer("io_uring.c"), directory),
  "C epoll": (directory) => compile(peer("epoll.c"), directory),
  "C libuv": (directory) => compile(peer("libuv.c"), directory, "-luv"),
  "Go net": async (directory) => {
    const program = `${directory}/net`;
    await must("go", ["build", "-o", program, peer("net.go")]);
    return [program];
  },
  "CPython selectors": async () => [await python(), peer("selectors_echo.py")],
  "CPython asyncio": async () => [await python(), peer("asyncio_echo.py")],
  "Deno.listen": () => [Deno.execPath(), "run", "--allow-net", peer("deno_listen.ts")],
  "Deno node:net": () => [Deno.execPath(), "run", "--allow-net", peer("node_net.mjs")],
  "Node node:net": () => [installed("node"), peer("node_net.mjs")],
  "Bun.listen": async () => [await bun(), peer("bun_listen.mjs")],
};

/** The names of all peers that this bench knows. */
export const PEER_NAMES: readonly string[] = Object.keys(PEERS);

/** Builds the servers in a directory. Returns those that could not be built with the reason. */
export async function buildPeers(
  names: readonly string[],
  directory: string,
): Promise<{ peers: Peer[]; missing: { name: string; reason: string }[] }> {
  const peers: Peer[] = [];
  const missing: { name: string; reason: string }[] = [];
  for (const name of names) {
    try {
      peers.push({ name, command: await PEERS[name]!(directory) });
    } catch (error) {
      missing.push({ name, reason: (error as Error).message });
    }
  }
  return { peers, missing };
}

/** Compiles a C program into a directory. */
export async function compile(
  source: string,
  directory: string,
  ...libraries: string[]
): Promise<[string]> {
  const program = `${directory}/${source.replace(/.*\/(.*)\.c/, "$1")}`;
  await must("cc", ["-O2", "-o", program, source, ...libraries]);
  return [program];
}

/** The interpreter itself, because a version manager's wrapper would be measured too. */
export async function python(): Promise<string> {
  return (await must("python3", ["-c", "import sys; print(sys.executable)"])).trim();
}

function peer(file: string): string {
  return path(`bench/peers/${file}`);
}

async function bun(): Promise<string> {
  if (hasCommand("bun")) return "bun";
  await must("npm", ["install", "--silent", "--no-save", "--prefix", CACHE, "bun@1"]);
  const program = `${CACHE}/node_modules/.bin/bun`;
  await must(program, ["--version"]);
  return program;
}

function installed(command: string): string {
  if (!hasCommand(command)) throw new Error(`${command} is not installed`);
  return command;
}

async function must(command: string, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(installed(command), args);
  if (code === 0) return stdout;
  const why = stderr.split("\n").find((line) => line.includes("error")) ?? stderr.split("\n")[0];
  throw new Error(`${command} failed: ${why}`);
}
