/**
 * The part of an HTTP/1.1 server that visualize.ts needs, on the library's own sockets: responses
 * that end with the connection, and an endless one of server-sent events. Its memory is bounded: it
 * keeps at most MOST_CONNECTIONS connections, MOST_PAGES of them with an endless response, and
 * closes one that leaves more than LONGEST_QUEUE bytes unread.
 *
 * @module
 */

import { type BaseSelector, EVENT_READ, EVENT_WRITE, isOsError, Socket } from "../../mod.ts";

/** The response to a request: a status with a body, or `events`: a body that goes on for ever. */
export interface Answer {
  status: string;
  type?: string;
  body?: string;
  events?: boolean;
}

/** Answers a request by its method, its path, and its headers, which have lower-case names. */
export type Handler = (method: string, path: string, headers: Map<string, string>) => Answer;

type Selector = BaseSelector<(socket: Socket) => void, Socket>;

const LONGEST_HEAD = 16_384; // bytes of a request
const LONGEST_QUEUE = 262_144; // bytes that a page may leave unread
const MOST_CONNECTIONS = 24;
const MOST_PAGES = 8; // connections that receive events
const RETRY = 100; // milliseconds until a server without free descriptors accepts again

const encoder = new TextEncoder();

/** Serves on 127.0.0.1. */
export class HttpServer {
  readonly #selector: Selector;
  readonly #handler: Handler;
  readonly #socket = new Socket();
  readonly #connections = new Map<Socket, Connection>(); // the oldest first

  /** Listens on `port`; 0 picks a free one. */
  constructor(selector: Selector, port: number, handler: Handler) {
    this.#selector = selector;
    this.#handler = handler;
    this.#socket.bind({ hostname: "127.0.0.1", port });
    this.#socket.listen();
    this.#socket.setBlocking(false);
    this.#listen();
  }

  get port(): number {
    return (this.#socket.localAddress as { port: number }).port;
  }

  /** Sends an event to every page. */
  broadcast(event: string): void {
    const bytes = encoder.encode(event);
    for (const connection of this.#pages()) this.#send(connection, bytes);
  }

  /** Accepts connections, from now on or, without free descriptors, after a while. */
  #listen(): void {
    if (this.#selector.closed) return;
    try {
      this.#selector.register(this.#socket, EVENT_READ, () => this.#accept());
    } catch (error) {
      if (!isOsError(error)) throw error;
      setTimeout(() => this.#listen(), RETRY);
    }
  }

  #accept(): void {
    if (this.#connections.size >= MOST_CONNECTIONS) this.#makeRoom();
    let socket: Socket | null;
    try {
      socket = this.#socket.accept();
      if (socket === null) return;
    } catch (error) {
      if (!isOsError(error)) throw error;
      // Without free descriptors the listener stays ready: close a connection, or look away.
      if (error.code === "ECONNABORTED" || this.#makeRoom()) return;
      this.#selector.unregister(this.#socket);
      setTimeout(() => this.#listen(), RETRY);
      return;
    }
    const connection = { socket, head: "", state: "request" as const, unsent: [], queued: 0 };
    try {
      this.#selector.register(socket, EVENT_READ, (socket) => this.#turn(socket, this.#read));
      this.#connections.set(socket, connection);
    } catch (error) { // such as ENOSPC: too many watches
      socket.close();
      if (!isOsError(error)) throw error;
    }
  }

  /** Closes the oldest connection that is no page, and returns whether there was one. */
  #makeRoom(): boolean {
    for (const connection of this.#connections.values()) {
      if (connection.state === "events") continue;
      this.#close(connection);
      return true;
    }
    return false;
  }

  #turn(socket: Socket, action: (connection: Connection) => void): void {
    const connection = this.#connections.get(socket)!;
    try {
      action.call(this, connection);
    } catch (error) {
      if (!isOsError(error)) throw error;
      this.#close(connection); // such as ECONNRESET
    }
  }

  #read(connection: Connection): void {
    const bytes = connection.socket.recv(LONGEST_HEAD);
    if (bytes === null) return;
    if (bytes.length === 0) return this.#close(connection);
    if (connection.state !== "request") return; // a request's body, which is ignored
    connection.head += new TextDecoder().decode(bytes);
    const end = connection.head.indexOf("\r\n\r\n");
    if (end === -1 && connection.head.length < LONGEST_HEAD) return; // the rest is still to come
    const [line, ...lines] = connection.head.slice(0, end).split("\r\n");
    const [method, path] = line!.split(" ");
    const headers = new Map(lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    const answer = end === -1 || path === undefined
      ? { status: "400 Bad Request" }
      : this.#handler(method!, path, headers);
    const isTooMany = answer.events === true && this.#pages().length >= MOST_PAGES;
    this.#answer(connection, isTooMany ? { status: "503 Service Unavailable" } : answer);
  }

  #answer(connection: Connection, { status, type, body = "", events = false }: Answer): void {
    connection.state = events ? "events" : "response";
    const bytes = encoder.encode(body);
    const head = [
      `HTTP/1.1 ${status}`,
      `content-type: ${events ? "text/event-stream" : type ?? "text/plain"}`,
      "cache-control: no-store",
      "connection: close",
      ...(events ? [] : [`content-length: ${bytes.length}`]),
    ];
    this.#send(connection, encoder.encode(`${head.join("\r\n")}\r\n\r\n`), bytes);
  }

  #send(connection: Connection, ...pieces: Uint8Array[]): void {
    connection.unsent.push(...pieces);
    for (const { length } of pieces) connection.queued += length;
    if (connection.queued > LONGEST_QUEUE) return this.#close(connection); // it does not read
    const { socket } = connection;
    this.#selector.modify(
      socket,
      EVENT_READ | EVENT_WRITE,
      (socket) => this.#turn(socket, this.#readAndWrite),
    );
  }

  /** One of the two may be impossible: recv() and send() return null then. */
  #readAndWrite(connection: Connection): void {
    this.#write(connection);
    if (!connection.socket.closed) this.#read(connection);
  }

  #write(connection: Connection): void {
    const { socket, unsent } = connection;
    while (unsent.length > 0) {
      const sent = socket.send(unsent[0]!);
      if (sent === null) return;
      connection.queued -= sent;
      if (sent < unsent[0]!.length) unsent[0] = unsent[0]!.subarray(sent);
      else unsent.shift();
    }
    if (connection.state === "response") return this.#close(connection); // it was sent
    this.#selector.modify(socket, EVENT_READ, (socket) => this.#turn(socket, this.#read));
  }

  #pages(): Connection[] {
    return [...this.#connections.values()].filter(({ state }) => state === "events");
  }

  #close({ socket }: Connection): void {
    if (this.#selector.getMap().has(socket)) this.#selector.unregister(socket);
    this.#connections.delete(socket);
    socket.close();
  }
}

interface Connection {
  readonly socket: Socket;
  /** What was received of the request. */
  head: string;
  /** What it is about to do: receive a request, send a response, or send events for ever. */
  state: "request" | "response" | "events";
  readonly unsent: Uint8Array[];
  /** The bytes in `unsent`. */
  queued: number;
}
