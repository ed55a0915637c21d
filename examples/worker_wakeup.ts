/**
 * A Worker that blocks in select(), and how to get it out: its waker's descriptor is a number, so
 * it can be posted to another thread. worker.terminate() alone does not end a thread that sits in a
 * system call, and the process would then hang at its end: whoever terminates such a Worker wakes
 * it too.
 *
 *     deno run --allow-ffi --allow-read examples/worker_wakeup.ts
 */

import { DefaultSelector, EVENT_READ, Socket, Waker } from "../mod.ts";

/** What both threads share: a Worker that blocks hears no messages. */
interface Start {
  readonly stop: Int32Array; // over a SharedArrayBuffer; 1 once it is to end
  readonly fd: number; // of the socket that it is to read
}

function work({ stop, fd }: Start, tell: (message: unknown) => void) {
  using socket = Socket.fromFd(fd);
  using selector = new DefaultSelector<undefined, Socket>();
  selector.register(socket, EVENT_READ);
  tell(selector.waker.fd);
  while (Atomics.load(stop, 0) === 0) {
    // Woken, it returns [] and looks at `stop`; select() never returns for nothing else.
    for (const [{ fileobj }] of selector.select()) {
      tell(new TextDecoder().decode(fileobj.recv(100)!));
    }
  }
  tell("stopped"); // and `using` closes what is its own
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

  // The clean end: say so, then wake. The Worker closes what it has.
  Atomics.store(stop, 0, 1);
  waker.wake();
  console.log("worker:", await next());
  ours.close();

  // The hard end, for a Worker that cannot be asked: worker.terminate(); waker.wake();
}
