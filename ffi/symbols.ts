/**
 * The functions of the C library that this library calls: one line per function, below its C
 * declaration. libc.ts opens them.
 *
 * `int` and `socklen_t` results and arguments keep a call on V8's fast path. So `size_t` is
 * declared u32 and `ssize_t` i32, and callers keep lengths below 2^31; Linux transfers at most
 * 0x7ffff000 bytes in one call anyway. On Windows a descriptor is a SOCKET, as wide as a pointer;
 * i32 is enough, because handles have 32 significant bits and are sign-extended ("Interprocess
 * Communication Between 32-bit and 64-bit Applications").
 *
 * @module
 */

export const SYMBOLS = {
  // <sys/epoll.h>

  // int epoll_create1(int flags)
  epoll_create1: int("i32"),
  // int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
  epoll_ctl: int("i32", "i32", "i32", "buffer"),
  // int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)
  epoll_wait: int("i32", "buffer", "i32", "i32"),
  // int epoll_pwait2(int epfd, struct epoll_event *events, int maxevents,
  //   const struct timespec *timeout, const sigset_t *sigmask); glibc 2.35, not in musl
  epoll_pwait2: optional(int("i32", "buffer", "i32", "buffer", "buffer")),

  // <sys/event.h>

  // int kqueue(void)
  kqueue: int(),
  // int kevent(int kq, const struct kevent *changelist, int nchanges, struct kevent *eventlist,
  //   int nevents, const struct timespec *timeout)
  kevent: int("i32", "buffer", "u32", "buffer", "u32", "buffer"),

  // <poll.h>

  // int poll(struct pollfd *fds, nfds_t nfds, int timeout)
  poll: int("buffer", "u32", "i32"),
  poll_nonblocking: onPoolThread("poll", int("buffer", "u32", "i32")),
  // int ppoll(struct pollfd *fds, nfds_t nfds, const struct timespec *tmo_p,
  //   const sigset_t *sigmask); not in macOS
  ppoll: optional(int("buffer", "u32", "buffer", "buffer")),

  // <sys/select.h>

  // int select(int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds,
  //   struct timeval *timeout)
  select: int("i32", "buffer", "buffer", "buffer", "buffer"),

  // <sys/eventfd.h>

  // int eventfd(unsigned int initval, int flags)
  eventfd: int("u32", "i32"),

  // <unistd.h>, <fcntl.h>

  // int pipe(int pipefd[2])
  pipe: int("buffer"),
  // int pipe2(int pipefd[2], int flags)
  pipe2: int("buffer", "i32"),
  // int dup3(int oldfd, int newfd, int flags)
  dup3: int("i32", "i32", "i32"),
  // int fcntl(int fd, int cmd, ... /* int arg */)
  fcntl: int("i32", "i32", "i32"),
  // int open(const char *pathname, int flags, ... /* mode_t mode */)
  open: int("buffer", "i32", "u32"),
  // ssize_t read(int fd, void *buf, size_t count)
  read: int("i32", "buffer", "u32"),
  // ssize_t write(int fd, const void *buf, size_t count)
  write: int("i32", "buffer", "u32"),
  // int close(int fd)
  close: int("i32"),

  // <sys/mman.h>

  // void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
  mmap: pointer("pointer", "usize", "i32", "i32", "i32", "i64"),
  // int mprotect(void *addr, size_t len, int prot)
  mprotect: int("pointer", "usize", "i32"),
  // int munmap(void *addr, size_t length)
  munmap: int("pointer", "usize"),

  // <sys/syscall.h>: long syscall(long number, ...), on Linux. The C library has no functions for
  // these. The seventh argument travels on the stack, where a u32 would leave garbage beside it.

  // int io_uring_setup(u32 entries, struct io_uring_params *p)
  io_uring_setup: named("syscall", int("i32", "u32", "buffer")),
  // int io_uring_enter(unsigned int fd, u32 to_submit, u32 min_complete, u32 flags,
  //   const void *arg, size_t argsz)
  io_uring_enter: named("syscall", int("i32", "i32", "u32", "u32", "u32", "buffer", "usize")),
  // int io_uring_register(unsigned int fd, unsigned int opcode, void *arg, unsigned int nr_args)
  io_uring_register: named("syscall", int("i32", "i32", "u32", "buffer", "u32")),

  // <sys/socket.h>

  // int socket(int domain, int type, int protocol)
  socket: int("i32", "i32", "i32"),
  // int socketpair(int domain, int type, int protocol, int sv[2])
  socketpair: int("i32", "i32", "i32", "buffer"),
  // int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen)
  bind: int("i32", "buffer", "u32"),
  // int listen(int sockfd, int backlog)
  listen: int("i32", "i32"),
  // int accept(int sockfd, struct sockaddr *addr, socklen_t *addrlen)
  accept: int("i32", "buffer", "buffer"),
  // int accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags)
  accept4: int("i32", "buffer", "buffer", "i32"),
  // int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen)
  connect: int("i32", "buffer", "u32"),
  // ssize_t recv(int sockfd, void *buf, size_t len, int flags)
  recv: int("i32", "buffer", "u32", "i32"),
  // ssize_t recvfrom(int sockfd, void *buf, size_t len, int flags, struct sockaddr *src_addr,
  //   socklen_t *addrlen)
  recvfrom: int("i32", "buffer", "u32", "i32", "buffer", "buffer"),
  // ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags)
  recvmsg: int("i32", "buffer", "i32"),
  // ssize_t send(int sockfd, const void *buf, size_t len, int flags)
  send: int("i32", "buffer", "u32", "i32"),
  // ssize_t sendto(int sockfd, const void *buf, size_t len, int flags,
  //   const struct sockaddr *dest_addr, socklen_t addrlen)
  sendto: int("i32", "buffer", "u32", "i32", "buffer", "u32"),
  // ssize_t sendmsg(int sockfd, const struct msghdr *msg, int flags)
  sendmsg: int("i32", "buffer", "i32"),
  // int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen)
  getsockname: int("i32", "buffer", "buffer"),
  // int getpeername(int sockfd, struct sockaddr *addr, socklen_t *addrlen)
  getpeername: int("i32", "buffer", "buffer"),
  // int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen)
  getsockopt: int("i32", "i32", "i32", "buffer", "buffer"),
  // int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen)
  setsockopt: int("i32", "i32", "i32", "buffer", "u32"),
  // int shutdown(int sockfd, int how)
  shutdown: int("i32", "i32"),

  // <arpa/inet.h>

  // int inet_pton(int af, const char *src, void *dst)
  inet_pton: int("i32", "buffer", "buffer"),
  // const char *inet_ntop(int af, const void *src, char *dst, socklen_t size)
  inet_ntop: pointer("i32", "buffer", "buffer", "u32"),

  // <netdb.h>

  // int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
  //   struct addrinfo **res)
  getaddrinfo: int("buffer", "buffer", "buffer", "buffer"),
  getaddrinfo_nonblocking: onPoolThread("getaddrinfo", int("buffer", "buffer", "buffer", "buffer")),
  // void freeaddrinfo(struct addrinfo *res)
  freeaddrinfo: nothing("pointer"),
  // const char *gai_strerror(int errcode); on Windows an inline function of a header
  gai_strerror: optional(pointer("i32")),

  // <winsock2.h>

  // int ioctlsocket(SOCKET s, long cmd, u_long *argp)
  ioctlsocket: int("i32", "u32", "buffer"),

  // <handleapi.h>, of kernel32.dll

  // BOOL SetHandleInformation(HANDLE hObject, DWORD dwMask, DWORD dwFlags)
  SetHandleInformation: int("i32", "u32", "u32"),
};

/** The functions of the C library, by name. */
export type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

// Functions, not constants, so that the table above can come first.

function int<const P extends Deno.NativeType[]>(...parameters: P) {
  return { parameters, result: "i32" } as const;
}

function pointer<const P extends Deno.NativeType[]>(...parameters: P) {
  return { parameters, result: "pointer" } as const;
}

function nothing<const P extends Deno.NativeType[]>(...parameters: P) {
  return { parameters, result: "void" } as const;
}

/** A function that some C libraries of a platform lack: it is null there. */
function optional<S extends Deno.ForeignFunction>(symbol: S) {
  return { ...symbol, optional: true } as const;
}

/** A function under another name than the C library's. */
function named<S extends Deno.ForeignFunction>(name: string, symbol: S) {
  return { ...symbol, name } as const;
}

/** A function that returns a promise, because it runs on a thread of Deno's pool. */
function onPoolThread<S extends Deno.ForeignFunction>(name: string, symbol: S) {
  return { ...symbol, name, nonblocking: true } as const;
}
