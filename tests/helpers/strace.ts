/**
 * strace(1), for the tests that hold our trace against it.
 *
 * @module
 */

import { hasCommand, run } from "./programs.ts";

/** Whether this machine has an strace whose lines ours are meant to equal, and may use it. */
export const canStrace: boolean = Deno.build.os === "linux" && Deno.build.arch === "x86_64" &&
  hasCommand("strace") && (await run("strace", ["-o", "/dev/null", "true"])).code === 0;

// The syscalls behind the calls of ffi/mod.ts.
const TRACED =
  "epoll_create1,epoll_ctl,epoll_wait,epoll_pwait2,poll,ppoll,select,pselect6,eventfd2," +
  "pipe,pipe2,dup3,fcntl,read,write,close,socket,socketpair,bind,connect,listen,accept,accept4," +
  "getsockname,getpeername,recvfrom,sendto,getsockopt,setsockopt,shutdown";

/** The command line that runs `args` under strace, which writes what it sees to `file`. */
export function straceArgs(file: string, args: string[]): string[] {
  return ["-f", "-e", `trace=${TRACED}`, "-o", file, ...args];
}

/** What strace wrote: one call a line, those that another thread's line had cut in two made whole. */
export function parseStrace(text: string): { thread: number; line: string }[] {
  const calls: { thread: number; line: string }[] = [];
  const unfinished = new Map<number, { thread: number; line: string }>();
  for (const [, id, line] of text.matchAll(/^(\d+) +(.*)$/gm)) {
    const thread = Number(id);
    const begun = / *<unfinished \.\.\.>$/.exec(line!);
    const resumed = /^<\.\.\. \w+ resumed>/.exec(line!);
    if (begun) {
      const call = { thread, line: line!.slice(0, begun.index) };
      // As it is parted: "read(3, " and "poll([…], 1, -1" alike lose the spaces before the mark.
      if (call.line.endsWith(",")) call.line += " ";
      unfinished.set(thread, call);
    } else if (resumed) {
      const call = unfinished.get(thread)!;
      calls.push({ thread, line: aligned(call.line + line!.slice(resumed[0].length)) });
    } else if (/^\w+\(/.test(line!)) { // not a signal, nor the end of a thread
      calls.push({ thread, line: aligned(line!) });
    }
  }
  return calls;
}

/** One of our lines as strace prints the same call. `docs/tracing.md` gives the reason for each difference. */
export function asStrace(line: string): string {
  return withoutTimeLeft(line)
    .replace(/^recv\((.*)\) = /, "recvfrom($1, NULL, NULL) = ")
    .replace(/^send\((.*)\) = /, "sendto($1, NULL, 0) = ")
    .replace(/^pipe\((.*)\) = /, "pipe2($1, 0) = ")
    .replace(/^eventfd\(/, "eventfd2(")
    .replace(/^select\((.*)\) = /, "pselect6($1, NULL) = ")
    .replace(/tv_usec=(\d+)/, (_, microseconds) => `tv_nsec=${Number(microseconds) * 1000}`)
    .replace("ENOTSUP (", "EOPNOTSUPP (");
}

/** A line without how much of the timeout was left: libc copies the timeout of ppoll(), and no two runs are alike. */
export function withoutTimeLeft(line: string): string {
  return line.replace(/,? ?left \{[^}]*\}/, "").replace(" ()", "");
}

/** strace pads the arguments so that results stand below each other. */
function aligned(line: string): string {
  return line.replace(/\) += /, ") = ");
}
