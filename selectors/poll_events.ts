/** The selectors' events in poll(2)'s terms, and back. */

import {
  IS_HUNG_UP,
  IS_READABLE,
  IS_URGENT,
  IS_WRITABLE,
  POLL_HANGUP,
  POLL_PRIORITY,
  POLL_READ,
  POLL_WRITE,
} from "../os/pollfd.ts";
import { EVENT_HANGUP, EVENT_PRIORITY, EVENT_READ, EVENT_WRITE } from "./types.ts";

/** What to ask poll(2) for. */
export function pollEvents(events: number): number {
  return (events & EVENT_READ ? POLL_READ : 0) |
    (events & EVENT_WRITE ? POLL_WRITE : 0) |
    (events & EVENT_PRIORITY ? POLL_PRIORITY : 0) |
    (events & EVENT_HANGUP ? POLL_HANGUP : 0);
}

/**
 * What poll(2) reported, limited to the events that were asked for. A hang-up or an error counts as
 * readable, writable and hung up. If none of the events asked for remains (of EVENT_PRIORITY alone,
 * say), all of them are reported: what ended the wait must appear in its result.
 */
export function readyEvents(revents: number, asked: number): number {
  const ready = (revents & IS_READABLE ? EVENT_READ : 0) |
    (revents & IS_WRITABLE ? EVENT_WRITE : 0) |
    (revents & IS_URGENT ? EVENT_PRIORITY : 0) |
    (revents & IS_HUNG_UP ? EVENT_HANGUP : 0);
  return ready & asked || asked;
}
