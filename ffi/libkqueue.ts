/**
 * The kqueue(2) of libkqueue on Linux: its <sys/event.h>, as in version 2.7.0. It has no
 * EVFILT_EXCEPT; the number here is that of macOS, for libraries that have it.
 *
 * @module
 */

/** The constants of libkqueue under their C names. */
export const constants = {
  // <sys/event.h>
  EVFILT_READ: -1,
  EVFILT_WRITE: -2,
  EVFILT_AIO: -3,
  EVFILT_VNODE: -4,
  EVFILT_PROC: -5,
  EVFILT_SIGNAL: -6,
  EVFILT_TIMER: -7,
  EVFILT_USER: -11,
  EVFILT_EXCEPT: -15,
  EV_ADD: 0x0001,
  EV_DELETE: 0x0002,
  EV_ENABLE: 0x0004,
  EV_DISABLE: 0x0008,
  EV_ONESHOT: 0x0010,
  EV_CLEAR: 0x0020,
  EV_RECEIPT: 0x0040,
  EV_DISPATCH: 0x0080,
  EV_EOF: 0x8000,
  EV_ERROR: 0x4000,
  NOTE_FFNOP: 0x00000000,
  NOTE_FFAND: 0x40000000,
  NOTE_FFOR: 0x80000000,
  NOTE_FFCOPY: 0xc0000000,
  NOTE_TRIGGER: 0x01000000,
  NOTE_LOWAT: 0x0001,
  NOTE_OOB: 0x0002,
} as const;
