/**
 * How strace(1) prints the calls of <linux/io_uring.h>.
 *
 * @module
 */

import {
  io_uring_buf_reg,
  io_uring_params,
  io_uring_probe,
  io_uring_probe_op,
} from "../io_uring.ts";
import * as C from "../io_uring_constants.ts";

/** An argument or result of these calls; memory as plain bytes. */
type Argument = Uint8Array | number | bigint | object | null | undefined;

interface Call {
  readonly args: readonly Argument[];
  readonly before: readonly Argument[];
  readonly result: number;
}

// In the order of their numbers: a module's names are in alphabetical order.
const constants: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries<number>(C).sort(([, one], [, other]) => one - other),
);
const LIMIT = 32; // elements of an array

/** The arguments of each call. The number of the syscall, which is the first, is left out. */
export const IO_URING_ARGUMENTS: Readonly<Record<string, (call: Call) => (string | number)[]>> = {
  io_uring_setup: ({ args: [, entries, p], result }) => [
    Number(entries),
    params(p as Uint8Array, result),
  ],
  io_uring_enter: ({ args: [, fd, toSubmit, minComplete, flags, arg, size] }) => [
    Number(fd),
    Number(toSubmit),
    Number(minComplete),
    bits(Number(flags), "IORING_ENTER_"),
    address(arg),
    Number(size),
  ],
  io_uring_register: ({ args: [, fd, opcode, arg, count], before, result }) => {
    const name = named(Number(opcode), REGISTER_OPCODES, "IORING_REGISTER_");
    return [
      Number(fd),
      name,
      registered(name, { arg, before: before[3], count: Number(count), result }),
      Number(count),
    ];
  },
};

const REGISTER_OPCODES = Object.keys(constants).filter((name) => {
  return /^IORING_(UN)?REGISTER_/.test(name) &&
    name !== "IORING_REGISTER_USE_REGISTERED_RING" && name !== "IORING_REGISTER_FILES_SKIP";
});

function params(memory: Uint8Array, result: number): string {
  const p = io_uring_params.read(memory);
  const fields = [
    `flags=${bits(p.flags, "IORING_SETUP_")}`,
    `sq_thread_cpu=${p.sq_thread_cpu}`,
    `sq_thread_idle=${p.sq_thread_idle}`,
  ];
  if ((p.flags & C.IORING_SETUP_ATTACH_WQ) !== 0) fields.push(`wq_fd=${p.wq_fd}`);
  if (result === -1) return `{${fields.join(", ")}}`;
  const { head, tail, ring_mask, ring_entries, flags, dropped, array } = p.sq_off;
  const sq = { head, tail, ring_mask, ring_entries, flags, dropped, array };
  const { overflow, cqes } = p.cq_off;
  const cq = {
    head: p.cq_off.head,
    tail: p.cq_off.tail,
    ring_mask: p.cq_off.ring_mask,
    ring_entries: p.cq_off.ring_entries,
    overflow,
    cqes,
    flags: p.cq_off.flags,
  };
  fields.push(
    `sq_entries=${p.sq_entries}`,
    `cq_entries=${p.cq_entries}`,
    `features=${bits(p.features, "IORING_FEAT_")}`,
    `sq_off=${struct(sq)}`,
    `cq_off=${struct(cq)}`,
  );
  return `{${fields.join(", ")}}`;
}

function registered(
  opcode: string,
  { arg, before, count, result }: {
    arg: Argument;
    before: Argument;
    count: number;
    result: number;
  },
): string {
  if (arg === null || !(arg instanceof Uint8Array)) return "NULL";
  switch (opcode) {
    case "IORING_REGISTER_PBUF_RING":
    case "IORING_UNREGISTER_PBUF_RING": {
      const { ring_addr, ring_entries, bgid } = io_uring_buf_reg.read(arg);
      const at = ring_addr === 0n ? "NULL" : `0x${ring_addr.toString(16)}`;
      return `{ring_addr=${at}, ring_entries=${ring_entries}, bgid=${bgid}}`;
    }
    case "IORING_REGISTER_FILES":
    case "IORING_REGISTER_EVENTFD":
    case "IORING_REGISTER_EVENTFD_ASYNC":
      return `[${ints(arg).slice(0, count).join(", ")}]`;
    case "IORING_REGISTER_IOWQ_MAX_WORKERS": {
      const now = workers(arg);
      const given = workers(before as Uint8Array);
      return result === -1 || now === given ? given : `${given} => ${now}`;
    }
    case "IORING_REGISTER_RING_FDS":
    case "IORING_UNREGISTER_RING_FDS":
      return list(arg, count, 16, (update) => {
        const [offset, , low, high] = ints(update) as [number, number, number, number];
        const data = high === 0 ? `${low >>> 0}` : `0x${quad(low, high).toString(16)}`;
        return `{offset=${offset}, data=${data}}`;
      });
    case "IORING_REGISTER_RESTRICTIONS":
      return list(arg, count, 16, restriction);
    case "IORING_REGISTER_IOWQ_AFF": {
      const cpus = Array.from({ length: 8 * count }, (_, cpu) => cpu);
      return `[${cpus.filter((cpu) => arg[cpu >> 3]! & (1 << (cpu & 7))).join(" ")}]`;
    }
    case "IORING_REGISTER_PROBE":
      return result === -1 ? address(arg) : probe(arg, count);
  }
  return address(arg);
}

const RESTRICTIONS: readonly (readonly [string, (value: number) => string])[] = [
  [
    "REGISTER_OP, register_op",
    (value) => named(value, REGISTER_OPCODES, "IORING_REGISTER_"),
  ],
  ["SQE_OP, sqe_op", opcode],
  ["SQE_FLAGS_ALLOWED, sqe_flags", (value) => bits(value, "IOSQE_")],
  ["SQE_FLAGS_REQUIRED, sqe_flags", (value) => bits(value, "IOSQE_")],
];

function restriction(memory: Uint8Array): string {
  const kind = memory[0]! | memory[1]! << 8;
  const known = RESTRICTIONS[kind];
  if (known === undefined) return `{opcode=${hexadecimal(kind)} /* IORING_RESTRICTION_??? */}`;
  return `{opcode=IORING_RESTRICTION_${known[0]}=${known[1](memory[2]!)}}`;
}

function quad(low: number, high: number): bigint {
  return BigInt.asUintN(64, BigInt(high) << 32n | BigInt(low >>> 0));
}

/** The structs of `size` bytes in `memory`. */
function list(
  memory: Uint8Array,
  count: number,
  size: number,
  print: (struct: Uint8Array) => string,
): string {
  const printed = Array.from({ length: Math.min(count, LIMIT) }, (_, i) => {
    return print(memory.subarray(i * size, (i + 1) * size));
  });
  if (count > LIMIT) printed.push("...");
  return `[${printed.join(", ")}]`;
}

function workers(memory: Uint8Array): string {
  const [bound, unbound] = ints(memory);
  return `[[IO_WQ_BOUND]=${bound}, [IO_WQ_UNBOUND]=${unbound}]`;
}

function probe(memory: Uint8Array, count: number): string {
  const { last_op, ops_len } = io_uring_probe.read(memory);
  const shown = Math.min(ops_len, count);
  const ops = Array.from({ length: Math.min(shown, LIMIT) }, (_, i) => {
    const { op, flags } = io_uring_probe_op.read(memory, io_uring_probe.size + 8 * i);
    return `{op=${opcode(op)}, flags=${bits(flags, "IO_URING_OP_")}}`;
  });
  if (shown > LIMIT) ops.push("...");
  return `{last_op=${opcode(last_op)}, ops_len=${ops_len}, ops=[${ops.join(", ")}]}`;
}

function opcode(number: number): string {
  const names = Object.keys(constants).filter((name) => name.startsWith("IORING_OP_"));
  return names.find((name) => constants[name] === number) ?? `${number} /* IORING_OP_??? */`;
}

function ints(memory: Uint8Array): number[] {
  return Array.from(new Int32Array(memory.slice(0, memory.length & ~3).buffer));
}

function struct(fields: Readonly<Record<string, number>>): string {
  return `{${Object.entries(fields).map(([name, value]) => `${name}=${value}`).join(", ")}}`;
}

function named(value: number, names: readonly string[], prefix: string): string {
  return names.find((name) => constants[name] === value) ??
    `${hexadecimal(value)} /* ${prefix}??? */`;
}

/** The names of the flags in `value` that begin with `prefix`, joined with `|`. */
function bits(value: number, prefix: string): string {
  const names = Object.keys(constants).filter((name) => name.startsWith(prefix));
  const found = bitsOf(value, names.map((name) => [name, constants[name]!]));
  if (found === "") return "0";
  return found.startsWith("0x") ? `${found} /* ${prefix}??? */` : found;
}

function bitsOf(value: number, names: readonly (readonly [string, number])[]): string {
  let rest = value >>> 0;
  const found: string[] = [];
  for (const [name, bit] of names) {
    if ((rest & bit) === 0) continue;
    found.push(name);
    rest = (rest & ~bit) >>> 0;
  }
  if (rest !== 0) found.push(hexadecimal(rest));
  return found.join("|");
}

function hexadecimal(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}

function address(argument: Argument): string {
  if (argument === null || argument === undefined) return "NULL";
  const pointer = argument instanceof Uint8Array
    ? Deno.UnsafePointer.of(argument as Uint8Array<ArrayBuffer>)
    : argument as Deno.PointerObject;
  return pointer === null ? "NULL" : `0x${Deno.UnsafePointer.value(pointer).toString(16)}`;
}
