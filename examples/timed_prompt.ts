/**
 * Asks a question on standard input with a time limit, and loses nothing of what is typed later:
 * the next question gets it. With Deno alone a read that was given up stays pending and takes the
 * next line away.
 *
 *     deno run --allow-ffi examples/timed_prompt.ts [SECONDS]
 */

import { osError, read } from "../ffi/mod.ts";
import { isOsError, readable } from "../mod.ts";

const STDIN = 0;
const NEWLINE = 10;

const seconds = Number(Deno.args[0] ?? 5);
if (Deno.build.os === "windows" || !(seconds >= 0)) {
  console.error(
    seconds >= 0 ? "Windows cannot wait for standard input" : "Usage: timed_prompt.ts [SECONDS]",
  );
  Deno.exit(2);
}

const buffer = new Uint8Array(65536);
let length = 0; // bytes in `buffer` that were read and not returned yet
try {
  const name = await ask(`What is your name? (${seconds} s) `, AbortSignal.timeout(seconds * 1000));
  console.log(name === null ? "\nThat was the end of the input." : `Hello, ${name}!`);
} catch (error) {
  if ((error as Error).name !== "TimeoutError") throw error;
  console.log("\nThat took too long. What you type is not lost:");
  const name = await ask("What is your name? ");
  console.log(name === null ? "\nThat was the end of the input." : `Hello, ${name}!`);
}

/** Prints a question and returns the next line, or null at the end of the input. */
async function ask(question: string, signal?: AbortSignal): Promise<string | null> {
  await Deno.stdout.write(new TextEncoder().encode(question));
  for (let start = 0;;) {
    const end = buffer.subarray(start, length).indexOf(NEWLINE);
    if (end !== -1) return take(start + end, 1);
    if (length === buffer.length) return take(length, 0); // a line that is too long: its beginning
    start = length;
    await untilReadable(signal);
    // This does not wait, because something is there. A read without O_NONBLOCK, which would change
    // standard input for every process that shares it.
    const rest = buffer.subarray(length);
    const count = read(STDIN, rest, rest.length);
    if (count === -1) throw osError("read", STDIN);
    if (count === 0) return length > 0 ? take(length, 0) : null;
    length += count;
  }
}

/** Removes the first `end` bytes from the buffer, and `skipped` more, and returns them as text. */
function take(end: number, skipped: number): string {
  const line = new TextDecoder().decode(buffer.subarray(0, end));
  buffer.copyWithin(0, end + skipped, length);
  length -= end + skipped;
  return line;
}

async function untilReadable(signal?: AbortSignal): Promise<void> {
  try {
    await readable(STDIN, signal === undefined ? {} : { signal });
  } catch (error) {
    // epoll refuses regular files, which are always readable.
    if (!isOsError(error) || error.code !== "EPERM") throw error;
  }
}
