/**
 * Addresses as users write them, and as the kernel has them.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";

/** An IPv4 or IPv6 address and port. */
export interface InetAddress {
  /** An address, or a name that getaddrinfo(3) resolves; an address where the system gives it. */
  hostname: string;
  /** 0 to 65535; 0 lets bind() pick a free one. */
  port: number;
}

/** The address of a Unix socket. */
export interface UnixAddress {
  /** A file's path; a name in Linux's abstract namespace where it begins with a NUL; empty where there is no name. */
  path: string;
}

/** Where a socket is, or what it talks to. */
export type Address = InetAddress | UnixAddress;

/** `127.0.0.1:80`, `[::1]:80`, `/run/socket` or `@abstract`, for messages. */
export function formatAddress(address: Address): string {
  if ("path" in address) return address.path.replace(/^\0/, "@");
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/**
 * The bytes of `address` for a socket of this family and type; names are resolved, which may block while a name server is asked.
 *
 * @throws {TypeError} When the address is not of the family, or no address at all.
 * @throws {RangeError} When the port or the length of the path is out of range.
 * @throws An OS error with an EAI_ code when the name does not resolve.
 */
export function encodeAddress(address: Address, family: number, type: number): Uint8Array {
  if (typeof address !== "object" || address === null) {
    throw new TypeError("An address must be { hostname, port } or { path }");
  }
  if (family === c.AF_UNIX) {
    const { path } = address as Partial<UnixAddress>;
    if (typeof path !== "string") throw new TypeError("A Unix socket's address must be { path }");
    const bytes = new Uint8Array(c.sockaddr_un.size);
    const length = c.sockaddr_un.write(bytes, { sun_family: c.AF_UNIX, sun_path: path });
    return bytes.subarray(0, length);
  }
  if (family !== c.AF_INET && family !== c.AF_INET6) {
    throw new Deno.errors.NotSupported(`Addresses of family ${family} are not supported`);
  }

  const { hostname, port } = address as Partial<InetAddress>;
  if (typeof hostname !== "string" || typeof port !== "number") {
    throw new TypeError("An internet socket's address must be { hostname, port }");
  }
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(`A port must be an integer from 0 to 65535, not ${port}`);
  }
  if (hostname.includes("\0")) throw new TypeError("A hostname must not contain a NUL character");
  if (family === c.AF_INET && c.inet_pton(c.AF_INET, hostname, new Uint8Array(4)) === 1) {
    const bytes = new Uint8Array(c.sockaddr_in.size);
    c.sockaddr_in.write(bytes, { sin_family: c.AF_INET, sin_port: port, sin_addr: hostname });
    return bytes;
  }
  const bytes = resolve(hostname, family, type);
  new DataView(bytes.buffer).setUint16(c.sockaddr_in.offsets.sin_port, port);
  return bytes;
}

/** The address in the first `length` of `bytes`, as the kernel gave it. */
export function decodeAddress(bytes: Uint8Array, length: number): Address {
  const family = length < 2 ? c.AF_UNIX : c.sockaddr.read(bytes).sa_family;
  if (family === c.AF_UNIX) {
    return { path: length < 2 ? "" : c.sockaddr_un.read(bytes, 0, length).sun_path };
  }
  if (family === c.AF_INET) {
    const { sin_addr, sin_port } = c.sockaddr_in.read(bytes);
    return { hostname: sin_addr, port: sin_port };
  }
  if (family === c.AF_INET6) {
    const { sin6_addr, sin6_port, sin6_scope_id } = c.sockaddr_in6.read(bytes);
    return {
      hostname: sin6_scope_id === 0 ? sin6_addr : `${sin6_addr}%${sin6_scope_id}`,
      port: sin6_port,
    };
  }
  throw new Deno.errors.NotSupported(`Addresses of family ${family} are not supported`);
}

function resolve(hostname: string, family: number, type: number): Uint8Array<ArrayBuffer> {
  const res = new BigUint64Array(1);
  const hints = { ai_family: family, ai_socktype: type };
  // An address first: "::1" must not wait for a name server, and a family mismatch must not ask one.
  let code = c.getaddrinfo(
    hostname,
    null,
    c.addrinfo.hints({ ...hints, ai_flags: c.AI_NUMERICHOST }),
    res,
  );
  // To Windows "" is this machine's name; everywhere else it is none.
  if (code !== 0 && hostname === "") code = c.EAI_NONAME;
  else if (code !== 0) code = c.getaddrinfo(hostname, null, c.addrinfo.hints(hints), res);
  if (code !== 0) {
    if (code === c.EAI_SYSTEM) throw c.osError("getaddrinfo", hostname, c.errno());
    const name = c.eaiName(code);
    const sentence = `getaddrinfo ${hostname}: ${c.gai_strerror(code)} (${name} ${code})`;
    throw c.makeOsError(sentence, "getaddrinfo", name, code);
  }
  try {
    return c.addrinfo.list(res[0]!)[0]!.ai_addr;
  } finally {
    c.freeaddrinfo(res[0]!);
  }
}
