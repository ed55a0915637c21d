/**
 * NetBSD as its headers have it: what it does not share with FreeBSD and macOS. The figures are
 * those of the sources of NetBSD 10. tests/platform_tables_test.ts compares every figure with them.
 *
 * @module
 */

import * as bsd from "./bsd.ts";

/** The constants of NetBSD under their C names, by header. */
export const constants = {
  ...bsd.constants,

  // <sys/event.h>
  EVFILT_READ: 0,
  EVFILT_WRITE: 1,
  EVFILT_AIO: 2,
  EVFILT_VNODE: 3,
  EVFILT_PROC: 4,
  EVFILT_SIGNAL: 5,
  EVFILT_TIMER: 6,
  EVFILT_USER: 8,

  // <sys/select.h>
  FD_SETSIZE: 256,

  // <sys/eventfd.h>
  EFD_SEMAPHORE: 0x00000002,
  EFD_NONBLOCK: 0x00000004,
  EFD_CLOEXEC: 0x00400000,

  // <sys/socket.h>
  AF_INET6: 24,
  AF_CAN: 35,
  AF_BLUETOOTH: 31,
  SOCK_NONBLOCK: 0x20000000,
  SOCK_CLOEXEC: 0x10000000,
  SO_RCVTIMEO: 0x100c,
  SO_SNDTIMEO: 0x100b,
  MSG_NOSIGNAL: 0x0400,
  MSG_CMSG_CLOEXEC: 0x0800,
  SCM_CREDS: 0x10,

  // <netinet/in.h>
  IP_PKTINFO: 25,

  // <netinet6/in6.h>
  IPV6_RECVPKTINFO: 36,

  // <netinet/tcp.h>
  TCP_KEEPIDLE: 3,
  TCP_KEEPINTVL: 5,
  TCP_KEEPCNT: 6,
  TCP_INFO: 9,

  // <fcntl.h>
  F_DUPFD_CLOEXEC: 12,
  O_CLOEXEC: 0x00400000,
  O_NOCTTY: 0x00008000,
  O_DIRECTORY: 0x00200000,

  // <netdb.h>
  AI_NUMERICSERV: 0x00000008,
} as const;

/** <sys/errno.h> */
export const errnos = {
  ...bsd.errnos,
  EOPNOTSUPP: 45,
  EIDRM: 82,
  ENOMSG: 83,
  EILSEQ: 85,
  ENOTSUP: 86,
  ECANCELED: 87,
  EBADMSG: 88,
  ENODATA: 89,
  ENOSR: 90,
  ENOSTR: 91,
  ETIME: 92,
  ENOATTR: 93,
  EMULTIHOP: 94,
  ENOLINK: 95,
  EPROTO: 96,
} as const;
