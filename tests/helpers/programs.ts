/**
 * Programs that the tests start: fixtures under this Deno, and tools of the machine.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/** The Deno to start; `SELECTORS_DENO` names another, such as an emulator's wrapper. */
export const DENO = Deno.env.get("SELECTORS_DENO") ?? Deno.execPath();

const decoder = new TextDecoder();

/** The path of a file of the repository, from a path relative to its root. */
export function path(relative: string): string {
  return fileURLToPath(new URL(`../../${relative}`, import.meta.url));
}

/** Whether the machine has a command. */
export function hasCommand(name: string): boolean {
  try {
    return new Deno.Command("sh", { args: ["-c", `command -v ${name}`], stdout: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

/** Runs a program to its end. */
export async function run(
  command: string,
  args: string[],
  options: Deno.CommandOptions = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const output = await new Deno.Command(command, { args, stdin: "null", ...options }).output();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

/** Runs a TypeScript program of this project to its end, with all permissions. */
export function runProgram(
  relative: string,
  args: string[] = [],
): Promise<{ code: number; stdout: string; stderr: string }> {
  return run(DENO, ["run", "-A", path(relative), ...args]);
}

/** A program that is under way, read line by line. */
export class Program implements AsyncDisposable {
  readonly child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #rest = "";

  constructor(command: string, args: string[], options: Deno.CommandOptions = {}) {
    this.child = new Deno.Command(command, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
      ...options,
    }).spawn();
    this.#lines = this.child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** A TypeScript program of this project. */
  static start(relative: string, args: string[] = [], flags: string[] = ["-A"]): Program {
    return new Program(DENO, ["run", ...flags, path(relative), ...args]);
  }

  /** The next line of its standard output; null at the end. */
  async line(): Promise<string | null> {
    while (!this.#rest.includes("\n")) {
      const { done, value } = await this.#lines.read();
      if (done) return this.#rest === "" ? null : this.#rest;
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n");
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return line;
  }

  /** What is left of its output, once it has ended. */
  async rest(): Promise<string> {
    let text = this.#rest;
    for (;;) {
      const { done, value } = await this.#lines.read();
      if (done) return text;
      text += value;
    }
  }

  /** Closes the reading end of its standard output: what it prints from now on fails with EPIPE. */
  hangUp(): Promise<void> {
    return this.#lines.cancel();
  }

  /** Sends a signal, which does nothing when it has ended. */
  kill(signal: Deno.Signal): void {
    try {
      this.child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // "Child process has already terminated"
    }
  }

  /** Its exit code. */
  async code(): Promise<number> {
    return (await this.child.status).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.#lines.cancel();
    await this.child.status;
  }
}
