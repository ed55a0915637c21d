/**
 * The programs that the benchmarks start: compilers, loads, and the servers that are measured.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

const decoder = new TextDecoder();

/** The path of a file of the repository, from a path relative to its root. */
export function path(relative: string): string {
  return fileURLToPath(new URL(`../${relative}`, import.meta.url));
}

/** Whether the machine has a command. */
export function hasCommand(name: string): boolean {
  const { success } = new Deno.Command("sh", {
    args: ["-c", `command -v ${name}`],
    stdout: "null",
  }).outputSync();
  return success;
}

/** Runs a program to its end. */
export async function run(
  command: string,
  args: string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const output = await new Deno.Command(command, { args, stdin: "null" }).output();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

/** A server that says on its first line where it listens. It is killed when it is disposed of. */
export class Server implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  /** Starts it; an aborted signal ends it. */
  constructor(command: string, args: string[], signal: AbortSignal) {
    this.#child = new Deno.Command(command, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      signal,
    }).spawn();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The port in its line `listening on HOST:PORT`; undefined if it prints another one, or none. */
  async port(): Promise<string | undefined> {
    let text = "";
    const lines = this.#child.stdout.pipeThrough(new TextDecoderStream());
    for await (const part of lines.values({ preventCancel: true })) {
      text += part;
      if (text.includes("\n")) break;
    }
    return text.match(/^listening on .*:(\d+)/)?.[1];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // "Child process has already terminated"
    }
    await this.#child.status;
  }
}
