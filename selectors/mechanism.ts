/**
 * What a mechanism is to the selector around it: six operations on the kernel, with no bookkeeping of keys.
 *
 * @module
 */

import { EAGAIN, EINTR } from "../ffi/mod.ts";
import type { Found, Registration, Registrations } from "./registrations.ts";
import type { TriggerMode } from "./types.ts";
import type { Waker } from "./waker.ts";

/** How a wait ended, whether it found something or not. */
export type Outcome = "looked" | "woken" | "interrupted";

/** A polling call of the operating system, as {@linkcode BaseSelector} drives it. Each is a class in a file of its own. */
export interface Mechanism {
  /** Throws where it cannot watch such a descriptor, events or mode; changes nothing. */
  check(fd: number, events: number, mode: TriggerMode): void;
  /** Starts watching what `registration.key` says, or throws and watches nothing. Called before it is among the registrations. */
  add(registration: Registration): void;
  /** Watches what `registration.key` says now, or throws. */
  change(registration: Registration): void;
  /** Stops watching, also what was closed meanwhile. Called after it is no longer among the registrations. */
  remove(registration: Registration): void;
  /**
   * Waits once, for at most `timeout` milliseconds, which may be Infinity. Adds at most `maxEvents`
   * ready registrations to `found`; the waits after it report the others.
   *
   * @returns How the wait ended: "looked" when something was found or the time was up, "woken" after
   * a wake-up, "interrupted" by a signal.
   */
  wait(timeout: number, maxEvents: number, found: Found): Outcome;
  /**
   * What poll(2) must watch, as struct pollfds of 32-bit words, to tell that a wait would find something: the
   * mechanism's own descriptor, or else all that are watched.
   */
  pollfds(): Int32Array;
  /** Whether pollfds() stays true while registrations change. */
  readonly isPollable: boolean;
  /** Whether the operating system still watches a registered descriptor: not when it was closed, even if its number is in use again. */
  isWatching(registration: Registration): boolean;
  /** Closes its own descriptors. */
  close(): void;
}

/**
 * Makes a mechanism for a selector's registrations. The waker is the selector's, and to be watched beside them: once it
 * is readable, the wait drains it and is over.
 */
export type MechanismFactory = (
  registrations: Registrations,
  waker: Waker,
) => Mechanism;

/**
 * Whether a wait failed because a signal came. Its handler, which is Deno's, does not keep errno: among thousands of signals
 * it leaves EAGAIN, since the pipe that it writes to is full. poll(2) has that errno too, and says to try again.
 */
export function isInterruption(error: number): boolean {
  return error === EINTR || error === EAGAIN;
}
