/**
 * Real descriptors for the tests, closed when their block ends.
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
  O_NONBLOCK,
  osError,
  pipe,
  read,
  write,
} from "../ffi/mod.ts";
import { Socket } from "../mod.ts";
import { settleQueues } from "./selectors.ts";

// libc is opened here once, at import, so that no test is held responsible for the library that it opened.
new Socket().close();

/** A pipe. */
export class Pipe implements Disposable {
  readonly reader: number;
  readonly writer: number;

  constructor() {
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
    write(this.writer, new Uint8Array([1]), 1);
  }

  /** Takes what is in it. */
  drain(): void {
    while (read(this.reader, new Uint8Array(4096), 4096) > 0);
  }

  [Symbol.dispose](): void {
    close(this.reader);
    close(this.writer);
  }
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

/** A regular file of its own, open for reading and writing. */
export class RegularFile implements Disposable {
  readonly fd: number;

  constructor(text: string) {
    const path = Deno.makeTempFileSync();
    Deno.writeTextFileSync(path, text);
    // Deno does not tell the descriptors of its files: it is the one that comes to be open.
    const before = Array.from({ length: 4096 }, (_, fd) => isOpen(fd));
    using _file = Deno.openSync(path, { read: true, write: true });
    this.fd = fcntl(before.findIndex((was, fd) => !was && isOpen(fd)), F_DUPFD_CLOEXEC, 0);
    Deno.removeSync(path);
  }

  /** Reads to its end. */
  readAll(): void {
    while (read(this.fd, new Uint8Array(4096), 4096) > 0);
  }

  [Symbol.dispose](): void {
    close(this.fd);
  }
}

/** How many descriptors this process has open, of the first few thousand. */
export function openDescriptors(): number {
  settleQueues();
  let count = 0;
  for (let fd = 0; fd < 4096; fd++) {
    if (isOpen(fd)) count++;
  }
  return count;
}

function isOpen(fd: number): boolean {
  return fcntl(fd, F_GETFD) !== -1;
}
