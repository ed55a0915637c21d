/**
 * The events of selectors as poll(2) has them.
 *
 * @module
 */

import * as os from "../os/pollfd.ts";
import { EVENT_HANGUP, EVENT_PRIORITY, EVENT_READ, EVENT_WRITE } from "../selectors/types.ts";

/** The bits to ask poll(2) for. */
export function pollEventsOf(events: number): number {
  return (events & EVENT_READ ? os.POLL_READ : 0) | (events & EVENT_WRITE ? os.POLL_WRITE : 0) |
    (events & EVENT_PRIORITY ? os.POLL_PRIORITY : 0) |
    (events & EVENT_HANGUP ? os.POLL_HANGUP : 0);
}

/** What the bits mean that poll(2) has reported. */
export function eventsOf(revents: number): number {
  return (revents & os.IS_READABLE ? EVENT_READ : 0) |
    (revents & os.IS_WRITABLE ? EVENT_WRITE : 0) |
    (revents & os.IS_URGENT ? EVENT_PRIORITY : 0) |
    (revents & os.IS_HUNG_UP ? EVENT_HANGUP : 0);
}
