/**
 * The public names and their types. The functions below use each name as documented and are never
 * called: the test is that they compile. A name or type that changes breaks the build.
 */

import { assertEquals } from "@std/assert";
import * as ffi from "../ffi/mod.ts";
import * as main from "../mod.ts";
import type {
  Address,
  ByteStream,
  FileObject,
  InetAddress,
  OsError,
  OtherAddress,
  ReadyEvent,
  RegisterOptions,
  SelectorKey,
  SyscallRecord,
  TriggerMode,
  UnixAddress,
} from "../mod.ts";
import { type Completion, type Operation, Ring } from "../ring/mod.ts";

/** Compiles where the types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;
function same<A, B>(_: Same<A, B>): void {}

const { DefaultSelector, Descriptor, Socket, Waker } = main;
type Selector = main.BaseSelector<string, main.Socket>;
type Signal = { signal?: AbortSignal };

function _constants() {
  same<typeof main.EVENT_READ, 1>(true);
  same<typeof main.EVENT_WRITE, 2>(true);
  same<typeof main.EVENT_PRIORITY, 4>(true);
  same<typeof main.EVENT_HANGUP, 8>(true);
  same<FileObject, number | { fileno(): number }>(true);
  same<TriggerMode, "level" | "edge" | "oneshot">(true);
  const numbers: number[] = [
    main.AF_INET,
    main.AF_INET6,
    main.AF_UNIX,
    main.SOCK_STREAM,
    main.SOCK_DGRAM,
    main.SOCK_SEQPACKET,
    main.SOCK_RAW,
  ];
  return numbers;
}

function _selector(selector: Selector, socket: main.Socket, options: RegisterOptions) {
  const classes: (new () => main.BaseSelector<string, main.Socket>)[] = [
    main.SelectSelector<string, main.Socket>,
    main.PollSelector<string, main.Socket>,
    main.EpollSelector<string, main.Socket>,
    main.KqueueSelector<string, main.Socket>,
    main.DefaultSelector<string, main.Socket>,
  ];
  const supported: boolean[] = [
    main.BaseSelector.isSupported(),
    main.EpollSelector.isSupported(),
    DefaultSelector.isSupported(),
  ];
  const byDefault: main.DefaultSelector<string, main.Socket> = new DefaultSelector();
  const fds: number[] = [new main.EpollSelector().fileno(), new main.KqueueSelector().fileno()];
  new main.KqueueSelector({ library: "libkqueue.so.0" });

  const key: SelectorKey<string, main.Socket> = selector.register(socket, 1, "data", options);
  same<typeof key.fileobj, main.Socket>(true);
  same<typeof key.data, string>(true);
  const parts: [number, number, TriggerMode] = [key.fd, key.events, key.mode];
  const removed: SelectorKey<string, main.Socket> = selector.unregister(socket);
  const modified: SelectorKey<string, main.Socket> = selector.modify(socket, 1, "data", options);
  selector.register(socket, 1, "data", { mode: "edge" });

  const events: ReadyEvent<string, main.Socket>[] = selector.select(null, 10);
  selector.select();
  selector.select(0);
  for (const [{ data, fileobj }, mask] of events) same<typeof data, string>(true), [fileobj, mask];
  const pending: Promise<ReadyEvent<string, main.Socket>[]> = selector.selectAsync({
    timeout: null,
    signal: new AbortController().signal,
    maxEvents: 10,
  });
  const iterator: AsyncIterator<ReadyEvent<string, main.Socket>> = selector[Symbol.asyncIterator]();

  selector.wakeup();
  const waker: main.Waker = selector.waker;
  const found: SelectorKey<string, main.Socket> = selector.getKey(socket);
  const map: ReadonlyMap<FileObject, SelectorKey<string, main.Socket>> = selector.getMap();
  const closed: boolean = selector.closed;
  selector.close();
  selector[Symbol.dispose]();

  // Without type arguments Data is undefined, and options are not taken for data.
  const plain = new DefaultSelector();
  const plainKey: SelectorKey<undefined, number> = plain.register(3, 1);
  plain.register(3, 1, undefined, { mode: "oneshot" });
  // @ts-expect-error options where data belongs
  plain.register(3, 1, { mode: "oneshot" });
  // @ts-expect-error data may be left out only where Data admits undefined
  selector.register(socket, 1);
  const rest = [waker, found, map, closed, plainKey];
  return [classes, supported, byDefault, fds, parts, removed, modified, pending, iterator, rest];
}

function _waker() {
  using waker = new Waker();
  const fd: number = new Waker(waker.fd).fd;
  waker.wake();
  waker.close();
  return fd;
}

function _ready(socket: main.Socket, options: Signal) {
  const waits: Promise<void>[] = [main.readable(0, options), main.writable(socket)];
  const accepted: Promise<main.Socket> = main.readable(socket, () => socket.accept(), options);
  const sent: Promise<number> = main.writable(socket, () => socket.send(new Uint8Array(1)));
  return { waits, accepted, sent };
}

function _addresses(address: Address) {
  const inet: InetAddress = { hostname: "::1", port: 0 };
  const unix: UnixAddress = { path: "\0name" };
  const other: OtherAddress = { family: 16, data: new Uint8Array(10) };
  same<Address, InetAddress | UnixAddress | OtherAddress>(true);
  return [inet, unix, other, address];
}

function _byteStream(stream: ByteStream, options: Signal) {
  const read: Promise<number | null> = stream.read(new Uint8Array(1), options);
  const written: Promise<number> = stream.write(new Uint8Array(1), options);
  const readable: ReadableStream<Uint8Array<ArrayBuffer>> = stream.readable;
  const writable: WritableStream<Uint8Array> = stream.writable;
  readable.getReader({ mode: "byob" });
  return { read, written, readable, writable };
}

function _descriptor() {
  using descriptor = new Descriptor(3);
  const opened: main.Descriptor = Descriptor.open(new URL("file:///dev/null"), ffi.O_RDWR, 0o600);
  const stream: ByteStream = opened;
  const fds: number[] = [descriptor.fileno(), descriptor.detach()];
  const counts: (number | null)[] = [
    descriptor.tryRead(new Uint8Array(1)),
    descriptor.tryWrite(new Uint8Array(1)),
  ];
  const closed: boolean = descriptor.closed;
  descriptor.close();
  return { stream, fds, counts, closed };
}

async function _socket(bytes: Uint8Array, address: Address, options: Signal) {
  using socket = new Socket(main.AF_INET, main.SOCK_STREAM, 0);
  const stream: ByteStream = new Socket();
  const sockets: main.Socket[] = [
    Socket.createServer(address),
    Socket.createServer(address, { type: 1, backlog: 1, reusePort: true, dualStack: false }),
    await Socket.createConnection(address),
    await Socket.createConnection(address, { ...options, localAddress: address }),
    Socket.fromFd(3),
    Socket.fromFd(3, { closeOnExec: false }),
    ...Socket.pair(main.SOCK_DGRAM),
  ];
  for await (const connection of socket) sockets.push(connection);
  const iterator: AsyncIterableIterator<main.Socket> = socket[Symbol.asyncIterator]();

  const numbers: number[] = [socket.family, socket.type, socket.fileno(), socket.detach()];
  const flags: boolean[] = [socket.blocking, socket.closed, socket.connect(address)];
  socket.setBlocking(false);
  socket.bind(address);
  socket.listen();
  socket.listen(10);
  socket.shutdown("read"), socket.shutdown("write"), socket.shutdown("both");
  socket.close();
  const accepted: main.Socket | null = socket.accept();
  const error: OsError | null = socket.takeError();
  const received: (Uint8Array | null)[] = [socket.recv(1), socket.recv(1, 0)];
  const counts: (number | null)[] = [
    socket.recvInto(bytes, 0),
    socket.send(bytes, 0),
    socket.sendTo(bytes, address, 0),
    socket.sendMsg(bytes),
    socket.sendMsg([bytes], {
      fds: [1],
      control: [{ level: 1, type: 1, data: bytes }],
      address,
      flags: 0,
    }),
  ];
  const datagram: { data: Uint8Array; address: Address } | null = socket.recvFrom(1, 0);
  const message = socket.recvMsg(1, { maxFds: 1, controlSize: 100, flags: 0 });
  if (message !== null) {
    const parts: [Uint8Array, number[], boolean, boolean, Address | undefined] = [
      message.data,
      message.fds,
      message.truncated,
      message.controlTruncated,
      message.address,
    ];
    for (const { level, type, data } of message.control) numbers.push(level, type, data.length);
    parts.length;
  }
  const addresses: Address[] = [socket.localAddress, socket.remoteAddress];
  socket.setOption(1, 1, 1);
  socket.setOption(1, 1, bytes);
  const option: number = socket.getOption(1, 1);
  const struct: Uint8Array = socket.getOption(1, 1, 8);
  const rest = [option, struct];
  return [stream, iterator, flags, accepted, error, received, counts, datagram, addresses, rest];
}

function _errors(value: unknown) {
  if (!main.isOsError(value)) return;
  same<typeof value, OsError>(true);
  const parts: [string, number, string] = [value.code, value.errno, value.syscall];
  return parts;
}

function _trace() {
  using _all = main.traceSyscalls();
  using _some = main.traceSyscalls((call: SyscallRecord) => {
    const parts: [string, readonly string[], number, string | undefined, number, string] = [
      call.name,
      call.args,
      call.result,
      call.error,
      call.duration,
      call.toString(),
    ];
    parts.length;
  });
}

async function _ring(socket: main.Socket, bytes: Uint8Array, address: Address) {
  using ring = new Ring<string>();
  const others = [new Ring(), new Ring({ entries: 8, buffers: 8, bufferSize: 4096 })];
  same<(typeof others)[0], Ring<undefined>>(true);
  const flags: boolean[] = [Ring.isSupported(), ring.closed];
  const operations: Operation[] = [
    ring.accept(socket, "data"),
    ring.recv(3, "data"),
    ring.send(socket, bytes, "data"),
    ring.read(3, 1, 0, "data"),
    ring.write(3, bytes, 0, "data"),
    ring.connect(socket, address, "data"),
    ring.poll(3, main.EVENT_READ, "data"),
  ];
  operations[0]!.cancel();
  const completions: Completion<string>[] = ring.wait(null);
  ring.wait();
  completions.push(...await ring.waitAsync());
  const { signal } = new AbortController();
  const pending: Promise<Completion<string>[]> = ring.waitAsync({ timeout: 1, signal });
  for await (const completion of ring) {
    using _released = completion;
    const parts: [string, number, OsError | null, Uint8Array, boolean] = [
      completion.data,
      completion.result,
      completion.error,
      completion.bytes,
      completion.more,
    ];
    ring.send(parts[1], completion, "data");
    completion.release();
  }
  ring.wakeup();
  const waker: main.Waker = ring.waker;
  ring.close();
  ring[Symbol.dispose]();
  return [flags, pending, waker];
}

/** What users of sockets and waits look for in the `ffi` module: calls, codecs, constants. */
const CALLS =
  "epoll_create1 epoll_ctl epoll_wait epoll_pwait2 kqueue kevent poll select eventfd pipe socket " +
  "socketpair bind listen accept accept4 connect recv recvfrom send sendto getsockname " +
  "getpeername getsockopt setsockopt shutdown fcntl read write close getaddrinfo errno open " +
  "sendmsg recvmsg io_uring_setup io_uring_enter io_uring_register";
const CODECS =
  "epoll_event kevent pollfd fd_set timeval timespec sockaddr_in sockaddr_in6 sockaddr_un";
const CONSTANTS = "AF_INET SOCK_STREAM SOL_SOCKET SO_REUSEADDR EPOLLIN EV_ADD EVFILT_READ POLLIN " +
  "AF_NETLINK AF_PACKET AF_VSOCK AF_CAN AF_BLUETOOTH IPPROTO_ICMP IPPROTO_ICMPV6 IPPROTO_RAW " +
  "IP_TTL IP_TOS IP_PKTINFO IP_TRANSPARENT IP_ADD_MEMBERSHIP IP_DROP_MEMBERSHIP IP_MULTICAST_IF " +
  "IP_MULTICAST_TTL IP_MULTICAST_LOOP IPV6_JOIN_GROUP IPV6_LEAVE_GROUP IPV6_MULTICAST_IF " +
  "IPV6_MULTICAST_HOPS IPV6_MULTICAST_LOOP IPV6_RECVPKTINFO TCP_KEEPIDLE TCP_KEEPINTVL " +
  "TCP_KEEPCNT TCP_USER_TIMEOUT TCP_FASTOPEN TCP_CORK TCP_QUICKACK TCP_DEFER_ACCEPT " +
  "TCP_CONGESTION TCP_INFO SO_PEERCRED SO_PASSCRED SO_BINDTODEVICE SO_MARK SO_TIMESTAMPNS " +
  "SCM_RIGHTS SCM_CREDENTIALS MSG_CTRUNC MSG_CMSG_CLOEXEC MSG_MORE MSG_ERRQUEUE O_NOCTTY O_CREAT " +
  "O_EXCL O_TRUNC O_APPEND O_DIRECTORY";

Deno.test("The ffi module has its calls, codecs and constants under their C names", () => {
  const exported: Record<string, unknown> = ffi;
  assertEquals(CALLS.split(" ").filter((name) => typeof exported[name] !== "function"), []);
  assertEquals(CONSTANTS.split(" ").filter((name) => typeof exported[name] !== "number"), []);
  assertEquals(CODECS.split(" ").filter((name) => !Object.isFrozen(exported[name] ?? {})), []);
});
