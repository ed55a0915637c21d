/**
 * <unistd.h>, <fcntl.h> and <sys/eventfd.h>: calls for descriptors of any kind.
 *
 * @module
 */

import {
  checkInt,
  checkMemory,
  checkSize,
  checkUnsigned,
  cString,
  type Memory,
} from "./arguments.ts";
import { F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_SETFD, F_SETFL } from "./constants.ts";
import { libc } from "./libc.ts";

/**
 * `int open(const char *pathname, int flags, mode_t mode)`: opens a file and returns its
 * descriptor, or -1. open(2)
 *
 * @param pathname The path of the file.
 * @param flags O_RDONLY, O_WRONLY or O_RDWR, with O_CLOEXEC, O_NONBLOCK, O_CREAT and the like.
 * @param mode With O_CREAT: the permission bits of a new file, as in 0o644.
 * @throws {TypeError} When `pathname` is no string, or holds a NUL character.
 * @throws {Deno.errors.NotSupported} On Windows.
 */
export function open(pathname: string, flags: number, mode = 0): number {
  const path = cString(pathname, "pathname");
  checkInt(flags, "flags");
  checkUnsigned(mode, "mode");
  return libc().open(path, flags, mode);
}

/**
 * `ssize_t read(int fd, void *buf, size_t count)`: reads at most `count` bytes. Returns 0 at the
 * end of the file. read(2)
 *
 * @throws {RangeError} When `buf` is smaller than `count` bytes.
 */
export function read(fd: number, buf: Memory, count: number): number {
  checkInt(fd, "fd");
  checkSize(count, "count");
  checkMemory(buf, count, "buf");
  return libc().read(fd, buf, count);
}

/**
 * `ssize_t write(int fd, const void *buf, size_t count)`: writes at most `count` bytes. write(2)
 *
 * @throws {RangeError} When `buf` is smaller than `count` bytes.
 */
export function write(fd: number, buf: Memory, count: number): number {
  checkInt(fd, "fd");
  checkSize(count, "count");
  checkMemory(buf, count, "buf");
  return libc().write(fd, buf, count);
}

/**
 * `int close(int fd)`: closes a descriptor. On Linux its number is free afterwards, whatever the
 * result. close(2)
 */
export function close(fd: number): number {
  checkInt(fd, "fd");
  return libc().close(fd);
}

/**
 * `int pipe(int pipefd[2])`: makes a pipe. `pipefd[0]` is the reading end, `pipefd[1]` the writing
 * end. pipe(2)
 *
 * @throws {RangeError} When `pipefd` is smaller than two ints.
 */
export function pipe(pipefd: Memory): number {
  checkMemory(pipefd, 8, "pipefd");
  return libc().pipe(pipefd);
}

/**
 * `int pipe2(int pipefd[2], int flags)`: makes a pipe with O_CLOEXEC or O_NONBLOCK. pipe(2)
 *
 * @throws {RangeError} When `pipefd` is smaller than two ints.
 */
export function pipe2(pipefd: Memory, flags: number): number {
  checkMemory(pipefd, 8, "pipefd");
  checkInt(flags, "flags");
  return libc().pipe2(pipefd, flags);
}

/**
 * `int dup3(int oldfd, int newfd, int flags)`: makes `newfd` refer to the open file of `oldfd`.
 * dup(2)
 */
export function dup3(oldfd: number, newfd: number, flags: number): number {
  checkInt(oldfd, "oldfd");
  checkInt(newfd, "newfd");
  checkInt(flags, "flags");
  return libc().dup3(oldfd, newfd, flags);
}

/**
 * `int fcntl(int fd, int cmd, int arg)`, for commands that take an int or nothing: F_DUPFD,
 * F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL. fcntl(2)
 *
 * @throws {RangeError} For any other command, because some of them treat `arg` as a pointer to
 * write through.
 */
export function fcntl(fd: number, cmd: number, arg = 0): number {
  checkInt(fd, "fd");
  checkInt(cmd, "cmd");
  checkInt(arg, "arg");
  if (
    cmd !== F_GETFL && cmd !== F_SETFL && cmd !== F_GETFD && cmd !== F_SETFD &&
    cmd !== F_DUPFD && cmd !== F_DUPFD_CLOEXEC
  ) {
    throw new RangeError(`fcntl command ${cmd} is not one that takes an int`);
  }
  return libc().fcntl(fd, cmd, arg);
}

/**
 * `int eventfd(unsigned int initval, int flags)`: makes a counter that is readable while it is not
 * 0. write(2) adds to it and read(2) takes its value, 8 bytes each. eventfd(2)
 */
export function eventfd(initval: number, flags: number): number {
  checkUnsigned(initval, "initval");
  checkInt(flags, "flags");
  return libc().eventfd(initval, flags);
}
