/**
 * The part of the model that waits with readable() and writable(): each wait beside what it must
 * do.
 *
 * @module
 */

import { assert, assertInstanceOf } from "@std/assert";
import { EVENT_READ, isOsError, readable, writable } from "../../mod.ts";
import type { File, Model } from "./plain_model.ts";

const LONG = 20_000; // milliseconds: nothing that ends by itself takes so long

/** A wait that is under way. */
interface Wait {
  readonly fd: number;
  readonly file: File | undefined; // which the number was at first
  readonly event: number;
  readonly controller: AbortController;
  readonly promise: Promise<unknown>;
  /** Its number was closed, or made another file's, and nobody said so. */
  isLost: boolean;
  isAborted: boolean;
  /** No descriptor was free when it began. */
  isStarved: boolean;
  /** What it resolves to was returned by its attempt, when something was ready. */
  hasSucceeded: boolean;
  outcome: "none" | "resolved" | "rejected";
}

/** The waits of one program. */
export class Waits {
  readonly #model: Model;
  #waits: Wait[] = [];
  #failure: unknown;

  constructor(model: Model) {
    this.#model = model;
  }

  /** Begins one, perhaps with an attempt, which must never be made without cause. */
  begin(fd: number, event: number, hasAttempt: boolean, isStarved: boolean): void {
    const file = this.#model.files.get(fd);
    const controller = new AbortController();
    const wait = event === EVENT_READ ? readable : writable;
    const options = { signal: controller.signal };
    let attempts = 0;
    const attempt = () => {
      const isReady = file !== undefined && this.#model.isReadyFor(file, event);
      this.#check(() => {
        assert(!self.isAborted, "attempted after the abort");
        assert(attempts === 0 || isReady || self.isLost, "attempted though nothing is ready");
      });
      attempts++;
      self.hasSucceeded = isReady;
      return isReady ? "done" : null;
    };
    // A closed number may become any file's.
    const state = {
      isLost: file === undefined,
      isAborted: false,
      isStarved,
      hasSucceeded: false,
    };
    const self: Wait = {
      ...state,
      outcome: "none",
      fd,
      file,
      event,
      controller,
      promise: Promise.resolve().then(() => {}),
    };
    const promise = (hasAttempt ? wait(fd, attempt, options) : wait(fd, options)).then(
      () => this.#resolved(self),
      (error) => this.#rejected(self, error),
    );
    Object.assign(self, { promise });
    this.#waits.push(self);
  }

  /** Notes that a number is no longer what it was, before it is closed. */
  lose(fd: number): void {
    for (const wait of this.#waits) if (wait.fd === fd) wait.isLost = true;
  }

  /** Waits for those whose number closes, and has been told so. */
  async closed(fd: number): Promise<void> {
    const those = this.#pending().filter((wait) => wait.fd === fd);
    for (const wait of those) wait.isLost = true;
    for (const wait of those) {
      await within(wait.promise, "close() ended no wait");
    }
    this.#throwFailure();
  }

  /** Aborts one of them, which must end. */
  async abort(index: number): Promise<void> {
    const pending = this.#pending();
    const wait = pending[index % pending.length];
    if (wait === undefined) return;
    wait.isAborted = true;
    wait.controller.abort("mine");
    await within(wait.promise, "the abort ended no wait");
    this.#throwFailure();
  }

  /** Waits for those that are ready. */
  async settle(): Promise<void> {
    for (const wait of this.#pending()) {
      const { fd, file, event } = wait;
      if (wait.isLost || file === undefined || !this.#model.isReadyFor(file, event)) continue;
      await within(wait.promise, `${fd} is ready, and nothing ended the wait`);
    }
    this.#throwFailure();
  }

  /** Ends them all. */
  async end(): Promise<void> {
    while (this.#pending().length > 0) await this.abort(0);
    this.#throwFailure();
  }

  #pending(): Wait[] {
    return this.#waits = this.#waits.filter(({ outcome }) => outcome === "none");
  }

  #resolved(wait: Wait): void {
    wait.outcome = "resolved";
    const { fd, file, event, isLost, hasSucceeded } = wait;
    this.#check(() => {
      if (isLost || hasSucceeded) return; // perhaps it was told of a duplicate
      assert(file !== undefined && this.#model.isReadyFor(file, event), `${fd} is not ready`);
    });
  }

  #rejected(wait: Wait, error: unknown): void {
    wait.outcome = "rejected";
    const { file, isLost, isAborted, isStarved } = wait;
    this.#check(() => {
      if (isAborted && error === "mine") return;
      if (isStarved && isOsError(error) && error.code === "EMFILE") return;
      if (isLost || file === undefined) assertInstanceOf(error, Deno.errors.BadResource);
      else throw error;
    });
  }

  #check(assertion: () => void): void {
    try {
      assertion();
    } catch (error) {
      this.#failure ??= error;
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

async function within(promise: Promise<unknown>, what: string): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(what)), LONG);
  try {
    await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
