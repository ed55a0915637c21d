/**
 * Real descriptors for the tests, closed when their block ends.
 *
 * @module
 */

import {
  close,
  F_GETFD,
  fcntl,
  O_CLOEXEC,
  O_NONBLOCK,
  osError,
  pipe2,
  read,
  write,
} from "../ffi/mod.ts";
import { Socket } from "../mod.ts";

// libc is opened here once, at import, so that no test is held responsible for the library that it opened.
new Socket().close();

/** A pipe. */
export class Pipe implements Disposable {
  readonly reader: number;
  readonly writer: number;

  constructor() {
    const fds = new Int32Array(2);
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) === -1) throw osError("pipe2", "");
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

/** How many descriptors this process has open, of the first few thousand. */
export function openDescriptors(): number {
  let count = 0;
  for (let fd = 0; fd < 4096; fd++) {
    if (fcntl(fd, F_GETFD) !== -1) count++;
  }
  return count;
}
