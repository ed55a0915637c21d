/*
 * An emulation of kqueue(2) on epoll(7), for tests of KqueueSelector on Linux machines that have a
 * C compiler.
 *
 * A queue is an epoll descriptor, the one that kqueue() returns. It watches one inner epoll per
 * filter. So the two filters of a descriptor are two independent registrations, as on the BSDs, and
 * poll(2) on the queue reports whether events are pending. An eventfd, the bell, is readable for
 * what epoll cannot watch: EVFILT_USER, and files that are always ready.
 *
 * As on the BSDs (FreeBSD sys/kern/kern_event.c, xnu bsd/kern/kern_event.c):
 *   - EV_ADD on a filter that exists changes udata and fflags and checks again whether it is ready.
 *     It changes neither EV_CLEAR, EV_ONESHOT nor EV_DISPATCH, and does not enable the filter
 *     (despite the man page): use EV_DELETE before it, and EV_ENABLE with it.
 *   - When a change fails, or asks for EV_RECEIPT, and the event list has no room left, the changes
 *     after it are not made.
 *   - EVFILT_WRITE on a pipe without a reader is refused with EPIPE.
 *   - Regular files are accepted: readable unless at their end (data: bytes up to it), always
 *     writable.
 *   - A wait of more than 100,000,000 seconds is EINVAL (macOS).
 *   - NOTE_LOWAT with INT_MAX on a socket's EVFILT_READ leaves EV_EOF only. For pipes it is ignored
 *     (FreeBSD, NetBSD). No other value is known here.
 *
 * As on NetBSD (7.99, run in a process; sys/kern/sys_pipe.c), where compiled with -Dnetbsd:
 *   - EVFILT_WRITE on a pipe without a reader is refused with EBADF.
 *   - A full pipe whose reader goes is reported to EVFILT_READ on its write end only.
 *   - A queue in itself ends the process, as it would end the kernel.
 *
 * Not as on the BSDs:
 *   - errno numbers are those of Linux.
 *   - fflags of EV_EOF is ECONNREFUSED or ECONNRESET, derived from the state of the connection:
 *     Linux cannot read SO_ERROR without clearing it, and the program must still find it.
 *   - A socket that is not connected yet is ready, with EV_EOF, as on Linux (EPOLLHUP).
 *   - If a closed descriptor has a duplicate that is open, its filters are removed only when its
 *     next event occurs; edges of other descriptors may then be reported twice.
 *   - A file that grows wakes no wait.
 *   - Queues can watch queues two levels deep, because epoll allows five levels (EP_MAX_NESTS).
 *   - The inner descriptors of a closed queue are freed by the next call of kqueue().
 */
#define _GNU_SOURCE
#include "kqueue.h"

#ifdef netbsd
#define NETBSD true
#else
#define NETBSD false
#endif

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/sockios.h>

/* The filters on descriptors, each with its own epoll; user events come after them. */
enum { READ, WRITE, EXCEPT, FILTERS, USER = FILTERS, SOURCES };
static const int16_t filter_of[FILTERS] = {EVFILT_READ, EVFILT_WRITE, EVFILT_EXCEPT};
static const uint32_t epoll_events_of[FILTERS] = {EPOLLIN | EPOLLRDHUP, EPOLLOUT, EPOLLPRI};

/* A filter registered on a descriptor. */
struct note {
  bool used, enabled;
  bool always_ready; /* epoll refuses the file, so it is checked here */
  bool told;         /* an always ready file under EV_CLEAR that was reported */
  bool end_only;     /* NOTE_LOWAT with more bytes than fit in a socket's buffer */
  bool silent;       /* NetBSD: a full pipe whose reader has gone … */
  bool added_again;  /* … until EV_ADD looks at it again */
  uint16_t flags;    /* EV_CLEAR, EV_ONESHOT, EV_DISPATCH */
  uint32_t generation;
  void *udata;
  dev_t dev; /* the file of the number when it was registered */
  ino_t ino;
};

struct user {
  bool used, enabled, triggered;
  int16_t filter; /* EVFILT_USER, by the caller's number */
  uint16_t flags;
  uint32_t fflags;
  uint64_t ident;
  void *udata;
};

struct queue {
  int fd;
  int bell;
  bool ringing;
  int inner[FILTERS];          /* -1 until the filter is first used */
  struct note *notes[FILTERS]; /* by descriptor */
  size_t capacity;             /* of each of notes */
  size_t always_ready;         /* how many notes are */
  struct user *users;
  size_t user_capacity;
  uint32_t generation;
  unsigned turn; /* which source is checked first, so that none starves */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct queue **queues; /* by descriptor */
static size_t queues_capacity;

static struct epoll_event watch(uint32_t events, uint32_t generation, int fd) {
  return (struct epoll_event){.events = events, .data.u64 = (uint64_t)generation << 32 | (uint32_t)fd};
}

/* ---- queues ---------------------------------------------------------------------------------- */

static void free_queue(struct queue *q) {
  for (int f = 0; f < FILTERS; f++) {
    if (q->inner[f] != -1) close(q->inner[f]);
    free(q->notes[f]);
  }
  close(q->bell);
  free(q->users);
  free(q);
}

/*
 * The queue behind a descriptor, or NULL. close(2) passes us by, and its number may be another
 * file by now: it is our queue as long as it is an epoll that has the bell registered.
 */
static struct queue *find_queue(int kq) {
  if (kq < 0 || (size_t)kq >= queues_capacity || queues[kq] == NULL) return NULL;
  struct queue *q = queues[kq];
  struct epoll_event bell = watch(EPOLLIN, 0, q->bell);
  if (epoll_ctl(kq, EPOLL_CTL_MOD, q->bell, &bell) == 0) return q;
  queues[kq] = NULL;
  free_queue(q);
  return NULL;
}

static struct queue *new_queue(void) {
  struct queue *q = calloc(1, sizeof *q);
  if (q == NULL) return NULL;
  for (int f = 0; f < FILTERS; f++) q->inner[f] = -1;
  q->fd = epoll_create1(EPOLL_CLOEXEC);
  q->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct epoll_event bell = watch(EPOLLIN, 0, q->bell);
  if (q->fd != -1 && q->bell != -1 && epoll_ctl(q->fd, EPOLL_CTL_ADD, q->bell, &bell) == 0) return q;
  int error = errno;
  if (q->fd != -1) close(q->fd);
  if (q->bell != -1) close(q->bell);
  free(q);
  errno = error;
  return NULL;
}

int kqueue(void) {
  pthread_mutex_lock(&lock);
  for (size_t kq = 0; kq < queues_capacity; kq++) find_queue((int)kq);
  int fd = -1;
  struct queue *q = new_queue();
  if (q != NULL) {
    fd = q->fd;
    if ((size_t)fd >= queues_capacity) {
      size_t capacity = (size_t)fd * 2 + 16;
      struct queue **grown = realloc(queues, capacity * sizeof *grown);
      if (grown == NULL) {
        close(q->fd);
        free_queue(q);
        pthread_mutex_unlock(&lock);
        errno = ENOMEM;
        return -1;
      }
      memset(grown + queues_capacity, 0, (capacity - queues_capacity) * sizeof *grown);
      queues = grown;
      queues_capacity = capacity;
    }
    queues[fd] = q;
  }
  pthread_mutex_unlock(&lock);
  return fd;
}

/* ---- what a descriptor has to say ------------------------------------------------------------ */

static int socket_option(int fd, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  return getsockopt(fd, SOL_SOCKET, name, &value, &length) == 0 ? value : -1;
}

static bool tcp_state(int fd, struct tcp_info *info) {
  socklen_t length = sizeof *info;
  memset(info, 0, sizeof *info);
  return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &length) == 0;
}

/* Bytes, or for a listener connections, that can be read. */
static int64_t readable(int fd) {
  struct tcp_info info;
  if (socket_option(fd, SO_ACCEPTCONN) == 1) return tcp_state(fd, &info) ? info.tcpi_unacked : 1;
  int bytes = 0;
  return ioctl(fd, FIONREAD, &bytes) == 0 ? bytes : 1;
}

/* Space for writing. */
static int64_t writable(int fd) {
  int size = socket_option(fd, SO_SNDBUF);
  int taken = 0;
  if (size != -1) ioctl(fd, SIOCOUTQ, &taken);
  else if ((size = fcntl(fd, F_GETPIPE_SZ)) != -1) ioctl(fd, FIONREAD, &taken);
  return size > taken ? size - taken : 0;
}

/* Whether the stream socket or pipe can send no more. */
static bool shut_for_writing(int fd) {
  struct tcp_info info;
  if (!tcp_state(fd, &info)) return false;
  switch (info.tcpi_state) {
    case TCP_FIN_WAIT1: case TCP_FIN_WAIT2: case TCP_CLOSING: case TCP_LAST_ACK: case TCP_TIME_WAIT: case TCP_CLOSE:
      return true;
    default: return false;
  }
}

static uint32_t error_of(int fd) {
  struct tcp_info info;
  if (socket_option(fd, SO_TYPE) == -1) return 0; /* a pipe */
  if (!tcp_state(fd, &info)) return ECONNRESET;   /* a UNIX socket */
  return info.tcpi_rtt == 0 ? ECONNREFUSED : ECONNRESET;
}

static bool reader_is_gone(int fd) {
  struct pollfd pipe = {.fd = fd, .events = POLLOUT};
  return poll(&pipe, 1, 0) == 1 && (pipe.revents & POLLERR) != 0;
}

static struct kevent report(int filter, int fd, const struct note *note, uint32_t events) {
  struct kevent event = {
    .ident = (uint64_t)fd, .filter = filter_of[filter], .flags = note->flags, .udata = note->udata};
  bool datagram = socket_option(fd, SO_TYPE) == SOCK_DGRAM;
  bool failed = (events & EPOLLERR) != 0 && !datagram;
  bool eof = failed || (events & EPOLLHUP) != 0;
  if (filter == READ) {
    event.data = readable(fd);
    eof = eof || (events & EPOLLRDHUP) != 0;
  } else if (filter == WRITE) {
    event.data = writable(fd);
    eof = eof || shut_for_writing(fd);
  } else if ((events & EPOLLPRI) != 0) {
    event.flags |= EV_OOBAND;
    event.fflags = NOTE_OOB;
  }
  if (eof) event.flags |= EV_EOF;
  if (failed) event.fflags |= error_of(fd);
  return event;
}

/* ---- filters on descriptors ------------------------------------------------------------------ */

static uint32_t epoll_events(int filter, const struct note *note) {
  /* EPOLLHUP and EPOLLERR cannot be masked; this reports them once at most. */
  if (!note->enabled) return EPOLLET | EPOLLONESHOT;
  uint32_t events = note->end_only ? EPOLLRDHUP : epoll_events_of[filter];
  if ((note->flags & EV_CLEAR) != 0) events |= EPOLLET;
  if ((note->flags & (EV_ONESHOT | EV_DISPATCH)) != 0) events |= EPOLLONESHOT;
  return events;
}

/* Sets the events of the note, so that epoll checks them again. Returns 0 or an errno. */
static int arm(struct queue *q, int filter, int fd, int operation) {
  struct note *note = &q->notes[filter][fd];
  struct epoll_event event = watch(epoll_events(filter, note), note->generation, fd);
  note->told = false;
  note->silent = false;
  if (note->always_ready) return 0;
  return epoll_ctl(q->inner[filter], operation, fd, &event) == 0 ? 0 : errno;
}

static void forget(struct queue *q, int filter, int fd) {
  struct note *note = &q->notes[filter][fd];
  if (note->always_ready) q->always_ready--;
  *note = (struct note){0};
}

static bool same_file(const struct note *note, const struct stat *file) {
  return note->dev == file->st_dev && note->ino == file->st_ino;
}

/* Drops descriptors that were closed: epoll keeps the open files, kqueue drops descriptors. */
static void rebuild(struct queue *q, int filter) {
  int fresh = epoll_create1(EPOLL_CLOEXEC);
  if (fresh == -1) return;
  for (size_t fd = 0; fd < q->capacity; fd++) {
    struct note *note = &q->notes[filter][fd];
    struct stat file;
    if (!note->used) continue;
    /* The ends of a pipe are one file for fstat(2), but two for epoll. */
    bool is_ours = fstat((int)fd, &file) == 0 && same_file(note, &file) && arm(q, filter, (int)fd, EPOLL_CTL_MOD) == 0;
    if (!is_ours) forget(q, filter, (int)fd);
  }
  close(q->inner[filter]);
  q->inner[filter] = fresh;
  struct epoll_event event = watch(EPOLLIN, 0, fresh);
  epoll_ctl(q->fd, EPOLL_CTL_ADD, fresh, &event);
  for (size_t fd = 0; fd < q->capacity; fd++)
    if (q->notes[filter][fd].used) arm(q, filter, (int)fd, EPOLL_CTL_ADD);
}

static int make_room(struct queue *q, int filter, int fd) {
  if ((size_t)fd >= q->capacity) {
    size_t capacity = (size_t)fd * 2 + 64;
    for (int f = 0; f < FILTERS; f++) {
      struct note *grown = realloc(q->notes[f], capacity * sizeof *grown);
      if (grown == NULL) return ENOMEM;
      memset(grown + q->capacity, 0, (capacity - q->capacity) * sizeof *grown);
      q->notes[f] = grown;
    }
    q->capacity = capacity;
  }
  if (q->inner[filter] != -1) return 0;
  int inner = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = watch(EPOLLIN, 0, inner);
  if (inner == -1 || epoll_ctl(q->fd, EPOLL_CTL_ADD, inner, &event) == -1) {
    int error = errno;
    if (inner != -1) close(inner);
    return error;
  }
  q->inner[filter] = inner;
  return 0;
}

static int add(struct queue *q, int filter, int fd, const struct kevent *change, const struct stat *file) {
  if (filter == WRITE && S_ISFIFO(file->st_mode) && reader_is_gone(fd)) return NETBSD ? EBADF : EPIPE;
  if (filter == EXCEPT && (change->fflags & NOTE_OOB) == 0) return EINVAL;
  struct note *note = &q->notes[filter][fd];
  *note = (struct note){
    .used = true,
    .enabled = (change->flags & EV_DISABLE) == 0,
    .flags = change->flags & (EV_CLEAR | EV_ONESHOT | EV_DISPATCH),
    .end_only = filter == READ && S_ISSOCK(file->st_mode) && (change->fflags & NOTE_LOWAT) != 0 && change->data == INT_MAX,
    .generation = ++q->generation,
    .udata = change->udata,
    .dev = file->st_dev,
    .ino = file->st_ino};
  int error = arm(q, filter, fd, EPOLL_CTL_ADD);
  if (error == EPERM && filter != EXCEPT) {
    note->always_ready = true;
    q->always_ready++;
    return 0;
  }
  if (error != 0) forget(q, filter, fd);
  return error;
}

static int change_filter(struct queue *q, int filter, const struct kevent *change) {
  struct stat file;
  if (NETBSD && change->ident == (uint64_t)q->fd) {
    fputs("NetBSD's kernel panics at the first event of a queue in itself\n", stderr);
    abort();
  }
  if (change->ident > INT_MAX || fstat((int)change->ident, &file) == -1) return EBADF;
  int fd = (int)change->ident;
  int error = make_room(q, filter, fd);
  if (error != 0) return error;

  struct note *note = &q->notes[filter][fd];
  bool reused = note->used && (!same_file(note, &file) || arm(q, filter, fd, EPOLL_CTL_MOD) == ENOENT);
  if (reused) forget(q, filter, fd);
  if (!note->used) return (change->flags & EV_ADD) != 0 ? add(q, filter, fd, change, &file) : ENOENT;

  if ((change->flags & EV_DELETE) != 0) {
    if (!note->always_ready) epoll_ctl(q->inner[filter], EPOLL_CTL_DEL, fd, NULL);
    forget(q, filter, fd);
    return 0;
  }
  if ((change->flags & EV_ENABLE) != 0) note->enabled = true;
  else if ((change->flags & EV_DISABLE) != 0) note->enabled = false;
  if ((change->flags & EV_ADD) != 0) note->added_again = true;
  note->udata = change->udata;
  return arm(q, filter, fd, EPOLL_CTL_MOD);
}

/* After a report: remove, disable, or wait for the next edge. */
static void settle(struct queue *q, int filter, int fd) {
  struct note *note = &q->notes[filter][fd];
  note->told = (note->flags & EV_CLEAR) != 0;
  if ((note->flags & EV_DISPATCH) != 0) note->enabled = false;
  if ((note->flags & EV_ONESHOT) == 0) return;
  if (!note->always_ready) epoll_ctl(q->inner[filter], EPOLL_CTL_DEL, fd, NULL);
  forget(q, filter, fd);
}

/* NetBSD: nothing tells a full pipe that its reader has gone, until EV_ADD looks again. */
static bool misses_gone_reader(struct queue *q, int fd, uint32_t events, const struct stat *file) {
  struct note *note = &q->notes[WRITE][fd];
  if (!S_ISFIFO(file->st_mode) || (events & EPOLLOUT) != 0 || note->added_again) return false;
  /* EPOLLERR cannot be masked; this way it comes once more at most. */
  struct epoll_event silent = watch(EPOLLET | EPOLLONESHOT, note->generation, fd);
  if (!note->silent) epoll_ctl(q->inner[WRITE], EPOLL_CTL_MOD, fd, &silent);
  note->silent = true;
  return true;
}

static int harvest_epoll(struct queue *q, int filter, struct kevent *events, int room) {
  if (q->inner[filter] == -1) return 0;
  struct epoll_event *ready = malloc((size_t)room * sizeof *ready);
  if (ready == NULL) return 0;
  bool stale = false;
  int count = 0, found = epoll_wait(q->inner[filter], ready, room, 0);
  for (int i = 0; i < found; i++) {
    int fd = (int)(uint32_t)ready[i].data.u64;
    struct note *note = &q->notes[filter][fd];
    struct stat file;
    if (!note->used || note->generation != ready[i].data.u64 >> 32 || fstat(fd, &file) == -1 ||
        !same_file(note, &file)) {
      stale = true;
      continue;
    }
    if (!note->enabled) continue;
    if (NETBSD && filter == WRITE && misses_gone_reader(q, fd, ready[i].events, &file)) continue;
    events[count++] = report(filter, fd, note, ready[i].events);
    settle(q, filter, fd);
  }
  free(ready);
  if (stale) rebuild(q, filter);
  return count;
}

static bool file_is_ready(int filter, int fd, const struct note *note, int64_t *data) {
  struct stat file;
  *data = 0;
  if (!note->used || !note->always_ready || !note->enabled || note->told) return false;
  if (fstat(fd, &file) == -1 || !same_file(note, &file)) return false;
  if (filter == WRITE || !S_ISREG(file.st_mode)) return true;
  *data = file.st_size - lseek(fd, 0, SEEK_CUR);
  return *data != 0;
}

static int harvest_files(struct queue *q, int filter, struct kevent *events, int room) {
  int count = 0;
  if (q->always_ready == 0 || filter == EXCEPT) return 0;
  for (size_t fd = 0; fd < q->capacity && count < room; fd++) {
    struct note *note = &q->notes[filter][fd];
    int64_t data;
    if (!file_is_ready(filter, (int)fd, note, &data)) continue;
    events[count++] = (struct kevent){
      .ident = fd, .filter = filter_of[filter], .flags = note->flags, .data = data, .udata = note->udata};
    settle(q, filter, (int)fd);
  }
  return count;
}

/* ---- user events ----------------------------------------------------------------------------- */

static struct user *find_user(struct queue *q, uint64_t ident) {
  for (size_t i = 0; i < q->user_capacity; i++)
    if (q->users[i].used && q->users[i].ident == ident) return &q->users[i];
  return NULL;
}

static struct user *add_user(struct queue *q, const struct kevent *change) {
  size_t i = 0;
  while (i < q->user_capacity && q->users[i].used) i++;
  if (i == q->user_capacity) {
    size_t capacity = q->user_capacity * 2 + 4;
    struct user *grown = realloc(q->users, capacity * sizeof *grown);
    if (grown == NULL) return NULL;
    memset(grown + q->user_capacity, 0, (capacity - q->user_capacity) * sizeof *grown);
    q->users = grown;
    q->user_capacity = capacity;
  }
  q->users[i] = (struct user){
    .used = true,
    .enabled = (change->flags & EV_DISABLE) == 0,
    .filter = change->filter,
    .flags = change->flags & (EV_CLEAR | EV_ONESHOT | EV_DISPATCH),
    .ident = change->ident};
  return &q->users[i];
}

static uint32_t combine(uint32_t old, uint32_t given) {
  uint32_t bits = given & NOTE_FFLAGSMASK;
  switch (given & NOTE_FFCTRLMASK) {
    case NOTE_FFAND: return old & bits;
    case NOTE_FFOR: return old | bits;
    case NOTE_FFCOPY: return bits;
    default: return old;
  }
}

static int change_user(struct queue *q, const struct kevent *change) {
  struct user *user = find_user(q, change->ident);
  if (user == NULL && (change->flags & EV_ADD) == 0) return ENOENT;
  if (user != NULL && (change->flags & EV_DELETE) != 0) {
    user->used = false;
    return 0;
  }
  if (user == NULL && (user = add_user(q, change)) == NULL) return ENOMEM;
  if ((change->flags & EV_ENABLE) != 0) user->enabled = true;
  else if ((change->flags & EV_DISABLE) != 0) user->enabled = false;
  user->udata = change->udata;
  user->fflags = combine(user->fflags, change->fflags);
  if ((change->fflags & NOTE_TRIGGER) != 0) user->triggered = true;
  return 0;
}

static int harvest_users(struct queue *q, struct kevent *events, int room) {
  int count = 0;
  for (size_t i = 0; i < q->user_capacity && count < room; i++) {
    struct user *user = &q->users[i];
    if (!user->used || !user->enabled || !user->triggered) continue;
    events[count++] = (struct kevent){
      .ident = user->ident, .filter = user->filter, .flags = user->flags, .fflags = user->fflags, .udata = user->udata};
    if ((user->flags & EV_CLEAR) != 0) {
      user->triggered = false;
      user->fflags = 0;
    }
    if ((user->flags & EV_DISPATCH) != 0) user->enabled = false;
    if ((user->flags & EV_ONESHOT) != 0) user->used = false;
  }
  return count;
}

/* ---- kevent ---------------------------------------------------------------------------------- */

/* Keeps the queue readable for poll(2) while an event is pending that epoll does not watch. */
static void set_bell(struct queue *q) {
  bool ring = false;
  for (size_t i = 0; i < q->user_capacity; i++)
    ring = ring || (q->users[i].used && q->users[i].enabled && q->users[i].triggered);
  for (int f = READ; f <= WRITE && q->always_ready > 0 && !ring; f++)
    for (size_t fd = 0; fd < q->capacity && !ring; fd++) {
      int64_t data;
      ring = file_is_ready(f, (int)fd, &q->notes[f][fd], &data);
    }
  if (ring == q->ringing) return;
  eventfd_t count = 1;
  if (ring) eventfd_write(q->bell, count);
  else eventfd_read(q->bell, &count);
  q->ringing = ring;
}

static int apply(struct queue *q, const struct kevent *change) {
  switch (change->filter) {
    case EVFILT_READ: return change_filter(q, READ, change);
    case EVFILT_WRITE: return change_filter(q, WRITE, change);
    case EVFILT_EXCEPT: return change_filter(q, EXCEPT, change);
    case EVFILT_USER: case EVFILT_USER_FREEBSD: return change_user(q, change);
    default: return EINVAL;
  }
}

/* Makes the changes. Returns the number of answers in events, or -1 with errno. */
static int apply_all(struct queue *q, const struct kevent *changes, int nchanges, struct kevent *events, int nevents) {
  int answers = 0;
  for (int i = 0; i < nchanges; i++) {
    struct kevent change = changes[i]; /* events may be the same array */
    int error = apply(q, &change);
    if (error == 0 && (change.flags & EV_RECEIPT) == 0) continue;
    if (answers == nevents) {
      errno = error;
      return error == 0 ? answers : -1;
    }
    change.flags |= EV_ERROR;
    change.data = error;
    events[answers++] = change;
  }
  return answers;
}

static int harvest(struct queue *q, struct kevent *events, int room) {
  int count = 0;
  unsigned first = q->turn++;
  for (unsigned i = 0; i < SOURCES && count < room; i++) {
    int source = (int)((first + i) % SOURCES);
    if (source == USER) count += harvest_users(q, events + count, room - count);
    else count += harvest_epoll(q, source, events + count, room - count);
    if (source != USER && count < room) count += harvest_files(q, source, events + count, room - count);
  }
  return count;
}

static int64_t nanoseconds(const struct timespec *time) {
  return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return nanoseconds(&time);
}

/*
 * Sleeps until the queue may have an event (1), the deadline has passed (0), or a signal came (-1).
 */
static int wait_for(int kq, const int64_t *deadline) {
  struct timespec rest, *timeout = NULL;
  if (deadline != NULL) {
    int64_t left = *deadline - now();
    if (left <= 0) return 0;
    rest = (struct timespec){.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
    timeout = &rest;
  }
  struct pollfd queue = {.fd = kq, .events = POLLIN};
  return ppoll(&queue, 1, timeout, NULL) == -1 ? -1 : 1;
}

int kevent(int kq, const struct kevent *changes, int nchanges, struct kevent *events, int nevents,
           const struct timespec *timeout) {
  int64_t deadline = 0;
  if (timeout != NULL) {
    bool valid = timeout->tv_sec >= 0 && timeout->tv_sec <= 100000000 && timeout->tv_nsec >= 0 &&
                 timeout->tv_nsec < 1000000000;
    if (!valid) return errno = EINVAL, -1;
    deadline = now() + nanoseconds(timeout);
  }
  if (nchanges < 0 || nevents < 0) return errno = EINVAL, -1;
  if ((nchanges > 0 && changes == NULL) || (nevents > 0 && events == NULL)) return errno = EFAULT, -1;

  bool changed = false;
  for (;;) {
    pthread_mutex_lock(&lock);
    struct queue *q = find_queue(kq);
    if (q == NULL) {
      pthread_mutex_unlock(&lock);
      return errno = EBADF, -1;
    }
    int count = 0;
    if (!changed) count = apply_all(q, changes, nchanges, events, nevents);
    int error = errno;
    changed = true;
    bool done = count != 0 || nevents == 0;
    if (!done) done = (count = harvest(q, events, nevents)) > 0;
    set_bell(q);
    pthread_mutex_unlock(&lock);
    errno = error;
    if (done) return count;
    int woken = wait_for(kq, timeout == NULL ? NULL : &deadline);
    if (woken <= 0) return woken;
  }
}
