/**
 * Calls getsockopt() and setsockopt() of `ffi` with (level, name) pairs, sizes and values from a
 * seeded walk, on sockets of many kinds in prepared states: groups and sources joined, MPTCP and
 * TLS established, filters attached, errors queued. Each call must leave every byte outside its
 * memory as it was, and so must it the memory that pointers in its values point to.
 *
 *     deno run -A tests/long/fuzz_options.ts CALLS [SEED]
 *
 * Prints how many calls were made on each kind of socket, and exits 1 with the seed and the call at
 * the first stray byte. Linux only. Kinds that the kernel or the user's rights do not allow are
 * left out, and said so.
 */

import { Buffer } from "node:buffer";
import * as ffi from "../../ffi/mod.ts";
import { Socket } from "../../mod.ts";
import { openDescriptors } from "../helpers/descriptors.ts";
import { seededRandom } from "../helpers/seeded_random.ts";

const calls = Number(Deno.args[0] ?? 200_000);
const seed = Number(Deno.args[1] ?? Math.floor(Math.random() * 2 ** 31));
const random = seededRandom(seed);
const pick = <T>(values: readonly T[]): T => values[random(values.length)]!;

// ─── memory ─────────────────────────────────────────────────────────────────────────────────────

const CANARY = 0xa5;
const BEFORE = 1024; // bytes that are watched before and behind the memory of each call
const BEHIND = 16384;
const LARGEST = 8192;
const arena = Buffer.alloc(BEFORE + LARGEST + BEHIND, CANARY);
const untouched = Buffer.alloc(BEFORE + BEHIND, CANARY);

// Pointers in values point here.
const victim = Buffer.alloc(65536, CANARY);
const wholeVictim = Buffer.alloc(65536, CANARY);
const victimAddress = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(victim)));

const SIZES = [0, 1, 2, 3, 4, 5, 8, 12, 16, 20, 24, 28, 32, 36, 40, 48, 56, 64, 100, 128, 136, 144]
  .concat([145, 160, 256, 264, 272, 280, 512, 1000, 1024, 2048, 4095, 4096, 8191, 8192]);

const previous = Buffer.alloc(LARGEST);

/** The memory of the next call, filled as some option expects it. */
function value(): Buffer {
  const size = pick(SIZES);
  const bytes = arena.subarray(BEFORE, BEFORE + size);
  switch (random(6)) {
    case 0:
      bytes.fill(0);
      break;
    case 1: // small counts and numbers
      for (let i = 0; i < size; i++) bytes[i] = random(4) === 0 ? random(16) : 0;
      break;
    case 2:
      for (let i = 0; i < size; i++) bytes[i] = random(256);
      break;
    case 3: // pointers to the victim, wherever a struct may have one
      bytes.fill(0);
      for (let i = 0; i + 8 <= size; i += 8) {
        if (random(2) === 0) bytes.writeBigUInt64LE(victimAddress + BigInt(8 * random(512)), i);
        else bytes.writeUInt32LE(pick([0, 1, 2, 8, 64, 512]), i);
      }
      break;
    case 4: // a joined group, and more sources than fit: ip_msfilter, group_filter
      bytes.fill(0);
      bytes.set(pick(FILTERS).subarray(0, size));
      break;
    case 5: // what the last call has found
      bytes.set(previous.subarray(0, size));
      break;
  }
  return bytes;
}

const GROUPS: Record<number, string> = { [ffi.AF_INET]: "232.1.1.1", [ffi.AF_INET6]: "ff35::1" };
const SOURCES = 10; // net.ipv4.igmp_max_msf

/** Values that ask for the sources of the groups that the prepared sockets have joined. */
const FILTERS: readonly Uint8Array[] = [
  ipFilter(),
  groupFilter(ffi.AF_INET),
  groupFilter(ffi.AF_INET6),
];

/** `struct ip_msfilter` */
function ipFilter(): Uint8Array {
  return new Uint8Array([232, 1, 1, 1, 127, 0, 0, 1, 1, 0, 0, 0, 255, 1, 0, 0]);
}

/** `struct group_filter`, up to its count. */
function groupFilter(family: number): Uint8Array {
  const bytes = new Uint8Array(8 + 128 + 8);
  bytes[0] = 1; // gf_interface: the loopback device
  writeAddress(bytes, family, GROUPS[family]!, 8);
  bytes[8 + 128] = 1; // gf_fmode
  bytes[8 + 128 + 4] = 255; // gf_numsrc
  return bytes;
}

function writeAddress(bytes: Uint8Array, family: number, address: string, offset: number): void {
  if (family === ffi.AF_INET) {
    ffi.sockaddr_in.write(bytes, { sin_family: family, sin_port: 0, sin_addr: address }, offset);
    return;
  }
  const fields = { sin6_port: 0, sin6_flowinfo: 0, sin6_addr: address, sin6_scope_id: 0 };
  ffi.sockaddr_in6.write(bytes, { sin6_family: family, ...fields }, offset);
}

// ─── sockets ────────────────────────────────────────────────────────────────────────────────────

const [IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_UDPLITE, IPPROTO_MPTCP] = [1, 58, 136, 262];
const [AF_NETLINK, AF_PACKET, AF_ALG, AF_VSOCK, AF_XDP] = [16, 17, 38, 40, 44];
const LOOPBACK = { hostname: "127.0.0.1", port: 0 };
const LOOPBACK6 = { hostname: "::1", port: 0 };

// The library refuses options with pointers: so filters are attached by the C library itself.
const { symbols: libc } = Deno.dlopen("libc.so.6", {
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
});

const RETURN_ALL = new Uint8Array([6, 0, 0, 0, 0xff, 0xff, 0, 0]); // BPF_RET | BPF_K

function attachFilter(socket: Socket): void {
  const fprog = Buffer.alloc(16); // struct sock_fprog: len, filter
  const filter = new Uint8Array(new ArrayBuffer(8 * 64));
  for (let i = 0; i < 64; i++) filter.set(RETURN_ALL, 8 * i);
  fprog.writeUInt16LE(64, 0);
  fprog.writeBigUInt64LE(BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(filter))), 8);
  const SO_ATTACH_FILTER = 26;
  if (libc.setsockopt(socket.fileno(), ffi.SOL_SOCKET, SO_ATTACH_FILTER, fprog, 16) === -1) {
    throw new Error("no filter");
  }
}

function tcpPair(family: number, protocol = 0): [Socket, Socket, Socket] {
  const server = new Socket(family, ffi.SOCK_STREAM, protocol);
  server.bind(family === ffi.AF_INET ? LOOPBACK : LOOPBACK6);
  server.listen();
  const client = new Socket(family, ffi.SOCK_STREAM, protocol);
  client.connect(server.localAddress);
  const connection = server.accept()!;
  client.send(new Uint8Array(100));
  connection.send(new Uint8Array(100));
  client.recv(1); // the data have arrived: MPTCP is established
  return [client, connection, server];
}

/** Joins a group's sources with MCAST_JOIN_SOURCE_GROUP (46). */
function joinSources(socket: Socket, family: number): void {
  const level = family === ffi.AF_INET ? ffi.IPPROTO_IP : ffi.IPPROTO_IPV6;
  for (let i = 1; i <= SOURCES; i++) {
    const request = new Uint8Array(8 + 2 * 128); // struct group_source_req
    request[0] = 1;
    writeAddress(request, family, GROUPS[family]!, 8);
    writeAddress(request, family, family === ffi.AF_INET ? `10.0.0.${i}` : `2001:db8::${i}`, 136);
    socket.setOption(level, 46, request);
  }
}

/** An option that the kernel may lack. */
function tryOption(socket: Socket, level: number, name: number, value: number | Uint8Array): void {
  try {
    socket.setOption(level, name, value);
  } catch {
    // Without it, then.
  }
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** The kinds of sockets, each with what makes and prepares its sockets. */
const KINDS: Readonly<Record<string, () => Socket[]>> = {
  "TCP over IPv4": () => tcpPair(ffi.AF_INET),
  "TCP over IPv6": () => tcpPair(ffi.AF_INET6),
  "TCP that is not connected": () => [new Socket()],
  "TCP with a filter": () => {
    const sockets = tcpPair(ffi.AF_INET);
    sockets.forEach(attachFilter);
    return sockets;
  },
  "TCP with TLS": () => {
    const sockets = tcpPair(ffi.AF_INET);
    for (const socket of sockets.slice(0, 2)) {
      tryOption(socket, ffi.IPPROTO_TCP, 31, bytesOf("tls")); // TCP_ULP
      const info = new Uint8Array(40); // struct tls12_crypto_info_aes_gcm_128
      info.set([3, 3, 51, 0]);
      tryOption(socket, 282, 1, info); // TLS_TX
      tryOption(socket, 282, 2, info); // TLS_RX
    }
    return sockets;
  },
  "TCP with a saved SYN and keys": () => {
    const sockets = tcpPair(ffi.AF_INET);
    for (const socket of sockets) {
      tryOption(socket, ffi.IPPROTO_TCP, 27, 1); // TCP_SAVE_SYN
      tryOption(socket, ffi.IPPROTO_TCP, 33, new Uint8Array(16).fill(7)); // TCP_FASTOPEN_KEY
      const ao = new Uint8Array(128 + 64 + 96); // struct tcp_ao_add
      writeAddress(ao, ffi.AF_INET, "127.0.0.1", 0);
      ao.set(bytesOf("hmac(sha1)"), 128);
      ao.set([32, 100, 100, 0, 0, 8], 204);
      tryOption(socket, ffi.IPPROTO_TCP, 38, ao); // TCP_AO_ADD_KEY
    }
    return sockets;
  },
  "MPTCP over IPv4": () => tcpPair(ffi.AF_INET, IPPROTO_MPTCP),
  "MPTCP over IPv6": () => tcpPair(ffi.AF_INET6, IPPROTO_MPTCP),
  "UDP with joined sources": () => {
    const socket = new Socket(ffi.AF_INET, ffi.SOCK_DGRAM);
    for (let source = 1; source <= SOURCES; source++) { // IP_ADD_SOURCE_MEMBERSHIP
      const mreq = new Uint8Array([232, 1, 1, 1, 127, 0, 0, 1, 10, 0, 0, source]);
      socket.setOption(ffi.IPPROTO_IP, 39, mreq);
    }
    return [socket];
  },
  "UDP with sources of an interface": () => {
    const socket = new Socket(ffi.AF_INET, ffi.SOCK_DGRAM);
    joinSources(socket, ffi.AF_INET);
    return [socket];
  },
  "UDP over IPv6 with joined sources": () => {
    const socket = new Socket(ffi.AF_INET6, ffi.SOCK_DGRAM);
    joinSources(socket, ffi.AF_INET6);
    const IPV6_HOPOPTS = 54;
    tryOption(socket, ffi.IPPROTO_IPV6, IPV6_HOPOPTS, new Uint8Array([0, 0, 1, 4, 0, 0, 0, 0]));
    return [socket];
  },
  "UDP with a filter and errors": () => {
    const socket = new Socket(ffi.AF_INET, ffi.SOCK_DGRAM);
    attachFilter(socket);
    socket.setOption(ffi.IPPROTO_IP, 11, 1); // IP_RECVERR
    socket.bind(LOOPBACK);
    socket.setBlocking(false);
    const closed = new Socket(ffi.AF_INET, ffi.SOCK_DGRAM);
    closed.bind(LOOPBACK);
    const address = closed.localAddress;
    closed.close();
    socket.connect(address);
    socket.send(new Uint8Array(10));
    return [socket];
  },
  "UDP-Lite": () => [new Socket(ffi.AF_INET, ffi.SOCK_DGRAM, IPPROTO_UDPLITE)],
  "Unix streams": () => Socket.pair(),
  "Unix datagrams": () => {
    const socket = new Socket(ffi.AF_UNIX, ffi.SOCK_DGRAM);
    socket.bind({ path: `\0fuzz-options-${Deno.pid}-${sequence++}` });
    attachFilter(socket);
    return [socket];
  },
  "Unix packets": () => Socket.pair(ffi.SOCK_SEQPACKET),
  "a Unix listener": () => {
    const socket = new Socket(ffi.AF_UNIX);
    socket.bind({ path: `\0fuzz-options-${Deno.pid}-${sequence++}` });
    socket.listen();
    return [socket];
  },
  "netlink with groups": () => {
    const socket = new Socket(AF_NETLINK, ffi.SOCK_RAW, 0);
    for (const group of [1, 2, 5, 40]) tryOption(socket, 270, 1, group); // NETLINK_ADD_MEMBERSHIP
    return [socket];
  },
  "generic netlink": () => [new Socket(AF_NETLINK, ffi.SOCK_DGRAM, 16)],
  "ping": () => [new Socket(ffi.AF_INET, ffi.SOCK_DGRAM, IPPROTO_ICMP)],
  "ping over IPv6": () => [new Socket(ffi.AF_INET6, ffi.SOCK_DGRAM, IPPROTO_ICMPV6)],
  "raw IPv4": () => [new Socket(ffi.AF_INET, ffi.SOCK_RAW, IPPROTO_ICMP)],
  "raw IPv6": () => [new Socket(ffi.AF_INET6, ffi.SOCK_RAW, IPPROTO_ICMPV6)],
  "packets with a filter": () => {
    const socket = new Socket(AF_PACKET, ffi.SOCK_RAW, 0);
    attachFilter(socket);
    return [socket];
  },
  "the kernel's cryptography": () => [new Socket(AF_ALG, ffi.SOCK_SEQPACKET)],
  "vsock": () => [new Socket(AF_VSOCK, ffi.SOCK_STREAM)],
  "XDP": () => [new Socket(AF_XDP, ffi.SOCK_RAW)],
};

let sequence = 0;

interface Made {
  readonly kind: string;
  readonly sockets: readonly Socket[];
}

function make(kind: string): Made {
  const sockets = KINDS[kind]!();
  for (const socket of sockets) socket.setBlocking(false);
  return { kind, sockets };
}

function close({ sockets }: Made): void {
  for (const socket of sockets) {
    // Otherwise close() may wait for what a peer never reads.
    tryOption(socket, ffi.SOL_SOCKET, ffi.SO_LINGER, new Uint8Array(8));
    socket.close();
  }
}

// ─── the walk ───────────────────────────────────────────────────────────────────────────────────

const LEVELS = [0, 1, 1, 6, 6, 17, 41, 41, 58, 136, 255, 263, 270, 279, 282, 283, 284, 284, 287];
const SO_PEERPIDFD = 77;

function level(): number {
  return random(20) === 0 ? random(300) : pick(LEVELS);
}

function optname(): number {
  return random(50) === 0 ? pick([100, 200, 1000, 10_000, -1]) + random(100) : random(90);
}

/**
 * Whether an option changes more than its socket when root sets it: firewalls, multicast routes.
 */
function isOfMachine(level: number, name: number): boolean {
  return (level === ffi.IPPROTO_IP || level === ffi.IPPROTO_IPV6) && name >= 64 && name !== 66 &&
    name !== 67;
}

const length = new Int32Array(1);
const made: Record<string, number> = {};
let done = 0;
let last = "";

function call(kind: string, socket: Socket): void {
  const bytes = value();
  const [l, name] = [level(), optname()];
  const fd = socket.fileno();
  const isGet = random(4) !== 0 || isOfMachine(l, name);
  last = `${isGet ? "get" : "set"}sockopt(${l}, ${name}) with ${bytes.length} bytes on ${kind}`;
  // It gives a descriptor, also where there is no room for its number.
  const isPeer = isGet && l === ffi.SOL_SOCKET && name === SO_PEERPIDFD;
  if (isPeer && bytes.length < 4) return checkCanaries(bytes.length);
  done++;
  try {
    if (!isGet) ffi.setsockopt(fd, l, name, bytes, bytes.length);
    else {
      // The length may be less than the memory has, and never more.
      length[0] = random(8) === 0 && !isPeer ? random(bytes.length + 1) : bytes.length;
      const given = length[0];
      const behind = given < bytes.length ? bytes.slice(given) : undefined;
      const result = ffi.getsockopt(fd, l, name, bytes, length);
      if (behind !== undefined && Buffer.compare(behind, bytes.subarray(given)) !== 0) {
        throw new Error(`wrote behind ${given} bytes`);
      }
      if (isPeer && result === 0) ffi.close(bytes.readInt32LE());
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // it was refused
  }
  checkCanaries(bytes.length);
}

function checkCanaries(size: number): void {
  const isSame = arena.compare(untouched, 0, BEFORE, 0, BEFORE) === 0 &&
    arena.compare(untouched, 0, BEHIND, BEFORE + size, BEFORE + size + BEHIND) === 0;
  if (!isSame) throw new Error("wrote outside its memory");
  arena.copy(previous, 0, BEFORE, BEFORE + size);
  arena.fill(CANARY, BEFORE, BEFORE + size);
}

function checkVictim(): void {
  if (victim.compare(wholeVictim) !== 0) throw new Error("wrote through a pointer");
}

const ROUND = 500; // calls on the sockets of one kind, which are then made anew

const kinds: string[] = [];
const leftOut: string[] = [];
for (const kind of Object.keys(KINDS)) {
  try {
    close(make(kind));
    kinds.push(kind);
  } catch (error) {
    leftOut.push(`${kind} (${(error as Error).message})`);
  }
}
const descriptors = openDescriptors();
try {
  while (done < calls) {
    const current = make(pick(kinds));
    for (let i = 0; i < ROUND; i++) call(current.kind, pick(current.sockets));
    made[current.kind] = (made[current.kind] ?? 0) + ROUND;
    checkVictim();
    close(current);
    const now = openDescriptors();
    if (now !== descriptors) throw new Error(`${now} descriptors are open, and not ${descriptors}`);
  }
} catch (error) {
  console.error(`seed ${seed}, after ${done} calls, in ${last}:`, error);
  Deno.exit(1);
}
console.log(made);
if (leftOut.length > 0) console.log("left out:", leftOut);
console.log(`${done} calls on ${kinds.length} kinds of socket, seed ${seed}: no stray byte`);
