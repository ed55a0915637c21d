/**
 * As much of an HTTP/1.1 server as visualize.ts needs, on sockets of the library: answers that end with the
 * connection, and one that does not end, of server-sent events.
 *
 * @module
 */

import { type BaseSelector, EVENT_READ, EVENT_WRITE, isOsError, Socket } from "../../mod.ts";

/** What a request is answered with; a status alone, or `events`: an answer that goes on for ever. */
export interface Answer {
  status: string;
  type?: string;
  body?: string;
  events?: boolean;
}

/** Answers a request: its method, its path, and its headers, with names in lower case. */
export type Handler = (method: string, path: string, headers: Map<string, string>) => Answer;

type Selector = BaseSelector<(socket: Socket) => void, Socket>;

const LONGEST_HEAD = 16_384; // bytes of a request
const LONGEST_QUEUE = 4_000_000; // bytes that a page may leave unread

/** Serves on a free port of 127.0.0.1, or on the one that is given. */
export class HttpServer {
  readonly #selector: Selector;
  readonly #handler: Handler;
  readonly #socket = new Socket();
  readonly #connections = new Map<Socket, Connection>();

  constructor(selector: Selector, port: number, handler: Handler) {
    this.#selector = selector;
    this.#handler = handler;
    this.#socket.bind({ hostname: "127.0.0.1", port });
    this.#socket.listen();
    this.#socket.setBlocking(false);
    selector.register(this.#socket, EVENT_READ, (socket) => this.#accept(socket));
  }

  get port(): number {
    return (this.#socket.localAddress as { port: number }).port;
  }

  /** Sends an event to every page that listens. */
  broadcast(event: string): void {
    for (const connection of this.#connections.values()) {
      if (connection.isListening) this.#send(connection, event);
    }
  }

  #accept(server: Socket): void {
    const socket = server.accept();
    if (socket === null) return;
    this.#connections.set(socket, {
      socket,
      head: "",
      isAnswered: false,
      unsent: [],
      queued: 0,
      isListening: false,
    });
    this.#selector.register(socket, EVENT_READ, (socket) => this.#turn(socket, this.#read));
  }

  #turn(socket: Socket, action: (connection: Connection) => void): void {
    const connection = this.#connections.get(socket)!;
    try {
      action.call(this, connection);
    } catch (error) {
      if (!isOsError(error)) throw error;
      this.#close(connection); // reset
    }
  }

  #read(connection: Connection): void {
    const bytes = connection.socket.recv(LONGEST_HEAD);
    if (bytes === null) return;
    if (bytes.length === 0) return this.#close(connection);
    if (connection.isAnswered) return; // a body, which nobody asked for
    connection.head += new TextDecoder().decode(bytes);
    const end = connection.head.indexOf("\r\n\r\n");
    if (end === -1 && connection.head.length < LONGEST_HEAD) return; // there is more to come
    const [line, ...lines] = connection.head.slice(0, end).split("\r\n");
    connection.isAnswered = true;
    const [method, path] = line!.split(" ");
    const headers = new Map(lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    const answer = end === -1 || path === undefined
      ? { status: "400 Bad Request" }
      : this.#handler(method!, path, headers);
    this.#answer(connection, answer);
  }

  #answer(connection: Connection, { status, type, body = "", events = false }: Answer): void {
    connection.isListening = events;
    const head = [
      `HTTP/1.1 ${status}`,
      `content-type: ${events ? "text/event-stream" : type ?? "text/plain"}`,
      "cache-control: no-store",
      "connection: close",
      ...(events ? [] : [`content-length: ${new TextEncoder().encode(body).length}`]),
    ];
    this.#send(connection, `${head.join("\r\n")}\r\n\r\n${body}`);
  }

  #send(connection: Connection, text: string): void {
    const bytes = new TextEncoder().encode(text);
    connection.unsent.push(bytes);
    connection.queued += bytes.length;
    if (connection.queued > LONGEST_QUEUE) return this.#close(connection); // it does not read
    const { socket } = connection;
    this.#selector.modify(
      socket,
      EVENT_READ | EVENT_WRITE,
      (socket) => this.#turn(socket, this.#readAndWrite),
    );
  }

  /** Either may be possible: recv() and send() say null where it is not. */
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
    if (!connection.isListening) return this.#close(connection); // all was said
    this.#selector.modify(socket, EVENT_READ, (socket) => this.#turn(socket, this.#read));
  }

  #close({ socket }: Connection): void {
    this.#selector.unregister(socket);
    this.#connections.delete(socket);
    socket.close();
  }
}

interface Connection {
  readonly socket: Socket;
  /** What has come of the request. */
  head: string;
  isAnswered: boolean;
  readonly unsent: Uint8Array[];
  queued: number;
  isListening: boolean;
}
