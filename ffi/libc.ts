/**
 * The C library, opened with `Deno.dlopen` when it is first called: never at import, so that
 * importing needs no permission, and never closed. Each symbol stands beside its C declaration.
 * `size_t` is declared u32 and `ssize_t` i32, which keeps every call on V8's fast path; callers
 * keep their lengths below 2^31, as Linux does anyway (it caps a transfer at 0x7ffff000 bytes). On
 * Windows a descriptor is a SOCKET, as wide as a pointer; i32 will do, since handles have 32
 * significant bits and are sign-extended ("Interprocess Communication Between 32-bit and 64-bit
 * Applications").
 *
 * @module
 */

import { platform } from "./platform.ts";

const SYMBOLS = {
  // <sys/epoll.h>
  epoll_create1: {
    parameters: ["i32"], // int flags
    result: "i32",
  },
  epoll_ctl: {
    parameters: [
      "i32", // int epfd
      "i32", // int op
      "i32", // int fd
      "buffer", // struct epoll_event *event
    ],
    result: "i32",
  },
  epoll_wait: {
    parameters: [
      "i32", // int epfd
      "buffer", // struct epoll_event *events
      "i32", // int maxevents
      "i32", // int timeout, milliseconds
    ],
    result: "i32",
  },
  epoll_pwait2: {
    parameters: [
      "i32", // int epfd
      "buffer", // struct epoll_event *events
      "i32", // int maxevents
      "buffer", // const struct timespec *timeout
      "buffer", // const sigset_t *sigmask
    ],
    result: "i32",
    optional: true, // glibc 2.35; not in musl
  },

  // <sys/event.h>
  kqueue: {
    parameters: [],
    result: "i32",
  },
  kevent: {
    parameters: [
      "i32", // int kq
      "buffer", // const struct kevent *changelist
      "u32", // int nchanges
      "buffer", // struct kevent *eventlist
      "u32", // int nevents
      "buffer", // const struct timespec *timeout
    ],
    result: "i32",
  },

  // <poll.h>
  poll: {
    parameters: [
      "buffer", // struct pollfd *fds
      "u32", // nfds_t nfds
      "i32", // int timeout, milliseconds
    ],
    result: "i32",
  },
  poll_nonblocking: {
    name: "poll",
    parameters: [
      "buffer", // struct pollfd *fds
      "u32", // nfds_t nfds
      "i32", // int timeout, milliseconds
    ],
    result: "i32",
    nonblocking: true,
  },
  ppoll: {
    parameters: [
      "buffer", // struct pollfd *fds
      "u32", // nfds_t nfds
      "buffer", // const struct timespec *tmo_p
      "buffer", // const sigset_t *sigmask
    ],
    result: "i32",
    optional: true, // not in macOS
  },

  // <sys/select.h>
  select: {
    parameters: [
      "i32", // int nfds
      "buffer", // fd_set *readfds
      "buffer", // fd_set *writefds
      "buffer", // fd_set *exceptfds
      "buffer", // struct timeval *timeout
    ],
    result: "i32",
  },

  // <sys/eventfd.h>
  eventfd: {
    parameters: [
      "u32", // unsigned int initval
      "i32", // int flags
    ],
    result: "i32",
  },

  // <unistd.h>, <fcntl.h>
  pipe: {
    parameters: ["buffer"], // int pipefd[2]
    result: "i32",
  },
  pipe2: {
    parameters: [
      "buffer", // int pipefd[2]
      "i32", // int flags
    ],
    result: "i32",
  },
  dup3: {
    parameters: [
      "i32", // int oldfd
      "i32", // int newfd
      "i32", // int flags
    ],
    result: "i32",
  },
  fcntl: {
    parameters: [
      "i32", // int fd
      "i32", // int cmd
      "i32", // int arg, variadic
    ],
    result: "i32",
  },
  open: {
    parameters: [
      "buffer", // const char *pathname
      "i32", // int flags
      "u32", // mode_t mode, variadic
    ],
    result: "i32",
  },
  read: {
    parameters: [
      "i32", // int fd
      "buffer", // void *buf
      "u32", // size_t count
    ],
    result: "i32",
  },
  write: {
    parameters: [
      "i32", // int fd
      "buffer", // const void *buf
      "u32", // size_t count
    ],
    result: "i32",
  },
  close: {
    parameters: ["i32"], // int fd
    result: "i32",
  },

  // <sys/socket.h>
  socket: {
    parameters: [
      "i32", // int domain
      "i32", // int type
      "i32", // int protocol
    ],
    result: "i32",
  },
  socketpair: {
    parameters: [
      "i32", // int domain
      "i32", // int type
      "i32", // int protocol
      "buffer", // int sv[2]
    ],
    result: "i32",
  },
  bind: {
    parameters: [
      "i32", // int sockfd
      "buffer", // const struct sockaddr *addr
      "u32", // socklen_t addrlen
    ],
    result: "i32",
  },
  listen: {
    parameters: [
      "i32", // int sockfd
      "i32", // int backlog
    ],
    result: "i32",
  },
  accept: {
    parameters: [
      "i32", // int sockfd
      "buffer", // struct sockaddr *addr
      "buffer", // socklen_t *addrlen
    ],
    result: "i32",
  },
  accept4: {
    parameters: [
      "i32", // int sockfd
      "buffer", // struct sockaddr *addr
      "buffer", // socklen_t *addrlen
      "i32", // int flags
    ],
    result: "i32",
  },
  connect: {
    parameters: [
      "i32", // int sockfd
      "buffer", // const struct sockaddr *addr
      "u32", // socklen_t addrlen
    ],
    result: "i32",
  },
  recv: {
    parameters: [
      "i32", // int sockfd
      "buffer", // void *buf
      "u32", // size_t len
      "i32", // int flags
    ],
    result: "i32",
  },
  recvfrom: {
    parameters: [
      "i32", // int sockfd
      "buffer", // void *buf
      "u32", // size_t len
      "i32", // int flags
      "buffer", // struct sockaddr *src_addr
      "buffer", // socklen_t *addrlen
    ],
    result: "i32",
  },
  send: {
    parameters: [
      "i32", // int sockfd
      "buffer", // const void *buf
      "u32", // size_t len
      "i32", // int flags
    ],
    result: "i32",
  },
  sendto: {
    parameters: [
      "i32", // int sockfd
      "buffer", // const void *buf
      "u32", // size_t len
      "i32", // int flags
      "buffer", // const struct sockaddr *dest_addr
      "u32", // socklen_t addrlen
    ],
    result: "i32",
  },
  recvmsg: {
    parameters: [
      "i32", // int sockfd
      "buffer", // struct msghdr *msg
      "i32", // int flags
    ],
    result: "i32",
  },
  sendmsg: {
    parameters: [
      "i32", // int sockfd
      "buffer", // const struct msghdr *msg
      "i32", // int flags
    ],
    result: "i32",
  },
  getsockname: {
    parameters: [
      "i32", // int sockfd
      "buffer", // struct sockaddr *addr
      "buffer", // socklen_t *addrlen
    ],
    result: "i32",
  },
  getpeername: {
    parameters: [
      "i32", // int sockfd
      "buffer", // struct sockaddr *addr
      "buffer", // socklen_t *addrlen
    ],
    result: "i32",
  },
  getsockopt: {
    parameters: [
      "i32", // int sockfd
      "i32", // int level
      "i32", // int optname
      "buffer", // void *optval
      "buffer", // socklen_t *optlen
    ],
    result: "i32",
  },
  setsockopt: {
    parameters: [
      "i32", // int sockfd
      "i32", // int level
      "i32", // int optname
      "buffer", // const void *optval
      "u32", // socklen_t optlen
    ],
    result: "i32",
  },
  shutdown: {
    parameters: [
      "i32", // int sockfd
      "i32", // int how
    ],
    result: "i32",
  },

  // <winsock2.h>
  ioctlsocket: {
    parameters: [
      "i32", // SOCKET s
      "u32", // long cmd
      "buffer", // u_long *argp
    ],
    result: "i32",
  },

  // <handleapi.h>
  SetHandleInformation: {
    parameters: [
      "i32", // HANDLE hObject
      "u32", // DWORD dwMask
      "u32", // DWORD dwFlags
    ],
    result: "i32",
  },

  // <arpa/inet.h>
  inet_pton: {
    parameters: [
      "i32", // int af
      "buffer", // const char *src
      "buffer", // void *dst
    ],
    result: "i32",
  },
  inet_ntop: {
    parameters: [
      "i32", // int af
      "buffer", // const void *src
      "buffer", // char *dst
      "u32", // socklen_t size
    ],
    result: "pointer", // const char *
  },

  // <netdb.h>
  getaddrinfo: {
    parameters: [
      "buffer", // const char *node
      "buffer", // const char *service
      "buffer", // const struct addrinfo *hints
      "buffer", // struct addrinfo **res
    ],
    result: "i32",
  },
  getaddrinfo_nonblocking: {
    name: "getaddrinfo",
    parameters: [
      "buffer", // const char *node
      "buffer", // const char *service
      "buffer", // const struct addrinfo *hints
      "buffer", // struct addrinfo **res
    ],
    result: "i32",
    nonblocking: true,
  },
  freeaddrinfo: {
    parameters: ["pointer"], // struct addrinfo *res
    result: "void",
  },
  gai_strerror: {
    parameters: ["i32"], // int errcode
    result: "pointer", // const char *
    optional: true, // Windows has it in a header
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions of the C library, by name. */
export type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** A library's functions: as they are, and as calls go through them. */
interface Library {
  readonly real: Symbols;
  symbols: Symbols;
}

type Wrap = (name: string, call: (...args: never[]) => unknown) => unknown;

let symbols: Symbols | undefined; // of the C library; apart, since every call reads it
const libraries = new Map<string, Library>(); // by path; the C library's is empty
let wrap: Wrap | undefined;
let errnoLocation: Int32Array | undefined;
let lastError = 0; // on Windows, instead of that

/**
 * The C library's functions as they are, unchecked.
 *
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 * @throws {Deno.errors.NotSupported} Where the platform has no C library that this module knows.
 */
export function libc(): Symbols {
  return symbols ?? open();
}

/**
 * The functions of another library that has some of the C library's, such as kqueue() and kevent().
 *
 * @param path The library, as dlopen(3) takes it.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 * @throws {Deno.errors.NotSupported} When it cannot be opened.
 */
export function library(path: string): Library {
  libc(); // asks for permission, and knows errno
  return libraries.get(path) ?? add(path, openSymbols([path]));
}

/** Puts `wrapper` around every function of the libraries, or takes it away. */
export function interpose(wrapper: Wrap | undefined): void {
  libc();
  wrap = wrapper;
  for (const library of libraries.values()) library.symbols = wrapped(library.real);
  symbols = libraries.get("")!.symbols;
}

/** Sets this thread's errno. */
export function setErrno(number: number): void {
  if (errnoLocation !== undefined) errnoLocation[0] = number;
  else lastError = number;
}

/**
 * The error number that the last failed call of this thread left. Read it straight after the call:
 * whatever allocates or calls in between may lose it. On Windows it is that of this library's own
 * calls. `errno(3)`
 *
 * @returns The platform's number, for instance 104 for ECONNRESET on Linux.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 *
 * @example A failed call, and why it failed
 * ```ts
 * import { close, errno } from "@syscall/selectors/ffi";
 *
 * if (close(-1) === -1) console.log(errno()); // 9, EBADF
 * ```
 */
export function errno(): number {
  if (symbols === undefined) open();
  return errnoLocation === undefined ? lastError : errnoLocation[0]!;
}

function open(): Symbols {
  // Asked for without a path: the prompt for a path does not let a bare name such as libc.so.6
  // through.
  if (Deno.permissions.requestSync({ name: "ffi" }).state !== "granted") {
    throw new Deno.errors.NotCapable(
      "Requires ffi access to call the C library, run again with the --allow-ffi flag",
    );
  }
  symbols = add("", openSymbols(platform.libraries)).symbols;
  if (platform.isWinsock) return symbols;
  const location = openFirst(platform.libraries, {
    location: { name: platform.errnoLocation, parameters: [], result: "pointer" },
  }).location();
  errnoLocation = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(location!, 4));
  return symbols;
}

function add(path: string, real: Symbols): Library {
  const library = { real, symbols: wrapped(real) };
  libraries.set(path, library);
  return library;
}

function wrapped(real: Symbols): Symbols {
  if (wrap === undefined) return real;
  const entries = Object.entries(real).map(([name, call]) => {
    return [name, call === null ? null : wrap!(name, call as (...args: never[]) => unknown)];
  });
  return Object.fromEntries(entries) as Symbols;
}

/** Every platform lacks some of the functions: those throw when they are called. */
function openSymbols(paths: readonly string[]): Symbols {
  const optional = Object.entries<Deno.ForeignFunction>(SYMBOLS).map(([name, symbol]) => {
    const plain = symbol.name ?? name;
    return [name, { ...symbol, name: platform.renamed[plain] ?? plain, optional: true }];
  });
  let found: Record<string, unknown> = openFirst(
    paths,
    Object.fromEntries(optional) as Deno.ForeignLibraryInterface,
  );
  if (platform.variadicOnStack) {
    found.fcntl = openFcntlOnStack(paths);
    found.open = openOpenOnStack(paths);
  }
  if (platform.isWinsock) {
    found = keepingErrors({ ...found, ...openKernel32() }, startWinsock(paths));
  }
  for (const [name, symbol] of Object.entries(SYMBOLS)) {
    if (found[name] !== null || "optional" in symbol) continue;
    found[name] = () => {
      throw new Deno.errors.NotSupported(`${name} is not in the C library of ${Deno.build.target}`);
    };
  }
  return found as Symbols;
}

/**
 * fcntl(2) where variadic arguments travel on the stack: six arguments that nobody reads fill the
 * registers up, so that the one behind them is on the stack. "Writing ARM64 code for Apple
 * platforms"
 */
function openFcntlOnStack(paths: readonly string[]): Symbols["fcntl"] {
  const { fcntl } = openFirst(paths, {
    fcntl: {
      parameters: ["i32", "i32", "i64", "i64", "i64", "i64", "i64", "i64", "i64"],
      result: "i32",
    },
  });
  return (fd, cmd, arg) => fcntl(fd, cmd, 0n, 0n, 0n, 0n, 0n, 0n, BigInt(arg));
}

/** open(2) there: its mode is variadic too. */
function openOpenOnStack(paths: readonly string[]): Symbols["open"] {
  const { open } = openFirst(paths, {
    open: {
      parameters: ["buffer", "i32", "i64", "i64", "i64", "i64", "i64", "i64", "i64"],
      result: "i32",
    },
  });
  return (pathname, flags, mode) => open(pathname, flags, 0n, 0n, 0n, 0n, 0n, 0n, BigInt(mode));
}

type Winsock = Deno.DynamicLibrary<typeof WINSOCK>["symbols"];

const WINSOCK = {
  WSAStartup: {
    parameters: [
      "u16", // WORD wVersionRequired
      "buffer", // LPWSADATA lpWSAData
    ],
    result: "i32",
  },
  WSAGetLastError: { parameters: [], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Winsock refuses every call before WSAStartup, of version 2.2. */
function startWinsock(paths: readonly string[]): Winsock {
  const winsock = openFirst(paths, WINSOCK);
  const data = new Uint8Array(408); // sizeof(WSADATA)
  const error = winsock.WSAStartup(0x0202, data);
  if (error !== 0) throw new Deno.errors.NotSupported(`WSAStartup failed with ${error}`);
  return winsock;
}

/**
 * Takes each error over as soon as its call has failed. Winsock's last error is the thread's, which
 * V8 changes when it asks for memory: compiling what comes next is enough for an EWOULDBLOCK to
 * become ERROR_INVALID_ADDRESS.
 */
function keepingErrors(symbols: Record<string, unknown>, { WSAGetLastError }: Winsock) {
  const entries = Object.entries(symbols).map(([name, call]) => {
    const failure = name === "SetHandleInformation" ? 0 : name === "inet_ntop" ? null : -1;
    return [
      name,
      typeof call !== "function" ? call : (...args: unknown[]) => {
        const result = call(...args);
        if (result === failure) lastError = WSAGetLastError();
        return result;
      },
    ];
  });
  return Object.fromEntries(entries);
}

/** What concerns handles of every kind is not Winsock's, but the kernel's. */
function openKernel32() {
  const { SetHandleInformation } = SYMBOLS;
  return openFirst(["kernel32.dll"], { SetHandleInformation });
}

function openFirst<Interface extends Deno.ForeignLibraryInterface>(
  names: readonly string[],
  symbols: Interface,
): Deno.DynamicLibrary<Interface>["symbols"] {
  let reason: unknown;
  for (const name of names) {
    try {
      return Deno.dlopen(name, symbols).symbols;
    } catch (error) {
      reason = error;
    }
  }
  throw new Deno.errors.NotSupported(
    `No library ${names.join(" or ")} that ${Deno.build.target} can open`,
    { cause: reason },
  );
}
