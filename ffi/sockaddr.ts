/**
 * Socket addresses of <netinet/in.h> and <sys/un.h>, and the text of IP addresses of <arpa/inet.h>.
 * ip(7), ipv6(7), unix(7)
 *
 * @module
 */

import { checkInt, checkMemory, checkSize, cString, type Memory } from "./arguments.ts";
import { AF_INET, AF_INET6, AF_UNSPEC } from "./constants.ts";
import { escapeControls } from "./escape.ts";
import { deepFreeze } from "./intrinsics.ts";
import { libc } from "./libc.ts";
import { platform } from "./platform.ts";
import { checkField, type Struct, viewOf } from "./struct.ts";

const { hasSockaddrLength, sunPathSize } = platform;

/**
 * `struct sockaddr`: the beginning of an address of any family. On macOS and the BSDs its first
 * byte is the length of the address. socket(7)
 */
export const sockaddr: {
  /** Reads the family of an address at the start of `memory`. */
  read(memory: Uint8Array): { sa_family: number };
} = Object.freeze({
  read(memory: Uint8Array) {
    return { sa_family: readFamily(viewOf(memory, 0, 2)) };
  },
});

/**
 * `struct sockaddr_in`, with the IP address as text. The codec converts the port from and to
 * network byte order. ip(7)
 */
export const sockaddr_in: Struct<{ sin_family: number; sin_port: number; sin_addr: string }> =
  deepFreeze({
    size: 16,
    offsets: { sin_family: hasSockaddrLength ? 1 : 0, sin_port: 2, sin_addr: 4 },
    read(memory, offset = 0) {
      const view = viewOf(memory, offset, sockaddr_in.size);
      return {
        sin_family: readFamily(view),
        sin_port: view.getUint16(2),
        sin_addr: inet_ntop(AF_INET, bytesOf(view, 4, 4)) ?? "",
      };
    },
    write(memory, { sin_family, sin_port, sin_addr }, offset = 0) {
      const view = viewOf(memory, offset, sockaddr_in.size);
      const address = numericAddress(AF_INET, sin_addr, 4);
      checkFamily(sin_family, "sin_family");
      checkField(sin_port, "u16", "sin_port");
      bytesOf(view, 0, sockaddr_in.size).fill(0);
      writeFamily(view, sin_family);
      view.setUint16(2, sin_port);
      bytesOf(view, 4, 4).set(address);
    },
  });

/**
 * `struct sockaddr_in6`, with the IP address as text. The codec converts the port and the flow
 * label from and to network byte order. ipv6(7)
 */
export const sockaddr_in6: Struct<
  {
    sin6_family: number;
    sin6_port: number;
    sin6_flowinfo: number;
    sin6_addr: string;
    sin6_scope_id: number;
  }
> = deepFreeze({
  size: 28,
  offsets: {
    sin6_family: hasSockaddrLength ? 1 : 0,
    sin6_port: 2,
    sin6_flowinfo: 4,
    sin6_addr: 8,
    sin6_scope_id: 24,
  },
  read(memory, offset = 0) {
    const view = viewOf(memory, offset, sockaddr_in6.size);
    return {
      sin6_family: readFamily(view),
      sin6_port: view.getUint16(2),
      sin6_flowinfo: view.getUint32(4),
      sin6_addr: inet_ntop(AF_INET6, bytesOf(view, 8, 16)) ?? "",
      sin6_scope_id: view.getUint32(24, true),
    };
  },
  write(memory, fields, offset = 0) {
    const view = viewOf(memory, offset, sockaddr_in6.size);
    const address = numericAddress(AF_INET6, fields.sin6_addr, 16);
    checkFamily(fields.sin6_family, "sin6_family");
    checkField(fields.sin6_port, "u16", "sin6_port");
    checkField(fields.sin6_flowinfo, "u32", "sin6_flowinfo");
    checkField(fields.sin6_scope_id, "u32", "sin6_scope_id");
    writeFamily(view, fields.sin6_family);
    view.setUint16(2, fields.sin6_port);
    view.setUint32(4, fields.sin6_flowinfo);
    bytesOf(view, 8, 16).set(address);
    view.setUint32(24, fields.sin6_scope_id, true);
  },
});

/**
 * `struct sockaddr_un { sa_family_t sun_family; char sun_path[108]; }`. On macOS and the BSDs the
 * path has 104 bytes. unix(7)
 */
export interface SockaddrUn {
  /** AF_UNIX. */
  readonly sun_family: number;
  /**
   * The path of a file; an abstract name if it begins with a NUL; empty if the socket has no name.
   */
  readonly sun_path: string;
}

/**
 * `struct sockaddr_un`. Its length is part of the address, because an abstract name has no other
 * end. unix(7)
 */
export const sockaddr_un: {
  /** `sizeof`, in bytes: the length of the longest address. */
  readonly size: number;
  /** `offsetof` of each field, in bytes. */
  readonly offsets: { readonly sun_family: number; readonly sun_path: number };
  /**
   * Reads an address of `length` bytes, as returned by getsockname(2), at `offset` bytes into
   * `memory`.
   */
  read(memory: Uint8Array, offset?: number, length?: number): SockaddrUn;
  /**
   * Writes an address at `offset` bytes into `memory` and returns its length, for bind(2) and
   * connect(2).
   *
   * @throws {RangeError} When the path is longer than 107 bytes (108 with the NUL of an abstract
   * name; 103 on the BSDs and macOS), or does not lie within `memory`.
   * @throws {TypeError} When the path contains a NUL character. On Linux a NUL that comes first
   * makes the name an abstract one, which may contain more of them.
   */
  write(memory: Uint8Array, fields: SockaddrUn, offset?: number): number;
} = deepFreeze({
  size: 2 + sunPathSize,
  offsets: { sun_family: hasSockaddrLength ? 1 : 0, sun_path: 2 },
  read(memory, offset = 0, length = sockaddr_un.size) {
    if (length === 0) return { sun_family: AF_UNSPEC, sun_path: "" }; // an unnamed sender
    checkSize(length, "length");
    if (length < 2) throw new RangeError(`length must be at least 2, not ${length}`);
    const view = viewOf(memory, offset, length);
    const path = bytesOf(view, 2, length - 2);
    // Only Linux has abstract names.
    const isPathname = hasSockaddrLength || (path.length > 0 && path[0] !== 0);
    const end = isPathname ? path.indexOf(0) : path.length;
    return {
      sun_family: readFamily(view),
      sun_path: new TextDecoder("utf-8", { ignoreBOM: true }).decode(
        end === -1 ? path : path.subarray(0, end),
      ),
    };
  },
  write(memory, { sun_family, sun_path }, offset = 0) {
    checkFamily(sun_family, "sun_family");
    if (typeof sun_path !== "string") throw new TypeError("sun_path must be a string");
    const isAbstract = !hasSockaddrLength && sun_path.startsWith("\0");
    const path = new TextEncoder().encode(sun_path);
    if (!isAbstract && path.includes(0)) {
      throw new TypeError("sun_path must not contain a NUL character, except in an abstract name");
    }
    // A path ends with a NUL, an abstract name at the length; an unnamed address is only a family.
    const length = 2 + path.length + (isAbstract || path.length === 0 ? 0 : 1);
    if (length > sockaddr_un.size) {
      throw new RangeError(
        `sun_path is ${path.length} bytes long, and at most ${sunPathSize - 1} fit`,
      );
    }
    const view = viewOf(memory, offset, length);
    bytesOf(view, 0, length).fill(0);
    writeFamily(view, sun_family);
    bytesOf(view, 2, path.length).set(path);
    return length;
  },
});

/** `sizeof(struct sockaddr_storage)`: room for an address of any family, in bytes. socket(7) */
export const sockaddr_storage: { readonly size: number } = Object.freeze({ size: 128 });

/**
 * `int inet_pton(int af, const char *src, void *dst)`: writes the bytes of an IP address that is
 * given as text. Returns 0 if the text is no address. inet_pton(3)
 *
 * @throws {RangeError} When `dst` is smaller than an address of that family.
 */
export function inet_pton(af: number, src: string, dst: Memory): number {
  checkInt(af, "af");
  checkMemory(dst, addressSize(af), "dst");
  return libc().inet_pton(af, cString(src, "src"), dst);
}

const INET6_ADDRSTRLEN = 46; // <netinet/in.h>

/**
 * `const char *inet_ntop(int af, const void *src, char *dst, socklen_t size)`: returns the text of
 * an IP address, or null. inet_ntop(3)
 *
 * @throws {RangeError} When `src` is smaller than an address of that family.
 */
export function inet_ntop(af: number, src: Memory): string | null {
  checkInt(af, "af");
  checkMemory(src, addressSize(af), "src");
  const text = new Uint8Array(INET6_ADDRSTRLEN);
  if (libc().inet_ntop(af, src, text, INET6_ADDRSTRLEN) === null) return null;
  return new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
}

function readFamily(view: DataView): number {
  return hasSockaddrLength ? view.getUint8(1) : view.getUint16(0, true);
}

function checkFamily(family: number, name: string): void {
  checkField(family, hasSockaddrLength ? "u8" : "u16", name);
}

function writeFamily(view: DataView, family: number): void {
  if (hasSockaddrLength) {
    view.setUint8(0, view.byteLength);
    view.setUint8(1, family);
  } else {
    view.setUint16(0, family, true);
  }
}

function addressSize(af: number): number {
  return af === AF_INET ? 4 : 16;
}

function numericAddress(af: number, text: string, size: number): Uint8Array {
  const address = new Uint8Array(size);
  if (inet_pton(af, text, address) === 1) return address;
  throw new TypeError(`"${escapeControls(text)}" is not an IPv${size === 4 ? 4 : 6} address`);
}

function bytesOf(view: DataView, offset: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + offset, length);
}
