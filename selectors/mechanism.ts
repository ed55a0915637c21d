/**
 * The contract between a selector and the polling call that it is built on. Each mechanism is a
 * class in a file of its own, with these members in this order. It keeps no keys.
 *
 * @module
 */

import { makeOsError } from "../ffi/errno.ts";
import * as c from "../ffi/mod.ts";
import type { Found, Registration, Registrations } from "./registrations.ts";
import type { TriggerMode } from "./types.ts";
import type { Waker } from "./waker.ts";

/**
 * How a wait ended: "looked" when it found something or the time was up, "woken" by a wake-up (it
 * may have found something too), "interrupted" by a signal.
 */
export type Outcome = "looked" | "woken" | "interrupted";

/** A polling call of the operating system. */
export interface Mechanism {
  /** The mechanism's own descriptor; -1 if it has none, and once closed. */
  fileno(): number;
  /** Throws if the mechanism cannot watch such a descriptor, events or mode. Changes nothing. */
  check(fd: number, events: number, mode: TriggerMode): void;
  /**
   * Starts watching a registration, or throws and watches nothing. The registration is not among
   * the selector's yet.
   */
  add(registration: Registration): void;
  /** Watches a registration's new events and mode, or throws. Reports again what is ready. */
  change(registration: Registration): void;
  /**
   * Watches again what was found but not delivered, "edge" or "oneshot". Does not throw: when the
   * descriptor was closed since, the next wait treats it as any closed one.
   */
  rearm(registration: Registration): void;
  /**
   * Stops watching a registration, whose descriptor may be closed. The registration is no longer
   * among the selector's.
   */
  remove(registration: Registration): void;
  /**
   * Waits once, for at most `timeout` milliseconds, which may be Infinity. Adds at most `maxEvents`
   * ready registrations to `found`, which is empty; the waits after it report the others.
   */
  wait(timeout: number, maxEvents: number, found: Found): Outcome;
  /** Whether pollfds() stays the same while registrations change. */
  readonly isPollable: boolean;
  /**
   * The struct pollfds, as 32-bit words, by which poll(2) tells whether a wait would find
   * something: the mechanism's own descriptor, or else every watched one.
   */
  pollfds(): Int32Array;
  /**
   * Whether the operating system still watches a registered descriptor. It does not when the
   * descriptor was closed, even if its number is in use again.
   */
  isWatching(registration: Registration): boolean;
  /** Closes the mechanism's own descriptor. */
  close(): void;
}

/**
 * Makes a mechanism for a selector's registrations. The mechanism watches the waker too: once that
 * is readable, the wait drains it and ends.
 */
export type MechanismFactory = (registrations: Registrations, waker: Waker) => Mechanism;

/**
 * Whether a wait failed because of a signal. Deno's signal handler does not preserve errno: among
 * thousands of signals it leaves EAGAIN, because the pipe that it writes to is full.
 */
export function isInterruption(error: number): boolean {
  return error === c.EINTR || error === c.EAGAIN;
}

/**
 * How a wait ended that failed because of a signal. A pending signal ends a non-blocking wait too.
 */
export function interruption(timeout: number): Outcome {
  return timeout > 0 ? "interrupted" : "looked";
}

/** Throws if "edge" is asked of poll or select, which do not remember what they have reported. */
export function checkNotEdge(mode: TriggerMode, name: string): void {
  if (mode !== "edge") return;
  throw new Deno.errors.NotSupported(
    `${name} does not support "edge" mode: use EpollSelector or KqueueSelector`,
  );
}

/**
 * Throws if a selector is to watch its own descriptor. The kernel is not asked: NetBSD's panics at
 * the first event of a queue in itself.
 */
export function checkNotItself(mechanism: Mechanism, fd: number): void {
  if (fd !== mechanism.fileno()) return;
  throw makeOsError(
    `register ${fd}: a selector cannot wait for itself (EINVAL ${c.EINVAL})`,
    "register",
    "EINVAL",
    c.EINVAL,
  );
}
