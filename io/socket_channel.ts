/**
 * A socket's bytes, for the operations of ByteStream.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import type { Channel } from "./byte_stream.ts";
import type { Socket } from "./socket.ts";

/** Receives and sends without waiting, even if other code changes O_NONBLOCK. */
export class SocketChannel implements Channel {
  readonly unit: "bytes" | "packet" | "datagram";
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.unit = socket.type === c.SOCK_STREAM
      ? "bytes"
      : socket.type === c.SOCK_SEQPACKET
      ? "packet"
      : "datagram";
  }

  fileno(): number {
    if (this.#socket.closed) throw new Deno.errors.BadResource("The socket is closed");
    this.#unblock();
    return this.#socket.fileno();
  }

  tryRead(p: Uint8Array): number | null {
    this.#unblock();
    return this.#socket.recvInto(p, c.MSG_DONTWAIT);
  }

  tryWrite(p: Uint8Array): number | null {
    this.#unblock();
    return this.#socket.send(p, c.MSG_DONTWAIT);
  }

  endWriting(): void {
    try {
      this.#socket.shutdown("write");
    } catch (error) {
      // The peer has reset the connection, and waits for nothing.
      if (!(error instanceof Deno.errors.NotConnected)) throw error;
    }
  }

  close(): void {
    this.#socket.close();
  }

  #unblock(): void {
    if (this.#socket.blocking) this.#socket.setBlocking(false);
  }
}
