/**
 * <netdb.h>: the addresses of a name. getaddrinfo(3)
 *
 * @module
 */

import { arrayType, checkInt, checkMemory, copyBytes, cString } from "./arguments.ts";
import { deepFreeze, setAdd, setBytes, setDelete, setHas } from "./intrinsics.ts";
import { libc } from "./libc.ts";
import { mapAnonymous, viewAt } from "./mman.ts";
import { platform } from "./platform.ts";

/** One node of the list that getaddrinfo() makes. getaddrinfo(3) */
export interface AddrInfo {
  /** AI_PASSIVE and other flags. */
  readonly ai_flags: number;
  /** AF_INET or AF_INET6. */
  readonly ai_family: number;
  /** SOCK_STREAM or SOCK_DGRAM. */
  readonly ai_socktype: number;
  /** IPPROTO_TCP or IPPROTO_UDP. */
  readonly ai_protocol: number;
  /** A copy of the address: the `ai_addrlen` bytes of a struct sockaddr. */
  readonly ai_addr: Uint8Array<ArrayBuffer>;
}

/**
 * `struct addrinfo`: four ints, a length and three pointers. Callers set only the ints. `ai_addr`
 * comes before `ai_canonname` on Linux, and after it on macOS, the BSDs and Windows.
 */
export const addrinfo: {
  /** `sizeof`, in bytes. */
  readonly size: number;
  /** `offsetof` of each field, in bytes. */
  readonly offsets: {
    readonly ai_flags: number;
    readonly ai_family: number;
    readonly ai_socktype: number;
    readonly ai_protocol: number;
    readonly ai_addrlen: number;
    readonly ai_addr: number;
    readonly ai_canonname: number;
    readonly ai_next: number;
  };
  /** Writes a struct addrinfo for the `hints` of getaddrinfo(). */
  hints(
    fields: { ai_flags?: number; ai_family?: number; ai_socktype?: number; ai_protocol?: number },
  ): Uint8Array<ArrayBuffer>;
  /**
   * Copies every node of a list that getaddrinfo() made.
   *
   * @throws {TypeError} When the list was not made by getaddrinfo(), or was freed.
   */
  list(res: bigint): AddrInfo[];
} = deepFreeze({
  size: 48,
  offsets: {
    ai_flags: 0,
    ai_family: 4,
    ai_socktype: 8,
    ai_protocol: 12,
    ai_addrlen: 16,
    ai_addr: platform.canonnameFirst ? 32 : 24,
    ai_canonname: platform.canonnameFirst ? 24 : 32,
    ai_next: 40,
  },
  hints(
    { ai_flags = 0, ai_family = 0, ai_socktype = 0, ai_protocol = 0 }: {
      ai_flags?: number;
      ai_family?: number;
      ai_socktype?: number;
      ai_protocol?: number;
    },
  ) {
    const bytes = new Uint8Array(addrinfo.size);
    const ints = [ai_flags, ai_family, ai_socktype, ai_protocol];
    ints.forEach((value) => checkInt(value, "hint"));
    new Int32Array(bytes.buffer).set(ints);
    return bytes;
  },
  list(res: bigint) {
    checkList(res);
    const nodes: AddrInfo[] = [];
    let next = Deno.UnsafePointer.create(res);
    while (next !== null) {
      const node = new Deno.UnsafePointerView(next);
      const address = node.getPointer(addrinfo.offsets.ai_addr);
      const bytes = new Uint8Array(
        address === null ? 0 : node.getUint32(addrinfo.offsets.ai_addrlen),
      );
      if (address !== null) new Deno.UnsafePointerView(address).copyInto(bytes);
      nodes.push({
        ai_flags: node.getInt32(addrinfo.offsets.ai_flags),
        ai_family: node.getInt32(addrinfo.offsets.ai_family),
        ai_socktype: node.getInt32(addrinfo.offsets.ai_socktype),
        ai_protocol: node.getInt32(addrinfo.offsets.ai_protocol),
        ai_addr: bytes,
      });
      next = node.getPointer(addrinfo.offsets.ai_next);
    }
    return nodes;
  },
});

const FIRST_POINTER = 24;

// The lists that getaddrinfo() made and that are not freed yet. No other address is used.
const lists = new Set<bigint>();

/**
 * `int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct
 * addrinfo **res)`: writes the address of a list to `res[0]`. {@linkcode addrinfo}.list reads the
 * list, and {@linkcode freeaddrinfo} frees it. Returns 0 or an EAI_ code. Blocks the thread while
 * it asks a name server. getaddrinfo(3)
 *
 * @throws {RangeError} When `hints` or `res` is too small.
 * @throws {TypeError} When a name is no string or contains a NUL.
 */
export function getaddrinfo(
  node: string | null,
  service: string | null,
  hints: Uint8Array | null,
  res: BigUint64Array,
): number {
  const [nodeString, serviceString, ownHints] = checkQuery(node, service, hints, res);
  const list = new BigUint64Array(1);
  const result = libc().getaddrinfo(nodeString, serviceString, ownHints, list);
  return keepList(result, list, res);
}

/**
 * getaddrinfo() on a thread of Deno's pool. After EAI_SYSTEM, the errno is that of the other
 * thread, and lost. getaddrinfo(3)
 *
 * @throws {RangeError} When `hints` or `res` is too small.
 * @throws {TypeError} When a name is no string or contains a NUL.
 */
export async function getaddrinfo_nonblocking(
  node: string | null,
  service: string | null,
  hints: Uint8Array | null,
  res: BigUint64Array,
): Promise<number> {
  const [nodeString, serviceString, ownHints] = checkQuery(node, service, hints, res);
  const size = (nodeString?.length ?? 0) + (serviceString?.length ?? 0);
  // No name of that length can be found, which takes no time to say.
  if (size > PAGE_SIZE - FIRST_STRING) return getaddrinfo(node, service, hints, res);
  const page = pages.pop() ?? newPage();
  const list = new BigUint64Array(page.buffer, 0, 1);
  const place = (bytes: Uint8Array | null, at: number) => {
    if (bytes === null) return null;
    setBytes(page, bytes, at);
    return page.subarray(at, at + bytes.length);
  };
  const result = await libc().getaddrinfo_nonblocking(
    place(nodeString, FIRST_STRING),
    place(serviceString, FIRST_STRING + (nodeString?.length ?? 0)),
    place(ownHints, HINTS),
    list,
  );
  pages.push(page);
  return keepList(result, list, res);
}

// What another thread uses is not JavaScript's memory, which is freed when a Worker is terminated:
// a page for each lookup, with the result, the hints and the strings, that is used again.
const PAGE_SIZE = 4096;
const HINTS = 64;
const FIRST_STRING = 128;
const pages: Uint8Array<ArrayBuffer>[] = [];

function newPage(): Uint8Array<ArrayBuffer> {
  if (platform.isWinsock) return new Uint8Array(PAGE_SIZE); // without mmap(2)
  return new Uint8Array(viewAt(mapAnonymous(PAGE_SIZE), PAGE_SIZE));
}

function checkQuery(
  node: string | null,
  service: string | null,
  hints: Uint8Array | null,
  res: BigUint64Array,
) {
  const nodeString = node === null ? null : cString(node, "node");
  const serviceString = service === null ? null : cString(service, "service");
  checkMemory(res, 8, "res");
  if (arrayType(res) !== "BigUint64Array") throw new TypeError("res must be a BigUint64Array");
  if (hints !== null) checkMemory(hints, addrinfo.size, "hints");
  // Copies, because another thread may write to shared memory between the check and the call.
  const ownHints = hints === null ? null : copyBytes(hints, addrinfo.size);
  for (let i = FIRST_POINTER; ownHints !== null && i < addrinfo.size; i++) {
    if (ownHints[i] !== 0) throw new TypeError("the pointers of hints must be NULL");
  }
  return [nodeString, serviceString, ownHints] as const;
}

/** Remembers the list that a successful call made, and returns the result. */
function keepList(result: number, list: BigUint64Array, res: BigUint64Array): number {
  if (result !== 0) return result;
  setAdd(lists, list[0]!);
  res[0] = list[0]!;
  return result;
}

/**
 * `void freeaddrinfo(struct addrinfo *res)`: frees a list. getaddrinfo(3)
 *
 * @throws {TypeError} When the list was not made by getaddrinfo(), or was freed already.
 */
export function freeaddrinfo(res: bigint): void {
  checkList(res);
  setDelete(lists, res);
  libc().freeaddrinfo(Deno.UnsafePointer.create(res));
}

/** `const char *gai_strerror(int errcode)`: the sentence for an EAI_ code. getaddrinfo(3) */
export function gai_strerror(errcode: number): string {
  checkInt(errcode, "errcode");
  const { gai_strerror } = libc();
  if (gai_strerror === null) return SENTENCES[eaiName(errcode)] ?? "Unknown error";
  const sentence = gai_strerror(errcode);
  return sentence === null ? "Unknown error" : Deno.UnsafePointerView.getCString(sentence);
}

/** The sentences of glibc, for C libraries without gai_strerror(). */
const SENTENCES: Readonly<Record<string, string>> = {
  EAI_BADFLAGS: "Bad value for ai_flags",
  EAI_NONAME: "Name or service not known",
  EAI_AGAIN: "Temporary failure in name resolution",
  EAI_FAIL: "Non-recoverable failure in name resolution",
  EAI_NODATA: "No address associated with hostname",
  EAI_FAMILY: "ai_family not supported",
  EAI_SOCKTYPE: "ai_socktype not supported",
  EAI_SERVICE: "Servname not supported for ai_socktype",
  EAI_MEMORY: "Memory allocation failure",
};

function checkList(res: bigint): void {
  if (!setHas(lists, res)) throw new TypeError(`${res} is not a list that getaddrinfo gave`);
}

/** The name of an EAI_ code: `"EAI_NONAME"` for -2 on Linux. */
export function eaiName(errcode: number): string {
  for (const [name, code] of Object.entries(platform.constants)) {
    if (code === errcode && name.startsWith("EAI_")) return name;
  }
  return `EAI ${errcode}`;
}
