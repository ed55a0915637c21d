/**
 * The echo server on completions, io_uring(7): it sends bytes from where the kernel received them,
 * and stops receiving from a client that takes no more. `--help` shows its flags.
 */
import * as ffi from "../ffi/mod.ts";
import { type Address, Socket } from "../mod.ts";
import { type Completion, type Operation, Ring } from "../ring/mod.ts";
import * as cli from "./echo_server_cli.ts";

const MOST_UNSENT = 4; // receive buffers that a connection holds before receiving stops
const RETRY = 100; // milliseconds until a server without free descriptors accepts again
type Handler = (completion: Completion<Handler>) => void;

const options = cli.parseOptions();
const ring = cli.orFail(() => new Ring<Handler>({ buffers: 1024, bufferSize: 16384 }));
const listener = new Uint8Array(ffi.pollfd.size);
let server: Socket;
let accepting: Operation | undefined;
let isFull = false; // of descriptors
let timer: ReturnType<typeof setTimeout> | undefined;
const connections = new Set<{ socket: Socket }>();
class Connection {
  #receiving: Operation | undefined;
  #unsent = 0; // completions that were received, and not sent yet
  #hasEnded = false; // the client has sent everything
  #address: Address | undefined;

  constructor(readonly socket: Socket) {
    socket.setOption(ffi.IPPROTO_TCP, ffi.TCP_NODELAY, 1); // send each echo at once
    this.#receiving = ring.recv(socket, this.#received);
    connections.add(this);
    if (!options.quiet) cli.log(this.#address = cli.peerOf(socket), "connected");
  }

  #received = (completion: Completion<Handler>) => {
    const { error, more, result } = completion;
    if (!more) this.#receiving = undefined;
    if (this.socket.closed) return completion.release();
    if (result > 0) {
      ring.send(this.socket, completion, this.#sent);
      if (++this.#unsent >= MOST_UNSENT) this.#receiving?.cancel();
      return;
    }
    if (error === null) this.#hasEnded = true;
    else if (error.code !== "ECANCELED") return this.#close(error.message);
    this.#goOn();
  };

  #sent = ({ error }: Completion<Handler>) => {
    this.#unsent--;
    if (this.socket.closed) return;
    if (error !== null) this.#close(error.message); // reset, timed out
    else if (this.#receiving === undefined) this.#goOn();
  };

  #goOn() {
    if (this.#unsent > 0) return;
    if (this.#hasEnded) this.#close("closed");
    else this.#receiving = ring.recv(this.socket, this.#received);
  }

  #close(why: string) {
    if (this.#address !== undefined) cli.log(this.#address, why);
    connections.delete(this);
    this.socket.close(); // cancels its operations
    if (accepting === undefined) accept(); // a descriptor is free now
  }
}

function accept() {
  clearTimeout(timer);
  accepting = ring.accept(server, accepted);
}

function accepted({ error, result }: Completion<Handler>) {
  if (error === null) {
    isFull &&= ffi.poll(listener, 1, 0) > 0; // whether more clients wait
    return void new Connection(Socket.fromFd(result));
  }
  // EMFILE, ENOBUFS: accepting has ended, and new clients wait in the backlog.
  if (!isFull) cli.printError(`${error.message}; new clients wait until others leave`);
  isFull = true;
  accepting = undefined;
  timer = setTimeout(accept, RETRY);
}

await cli.serve(import.meta.url, options, ring, {
  listen(address) {
    server = Socket.createServer(address, options.workers > 1 ? { reusePort: true } : {});
    ffi.pollfd.write(listener, { fd: server.fileno(), events: ffi.POLLIN, revents: 0 });
    accept();
    return server.localAddress;
  },
  stop() {
    clearTimeout(timer);
    ring.close();
    for (const { socket } of [{ socket: server }, ...connections]) socket.close();
  },
});
