/**
 * <errno.h>: error numbers, their names and sentences, and the Deno errors that stand for them.
 * errno(3)
 *
 * @module
 */

import { escapeControls } from "./escape.ts";
import { errno } from "./libc.ts";
import { platform } from "./platform.ts";

/**
 * An error that the operating system reported. It is an instance of the `Deno.errors` class that
 * stands for its errno.
 */
export interface OsError extends Error {
  /** The errno's name, the same on every platform: `"ECONNRESET"`. */
  readonly code: string;
  /** The platform's number: 104 on Linux. */
  readonly errno: number;
  /** The call that failed: `"recv"`. */
  readonly syscall: string;
}

/**
 * Whether `error` is an error of the operating system, with `code`, `errno` and `syscall`.
 *
 * @param error Anything that was caught.
 * @returns Whether it is an {@linkcode OsError}.
 *
 * @example
 * ```ts
 * import { isOsError, Socket } from "@syscall/selectors";
 *
 * using server = new Socket();
 * server.bind({ hostname: "127.0.0.1", port: 0 });
 * server.listen();
 * using late = new Socket();
 * try {
 *   late.bind(server.localAddress);
 * } catch (error) {
 *   if (!isOsError(error)) throw error;
 *   console.log(error.code, error.syscall); // EADDRINUSE bind
 * }
 * ```
 */
export function isOsError(error: unknown): error is OsError {
  if (!(error instanceof Error)) return false;
  const { code, errno, syscall } = error as Partial<OsError>;
  return typeof code === "string" && typeof errno === "number" && typeof syscall === "string";
}

/**
 * Makes the error that stands for an errno. Its message names the call, what the call was about,
 * and the errno, as in `bind 127.0.0.1:80: Permission denied (EACCES 13)`. Control characters in it
 * are escaped.
 *
 * @param syscall The call that failed, by its C name.
 * @param subject What it was about, such as a descriptor or an address; may be empty.
 * @param number The errno. Default: the one that the last failed call of this thread left.
 * @returns An instance of the `Deno.errors` class that fits, or of Error where there is none.
 */
export function osError(
  syscall: string,
  subject: string | number,
  number: number = errno(),
): OsError {
  const code = errnoName(number);
  const about = subject === "" ? syscall : `${syscall} ${subject}`;
  return makeOsError(`${about}: ${strerror(number)} (${code} ${number})`, syscall, code, number);
}

/**
 * Makes an {@linkcode OsError} with another sentence than that of the errno. Control characters in
 * the message are escaped.
 */
export function makeOsError(
  message: string,
  syscall: string,
  code: string,
  number: number,
): OsError {
  const ErrorClass = Object.hasOwn(ERROR_CLASSES, code) ? ERROR_CLASSES[code]! : Error;
  const error = new ErrorClass(escapeControls(message));
  return Object.assign(error, { code, errno: number, syscall });
}

/** The name of an errno: `"ECONNRESET"` for 104 on Linux. */
export function errnoName(number: number): string {
  return NAMES.get(number) ?? `E${number}`;
}

/** `char *strerror(int errnum)`: the sentence for an errno. strerror(3) */
export function strerror(errnum: number): string {
  if (errnum === 0) return "Success";
  return SENTENCES[errnoName(errnum)] ?? `Unknown error ${errnum}`;
}

/** The number of a named errno on this platform; -1 if the platform does not have it. */
export function errnoNumber(name: string): number {
  return (platform.errnos as Record<string, number>)[name] ?? -1;
}

const NAMES = new Map(
  Object.entries<number>(platform.errnos).map(([name, number]) => [number, name]),
);

/** The errnos that Deno has a class for, as Deno maps the error kinds of Rust's std::io. */
const ERROR_CLASSES: Readonly<Record<string, new (message: string) => Error>> = {
  EPERM: Deno.errors.PermissionDenied,
  ENOENT: Deno.errors.NotFound,
  EINTR: Deno.errors.Interrupted,
  EBADF: Deno.errors.BadResource,
  EAGAIN: Deno.errors.WouldBlock,
  EACCES: Deno.errors.PermissionDenied,
  EBUSY: Deno.errors.Busy,
  EEXIST: Deno.errors.AlreadyExists,
  ENOTDIR: Deno.errors.NotADirectory,
  EISDIR: Deno.errors.IsADirectory,
  EPIPE: Deno.errors.BrokenPipe,
  ENOSYS: Deno.errors.NotSupported,
  ELOOP: Deno.errors.FilesystemLoop,
  ENOTSUP: Deno.errors.NotSupported,
  EOPNOTSUPP: Deno.errors.NotSupported,
  EADDRINUSE: Deno.errors.AddrInUse,
  EADDRNOTAVAIL: Deno.errors.AddrNotAvailable,
  ENETUNREACH: Deno.errors.NetworkUnreachable,
  ECONNABORTED: Deno.errors.ConnectionAborted,
  ECONNRESET: Deno.errors.ConnectionReset,
  ENOTCONN: Deno.errors.NotConnected,
  ETIMEDOUT: Deno.errors.TimedOut,
  ECONNREFUSED: Deno.errors.ConnectionRefused,
};

/** The sentences of strerror() in glibc 2.36. tests/layout_test.ts compares them. */
const SENTENCES: Readonly<Record<string, string>> = {
  EPERM: "Operation not permitted",
  ENOENT: "No such file or directory",
  ESRCH: "No such process",
  EINTR: "Interrupted system call",
  EIO: "Input/output error",
  ENXIO: "No such device or address",
  E2BIG: "Argument list too long",
  ENOEXEC: "Exec format error",
  EBADF: "Bad file descriptor",
  ECHILD: "No child processes",
  EAGAIN: "Resource temporarily unavailable",
  ENOMEM: "Cannot allocate memory",
  EACCES: "Permission denied",
  EFAULT: "Bad address",
  ENOTBLK: "Block device required",
  EBUSY: "Device or resource busy",
  EEXIST: "File exists",
  EXDEV: "Invalid cross-device link",
  ENODEV: "No such device",
  ENOTDIR: "Not a directory",
  EISDIR: "Is a directory",
  EINVAL: "Invalid argument",
  ENFILE: "Too many open files in system",
  EMFILE: "Too many open files",
  ENOTTY: "Inappropriate ioctl for device",
  ETXTBSY: "Text file busy",
  EFBIG: "File too large",
  ENOSPC: "No space left on device",
  ESPIPE: "Illegal seek",
  EROFS: "Read-only file system",
  EMLINK: "Too many links",
  EPIPE: "Broken pipe",
  EDOM: "Numerical argument out of domain",
  ERANGE: "Numerical result out of range",
  EDEADLK: "Resource deadlock avoided",
  ENAMETOOLONG: "File name too long",
  ENOLCK: "No locks available",
  ENOSYS: "Function not implemented",
  ENOTEMPTY: "Directory not empty",
  ELOOP: "Too many levels of symbolic links",
  ENOMSG: "No message of desired type",
  EIDRM: "Identifier removed",
  ECHRNG: "Channel number out of range",
  EL2NSYNC: "Level 2 not synchronized",
  EL3HLT: "Level 3 halted",
  EL3RST: "Level 3 reset",
  ELNRNG: "Link number out of range",
  EUNATCH: "Protocol driver not attached",
  ENOCSI: "No CSI structure available",
  EL2HLT: "Level 2 halted",
  EBADE: "Invalid exchange",
  EBADR: "Invalid request descriptor",
  EXFULL: "Exchange full",
  ENOANO: "No anode",
  EBADRQC: "Invalid request code",
  EBADSLT: "Invalid slot",
  EBFONT: "Bad font file format",
  ENOSTR: "Device not a stream",
  ENODATA: "No data available",
  ETIME: "Timer expired",
  ENOSR: "Out of streams resources",
  ENONET: "Machine is not on the network",
  ENOPKG: "Package not installed",
  EREMOTE: "Object is remote",
  ENOLINK: "Link has been severed",
  EADV: "Advertise error",
  ESRMNT: "Srmount error",
  ECOMM: "Communication error on send",
  EPROTO: "Protocol error",
  EMULTIHOP: "Multihop attempted",
  EDOTDOT: "RFS specific error",
  EBADMSG: "Bad message",
  EOVERFLOW: "Value too large for defined data type",
  ENOTUNIQ: "Name not unique on network",
  EBADFD: "File descriptor in bad state",
  EREMCHG: "Remote address changed",
  ELIBACC: "Can not access a needed shared library",
  ELIBBAD: "Accessing a corrupted shared library",
  ELIBSCN: ".lib section in a.out corrupted",
  ELIBMAX: "Attempting to link in too many shared libraries",
  ELIBEXEC: "Cannot exec a shared library directly",
  EILSEQ: "Invalid or incomplete multibyte or wide character",
  ERESTART: "Interrupted system call should be restarted",
  ESTRPIPE: "Streams pipe error",
  EUSERS: "Too many users",
  ENOTSOCK: "Socket operation on non-socket",
  EDESTADDRREQ: "Destination address required",
  EMSGSIZE: "Message too long",
  EPROTOTYPE: "Protocol wrong type for socket",
  ENOPROTOOPT: "Protocol not available",
  EPROTONOSUPPORT: "Protocol not supported",
  ESOCKTNOSUPPORT: "Socket type not supported",
  ENOTSUP: "Operation not supported",
  EPFNOSUPPORT: "Protocol family not supported",
  EAFNOSUPPORT: "Address family not supported by protocol",
  EADDRINUSE: "Address already in use",
  EADDRNOTAVAIL: "Cannot assign requested address",
  ENETDOWN: "Network is down",
  ENETUNREACH: "Network is unreachable",
  ENETRESET: "Network dropped connection on reset",
  ECONNABORTED: "Software caused connection abort",
  ECONNRESET: "Connection reset by peer",
  ENOBUFS: "No buffer space available",
  EISCONN: "Transport endpoint is already connected",
  ENOTCONN: "Transport endpoint is not connected",
  ESHUTDOWN: "Cannot send after transport endpoint shutdown",
  ETOOMANYREFS: "Too many references: cannot splice",
  ETIMEDOUT: "Connection timed out",
  ECONNREFUSED: "Connection refused",
  EHOSTDOWN: "Host is down",
  EHOSTUNREACH: "No route to host",
  EALREADY: "Operation already in progress",
  EINPROGRESS: "Operation now in progress",
  ESTALE: "Stale file handle",
  EUCLEAN: "Structure needs cleaning",
  ENOTNAM: "Not a XENIX named type file",
  ENAVAIL: "No XENIX semaphores available",
  EISNAM: "Is a named type file",
  EREMOTEIO: "Remote I/O error",
  EDQUOT: "Disk quota exceeded",
  ENOMEDIUM: "No medium found",
  EMEDIUMTYPE: "Wrong medium type",
  ECANCELED: "Operation canceled",
  ENOKEY: "Required key not available",
  EKEYEXPIRED: "Key has expired",
  EKEYREVOKED: "Key has been revoked",
  EKEYREJECTED: "Key was rejected by service",
  EOWNERDEAD: "Owner died",
  ENOTRECOVERABLE: "State not recoverable",
  ERFKILL: "Operation not possible due to RF-kill",
  EHWPOISON: "Memory page has hardware error",
  // Errnos of macOS and the BSDs only, with their own sentences.
  EOPNOTSUPP: "Operation not supported",
  EPROCLIM: "Too many processes",
  EBADRPC: "RPC struct is bad",
  ERPCMISMATCH: "RPC version wrong",
  EPROGUNAVAIL: "RPC program not available",
  EPROGMISMATCH: "Program version wrong",
  EPROCUNAVAIL: "Bad procedure for program",
  EFTYPE: "Inappropriate file type or format",
  EAUTH: "Authentication error",
  ENEEDAUTH: "Need authenticator",
  ENOATTR: "Attribute not found",
  EPWROFF: "Device power is off",
  EDEVERR: "Device error",
  EBADEXEC: "Bad executable",
  EBADARCH: "Bad CPU type in executable",
  ESHLIBVERS: "Shared library version mismatch",
  EBADMACHO: "Malformed Mach-O file",
  ENOPOLICY: "Policy not found",
  EQFULL: "Interface output queue is full",
  EDOOFUS: "Programming error",
  ENOTCAPABLE: "Capabilities insufficient",
  ECAPMODE: "Not permitted in capability mode",
  EINTEGRITY: "Integrity check failed",
};
