/*
 * The C library of macOS, FreeBSD or NetBSD (-Ddarwin, -Dfreebsd, -Dnetbsd) for tests on Linux. It
 * has the binary interface of that platform (numbers, layouts, names, missing functions) and calls
 * glibc. When Deno.build names the platform, our table for it is used with real descriptors. The
 * BSD_ constants come from tests/fixtures/headers/: bsd.sh makes bsd_constants.h from them.
 *
 * As there:
 *   - errno and its numbers; constants; struct sockaddr with its length, which must be right here;
 *     the order of struct addrinfo; struct kevent; the names of NetBSD's functions.
 *   - struct msghdr and struct cmsghdr with the platform's lengths and alignment. Descriptors that
 *     do not fit into the control data are closed.
 *   - An accepted socket inherits O_NONBLOCK from accept(). A socket without a name has an address
 *     of 16 bytes.
 *   - select() leaves its timeout alone.
 *   - On macOS fcntl() and open() take their last argument from the stack, where the ninth of a
 *     fixed list lies on arm64; accept4, ppoll and the SOCK_ flags are missing.
 * What a call does is what Linux does. eventfd, dup3 and pipe2 are missing everywhere, because
 * nothing needs them.
 */
#define _GNU_SOURCE
#include "bsd_constants.h"
#include "kqueue.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* dlsym() would find the function of glibc instead of ours. */
#define MISSING(name) __asm__(".globl " #name "\n" #name " = 0");
MISSING(dup3) MISSING(eventfd) MISSING(pipe2)
#ifdef darwin
MISSING(accept4) MISSING(ppoll)
#endif
MISSING(epoll_create1) MISSING(epoll_ctl) MISSING(epoll_wait) MISSING(epoll_pwait2)

/* The function of glibc, or of kqueue.c, whose name is redefined here. */
#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

/* ---- errno ----------------------------------------------------------------------------------- */

static _Thread_local int bsd_errno;
#ifdef netbsd
int *__errno(void) { return &bsd_errno; }
#else
int *__error(void) { return &bsd_errno; }
#endif

static int errno_of(int number) {
  switch (number) {
#define ERRNO(name) case name: return BSD_##name;
#include "bsd_errnos.h"
    default: return number;
  }
}

/* What a call returned, with errno as macOS has it. */
static long told(long result) {
  if (result == -1) bsd_errno = errno_of(errno);
  return result;
}

static int refuse(int number) {
  bsd_errno = errno_of(number);
  return -1;
}

/* ---- constants ------------------------------------------------------------------------------- */

static int family_from(int family) { return family == BSD_AF_INET6 ? AF_INET6 : family; }
static int family_to(int family) { return family == AF_INET6 ? BSD_AF_INET6 : family; }

/* Message flags, by the names that the platform has. */
#ifdef BSD_MSG_CMSG_CLOEXEC
#define CMSG_CLOEXEC_FLAG(FLAG) FLAG(MSG_CMSG_CLOEXEC)
#else
#define CMSG_CLOEXEC_FLAG(FLAG)
#endif
#define MESSAGE_FLAGS(FLAG)                                                                        \
  FLAG(MSG_OOB) FLAG(MSG_PEEK) FLAG(MSG_DONTROUTE) FLAG(MSG_TRUNC) FLAG(MSG_WAITALL)               \
  FLAG(MSG_DONTWAIT) FLAG(MSG_NOSIGNAL) FLAG(MSG_EOR) CMSG_CLOEXEC_FLAG(FLAG)

static int message_flags(int flags) {
  int linux_flags = 0;
#define FLAG_FROM(name) if (flags & BSD_##name) linux_flags |= name;
  MESSAGE_FLAGS(FLAG_FROM)
  return linux_flags;
}

/* What recvmsg() reports. */
static int message_flags_to(int flags) {
  int bsd_flags = 0;
#define FLAG_TO(name) if (flags & name) bsd_flags |= BSD_##name;
  FLAG_TO(MSG_OOB) FLAG_TO(MSG_EOR) FLAG_TO(MSG_TRUNC) FLAG_TO(MSG_CTRUNC)
  return bsd_flags;
}

static int option(int level, int name) {
#define OPTION(name) case BSD_##name: return name;
  if (level == BSD_IPPROTO_IP) {
    switch (name) {
      OPTION(IP_TOS) OPTION(IP_TTL) OPTION(IP_MULTICAST_IF) OPTION(IP_MULTICAST_TTL)
      OPTION(IP_MULTICAST_LOOP) OPTION(IP_ADD_MEMBERSHIP) OPTION(IP_DROP_MEMBERSHIP)
#ifdef BSD_IP_PKTINFO
      OPTION(IP_PKTINFO)
#endif
      default: return -1;
    }
  }
  if (level == BSD_IPPROTO_IPV6) {
    switch (name) {
      OPTION(IPV6_V6ONLY) OPTION(IPV6_UNICAST_HOPS) OPTION(IPV6_MULTICAST_IF) OPTION(IPV6_PKTINFO)
      OPTION(IPV6_MULTICAST_HOPS) OPTION(IPV6_MULTICAST_LOOP) OPTION(IPV6_JOIN_GROUP)
      OPTION(IPV6_LEAVE_GROUP) OPTION(IPV6_RECVPKTINFO)
      default: return -1;
    }
  }
  if (level == BSD_IPPROTO_TCP) {
    switch (name) {
      OPTION(TCP_NODELAY) OPTION(TCP_KEEPINTVL) OPTION(TCP_KEEPCNT)
#ifdef BSD_TCP_KEEPIDLE
      OPTION(TCP_KEEPIDLE)
#endif
#ifdef BSD_TCP_KEEPALIVE
      case BSD_TCP_KEEPALIVE: return TCP_KEEPIDLE;
#endif
      default: return -1;
    }
  }
  if (level != BSD_SOL_SOCKET) return name;
  switch (name) {
    OPTION(SO_REUSEADDR) OPTION(SO_TYPE) OPTION(SO_ERROR) OPTION(SO_DONTROUTE) OPTION(SO_BROADCAST)
    OPTION(SO_SNDBUF) OPTION(SO_RCVBUF) OPTION(SO_KEEPALIVE) OPTION(SO_OOBINLINE) OPTION(SO_LINGER)
    OPTION(SO_REUSEPORT) OPTION(SO_RCVLOWAT) OPTION(SO_SNDLOWAT) OPTION(SO_RCVTIMEO)
    OPTION(SO_SNDTIMEO) OPTION(SO_ACCEPTCONN)
#ifdef BSD_SO_DOMAIN
    OPTION(SO_DOMAIN) OPTION(SO_PROTOCOL)
#endif
#ifdef BSD_SO_BINDTODEVICE
    OPTION(SO_BINDTODEVICE)
#endif
    default: return -1;
  }
}

static int level(int level) { return level == BSD_SOL_SOCKET ? SOL_SOCKET : level; }

/* ---- addresses ------------------------------------------------------------------------------- */

struct bsd_sockaddr {
  uint8_t length, family;
  char data[126];
};

static int address_from(struct sockaddr_storage *address, const void *given, socklen_t length) {
  const struct bsd_sockaddr *bsd = given;
  if (length < 2 || length > sizeof *bsd || bsd->length != length) return refuse(EINVAL);
  memset(address, 0, sizeof *address);
  memcpy((char *)address + 2, bsd->data, length - 2);
  address->ss_family = (sa_family_t)family_from(bsd->family);
  return 0;
}

static void address_to(void *wanted, socklen_t *room, const struct sockaddr_storage *address, socklen_t length) {
  struct bsd_sockaddr bsd = {0};
  if (wanted == NULL) return;
  if (length >= 2) {
    memcpy(bsd.data, (const char *)address + 2, length - 2);
    if (address->ss_family == AF_UNIX && length == 2) length = 16;
    bsd.length = (uint8_t)length;
    bsd.family = (uint8_t)family_to(address->ss_family);
  }
  memcpy(wanted, &bsd, length < *room ? length : *room);
  *room = length;
}

/* ---- <sys/socket.h> -------------------------------------------------------------------------- */

/* The type of a socket including its flags, or -1. */
static int type_from(int type) {
  int flags = 0;
#ifdef BSD_SOCK_CLOEXEC
  if (type & BSD_SOCK_CLOEXEC) flags |= SOCK_CLOEXEC;
  if (type & BSD_SOCK_NONBLOCK) flags |= SOCK_NONBLOCK;
  type &= ~(BSD_SOCK_CLOEXEC | BSD_SOCK_NONBLOCK);
#endif
  return type < 0 || type > SOCK_SEQPACKET ? -1 : type | flags;
}

#ifdef netbsd
#define socket __socket30
#endif
int socket(int domain, int type, int protocol) {
  int (*socket_)(int, int, int) = real("socket");
  return (int)told(socket_(family_from(domain), type_from(type), protocol));
}

int socketpair(int domain, int type, int protocol, int fds[2]) {
  return (int)told(REAL(socketpair)(family_from(domain), type_from(type), protocol, fds));
}

int bind(int fd, const struct sockaddr *given, socklen_t length) {
  struct sockaddr_storage address;
  if (address_from(&address, given, length) == -1) return -1;
  return (int)told(REAL(bind)(fd, (struct sockaddr *)&address, length));
}

int connect(int fd, const struct sockaddr *given, socklen_t length) {
  struct sockaddr_storage address;
  if (address_from(&address, given, length) == -1) return -1;
  return (int)told(REAL(connect)(fd, (struct sockaddr *)&address, length));
}

int listen(int fd, int backlog) { return (int)told(REAL(listen)(fd, backlog)); }

int accept(int fd, struct sockaddr *wanted, socklen_t *room) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  int flags = REAL(fcntl)(fd, F_GETFL);
  int accepted = (int)told(REAL(accept)(fd, (struct sockaddr *)&address, &length));
  if (accepted == -1) return -1;
  address_to(wanted, room, &address, length);
  if (flags & O_NONBLOCK) REAL(fcntl)(accepted, F_SETFL, O_NONBLOCK);
  return accepted;
}

#ifdef BSD_SOCK_CLOEXEC
int accept4(int fd, struct sockaddr *wanted, socklen_t *room, int flags) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  int linux_flags = type_from(flags | SOCK_STREAM) & ~SOCK_STREAM;
  int accepted = (int)told(REAL(accept4)(fd, (struct sockaddr *)&address, &length, linux_flags));
  if (accepted != -1) address_to(wanted, room, &address, length);
  return accepted;
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask) {
  return (int)told(REAL(ppoll)(fds, count, timeout, mask));
}
#endif

ssize_t recv(int fd, void *buffer, size_t size, int flags) {
  return told(REAL(recv)(fd, buffer, size, message_flags(flags)));
}

ssize_t send(int fd, const void *buffer, size_t size, int flags) {
  return told(REAL(send)(fd, buffer, size, message_flags(flags)));
}

ssize_t recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *wanted, socklen_t *room) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  ssize_t count = told(REAL(recvfrom)(fd, buffer, size, message_flags(flags), (struct sockaddr *)&address, &length));
  if (count != -1) address_to(wanted, room, &address, length);
  return count;
}

ssize_t sendto(int fd, const void *buffer, size_t size, int flags, const struct sockaddr *given, socklen_t length) {
  struct sockaddr_storage address;
  if (given == NULL) return told(REAL(send)(fd, buffer, size, message_flags(flags)));
  if (address_from(&address, given, length) == -1) return -1;
  return told(REAL(sendto)(fd, buffer, size, message_flags(flags), (struct sockaddr *)&address, length));
}

/* struct msghdr and struct cmsghdr of all three, and what control messages are aligned to. */
struct bsd_msghdr {
  void *name;
  socklen_t name_length;
  struct iovec *iov;
  int iov_length;
  void *control;
  socklen_t control_length;
  int flags;
};
struct bsd_cmsghdr {
  socklen_t length;
  int level, type;
};
_Static_assert(sizeof(struct bsd_msghdr) == 48 && offsetof(struct bsd_msghdr, flags) == 44, "");
_Static_assert(sizeof(struct bsd_cmsghdr) == 12, "");
#ifdef darwin
#define BSD_ALIGN(length) (((length) + 3) & ~(size_t)3)
#else
#define BSD_ALIGN(length) (((length) + 7) & ~(size_t)7)
#endif
#define BSD_CMSG_LEN(length) (BSD_ALIGN(sizeof(struct bsd_cmsghdr)) + (length))

static int control_type(int level, int type) {
  if (level == BSD_SOL_SOCKET) return type == BSD_SCM_RIGHTS ? SCM_RIGHTS : -1;
  return option(level, type);
}

/* Linux's control data from the platform's, into `room` bytes: their length, or -1. */
static long control_from(char *control, size_t room, const char *given, size_t size) {
  struct msghdr message = {.msg_control = control, .msg_controllen = room};
  struct cmsghdr *next = CMSG_FIRSTHDR(&message);
  size_t total = 0;
  memset(control, 0, room);
  for (size_t at = 0; at < size;) {
    struct bsd_cmsghdr bsd;
    if (at + sizeof bsd > size) return refuse(EINVAL);
    memcpy(&bsd, given + at, sizeof bsd);
    if (bsd.length < BSD_CMSG_LEN(0) || at + bsd.length > size || next == NULL) return refuse(EINVAL);
    size_t length = bsd.length - BSD_CMSG_LEN(0);
    if (total + CMSG_SPACE(length) > room) return refuse(EMSGSIZE);
    next->cmsg_len = CMSG_LEN(length);
    next->cmsg_level = level(bsd.level);
    next->cmsg_type = control_type(bsd.level, bsd.type);
    memcpy(CMSG_DATA(next), given + at + BSD_CMSG_LEN(0), length);
    total += CMSG_SPACE(length);
    next = CMSG_NXTHDR(&message, next);
    at += BSD_ALIGN(bsd.length);
  }
  return (long)total;
}

/* The platform's type of a control message: the option that stands for Linux's. */
static int control_type_to(int level_, int type) {
  if (level_ == SOL_SOCKET) return type == SCM_RIGHTS ? BSD_SCM_RIGHTS : -1;
  for (int name = 0; name < 256; name++) {
    if (option(level_, name) == type) return name;
  }
  return -1;
}

/* The platform's control data from Linux's. Descriptors that do not fit are closed. */
static void control_to(struct bsd_msghdr *wanted, struct msghdr *found) {
  size_t room = wanted->control_length, at = 0;
  for (struct cmsghdr *each = CMSG_FIRSTHDR(found); each != NULL; each = CMSG_NXTHDR(found, each)) {
    size_t length = each->cmsg_len - CMSG_LEN(0), fits = length;
    int is_rights = each->cmsg_level == SOL_SOCKET && each->cmsg_type == SCM_RIGHTS;
    if (at + BSD_CMSG_LEN(length) > room) {
      wanted->flags |= BSD_MSG_CTRUNC;
      fits = room > at + BSD_CMSG_LEN(0) ? room - at - BSD_CMSG_LEN(0) : 0;
      if (is_rights) fits -= fits % sizeof(int);
      for (size_t i = fits; is_rights && i < length; i += sizeof(int)) {
        int fd;
        memcpy(&fd, CMSG_DATA(each) + i, sizeof fd);
        REAL(close)(fd);
      }
      if (fits == 0) continue;
    }
    struct bsd_cmsghdr bsd = {(socklen_t)BSD_CMSG_LEN(fits),
                              each->cmsg_level == SOL_SOCKET ? BSD_SOL_SOCKET : each->cmsg_level,
                              control_type_to(each->cmsg_level, each->cmsg_type)};
    memcpy((char *)wanted->control + at, &bsd, sizeof bsd);
    memcpy((char *)wanted->control + at + BSD_CMSG_LEN(0), CMSG_DATA(each), fits);
    at += BSD_ALIGN(BSD_CMSG_LEN(fits));
    if (at > room) at = room;
  }
  wanted->control_length = (socklen_t)at;
}

/* Declared otherwise by the header. */
ssize_t bsd_sendmsg(int fd, const struct bsd_msghdr *given, int flags) __asm__("sendmsg");
ssize_t bsd_sendmsg(int fd, const struct bsd_msghdr *given, int flags) {
  struct sockaddr_storage address;
  char control[4096] __attribute__((aligned(16)));
  struct msghdr message = {.msg_iov = given->iov, .msg_iovlen = (size_t)given->iov_length};
  if (given->name != NULL) {
    if (address_from(&address, given->name, given->name_length) == -1) return -1;
    message.msg_name = &address;
    message.msg_namelen = given->name_length;
  }
  if (given->control_length > 0) {
    long size = control_from(control, sizeof control, given->control, given->control_length);
    if (size == -1) return -1;
    message.msg_control = control;
    message.msg_controllen = (size_t)size;
  }
  return told(REAL(sendmsg)(fd, &message, message_flags(flags)));
}

ssize_t bsd_recvmsg(int fd, struct bsd_msghdr *wanted, int flags) __asm__("recvmsg");
ssize_t bsd_recvmsg(int fd, struct bsd_msghdr *wanted, int flags) {
  struct sockaddr_storage address;
  char control[4096] __attribute__((aligned(16)));
  struct msghdr message = {.msg_name = &address,
                           .msg_namelen = sizeof address,
                           .msg_iov = wanted->iov,
                           .msg_iovlen = (size_t)wanted->iov_length,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
  ssize_t count = told(REAL(recvmsg)(fd, &message, message_flags(flags)));
  if (count == -1) return -1;
  wanted->flags = message_flags_to(message.msg_flags);
  control_to(wanted, &message);
  if (wanted->name == NULL || message.msg_namelen == 0) wanted->name_length = 0;
  else address_to(wanted->name, &wanted->name_length, &address, message.msg_namelen);
  return count;
}

int getsockname(int fd, struct sockaddr *wanted, socklen_t *room) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  int result = (int)told(REAL(getsockname)(fd, (struct sockaddr *)&address, &length));
  if (result != -1) address_to(wanted, room, &address, length);
  return result;
}

int getpeername(int fd, struct sockaddr *wanted, socklen_t *room) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  int result = (int)told(REAL(getpeername)(fd, (struct sockaddr *)&address, &length));
  if (result != -1) address_to(wanted, room, &address, length);
  return result;
}

int getsockopt(int fd, int level_, int name, void *value, socklen_t *length) {
  if (told(REAL(getsockopt)(fd, level(level_), option(level_, name), value, length)) == -1) return -1;
  int *number = value;
  if (level_ == BSD_SOL_SOCKET && name == BSD_SO_ERROR) *number = errno_of(*number);
#ifdef BSD_SO_DOMAIN
  if (level_ == BSD_SOL_SOCKET && name == BSD_SO_DOMAIN) *number = family_to(*number);
#endif
  return 0;
}

int setsockopt(int fd, int level_, int name, const void *value, socklen_t length) {
  return (int)told(REAL(setsockopt)(fd, level(level_), option(level_, name), value, length));
}

int shutdown(int fd, int how) { return (int)told(REAL(shutdown)(fd, how)); }

/* ---- <unistd.h>, <fcntl.h> ------------------------------------------------------------------- */

ssize_t read(int fd, void *buffer, size_t size) { return told(REAL(read)(fd, buffer, size)); }
ssize_t write(int fd, const void *buffer, size_t size) { return told(REAL(write)(fd, buffer, size)); }
int close(int fd) { return (int)told(REAL(close)(fd)); }
int pipe(int fds[2]) { return (int)told(REAL(pipe)(fds)); }

/*
 * Declared otherwise by the header. On macOS six arguments fill the registers, and the one that
 * counts comes after them.
 */
#ifdef darwin
#define FILLERS long a, long b, long c, long d, long e, long f,
#else
#define FILLERS
#endif
int bsd_fcntl(int fd, int command, FILLERS long argument) __asm__("fcntl");
int bsd_fcntl(int fd, int command, FILLERS long argument) {
  int (*fcntl_)(int, int, ...) = real("fcntl");
#ifdef darwin
  if ((a | b | c | d | e | f) != 0) return refuse(EFAULT);
#else
  argument = (int)argument;
#endif
  if (command == BSD_F_DUPFD_CLOEXEC) return (int)told(fcntl_(fd, F_DUPFD_CLOEXEC, argument));
  if (command == BSD_F_SETFL) return (int)told(fcntl_(fd, F_SETFL, argument & BSD_O_NONBLOCK ? O_NONBLOCK : 0));
  long result = told(fcntl_(fd, command, argument));
  if (command != BSD_F_GETFL || result == -1) return (int)result;
  return (int)((result & O_ACCMODE) | (result & O_NONBLOCK ? BSD_O_NONBLOCK : 0));
}

int bsd_open(const char *path, int flags, FILLERS long mode) __asm__("open");
int bsd_open(const char *path, int flags, FILLERS long mode) {
  int (*open_)(const char *, int, ...) = real("open");
  int linux_flags = flags & O_ACCMODE;
#ifdef darwin
  if ((a | b | c | d | e | f) != 0) return refuse(EFAULT);
#endif
#define OPEN_FLAG(name) if (flags & BSD_##name) linux_flags |= name;
  OPEN_FLAG(O_CREAT) OPEN_FLAG(O_EXCL) OPEN_FLAG(O_NOCTTY) OPEN_FLAG(O_TRUNC) OPEN_FLAG(O_APPEND)
  OPEN_FLAG(O_NONBLOCK) OPEN_FLAG(O_DIRECTORY) OPEN_FLAG(O_CLOEXEC)
  return (int)told(open_(path, linux_flags, (int)mode));
}

/* ---- <sys/mman.h> ---------------------------------------------------------------------------- */

#define BSD_MAP_ANON 0x1000 /* the same on all three */
void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset) {
  int linux_flags = flags & (MAP_SHARED | MAP_PRIVATE | MAP_FIXED);
  if (flags & BSD_MAP_ANON) linux_flags |= MAP_ANONYMOUS;
  void *mapped = REAL(mmap)(address, size, protection, linux_flags, fd, offset);
  if (mapped == MAP_FAILED) told(-1);
  return mapped;
}

/* ---- <poll.h>, <sys/select.h>, <sys/event.h> ------------------------------------------------- */

/* POLLRDHUP is the one event that FreeBSD and Linux have under different numbers. */
#ifndef BSD_POLLRDHUP
#define BSD_POLLRDHUP 0
#endif

static void exchange(short *events, int from, int to) {
  if ((*events & from) != 0) *events = (short)((*events & ~from) | to);
}

int poll(struct pollfd *fds, nfds_t count, int timeout) {
  for (nfds_t i = 0; i < count; i++) exchange(&fds[i].events, BSD_POLLRDHUP, POLLRDHUP);
  int result = (int)told(REAL(poll)(fds, count, timeout));
  for (nfds_t i = 0; i < count && BSD_POLLRDHUP != 0; i++) {
    exchange(&fds[i].events, POLLRDHUP, BSD_POLLRDHUP);
    exchange(&fds[i].revents, POLLRDHUP, BSD_POLLRDHUP);
  }
  return result;
}

#ifdef netbsd
#define select __select50
#endif
int select(int nfds, fd_set *read_, fd_set *write_, fd_set *except, struct timeval *timeout) {
  struct timeval copy;
  if (nfds > BSD_FD_SETSIZE) return refuse(EINVAL);
  if (timeout != NULL) copy = (struct timeval){timeout->tv_sec, (int)timeout->tv_usec};
  int (*select_)(int, fd_set *, fd_set *, fd_set *, struct timeval *) = real("select");
  return (int)told(select_(nfds, read_, write_, except, timeout == NULL ? NULL : &copy));
}

int kqueue(void) { return (int)told(REAL(kqueue)()); }

/* The platform's struct kevent; that of macOS is the one of kqueue.c. */
struct bsd_kevent {
  uint64_t ident;
#ifdef netbsd
  uint32_t filter, flags;
#else
  int16_t filter;
  uint16_t flags;
#endif
  uint32_t fflags;
  int64_t data;
  void *udata;
#ifdef freebsd
  uint64_t ext[4];
#endif
};

static int16_t filter_from(int64_t filter) {
  return filter == BSD_EVFILT_READ ? EVFILT_READ : filter == BSD_EVFILT_WRITE ? EVFILT_WRITE : (int16_t)filter;
}

static int filter_to(int16_t filter) {
  return filter == EVFILT_READ ? BSD_EVFILT_READ : filter == EVFILT_WRITE ? BSD_EVFILT_WRITE : filter;
}

int bsd_kevent(int kq, const struct bsd_kevent *changes, int nchanges, struct bsd_kevent *events, int nevents,
               const struct timespec *timeout)
#ifdef netbsd
  __asm__("__kevent50");
#else
  __asm__("kevent");
#endif
int bsd_kevent(int kq, const struct bsd_kevent *changes, int nchanges, struct bsd_kevent *events, int nevents,
               const struct timespec *timeout) {
  int (*kevent_)(int, const struct kevent *, int, struct kevent *, int, const struct timespec *) = real("kevent");
  struct kevent *in = calloc((size_t)nchanges + 1, sizeof *in), *out = calloc((size_t)nevents + 1, sizeof *out);
  for (int i = 0; i < nchanges; i++) {
    in[i] = (struct kevent){changes[i].ident, filter_from(changes[i].filter), (uint16_t)changes[i].flags,
                            changes[i].fflags, changes[i].data, changes[i].udata};
  }
  int count = (int)told(kevent_(kq, in, nchanges, out, nevents, timeout));
  for (int i = 0; i < count; i++) {
    memset(&events[i], 0xff, sizeof events[i]); /* fields that are not set below must not be read */
    events[i].ident = out[i].ident;
    events[i].filter = (__typeof__(events[i].filter))filter_to(out[i].filter);
    events[i].flags = out[i].flags;
    events[i].fflags = out[i].flags & EV_EOF ? (uint32_t)errno_of((int)out[i].fflags) : out[i].fflags;
    events[i].data = out[i].flags & EV_ERROR ? errno_of((int)out[i].data) : out[i].data;
    events[i].udata = out[i].udata;
  }
  free(in);
  free(out);
  return count;
}

/* ---- <arpa/inet.h>, <netdb.h> ---------------------------------------------------------------- */

int inet_pton(int family, const char *text, void *address) {
  return (int)told(REAL(inet_pton)(family_from(family), text, address));
}

const char *inet_ntop(int family, const void *address, char *text, socklen_t size) {
  const char *result = REAL(inet_ntop)(family_from(family), address, text, size);
  if (result == NULL) told(-1);
  return result;
}

struct bsd_addrinfo {
  int flags, family, type, protocol;
  socklen_t length;
  char *canonical_name;
  void *address;
  struct bsd_addrinfo *next;
};

#define EAI_CODES(CODE)                                                                                    \
  CODE(EAI_ADDRFAMILY) CODE(EAI_AGAIN) CODE(EAI_BADFLAGS) CODE(EAI_FAIL) CODE(EAI_FAMILY) CODE(EAI_MEMORY) \
  CODE(EAI_NODATA) CODE(EAI_NONAME) CODE(EAI_SERVICE) CODE(EAI_SOCKTYPE) CODE(EAI_SYSTEM) CODE(EAI_OVERFLOW)

static int eai_to(int code) {
  switch (code) {
#define CODE_TO(name) case name: return BSD_##name;
    EAI_CODES(CODE_TO)
    default: return code;
  }
}

static int eai_from(int code) {
  switch (code) {
#define CODE_FROM(name) case BSD_##name: return name;
    EAI_CODES(CODE_FROM)
    default: return code;
  }
}

/* Our struct for each one of glibc: two pointers change places, and the addresses differ. */
int bsd_getaddrinfo(const char *node, const char *service, const struct bsd_addrinfo *given,
                       struct bsd_addrinfo **list) __asm__("getaddrinfo");
int bsd_getaddrinfo(const char *node, const char *service, const struct bsd_addrinfo *given,
                       struct bsd_addrinfo **list) {
  int (*getaddrinfo_)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = real("getaddrinfo");
  void (*freeaddrinfo_)(struct addrinfo *) = real("freeaddrinfo");
  struct addrinfo hints = {0}, *found;
  if (given != NULL) {
    hints.ai_flags = given->flags & (AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST);
    hints.ai_family = family_from(given->family);
    hints.ai_socktype = given->type;
    hints.ai_protocol = given->protocol;
  }
  int code = getaddrinfo_(node, service, &hints, &found);
  if (code == EAI_SYSTEM) told(-1);
  if (code != 0) return eai_to(code);
  for (struct addrinfo *each = found; each != NULL; each = each->ai_next) {
    struct bsd_addrinfo *bsd = calloc(1, sizeof *bsd);
    bsd->flags = each->ai_flags;
    bsd->family = family_to(each->ai_family);
    bsd->type = each->ai_socktype;
    bsd->protocol = each->ai_protocol;
    bsd->length = sizeof(struct bsd_sockaddr);
    bsd->address = calloc(1, sizeof(struct bsd_sockaddr));
    address_to(bsd->address, &bsd->length, (struct sockaddr_storage *)each->ai_addr, each->ai_addrlen);
    *list = bsd;
    list = &bsd->next;
  }
  freeaddrinfo_(found);
  return 0;
}

void bsd_freeaddrinfo(struct bsd_addrinfo *list) __asm__("freeaddrinfo");
void bsd_freeaddrinfo(struct bsd_addrinfo *list) {
  while (list != NULL) {
    struct bsd_addrinfo *next = list->next;
    free(list->address);
    free(list);
    list = next;
  }
}

const char *gai_strerror(int code) { return REAL(gai_strerror)(eai_from(code)); }
