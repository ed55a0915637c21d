/**
 * The words that every selector uses: events, file objects, keys.
 *
 * @module
 */

/** The descriptor is ready to be read (or accepted from), or its peer has hung up. */
export const EVENT_READ = 1;
/** The descriptor is ready to be written, or its connection attempt has finished. */
export const EVENT_WRITE = 2;
/**
 * Urgent or exceptional data: POLLPRI, EPOLLPRI, select's exceptfds, EVFILT_EXCEPT on macOS.
 * KqueueSelector has it on macOS only: elsewhere its register() throws Deno.errors.NotSupported.
 */
export const EVENT_PRIORITY = 4;
/**
 * The peer has closed its end, or shut down its writing half: EPOLLRDHUP, POLLRDHUP, EV_EOF. For a
 * program that has paused reading and wants to know that the peer has left: data does not wake it.
 * A hang-up and an error count too. register() throws Deno.errors.NotSupported where the mechanism
 * cannot tell: SelectSelector, and PollSelector on macOS, NetBSD and Windows.
 */
export const EVENT_HANGUP = 8;

/** An OS file descriptor (on Windows, a SOCKET), or anything that has one. */
export type FileObject = number | { fileno(): number };

/**
 * How often readiness is reported: while it lasts ("level"), when it appears ("edge"), or once
 * until modify() re-arms it ("oneshot").
 */
export type TriggerMode = "level" | "edge" | "oneshot";

/**
 * What was registered: register() and modify() make one, and select() reports it. It is a plain
 * object: changing it changes nothing that the selector does. Call modify() instead.
 */
export interface SelectorKey<Data = unknown, File extends FileObject = FileObject> {
  /** The descriptor or object that was registered. */
  readonly fileobj: File;
  /** Its descriptor. */
  readonly fd: number;
  /** The events to wait for. */
  readonly events: number;
  /** What was registered with it: a callback, a state. */
  readonly data: Data;
  /** How often readiness is reported. */
  readonly mode: TriggerMode;
}

/**
 * One ready descriptor: its key, and the subset of the events it was registered for that are ready.
 * Later calls of select() may return the same array object.
 */
export type ReadyEvent<Data = unknown, File extends FileObject = FileObject> = readonly [
  key: SelectorKey<Data, File>,
  events: number,
];

/** Options for register() and modify(). */
export interface RegisterOptions {
  /** Default "level". PollSelector and SelectSelector throw Deno.errors.NotSupported for "edge". */
  mode?: TriggerMode;
}
