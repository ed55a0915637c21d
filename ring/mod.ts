/**
 * Completions, by io_uring(7): the program says what to do, and the kernel does it and reports the
 * results. One syscall submits many operations and returns many results, so that a busy server
 * makes far fewer of them than with a selector. Linux 6.0 or newer; many containers forbid it.
 * Where `Ring.isSupported()` is false, use a selector.
 *
 * @example An echo server
 * ```ts ignore
 * import { Socket } from "@syscall/selectors";
 * import { Ring } from "@syscall/selectors/ring";
 *
 * using ring = new Ring<number>();
 * using server = Socket.createServer({ hostname: "127.0.0.1", port: 8888 });
 * ring.accept(server, -1);
 * for await (const completion of ring) {
 *   const { data: fd, result, bytes } = completion;
 *   if (fd === -1) ring.recv(result, result); // a connection
 *   else if (bytes.length > 0) ring.send(fd, completion, fd); // without a copy
 * } // sketch: closes nothing and ignores errors
 * ```
 *
 * @module
 */

export type { Completion } from "./completion.ts";
export type { Operation } from "./operation.ts";
export type { RingOptions } from "./arguments.ts";
export { Ring } from "./ring.ts";
