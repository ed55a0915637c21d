/**
 * Operations that are under way.
 *
 * @module
 */

import type { Block } from "./memory.ts";

/** An operation that is under way. */
export interface Operation {
  /**
   * Ends the operation. Its last completion says how: mostly with the error ECANCELED, otherwise it
   * was faster. Does nothing when the operation has ended.
   */
  cancel(): void;
}

/** What an operation does. */
export type Kind = "accept" | "recv" | "send" | "read" | "write" | "connect" | "poll" | "wake";

/** The call that an operation stands for, in errors. */
export const SYSCALLS: Readonly<Record<Kind, string>> = {
  accept: "accept4",
  recv: "recv",
  send: "send",
  read: "pread",
  write: "pwrite",
  connect: "connect",
  poll: "poll",
  wake: "poll",
};

/**
 * queued: behind another send. submitted: an entry was made for the kernel. starved: waits for a
 * receive buffer. ended: its last completion was made.
 */
export type Phase = "queued" | "submitted" | "starved" | "ended";

/** What a ring knows of an operation. */
export class State<Data> {
  phase: Phase = "queued";
  /** Its place in the ring's table, which the kernel hands back. */
  slot = -1;
  /** cancel() was called. */
  isCancelled = false;
  /** The memory that is read or written. */
  block: Block | undefined;
  /** Bytes of it that were sent, and how many there are. */
  done = 0;
  size = 0;
  /** Of a file; of an address, its length; the events of poll(). */
  offset = 0;
  /** The next send to the same descriptor; of the first one, also the last. */
  next: State<Data> | undefined;
  last: State<Data> | undefined;
  /** The descriptor has been closed: what is not submitted would reach another file. */
  isOrphan = false;

  constructor(readonly kind: Kind, readonly fd: number, readonly data: Data) {}
}

/** The handle that the program gets. */
export class RingOperation<Data> implements Operation {
  readonly #state: State<Data>;
  readonly #cancel: (state: State<Data>) => void;

  constructor(state: State<Data>, cancel: (state: State<Data>) => void) {
    this.#state = state;
    this.#cancel = cancel;
  }

  cancel(): void {
    this.#cancel(this.#state);
  }
}
