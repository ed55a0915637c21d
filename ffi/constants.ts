/**
 * The constants of the platform under their C names. The man page of the header that a constant is
 * listed under says what it means. The numbers are in the tables of platforms/. A constant that the
 * platform lacks is 0; an errno that it lacks is -1.
 *
 * @module
 */

import { constants, errnos } from "./platform.ts";

// <sys/epoll.h>
/** Closes the epoll descriptor on exec. `<sys/epoll.h>` */
export const EPOLL_CLOEXEC: number = constants.EPOLL_CLOEXEC;
/** Adds a descriptor to the interest list. `<sys/epoll.h>` */
export const EPOLL_CTL_ADD: number = constants.EPOLL_CTL_ADD;
/** Removes a descriptor from the interest list. `<sys/epoll.h>` */
export const EPOLL_CTL_DEL: number = constants.EPOLL_CTL_DEL;
/** Changes the settings of a descriptor in the interest list. `<sys/epoll.h>` */
export const EPOLL_CTL_MOD: number = constants.EPOLL_CTL_MOD;
/** Readable. `<sys/epoll.h>` */
export const EPOLLIN: number = constants.EPOLLIN;
/** Exceptional condition, such as urgent TCP data. `<sys/epoll.h>` */
export const EPOLLPRI: number = constants.EPOLLPRI;
/** Writable. `<sys/epoll.h>` */
export const EPOLLOUT: number = constants.EPOLLOUT;
/** Error condition; always reported. `<sys/epoll.h>` */
export const EPOLLERR: number = constants.EPOLLERR;
/** Hang-up; always reported. `<sys/epoll.h>` */
export const EPOLLHUP: number = constants.EPOLLHUP;
/** Normal data can be read. `<sys/epoll.h>` */
export const EPOLLRDNORM: number = constants.EPOLLRDNORM;
/** Priority band data can be read. `<sys/epoll.h>` */
export const EPOLLRDBAND: number = constants.EPOLLRDBAND;
/** Normal data can be written. `<sys/epoll.h>` */
export const EPOLLWRNORM: number = constants.EPOLLWRNORM;
/** Priority band data can be written. `<sys/epoll.h>` */
export const EPOLLWRBAND: number = constants.EPOLLWRBAND;
/** Unused by the kernel. `<sys/epoll.h>` */
export const EPOLLMSG: number = constants.EPOLLMSG;
/** The peer has shut down its writing half. `<sys/epoll.h>` */
export const EPOLLRDHUP: number = constants.EPOLLRDHUP;
/** Wakes one of several epoll descriptors that watch the same file. `<sys/epoll.h>` */
export const EPOLLEXCLUSIVE: number = constants.EPOLLEXCLUSIVE;
/** Keeps the machine from suspending while the event is handled. `<sys/epoll.h>` */
export const EPOLLWAKEUP: number = constants.EPOLLWAKEUP;
/** Disables the descriptor after one event, until EPOLL_CTL_MOD. `<sys/epoll.h>` */
export const EPOLLONESHOT: number = constants.EPOLLONESHOT;
/** Edge-triggered notification. `<sys/epoll.h>` */
export const EPOLLET: number = constants.EPOLLET;

// <sys/event.h>
/** Readable, or at the end of the stream. `<sys/event.h>` */
export const EVFILT_READ: number = constants.EVFILT_READ;
/** Writable, or the reader has closed its end. `<sys/event.h>` */
export const EVFILT_WRITE: number = constants.EVFILT_WRITE;
/** An asynchronous request has completed. `<sys/event.h>` */
export const EVFILT_AIO: number = constants.EVFILT_AIO;
/** A file has changed. `<sys/event.h>` */
export const EVFILT_VNODE: number = constants.EVFILT_VNODE;
/** A process has forked, executed or ended. `<sys/event.h>` */
export const EVFILT_PROC: number = constants.EVFILT_PROC;
/** A signal was delivered. `<sys/event.h>` */
export const EVFILT_SIGNAL: number = constants.EVFILT_SIGNAL;
/** A timer has expired. `<sys/event.h>` */
export const EVFILT_TIMER: number = constants.EVFILT_TIMER;
/** Triggered by the program itself, with NOTE_TRIGGER. `<sys/event.h>` */
export const EVFILT_USER: number = constants.EVFILT_USER;
/** Exceptional condition, such as urgent TCP data; with NOTE_OOB. `<sys/event.h>` */
export const EVFILT_EXCEPT: number = constants.EVFILT_EXCEPT;
/** Adds a filter, or changes it. `<sys/event.h>` */
export const EV_ADD: number = constants.EV_ADD;
/** Removes a filter. `<sys/event.h>` */
export const EV_DELETE: number = constants.EV_DELETE;
/** Lets a filter report again. `<sys/event.h>` */
export const EV_ENABLE: number = constants.EV_ENABLE;
/** Keeps a filter from reporting. `<sys/event.h>` */
export const EV_DISABLE: number = constants.EV_DISABLE;
/** Removes the filter after one event. `<sys/event.h>` */
export const EV_ONESHOT: number = constants.EV_ONESHOT;
/** Reports changes of state, not the state. `<sys/event.h>` */
export const EV_CLEAR: number = constants.EV_CLEAR;
/** Reports an EV_ERROR event for the change, also if it succeeded. `<sys/event.h>` */
export const EV_RECEIPT: number = constants.EV_RECEIPT;
/** Disables the filter after one event. `<sys/event.h>` */
export const EV_DISPATCH: number = constants.EV_DISPATCH;
/** The peer has closed its end; only in events. `<sys/event.h>` */
export const EV_EOF: number = constants.EV_EOF;
/** The change failed with the errno in `data`; only in events. `<sys/event.h>` */
export const EV_ERROR: number = constants.EV_ERROR;
/** EVFILT_USER: does not change the flags. `<sys/event.h>` */
export const NOTE_FFNOP: number = constants.NOTE_FFNOP;
/** EVFILT_USER: combines the flags by AND. `<sys/event.h>` */
export const NOTE_FFAND: number = constants.NOTE_FFAND;
/** EVFILT_USER: combines the flags by OR. `<sys/event.h>` */
export const NOTE_FFOR: number = constants.NOTE_FFOR;
/** EVFILT_USER: replaces the flags. `<sys/event.h>` */
export const NOTE_FFCOPY: number = constants.NOTE_FFCOPY;
/** EVFILT_USER: triggers the event. `<sys/event.h>` */
export const NOTE_TRIGGER: number = constants.NOTE_TRIGGER;
/** EVFILT_READ and EVFILT_WRITE: `data` is the low-water mark in bytes. `<sys/event.h>` */
export const NOTE_LOWAT: number = constants.NOTE_LOWAT;
/** EVFILT_EXCEPT: urgent data. `<sys/event.h>` */
export const NOTE_OOB: number = constants.NOTE_OOB;

// <poll.h>
/** Readable. `<poll.h>` */
export const POLLIN: number = constants.POLLIN;
/** Exceptional condition, such as urgent TCP data. `<poll.h>` */
export const POLLPRI: number = constants.POLLPRI;
/** Writable. `<poll.h>` */
export const POLLOUT: number = constants.POLLOUT;
/** Error condition; only in revents. `<poll.h>` */
export const POLLERR: number = constants.POLLERR;
/** Hang-up; only in revents. `<poll.h>` */
export const POLLHUP: number = constants.POLLHUP;
/** The descriptor is not open; only in revents. `<poll.h>` */
export const POLLNVAL: number = constants.POLLNVAL;
/** Normal data can be read. `<poll.h>` */
export const POLLRDNORM: number = constants.POLLRDNORM;
/** Priority band data can be read. `<poll.h>` */
export const POLLRDBAND: number = constants.POLLRDBAND;
/** Normal data can be written. `<poll.h>` */
export const POLLWRNORM: number = constants.POLLWRNORM;
/** Priority band data can be written. `<poll.h>` */
export const POLLWRBAND: number = constants.POLLWRBAND;
/** The peer has shut down its writing half. `<poll.h>` */
export const POLLRDHUP: number = constants.POLLRDHUP;

// <sys/select.h>
/**
 * The number of bits in an fd_set: select(2) takes descriptors below this only. `<sys/select.h>`
 */
export const FD_SETSIZE: number = constants.FD_SETSIZE;

// <sys/eventfd.h>
/** read(2) takes 1 from the counter instead of all of it. `<sys/eventfd.h>` */
export const EFD_SEMAPHORE: number = constants.EFD_SEMAPHORE;
/** Opens the eventfd non-blocking. `<sys/eventfd.h>` */
export const EFD_NONBLOCK: number = constants.EFD_NONBLOCK;
/** Closes the eventfd on exec. `<sys/eventfd.h>` */
export const EFD_CLOEXEC: number = constants.EFD_CLOEXEC;

// <sys/socket.h>
/** Any address family. `<sys/socket.h>` */
export const AF_UNSPEC: number = constants.AF_UNSPEC;
/** Local sockets, named by a path. `<sys/socket.h>` */
export const AF_UNIX: number = constants.AF_UNIX;
/** IPv4. `<sys/socket.h>` */
export const AF_INET: number = constants.AF_INET;
/** IPv6. `<sys/socket.h>` */
export const AF_INET6: number = constants.AF_INET6;
/** Linux: messages to and from the kernel. netlink(7). `<sys/socket.h>` */
export const AF_NETLINK: number = constants.AF_NETLINK;
/** Linux: frames of the link layer. packet(7). `<sys/socket.h>` */
export const AF_PACKET: number = constants.AF_PACKET;
/** Linux and NetBSD: CAN bus. `<sys/socket.h>` */
export const AF_CAN: number = constants.AF_CAN;
/** Bluetooth. `<sys/socket.h>` */
export const AF_BLUETOOTH: number = constants.AF_BLUETOOTH;
/** Virtual machines and their host. vsock(7). `<sys/socket.h>` */
export const AF_VSOCK: number = constants.AF_VSOCK;
/** A reliable, ordered stream of bytes. `<sys/socket.h>` */
export const SOCK_STREAM: number = constants.SOCK_STREAM;
/** Datagrams. `<sys/socket.h>` */
export const SOCK_DGRAM: number = constants.SOCK_DGRAM;
/** Raw network protocol access. `<sys/socket.h>` */
export const SOCK_RAW: number = constants.SOCK_RAW;
/** A reliable, ordered sequence of datagrams. `<sys/socket.h>` */
export const SOCK_SEQPACKET: number = constants.SOCK_SEQPACKET;
/** Makes the socket non-blocking; a flag to combine with the type. `<sys/socket.h>` */
export const SOCK_NONBLOCK: number = constants.SOCK_NONBLOCK;
/** Closes the socket on exec; a flag to combine with the type. `<sys/socket.h>` */
export const SOCK_CLOEXEC: number = constants.SOCK_CLOEXEC;
/** The level of options that sockets of every kind have. `<sys/socket.h>` */
export const SOL_SOCKET: number = constants.SOL_SOCKET;
/** Allows bind(2) to an address that closed connections still occupy. `<sys/socket.h>` */
export const SO_REUSEADDR: number = constants.SO_REUSEADDR;
/** The socket's type; read only. `<sys/socket.h>` */
export const SO_TYPE: number = constants.SO_TYPE;
/** The pending error, cleared by reading. `<sys/socket.h>` */
export const SO_ERROR: number = constants.SO_ERROR;
/** Sends to directly connected hosts only. `<sys/socket.h>` */
export const SO_DONTROUTE: number = constants.SO_DONTROUTE;
/** Allows datagrams to broadcast addresses. `<sys/socket.h>` */
export const SO_BROADCAST: number = constants.SO_BROADCAST;
/** Size of the send buffer in bytes. `<sys/socket.h>` */
export const SO_SNDBUF: number = constants.SO_SNDBUF;
/** Size of the receive buffer in bytes. `<sys/socket.h>` */
export const SO_RCVBUF: number = constants.SO_RCVBUF;
/** Probes idle connections. `<sys/socket.h>` */
export const SO_KEEPALIVE: number = constants.SO_KEEPALIVE;
/** Leaves urgent data in the stream. `<sys/socket.h>` */
export const SO_OOBINLINE: number = constants.SO_OOBINLINE;
/** What close(2) does with unsent data. `<sys/socket.h>` */
export const SO_LINGER: number = constants.SO_LINGER;
/** Lets several sockets share one address. `<sys/socket.h>` */
export const SO_REUSEPORT: number = constants.SO_REUSEPORT;
/** The number of bytes from which the socket is readable. `<sys/socket.h>` */
export const SO_RCVLOWAT: number = constants.SO_RCVLOWAT;
/** The room in bytes from which the socket is writable. `<sys/socket.h>` */
export const SO_SNDLOWAT: number = constants.SO_SNDLOWAT;
/** How long a blocking receive waits. `<sys/socket.h>` */
export const SO_RCVTIMEO: number = constants.SO_RCVTIMEO;
/** How long a blocking send waits. `<sys/socket.h>` */
export const SO_SNDTIMEO: number = constants.SO_SNDTIMEO;
/** Whether the socket listens; read only. `<sys/socket.h>` */
export const SO_ACCEPTCONN: number = constants.SO_ACCEPTCONN;
/** The socket's protocol; read only. `<sys/socket.h>` */
export const SO_PROTOCOL: number = constants.SO_PROTOCOL;
/** The socket's address family; read only. `<sys/socket.h>` */
export const SO_DOMAIN: number = constants.SO_DOMAIN;
/** Windows: no other socket may bind to the address, even with SO_REUSEADDR. `<winsock2.h>` */
export const SO_EXCLUSIVEADDRUSE: number = constants.SO_EXCLUSIVEADDRUSE;
/** AF_UNIX: recvmsg(2) reports the sender's credentials (SCM_CREDENTIALS). `<sys/socket.h>` */
export const SO_PASSCRED: number = constants.SO_PASSCRED;
/** AF_UNIX: the credentials of the peer, a `struct ucred`; read only. `<sys/socket.h>` */
export const SO_PEERCRED: number = constants.SO_PEERCRED;
/** The network interface, by name, that the socket is bound to. `<sys/socket.h>` */
export const SO_BINDTODEVICE: number = constants.SO_BINDTODEVICE;
/**
 * recvmsg(2) reports when a datagram arrived, as a `struct timespec` (SCM_TIMESTAMPNS).
 * `<sys/socket.h>`
 */
export const SO_TIMESTAMPNS: number = constants.SO_TIMESTAMPNS;
/** The mark of every packet that the socket sends. `<sys/socket.h>` */
export const SO_MARK: number = constants.SO_MARK;
/** The default limit of the backlog of listen(2). `<sys/socket.h>` */
export const SOMAXCONN: number = constants.SOMAXCONN;
/** Urgent data. `<sys/socket.h>` */
export const MSG_OOB: number = constants.MSG_OOB;
/** Leaves the data in the queue. `<sys/socket.h>` */
export const MSG_PEEK: number = constants.MSG_PEEK;
/** Sends to directly connected hosts only. `<sys/socket.h>` */
export const MSG_DONTROUTE: number = constants.MSG_DONTROUTE;
/**
 * recv(2) returns the whole length of a datagram; set by recvmsg(2) if it was cut. `<sys/socket.h>`
 */
export const MSG_TRUNC: number = constants.MSG_TRUNC;
/** This call does not block. `<sys/socket.h>` */
export const MSG_DONTWAIT: number = constants.MSG_DONTWAIT;
/** Waits until the buffer is full. `<sys/socket.h>` */
export const MSG_WAITALL: number = constants.MSG_WAITALL;
/** Sending to a closed peer fails with EPIPE and raises no SIGPIPE. `<sys/socket.h>` */
export const MSG_NOSIGNAL: number = constants.MSG_NOSIGNAL;
/** Returned by recvmsg(2): control data were discarded for lack of room. `<sys/socket.h>` */
export const MSG_CTRUNC: number = constants.MSG_CTRUNC;
/** Ends a record (SOCK_SEQPACKET). `<sys/socket.h>` */
export const MSG_EOR: number = constants.MSG_EOR;
/** Receives from the error queue. `<sys/socket.h>` */
export const MSG_ERRQUEUE: number = constants.MSG_ERRQUEUE;
/** More data follow: the kernel holds the segment or datagram back. `<sys/socket.h>` */
export const MSG_MORE: number = constants.MSG_MORE;
/** recvmsg(2) sets close-on-exec on the descriptors that it receives. `<sys/socket.h>` */
export const MSG_CMSG_CLOEXEC: number = constants.MSG_CMSG_CLOEXEC;
/** Control message: descriptors, an array of int. unix(7). `<sys/socket.h>` */
export const SCM_RIGHTS: number = constants.SCM_RIGHTS;
/**
 * Control message: process, user and group of the sender, a `struct ucred`. unix(7).
 * `<sys/socket.h>`
 */
export const SCM_CREDENTIALS: number = constants.SCM_CREDENTIALS;
/** Control message of the BSDs: the sender's credentials. unix(4). `<sys/socket.h>` */
export const SCM_CREDS: number = constants.SCM_CREDS;
/** Control message: when the datagram arrived, a `struct timespec`. `<sys/socket.h>` */
export const SCM_TIMESTAMPNS: number = constants.SCM_TIMESTAMPNS;
/** Ends receiving. `<sys/socket.h>` */
export const SHUT_RD: number = constants.SHUT_RD;
/** Ends sending. `<sys/socket.h>` */
export const SHUT_WR: number = constants.SHUT_WR;
/** Ends both. `<sys/socket.h>` */
export const SHUT_RDWR: number = constants.SHUT_RDWR;

// <netinet/in.h>, <netinet/tcp.h>
/** The level of IPv4 options. `<netinet/in.h>` */
export const IPPROTO_IP: number = constants.IPPROTO_IP;
/** TCP, and the level of its options. `<netinet/in.h>` */
export const IPPROTO_TCP: number = constants.IPPROTO_TCP;
/** UDP, and the level of its options. `<netinet/in.h>` */
export const IPPROTO_UDP: number = constants.IPPROTO_UDP;
/** The level of IPv6 options. `<netinet/in.h>` */
export const IPPROTO_IPV6: number = constants.IPPROTO_IPV6;
/** ICMP, as the protocol of a raw or datagram socket. `<netinet/in.h>` */
export const IPPROTO_ICMP: number = constants.IPPROTO_ICMP;
/** ICMPv6, as the protocol of a raw or datagram socket. `<netinet/in.h>` */
export const IPPROTO_ICMPV6: number = constants.IPPROTO_ICMPV6;
/** Raw IP packets, with their IP header. `<netinet/in.h>` */
export const IPPROTO_RAW: number = constants.IPPROTO_RAW;
/** The type-of-service byte of sent packets. `<netinet/in.h>` */
export const IP_TOS: number = constants.IP_TOS;
/** The time to live of sent packets. `<netinet/in.h>` */
export const IP_TTL: number = constants.IP_TTL;
/**
 * recvmsg(2) reports the interface and the destination address of a datagram, and sendmsg(2)
 * chooses them. `<netinet/in.h>`
 */
export const IP_PKTINFO: number = constants.IP_PKTINFO;
/** Lets the socket bind to addresses that are not the host's. `<netinet/in.h>` */
export const IP_TRANSPARENT: number = constants.IP_TRANSPARENT;
/** The interface that multicast datagrams leave by. `<netinet/in.h>` */
export const IP_MULTICAST_IF: number = constants.IP_MULTICAST_IF;
/** The time to live of multicast datagrams. `<netinet/in.h>` */
export const IP_MULTICAST_TTL: number = constants.IP_MULTICAST_TTL;
/** Whether multicast datagrams are delivered on this host too. `<netinet/in.h>` */
export const IP_MULTICAST_LOOP: number = constants.IP_MULTICAST_LOOP;
/** Joins a multicast group, a `struct ip_mreq`. `<netinet/in.h>` */
export const IP_ADD_MEMBERSHIP: number = constants.IP_ADD_MEMBERSHIP;
/** Leaves a multicast group, a `struct ip_mreq`. `<netinet/in.h>` */
export const IP_DROP_MEMBERSHIP: number = constants.IP_DROP_MEMBERSHIP;
/** An IPv6 socket takes no IPv4. `<netinet/in.h>` */
export const IPV6_V6ONLY: number = constants.IPV6_V6ONLY;
/** The hop limit of sent packets. `<netinet/in.h>` */
export const IPV6_UNICAST_HOPS: number = constants.IPV6_UNICAST_HOPS;
/** The interface that multicast datagrams leave by. `<netinet/in.h>` */
export const IPV6_MULTICAST_IF: number = constants.IPV6_MULTICAST_IF;
/** The hop limit of multicast datagrams. `<netinet/in.h>` */
export const IPV6_MULTICAST_HOPS: number = constants.IPV6_MULTICAST_HOPS;
/** Whether multicast datagrams are delivered on this host too. `<netinet/in.h>` */
export const IPV6_MULTICAST_LOOP: number = constants.IPV6_MULTICAST_LOOP;
/** Joins a multicast group, a `struct ipv6_mreq`. `<netinet/in.h>` */
export const IPV6_JOIN_GROUP: number = constants.IPV6_JOIN_GROUP;
/** Leaves a multicast group, a `struct ipv6_mreq`. `<netinet/in.h>` */
export const IPV6_LEAVE_GROUP: number = constants.IPV6_LEAVE_GROUP;
/**
 * recvmsg(2) reports the interface and the destination address of a datagram (IPV6_PKTINFO).
 * `<netinet/in.h>`
 */
export const IPV6_RECVPKTINFO: number = constants.IPV6_RECVPKTINFO;
/**
 * Control message: interface and address of a datagram, a `struct in6_pktinfo`. `<netinet/in.h>`
 */
export const IPV6_PKTINFO: number = constants.IPV6_PKTINFO;
/** Sends small segments without delay. `<netinet/tcp.h>` */
export const TCP_NODELAY: number = constants.TCP_NODELAY;
/** Sends full segments only, until it is switched off. `<netinet/tcp.h>` */
export const TCP_CORK: number = constants.TCP_CORK;
/**
 * Seconds without traffic before the first keep-alive probe; macOS calls it TCP_KEEPALIVE.
 * `<netinet/tcp.h>`
 */
export const TCP_KEEPIDLE: number = constants.TCP_KEEPIDLE;
/** macOS: seconds without traffic before the first keep-alive probe. `<netinet/tcp.h>` */
export const TCP_KEEPALIVE: number = constants.TCP_KEEPALIVE;
/** Seconds between keep-alive probes. `<netinet/tcp.h>` */
export const TCP_KEEPINTVL: number = constants.TCP_KEEPINTVL;
/** Keep-alive probes without an answer before the connection is dropped. `<netinet/tcp.h>` */
export const TCP_KEEPCNT: number = constants.TCP_KEEPCNT;
/** Accepts a connection only once data have arrived. `<netinet/tcp.h>` */
export const TCP_DEFER_ACCEPT: number = constants.TCP_DEFER_ACCEPT;
/** The state of the connection, a `struct tcp_info`; read only. `<netinet/tcp.h>` */
export const TCP_INFO: number = constants.TCP_INFO;
/** Acknowledges at once. `<netinet/tcp.h>` */
export const TCP_QUICKACK: number = constants.TCP_QUICKACK;
/** The name of the congestion control algorithm. `<netinet/tcp.h>` */
export const TCP_CONGESTION: number = constants.TCP_CONGESTION;
/** Milliseconds that sent data may stay unacknowledged. `<netinet/tcp.h>` */
export const TCP_USER_TIMEOUT: number = constants.TCP_USER_TIMEOUT;
/** Accepts data in the first segment of a connection. `<netinet/tcp.h>` */
export const TCP_FASTOPEN: number = constants.TCP_FASTOPEN;

// <fcntl.h>
/** Duplicates to the lowest free number from the argument up. `<fcntl.h>` */
export const F_DUPFD: number = constants.F_DUPFD;
/** Reads the descriptor's flags. `<fcntl.h>` */
export const F_GETFD: number = constants.F_GETFD;
/** Sets the descriptor's flags. `<fcntl.h>` */
export const F_SETFD: number = constants.F_SETFD;
/** Reads the file's status flags. `<fcntl.h>` */
export const F_GETFL: number = constants.F_GETFL;
/** Sets the file's status flags. `<fcntl.h>` */
export const F_SETFL: number = constants.F_SETFL;
/** As F_DUPFD, close-on-exec. `<fcntl.h>` */
export const F_DUPFD_CLOEXEC: number = constants.F_DUPFD_CLOEXEC;
/** Close-on-exec. `<fcntl.h>` */
export const FD_CLOEXEC: number = constants.FD_CLOEXEC;
/** Open for reading. `<fcntl.h>` */
export const O_RDONLY: number = constants.O_RDONLY;
/** Open for writing. `<fcntl.h>` */
export const O_WRONLY: number = constants.O_WRONLY;
/** Open for both. `<fcntl.h>` */
export const O_RDWR: number = constants.O_RDWR;
/** Calls that would block fail with EAGAIN. `<fcntl.h>` */
export const O_NONBLOCK: number = constants.O_NONBLOCK;
/** Closes the descriptor on exec. `<fcntl.h>` */
export const O_CLOEXEC: number = constants.O_CLOEXEC;
/** Creates the file if it does not exist. `<fcntl.h>` */
export const O_CREAT: number = constants.O_CREAT;
/** With O_CREAT: fails with EEXIST if the file exists. `<fcntl.h>` */
export const O_EXCL: number = constants.O_EXCL;
/** A terminal does not become the controlling terminal. `<fcntl.h>` */
export const O_NOCTTY: number = constants.O_NOCTTY;
/** Empties the file. `<fcntl.h>` */
export const O_TRUNC: number = constants.O_TRUNC;
/** Writes at the end of the file. `<fcntl.h>` */
export const O_APPEND: number = constants.O_APPEND;
/** Fails with ENOTDIR unless it is a directory. `<fcntl.h>` */
export const O_DIRECTORY: number = constants.O_DIRECTORY;

// <limits.h>
/** The most buffers that sendmsg(2) and recvmsg(2) take. `<limits.h>` */
export const IOV_MAX: number = constants.IOV_MAX;

// <winsock2.h>
/** Windows: makes a socket non-blocking or blocking, with ioctlsocket(). `<winsock2.h>` */
export const FIONBIO: number = constants.FIONBIO;
/**
 * Windows: the socket's family, type and protocol, as a WSAPROTOCOL_INFOW; read only.
 * `<winsock2.h>`
 */
export const SO_PROTOCOL_INFOW: number = constants.SO_PROTOCOL_INFOW;
/** Windows: child processes inherit the handle. `<winbase.h>` */
export const HANDLE_FLAG_INHERIT: number = constants.HANDLE_FLAG_INHERIT;

// <netdb.h>
/** Returns an address to bind to if no name is given. `<netdb.h>` */
export const AI_PASSIVE: number = constants.AI_PASSIVE;
/** Asks for the canonical name. `<netdb.h>` */
export const AI_CANONNAME: number = constants.AI_CANONNAME;
/** Takes numeric addresses only. `<netdb.h>` */
export const AI_NUMERICHOST: number = constants.AI_NUMERICHOST;
/** Returns IPv4 addresses as IPv4-mapped IPv6 ones. `<netdb.h>` */
export const AI_V4MAPPED: number = constants.AI_V4MAPPED;
/** With AI_V4MAPPED: returns IPv6 and mapped IPv4 addresses. `<netdb.h>` */
export const AI_ALL: number = constants.AI_ALL;
/** Returns only families that this host has addresses of. `<netdb.h>` */
export const AI_ADDRCONFIG: number = constants.AI_ADDRCONFIG;
/** Takes numeric ports only. `<netdb.h>` */
export const AI_NUMERICSERV: number = constants.AI_NUMERICSERV;
/** Bad value in ai_flags. `<netdb.h>` */
export const EAI_BADFLAGS: number = constants.EAI_BADFLAGS;
/** Name or service not known. `<netdb.h>` */
export const EAI_NONAME: number = constants.EAI_NONAME;
/** Temporary failure of name resolution. `<netdb.h>` */
export const EAI_AGAIN: number = constants.EAI_AGAIN;
/** Failure of name resolution. `<netdb.h>` */
export const EAI_FAIL: number = constants.EAI_FAIL;
/** The name has no address. `<netdb.h>` */
export const EAI_NODATA: number = constants.EAI_NODATA;
/** Family not supported. `<netdb.h>` */
export const EAI_FAMILY: number = constants.EAI_FAMILY;
/** Socket type not supported. `<netdb.h>` */
export const EAI_SOCKTYPE: number = constants.EAI_SOCKTYPE;
/** Service not known for this socket type. `<netdb.h>` */
export const EAI_SERVICE: number = constants.EAI_SERVICE;
/** The name has no address of this family. `<netdb.h>` */
export const EAI_ADDRFAMILY: number = constants.EAI_ADDRFAMILY;
/** Out of memory. `<netdb.h>` */
export const EAI_MEMORY: number = constants.EAI_MEMORY;
/** System error: see errno. `<netdb.h>` */
export const EAI_SYSTEM: number = constants.EAI_SYSTEM;
/** An argument was too long. `<netdb.h>` */
export const EAI_OVERFLOW: number = constants.EAI_OVERFLOW;

// <errno.h>
/** Operation not permitted. `<errno.h>` */
export const EPERM: number = errnos.EPERM;
/** No such file or directory. `<errno.h>` */
export const ENOENT: number = errnos.ENOENT;
/** No such process. `<errno.h>` */
export const ESRCH: number = errnos.ESRCH;
/** Interrupted system call. `<errno.h>` */
export const EINTR: number = errnos.EINTR;
/** Input/output error. `<errno.h>` */
export const EIO: number = errnos.EIO;
/** No such device or address. `<errno.h>` */
export const ENXIO: number = errnos.ENXIO;
/** Argument list too long. `<errno.h>` */
export const E2BIG: number = errnos.E2BIG;
/** Exec format error. `<errno.h>` */
export const ENOEXEC: number = errnos.ENOEXEC;
/** Bad file descriptor. `<errno.h>` */
export const EBADF: number = errnos.EBADF;
/** No child processes. `<errno.h>` */
export const ECHILD: number = errnos.ECHILD;
/** Resource temporarily unavailable. `<errno.h>` */
export const EAGAIN: number = errnos.EAGAIN;
/** Cannot allocate memory. `<errno.h>` */
export const ENOMEM: number = errnos.ENOMEM;
/** Permission denied. `<errno.h>` */
export const EACCES: number = errnos.EACCES;
/** Bad address. `<errno.h>` */
export const EFAULT: number = errnos.EFAULT;
/** Block device required. `<errno.h>` */
export const ENOTBLK: number = errnos.ENOTBLK;
/** Device or resource busy. `<errno.h>` */
export const EBUSY: number = errnos.EBUSY;
/** File exists. `<errno.h>` */
export const EEXIST: number = errnos.EEXIST;
/** Invalid cross-device link. `<errno.h>` */
export const EXDEV: number = errnos.EXDEV;
/** No such device. `<errno.h>` */
export const ENODEV: number = errnos.ENODEV;
/** Not a directory. `<errno.h>` */
export const ENOTDIR: number = errnos.ENOTDIR;
/** Is a directory. `<errno.h>` */
export const EISDIR: number = errnos.EISDIR;
/** Invalid argument. `<errno.h>` */
export const EINVAL: number = errnos.EINVAL;
/** Too many open files in system. `<errno.h>` */
export const ENFILE: number = errnos.ENFILE;
/** Too many open files. `<errno.h>` */
export const EMFILE: number = errnos.EMFILE;
/** Inappropriate ioctl for device. `<errno.h>` */
export const ENOTTY: number = errnos.ENOTTY;
/** Text file busy. `<errno.h>` */
export const ETXTBSY: number = errnos.ETXTBSY;
/** File too large. `<errno.h>` */
export const EFBIG: number = errnos.EFBIG;
/** No space left on device. `<errno.h>` */
export const ENOSPC: number = errnos.ENOSPC;
/** Illegal seek. `<errno.h>` */
export const ESPIPE: number = errnos.ESPIPE;
/** Read-only file system. `<errno.h>` */
export const EROFS: number = errnos.EROFS;
/** Too many links. `<errno.h>` */
export const EMLINK: number = errnos.EMLINK;
/** Broken pipe. `<errno.h>` */
export const EPIPE: number = errnos.EPIPE;
/** Numerical argument out of domain. `<errno.h>` */
export const EDOM: number = errnos.EDOM;
/** Numerical result out of range. `<errno.h>` */
export const ERANGE: number = errnos.ERANGE;
/** Resource deadlock avoided. `<errno.h>` */
export const EDEADLK: number = errnos.EDEADLK;
/** File name too long. `<errno.h>` */
export const ENAMETOOLONG: number = errnos.ENAMETOOLONG;
/** No locks available. `<errno.h>` */
export const ENOLCK: number = errnos.ENOLCK;
/** Function not implemented. `<errno.h>` */
export const ENOSYS: number = errnos.ENOSYS;
/** Directory not empty. `<errno.h>` */
export const ENOTEMPTY: number = errnos.ENOTEMPTY;
/** Too many levels of symbolic links. `<errno.h>` */
export const ELOOP: number = errnos.ELOOP;
/** No message of desired type. `<errno.h>` */
export const ENOMSG: number = errnos.ENOMSG;
/** Identifier removed. `<errno.h>` */
export const EIDRM: number = errnos.EIDRM;
/** Channel number out of range. `<errno.h>` */
export const ECHRNG: number = errnos.ECHRNG;
/** Level 2 not synchronized. `<errno.h>` */
export const EL2NSYNC: number = errnos.EL2NSYNC;
/** Level 3 halted. `<errno.h>` */
export const EL3HLT: number = errnos.EL3HLT;
/** Level 3 reset. `<errno.h>` */
export const EL3RST: number = errnos.EL3RST;
/** Link number out of range. `<errno.h>` */
export const ELNRNG: number = errnos.ELNRNG;
/** Protocol driver not attached. `<errno.h>` */
export const EUNATCH: number = errnos.EUNATCH;
/** No CSI structure available. `<errno.h>` */
export const ENOCSI: number = errnos.ENOCSI;
/** Level 2 halted. `<errno.h>` */
export const EL2HLT: number = errnos.EL2HLT;
/** Invalid exchange. `<errno.h>` */
export const EBADE: number = errnos.EBADE;
/** Invalid request descriptor. `<errno.h>` */
export const EBADR: number = errnos.EBADR;
/** Exchange full. `<errno.h>` */
export const EXFULL: number = errnos.EXFULL;
/** No anode. `<errno.h>` */
export const ENOANO: number = errnos.ENOANO;
/** Invalid request code. `<errno.h>` */
export const EBADRQC: number = errnos.EBADRQC;
/** Invalid slot. `<errno.h>` */
export const EBADSLT: number = errnos.EBADSLT;
/** Bad font file format. `<errno.h>` */
export const EBFONT: number = errnos.EBFONT;
/** Device not a stream. `<errno.h>` */
export const ENOSTR: number = errnos.ENOSTR;
/** No data available. `<errno.h>` */
export const ENODATA: number = errnos.ENODATA;
/** Timer expired. `<errno.h>` */
export const ETIME: number = errnos.ETIME;
/** Out of streams resources. `<errno.h>` */
export const ENOSR: number = errnos.ENOSR;
/** Machine is not on the network. `<errno.h>` */
export const ENONET: number = errnos.ENONET;
/** Package not installed. `<errno.h>` */
export const ENOPKG: number = errnos.ENOPKG;
/** Object is remote. `<errno.h>` */
export const EREMOTE: number = errnos.EREMOTE;
/** Link has been severed. `<errno.h>` */
export const ENOLINK: number = errnos.ENOLINK;
/** Advertise error. `<errno.h>` */
export const EADV: number = errnos.EADV;
/** Srmount error. `<errno.h>` */
export const ESRMNT: number = errnos.ESRMNT;
/** Communication error on send. `<errno.h>` */
export const ECOMM: number = errnos.ECOMM;
/** Protocol error. `<errno.h>` */
export const EPROTO: number = errnos.EPROTO;
/** Multihop attempted. `<errno.h>` */
export const EMULTIHOP: number = errnos.EMULTIHOP;
/** RFS specific error. `<errno.h>` */
export const EDOTDOT: number = errnos.EDOTDOT;
/** Bad message. `<errno.h>` */
export const EBADMSG: number = errnos.EBADMSG;
/** Value too large for defined data type. `<errno.h>` */
export const EOVERFLOW: number = errnos.EOVERFLOW;
/** Name not unique on network. `<errno.h>` */
export const ENOTUNIQ: number = errnos.ENOTUNIQ;
/** File descriptor in bad state. `<errno.h>` */
export const EBADFD: number = errnos.EBADFD;
/** Remote address changed. `<errno.h>` */
export const EREMCHG: number = errnos.EREMCHG;
/** Can not access a needed shared library. `<errno.h>` */
export const ELIBACC: number = errnos.ELIBACC;
/** Accessing a corrupted shared library. `<errno.h>` */
export const ELIBBAD: number = errnos.ELIBBAD;
/** .lib section in a.out corrupted. `<errno.h>` */
export const ELIBSCN: number = errnos.ELIBSCN;
/** Attempting to link in too many shared libraries. `<errno.h>` */
export const ELIBMAX: number = errnos.ELIBMAX;
/** Cannot exec a shared library directly. `<errno.h>` */
export const ELIBEXEC: number = errnos.ELIBEXEC;
/** Invalid or incomplete multibyte or wide character. `<errno.h>` */
export const EILSEQ: number = errnos.EILSEQ;
/** Interrupted system call should be restarted. `<errno.h>` */
export const ERESTART: number = errnos.ERESTART;
/** Streams pipe error. `<errno.h>` */
export const ESTRPIPE: number = errnos.ESTRPIPE;
/** Too many users. `<errno.h>` */
export const EUSERS: number = errnos.EUSERS;
/** Socket operation on non-socket. `<errno.h>` */
export const ENOTSOCK: number = errnos.ENOTSOCK;
/** Destination address required. `<errno.h>` */
export const EDESTADDRREQ: number = errnos.EDESTADDRREQ;
/** Message too long. `<errno.h>` */
export const EMSGSIZE: number = errnos.EMSGSIZE;
/** Protocol wrong type for socket. `<errno.h>` */
export const EPROTOTYPE: number = errnos.EPROTOTYPE;
/** Protocol not available. `<errno.h>` */
export const ENOPROTOOPT: number = errnos.ENOPROTOOPT;
/** Protocol not supported. `<errno.h>` */
export const EPROTONOSUPPORT: number = errnos.EPROTONOSUPPORT;
/** Socket type not supported. `<errno.h>` */
export const ESOCKTNOSUPPORT: number = errnos.ESOCKTNOSUPPORT;
/** Operation not supported. `<errno.h>` */
export const ENOTSUP: number = errnos.ENOTSUP;
/** Protocol family not supported. `<errno.h>` */
export const EPFNOSUPPORT: number = errnos.EPFNOSUPPORT;
/** Address family not supported by protocol. `<errno.h>` */
export const EAFNOSUPPORT: number = errnos.EAFNOSUPPORT;
/** Address already in use. `<errno.h>` */
export const EADDRINUSE: number = errnos.EADDRINUSE;
/** Cannot assign requested address. `<errno.h>` */
export const EADDRNOTAVAIL: number = errnos.EADDRNOTAVAIL;
/** Network is down. `<errno.h>` */
export const ENETDOWN: number = errnos.ENETDOWN;
/** Network is unreachable. `<errno.h>` */
export const ENETUNREACH: number = errnos.ENETUNREACH;
/** Network dropped connection on reset. `<errno.h>` */
export const ENETRESET: number = errnos.ENETRESET;
/** Software caused connection abort. `<errno.h>` */
export const ECONNABORTED: number = errnos.ECONNABORTED;
/** Connection reset by peer. `<errno.h>` */
export const ECONNRESET: number = errnos.ECONNRESET;
/** No buffer space available. `<errno.h>` */
export const ENOBUFS: number = errnos.ENOBUFS;
/** Transport endpoint is already connected. `<errno.h>` */
export const EISCONN: number = errnos.EISCONN;
/** Transport endpoint is not connected. `<errno.h>` */
export const ENOTCONN: number = errnos.ENOTCONN;
/** Cannot send after transport endpoint shutdown. `<errno.h>` */
export const ESHUTDOWN: number = errnos.ESHUTDOWN;
/** Too many references: cannot splice. `<errno.h>` */
export const ETOOMANYREFS: number = errnos.ETOOMANYREFS;
/** Connection timed out. `<errno.h>` */
export const ETIMEDOUT: number = errnos.ETIMEDOUT;
/** Connection refused. `<errno.h>` */
export const ECONNREFUSED: number = errnos.ECONNREFUSED;
/** Host is down. `<errno.h>` */
export const EHOSTDOWN: number = errnos.EHOSTDOWN;
/** No route to host. `<errno.h>` */
export const EHOSTUNREACH: number = errnos.EHOSTUNREACH;
/** Operation already in progress. `<errno.h>` */
export const EALREADY: number = errnos.EALREADY;
/** Operation now in progress. `<errno.h>` */
export const EINPROGRESS: number = errnos.EINPROGRESS;
/** Stale file handle. `<errno.h>` */
export const ESTALE: number = errnos.ESTALE;
/** Structure needs cleaning. `<errno.h>` */
export const EUCLEAN: number = errnos.EUCLEAN;
/** Not a XENIX named type file. `<errno.h>` */
export const ENOTNAM: number = errnos.ENOTNAM;
/** No XENIX semaphores available. `<errno.h>` */
export const ENAVAIL: number = errnos.ENAVAIL;
/** Is a named type file. `<errno.h>` */
export const EISNAM: number = errnos.EISNAM;
/** Remote I/O error. `<errno.h>` */
export const EREMOTEIO: number = errnos.EREMOTEIO;
/** Disk quota exceeded. `<errno.h>` */
export const EDQUOT: number = errnos.EDQUOT;
/** No medium found. `<errno.h>` */
export const ENOMEDIUM: number = errnos.ENOMEDIUM;
/** Wrong medium type. `<errno.h>` */
export const EMEDIUMTYPE: number = errnos.EMEDIUMTYPE;
/** Operation canceled. `<errno.h>` */
export const ECANCELED: number = errnos.ECANCELED;
/** Required key not available. `<errno.h>` */
export const ENOKEY: number = errnos.ENOKEY;
/** Key has expired. `<errno.h>` */
export const EKEYEXPIRED: number = errnos.EKEYEXPIRED;
/** Key has been revoked. `<errno.h>` */
export const EKEYREVOKED: number = errnos.EKEYREVOKED;
/** Key was rejected by service. `<errno.h>` */
export const EKEYREJECTED: number = errnos.EKEYREJECTED;
/** Owner died. `<errno.h>` */
export const EOWNERDEAD: number = errnos.EOWNERDEAD;
/** State not recoverable. `<errno.h>` */
export const ENOTRECOVERABLE: number = errnos.ENOTRECOVERABLE;
/** Operation not possible due to RF-kill. `<errno.h>` */
export const ERFKILL: number = errnos.ERFKILL;
/** Memory page has hardware error. `<errno.h>` */
export const EHWPOISON: number = errnos.EHWPOISON;
/** The same as EAGAIN here: a call on a non-blocking descriptor would block. `<errno.h>` */
export const EWOULDBLOCK: number = errnos.EAGAIN;
/** Operation not supported on a socket; on Linux and FreeBSD the same as ENOTSUP. `<errno.h>` */
export const EOPNOTSUPP: number = errnos.EOPNOTSUPP === -1 ? errnos.ENOTSUP : errnos.EOPNOTSUPP;
