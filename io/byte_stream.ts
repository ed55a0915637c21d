/**
 * Reading and writing bytes on Deno's event loop, in the shape of Deno.Conn and Deno.FsFile: what
 * Socket and Descriptor share. Every operation tries first, and waits only when the attempt says
 * that it would block. Bytes leave the kernel only in an attempt whose result is delivered, so
 * cancelling loses none.
 *
 * @module
 */

import { readable, writable } from "../selectors/ready.ts";

/** What ends a wait. */
export interface WaitOptions {
  /** Ends the wait when it is aborted: the promise rejects with `signal.reason`. */
  signal?: AbortSignal;
}

/** Bytes to read and write on Deno's event loop, as Deno.Conn and Deno.FsFile offer them. */
export interface ByteStream {
  /**
   * Reads at least one byte.
   *
   * @param p Where to put the bytes; its length is the most to read.
   * @param options `signal` ends the wait; no byte is lost.
   * @returns The number of bytes; null at the end of the stream.
   */
  read(p: Uint8Array, options?: WaitOptions): Promise<number | null>;
  /**
   * Writes at least one byte.
   *
   * @param p The bytes.
   * @param options `signal` ends the wait.
   * @returns How many of the bytes the kernel took, which may be fewer than given.
   */
  write(p: Uint8Array, options?: WaitOptions): Promise<number>;
  /** Everything that arrives, as a byte stream that reads only when it is asked to. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Writes all of each chunk, in order, with backpressure. */
  readonly writable: WritableStream<Uint8Array>;
}

/** What the bytes go through: calls that never wait. null means "would block". */
export interface Channel {
  /** The descriptor; throws Deno.errors.BadResource when it is closed. */
  fileno(): number;
  /** 0 is the end of the stream. */
  tryRead(p: Uint8Array): number | null;
  tryWrite(p: Uint8Array): number | null;
  /** What one call reads: bytes of a stream, a packet of a connection, or a datagram. */
  readonly unit: "bytes" | "packet" | "datagram";
  /** Tells the peer that nothing follows, where that is possible. */
  endWriting(): void;
  close(): void;
}

/** The directions that a descriptor is open for. */
export interface Directions {
  readonly read: boolean;
  readonly write: boolean;
}

const CHUNK_SIZE = 65536; // bytes, Deno.Conn's

// Where the streams of this thread read first, so that a connection that waits holds no memory.
let spareChunk: Uint8Array<ArrayBuffer> | undefined;

/** The operations of ByteStream on a channel. */
export class Bytes implements ByteStream {
  readonly #channel: Channel;
  readonly #reading = new Turns();
  readonly #writing = new Turns();
  readonly #cancelled = new AbortController();
  readonly #open: { read: boolean; write: boolean };
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #pulling: Promise<void> | undefined; // the last chunk of it
  #writable: WritableStream<Uint8Array> | undefined;

  constructor(channel: Channel, { read, write }: Directions) {
    this.#channel = channel;
    this.#open = { read, write };
  }

  async read(p: Uint8Array, options: WaitOptions = {}): Promise<number | null> {
    checkBytes(p);
    options.signal?.throwIfAborted();
    const channel = this.#channel;
    const fd = channel.fileno();
    if (p.length === 0) return 0;
    if (!this.#reading.enter()) await this.#reading.wait(options.signal);
    try {
      const attempt = () => channel.tryRead(stillThere(p, 1));
      const count = await readable(fd, attempt, options);
      return count === 0 && channel.unit !== "datagram" ? null : count;
    } finally {
      this.#reading.leave();
    }
  }

  async write(p: Uint8Array, options: WaitOptions = {}): Promise<number> {
    checkBytes(p);
    options.signal?.throwIfAborted();
    const channel = this.#channel;
    const fd = channel.fileno();
    if (p.length === 0 && channel.unit === "bytes") return 0;
    const { length } = p;
    if (!this.#writing.enter()) await this.#writing.wait(options.signal);
    try {
      return await writable(fd, () => channel.tryWrite(stillThere(p, length)), options);
    } finally {
      this.#writing.leave();
    }
  }

  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    if (this.#readable !== undefined) return this.#readable;
    this.#checkStream();
    return this.#readable = new ReadableStream({
      type: "bytes",
      pull: (controller) => this.#pulling = this.#pull(controller),
      cancel: (reason) => this.#cancel(reason),
    }, { highWaterMark: 0 }) as ReadableStream<Uint8Array<ArrayBuffer>>;
  }

  get writable(): WritableStream<Uint8Array> {
    if (this.#writable !== undefined) return this.#writable;
    this.#checkStream();
    return this.#writable = new WritableStream({
      write: (chunk, { signal }) => this.#writeAll(chunk, signal),
      close: () => {
        this.#channel.endWriting();
        this.#end("write");
      },
      abort: () => this.#end("write"),
    });
  }

  #checkStream(): void {
    this.#channel.fileno();
    if (this.#channel.unit === "bytes") return;
    throw new TypeError("Only a stream has streams of bytes: use recv() and send() for messages");
  }

  async #cancel(reason: unknown): Promise<void> {
    this.#cancelled.abort(reason);
    await this.#pulling?.catch(() => {}); // until no thread waits any more
    this.#end("read");
  }

  /** Delivers one chunk. The attempt itself does it, so that no cancel() comes between. */
  async #pull(controller: ReadableByteStreamController): Promise<void> {
    const { signal } = this.#cancelled;
    try {
      const fd = this.#channel.fileno();
      if (!this.#reading.enter()) await this.#reading.wait(signal);
      try {
        // Once it has waited, the BYOB reader may be another one, or none.
        let fill = (): true | null => {
          fill = () => this.#enqueue(controller);
          return this.#respond(controller);
        };
        await readable(fd, () => fill(), { signal });
      } finally {
        this.#reading.leave();
      }
    } catch (error) {
      this.#end("read");
      throw error;
    }
  }

  /** Reads into the memory that a BYOB reader has given. */
  #respond(controller: ReadableByteStreamController): true | null {
    const request = controller.byobRequest;
    if (request === null) return this.#enqueue(controller);
    const count = this.#channel.tryRead(request.view as Uint8Array);
    if (count === 0) return this.#finish(controller);
    if (count === null) return null;
    request.respond(count);
    return true;
  }

  /** Reads what the reader wants, whoever it is by now, into memory of its own. */
  #enqueue(controller: ReadableByteStreamController): true | null {
    const most = controller.byobRequest?.view?.byteLength ?? CHUNK_SIZE;
    const chunk = spareChunk ??= new Uint8Array(CHUNK_SIZE);
    const count = this.#channel.tryRead(most < CHUNK_SIZE ? chunk.subarray(0, most) : chunk);
    if (count === 0) return this.#finish(controller);
    if (count === null) return null;
    if (count < CHUNK_SIZE / 2) {
      controller.enqueue(chunk.slice(0, count));
    } else {
      spareChunk = undefined; // it is the reader's now
      controller.enqueue(chunk.subarray(0, count));
    }
    return true;
  }

  #finish(controller: ReadableByteStreamController): true {
    controller.close();
    controller.byobRequest?.respond(0);
    this.#end("read");
    return true;
  }

  async #writeAll(chunk: Uint8Array, signal: AbortSignal): Promise<void> {
    try {
      checkBytes(chunk);
      const { length } = chunk;
      for (let at = 0; at < length;) {
        at += await this.write(stillThere(chunk, length).subarray(at), { signal });
      }
    } catch (error) {
      this.#end("write");
      throw error;
    }
  }

  /** A stream has ended: with the second one the descriptor is closed. */
  #end(direction: "read" | "write"): void {
    if (!this.#open[direction]) return;
    this.#open[direction] = false;
    if (!this.#open.read && !this.#open.write) this.#channel.close();
  }
}

/** One direction of a descriptor. Those who use it take turns, in the order in which they came. */
class Turns {
  #taken = false;
  readonly #waiting: (() => void)[] = [];

  /** Whether it is free; if so, it belongs to the caller until leave(). */
  enter(): boolean {
    if (this.#taken) return false;
    return this.#taken = true;
  }

  /** Resolves when it is the caller's turn. */
  async wait(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    const abort = () => {
      const at = this.#waiting.indexOf(resolve);
      if (at === -1) return; // its turn has come
      this.#waiting.splice(at, 1);
      reject(signal!.reason);
    };
    signal?.addEventListener("abort", abort);
    try {
      await promise;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken = false;
    else next();
  }
}

function checkBytes(p: Uint8Array): void {
  if (!(p instanceof Uint8Array)) throw new TypeError("The bytes must be a Uint8Array");
}

/** The bytes, unless their buffer was transferred or has shrunk while they waited. */
function stillThere(p: Uint8Array, length: number): Uint8Array {
  if (p.length >= length) return p;
  throw new TypeError("The bytes are gone: their buffer was transferred or has shrunk");
}
