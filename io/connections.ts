/**
 * The connections of a listening socket, one after the other.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { readable } from "../selectors/ready.ts";
import type { Socket } from "./socket.ts";

/** Iterates over the connections of a listener until it is closed; leaving the loop closes it. */
export class Connections implements AsyncIterableIterator<Socket> {
  readonly #listener: Socket;

  constructor(listener: Socket) {
    this.#listener = listener;
  }

  async next(): Promise<IteratorResult<Socket>> {
    const listener = this.#listener;
    if (listener.closed) return { done: true, value: undefined };
    try {
      return { done: false, value: await readable(listener.fileno(), () => accept(listener)) };
    } catch (error) {
      if (listener.closed) return { done: true, value: undefined };
      if (!c.isOsError(error) || !NOT_LISTENING.includes(error.errno)) throw error;
      throw new TypeError("The socket does not listen: call listen() first", { cause: error });
    }
  }

  return(): Promise<IteratorResult<Socket>> {
    this.#listener.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

// accept(2): the socket is not listening, or of a type that cannot.
const NOT_LISTENING: readonly number[] = [c.EINVAL, c.EOPNOTSUPP, c.ENOTSUP];

// The client has gone again, and the next one may be waiting. Windows reports ECONNRESET.
const CLIENT_GONE: readonly number[] = [c.ECONNABORTED, c.ECONNRESET];

function accept(listener: Socket): Socket | null {
  if (listener.blocking) listener.setBlocking(false);
  for (;;) {
    try {
      return listener.accept();
    } catch (error) {
      if (!c.isOsError(error) || !CLIENT_GONE.includes(error.errno)) throw error;
    }
  }
}
