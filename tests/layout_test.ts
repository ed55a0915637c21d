/**
 * Compares constants, errno numbers, struct layouts and error messages with the C compiler of the
 * machine: makes one C program from our tables, and compiles it once.
 */

import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { constants as kqueueConstants } from "../ffi/libkqueue.ts";
import { constants, errnos } from "../ffi/platforms/linux.ts";
import * as ioUringConstants from "../ffi/io_uring_constants.ts";
import * as ffi from "../ffi/mod.ts";
import { msghdr } from "../ffi/msghdr.ts";
import { eaiName } from "../ffi/netdb.ts";
import "./helpers/descriptors.ts";
import { hasCommand, run } from "./helpers/programs.ts";

const CC = Deno.env.get("CC") ?? "cc";
const missing = Deno.build.os !== "linux"
  ? `it is about Linux, and this is ${Deno.build.os}`
  : hasCommand(CC)
  ? undefined
  : `no C compiler: ${CC} is not there`;
const isMusl = Deno.env.get("SELECTORS_EMULATOR") === "musl";
const notGlibc = Deno.build.target.endsWith("-gnu") && !isMusl
  ? undefined
  : "the sentences are glibc's, and this is not glibc";

const HEADERS = [
  "arpa/inet.h",
  "errno.h",
  "fcntl.h",
  "limits.h",
  "netdb.h",
  "netinet/in.h",
  "netinet/tcp.h",
  "poll.h",
  "stddef.h",
  "stdio.h",
  "string.h",
  "sys/epoll.h",
  "sys/eventfd.h",
  "sys/select.h",
  "sys/socket.h",
  "sys/time.h",
  "sys/un.h",
  "time.h",
  "unistd.h",
];

/** The structs by their C names, with the number of fields in our codecs. */
const STRUCTS = {
  "struct epoll_event": [ffi.epoll_event, 2],
  "struct pollfd": [ffi.pollfd, 3],
  "fd_set": [ffi.fd_set, 0],
  "struct timeval": [ffi.timeval, 2],
  "struct timespec": [ffi.timespec, 2],
  "struct sockaddr_in": [ffi.sockaddr_in, 3],
  "struct sockaddr_in6": [ffi.sockaddr_in6, 5],
  "struct sockaddr_un": [ffi.sockaddr_un, 2],
  "struct sockaddr_storage": [ffi.sockaddr_storage, 0],
  "struct addrinfo": [ffi.addrinfo, 8],
  "struct cmsghdr": [ffi.cmsghdr, 3],
  "struct msghdr": [msghdr, 7],
} as const;

/** A struct that C fills, and the bytes that our codec writes for the same values. */
const FILLED: { c: string; bytes: Uint8Array }[] = [
  {
    c: "struct epoll_event v; memset(&v, 0, sizeof v);" +
      "v.events = EPOLLIN | EPOLLET; v.data.u64 = 0xfedcba9876543210;",
    bytes: written(ffi.epoll_event.size, (memory) =>
      ffi.epoll_event.write(memory, {
        events: ffi.EPOLLIN + ffi.EPOLLET,
        data: 0xfedcba9876543210n,
      })),
  },
  {
    c: "struct pollfd v = { .fd = -2, .events = POLLIN | POLLRDHUP, .revents = -3 };",
    bytes: written(
      ffi.pollfd.size,
      (memory) =>
        ffi.pollfd.write(memory, { fd: -2, events: ffi.POLLIN | ffi.POLLRDHUP, revents: -3 }),
    ),
  },
  {
    c: "struct timeval v = { .tv_sec = -5, .tv_usec = 999999 };",
    bytes: written(
      ffi.timeval.size,
      (memory) => ffi.timeval.write(memory, { tv_sec: -5, tv_usec: 999999 }),
    ),
  },
  {
    c: "struct timespec v = { .tv_sec = 0x123456789a, .tv_nsec = 999999999 };",
    bytes: written(
      ffi.timespec.size,
      (memory) => ffi.timespec.write(memory, { tv_sec: 0x123456789a, tv_nsec: 999999999 }),
    ),
  },
  {
    c: "struct sockaddr_in v; memset(&v, 0, sizeof v); v.sin_family = AF_INET;" +
      'v.sin_port = htons(8888); inet_pton(AF_INET, "127.1.2.3", &v.sin_addr);',
    bytes: written(ffi.sockaddr_in.size, (memory) =>
      ffi.sockaddr_in.write(memory, {
        sin_family: ffi.AF_INET,
        sin_port: 8888,
        sin_addr: "127.1.2.3",
      })),
  },
  {
    c: "struct sockaddr_in6 v; memset(&v, 0, sizeof v); v.sin6_family = AF_INET6;" +
      "v.sin6_port = htons(8888); v.sin6_flowinfo = htonl(0x12345); v.sin6_scope_id = 7;" +
      'inet_pton(AF_INET6, "fe80::1:2", &v.sin6_addr);',
    bytes: written(ffi.sockaddr_in6.size, (memory) =>
      ffi.sockaddr_in6.write(memory, {
        sin6_family: ffi.AF_INET6,
        sin6_port: 8888,
        sin6_flowinfo: 0x12345,
        sin6_addr: "fe80::1:2",
        sin6_scope_id: 7,
      })),
  },
  {
    c: "struct sockaddr_un v; memset(&v, 0, sizeof v); v.sun_family = AF_UNIX;" +
      'strcpy(v.sun_path, "/tmp/a name");',
    bytes: written(
      ffi.sockaddr_un.size,
      (memory) =>
        ffi.sockaddr_un.write(memory, { sun_family: ffi.AF_UNIX, sun_path: "/tmp/a name" }),
    ),
  },
  {
    c: "fd_set v; FD_ZERO(&v); FD_SET(0, &v); FD_SET(63, &v); FD_SET(64, &v); FD_SET(70, &v);" +
      "FD_SET(1023, &v); FD_CLR(70, &v);",
    bytes: written(ffi.fd_set.size, (memory) => {
      ffi.FD_ZERO(memory);
      for (const fd of [0, 63, 64, 70, 1023]) ffi.FD_SET(fd, memory);
      ffi.FD_CLR(70, memory);
    }),
  },
  {
    c: "struct addrinfo v; memset(&v, 0, sizeof v); v.ai_flags = AI_PASSIVE;" +
      "v.ai_family = AF_INET6; v.ai_socktype = SOCK_DGRAM; v.ai_protocol = IPPROTO_UDP;",
    bytes: ffi.addrinfo.hints({
      ai_flags: ffi.AI_PASSIVE,
      ai_family: ffi.AF_INET6,
      ai_socktype: ffi.SOCK_DGRAM,
      ai_protocol: ffi.IPPROTO_UDP,
    }),
  },
  {
    c: "char v[CMSG_SPACE(12) + CMSG_SPACE(5)]; memset(v, 0, sizeof v);" +
      "struct msghdr m = { .msg_control = v, .msg_controllen = sizeof v };" +
      "struct cmsghdr *h = CMSG_FIRSTHDR(&m); int fds[] = { 3, 258, -1 };" +
      "h->cmsg_len = CMSG_LEN(12); h->cmsg_level = SOL_SOCKET; h->cmsg_type = SCM_RIGHTS;" +
      "memcpy(CMSG_DATA(h), fds, 12); h = CMSG_NXTHDR(&m, h);" +
      "h->cmsg_len = CMSG_LEN(5); h->cmsg_level = -2; h->cmsg_type = 9;" +
      'memcpy(CMSG_DATA(h), "hello", 5);',
    bytes: ffi.cmsghdr.write([
      {
        cmsg_level: ffi.SOL_SOCKET,
        cmsg_type: ffi.SCM_RIGHTS,
        cmsg_data: new Uint8Array(Int32Array.of(3, 258, -1).buffer),
      },
      { cmsg_level: -2, cmsg_type: 9, cmsg_data: new TextEncoder().encode("hello") },
    ]),
  },
];

/** The C names of the numbers in our tables, and their values. */
const tables = { ...known(constants), ...known(errnos) };

/**
 * The numbers that `./ffi` exports under C names. They include more than the tables: EWOULDBLOCK is
 * another name of EAGAIN. Those of kqueue(2) are in no header of Linux.
 */
const exported = known(
  Object.fromEntries(
    Object.entries(ffi).filter(([name]) =>
      /^[A-Z][A-Z0-9_]*$/.test(name) && !(name in kqueueConstants) &&
      !(name in ioUringConstants) // io_uring_layout_test.ts
    ),
  ),
);

const layouts = Object.fromEntries(
  Object.entries(STRUCTS).flatMap(([type, [codec]]) => {
    const offsets: Readonly<Record<string, number>> = "offsets" in codec ? codec.offsets : {};
    return [
      [`sizeof(${type})`, codec.size],
      ...Object.entries(offsets).map(([field, at]) => [`offsetof(${type}, ${field})`, at]),
    ];
  }),
) as Record<string, number>;

/** 0 is success, 41 and 58 are unused, 133 is the last errno of Linux. */
const ERRNUMS = [-1, ...Array(141).keys(), 9999];

let answers: Promise<Map<string, string>> | undefined;

test("Every constant is what the headers say", async () => {
  assertGreaterOrEqual(await compare(known(constants)), 100);
});

test("Every errno number is what <errno.h> says", async () => {
  assertGreaterOrEqual(await compare(known(errnos)), 130);
});

test("Every constant that ./ffi exports is what the headers say", async () => {
  assertGreaterOrEqual(await compare(exported), 230);
});

test("Every constant of the tables is exported under its own name", () => {
  const names = Object.keys(tables).filter((name) => !isAbsent(tables[name]));
  assertGreaterOrEqual(names.length, 230);
  assertEquals(names.filter((name) => exported[name] !== tables[name]), []);
});

test("Every struct has the size and the offsets that the compiler gives it", async () => {
  for (const [type, [codec, fields]] of Object.entries(STRUCTS)) {
    assertEquals("offsets" in codec ? Object.keys(codec.offsets).length : 0, fields, type);
  }
  assertEquals(await compare(layouts), 12 + 37);
});

test("Every codec writes the bytes that C writes, signs and byte orders included", async () => {
  const said = await ask();
  FILLED.forEach(({ c, bytes }, i) => assertEquals(hex(bytes), said.get(`filled ${i}`), c));
});

test("Every errno has glibc's sentence", async () => {
  const numbers = Object.values(known(errnos));
  assertGreaterOrEqual(numbers.length, 130);
  await compareSentences(numbers);
}, notGlibc);

test(
  "Every number has the sentence that glibc has for it, whether it is an errno or none",
  async () => {
    await compareSentences(ERRNUMS);
  },
  notGlibc,
);

test("Every EAI_ code has glibc's sentence", async () => {
  const said = await ask();
  const codes = Object.keys(known(constants)).filter((name) => name.startsWith("EAI_"));
  assertGreaterOrEqual(codes.length, 12);
  for (const name of codes) {
    const code = tables[name]!;
    assertEquals(ffi.gai_strerror(code), said.get(`gai_strerror ${code}`), name);
    assertEquals(eaiName(code), name);
  }
}, notGlibc);

/** A test that needs the compiler; without one it is left out, with the reason. */
function test(fact: string, fn: () => void | Promise<void>, unless?: string): void {
  const reason = missing ?? unless;
  Deno.test({
    name: reason === undefined ? fact : `${fact} (left out: ${reason})`,
    ignore: reason !== undefined,
    fn,
  });
}

/** The rows with numbers: some name a constant that the platform lacks, without a number. */
function known(table: Readonly<Record<string, unknown>>): Record<string, number> {
  const rows = Object.entries(table).filter(([, value]) => typeof value === "number");
  return Object.fromEntries(rows) as Record<string, number>;
}

/** The values of a constant that the platform lacks: no bits, or no number. */
function isAbsent(figure: number | undefined): boolean {
  return figure === undefined || figure === 0 || figure === -1;
}

/** Compares numbers with those of the compiler, and returns how many the compiler knew. */
async function compare(figures: Record<string, number>): Promise<number> {
  const said = await ask();
  const wrong: string[] = [];
  let compared = 0;
  for (const [name, figure] of Object.entries(figures)) {
    const answer = said.get(name);
    assert(answer !== undefined, `${name} was not asked`);
    if (answer === "unknown" && isAbsent(figure)) continue;
    if (isMusl && name === "SOMAXCONN") continue; // 128 there; the kernel has a limit of its own
    compared++;
    if (answer !== String(figure)) wrong.push(`${name}: ${figure} here, ${answer} in C`);
  }
  assertEquals(wrong, []);
  return compared;
}

/** Compares the messages of some error numbers with those of the C library. */
async function compareSentences(numbers: readonly number[]): Promise<void> {
  const said = await ask();
  const wrong = numbers.filter((errnum) => ffi.strerror(errnum) !== said.get(`strerror ${errnum}`))
    .map((errnum) =>
      `${errnum}: "${ffi.strerror(errnum)}" here, "${said.get(`strerror ${errnum}`)}" in C`
    );
  assertEquals(wrong, []);
}

/** All answers of the C program, by question. The first test that asks compiles it. */
function ask(): Promise<Map<string, string>> {
  return answers ??= compileAndRun();
}

async function compileAndRun(): Promise<Map<string, string>> {
  const folder = await Deno.makeTempDir({ prefix: "layout_test_" });
  try {
    const [source, program] = [`${folder}/layout.c`, `${folder}/layout`];
    await Deno.writeTextFile(source, sourceCode());
    const compiled = await run(CC, ["-Wall", "-Werror", "-o", program, source]);
    assertEquals(compiled.code, 0, compiled.stderr);
    const { code, stdout, stderr } = await run(program, []);
    assertEquals(code, 0, stderr);
    const lines = stdout.trimEnd().split("\n").map((line) => line.split("\t") as [string, string]);
    return new Map(lines);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function sourceCode(): string {
  const eaiCodes = Object.entries(known(constants)).filter(([name]) => name.startsWith("EAI_"));
  return [
    "#define _GNU_SOURCE",
    ...HEADERS.map((header) => `#include <${header}>`),
    "static void dump(const char *name, const void *bytes, size_t size) {",
    '  printf("%s\\t", name);',
    '  for (size_t i = 0; i < size; i++) printf("%02x", ((const unsigned char *) bytes)[i]);',
    '  printf("\\n");',
    "}",
    "int main(void) {",
    ...Object.keys({ ...tables, ...exported }).flatMap((name) => [
      // The headers define a macro for each enumerator, so #ifdef works.
      `#ifdef ${name}`,
      `  printf("${name}\\t%lld\\n", (long long) ${name});`,
      "#else",
      `  printf("${name}\\tunknown\\n");`,
      "#endif",
    ]),
    ...Object.keys(layouts).map((name) => `  printf("${name}\\t%zu\\n", (size_t) ${name});`),
    ...FILLED.map(({ c }, i) => `  { ${c} dump("filled ${i}", &v, sizeof v); }`),
    ...ERRNUMS.map((errnum) => `  printf("strerror ${errnum}\\t%s\\n", strerror(${errnum}));`),
    ...eaiCodes.map(([, code]) =>
      `  printf("gai_strerror ${code}\\t%s\\n", gai_strerror(${code}));`
    ),
    "  return 0;",
    "}",
    "",
  ].join("\n");
}

function written(size: number, write: (memory: Uint8Array) => void): Uint8Array {
  const memory = new Uint8Array(size);
  if (Deno.build.os === "linux") write(memory);
  return memory;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
