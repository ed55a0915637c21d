/**
 * The words that every selector speaks: events, file objects, keys.
 *
 * @module
 */

/** The descriptor is ready to be read (or accepted from), or its peer has hung up. */
export const EVENT_READ = 1;
/** The descriptor is ready to be written, or its connection attempt has finished. */
export const EVENT_WRITE = 2;
/** Urgent or exceptional data: POLLPRI, EPOLLPRI, select's exceptfds, EVFILT_EXCEPT on macOS. KqueueSelector has it nowhere else. */
export const EVENT_PRIORITY = 4;

/** An OS file descriptor, or anything that has one. */
export type FileObject = number | { fileno(): number };

/**
 * How often readiness is reported: while it lasts ("level"), when it appears ("edge"), or once until modify()
 * re-arms it ("oneshot").
 */
export type TriggerMode = "level" | "edge" | "oneshot";

/** What was registered, with what to wait for and what to do about it. Frozen; modify() makes a new one. */
export interface SelectorKey<Data = unknown, File extends FileObject = FileObject> {
  /** The descriptor or object that was registered. */
  readonly fileobj: File;
  /** Its descriptor. */
  readonly fd: number;
  /** The events that it waits for. */
  readonly events: number;
  /** Whatever was given along: a callback, a state. */
  readonly data: Data;
  /** How often readiness is reported. */
  readonly mode: TriggerMode;
}

/**
 * One ready descriptor: its key, and the subset of the events it was registered for that are ready. Read-only: a later select() with the
 * same to say may give the same pair.
 */
export type ReadyEvent<Data = unknown, File extends FileObject = FileObject> = readonly [
  key: SelectorKey<Data, File>,
  events: number,
];

/** What may be said beyond the events when a descriptor is registered. */
export interface RegisterOptions {
  /** Default "level". PollSelector and SelectSelector throw Deno.errors.NotSupported for "edge". */
  mode?: TriggerMode;
}
