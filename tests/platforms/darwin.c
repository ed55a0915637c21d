/*
 * libSystem for tests on Linux: the C library's functions with macOS' binary interface (numbers, layouts, what is
 * missing) in front of glibc's. With Deno.build saying darwin/aarch64, the library's own table for macOS runs against real
 * descriptors. DARWIN_ constants come from tests/fixtures/headers/darwin.h: darwin.sh makes darwin_constants.h of it.
 *
 * As on macOS:
 *   - errno and its numbers; constants; struct sockaddr with its length, which must be right here;
 *     struct addrinfo's order; struct kevent.
 *   - fcntl() takes its third argument from the stack, where the ninth of a fixed list lies on arm64.
 *   - An accepted socket inherits O_NONBLOCK. A socket without a name has an address of 16 bytes.
 *   - accept4, dup3, epoll_*, eventfd, pipe2, ppoll and SOCK_ flags are missing.
 *   - select() leaves its timeout alone.
 * Behind all of it is Linux: what a call does is Linux'.
 */
#define _GNU_SOURCE
#include "darwin_constants.h"
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
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* dlsym() would find glibc's behind ours. */
#define MISSING(name) __asm__(".globl " #name "\n" #name " = 0");
MISSING(accept4) MISSING(dup3) MISSING(eventfd) MISSING(pipe2) MISSING(ppoll)
MISSING(epoll_create1) MISSING(epoll_ctl) MISSING(epoll_wait) MISSING(epoll_pwait2)

/* glibc's function of a name that is ours here, or kqueue.c's. */
#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

/* ---- errno ------------------------------------------------------------------------------------ */

static _Thread_local int darwin_errno;
int *__error(void) { return &darwin_errno; }

static int errno_of(int number) {
  switch (number) {
#define ERRNO(name) case name: return DARWIN_##name;
#include "darwin_errnos.h"
    default: return number;
  }
}

/* What a call returned, with errno as macOS has it. */
static long told(long result) {
  if (result == -1) darwin_errno = errno_of(errno);
  return result;
}

static int refuse(int number) {
  darwin_errno = errno_of(number);
  return -1;
}

/* ---- constants -------------------------------------------------------------------------------- */

static int family_from(int family) { return family == DARWIN_AF_INET6 ? AF_INET6 : family; }
static int family_to(int family) { return family == AF_INET6 ? DARWIN_AF_INET6 : family; }

static int message_flags(int flags) {
  int linux_flags = flags & (MSG_OOB | MSG_PEEK | MSG_DONTROUTE);
  if (flags & DARWIN_MSG_TRUNC) linux_flags |= MSG_TRUNC;
  if (flags & DARWIN_MSG_WAITALL) linux_flags |= MSG_WAITALL;
  if (flags & DARWIN_MSG_DONTWAIT) linux_flags |= MSG_DONTWAIT;
  if (flags & DARWIN_MSG_NOSIGNAL) linux_flags |= MSG_NOSIGNAL;
  return linux_flags;
}

static int option(int level, int name) {
  if (level == DARWIN_IPPROTO_IPV6) return name == DARWIN_IPV6_V6ONLY ? IPV6_V6ONLY : -1;
  if (level != DARWIN_SOL_SOCKET) return name;
  switch (name) {
#define OPTION(name) case DARWIN_##name: return name;
    OPTION(SO_REUSEADDR) OPTION(SO_TYPE) OPTION(SO_ERROR) OPTION(SO_DONTROUTE) OPTION(SO_BROADCAST)
    OPTION(SO_SNDBUF) OPTION(SO_RCVBUF) OPTION(SO_KEEPALIVE) OPTION(SO_OOBINLINE) OPTION(SO_LINGER)
    OPTION(SO_REUSEPORT) OPTION(SO_RCVLOWAT) OPTION(SO_SNDLOWAT) OPTION(SO_RCVTIMEO)
    OPTION(SO_SNDTIMEO) OPTION(SO_ACCEPTCONN)
    default: return -1;
  }
}

static int level(int level) { return level == DARWIN_SOL_SOCKET ? SOL_SOCKET : level; }

/* ---- addresses -------------------------------------------------------------------------------- */

struct darwin_sockaddr {
  uint8_t length, family;
  char data[126];
};

static int address_from(struct sockaddr_storage *address, const void *given, socklen_t length) {
  const struct darwin_sockaddr *darwin = given;
  if (length < 2 || length > sizeof *darwin || darwin->length != length) return refuse(EINVAL);
  memset(address, 0, sizeof *address);
  memcpy((char *)address + 2, darwin->data, length - 2);
  address->ss_family = (sa_family_t)family_from(darwin->family);
  return 0;
}

static void address_to(void *wanted, socklen_t *room, const struct sockaddr_storage *address, socklen_t length) {
  struct darwin_sockaddr darwin = {0};
  if (wanted == NULL) return;
  if (length >= 2) {
    memcpy(darwin.data, (const char *)address + 2, length - 2);
    if (address->ss_family == AF_UNIX && length == 2) length = 16;
    darwin.length = (uint8_t)length;
    darwin.family = (uint8_t)family_to(address->ss_family);
  }
  memcpy(wanted, &darwin, length < *room ? length : *room);
  *room = length;
}

/* ---- <sys/socket.h> --------------------------------------------------------------------------- */

int socket(int domain, int type, int protocol) {
  if (type < 0 || type > SOCK_SEQPACKET) return refuse(EPROTOTYPE);
  return (int)told(REAL(socket)(family_from(domain), type, protocol));
}

int socketpair(int domain, int type, int protocol, int fds[2]) {
  if (type < 0 || type > SOCK_SEQPACKET) return refuse(EPROTOTYPE);
  return (int)told(REAL(socketpair)(family_from(domain), type, protocol, fds));
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
  int *error = value;
  if (level_ == DARWIN_SOL_SOCKET && name == DARWIN_SO_ERROR) *error = errno_of(*error);
  return 0;
}

int setsockopt(int fd, int level_, int name, const void *value, socklen_t length) {
  return (int)told(REAL(setsockopt)(fd, level(level_), option(level_, name), value, length));
}

int shutdown(int fd, int how) { return (int)told(REAL(shutdown)(fd, how)); }

/* ---- <unistd.h>, <fcntl.h> -------------------------------------------------------------------- */

ssize_t read(int fd, void *buffer, size_t size) { return told(REAL(read)(fd, buffer, size)); }
ssize_t write(int fd, const void *buffer, size_t size) { return told(REAL(write)(fd, buffer, size)); }
int close(int fd) { return (int)told(REAL(close)(fd)); }
int pipe(int fds[2]) { return (int)told(REAL(pipe)(fds)); }

/* Declared otherwise by the header: the six that fill the registers, then the argument. */
int darwin_fcntl(int fd, int command, long a, long b, long c, long d, long e, long f, long argument) __asm__("fcntl");
int darwin_fcntl(int fd, int command, long a, long b, long c, long d, long e, long f, long argument) {
  int (*fcntl_)(int, int, ...) = real("fcntl");
  if ((a | b | c | d | e | f) != 0) return refuse(EFAULT);
  if (command == DARWIN_F_DUPFD_CLOEXEC) return (int)told(fcntl_(fd, F_DUPFD_CLOEXEC, argument));
  if (command == DARWIN_F_SETFL) return (int)told(fcntl_(fd, F_SETFL, argument & DARWIN_O_NONBLOCK ? O_NONBLOCK : 0));
  long result = told(fcntl_(fd, command, argument));
  if (command != DARWIN_F_GETFL || result == -1) return (int)result;
  return (int)((result & O_ACCMODE) | (result & O_NONBLOCK ? DARWIN_O_NONBLOCK : 0));
}

/* ---- <poll.h>, <sys/select.h>, <sys/event.h> --------------------------------------------------- */

int poll(struct pollfd *fds, nfds_t count, int timeout) { return (int)told(REAL(poll)(fds, count, timeout)); }

int select(int nfds, fd_set *read_, fd_set *write_, fd_set *except, struct timeval *timeout) {
  struct timeval copy;
  if (nfds > DARWIN_FD_SETSIZE) return refuse(EINVAL);
  if (timeout != NULL) copy = (struct timeval){timeout->tv_sec, (int)timeout->tv_usec};
  return (int)told(REAL(select)(nfds, read_, write_, except, timeout == NULL ? NULL : &copy));
}

int kqueue(void) { return (int)told(REAL(kqueue)()); }

int kevent(int kq, const struct kevent *changes, int nchanges, struct kevent *events, int nevents,
           const struct timespec *timeout) {
  int count = (int)told(REAL(kevent)(kq, changes, nchanges, events, nevents, timeout));
  for (int i = 0; i < count; i++) {
    if (events[i].flags & EV_ERROR) events[i].data = errno_of((int)events[i].data);
    else if (events[i].flags & EV_EOF) events[i].fflags = (uint32_t)errno_of((int)events[i].fflags);
  }
  return count;
}

/* ---- <arpa/inet.h>, <netdb.h> ----------------------------------------------------------------- */

int inet_pton(int family, const char *text, void *address) {
  return (int)told(REAL(inet_pton)(family_from(family), text, address));
}

const char *inet_ntop(int family, const void *address, char *text, socklen_t size) {
  const char *result = REAL(inet_ntop)(family_from(family), address, text, size);
  if (result == NULL) told(-1);
  return result;
}

struct darwin_addrinfo {
  int flags, family, type, protocol;
  socklen_t length;
  char *canonical_name;
  void *address;
  struct darwin_addrinfo *next;
};

#define EAI_CODES(CODE)                                                                                    \
  CODE(EAI_ADDRFAMILY) CODE(EAI_AGAIN) CODE(EAI_BADFLAGS) CODE(EAI_FAIL) CODE(EAI_FAMILY) CODE(EAI_MEMORY) \
  CODE(EAI_NODATA) CODE(EAI_NONAME) CODE(EAI_SERVICE) CODE(EAI_SOCKTYPE) CODE(EAI_SYSTEM) CODE(EAI_OVERFLOW)

static int eai_to(int code) {
  switch (code) {
#define CODE_TO(name) case name: return DARWIN_##name;
    EAI_CODES(CODE_TO)
    default: return code;
  }
}

static int eai_from(int code) {
  switch (code) {
#define CODE_FROM(name) case DARWIN_##name: return name;
    EAI_CODES(CODE_FROM)
    default: return code;
  }
}

/* glibc's structs with ours: the two differ in the order of two pointers and in the addresses. */
int darwin_getaddrinfo(const char *node, const char *service, const struct darwin_addrinfo *given,
                       struct darwin_addrinfo **list) __asm__("getaddrinfo");
int darwin_getaddrinfo(const char *node, const char *service, const struct darwin_addrinfo *given,
                       struct darwin_addrinfo **list) {
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
    struct darwin_addrinfo *darwin = calloc(1, sizeof *darwin);
    darwin->flags = each->ai_flags;
    darwin->family = family_to(each->ai_family);
    darwin->type = each->ai_socktype;
    darwin->protocol = each->ai_protocol;
    darwin->length = sizeof(struct darwin_sockaddr);
    darwin->address = calloc(1, sizeof(struct darwin_sockaddr));
    address_to(darwin->address, &darwin->length, (struct sockaddr_storage *)each->ai_addr, each->ai_addrlen);
    *list = darwin;
    list = &darwin->next;
  }
  freeaddrinfo_(found);
  return 0;
}

void darwin_freeaddrinfo(struct darwin_addrinfo *list) __asm__("freeaddrinfo");
void darwin_freeaddrinfo(struct darwin_addrinfo *list) {
  while (list != NULL) {
    struct darwin_addrinfo *next = list->next;
    free(list->address);
    free(list);
    list = next;
  }
}

const char *gai_strerror(int code) { return REAL(gai_strerror)(eai_from(code)); }
