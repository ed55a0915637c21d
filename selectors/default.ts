/**
 * The best mechanism that the platform has.
 *
 * @module
 */

import type { BaseSelector } from "./base.ts";
import { EpollSelector } from "./epoll.ts";
import { KqueueSelector } from "./kqueue.ts";
import { PollSelector } from "./poll.ts";
import { SelectSelector } from "./select.ts";
import type { FileObject } from "./types.ts";

/** The best selector that the platform has: kqueue, epoll, poll, select in that order. */
export const DefaultSelector: {
  new <Data = undefined, File extends FileObject = FileObject>(): BaseSelector<Data, File>;
  isSupported(): boolean;
  readonly name: string;
} = [KqueueSelector, EpollSelector, PollSelector].find((mechanism) => mechanism.isSupported()) ??
  SelectSelector;

/** What `new DefaultSelector<Data, File>()` gives. */
export type DefaultSelector<Data = undefined, File extends FileObject = FileObject> = BaseSelector<
  Data,
  File
>;
