/**
 * macOS as its headers have it: what it does not share with the BSDs. The figures are those of XNU
 * 11417.101.15 (macOS 15.4) and, for <netdb.h>, of Libinfo. They are the same on x86-64 and arm64.
 * MSG_NOSIGNAL exists since macOS 11. The IPV6_ options are those of RFC 3542
 * (__APPLE_USE_RFC_3542). tests/platform_tables_test.ts compares every figure with those headers.
 *
 * @module
 */

import * as bsd from "./bsd.ts";

/** The constants of macOS under their C names, by header. */
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
  EVFILT_USER: -10,
  EVFILT_EXCEPT: -15,
  NOTE_OOB: 0x00000002,

  // <sys/select.h>
  FD_SETSIZE: 1024,

  // <sys/socket.h>
  AF_INET6: 30,
  AF_VSOCK: 40,
  SO_RCVTIMEO: 0x1006,
  SO_SNDTIMEO: 0x1005,
  SO_BINDTODEVICE: 0x1134,
  MSG_NOSIGNAL: 0x80000,
  SCM_CREDS: 0x03,

  // <netinet/in.h>
  IP_PKTINFO: 26,

  // <netinet6/in6.h>
  IPV6_RECVPKTINFO: 61,

  // <netinet/tcp.h>
  TCP_KEEPALIVE: 0x10,
  TCP_KEEPINTVL: 0x101,
  TCP_KEEPCNT: 0x102,
  TCP_FASTOPEN: 0x105,

  // <fcntl.h>
  F_DUPFD_CLOEXEC: 67,
  O_CLOEXEC: 0x01000000,
  O_NOCTTY: 0x00020000,
  O_DIRECTORY: 0x00100000,

  // <netdb.h>
  AI_V4MAPPED: 0x00000800,
  AI_ALL: 0x00000100,
  AI_NUMERICSERV: 0x00001000,
} as const;

/** <sys/errno.h> */
export const errnos = {
  ...bsd.errnos,
  ERESTART: -1,
  ENOTSUP: 45,
  EPWROFF: 82,
  EDEVERR: 83,
  EBADEXEC: 85,
  EBADARCH: 86,
  ESHLIBVERS: 87,
  EBADMACHO: 88,
  ECANCELED: 89,
  EIDRM: 90,
  ENOMSG: 91,
  EILSEQ: 92,
  ENOATTR: 93,
  EBADMSG: 94,
  EMULTIHOP: 95,
  ENODATA: 96,
  ENOLINK: 97,
  ENOSR: 98,
  ENOSTR: 99,
  EPROTO: 100,
  ETIME: 101,
  EOPNOTSUPP: 102,
  ENOPOLICY: 103,
  ENOTRECOVERABLE: 104,
  EOWNERDEAD: 105,
  EQFULL: 106,
} as const;
