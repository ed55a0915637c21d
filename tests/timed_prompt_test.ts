/** examples/timed_prompt.ts, with a pipe and with a file as standard input. */

import { assertEquals } from "@std/assert";
import { openPty } from "../examples/pty.ts";
import { DENO, path, Program, run } from "./helpers/programs.ts";

const EXAMPLE = path("examples/timed_prompt.ts");
const FLAGS = ["run", "--no-prompt", "--allow-ffi"];
const QUESTION = "What is your name? ";
const TOO_LATE = `${QUESTION}(0.2 s) \nThat took too long. What you type is not lost:\n${QUESTION}`;

if (Deno.build.os !== "windows") openPty().master.close(); // opens libc before the tests
const notOnWindows = { ignore: Deno.build.os === "windows" };

/** The program with a pipe as its standard input. */
class Prompt implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(seconds: string) {
    this.#child = new Deno.Command(DENO, {
      args: [...FLAGS, EXAMPLE, seconds],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  async type(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(text));
  }

  /** Waits until the program has printed exactly this so far. */
  async untilPrinted(expected: string): Promise<void> {
    while (this.#text.length < expected.length) {
      const { value, done } = await this.#output.read();
      if (done) break;
      this.#text += value;
    }
    assertEquals(this.#text, expected);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    const { code } = await this.#child.status;
    await this.#output.cancel();
    assertEquals(code, 0);
  }
}

Deno.test({
  name: "timed_prompt.ts returns a line that is typed in time",
  ...notOnWindows,
  async fn() {
    await using prompt = new Prompt("60");
    await prompt.untilPrinted(`${QUESTION}(60 s) `);
    await prompt.type("Ada\n");
    await prompt.untilPrinted(`${QUESTION}(60 s) Hello, Ada!\n`);
  },
});

Deno.test({
  name: "timed_prompt.ts loses nothing that is typed after the time limit",
  ...notOnWindows,
  async fn() {
    await using prompt = new Prompt("0.2");
    await prompt.untilPrinted(TOO_LATE);
    await prompt.type("Grace\n");
    await prompt.untilPrinted(`${TOO_LATE}Hello, Grace!\n`);
  },
});

Deno.test({
  name: "timed_prompt.ts loses nothing that was typed in part before the time limit",
  ...notOnWindows,
  async fn() {
    await using prompt = new Prompt("0.2");
    const bytes = new TextEncoder().encode("Zoë\n");
    await prompt.type("Zo");
    await prompt.untilPrinted(TOO_LATE);
    await prompt.type(new TextDecoder().decode(bytes.subarray(2)));
    await prompt.untilPrinted(`${TOO_LATE}Hello, Zoë!\n`);
  },
});

Deno.test({
  name: "timed_prompt.ts reads the last line without a newline, and tells the end of the input",
  ...notOnWindows,
  async fn() {
    const ask = (input: string) => {
      const script = `printf '%s' '${input}' | exec "$@"`;
      return run("sh", ["-c", script, "sh", DENO, ...FLAGS, EXAMPLE]);
    };
    const question = `${QUESTION}(5 s) `;
    assertEquals((await ask("Ada")).stdout, `${question}Hello, Ada!\n`);
    assertEquals((await ask("")).stdout, `${question}\nThat was the end of the input.\n`);
  },
});

Deno.test({
  name: "timed_prompt.ts takes a regular file as standard input",
  ...notOnWindows,
  async fn() {
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, "Ada\nGrace\n");
    const script = 'exec "$@" <"$0"';
    const { code, stdout, stderr } = await run("sh", [
      "-c",
      script,
      file,
      DENO,
      ...FLAGS,
      EXAMPLE,
    ]);
    await Deno.remove(file);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    assertEquals(stdout, `${QUESTION}(5 s) Hello, Ada!\n`);
  },
});

Deno.test({
  name: "timed_prompt.ts loses nothing that is typed on a terminal after the time limit",
  ...notOnWindows,
  async fn() {
    const { master, path: terminal } = openPty();
    using keyboard = master;
    const script = 'exec "$@" <"$0"';
    const args = ["-c", script, terminal, DENO, ...FLAGS, EXAMPLE, "0.2"];
    await using program = new Program("sh", args);
    assertEquals(await program.line(), `${QUESTION}(0.2 s) `);
    await keyboard.write(new TextEncoder().encode("Gra")); // stays in the terminal's line
    assertEquals(await program.line(), "That took too long. What you type is not lost:");
    await keyboard.write(new TextEncoder().encode("ce\n"));
    assertEquals(await program.line(), `${QUESTION}Hello, Grace!`);
    assertEquals([await program.rest(), await program.code()], ["", 0]);
  },
});

Deno.test("timed_prompt.ts says in one line what is wrong with its argument, and exits 2", async () => {
  const { code, stdout } = await run(DENO, [...FLAGS, EXAMPLE, "soon"]);
  assertEquals({ code, stdout }, { code: 2, stdout: "" });
});
