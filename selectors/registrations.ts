/**
 * What a selector remembers: a registration for each descriptor, in an array indexed by it, and the
 * live map that users see of it.
 *
 * @module
 */

import { showMap } from "./inspect.ts";
import type { FileObject, ReadyEvent, SelectorKey, TriggerMode } from "./types.ts";

/**
 * A registered descriptor. `key` belongs to the user, and modify() replaces it. Selectors and
 * mechanisms work with the other fields, so that nothing that is done to a key can confuse them.
 */
export class Registration<Data = unknown, File extends FileObject = FileObject> {
  /** The descriptor. */
  readonly fd: number;
  /** What was registered. */
  readonly fileobj: File;
  /** What the user gets. */
  key: SelectorKey<Data, File>;
  /** The events to wait for. */
  events: number;
  /** How often readiness is reported. */
  mode: TriggerMode;
  /** False once a "oneshot" registration has been reported, until modify(). */
  armed: boolean = true;
  /** Poll: the index in its arrays while it is armed, else -1. */
  slot: number = -1;
  /** Kqueue: the index in what a wait has found so far, else -1. */
  foundAt: number = -1;
  /** Epoll and Kqueue: differs from that of earlier registrations of the same number. */
  generation: number = 0;

  #ready: ReadyEvent<Data, File> | undefined;

  /** A registration of the key's descriptor, armed. */
  constructor(key: SelectorKey<Data, File>) {
    this.fd = key.fd;
    this.fileobj = key.fileobj;
    this.key = key;
    this.events = key.events;
    this.mode = key.mode;
  }

  /** Takes a new key, with its events and mode. */
  renew(key: SelectorKey<Data, File>): void {
    this.key = key;
    this.events = key.events;
    this.mode = key.mode;
    this.#ready = undefined;
  }

  /**
   * The pair that select() reports. If it is the same as before, it is the same array, so that a
   * busy server makes no garbage.
   */
  ready(events: number): ReadyEvent<Data, File> {
    const ready = this.#ready;
    // The user may have changed the pair.
    if (ready !== undefined && ready[1] === events && ready[0] === this.key) return ready;
    return this.#ready = [this.key, events];
  }
}

/** What a wait has found. */
export class Found<Data = unknown, File extends FileObject = FileObject> {
  /** The ready events, as select() returns them. */
  readonly events: ReadyEvent<Data, File>[] = [];
  /** The registration of each event, at the same index, if the caller wants to know. */
  readonly registrations: Registration<Data, File>[] | undefined;

  /** Nothing found yet. The registrations are added to `registrations`, if it is given. */
  constructor(registrations?: Registration<Data, File>[]) {
    this.registrations = registrations;
  }

  /** Adds `events` of a registration. */
  add(registration: Registration<Data, File>, events: number): void {
    this.events.push(registration.ready(events));
    if (this.registrations !== undefined) this.registrations.push(registration);
  }

  /** Adds more events of a registration, which is the one at `index`. */
  extend(index: number, registration: Registration<Data, File>, events: number): void {
    this.events[index] = registration.ready(this.events[index]![1] | events);
  }
}

// Up to this descriptor the array has no holes, because V8 reads arrays with large holes as slowly
// as dictionaries. Beyond it, the array is a dictionary. On Windows, SOCKETs are multiples of 4
// that are used again: the array is four times as long there, and no longer.
const DENSE_LIMIT = 2 ** 20;

/** The registrations of one selector. */
export class Registrations<Data = unknown, File extends FileObject = FileObject> {
  /** By descriptor. */
  readonly byFd: (Registration<Data, File> | undefined)[] = [];
  /** How many there are. */
  size: number = 0;

  /** Adds a registration. */
  add(registration: Registration<Data, File>): void {
    const { byFd } = this;
    const { fd } = registration;
    while (byFd.length < fd && fd < DENSE_LIMIT) byFd.push(undefined);
    byFd[fd] = registration;
    this.size++;
  }

  /** Whether a registration is among them: it may have been removed, or replaced by another. */
  has(registration: Registration<Data, File>): boolean {
    return this.byFd[registration.fd] === registration;
  }

  /** Removes a registration. */
  delete(registration: Registration<Data, File>): void {
    if (!this.has(registration)) return;
    this.byFd[registration.fd] = undefined;
    this.size--;
  }

  /** Removes all of them. */
  clear(): void {
    this.byFd.length = 0;
    this.size = 0;
  }

  /** All registrations, in rising order of their descriptors. */
  *[Symbol.iterator](): Generator<Registration<Data, File>, void, undefined> {
    const { byFd } = this;
    for (let fd = 0; fd < byFd.length; fd++) {
      const registration = byFd[fd];
      if (registration !== undefined) yield registration;
    }
  }

  /**
   * The registration of a descriptor or a file object. Identity wins over the number that fileno()
   * gives, because a closed object may give another number.
   */
  find(fileobj: FileObject): Registration<Data, File> | undefined {
    if (typeof fileobj === "number") return this.byFd[fileobj];
    const found = this.byFd[answerOf(fileobj)];
    if (found !== undefined && found.fileobj === fileobj) return found;
    for (const registration of this) {
      if (registration.fileobj === fileobj) return registration;
    }
    return found;
  }
}

/** What fileno() says, or -1 where it no longer answers. */
function answerOf(fileobj: FileObject): number {
  try {
    const fd = (fileobj as { fileno(): number }).fileno();
    return typeof fd === "number" ? fd : -1;
  } catch {
    return -1;
  }
}

/** The live, read-only view of the registrations that getMap() gives. */
export class RegistrationMap<Data, File extends FileObject>
  implements ReadonlyMap<FileObject, SelectorKey<Data, File>> {
  readonly #registrations: Registrations<Data, File>;

  /** A view of `registrations`. */
  constructor(registrations: Registrations<Data, File>) {
    this.#registrations = registrations;
  }

  /** The number of registered descriptors. */
  get size(): number {
    return this.#registrations.size;
  }

  /** The key of a descriptor or file object; undefined where it is not registered. */
  get(fileobj: FileObject): SelectorKey<Data, File> | undefined {
    return this.#registrations.find(fileobj)?.key;
  }

  /** Whether a descriptor or file object is registered. */
  has(fileobj: FileObject): boolean {
    return this.#registrations.find(fileobj) !== undefined;
  }

  /** The registered descriptors, rising, each with its key. */
  *entries(): MapIterator<[FileObject, SelectorKey<Data, File>]> {
    for (const { fd, key } of this.#registrations) yield [fd, key];
  }

  /** The registered descriptors, rising. */
  *keys(): MapIterator<FileObject> {
    for (const { fd } of this.#registrations) yield fd;
  }

  /** The keys, by rising descriptor. */
  *values(): MapIterator<SelectorKey<Data, File>> {
    for (const { key } of this.#registrations) yield key;
  }

  /** The same as `entries()`. */
  [Symbol.iterator](): MapIterator<[FileObject, SelectorKey<Data, File>]> {
    return this.entries();
  }

  /** Calls `callback` for each registered descriptor, rising. */
  forEach(
    callback: (
      key: SelectorKey<Data, File>,
      fd: FileObject,
      map: ReadonlyMap<FileObject, SelectorKey<Data, File>>,
    ) => void,
    thisArg?: unknown,
  ): void {
    for (const { fd, key } of this.#registrations) callback.call(thisArg, key, fd, this);
  }
}

showMap(RegistrationMap.prototype);
