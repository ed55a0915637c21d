/**
 * Pseudoterminals: what terminal/ and serial.ts share. pty(7), termios(3)
 *
 * @module
 */

import { errno, O_NOCTTY, O_RDWR, osError } from "../ffi/mod.ts";
import { Descriptor } from "../mod.ts";

const isLinux = Deno.build.os === "linux";
const NAMES: Record<string, string> = {
  darwin: "libSystem.B.dylib",
  freebsd: "libc.so.7",
  netbsd: "libc.so.12",
};
const TIOCSWINSZ = isLinux ? 0x5414n : 0x80087467n; // <sys/ioctl.h>
const TERMIOS_SIZE = 128; // bytes; struct termios has at most 76
const TCSANOW = 0;

// Linux numbers the speeds; elsewhere a speed is its own number. <termios.h>
const LINUX_SPEEDS: Record<number, number> = {
  9600: 0o15,
  19200: 0o16,
  38400: 0o17,
  57600: 0o10001,
  115200: 0o10002,
  230400: 0o10003,
  460800: 0o10004,
  921600: 0o10007,
};

// On Apple silicon variadic arguments travel on the stack, behind the eight argument registers.
const isApple = Deno.build.target === "aarch64-apple-darwin";
const VARIADIC: "u64"[] = isApple ? Array(6).fill("u64") : [];
const variadic = VARIADIC.map(() => 0n);

let libc: ReturnType<typeof openLibc> | undefined;

function openLibc() {
  if (Deno.build.os === "windows") {
    throw new Deno.errors.NotSupported("Windows has no pseudoterminal that is a descriptor");
  }
  return Deno.dlopen(NAMES[Deno.build.os] ?? "libc.so.6", {
    posix_openpt: { parameters: ["i32"], result: "i32" },
    grantpt: { parameters: ["i32"], result: "i32" },
    unlockpt: { parameters: ["i32"], result: "i32" },
    ptsname: { parameters: ["i32"], result: "pointer" },
    ioctl: { parameters: ["i32", "u64", ...VARIADIC, "buffer"], result: "i32" },
    tcgetattr: { parameters: ["i32", "buffer"], result: "i32" },
    tcsetattr: { parameters: ["i32", "i32", "buffer"], result: "i32" },
    cfmakeraw: { parameters: ["buffer"], result: "void" },
    cfsetispeed: { parameters: ["buffer", "u64"], result: "i32" },
    cfsetospeed: { parameters: ["buffer", "u64"], result: "i32" },
  }).symbols;
}

/**
 * Opens a pseudoterminal.
 *
 * @returns The master side, and the path of the side that a program has as its terminal.
 */
export function openPty(): { master: Descriptor; path: string } {
  libc ??= openLibc();
  const fd = libc.posix_openpt(O_RDWR | O_NOCTTY);
  if (fd === -1) throw osError("posix_openpt", "");
  const master = new Descriptor(fd);
  if (libc.grantpt(fd) === -1 || libc.unlockpt(fd) === -1) {
    const error = errno();
    master.close();
    throw osError("unlockpt", fd, error);
  }
  return { master, path: Deno.UnsafePointerView.getCString(libc.ptsname(fd)!) };
}

/** Sets the size of a terminal, in characters. The programs in it get SIGWINCH. */
export function resize(terminal: Descriptor, columns: number, rows: number): void {
  libc ??= openLibc();
  const winsize = new Uint16Array([rows, columns, 0, 0]);
  if (libc.ioctl(terminal.fileno(), TIOCSWINSZ, ...variadic, winsize) === -1) {
    throw osError("ioctl", terminal.fileno());
  }
}

/** Puts a terminal into raw mode: every byte passes unchanged and at once, in both directions. */
export function makeRaw(terminal: Descriptor, speed: number): void {
  libc ??= openLibc();
  const fd = terminal.fileno();
  const number = isLinux ? LINUX_SPEEDS[speed] : speed;
  if (number === undefined) throw new RangeError(`${speed} is not a usual speed of a serial port`);
  const termios = new Uint8Array(TERMIOS_SIZE);
  if (libc.tcgetattr(fd, termios) === -1) throw osError("tcgetattr", fd);
  libc.cfmakeraw(termios);
  libc.cfsetispeed(termios, BigInt(number));
  libc.cfsetospeed(termios, BigInt(number));
  if (libc.tcsetattr(fd, TCSANOW, termios) === -1) throw osError("tcsetattr", fd);
}
