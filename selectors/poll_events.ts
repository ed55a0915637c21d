/** The selectors' events in poll(2)'s terms, and back. */

import * as os from "../os/pollfd.ts";
import { EVENT_HANGUP, EVENT_PRIORITY, EVENT_READ, EVENT_WRITE } from "./types.ts";

// V8 treats a constant of the own module as one, and loads another module's each time.
const [READ, WRITE, PRIORITY, HANGUP] = [EVENT_READ, EVENT_WRITE, EVENT_PRIORITY, EVENT_HANGUP];
const { IS_READABLE, IS_WRITABLE, IS_URGENT, IS_HUNG_UP } = os;

/** What to ask poll(2) for. */
export function pollEvents(events: number): number {
  return (events & READ ? os.POLL_READ : 0) |
    (events & WRITE ? os.POLL_WRITE : 0) |
    (events & PRIORITY ? os.POLL_PRIORITY : 0) |
    (events & HANGUP ? os.POLL_HANGUP : 0);
}

/**
 * What poll(2) reported, limited to the events that were asked for. A hang-up or an error counts as
 * readable, writable and hung up. If none of the events asked for remains (of EVENT_PRIORITY alone,
 * say), all of them are reported: what ended the wait must appear in its result.
 */
export function readyEvents(revents: number, asked: number): number {
  const ready = (revents & IS_READABLE ? READ : 0) |
    (revents & IS_WRITABLE ? WRITE : 0) |
    (revents & IS_URGENT ? PRIORITY : 0) |
    (revents & IS_HUNG_UP ? HANGUP : 0);
  return ready & asked || asked;
}
