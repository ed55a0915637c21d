/**
 * A Worker that blocks in select(), and how to wake it from another thread: the descriptor of its
 * waker is a number, which can be posted. worker.terminate() alone does not end a thread that is in
 * a system call, and the process would hang at its end: wake a Worker that you terminate.
 *
 *     deno run --allow-ffi --allow-read examples/worker_wakeup.ts
 */

import { DefaultSelector, EVENT_READ, Socket, Waker } from "../mod.ts";

/** What both threads share. A Worker that blocks receives no messages. */
interface Start {
  readonly stop: Int32Array; // on a SharedArrayBuffer; 1 when the Worker should end
  readonly fd: number; // the socket to read
}

function work({ stop, fd }: Start, post: (message: unknown) => void) {
  using socket = Socket.fromFd(fd);
  using selector = new DefaultSelector<undefined, Socket>();
  selector.register(socket, EVENT_READ);
  post(selector.waker.fd);
  while (Atomics.load(stop, 0) === 0) {
    // When it is woken, select() returns [], and the loop checks `stop`.
    for (const [{ fileobj }] of selector.select()) {
      post(new TextDecoder().decode(fileobj.recv(100)!));
    }
  }
  post("stopped"); // `using` closes its socket and its selector
}

if (self.name === "worker") {
  const mainThread = self as unknown as Worker;
  mainThread.onmessage = ({ data }: MessageEvent<Start>) => {
    work(data, (message) => mainThread.postMessage(message));
    self.close();
  };
} else {
  const worker = new Worker(import.meta.url, { type: "module", name: "worker" });
  const next = () => new Promise<unknown>((resolve) => worker.onmessage = (e) => resolve(e.data));

  const [ours, theirs] = Socket.pair();
  const stop = new Int32Array(new SharedArrayBuffer(4));
  worker.postMessage({ stop, fd: theirs.detach() } satisfies Start);
  const waker = new Waker(await next() as number);

  ours.send(new TextEncoder().encode("hello"));
  console.log("worker read:", await next());

  // The clean end: set the flag, then wake. The Worker closes what it has opened.
  Atomics.store(stop, 0, 1);
  waker.wake();
  console.log("worker:", await next());
  ours.close();

  // The hard end, which leaks its descriptors: worker.terminate(); waker.wake();
}
