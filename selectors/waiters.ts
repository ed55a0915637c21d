/**
 * The waits of readable() and writable(). A waiter that has an attempt is first looked at with
 * poll(2): fresh_waiters.ts. All others are registered with a selector: watched_waiters.ts.
 *
 * A waiter is resolved in the same step in which its descriptor was found ready. Therefore no other
 * code can close the descriptor and reuse its number in between.
 *
 * @module
 */

import { callAs, currentCaller, waitsForLoop } from "../ffi/trace/trace.ts";
import { addAbortCallback, removeAbortCallback } from "./aborts.ts";
import { fresh } from "./fresh_waiters.ts";
import { watched } from "./watched_waiters.ts";

/** fresh: looked at by poll(2). watched: registered. attempting: its attempt is under way. */
type State = "new" | "fresh" | "watched" | "attempting" | "done";

/** A wait for one event of a descriptor. */
export class Waiter {
  readonly #attempt: () => unknown;
  readonly #signal: AbortSignal | undefined;
  readonly #settled = Promise.withResolvers<unknown>();
  readonly #caller = currentCaller(); // whose calls those of the attempt are
  #abort: (() => void) | undefined; // while the signal may end it
  #state: State = "new";
  #turns = 0; // that poll(2) still looks for
  #since: number | undefined; // when a look first found nothing
  #error: unknown; // why it ends unless the attempt under way succeeds

  /**
   * `attempt` ends the wait unless it returns null. It is called each time the descriptor is ready.
   */
  constructor(
    readonly fd: number,
    readonly event: number,
    attempt: () => unknown,
    signal: AbortSignal | undefined,
  ) {
    this.#attempt = attempt;
    this.#signal = signal;
    waitsForLoop(this.#settled.promise);
  }

  /** Waits, registered with the selector. */
  watch(): Promise<unknown> {
    if (this.#state === "new") this.#listen();
    this.#since ??= performance.now();
    try {
      this.#state = "watched";
      watched.add(this);
    } catch (error) {
      this.reject(error);
    }
    return this.#settled.promise;
  }

  /** Waits, looked at by poll(2) first. */
  look(): Promise<unknown> {
    if (!fresh.hasRoom) return this.watch();
    this.#listen();
    this.#turns = fresh.patience.turns();
    this.#state = "fresh";
    fresh.add(this);
    return this.#settled.promise;
  }

  /** Whether poll(2) is to look at it again. */
  get isHot(): boolean {
    return this.#turns > 0;
  }

  /** Notes that another look found nothing. */
  tire(): void {
    this.#since ??= performance.now();
    this.#turns--;
  }

  /** Whether the wait has ended. */
  get isDone(): boolean {
    return this.#state === "done";
  }

  /** Makes another attempt, because the descriptor is ready. */
  attempt(): void {
    if (this.#state !== "fresh" && this.#state !== "watched") return;
    if (this.rejectAborted()) return;
    const before = this.#state;
    this.#state = "attempting";
    try {
      const result = callAs(this.#caller, this.#attempt);
      if (result !== null) {
        this.#end();
        return this.#settled.resolve(result);
      }
    } catch (error) {
      this.#end();
      return this.#settled.reject(error);
    }
    this.#state = before;
    if (this.#error !== undefined) this.reject(this.#error);
    else this.rejectAborted();
  }

  /** Ends the wait, unless an attempt is under way that succeeds. */
  reject(error: unknown): void {
    if (this.#state === "done") return;
    if (this.#state === "attempting") this.#error = error;
    else {
      this.#end();
      this.#settled.reject(error);
    }
  }

  /** Ends the wait if its signal is aborted. Returns whether it is. */
  rejectAborted(): boolean {
    if (!this.#signal?.aborted) return false;
    this.reject(this.#signal.reason);
    return true;
  }

  #listen(): void {
    if (this.#signal === undefined) return;
    const abort = () => this.#aborted();
    addAbortCallback(this.#signal, abort);
    this.#abort = abort;
  }

  #end(): void {
    this.#state = "done";
    fresh.delete(this);
    if (this.#since !== undefined) fresh.patience.ended(performance.now() - this.#since);
    if (this.#abort !== undefined) removeAbortCallback(this.#signal!, this.#abort);
  }

  #aborted(): void {
    if (this.#state === "fresh") this.rejectAborted();
    else if (this.#state === "watched") watched.abort(this);
  }
}
