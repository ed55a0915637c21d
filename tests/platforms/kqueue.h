/*
 * The part of <sys/event.h> that kqueue.c implements: struct kevent with the layout of 64-bit macOS
 * and libkqueue, and the constants of the macOS header (xnu, bsd/sys/event.h).
 */
#ifndef KQUEUE_H
#define KQUEUE_H

#include <stdint.h>
#include <time.h>

struct kevent {
  uint64_t ident;
  int16_t filter;
  uint16_t flags;
  uint32_t fflags;
  int64_t data;
  void *udata;
};
_Static_assert(sizeof(struct kevent) == 32, "struct kevent has macOS' layout");

#define EVFILT_READ (-1)
#define EVFILT_WRITE (-2)
#define EVFILT_USER (-10)
#define EVFILT_USER_FREEBSD (-11) /* the number of this filter in FreeBSD and libkqueue */
#define EVFILT_EXCEPT (-15)

#define EV_ADD 0x0001
#define EV_DELETE 0x0002
#define EV_ENABLE 0x0004
#define EV_DISABLE 0x0008
#define EV_ONESHOT 0x0010
#define EV_CLEAR 0x0020
#define EV_RECEIPT 0x0040
#define EV_DISPATCH 0x0080
#define EV_OOBAND 0x2000
#define EV_ERROR 0x4000
#define EV_EOF 0x8000

#define NOTE_LOWAT 0x00000001
#define NOTE_OOB 0x00000002
#define NOTE_TRIGGER 0x01000000
#define NOTE_FFAND 0x40000000
#define NOTE_FFOR 0x80000000
#define NOTE_FFCOPY 0xc0000000
#define NOTE_FFCTRLMASK 0xc0000000
#define NOTE_FFLAGSMASK 0x00ffffff

int kqueue(void);
int kevent(int kq, const struct kevent *changes, int nchanges, struct kevent *events, int nevents,
           const struct timespec *timeout);

#endif
