/**
 * How strace(1) prints a call's arguments: flags by name, structs field by field, bytes as strings
 * cut at 32, arrays too. What the kernel fills in is printed as it is after the call, or as an
 * address where the call failed. `tests/trace_test.ts` holds every line against strace's own;
 * `docs/tracing.md` lists what differs.
 *
 * @module
 */

import { epoll_event } from "../epoll.ts";
import { errnoName } from "../errno.ts";
import { kevent } from "../kqueue.ts";
import { CMSG_LEN, type Cmsghdr, cmsghdr, msghdr } from "../msghdr.ts";
import { platform } from "../platform.ts";
import { pollfd } from "../poll.ts";
import { fd_set } from "../select.ts";
import { sockaddr, sockaddr_in, sockaddr_in6, sockaddr_un } from "../sockaddr.ts";
import { timespec, timeval } from "../time.ts";
import { IO_URING_ARGUMENTS } from "./io_uring.ts";

/**
 * A call as it was made, memory as plain bytes. `before` are its arguments with small arrays
 * copied, since the kernel overwrites some.
 */
export interface Call {
  readonly args: readonly Argument[];
  readonly before: readonly Argument[];
  readonly result: number;
}

/** What a decoder is given of an argument. */
export type Argument = Uint8Array | number | null;
type Decoder = (call: Call) => (string | number)[];

const LIMIT = 32; // of bytes in a string, and of elements in an array
const C: Readonly<Record<string, number>> = platform.constants;

/** The arguments of each call. A call that is not here has only numbers. */
export const ARGUMENTS: Readonly<Record<string, Decoder>> = {
  ...IO_URING_ARGUMENTS,
  epoll_create1: ({ args: [flags] }) => [bits(flags, "EPOLL_CLOEXEC")],
  epoll_ctl: ({ args: [epfd, op, fd, event] }) => [
    int(epfd),
    name(op, "EPOLL_CTL_ADD", "EPOLL_CTL_DEL", "EPOLL_CTL_MOD"),
    int(fd),
    event === null || op === C.EPOLL_CTL_DEL ? address(event) : epollEvent(bytes(event), 0),
  ],
  epoll_wait: (call) => [...epollWait(call), int(call.args[3])],
  epoll_pwait2: (call) => [...epollWait(call), time(call.args[3], "nsec"), "NULL", 8],
  kevent: (
    { args: [kq, , nchanges, eventlist, nevents, timeout], before: [, changelist], result },
  ) => [
    int(kq),
    changelist === null ? "NULL" : kevents(changelist, int(nchanges)),
    int(nchanges),
    eventlist === null ? "NULL" : result === -1 ? address(eventlist) : kevents(eventlist, result),
    int(nevents),
    time(timeout, "nsec"),
  ],
  poll: ({ args: [fds, nfds, timeout] }) => [pollfds(fds, nfds), int(nfds), int(timeout)],
  ppoll: ({ args: [fds, nfds, timeout] }) => [
    pollfds(fds, nfds),
    int(nfds),
    time(timeout, "nsec"),
    "NULL",
    8,
  ],
  select: ({ args: [nfds], before: [, read, write, except, timeout] }) => [
    int(nfds),
    fdSet(read, int(nfds)),
    fdSet(write, int(nfds)),
    fdSet(except, int(nfds)),
    time(timeout, "usec"),
  ],
  eventfd: ({ args: [initval, flags] }) => [
    int(initval),
    bits(flags, "EFD_SEMAPHORE", "EFD_CLOEXEC", "EFD_NONBLOCK"),
  ],
  pipe: ({ args: [fds], result }) => [twoInts(fds, result)],
  pipe2: ({ args: [fds, flags], result }) => [
    twoInts(fds, result),
    bits(flags, "O_NONBLOCK", "O_CLOEXEC"),
  ],
  dup3: ({ args: [oldfd, newfd, flags] }) => [int(oldfd), int(newfd), bits(flags, "O_CLOEXEC")],
  fcntl: ({ args: [fd, cmd, arg] }) => {
    const command = name(cmd, ...FCNTL_COMMANDS);
    if (command === "F_GETFD" || command === "F_GETFL") return [int(fd), command];
    if (command === "F_SETFD") return [int(fd), command, bits(arg, "FD_CLOEXEC")];
    if (command === "F_SETFL") return [int(fd), command, statusFlags(int(arg))];
    return [int(fd), command, int(arg)];
  },
  open: ({ args: [path, flags, mode] }) => [
    quoted(bytes(path).subarray(0, -1)),
    statusFlags(int(flags)),
    ...(int(flags) & C.O_CREAT! ? [`0${int(mode).toString(8).padStart(2, "0")}`] : []),
  ],
  read: ({ args: [fd, buf, count], result }) => [int(fd), received(buf, result), int(count)],
  write: ({ args: [fd, buf, count] }) => [int(fd), string(buf, int(count)), int(count)],
  socket: ({ args: [domain, type, protocol] }) => socketArguments(domain, type, protocol),
  socketpair: ({ args: [domain, type, protocol, fds], result }) => [
    ...socketArguments(domain, type, protocol).slice(0, 2),
    int(protocol),
    twoInts(fds, result),
  ],
  bind: ({ args: [fd, addr, length] }) => [int(fd), socketAddress(addr, int(length)), int(length)],
  connect: (
    { args: [fd, addr, length] },
  ) => [int(fd), socketAddress(addr, int(length)), int(length)],
  accept: (call) => accepted(call, 1, 2),
  accept4: (call) => [...accepted(call, 1, 2), bits(call.args[3], "SOCK_CLOEXEC", "SOCK_NONBLOCK")],
  getsockname: (call) => accepted(call, 1, 2),
  getpeername: (call) => accepted(call, 1, 2),
  recv: ({ args: [fd, buf, size, flags], result }) => [
    int(fd),
    received(buf, result),
    int(size),
    messageFlags(flags),
  ],
  recvfrom: (call) => {
    const [fd, buf, size, flags] = call.args;
    const address = accepted(call, 4, 5).slice(1);
    return [int(fd), received(buf!, call.result), int(size), messageFlags(flags), ...address];
  },
  send: ({ args: [fd, buf, size, flags] }) => [
    int(fd),
    string(buf, int(size)),
    int(size),
    messageFlags(flags),
  ],
  sendto: ({ args: [fd, buf, size, flags, addr, length] }) => [
    int(fd),
    string(buf, int(size)),
    int(size),
    messageFlags(flags),
    addr === null ? "NULL" : socketAddress(addr, int(length)),
    int(length),
  ],
  sendmsg: ({ args: [fd, msg, flags] }) => [
    int(fd),
    message(bytes(msg), bytes(msg), Infinity),
    messageFlags(flags),
  ],
  recvmsg: ({ args: [fd, msg, flags], before: [, given], result }) => [
    int(fd),
    result === -1
      ? `{msg_namelen=${msghdr.read(bytes(given)).msg_namelen}}`
      : message(bytes(msg), bytes(given), result),
    messageFlags(flags),
  ],
  getsockopt: ({ args: [fd, level, option, value, length], before, result }) => [
    int(fd),
    optionLevel(level),
    optionName(int(level), option),
    result === -1 ? address(value) : optionValue(level, option, value, firstInt(length)),
    lengthAfter(before[4], length, result),
  ],
  setsockopt: ({ args: [fd, level, option, value, length] }) => [
    int(fd),
    optionLevel(level),
    optionName(int(level), option),
    optionValue(level, option, value, int(length)),
    int(length),
  ],
  getaddrinfo: ({ args: [node, service, hints] }) => [
    node === null ? "NULL" : string(node, bytes(node).length - 1),
    service === null ? "NULL" : string(service, bytes(service).length - 1),
    hints === null
      ? "NULL"
      : `{ai_family=${name(firstInt(bytes(hints).subarray(4)), ...FAMILIES)}}`,
    "[…]",
  ],
  ioctlsocket: ({ args: [fd, cmd, argp] }) => [
    int(fd),
    name(cmd, "FIONBIO"),
    `[${firstInt(argp)}]`,
  ],
  SetHandleInformation: ({ args: [fd, mask, flags] }) => [
    int(fd),
    bits(mask, "HANDLE_FLAG_INHERIT"),
    bits(flags, "HANDLE_FLAG_INHERIT"),
  ],
  shutdown: ({ args: [fd, how] }) => [int(fd), name(how, "SHUT_RD", "SHUT_WR", "SHUT_RDWR")],
};

/** What strace adds behind the result. */
export function resultNote(call: string, { args, before, result }: Call): string {
  if (call === "fcntl" && result !== -1) {
    if (args[1] === C.F_GETFL) return ` (flags ${statusFlags(result)})`;
    if (args[1] === C.F_GETFD && result !== 0) return ` (flags ${bits(result, "FD_CLOEXEC")})`;
  }
  if ((call === "poll" || call === "ppoll") && result >= 0) {
    if (result === 0) return " (Timeout)";
    const ready = eachPollfd(args[0], args[1]).filter(({ revents }) => revents !== 0);
    return ` (${list(ready, ({ fd, revents }) => `{fd=${fd}, revents=${pollBits(revents)}}`)})`;
  }
  if (call === "select" && result >= 0) {
    if (result === 0) return " (Timeout)";
    const nfds = int(args[0]);
    const sets = ["in", "out", "exc"].map((set, i) => [set, fdSet(args[i + 1], nfds)]);
    const found = sets.filter(([, fds]) => fds !== "NULL" && fds !== "[]").map((set) =>
      set.join(" ")
    );
    if (before[4] !== null) found.push(`left ${time(args[4], "usec")}`);
    return ` (${found.join(", ")})`;
  }
  return "";
}

/** Whether a call's result is printed in hexadecimal, as that of F_GETFL is. */
export function resultText(call: string, { args, result }: Call): string {
  const isFlags = call === "fcntl" && (args[1] === C.F_GETFL || args[1] === C.F_GETFD);
  return isFlags && result > 0 ? `0x${result.toString(16)}` : `${result}`;
}

const SA_DATA = 2; // offsetof(struct sockaddr, sa_data)
const FAMILIES = ["AF_UNSPEC", "AF_UNIX", "AF_INET", "AF_INET6"];
const FCNTL_COMMANDS = ["F_DUPFD", "F_GETFD", "F_SETFD", "F_GETFL", "F_SETFL", "F_DUPFD_CLOEXEC"];

function int(value: Argument | undefined): number {
  return value as number;
}

function bytes(memory: Argument | undefined): Uint8Array {
  return memory as Uint8Array;
}

/** The first int of an array. */
function firstInt(memory: Argument | undefined): number {
  const { buffer, byteOffset, byteLength } = bytes(memory);
  return new DataView(buffer, byteOffset, byteLength).getInt32(0, true);
}

/** The name of the one constant that has this value. */
function name(value: Argument | undefined, ...names: string[]): string {
  return names.find((name) => C[name] === value) ?? unknown(value, names);
}

/**
 * The names of all constants that are in `value`, joined with `|`; what has no name in hexadecimal;
 * 0 for none.
 */
function bits(value: Argument | undefined, ...names: string[]): string {
  let rest = int(value) >>> 0;
  const found: string[] = [];
  for (const name of names) {
    const bit = C[name]! >>> 0;
    if (bit === 0 || (rest & bit) >>> 0 !== bit) continue;
    found.push(name);
    rest = (rest & ~bit) >>> 0;
  }
  if (rest !== 0) found.push(found.length > 0 ? hexadecimal(rest) : unknown(rest, names));
  return found.join("|") || "0";
}

/** `0x7 /* SHUT_??? *\/`: a value that has no name, with what the names of its kind begin with. */
function unknown(value: Argument | undefined, [first]: string[]): string {
  const prefix = first === undefined ? "" : /^(.*_|E?POLL|)/.exec(first)![0];
  return prefix === "" ? hexadecimal(int(value)) : `${hexadecimal(int(value))} /* ${prefix}??? */`;
}

/** `[1, 2, …]` */
function list<T>(elements: T[], print: (element: T) => string): string {
  const printed = elements.slice(0, LIMIT).map(print);
  if (elements.length > LIMIT) printed.push("...");
  return `[${printed.join(", ")}]`;
}

/** The offsets of `count` structs of this size that follow each other. */
function offsets(count: number, size: number): number[] {
  return Array.from({ length: count }, (_, i) => i * size);
}

function hexadecimal(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}

function epollEvent(memory: Uint8Array, offset: number): string {
  const { events, data } = epoll_event.read(memory, offset);
  return `{events=${epollBits(events)}, data={u32=${Number(data & 0xffffffffn)}, u64=${data}}}`;
}

function epollWait({ args: [epfd, events, maxevents], result }: Call): (string | number)[] {
  if (result === -1) return [int(epfd), address(events), int(maxevents)];
  const memory = bytes(events);
  const found = list(offsets(result, epoll_event.size), (offset) => epollEvent(memory, offset));
  return [int(epfd), found, int(maxevents)];
}

function epollBits(events: number): string {
  // deno-fmt-ignore
  return bits(events, "EPOLLIN", "EPOLLPRI", "EPOLLOUT", "EPOLLRDNORM", "EPOLLRDBAND", "EPOLLWRNORM", "EPOLLWRBAND",
    "EPOLLMSG", "EPOLLERR", "EPOLLHUP", "EPOLLRDHUP", "EPOLLEXCLUSIVE", "EPOLLWAKEUP", "EPOLLONESHOT", "EPOLLET");
}

function kevents(events: Argument | undefined, count: number): string {
  const memory = bytes(events);
  return list(offsets(count, kevent.size), (offset) => {
    const { ident, filter, flags, fflags, data, udata } = kevent.read(memory, offset);
    const what = name(filter, ...Object.keys(C).filter((name) => name.startsWith("EVFILT_")));
    return `{ident=${ident}, filter=${what}, flags=${eventFlags(flags)}, ` +
      `fflags=${hexadecimal(fflags)}, data=${data}, udata=${hexadecimal(Number(udata))}}`;
  });
}

function eventFlags(flags: number): string {
  // deno-fmt-ignore
  return bits(flags, "EV_ADD", "EV_DELETE", "EV_ENABLE", "EV_DISABLE", "EV_ONESHOT", "EV_CLEAR", "EV_RECEIPT", "EV_DISPATCH",
    "EV_EOF", "EV_ERROR");
}

function eachPollfd(fds: Argument | undefined, nfds: Argument | undefined) {
  const memory = bytes(fds);
  return offsets(int(nfds), pollfd.size).map((offset) => pollfd.read(memory, offset));
}

function pollfds(fds: Argument | undefined, nfds: Argument | undefined): string {
  if (address(fds) === "NULL") return "NULL"; // as an array without elements arrives
  return list(eachPollfd(fds, nfds), ({ fd, events }) => {
    return fd < 0 ? `{fd=${fd}}` : `{fd=${fd}, events=${pollBits(events)}}`;
  });
}

function pollBits(events: number): string {
  // deno-fmt-ignore
  return bits(events & 0xffff, "POLLIN", "POLLPRI", "POLLOUT", "POLLRDNORM", "POLLRDBAND", "POLLWRNORM", "POLLWRBAND",
    "POLLERR", "POLLHUP", "POLLNVAL", "POLLRDHUP");
}

function fdSet(set: Argument | undefined, nfds: number): string {
  if (set === null || set === undefined) return "NULL";
  const memory = bytes(set);
  if (platform.isWinsock) return `[${sockets(memory).join(" ")}]`;
  const fds: number[] = [];
  for (let fd = 0; fd < nfds; fd++) if (memory[fd >> 3]! & (1 << (fd & 7))) fds.push(fd);
  return `[${fds.join(" ")}]`;
}

/** What Windows' fd_set lists. */
function sockets(set: Uint8Array): number[] {
  const [count] = new Uint32Array(set.slice(0, 4).buffer);
  const { fd_array } = fd_set;
  const list = new BigInt64Array(set.slice(fd_array, fd_array + count! * 8).buffer);
  return Array.from(list, Number);
}

function time(memory: Argument | undefined, unit: "nsec" | "usec"): string {
  if (memory === null || memory === undefined) return "NULL";
  const [seconds, fraction] = Object.values(
    (unit === "nsec" ? timespec : timeval).read(bytes(memory)),
  );
  return `{tv_sec=${seconds}, tv_${unit}=${fraction}}`;
}

function twoInts(fds: Argument | undefined, result: number): string {
  if (result === -1) return address(fds);
  const [first, second] = new Int32Array(bytes(fds).slice(0, 8).buffer);
  return `[${first}, ${second}]`;
}

function socketArguments(
  domain: Argument | undefined,
  type: Argument | undefined,
  protocol: Argument | undefined,
) {
  const flags = C.SOCK_CLOEXEC! | C.SOCK_NONBLOCK!;
  const kind = name(int(type) & ~flags, "SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW", "SOCK_SEQPACKET");
  const modifiers = bits(int(type) & flags, "SOCK_CLOEXEC", "SOCK_NONBLOCK");
  const isInternet = domain === C.AF_INET || domain === C.AF_INET6;
  return [
    name(domain, ...FAMILIES),
    modifiers === "0" ? kind : `${kind}|${modifiers}`,
    isInternet ? name(protocol, "IPPROTO_IP", "IPPROTO_TCP", "IPPROTO_UDP") : int(protocol),
  ];
}

function socketAddress(memory: Argument | undefined, length: number): string {
  if (length < SA_DATA) return address(memory);
  const addr = bytes(memory);
  const family = sockaddr.read(addr).sa_family;
  if (family === C.AF_INET && length >= sockaddr_in.size) {
    const { sin_port, sin_addr } = sockaddr_in.read(addr);
    return `{sa_family=AF_INET, sin_port=htons(${sin_port}), sin_addr=inet_addr("${sin_addr}")}`;
  }
  if (family === C.AF_INET6 && length >= sockaddr_in6.size) {
    const { sin6_port, sin6_flowinfo, sin6_addr, sin6_scope_id } = sockaddr_in6.read(addr);
    return `{sa_family=AF_INET6, sin6_port=htons(${sin6_port}), sin6_flowinfo=htonl(${sin6_flowinfo}), ` +
      `inet_pton(AF_INET6, "${sin6_addr}", &sin6_addr), sin6_scope_id=${sin6_scope_id}}`;
  }
  if (family === C.AF_UNIX) {
    if (length === SA_DATA) return "{sa_family=AF_UNIX}";
    const { sun_path } = sockaddr_un.read(addr, 0, Math.min(length, sockaddr_un.size));
    const isAbstract = sun_path.startsWith("\0");
    const path = new TextEncoder().encode(isAbstract ? sun_path.slice(1) : sun_path);
    return `{sa_family=AF_UNIX, sun_path=${isAbstract ? "@" : ""}${quoted(path)}}`;
  }
  const data = string(addr.subarray(SA_DATA), length - SA_DATA);
  return `{sa_family=${name(family, ...FAMILIES)}, sa_data=${data}}`;
}

/** A struct msghdr: as it is, as it was given, and how many bytes of its arrays to show. */
function message(after: Uint8Array, given: Uint8Array, size: number): string {
  const { msg_name, msg_namelen, msg_iov, msg_iovlen, ...control } = msghdr.read(after);
  const room = msghdr.read(given).msg_namelen;
  let left = size;
  const arrays = list(msg_iov, ({ iov_base, iov_len }) => {
    const shown = Math.min(left, iov_len);
    left -= shown;
    const data = quoted(memoryAt(iov_base, Math.min(shown, LIMIT))) + (shown > LIMIT ? "..." : "");
    return `{iov_base=${iov_base === 0n ? "NULL" : data}, iov_len=${iov_len}}`;
  });
  const name = memoryAt(msg_name, Math.min(msg_namelen, room));
  const messages = cmsghdr.read(memoryAt(control.msg_control, control.msg_controllen));
  return "{" + [
    `msg_name=${name.length > 0 ? socketAddress(name, name.length) : pointer(msg_name)}`,
    `msg_namelen=${room === msg_namelen ? room : `${room} => ${msg_namelen}`}`,
    `msg_iov=${arrays}`,
    `msg_iovlen=${msg_iovlen}`,
    ...(messages.length > 0 ? [`msg_control=${list(messages, controlMessage)}`] : []),
    `msg_controllen=${control.msg_controllen}`,
    `msg_flags=${messageFlags(control.msg_flags)}`,
  ].join(", ") + "}";
}

function controlMessage({ cmsg_level, cmsg_type, cmsg_data }: Cmsghdr): string {
  const data = controlData(cmsg_level, cmsg_type, cmsg_data);
  return `{cmsg_len=${CMSG_LEN(cmsg_data.length)}, cmsg_level=${controlLevel(cmsg_level)}, ` +
    `cmsg_type=${controlType(cmsg_level, cmsg_type)}${data === "" ? "" : `, cmsg_data=${data}`}}`;
}

function controlLevel(level: number): string {
  const known = optionLevel(level);
  return known.startsWith("0x") ? `${known} /* SOL_??? */` : known;
}

function controlType(level: number, type: number): string {
  if (level === C.IPPROTO_IP) return optionName(level, type);
  if (level !== C.SOL_SOCKET) return hexadecimal(type);
  return name(type, "SCM_RIGHTS", "SCM_CREDENTIALS", "SCM_CREDS", "SCM_TIMESTAMPNS");
}

function controlData(level: number, type: number, data: Uint8Array): string {
  const ints = new Int32Array(data.slice(0, data.length & ~3).buffer);
  if (level === C.IPPROTO_IP) return ints.length === 1 ? `[${ints[0]}]` : "";
  if (level !== C.SOL_SOCKET) return "";
  if (type === C.SCM_RIGHTS) return list([...ints], String);
  if (type === C.SCM_TIMESTAMPNS && data.length === timespec.size) return time(data, "nsec");
  if (type !== C.SCM_CREDENTIALS || ints.length !== 3) return "";
  return `{pid=${ints[0]}, uid=${ints[1]! >>> 0}, gid=${ints[2]! >>> 0}}`;
}

/** A copy of what a struct msghdr points to. */
function memoryAt(address: bigint, length: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(address === 0n ? 0 : length);
  const pointer = Deno.UnsafePointer.create(address);
  if (pointer !== null && copy.length > 0) new Deno.UnsafePointerView(pointer).copyInto(copy);
  return copy;
}

/** The descriptor, and an address that the kernel filled in with its length. */
function accepted(
  { args, before, result }: Call,
  at: number,
  lengthAt: number,
): (string | number)[] {
  const [fd] = args;
  if (args[at] === null) return [int(fd), "NULL", "NULL"];
  // The kernel gives the whole length, also if it had room for less.
  const length = Math.min(firstInt(before[lengthAt]), firstInt(args[lengthAt]));
  return [
    int(fd),
    result === -1 ? address(args[at]) : socketAddress(args[at], length),
    lengthAfter(before[lengthAt], args[lengthAt], result),
  ];
}

/** `[16]`, or `[128 => 16]` where the kernel changed it. */
function lengthAfter(
  before: Argument | undefined,
  after: Argument | undefined,
  result: number,
): string {
  const given = firstInt(before);
  const left = firstInt(after);
  return result === -1 || given === left ? `[${given}]` : `[${given} => ${left}]`;
}

function optionLevel(level: Argument | undefined): string {
  if (level === C.SOL_SOCKET) return "SOL_SOCKET";
  if (level === C.IPPROTO_TCP) return "SOL_TCP";
  if (level === C.IPPROTO_IPV6) return "SOL_IPV6";
  return level === C.IPPROTO_IP ? "SOL_IP" : hexadecimal(int(level));
}

function optionName(level: number, option: Argument | undefined): string {
  const prefix = { SOL_SOCKET: "SO_", SOL_TCP: "TCP_", SOL_IP: "IP_", SOL_IPV6: "IPV6_" }[
    optionLevel(level)
  ];
  if (prefix === undefined) return hexadecimal(int(option));
  return name(option, ...Object.keys(C).filter((name) => name.startsWith(prefix)));
}

function optionValue(
  level: Argument | undefined,
  option: Argument | undefined,
  value: Argument | undefined,
  length: number,
): string {
  if (length < 4) return address(value);
  const first = firstInt(value);
  const isOfSocket = level === C.SOL_SOCKET;
  if (isOfSocket && option === C.SO_LINGER && length === 8) {
    return `{l_onoff=${first}, l_linger=${firstInt(bytes(value).subarray(4))}}`;
  }
  if (isOfSocket && option === C.SO_ERROR) return `[${first === 0 ? 0 : errnoName(first!)}]`;
  return length === 4 ? `[${first}]` : string(value, length);
}

function messageFlags(flags: Argument | undefined): string {
  // deno-fmt-ignore
  return bits(flags, "MSG_OOB", "MSG_PEEK", "MSG_DONTROUTE", "MSG_CTRUNC", "MSG_TRUNC", "MSG_DONTWAIT", "MSG_EOR",
    "MSG_WAITALL", "MSG_ERRQUEUE", "MSG_NOSIGNAL", "MSG_MORE", "MSG_CMSG_CLOEXEC");
}

function statusFlags(flags: number): string {
  const access = ["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"][flags & 3]!;
  // deno-fmt-ignore
  const others = bits(flags & ~3, "O_CREAT", "O_EXCL", "O_NOCTTY", "O_TRUNC", "O_APPEND", "O_NONBLOCK", "O_DIRECTORY",
    "O_CLOEXEC");
  return others === "0" ? access : `${access}|${others}`;
}

function received(buf: Argument | undefined, result: number): string {
  return result === -1 ? address(buf) : string(buf, result);
}

/** Bytes as a C string; `...` where it goes on. */
function string(buf: Argument | undefined, length: number): string {
  if (address(buf) === "NULL") return "NULL"; // as an array without elements arrives
  const shown = bytes(buf).subarray(0, Math.min(length, LIMIT));
  return quoted(shown) + (length > LIMIT ? "..." : "");
}

function quoted(bytes: Uint8Array): string {
  let text = "";
  bytes.forEach((byte, i) => text += escapeByte(byte, bytes[i + 1]));
  return `"${text}"`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\v",
  "\f": "\\f",
  "\r": "\\r",
  '"': '\\"',
  "\\": "\\\\",
};

function escapeByte(byte: number, next: number | undefined): string {
  const character = String.fromCharCode(byte);
  if (character in ESCAPES) return ESCAPES[character]!;
  if (byte >= 0x20 && byte < 0x7f) return character;
  // As short as it can be said: all three digits only where an octal digit follows.
  const isBeforeDigit = next !== undefined && next >= 0x30 && next <= 0x37;
  return `\\${byte.toString(8).padStart(isBeforeDigit ? 3 : 1, "0")}`;
}

function address(memory: Argument | undefined): string {
  if (memory === null || memory === undefined) return "NULL";
  try {
    const { of, value } = Deno.UnsafePointer;
    return pointer(value(of(memory as Uint8Array<ArrayBuffer>)));
  } catch {
    return "0x…"; // the program has given up the permission
  }
}

function pointer(address: bigint): string {
  return address === 0n ? "NULL" : `0x${address.toString(16)}`;
}
