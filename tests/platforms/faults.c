/*
 * For LD_PRELOAD: makes calls of the C library fail at random in Deno. Deno.dlopen() looks up each
 * function with dlsym(3) in the handle of libc, so a function of the same name in this library
 * would not be found. So this library replaces dlsym, which returns the functions below. Deno's own
 * calls do not use it, and do not fail.
 *
 * FAULTS names a file of 32-bit words that this process maps, and that the test reads and writes
 * (tests/helpers/faults.ts): how many of 1024 calls fail, which kinds of failure are allowed, the
 * seed, and how often each kind happened. Whether the n-th call of a function fails depends only on
 * the seed, its name and n, so that a run with one thread can be repeated.
 *
 * A call that fails does nothing in the kernel: nothing is received or sent. close(2) with EINTR
 * has closed the descriptor, as on Linux. A short read or write has one byte.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The kinds of failure, in the order of KINDS in tests/helpers/faults.ts. */
enum kind { INTERRUPTED, AGAIN, SHORT, ABORTED, MFILE, NFILE, NOMEM, NOBUFS, KINDS };
static const int numbers[] = {EINTR, EAGAIN, 0, ECONNABORTED, EMFILE, ENFILE, ENOMEM, ENOBUFS};

/* The functions that may fail, in the order of CALLS in tests/helpers/faults.ts. */
enum call { RECV, SEND, ACCEPT, WAIT, CONTROL, OPTION, READ, WRITE, CLOSE, CALLS };

struct page {
  _Atomic uint32_t rate, allowed, seed; /* in 1024; bits 1 << kind; any */
  _Atomic uint32_t calls[CALLS];
  _Atomic uint32_t faults[CALLS][KINDS];
};

static struct page nothing;
static struct page *page = &nothing;

/* The real dlsym(3). */
static void *(*real_dlsym)(void *, const char *);

__attribute__((constructor)) static void map(void) {
  static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.17", "GLIBC_2.2.5"};
  for (size_t i = 0; !real_dlsym && i < sizeof versions / sizeof *versions; i++) {
    real_dlsym = dlvsym(RTLD_NEXT, "dlsym", versions[i]);
  }
  const char *path = getenv("FAULTS");
  int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (!real_dlsym || fd == -1) abort();
  page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) abort();
  close(fd);
}

/* "Mixing" of Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014 */
static uint64_t mixed(uint64_t number) {
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

#define MAY(kind) (1u << (kind))

/* The failure of this call, of the kinds allowed for it; KINDS means none. Sets errno. */
static enum kind fate(enum call call, uint32_t kinds) {
  uint32_t nth = atomic_fetch_add(&page->calls[call], 1);
  uint64_t random = mixed(((uint64_t)(page->seed * CALLS + call) << 32 | nth) * 0x9e3779b97f4a7c15);
  kinds &= page->allowed;
  if (kinds == 0 || random % 1024 >= page->rate) return KINDS;
  int which = (int)((random >> 32) % (uint32_t)__builtin_popcount(kinds));
  while (which-- > 0) kinds &= kinds - 1;
  enum kind kind = (enum kind)__builtin_ctz(kinds);
  atomic_fetch_add(&page->faults[call][kind], 1);
  errno = numbers[kind];
  return kind;
}

static int fails(enum call call, uint32_t kinds) { return fate(call, kinds) != KINDS; }

#define REAL(name) static __typeof__(&name) real_##name;
REAL(recv) REAL(send) REAL(recvfrom) REAL(sendto) REAL(accept4) REAL(epoll_wait) REAL(epoll_pwait2)
REAL(poll) REAL(ppoll) REAL(select) REAL(epoll_ctl) REAL(setsockopt) REAL(read) REAL(write) REAL(close)

/* ---- what may fail, and with what: the ERRORS of the man pages ------------------------------- */

static ssize_t faulty_recv(int fd, void *buffer, size_t size, int flags) {
  switch (fate(RECV, MAY(INTERRUPTED) | MAY(AGAIN) | MAY(SHORT) | MAY(NOMEM) | MAY(NOBUFS))) {
    case SHORT: return real_recv(fd, buffer, size < 1 ? size : 1, flags);
    case KINDS: return real_recv(fd, buffer, size, flags);
    default: return -1;
  }
}

static ssize_t faulty_send(int fd, const void *buffer, size_t size, int flags) {
  switch (fate(SEND, MAY(INTERRUPTED) | MAY(AGAIN) | MAY(SHORT) | MAY(NOMEM) | MAY(NOBUFS))) {
    case SHORT: return real_send(fd, buffer, size < 1 ? size : 1, flags);
    case KINDS: return real_send(fd, buffer, size, flags);
    default: return -1;
  }
}

static ssize_t faulty_recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *address, socklen_t *length) {
  /* no short reads: a datagram is received whole */
  uint32_t kinds = MAY(INTERRUPTED) | MAY(AGAIN) | MAY(NOMEM) | MAY(NOBUFS);
  return fails(RECV, kinds) ? -1 : real_recvfrom(fd, buffer, size, flags, address, length);
}

static ssize_t faulty_sendto(int fd, const void *buffer, size_t size, int flags, const struct sockaddr *address,
                             socklen_t length) {
  uint32_t kinds = MAY(INTERRUPTED) | MAY(AGAIN) | MAY(NOMEM) | MAY(NOBUFS);
  return fails(SEND, kinds) ? -1 : real_sendto(fd, buffer, size, flags, address, length);
}

static int faulty_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
  uint32_t kinds = MAY(INTERRUPTED) | MAY(AGAIN) | MAY(ABORTED) | MAY(MFILE) | MAY(NFILE) | MAY(NOMEM) | MAY(NOBUFS);
  return fails(ACCEPT, kinds) ? -1 : real_accept4(fd, address, length, flags);
}

static int faulty_epoll_wait(int epfd, struct epoll_event *events, int count, int timeout) {
  return fails(WAIT, MAY(INTERRUPTED)) ? -1 : real_epoll_wait(epfd, events, count, timeout);
}

static int faulty_epoll_pwait2(int epfd, struct epoll_event *events, int count, const struct timespec *timeout,
                               const sigset_t *mask) {
  return fails(WAIT, MAY(INTERRUPTED)) ? -1 : real_epoll_pwait2(epfd, events, count, timeout, mask);
}

/*
 * "On some other UNIX systems, poll() can fail with the error EAGAIN if the system fails to
 * allocate kernel-internal resources"
 */
static int faulty_poll(struct pollfd *fds, nfds_t count, int timeout) {
  return fails(WAIT, MAY(INTERRUPTED) | MAY(AGAIN) | MAY(NOMEM)) ? -1 : real_poll(fds, count, timeout);
}

static int faulty_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask) {
  return fails(WAIT, MAY(INTERRUPTED) | MAY(AGAIN) | MAY(NOMEM)) ? -1 : real_ppoll(fds, count, timeout, mask);
}

static int faulty_select(int nfds, fd_set *read_, fd_set *write_, fd_set *except, struct timeval *timeout) {
  return fails(WAIT, MAY(INTERRUPTED) | MAY(NOMEM)) ? -1 : real_select(nfds, read_, write_, except, timeout);
}

static int faulty_epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event) {
  /* removing an entry needs no memory */
  uint32_t kinds = operation == EPOLL_CTL_DEL ? 0 : MAY(NOMEM);
  return fails(CONTROL, kinds) ? -1 : real_epoll_ctl(epfd, operation, fd, event);
}

static int faulty_setsockopt(int fd, int level, int name, const void *value, socklen_t length) {
  return fails(OPTION, MAY(NOMEM) | MAY(NOBUFS)) ? -1 : real_setsockopt(fd, level, name, value, length);
}

static ssize_t faulty_read(int fd, void *buffer, size_t size) {
  return fails(READ, MAY(INTERRUPTED)) ? -1 : real_read(fd, buffer, size);
}

static ssize_t faulty_write(int fd, const void *buffer, size_t size) {
  return fails(WRITE, MAY(INTERRUPTED)) ? -1 : real_write(fd, buffer, size);
}

static int faulty_close(int fd) {
  int result = real_close(fd);
  return fails(CLOSE, MAY(INTERRUPTED)) ? -1 : result;
}

/* ---- what Deno asks -------------------------------------------------------------------------- */

#define FAULTY(function) \
  if (found != NULL && strcmp(name, #function) == 0) { \
    real_##function = (__typeof__(real_##function))found; \
    return (void *)faulty_##function; \
  }

void *dlsym(void *handle, const char *name) {
  if (!real_dlsym) map(); /* called before our constructor has run */
  void *found = real_dlsym(handle, name);
  if (handle == RTLD_DEFAULT || handle == RTLD_NEXT) return found; /* a call of Deno's own */
  FAULTY(recv) FAULTY(send) FAULTY(recvfrom) FAULTY(sendto) FAULTY(accept4) FAULTY(epoll_wait) FAULTY(epoll_pwait2)
  FAULTY(poll) FAULTY(ppoll) FAULTY(select) FAULTY(epoll_ctl) FAULTY(setsockopt) FAULTY(read) FAULTY(write) FAULTY(close)
  return found;
}
