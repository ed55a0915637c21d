/**
 * The constants and structs of ffi/io_uring.ts against the C compiler and <linux/io_uring.h>. What
 * the installed header is too old for is held against `fixtures/headers/io_uring.h`.
 */

import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import * as constants from "../ffi/io_uring_constants.ts";
import * as ffi from "../ffi/mod.ts";
import { hasCommand, path, run } from "./helpers/programs.ts";

const CC = Deno.env.get("CC") ?? "cc";
const HEADER = "/usr/include/linux/io_uring.h";
const missing = Deno.build.os !== "linux"
  ? "it is about Linux"
  : !hasCommand(CC)
  ? `there is no C compiler ${CC}`
  : (await Deno.stat(HEADER).catch(() => undefined)) === undefined
  ? `there is no ${HEADER}`
  : undefined;

const STRUCTS: Readonly<Record<string, ffi.Struct<never>>> = {
  io_uring_sqe: ffi.io_uring_sqe,
  io_uring_cqe: ffi.io_uring_cqe,
  io_sqring_offsets: ffi.io_sqring_offsets,
  io_cqring_offsets: ffi.io_cqring_offsets,
  io_uring_params: ffi.io_uring_params,
  io_uring_getevents_arg: ffi.io_uring_getevents_arg,
  io_uring_buf: ffi.io_uring_buf,
  io_uring_buf_ring: ffi.io_uring_buf_ring,
  io_uring_buf_reg: ffi.io_uring_buf_reg,
  io_uring_probe: ffi.io_uring_probe,
  io_uring_probe_op: ffi.io_uring_probe_op,
  io_uring_sync_cancel_reg: ffi.io_uring_sync_cancel_reg,
} as unknown as Record<string, ffi.Struct<never>>;

/** Fields that older headers call otherwise. */
const RENAMED: Readonly<Record<string, string>> = {
  "io_uring_buf_reg.flags": "pad",
  "io_uring_getevents_arg.min_wait_usec": "pad",
};

test("Every constant of io_uring is what <linux/io_uring.h> says", async () => {
  const names = Object.keys(constants);
  const header = await Deno.readTextFile(HEADER);
  const known = names.filter((name) => new RegExp(`\\b${name}\\b`).test(header));
  const newer = names.filter((name) => !known.includes(name));
  const table = await Deno.readTextFile(path("tests/fixtures/headers/io_uring.h"));
  const facts = Object.fromEntries(
    [...table.matchAll(/^#define (\w+) (\S+)/gm)].map(([, name, value]) => [name, Number(value)]),
  );
  const said = await compiled(known.map((name) => `printf("%lld\\n", (long long) (${name}));`));
  const expected: Record<string, number> = {};
  known.forEach((name, i) => expected[name] = Number(said[i]));
  for (const name of newer) expected[name] = facts[name]!;
  const values = constants as Readonly<Record<string, number>>;
  assertEquals(Object.fromEntries(names.map((name) => [name, values[name]])), expected);
  assertGreaterOrEqual(known.length, 120);
});

test("Every struct of io_uring has the size and the offsets that the compiler gives it", async () => {
  const header = await Deno.readTextFile(HEADER);
  const figures = Object.entries(STRUCTS).flatMap(([type, codec]) => [
    [`sizeof(struct ${type})`, codec.size] as const,
    ...Object.entries<number>(codec.offsets).map(([field, at]) => {
      const isOld = !new RegExp(`\\b${field}\\b`).test(header);
      const name = isOld || field === "flags" ? RENAMED[`${type}.${field}`] ?? field : field;
      const isOldFlags = type === "io_uring_buf_reg" && field === "flags" &&
        /struct io_uring_buf_reg \{[^}]*\bflags\b/.test(header);
      return [`offsetof(struct ${type}, ${isOldFlags ? field : name})`, at] as const;
    }),
  ]);
  const said = await compiled(figures.map(([name]) => `printf("%zu\\n", (size_t) ${name});`));
  assertEquals(
    figures.map(([name], i) => [name, Number(said[i])]),
    figures.map(([name, value]) => [name, value]),
  );
});

test("A codec of io_uring writes what C writes, and nothing into reserved fields", async () => {
  const sqe = new Uint8Array(64).fill(0xff);
  ffi.io_uring_sqe.write(sqe, {
    opcode: ffi.IORING_OP_SEND,
    flags: ffi.IOSQE_ASYNC,
    ioprio: 0x1234,
    fd: -2,
    off: 0xfedcba9876543210n,
    addr: 0x123456789abcdef0n,
    len: 0x89abcdef,
    rw_flags: 0x4100,
    user_data: 0xf00df00df00df00dn,
    buf_index: 7,
    personality: 8,
    splice_fd_in: -9,
    addr3: 10n,
  });
  const [hex] = await compiled([
    "struct io_uring_sqe v; memset(&v, 0, sizeof v);",
    "v.opcode = IORING_OP_SEND; v.flags = IOSQE_ASYNC; v.ioprio = 0x1234; v.fd = -2;",
    "v.off = 0xfedcba9876543210; v.addr = 0x123456789abcdef0; v.len = 0x89abcdef;",
    "v.rw_flags = 0x4100; v.user_data = 0xf00df00df00df00d; v.buf_index = 7;",
    "v.personality = 8; v.splice_fd_in = -9; v.addr3 = 10;",
    'for (size_t i = 0; i < sizeof v; i++) printf("%02x", ((unsigned char *) &v)[i]);',
  ]);
  assertEquals(sqe.toHex(), hex);
});

/** The lines that a C program with these statements prints. */
async function compiled(statements: readonly string[]): Promise<string[]> {
  const folder = await Deno.makeTempDir({ prefix: "io_uring_layout_test_" });
  try {
    const source = [
      "#include <linux/io_uring.h>",
      "#include <linux/time_types.h>",
      "#include <stddef.h>",
      "#include <stdio.h>",
      "#include <string.h>",
      "int main(void) {",
      ...statements,
      "}",
    ];
    await Deno.writeTextFile(`${folder}/layout.c`, source.join("\n") + "\n");
    const { code, stderr } = await run(CC, ["-o", `${folder}/layout`, `${folder}/layout.c`]);
    assertEquals(code, 0, stderr);
    return (await run(`${folder}/layout`, [])).stdout.trimEnd().split("\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function test(fact: string, fn: () => Promise<void>): void {
  const name = missing === undefined ? fact : `${fact} (left out: ${missing})`;
  Deno.test({ name, ignore: missing !== undefined, fn });
}
