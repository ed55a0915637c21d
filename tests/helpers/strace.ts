/**
 * strace(1), for the tests that compare our trace with it.
 *
 * @module
 */

import { hasCommand, run } from "./programs.ts";

/** Whether this machine has an strace that our lines should equal, and is allowed to use it. */
export const canStrace: boolean = Deno.build.os === "linux" && Deno.build.arch === "x86_64" &&
  hasCommand("strace") && (await run("strace", ["-o", "/dev/null", "true"])).code === 0;

// The syscalls behind the calls of ffi/mod.ts.
const TRACED =
  "epoll_create1,epoll_ctl,epoll_wait,epoll_pwait2,poll,ppoll,select,pselect6,eventfd2," +
  "pipe,pipe2,dup3,fcntl,read,write,close,socket,socketpair,bind,connect,listen,accept,accept4," +
  "openat,getsockname,getpeername,recvfrom,sendto,recvmsg,sendmsg,getsockopt,setsockopt,shutdown";

/** The command line that runs `args` under strace, with its output in `file`. */
export function straceArgs(file: string, args: string[]): string[] {
  return ["-f", "-e", `trace=${TRACED}`, "-o", file, ...args];
}

/** The calls that strace wrote, one per line; joins calls that another thread's line split. */
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

/**
 * Converts one of our lines to what strace prints for the same call. `docs/tracing.md` explains the
 * differences.
 */
export function asStrace(line: string): string {
  return withoutTimeLeft(line)
    .replace(/^recv\((.*)\) = /, "recvfrom($1, NULL, NULL) = ")
    .replace(/^send\((.*)\) = /, "sendto($1, NULL, 0) = ")
    .replace(/^open\(/, "openat(AT_FDCWD, ")
    .replace(/^pipe\((.*)\) = /, "pipe2($1, 0) = ")
    .replace(/^eventfd\(/, "eventfd2(")
    .replace(/^select\((.*)\) = /, "pselect6($1, NULL) = ")
    .replace(/tv_usec=(\d+)/, (_, microseconds) => `tv_nsec=${Number(microseconds) * 1000}`)
    .replace("ENOTSUP (", "EOPNOTSUPP (");
}

/** Removes the remaining timeout of ppoll() from a line: libc copies it, and it varies. */
export function withoutTimeLeft(line: string): string {
  return line.replace(/,? ?left \{[^}]*\}/, "").replace(" ()", "");
}

/** Removes the padding by which strace aligns results. */
function aligned(line: string): string {
  return line.replace(/\) += /, ") = ");
}
