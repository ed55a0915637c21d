/**
 * Socket addresses: the objects that users write, and the `struct sockaddr` that the kernel takes.
 * sockaddr(3type), ip(7), ipv6(7), unix(7)
 *
 * What the kernel gives can always be decoded and handed back: an address of a family that has no
 * form of its own here, and a Unix name that is not UTF-8, keep their bytes as an `OtherAddress`.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { escapeControls } from "../ffi/escape.ts";

/** An IPv4 or IPv6 address and a port. */
export interface InetAddress {
  /**
   * An IP address, or a name that getaddrinfo(3) resolves. The library itself returns IP addresses.
   */
  hostname: string;
  /** 0 to 65535. With 0, bind() picks a free port. */
  port: number;
}

/** The address of a Unix socket. */
export interface UnixAddress {
  /**
   * The path of a file; a name in Linux's abstract namespace if it begins with a NUL, and such a
   * name may contain more of them; empty if the socket has no name.
   */
  path: string;
}

/**
 * An address of any other family (AF_NETLINK, AF_PACKET, AF_VSOCK and so on), or a Unix name that
 * is not UTF-8: as the kernel has it.
 */
export interface OtherAddress {
  /** `sa_family`: must be the socket's family. */
  family: number;
  /** The bytes of the sockaddr behind `sa_family`. */
  data: Uint8Array;
}

/** Where a socket is, or what it communicates with. */
export type Address = InetAddress | UnixAddress | OtherAddress;

const FAMILY_SIZE = 2; // of sa_family, with sa_len where there is one

/**
 * The sockaddr of an address, for a socket of `family`.
 *
 * @param address The address; its hostname must be an IP address.
 * @param resolve Gives the sockaddr of a hostname that is not an IPv4 address.
 * @throws {TypeError} When the address is not of the family, or no address at all.
 * @throws {RangeError} When the port or the length of the path or of the data is out of range.
 */
export function encodeAddress(
  address: Address,
  family: number,
  resolve: (hostname: string, family: number) => Uint8Array,
): Uint8Array {
  checkAddress(address);
  if ("data" in address) return encodeOther(address, family);
  if (family === c.AF_UNIX) {
    if (!("path" in address)) throw new TypeError("A Unix socket's address must be { path }");
    const bytes = new Uint8Array(c.sockaddr_un.size);
    const length = c.sockaddr_un.write(bytes, { sun_family: c.AF_UNIX, sun_path: address.path });
    return bytes.subarray(0, length);
  }
  if (family !== c.AF_INET && family !== c.AF_INET6) {
    throw new TypeError(`The address of a socket of family ${family} must be { family, data }`);
  }
  if ("path" in address) {
    throw new TypeError("An internet socket's address must be { hostname, port }");
  }

  const { hostname, port } = address;
  const bytes = isIpv4(hostname) && family === c.AF_INET
    ? encodeIpv4(hostname)
    : resolve(hostname, family).slice();
  new DataView(bytes.buffer).setUint16(c.sockaddr_in.offsets.sin_port, port);
  return bytes;
}

/**
 * Throws unless `address` has the form of an address.
 *
 * @throws {TypeError} When it is not an address.
 * @throws {RangeError} When the port is out of range.
 */
export function checkAddress(address: Address): void {
  if (typeof address !== "object" || address === null) {
    throw new TypeError("An address must be { hostname, port }, { path } or { family, data }");
  }
  const { hostname, port, path, family, data } = address as
    & Partial<InetAddress>
    & Partial<UnixAddress>
    & Partial<OtherAddress>;
  if (data !== undefined) {
    if (!(data instanceof Uint8Array)) throw new TypeError("data must be a Uint8Array");
    if (typeof family !== "number") throw new TypeError("family must be a number");
    return;
  }
  if (path !== undefined) {
    if (typeof path !== "string") throw new TypeError("path must be a string");
    if (!path.isWellFormed()) throw new TypeError("path has a surrogate that UTF-8 cannot encode");
    return;
  }
  if (typeof hostname !== "string" || typeof port !== "number") {
    throw new TypeError("An address must be { hostname, port }, { path } or { family, data }");
  }
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(`A port must be an integer from 0 to 65535, not ${port}`);
  }
  if (hostname.includes("\0")) throw new TypeError("A hostname must not contain a NUL character");
}

/** Whether the text is an IPv4 address, such as 127.0.0.1. */
export function isIpv4(hostname: string): boolean {
  return c.inet_pton(c.AF_INET, hostname, new Uint8Array(4)) === 1;
}

/**
 * The address in the first `length` bytes of `memory`, as the kernel stored it.
 *
 * @param family The socket's, for addresses that are too short to have one.
 */
export function decodeAddress(memory: Uint8Array, length: number, family: number): Address {
  const bytes = memory.subarray(0, length); // the kernel may report more than it stored
  if (bytes.length >= FAMILY_SIZE) family = c.sockaddr.read(bytes).sa_family;
  const data = bytes.subarray(FAMILY_SIZE);
  if (family === c.AF_UNIX) return decodeUnix(data);
  if (family === c.AF_INET && bytes.length >= c.sockaddr_in.size) {
    const { sin_addr, sin_port } = c.sockaddr_in.read(bytes);
    return { hostname: sin_addr, port: sin_port };
  }
  if (family === c.AF_INET6 && bytes.length >= c.sockaddr_in6.size) {
    const { sin6_addr, sin6_port, sin6_scope_id } = c.sockaddr_in6.read(bytes);
    return {
      hostname: sin6_scope_id === 0 ? sin6_addr : `${sin6_addr}%${sin6_scope_id}`,
      port: sin6_port,
    };
  }
  return { family, data: data.slice() };
}

/** `127.0.0.1:80`, `[::1]:80`, `/run/socket`, `@abstract` or `family 16: 00 00 …`, for messages. */
export function formatAddress(address: Address): string {
  if ("data" in address) return `family ${address.family}: ${formatBytes(address.data)}`;
  if ("path" in address) return escapeControls(address.path.replace(/^\0/, "@"));
  const { hostname, port } = address;
  return hostname.includes(":")
    ? `[${escapeControls(hostname)}]:${port}`
    : `${escapeControls(hostname)}:${port}`;
}

function encodeIpv4(hostname: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(c.sockaddr_in.size);
  c.sockaddr_in.write(bytes, { sin_family: c.AF_INET, sin_port: 0, sin_addr: hostname });
  return bytes;
}

function encodeOther(address: OtherAddress, family: number): Uint8Array {
  if (address.family !== family) {
    throw new TypeError(`The address is of family ${address.family}, and the socket of ${family}`);
  }
  const length = FAMILY_SIZE + address.data.length;
  if (length > c.sockaddr_storage.size) {
    const most = c.sockaddr_storage.size - FAMILY_SIZE;
    throw new RangeError(`data has ${address.data.length} bytes, and at most ${most} fit`);
  }
  const bytes = new Uint8Array(length);
  const at = c.sockaddr_in.offsets.sin_family; // 1 where a byte with the length comes first
  if (at === 1) bytes.set([length, family]);
  else new DataView(bytes.buffer).setUint16(at, family, true);
  bytes.set(address.data, FAMILY_SIZE);
  return bytes;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LONGEST_PATH = c.sockaddr_un.size - FAMILY_SIZE - 1; // its NUL follows

function decodeUnix(data: Uint8Array): UnixAddress | OtherAddress {
  const isAbstract = c.sockaddr_un.offsets.sun_family === 0 && data[0] === 0; // Linux only
  const end = isAbstract ? -1 : data.indexOf(0);
  const name = end === -1 ? data : data.subarray(0, end);
  const isTooLong = !isAbstract && name.length > LONGEST_PATH; // the kernel accepts one byte more
  try {
    if (!isTooLong) return { path: utf8.decode(name) };
  } catch {
    // not UTF-8
  }
  return { family: c.AF_UNIX, data: name.slice() };
}

function formatBytes(bytes: Uint8Array): string {
  const shown = [...bytes.subarray(0, 32)].map((byte) => byte.toString(16).padStart(2, "0"));
  if (bytes.length > shown.length) shown.push("…");
  return shown.join(" ");
}
