/**
 * A descriptor that is no socket: a terminal, a pty, a serial port, a pipe, inotify, a timerfd.
 * open(2), read(2), write(2)
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import * as c from "../ffi/mod.ts";
import { isHungUp, takeOver } from "../os/descriptor.ts";
import { closing } from "../selectors/closing.ts";
import { Bytes, type ByteStream, type WaitOptions } from "./byte_stream.ts";
import { describeDescriptor, makeInspectable } from "./inspect.ts";
import { lengthOf, withFlag, wouldBlock } from "./calls.ts";

/**
 * A descriptor that is no socket, to read and write without blocking: a terminal, a pty, a serial
 * port, a pipe, inotify(7), timerfd, tun, GPIO. Not on Windows, where only sockets can be waited
 * for.
 *
 * @example Read what arrives in a FIFO
 * ```ts ignore
 * import { Descriptor } from "@syscall/selectors";
 * import { O_RDWR } from "@syscall/selectors/ffi";
 *
 * using fifo = Descriptor.open("/run/commands", O_RDWR);
 * for await (const bytes of fifo.readable) console.log(new TextDecoder().decode(bytes));
 * ```
 */
export class Descriptor implements Disposable, ByteStream {
  #fd = -1;
  readonly #bytes: Bytes;

  /**
   * Takes over an open descriptor and makes it non-blocking, which every process that shares the
   * open file sees: use {@linkcode readable} with a number for descriptors 0, 1 and 2, or their
   * terminal stays non-blocking for the shell. Except for those three it also becomes
   * close-on-exec.
   *
   * @param fd An open descriptor. From now on, close() closes it.
   * @throws {TypeError} When `fd` is not a number.
   * @throws {RangeError} When `fd` cannot be a descriptor.
   * @throws {Deno.errors.BadResource} When it is not open (EBADF); nothing is taken over then.
   * @throws {Deno.errors.NotSupported} On Windows.
   */
  constructor(fd: number) {
    if (typeof fd !== "number") throw new TypeError("fd must be a number");
    if ((fd | 0) !== fd || fd < 0) throw new RangeError(`fd must be a descriptor, not ${fd}`);
    const directions = takeOver(fd | 0);
    this.#fd = fd | 0;
    this.#bytes = new Bytes({
      unit: "bytes",
      fileno: () => this.#open(),
      tryRead: (p) => this.tryRead(p),
      tryWrite: (p) => this.tryWrite(p),
      endWriting: () => {},
      close: () => this.close(),
    }, directions);
  }

  /**
   * Opens a file, with O_CLOEXEC and O_NONBLOCK added to the flags. open(2)
   *
   * @param path The file, as a path or a file: URL.
   * @param flags O_RDONLY, O_WRONLY or O_RDWR, with O_NOCTTY, O_CREAT and the like.
   * @param mode The permissions of a file that O_CREAT makes, less the umask. Default 0o666.
   * @returns The open descriptor.
   * @throws {TypeError} When the path contains a NUL character, or is a URL of another scheme.
   * @throws {Deno.errors.NotSupported} On Windows.
   * @throws An OS error that names the path, such as ENOENT or EACCES.
   */
  static open(path: string | URL, flags: number, mode: number = 0o666): Descriptor {
    const name = path instanceof URL ? fileURLToPath(path) : path;
    const fd = c.open(name, withFlag(flags, c.O_CLOEXEC | c.O_NONBLOCK, "flags"), mode);
    if (fd === -1) throw c.osError("open", name);
    try {
      return new Descriptor(fd);
    } catch (error) {
      c.close(fd);
      throw error;
    }
  }

  /** The descriptor; -1 once closed or detached. */
  fileno(): number {
    return this.#fd;
  }

  /**
   * Reads at least one byte, without blocking the thread. A read that waits comes before one that
   * is called later.
   *
   * @param p Where to put the bytes; its length is the most to read.
   * @param options `signal` ends the wait; no byte is lost.
   * @returns The number of bytes; null at the end: of a pipe without a writer, of a pty whose other
   * side is closed.
   * @throws {Deno.errors.BadResource} When the descriptor is closed, also while it waits.
   * @throws An OS error, such as EIO.
   */
  read(p: Uint8Array, options?: WaitOptions): Promise<number | null> {
    return this.#bytes.read(p, options);
  }

  /**
   * Writes at least one byte, without blocking the thread.
   *
   * @param p The bytes.
   * @param options `signal` ends the wait.
   * @returns How many of the bytes the kernel took, which may be fewer than given.
   * @throws {Deno.errors.BadResource} When the descriptor is closed, also while it waits.
   * @throws {Deno.errors.BrokenPipe} When no reader is left.
   */
  write(p: Uint8Array, options?: WaitOptions): Promise<number> {
    return this.#bytes.write(p, options);
  }

  /**
   * Everything that can be read, as a byte stream that reads only when it is asked to. When it and
   * `writable` have ended, the descriptor is closed; a direction that it is not open for has ended.
   */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#bytes.readable;
  }

  /**
   * Writes all of each chunk, in order, with backpressure. When it and `readable` have ended, the
   * descriptor is closed; a direction that it is not open for has ended.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.#bytes.writable;
  }

  /**
   * Reads what is there, without waiting. read(2)
   *
   * @param buffer Where to put the bytes; its length is the most to read.
   * @returns The number of bytes; 0 at the end; null when it would block.
   * @throws {Deno.errors.BadResource} When the descriptor is closed.
   * @throws An OS error, such as EISDIR.
   */
  tryRead(buffer: Uint8Array): number | null {
    const fd = this.#open();
    for (;;) {
      const count = c.read(fd, buffer, lengthOf(buffer));
      if (count !== -1) return count;
      const error = c.errno();
      if (error === c.EIO && isHungUp(fd)) return 0; // a pty whose other side is closed, on Linux
      if (wouldBlock("read", fd, error)) return null;
    }
  }

  /**
   * Writes what the kernel takes, without waiting. write(2)
   *
   * @param data The bytes.
   * @returns How many bytes the kernel took; null when it takes none now.
   * @throws {Deno.errors.BadResource} When the descriptor is closed.
   * @throws {Deno.errors.BrokenPipe} When no reader is left.
   */
  tryWrite(data: Uint8Array): number | null {
    const fd = this.#open();
    for (;;) {
      const count = c.write(fd, data, lengthOf(data));
      if (count !== -1) return count;
      if (wouldBlock("write", fd)) return null;
    }
  }

  /**
   * Gives the descriptor up without closing it. It stays non-blocking.
   *
   * @returns The descriptor, which is the caller's to close.
   * @throws {Deno.errors.BadResource} When the descriptor is closed.
   */
  detach(): number {
    const fd = this.#open();
    closing(fd);
    this.#fd = -1;
    return fd;
  }

  /** Whether the descriptor was closed or detached. */
  get closed(): boolean {
    return this.#fd === -1;
  }

  /** Closes the descriptor and ends the waits for it. Calling it again has no effect. close(2) */
  close(): void {
    const fd = this.#fd;
    if (fd === -1) return;
    closing(fd);
    this.#fd = -1;
    c.close(fd); // whatever it returns, the number is free now and may be another file's
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #open(): number {
    if (this.#fd === -1) throw new Deno.errors.BadResource("The descriptor is closed");
    return this.#fd;
  }
}

makeInspectable(Descriptor.prototype, describeDescriptor);
