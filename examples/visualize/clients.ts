/**
 * The clients that visualize.ts opens when a button is pressed, on its own selector. Each can send,
 * half-close, reset and stall.
 *
 * @module
 */

import { SO_LINGER, SO_RCVBUF, SO_SNDBUF, SOL_SOCKET } from "../../ffi/mod.ts";
import { type Address, type BaseSelector, EVENT_READ, isOsError, Socket } from "../../mod.ts";

/** A client, as the page sees it. */
export interface Client {
  readonly id: number;
  readonly port: number;
  readonly isHalfClosed: boolean;
  readonly isStalled: boolean;
}

/** What a button of a client does. */
export type Action = "send" | "half-close" | "reset" | "stall" | "resume";

type Selector = BaseSelector<(socket: Socket) => void, Socket>;

const MOST_CLIENTS = 20;
const RESERVE = 6; // free descriptors to keep, for the server's ends of clients and for pages
const BUFFER_SIZE = 4096; // bytes that the kernel holds for a client
const STALL_TIME = 50; // milliseconds until a stalled client tries to send more
const RESET = new Uint8Array(Int32Array.of(1, 0).buffer); // struct linger: on, 0 seconds

/** The clients of one echo server. */
export class Clients {
  readonly #selector: Selector;
  readonly #server: Address;
  readonly #changed: () => void;
  readonly #clients = new Map<number, OneClient>();
  #nextId = 1;

  /** `changed` is called when the result of list() changes. */
  constructor(selector: Selector, server: Address, changed: () => void) {
    this.#selector = selector;
    this.#server = server;
    this.#changed = changed;
  }

  list(): Client[] {
    return [...this.#clients.values()].map(({ id, port, isHalfClosed, isStalled }) => {
      return { id, port, isHalfClosed, isStalled };
    });
  }

  /** Opens a client. Returns why it could not, if so. */
  open(): string | undefined {
    if (this.#clients.size >= MOST_CLIENTS) return `${MOST_CLIENTS} clients are enough`;
    let socket: Socket | undefined;
    try {
      using reserve = new DisposableStack();
      for (let i = 0; i < RESERVE; i++) reserve.use(new Socket());
      socket = new Socket();
      for (const size of [SO_RCVBUF, SO_SNDBUF]) socket.setOption(SOL_SOCKET, size, BUFFER_SIZE);
      socket.connect(this.#server); // over loopback: does not wait
      socket.setBlocking(false);
      const { port } = socket.localAddress as { port: number };
      const id = this.#nextId++;
      const client = { id, port, socket, isHalfClosed: false, isStalled: false, count: 0 };
      this.#listen(client);
      this.#clients.set(id, client);
    } catch (error) {
      socket?.close();
      if (!isOsError(error)) throw error;
      return error.message; // such as EMFILE
    }
    this.#changed();
  }

  /** Does what a button says. Does nothing when the client has gone. */
  act(id: number, action: Action): void {
    const client = this.#clients.get(id);
    if (client === undefined) return;
    try {
      this.#act(client, action);
    } catch (error) {
      if (!isOsError(error)) throw error;
      this.#close(client); // such as ECONNRESET
    }
    this.#changed();
  }

  #act(client: OneClient, action: Action): void {
    const { socket } = client;
    if (action === "send" && !client.isHalfClosed && !client.isStalled) {
      socket.send(new TextEncoder().encode(`hello ${++client.count} from ${client.port}\n`));
    } else if (action === "half-close") {
      socket.shutdown("write");
      client.isHalfClosed = true;
    } else if (action === "reset") {
      socket.setOption(SOL_SOCKET, SO_LINGER, RESET);
      this.#close(client);
    } else if (action === "stall" && !client.isHalfClosed && !client.isStalled) {
      client.isStalled = true;
      this.#selector.unregister(socket);
      this.#flood(client);
    } else if (action === "resume" && client.isStalled) {
      client.isStalled = false;
      this.#listen(client);
    }
  }

  #listen(client: OneClient): void {
    this.#selector.register(client.socket, EVENT_READ, (socket) => {
      try {
        if (socket.recv(BUFFER_SIZE)?.length !== 0) return;
      } catch (error) {
        if (!isOsError(error)) throw error;
      }
      this.#close(client);
      this.#changed();
    });
  }

  /** Sends and does not read: soon the server cannot send either, and waits for EVENT_WRITE. */
  #flood(client: OneClient): void {
    if (!client.isStalled || client.isHalfClosed) return;
    try {
      while (client.socket.send(new Uint8Array(BUFFER_SIZE).fill(120)) !== null);
      setTimeout(() => this.#flood(client), STALL_TIME);
    } catch (error) {
      if (!isOsError(error)) throw error;
      this.#close(client); // the server has reset the connection
      this.#changed();
    }
  }

  #close(client: OneClient): void {
    if (this.#selector.getMap().has(client.socket)) this.#selector.unregister(client.socket);
    client.isStalled = false;
    client.socket.close();
    this.#clients.delete(client.id);
  }
}

interface OneClient {
  readonly id: number;
  readonly port: number;
  readonly socket: Socket;
  isHalfClosed: boolean;
  isStalled: boolean;
  count: number;
}
