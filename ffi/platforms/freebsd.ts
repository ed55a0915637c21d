/**
 * FreeBSD as its headers have it: what it does not share with NetBSD and macOS. The figures are
 * those of the sources of FreeBSD 15. tests/platform_tables_test.ts compares every figure with
 * them.
 *
 * @module
 */

import * as bsd from "./bsd.ts";

/** The constants of FreeBSD under their C names, by header. */
export const constants = {
  ...bsd.constants,

  // <sys/event.h>
  EVFILT_READ: -1,
  EVFILT_WRITE: -2,
  EVFILT_AIO: -3,
  EVFILT_VNODE: -4,
  EVFILT_PROC: -5,
  EVFILT_SIGNAL: -6,
  EVFILT_TIMER: -7,
  EVFILT_USER: -11,

  // <poll.h>
  POLLRDHUP: 0x4000,

  // <sys/select.h>
  FD_SETSIZE: 1024,

  // <sys/eventfd.h>
  EFD_SEMAPHORE: 0x00000001,
  EFD_NONBLOCK: 0x00000004,
  EFD_CLOEXEC: 0x00100000,

  // <sys/socket.h>
  AF_INET6: 28,
  AF_NETLINK: 38,
  AF_BLUETOOTH: 36,
  SOCK_NONBLOCK: 0x20000000,
  SOCK_CLOEXEC: 0x10000000,
  SO_RCVTIMEO: 0x1006,
  SO_SNDTIMEO: 0x1005,
  SO_PROTOCOL: 0x1016,
  SO_DOMAIN: 0x1019,
  MSG_NOSIGNAL: 0x00020000,
  MSG_CMSG_CLOEXEC: 0x00040000,
  SCM_CREDS: 0x03,

  // <netinet6/in6.h>
  IPV6_RECVPKTINFO: 36,

  // <netinet/tcp.h>
  TCP_KEEPIDLE: 256,
  TCP_KEEPINTVL: 512,
  TCP_KEEPCNT: 1024,
  TCP_INFO: 32,
  TCP_CONGESTION: 64,
  TCP_FASTOPEN: 1025,

  // <fcntl.h>
  F_DUPFD_CLOEXEC: 17,
  O_CLOEXEC: 0x00100000,
  O_NOCTTY: 0x8000,
  O_DIRECTORY: 0x00020000,

  // <netdb.h>
  AI_V4MAPPED: 0x00000800,
  AI_ALL: 0x00000100,
  AI_NUMERICSERV: 0x00000008,
} as const;

/** <sys/errno.h> */
export const errnos = {
  ...bsd.errnos,
  ENOTSUP: 45,
  EIDRM: 82,
  ENOMSG: 83,
  ECANCELED: 85,
  EILSEQ: 86,
  ENOATTR: 87,
  EDOOFUS: 88,
  EBADMSG: 89,
  EMULTIHOP: 90,
  ENOLINK: 91,
  EPROTO: 92,
  ENOTCAPABLE: 93,
  ECAPMODE: 94,
  ENOTRECOVERABLE: 95,
  EOWNERDEAD: 96,
  EINTEGRITY: 97,
} as const;
