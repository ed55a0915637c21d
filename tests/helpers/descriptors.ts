/**
 * Real descriptors for the tests, which are closed when their block ends.
 *
 * @module
 */

import {
  close,
  F_DUPFD_CLOEXEC,
  F_GETFD,
  F_SETFD,
  F_SETFL,
  fcntl,
  FD_CLOEXEC,
  HANDLE_FLAG_INHERIT,
  O_NONBLOCK,
  osError,
  pipe,
  poll,
  pollfd,
  POLLIN,
  read,
  recv,
  send,
  write,
} from "../../ffi/mod.ts";
import { Socket } from "../../mod.ts";
import { isOpen } from "../../os/descriptor.ts";
import { reactor } from "../../selectors/reactor.ts";
import { isPoolAsked } from "../../selectors/turns.ts";
import { settleQueues } from "./mechanisms.ts";

// Opens libc once, at import, so that the resource sanitizer does not count it as a leak of a test.
new Socket().close();

// On a busy machine a call in the thread pool may return after the wait that made it has ended. The
// sanitizer of async operations runs after this. A program that is no test has no hooks.
Deno.test.afterEach?.(async () => {
  for (const end = performance.now() + 5000; reactor.isCalling || isPoolAsked();) {
    if (performance.now() > end) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
});

const isWindows = Deno.build.os === "windows";

/** A pipe; on Windows, which polls sockets only, a pair of sockets. */
export class Pipe implements Disposable {
  readonly reader: number;
  readonly writer: number;

  constructor() {
    if (isWindows) {
      const [reader, writer] = Socket.pair();
      for (const socket of [reader, writer]) socket.setBlocking(false);
      [this.reader, this.writer] = [reader.detach(), writer.detach()];
      return;
    }
    const fds = new Int32Array(2);
    if (pipe(fds) === -1) throw osError("pipe", ""); // macOS has no pipe2
    for (const fd of fds) {
      fcntl(fd, F_SETFD, FD_CLOEXEC);
      fcntl(fd, F_SETFL, O_NONBLOCK);
    }
    [this.reader, this.writer] = fds as unknown as [number, number];
  }

  /** Makes the reading end readable. */
  fill(): void {
    if (isWindows) fillSocket(this.writer, this.reader);
    else write(this.writer, new Uint8Array([1]), 1);
  }

  /** Writes until there is no room left. */
  fillUp(): void {
    const bytes = new Uint8Array(4096);
    if (isWindows) { while (send(this.writer, bytes, bytes.length, 0) > 0); }
    else while (write(this.writer, bytes, bytes.length) > 0);
  }

  /** Reads what the pipe holds. */
  drain(): void {
    if (isWindows) { while (recv(this.reader, new Uint8Array(4096), 4096, 0) > 0); }
    else while (read(this.reader, new Uint8Array(4096), 4096) > 0);
  }

  [Symbol.dispose](): void {
    close(this.reader);
    close(this.writer);
  }
}

/** Sends a byte and waits until it has arrived, which takes time over loopback. */
function fillSocket(writer: number, reader: number): void {
  send(writer, new Uint8Array([1]), 1, 0);
  const fds = new Uint8Array(pollfd.size);
  pollfd.write(fds, { fd: reader, events: POLLIN, revents: 0 });
  poll(fds, 1, 1000);
}

/**
 * A pipe with an end of the number `fd`, which must be free. POSIX gives the lowest free number;
 * Windows may give it to a later pipe.
 */
export function pipeAt(fd: number, stack: DisposableStack): Pipe {
  for (let tries = 0; tries < 1000; tries++) {
    const pipe = stack.use(new Pipe());
    if (pipe.reader === fd || pipe.writer === fd) return pipe;
  }
  throw new Error(`${fd} is not used again`);
}

/** A pair of connected stream sockets. */
export class Pair implements Disposable {
  readonly left: Socket;
  readonly right: Socket;

  constructor([left, right] = Socket.pair()) {
    this.left = left;
    this.right = right;
  }

  [Symbol.dispose](): void {
    this.left.close();
    this.right.close();
  }
}

/** A pair of TCP sockets connected over loopback. */
export function tcpPair(): Pair {
  using server = new Socket();
  server.bind({ hostname: "127.0.0.1", port: 0 });
  server.listen();
  const client = new Socket();
  client.connect(server.localAddress);
  return new Pair([client, server.accept()!]);
}

/** A temporary regular file, open for reading and writing. */
export class RegularFile implements Disposable {
  readonly fd: number;

  constructor(text: string) {
    const path = Deno.makeTempFileSync();
    Deno.writeTextFileSync(path, text);
    // Deno does not expose the descriptors of its files: find the one that opens.
    const before = Array.from({ length: 4096 }, (_, fd) => isOpen(fd));
    using _file = Deno.openSync(path, { read: true, write: true });
    this.fd = fcntl(before.findIndex((was, fd) => !was && isOpen(fd)), F_DUPFD_CLOEXEC, 0);
    Deno.removeSync(path);
  }

  /** Reads to the end of the file. */
  readAll(): void {
    while (read(this.fd, new Uint8Array(4096), 4096) > 0);
  }

  [Symbol.dispose](): void {
    close(this.fd);
  }
}

/**
 * The number of open descriptors below a few thousand; on Windows, of sockets, whose numbers are
 * multiples of 4.
 */
export function openDescriptors(): number {
  settleQueues();
  let count = 0;
  for (let fd = 0; fd < 4096; fd += isWindows ? 4 : 1) {
    if (isOpen(fd)) count++;
  }
  return count;
}

/** Whether a descriptor is close-on-exec. */
export function isCloseOnExec(fd: number): boolean {
  if (!isWindows) return (fcntl(fd, F_GETFD) & FD_CLOEXEC) !== 0;
  const flags = new Uint32Array([HANDLE_FLAG_INHERIT]);
  const kernel32 = Deno.dlopen("kernel32.dll", {
    GetHandleInformation: {
      parameters: ["usize", "buffer"], // HANDLE hObject, LPDWORD lpdwFlags
      result: "i32",
    },
  });
  const result = kernel32.symbols.GetHandleInformation(BigInt(fd), flags);
  kernel32.close();
  if (result === 0) throw new Error(`${fd} is no handle`);
  return (flags[0]! & HANDLE_FLAG_INHERIT) === 0;
}
