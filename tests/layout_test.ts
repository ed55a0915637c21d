/**
 * Layouts, constants and errno numbers against the C compiler of the machine: a C program is made of our tables, and prints
 * what its headers say.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { errnoName, strerror } from "../ffi/mod.ts";
import * as ffi from "../ffi/mod.ts";
import { constants, errnos } from "../ffi/linux.ts";
import "./descriptors.ts";
import { hasCommand, run } from "./programs.ts";

const CC = Deno.env.get("CC") ?? "cc";
const isGlibc = Deno.build.target.endsWith("-gnu");
const ignore = Deno.build.os !== "linux" || !hasCommand(CC);
const reason = ignore ? " (left out: it needs Linux and a C compiler)" : "";

const HEADERS = [
  "arpa/inet.h",
  "errno.h",
  "fcntl.h",
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
];

const STRUCTS = {
  "struct epoll_event": ffi.epoll_event,
  "struct pollfd": ffi.pollfd,
  "fd_set": ffi.fd_set,
  "struct timeval": ffi.timeval,
  "struct timespec": ffi.timespec,
  "struct sockaddr_in": ffi.sockaddr_in,
  "struct sockaddr_in6": ffi.sockaddr_in6,
  "struct sockaddr_un": ffi.sockaddr_un,
  "struct sockaddr_storage": ffi.sockaddr_storage,
  "struct addrinfo": ffi.addrinfo,
} as const;

/** What a C program that prints these expressions says, line by line. */
async function askC(expressions: { format: string; expression: string }[]): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  try {
    const source = `${folder}/layout.c`;
    await Deno.writeTextFile(
      source,
      [
        "#define _GNU_SOURCE",
        ...HEADERS.map((header) => `#include <${header}>`),
        "int main(void) {",
        ...expressions.map(({ format, expression }) => `printf("${format}\\n", ${expression});`),
        "}",
      ].join("\n"),
    );
    const compiled = await run(CC, ["-Wall", "-o", `${folder}/layout`, source]);
    assertEquals(compiled.code, 0, compiled.stderr);
    const { stdout } = await run(`${folder}/layout`, []);
    return stdout.trimEnd().split("\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Numbers by what they are called, as C has them. */
async function numbersOf(names: string[]): Promise<Record<string, number>> {
  const lines = await askC(
    names.map((name) => ({ format: "%lld", expression: `(long long)${name}` })),
  );
  return Object.fromEntries(names.map((name, i) => [name, Number(lines[i])]));
}

Deno.test({
  name: `Every constant is what the headers say${reason}`,
  ignore,
  async fn() {
    const names = Object.keys(constants);
    assertGreater(names.length, 100);
    assertEquals(await numbersOf(names), { ...constants });
  },
});

Deno.test({
  name: `Every errno is what <errno.h> says${reason}`,
  ignore,
  async fn() {
    const names = Object.keys(errnos);
    assertGreater(names.length, 120);
    assertEquals(await numbersOf(names), { ...errnos });
  },
});

Deno.test({
  name: `Every errno has glibc's sentence${isGlibc ? reason : " (left out: not glibc)"}`,
  ignore: ignore || !isGlibc,
  async fn() {
    const numbers = Object.values(errnos);
    const sentences = await askC(
      numbers.map((number) => ({ format: "%s", expression: `strerror(${number})` })),
    );
    assertEquals(numbers.map((number) => strerror(number)), sentences);
    assertEquals(strerror(9999), "Unknown error 9999");
    assertEquals(errnoName(9999), "E9999");
  },
});

for (const [type, codec] of Object.entries(STRUCTS)) {
  Deno.test({
    name: `${type} has its size and the offsets of its fields from the headers${reason}`,
    ignore,
    async fn() {
      const offsets: Readonly<Record<string, number>> = "offsets" in codec ? codec.offsets : {};
      const expected = Object.fromEntries(
        Object.entries(offsets).map(([field, offset]) => [`offsetof(${type}, ${field})`, offset]),
      );
      expected[`sizeof(${type})`] = codec.size;
      assertEquals(await numbersOf(Object.keys(expected)), expected);
    },
  });
}

Deno.test({
  name: "Every constant and errno of the platform is exported under its name",
  ignore: Deno.build.os !== "linux",
  fn() {
    const exported: Readonly<Record<string, unknown>> = ffi;
    const known: Readonly<Record<string, number>> = { ...constants, ...errnos };
    for (const [name, value] of Object.entries(known)) assertEquals(exported[name], value, name);
  },
});
