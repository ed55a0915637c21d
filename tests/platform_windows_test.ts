/**
 * The Windows table and layouts: compares them with mingw's headers if its compiler is installed
 * (Debian: gcc-mingw-w64-x86-64-win32), and on Windows tests the codecs. `platform_tables_test.ts`
 * has the numbers for machines without that compiler.
 */

import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as ffi from "../ffi/mod.ts";
import { constants, errnos } from "../ffi/platforms/windows.ts";
import {
  DefaultSelector,
  EpollSelector,
  EVENT_WRITE,
  type InetAddress,
  KqueueSelector,
  PollSelector,
  Socket,
  traceSyscalls,
} from "../mod.ts";
import "./helpers/descriptors.ts";
import { hasCommand, run } from "./helpers/programs.ts";

const CC = "x86_64-w64-mingw32-gcc";
const HEADERS = ["winsock2.h", "ws2tcpip.h", "mswsock.h", "afunix.h", "windows.h", "stddef.h"];

/** POSIX names and their Winsock names. */
const RENAMED: Readonly<Record<string, string>> = {
  SHUT_RD: "SD_RECEIVE",
  SHUT_WR: "SD_SEND",
  SHUT_RDWR: "SD_BOTH",
  EAGAIN: "WSAEWOULDBLOCK",
  EPIPE: "WSAESHUTDOWN",
  ENOMEM: "WSA_NOT_ENOUGH_MEMORY",
  ECANCELED: "WSAECANCELLED",
};

/** Constants of Microsoft's SDK that mingw-w64 10.0.0 does not define. */
const NOT_IN_MINGW = [
  "TCP_KEEPIDLE",
  "TCP_KEEPALIVE",
  "TCP_KEEPINTVL",
  "TCP_KEEPCNT",
  "TCP_FASTOPEN",
];

/** C expressions and their expected values. */
const LAYOUTS: Readonly<Record<string, number>> = {
  "sizeof(WSAPOLLFD)": 16,
  "offsetof(WSAPOLLFD, fd)": 0,
  "offsetof(WSAPOLLFD, events)": 8,
  "offsetof(WSAPOLLFD, revents)": 10,
  "sizeof(SOCKET)": 8,
  "sizeof(fd_set)": 520,
  "offsetof(fd_set, fd_count)": 0,
  "offsetof(fd_set, fd_array)": 8,
  "sizeof(struct timeval)": 8,
  "offsetof(struct timeval, tv_usec)": 4,
  "sizeof(struct sockaddr_in)": 16,
  "offsetof(struct sockaddr_in, sin_family)": 0,
  "offsetof(struct sockaddr_in, sin_port)": 2,
  "offsetof(struct sockaddr_in, sin_addr)": 4,
  "sizeof(struct sockaddr_in6)": 28,
  "offsetof(struct sockaddr_in6, sin6_flowinfo)": 4,
  "offsetof(struct sockaddr_in6, sin6_addr)": 8,
  "offsetof(struct sockaddr_in6, sin6_scope_id)": 24,
  "sizeof(struct sockaddr_un)": 110,
  "offsetof(struct sockaddr_un, sun_path)": 2,
  "sizeof(struct sockaddr_storage)": 128,
  "sizeof(struct addrinfo)": 48,
  "offsetof(struct addrinfo, ai_flags)": 0,
  "offsetof(struct addrinfo, ai_family)": 4,
  "offsetof(struct addrinfo, ai_socktype)": 8,
  "offsetof(struct addrinfo, ai_protocol)": 12,
  "offsetof(struct addrinfo, ai_addrlen)": 16,
  "offsetof(struct addrinfo, ai_canonname)": 24,
  "offsetof(struct addrinfo, ai_addr)": 32,
  "offsetof(struct addrinfo, ai_next)": 40,
  "sizeof(WSADATA)": 408,
  "sizeof(WSAPROTOCOL_INFOW)": 628,
  "offsetof(WSAPROTOCOL_INFOW, iAddressFamily)": 76,
};

const isWindows = Deno.build.os === "windows";

/** A program that does not compile if a number is wrong, and names the number. */
function program(figures: readonly [expression: string, figure: number][]): string {
  return [
    ...HEADERS.map((header) => `#include <${header}>`),
    ...figures.map(([c, figure]) => {
      return `_Static_assert((long long)(${c}) == ${figure}LL, "${c} is not ${figure}");`;
    }),
  ].join("\n");
}

async function compile(source: string): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".c" });
  try {
    await Deno.writeTextFile(file, source);
    return (await run(CC, ["-fsyntax-only", "-D_WIN32_WINNT=0x0A00", file])).stderr;
  } finally {
    await Deno.remove(file);
  }
}

function figures(): [string, number][] {
  return [
    ...Object.entries<number>(constants).filter(([name]) => !NOT_IN_MINGW.includes(name))
      .map(([name, figure]): [string, number] => [RENAMED[name] ?? name, figure]),
    ...Object.entries<number>(errnos).map(([name, figure]): [string, number] => {
      return [RENAMED[name] ?? `WSA${name}`, figure];
    }),
    ...Object.entries(LAYOUTS),
  ];
}

Deno.test({
  name: "Every constant, errno number and layout of Windows is what mingw's headers say",
  ignore: !hasCommand(CC),
  async fn() {
    assertGreaterOrEqual(figures().length, 140);
    assertEquals(await compile(program(figures())), "");
    // A wrong number must be reported.
    const wrong = await compile(program([["WSAECONNRESET", 10055]]));
    assertStringIncludes(wrong, "WSAECONNRESET is not 10055");
  },
});

Deno.test("On Windows the codecs have the layouts of its headers", { ignore: !isWindows }, () => {
  const { pollfd, timeval, sockaddr_in, sockaddr_in6, sockaddr_un, addrinfo } = ffi;
  const codecs = { WSAPOLLFD: pollfd, fd_set: ffi.fd_set, "struct timeval": timeval };
  const addresses = { sockaddr_in, sockaddr_in6, sockaddr_un, addrinfo };
  const said: Record<string, number> = {};
  const all = {
    ...codecs,
    ...Object.fromEntries(Object.entries(addresses).map(([name, it]) => [`struct ${name}`, it])),
  };
  for (const [type, codec] of Object.entries(all)) {
    said[`sizeof(${type})`] = codec.size;
    if (!("offsets" in codec)) continue;
    for (const [field, at] of Object.entries(codec.offsets)) {
      said[`offsetof(${type}, ${field})`] = at;
    }
  }
  const known = Object.entries(said).filter(([c]) => c in LAYOUTS);
  assertGreaterOrEqual(known.length, 25);
  for (const [c, figure] of known) assertEquals(figure, LAYOUTS[c], c);
});

Deno.test("On Windows an fd_set is a list of sockets, which ends at FD_SETSIZE", {
  ignore: !isWindows,
}, () => {
  const set = new Uint8Array(ffi.fd_set.size);
  for (const fd of [400, 8, 400, 2 ** 31 - 1]) ffi.FD_SET(fd, set);
  assertEquals(new Uint32Array(set.buffer, 0, 1)[0], 3);
  assertEquals([...new BigUint64Array(set.buffer, 8, 3)], [400n, 8n, 2n ** 31n - 1n]);
  ffi.FD_CLR(400, set);
  assertEquals([400, 8, 2 ** 31 - 1, 4].map((fd) => ffi.FD_ISSET(fd, set)), [
    false,
    true,
    true,
    false,
  ]);
  ffi.FD_ZERO(set);
  for (let fd = 0; fd < ffi.FD_SETSIZE; fd++) ffi.FD_SET(fd * 4, set);
  assertThrows(() => ffi.FD_SET(4000, set), RangeError, "64 sockets");
});

Deno.test("On Windows the trace has Winsock's names", { ignore: !isWindows }, () => {
  const lines: string[] = [];
  {
    using _ = traceSyscalls((call) => lines.push(`${call}`));
    using socket = new Socket();
    socket.setBlocking(false);
    using selector = new PollSelector();
    selector.register(socket, EVENT_WRITE);
    selector.select(0);
  }
  for (
    const line of [
      /^socket\(AF_INET, SOCK_STREAM, IPPROTO_IP\) = \d+$/,
      /^SetHandleInformation\(\d+, HANDLE_FLAG_INHERIT, 0\) = 1$/,
      /^ioctlsocket\(\d+, FIONBIO, \[1\]\) = 0$/,
      /^WSAPoll\(\[{fd=\d+, events=POLLRDNORM}, {fd=\d+, events=POLLOUT}\], 2, 0\) = \d/,
      /^closesocket\(\d+\) = 0$/,
    ]
  ) assert(lines.some((traced) => line.test(traced)), `${line}\n${lines.join("\n")}`);
});

Deno.test("On Windows errno() is the failed call's, whatever V8 has asked the kernel for since", {
  ignore: !isWindows,
}, () => {
  const kernel32 = Deno.dlopen("kernel32.dll", {
    SetLastError: { parameters: ["u32"], result: "void" },
  });
  assertStrictEquals(ffi.close(-1), -1);
  kernel32.symbols.SetLastError(487); // ERROR_INVALID_ADDRESS
  assertStrictEquals(ffi.errno(), ffi.ENOTSOCK);
  kernel32.close();
});

Deno.test("On Windows the best selector is PollSelector, and epoll and kqueue are NotSupported", {
  ignore: !isWindows,
}, () => {
  using selector = new DefaultSelector();
  assertInstanceOf(selector, PollSelector);
  for (const Selector of [EpollSelector, KqueueSelector]) {
    assertEquals(Selector.isSupported(), false);
    assertThrows(() => new Selector(), Deno.errors.NotSupported);
  }
});

Deno.test(
  "On Windows Socket.pair() is of its own two sockets, though somebody else connects meanwhile",
  {
    ignore: !isWindows,
  },
  () => {
    const intruders: Socket[] = [];
    const listener = ({ name, args }: { name: string; args: readonly string[] }) => {
      if (name !== "listen") return;
      const address = new Uint8Array(ffi.sockaddr_in.size);
      ffi.getsockname(Number(args[0]), address, new Int32Array([address.length]));
      const { sin_addr, sin_port } = ffi.sockaddr_in.read(address);
      for (let i = 0; i < 3; i++) {
        const intruder = new Socket();
        intruder.connect({ hostname: sin_addr, port: sin_port });
        intruders.push(intruder);
      }
    };
    const [left, right] = (() => {
      using _ = traceSyscalls(listener);
      return Socket.pair();
    })();
    assertEquals(intruders.length, 3);
    assertEquals(right.remoteAddress as InetAddress, left.localAddress as InetAddress);
    for (const intruder of intruders) intruder.send(new Uint8Array([13]));
    left.send(new Uint8Array([1]));
    assertEquals(right.recv(16), new Uint8Array([1]));
    for (const socket of [left, right, ...intruders]) socket.close();
  },
);
