/** Checks of the arguments of the public methods. */

import { escapeControls } from "../ffi/escape.ts";
import {
  EVENT_HANGUP,
  EVENT_PRIORITY,
  EVENT_READ,
  EVENT_WRITE,
  type FileObject,
  type RegisterOptions,
  type TriggerMode,
} from "./types.ts";

const INT_MAX = 2 ** 31 - 1;
const EVERY_EVENT = EVENT_READ | EVENT_WRITE | EVENT_PRIORITY | EVENT_HANGUP;

/** The descriptor of a file object. */
export function filenoOf(fileobj: FileObject): number {
  const fd = typeof fileobj === "number" ? fileobj : askFileno(fileobj);
  if ((fd | 0) !== fd || fd < 0) {
    throw new RangeError(`A descriptor must be an integer from 0 to 2147483647, not ${fd}`);
  }
  return fd | 0; // -0 is 0
}

function askFileno(fileobj: { fileno(): number }): number {
  if (fileobj === null || (typeof fileobj !== "object" && typeof fileobj !== "function")) {
    throw new TypeError("A file object must be a descriptor or an object with fileno()");
  }
  if (typeof fileobj.fileno !== "function") {
    throw new TypeError("A file object must be a descriptor or an object with fileno()");
  }
  const fd = fileobj.fileno();
  if (typeof fd !== "number") throw new TypeError("fileno() must return a number");
  if (fd === -1 && (fileobj as { closed?: unknown }).closed === true) {
    throw new Deno.errors.BadResource("The file object is closed");
  }
  return fd;
}

export function checkEvents(events: number): void {
  if (typeof events !== "number") throw new TypeError("Events must be a number");
  if ((events & EVERY_EVENT) !== events || events === 0) {
    throw new RangeError(
      `Events must be EVENT_READ, EVENT_WRITE, EVENT_PRIORITY, EVENT_HANGUP or several of them ` +
        `joined with |, not ${events}`,
    );
  }
}

/** The mode that the options of register() and modify() ask for. */
export function modeOf(options: RegisterOptions = {}): TriggerMode {
  checkOptions(options); // a mode in their place would be lost
  const { mode = "level" } = options;
  if (mode === "level" || mode === "edge" || mode === "oneshot") return mode;
  throw new RangeError(
    `Mode must be "level", "edge" or "oneshot", not ${escapeControls(String(mode))}`,
  );
}

/** `maxEvents` as an int; the largest one when it is left out. */
export function checkMaxEvents(maxEvents: number | undefined): number {
  if (maxEvents === undefined) return INT_MAX;
  if (Number.isInteger(maxEvents) && maxEvents > 0) return Math.min(maxEvents, INT_MAX);
  throw new RangeError(`maxEvents must be a positive integer, not ${String(maxEvents)}`);
}

export function checkOptions(options: object): void {
  if (options !== null && (typeof options === "object" || typeof options === "function")) return;
  throw new TypeError(`The options must be an object, not ${String(options)}`);
}

export function checkTimeout(timeout: number | null | undefined): number {
  if (timeout === undefined || timeout === null) return Infinity;
  if (typeof timeout !== "number") throw new TypeError("The timeout must be a number");
  if (Number.isNaN(timeout)) throw new RangeError("The timeout must not be NaN");
  return timeout > 0 ? timeout : 0;
}
