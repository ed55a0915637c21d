/**
 * A shell on a pseudoterminal, at the other end of a WebSocket. Binary messages are what is typed
 * and what is printed. Text messages are the page's: `{ columns, rows }` resizes the terminal, and
 * `{ shown }` says how many bytes the page has shown.
 *
 * @module
 */

import { openPty, resize } from "../pty.ts";

const WINDOW = 262_144; // bytes that the page may be behind: then the shell waits

/** Runs a shell until it exits or the page leaves. */
export async function runShell(socket: WebSocket): Promise<void> {
  const { master, path } = openPty();
  socket.binaryType = "arraybuffer";
  // `detached` makes a session (setsid(2)), and the first terminal that its leader opens becomes
  // its controlling terminal: on Linux and macOS. FreeBSD and NetBSD need an ioctl for that, so
  // bash has no job control there.
  const shell = new Deno.Command("sh", {
    args: ["-c", 'exec bash <>"$0" >&0 2>&0', path],
    env: { TERM: "xterm-256color" },
    detached: true,
    stdin: "null",
  }).spawn();

  const input = master.writable.getWriter();
  let behind = 0; // bytes that were sent and not shown yet
  let progress = Promise.withResolvers<void>();
  socket.addEventListener("message", ({ data }) => {
    if (data instanceof ArrayBuffer) {
      input.write(new Uint8Array(data)).catch(() => {}); // fails when the shell has exited
      return;
    }
    const { shown, columns, rows } = JSON.parse(data);
    if (shown !== undefined) {
      behind -= shown;
      progress.resolve();
    } else if (!master.closed) {
      resize(master, columns, rows);
    }
  });
  socket.addEventListener("close", () => {
    master.close(); // the shell gets SIGHUP
    progress.resolve();
  });

  try {
    for await (const bytes of master.readable) {
      if (socket.readyState !== WebSocket.OPEN) break;
      socket.send(bytes);
      behind += bytes.length;
      while (behind > WINDOW && !master.closed) {
        progress = Promise.withResolvers();
        await progress.promise;
      }
    }
  } catch {
    // The page has left, and master is closed.
  }
  master.close();
  const { code } = await shell.status;
  if (socket.readyState === WebSocket.OPEN) socket.close(1000, `The shell has exited (${code})`);
}
