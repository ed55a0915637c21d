/**
 * <linux/io_uring.h>: operations that the kernel carries out by itself, submitted through one ring
 * of shared memory and reported through another. Linux only; `Ring` of `@syscall/selectors/ring` is
 * built on it. The C library has no functions for these syscalls, so they go through syscall(2).
 * io_uring(7)
 *
 * What an operation reads or writes is named by its address, and used after the call has returned,
 * so it must not be memory of JavaScript's. These functions therefore take no memory for later use:
 * io_uring_setup() refuses IORING_SETUP_NO_MMAP, and io_uring_register() refuses buffers.
 *
 * @module
 */

import {
  bytesOf,
  checkInt,
  checkMemory,
  checkSize,
  checkUnsigned,
  type Memory,
} from "./arguments.ts";
import * as C from "./io_uring_constants.ts";
import { libc } from "./libc.ts";
import { isPlatformWith } from "./platform.ts";
import { type Struct, struct, viewOf } from "./struct.ts";

// The same on every architecture. syscalls(2)
const SYS_io_uring_setup = 425;
const SYS_io_uring_enter = 426;
const SYS_io_uring_register = 427;

/**
 * `struct io_uring_sqe`: an entry of the submission queue, each union under its first member's
 * name.
 */
export const io_uring_sqe: Struct<{
  opcode: number;
  flags: number;
  ioprio: number;
  fd: number;
  off: bigint;
  addr: bigint;
  len: number;
  rw_flags: number;
  user_data: bigint;
  buf_index: number;
  personality: number;
  splice_fd_in: number;
  addr3: bigint;
}> = reserving(64, {
  opcode: "u8",
  flags: "u8",
  ioprio: "u16",
  fd: "i32",
  off: "u64",
  addr: "u64",
  len: "u32",
  rw_flags: "u32",
  user_data: "u64",
  buf_index: "u16",
  personality: "u16",
  splice_fd_in: "i32",
  addr3: "u64",
});

/**
 * `struct io_uring_cqe`: an entry of the completion queue; `res` is a result, or a negative errno.
 */
export const io_uring_cqe: Struct<{ user_data: bigint; res: number; flags: number }> = struct({
  user_data: "u64",
  res: "i32",
  flags: "u32",
});

/** `struct io_sqring_offsets`: where the parts of the submission ring are, in bytes. */
export const io_sqring_offsets: Struct<{
  head: number;
  tail: number;
  ring_mask: number;
  ring_entries: number;
  flags: number;
  dropped: number;
  array: number;
  resv1: number;
  resv2: bigint;
}> = struct({
  head: "u32",
  tail: "u32",
  ring_mask: "u32",
  ring_entries: "u32",
  flags: "u32",
  dropped: "u32",
  array: "u32",
  resv1: "u32",
  resv2: "u64",
});

/** `struct io_cqring_offsets`: where the parts of the completion ring are, in bytes. */
export const io_cqring_offsets: Struct<{
  head: number;
  tail: number;
  ring_mask: number;
  ring_entries: number;
  overflow: number;
  cqes: number;
  flags: number;
  resv1: number;
  resv2: bigint;
}> = struct({
  head: "u32",
  tail: "u32",
  ring_mask: "u32",
  ring_entries: "u32",
  overflow: "u32",
  cqes: "u32",
  flags: "u32",
  resv1: "u32",
  resv2: "u64",
});

/** What {@linkcode io_uring_params} reads and writes. */
export interface IoUringParams {
  /** Entries of the submission queue. */
  sq_entries: number;
  /** Entries of the completion queue: given with IORING_SETUP_CQSIZE. */
  cq_entries: number;
  /** IORING_SETUP_ flags. */
  flags: number;
  /** With IORING_SETUP_SQ_AFF, a processor. */
  sq_thread_cpu: number;
  /** With IORING_SETUP_SQPOLL, milliseconds until its thread sleeps. */
  sq_thread_idle: number;
  /** IORING_FEAT_ flags, from the kernel. */
  features: number;
  /** With IORING_SETUP_ATTACH_WQ, another ring's descriptor. */
  wq_fd: number;
  /** From the kernel. */
  sq_off: ReturnType<typeof io_sqring_offsets.read>;
  /** From the kernel. */
  cq_off: ReturnType<typeof io_cqring_offsets.read>;
}

const plainParams = reserving(40, {
  sq_entries: "u32",
  cq_entries: "u32",
  flags: "u32",
  sq_thread_cpu: "u32",
  sq_thread_idle: "u32",
  features: "u32",
  wq_fd: "u32",
});
const SQ_OFF = plainParams.size;
const CQ_OFF = SQ_OFF + io_sqring_offsets.size;

/** `struct io_uring_params`: what io_uring_setup() is given and gives back. */
export const io_uring_params: Struct<IoUringParams> = Object.freeze({
  size: CQ_OFF + io_cqring_offsets.size,
  offsets: Object.freeze({ ...plainParams.offsets, sq_off: SQ_OFF, cq_off: CQ_OFF }),
  read(memory: Uint8Array, offset = 0): IoUringParams {
    viewOf(memory, offset, io_uring_params.size);
    return {
      ...plainParams.read(memory, offset),
      sq_off: io_sqring_offsets.read(memory, offset + SQ_OFF),
      cq_off: io_cqring_offsets.read(memory, offset + CQ_OFF),
    };
  },
  write(memory: Uint8Array, fields: IoUringParams, offset = 0): void {
    viewOf(memory, offset, io_uring_params.size);
    plainParams.write(memory, fields, offset);
    io_sqring_offsets.write(memory, fields.sq_off, offset + SQ_OFF);
    io_cqring_offsets.write(memory, fields.cq_off, offset + CQ_OFF);
  },
});

/** `struct io_uring_getevents_arg`: the argument of io_uring_enter() with IORING_ENTER_EXT_ARG. */
export const io_uring_getevents_arg: Struct<{
  sigmask: bigint;
  sigmask_sz: number;
  min_wait_usec: number;
  ts: bigint;
}> = struct({ sigmask: "u64", sigmask_sz: "u32", min_wait_usec: "u32", ts: "u64" });

/** `struct io_uring_buf`: one buffer of a ring of provided buffers. */
export const io_uring_buf: Struct<{ addr: bigint; len: number; bid: number; resv: number }> =
  struct({ addr: "u64", len: "u32", bid: "u16", resv: "u16" });

/** `struct io_uring_buf_ring`: its tail lies in the `resv` of the first struct io_uring_buf. */
export const io_uring_buf_ring: Struct<{
  resv1: bigint;
  resv2: number;
  resv3: number;
  tail: number;
}> = struct({ resv1: "u64", resv2: "u32", resv3: "u16", tail: "u16" });

/** `struct io_uring_buf_reg`: the argument of IORING_REGISTER_PBUF_RING and its opposite. */
export const io_uring_buf_reg: Struct<{
  ring_addr: bigint;
  ring_entries: number;
  bgid: number;
  flags: number;
}> = reserving(40, { ring_addr: "u64", ring_entries: "u32", bgid: "u16", flags: "u16" });

/** `struct io_uring_probe`, without the struct io_uring_probe_op that follow it. */
export const io_uring_probe: Struct<{ last_op: number; ops_len: number; resv: number }> = reserving(
  16,
  { last_op: "u8", ops_len: "u8", resv: "u16" },
);

/** `struct io_uring_probe_op`: whether the kernel has an opcode. */
export const io_uring_probe_op: Struct<{ op: number; resv: number; flags: number; resv2: number }> =
  struct({ op: "u8", resv: "u8", flags: "u16", resv2: "u32" });

/** `struct io_uring_sync_cancel_reg`: the argument of IORING_REGISTER_SYNC_CANCEL. */
export const io_uring_sync_cancel_reg: Struct<{
  addr: bigint;
  fd: number;
  flags: number;
  "timeout.tv_sec": number;
  "timeout.tv_nsec": number;
}> = reserving(64, {
  addr: "u64",
  fd: "i32",
  flags: "u32",
  "timeout.tv_sec": "i64",
  "timeout.tv_nsec": "i64",
});

/**
 * `int io_uring_setup(u32 entries, struct io_uring_params *p)`: a new ring's descriptor, with `p`
 * filled in. io_uring_setup(2)
 *
 * @throws {RangeError} When `p` is smaller than a struct io_uring_params, or when its flags have
 * IORING_SETUP_NO_MMAP, which makes the kernel use memory of the caller's after the call.
 * @throws {Deno.errors.NotSupported} On another system than Linux.
 */
export function io_uring_setup(entries: number, p: Memory): number {
  checkUnsigned(entries, "entries");
  checkMemory(p, io_uring_params.size, "p");
  checkPlatform("io_uring_setup");
  // A copy, because another thread may write to `p` between the check and the call.
  const given = bytesOf(p);
  const params = new Uint8Array(io_uring_params.size);
  for (let i = 0; i < params.length; i++) params[i] = given[i]!;
  if ((io_uring_params.read(params).flags & C.IORING_SETUP_NO_MMAP) !== 0) {
    throw new RangeError("IORING_SETUP_NO_MMAP hands memory to the kernel and is refused");
  }
  const result = libc().io_uring_setup(SYS_io_uring_setup, entries, params);
  if (result === -1) return result;
  for (let i = 0; i < params.length; i++) given[i] = params[i]!;
  return result;
}

/**
 * `int io_uring_enter(unsigned fd, u32 to_submit, u32 min_complete, u32 flags, const void *arg,
 * size_t argsz)`: submits `to_submit` entries, waits for `min_complete` completions, and returns
 * how many were submitted. `arg` is a signal mask, or a struct io_uring_getevents_arg.
 * io_uring_enter(2)
 *
 * @throws {RangeError} When `arg` is smaller than `argsz`.
 * @throws {Deno.errors.NotSupported} On another system than Linux.
 */
export function io_uring_enter(
  fd: number,
  to_submit: number,
  min_complete: number,
  flags: number,
  arg: Memory | null,
  argsz: number,
): number {
  checkInt(fd, "fd");
  checkUnsigned(to_submit, "to_submit");
  checkUnsigned(min_complete, "min_complete");
  checkUnsigned(flags, "flags");
  checkSize(argsz, "argsz");
  if (arg !== null) checkMemory(arg, argsz, "arg");
  checkPlatform("io_uring_enter");
  const size = argsz === 0 ? 0n : BigInt(argsz);
  return libc().io_uring_enter(SYS_io_uring_enter, fd, to_submit, min_complete, flags, arg, size);
}

/**
 * `int io_uring_register(unsigned fd, unsigned opcode, void *arg, unsigned nr_args)`: everything
 * else about a ring. io_uring_register(2)
 *
 * @throws {RangeError} On an opcode that hands memory to the kernel, such as
 * IORING_REGISTER_BUFFERS, and one that is not known here; when `arg` is smaller than the opcode's
 * arguments.
 * @throws {TypeError} When `arg` is null for an opcode that has arguments.
 * @throws {Deno.errors.NotSupported} On another system than Linux.
 */
export function io_uring_register(
  fd: number,
  opcode: number,
  arg: Memory | null,
  nr_args: number,
): number {
  checkInt(fd, "fd");
  checkUnsigned(opcode, "opcode");
  checkSize(nr_args, "nr_args");
  const size = REGISTERED_SIZES.get(opcode % C.IORING_REGISTER_USE_REGISTERED_RING);
  if (size === undefined) {
    throw new RangeError(`io_uring_register opcode ${opcode} may hand memory to the kernel`);
  }
  const bytes = size.fixed + size.each * nr_args;
  if (arg !== null || bytes > 0) checkMemory(arg!, bytes, "arg");
  checkPlatform("io_uring_register");
  return libc().io_uring_register(SYS_io_uring_register, fd, opcode, arg, nr_args);
}

/**
 * IORING_REGISTER_PBUF_RING, with memory from mman.ts, which stays where it is.
 *
 * @internal
 */
export function registerBufferRing(
  fd: number,
  { address, entries, group }: { address: bigint; entries: number; group: number },
): number {
  const reg = new Uint8Array(io_uring_buf_reg.size);
  const fields = { ring_addr: address, ring_entries: entries, bgid: group, flags: 0 };
  io_uring_buf_reg.write(reg, fields);
  const opcode = C.IORING_REGISTER_PBUF_RING;
  return libc().io_uring_register(SYS_io_uring_register, fd, opcode, reg, 1);
}

/** Bytes that the kernel reads or writes at `arg`, by opcode: so many, and so many per argument. */
const REGISTERED_SIZES: ReadonlyMap<number, { readonly fixed: number; readonly each: number }> =
  new Map([
    [C.IORING_UNREGISTER_BUFFERS, { fixed: 0, each: 0 }],
    [C.IORING_REGISTER_FILES, { fixed: 0, each: 4 }],
    [C.IORING_UNREGISTER_FILES, { fixed: 0, each: 0 }],
    [C.IORING_REGISTER_EVENTFD, { fixed: 4, each: 0 }],
    [C.IORING_UNREGISTER_EVENTFD, { fixed: 0, each: 0 }],
    [C.IORING_REGISTER_EVENTFD_ASYNC, { fixed: 4, each: 0 }],
    [C.IORING_REGISTER_PROBE, { fixed: io_uring_probe.size, each: io_uring_probe_op.size }],
    [C.IORING_REGISTER_PERSONALITY, { fixed: 0, each: 0 }],
    [C.IORING_UNREGISTER_PERSONALITY, { fixed: 0, each: 0 }],
    [C.IORING_REGISTER_RESTRICTIONS, { fixed: 0, each: 16 }], // struct io_uring_restriction
    [C.IORING_REGISTER_ENABLE_RINGS, { fixed: 0, each: 0 }],
    [C.IORING_REGISTER_IOWQ_AFF, { fixed: 0, each: 1 }],
    [C.IORING_UNREGISTER_IOWQ_AFF, { fixed: 0, each: 0 }],
    [C.IORING_REGISTER_IOWQ_MAX_WORKERS, { fixed: 8, each: 0 }],
    [C.IORING_REGISTER_RING_FDS, { fixed: 0, each: 16 }], // struct io_uring_rsrc_update
    [C.IORING_UNREGISTER_RING_FDS, { fixed: 0, each: 16 }],
    [C.IORING_UNREGISTER_PBUF_RING, { fixed: io_uring_buf_reg.size, each: 0 }],
    [C.IORING_REGISTER_SYNC_CANCEL, { fixed: io_uring_sync_cancel_reg.size, each: 0 }],
    [C.IORING_REGISTER_FILE_ALLOC_RANGE, { fixed: 16, each: 0 }], // io_uring_file_index_range
    [C.IORING_REGISTER_PBUF_STATUS, { fixed: 40, each: 0 }], // struct io_uring_buf_status
  ]);

/** On other systems these numbers are other syscalls. */
function checkPlatform(call: string): void {
  if (Deno.build.os === "linux" && isPlatformWith("epoll")) return;
  throw new Deno.errors.NotSupported(`${call} is not in the kernel of ${Deno.build.target}`);
}

/** The codec of a struct of `size` bytes; those behind the last field are reserved, and zero. */
function reserving<Types extends Parameters<typeof struct>[0]>(size: number, types: Types) {
  const fields = struct<Types>(types);
  return Object.freeze({
    size,
    offsets: fields.offsets,
    read(memory: Uint8Array, offset = 0) {
      viewOf(memory, offset, size);
      return fields.read(memory, offset);
    },
    write(memory: Uint8Array, values: Parameters<typeof fields.write>[1], offset = 0) {
      const view = viewOf(memory, offset, size);
      fields.write(memory, values, offset);
      for (let at = fields.size; at < size; at++) view.setUint8(at, 0);
    },
  });
}
