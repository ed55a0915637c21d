/**
 * From host names to addresses. getaddrinfo(3)
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { makeOsError } from "../ffi/errno.ts";
import { eaiName } from "../ffi/netdb.ts";

/** A sockaddr with its family. */
export interface Resolved {
  readonly family: number;
  readonly sockaddr: Uint8Array<ArrayBuffer>;
}

/**
 * The addresses of a name, best first, with port 0. Blocks the thread while a name server is asked.
 *
 * @param family AF_UNSPEC for every family.
 * @throws An OS error with an EAI_ code when the name does not resolve.
 */
export function resolve(hostname: string, family: number, type: number): Resolved[] {
  const res = new BigUint64Array(1);
  // An IP address first: "::1" must not wait for a name server, and neither must a wrong family.
  let code = c.getaddrinfo(hostname, null, hintsOf(family, type, c.AI_NUMERICHOST), res);
  if (code !== 0) {
    code = refusal(hostname) ?? c.getaddrinfo(hostname, null, hintsOf(family, type), res);
  }
  if (code !== 0) throw resolveError(hostname, code, c.errno());
  return take(res[0]!);
}

/** The best address of a name, as a sockaddr with port 0. Otherwise as {@linkcode resolve}. */
export function resolveOne(
  hostname: string,
  family: number,
  type: number,
): Uint8Array<ArrayBuffer> {
  return resolve(hostname, family, type)[0]!.sockaddr;
}

/** The same without blocking: a thread of Deno's pool asks the name server. */
export async function resolveAsync(
  hostname: string,
  family: number,
  type: number,
): Promise<Resolved[]> {
  const res = new BigUint64Array(1);
  let code = c.getaddrinfo(hostname, null, hintsOf(family, type, c.AI_NUMERICHOST), res);
  if (code !== 0) {
    code = refusal(hostname) ??
      await c.getaddrinfo_nonblocking(hostname, null, hintsOf(family, type), res);
  }
  // EAI_SYSTEM: the errno is the other thread's, and lost.
  if (code !== 0) throw resolveError(hostname, code, 0);
  return take(res[0]!);
}

/** On Windows "" is the name of this machine. It is no name here, as everywhere else. */
function refusal(hostname: string): number | undefined {
  return hostname === "" ? c.EAI_NONAME : undefined;
}

function hintsOf(family: number, type: number, flags = 0): Uint8Array {
  // The types that are not SOCK_DGRAM have the addresses of SOCK_STREAM.
  const ai_socktype = (type & TYPE_MASK) === c.SOCK_DGRAM ? c.SOCK_DGRAM : c.SOCK_STREAM;
  return c.addrinfo.hints({ ai_family: family, ai_socktype, ai_flags: flags });
}

const TYPE_MASK = ~(c.SOCK_NONBLOCK | c.SOCK_CLOEXEC);

function take(list: bigint): Resolved[] {
  try {
    return c.addrinfo.list(list)
      .filter(({ ai_addr }) => ai_addr.length > 0)
      .map(({ ai_family, ai_addr }) => ({ family: ai_family, sockaddr: ai_addr }));
  } finally {
    c.freeaddrinfo(list);
  }
}

function resolveError(hostname: string, code: number, errno: number): c.OsError {
  if (code === c.EAI_SYSTEM && errno !== 0) return c.osError("getaddrinfo", hostname, errno);
  const name = eaiName(code);
  const sentence = `getaddrinfo ${hostname}: ${c.gai_strerror(code)} (${name} ${code})`;
  return makeOsError(sentence, "getaddrinfo", name, code);
}
