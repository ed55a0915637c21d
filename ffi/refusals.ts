/**
 * Which socket options and message flags are safe. Refuses what no check of lengths makes safe:
 * options whose value holds pointers or counts, and sends after which the kernel still reads the
 * memory. `platforms/refused.ts` lists them.
 *
 * @module
 */

import { checkInt } from "./arguments.ts";
import { IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, SOL_SOCKET } from "./constants.ts";
import { platform } from "./platform.ts";
import type { RefusedOption } from "./platforms/refused.ts";

const { zerocopyFlag } = platform.refused;
const toGet = index(platform.refused.get);
const toSet = index(platform.refused.set);
const bounded = indexOfBounded();

/** Throws a RangeError that names the option, if getsockopt(2) must not be called with it. */
export function checkGetOption(level: number, optname: number): void {
  const refused = toGet[level]?.[optname];
  if (refused !== undefined) refuse(refused);
}

/** Throws a RangeError that names the option, if setsockopt(2) must not be called with it. */
export function checkSetOption(level: number, optname: number): void {
  const refused = toSet[level]?.[optname];
  if (refused !== undefined) refuse(refused);
}

/** Throws unless `flags` is an int without MSG_ZEROCOPY. For send(2), sendto(2) and sendmsg(2). */
export function checkSendFlags(flags: number): void {
  checkInt(flags, "flags");
  if ((flags & zerocopyFlag) !== 0) refuseZerocopy();
}

/**
 * Whether getsockopt(2) writes no more than `optlen` bytes for this option. It is so for
 * SOL_SOCKET, of which the socket layer handles the options itself (sk_getsockopt() of Linux,
 * sooptcopyout() of the BSDs), and for the options that this library has constants for. Nothing is
 * said of the others.
 */
export function isBounded(level: number, optname: number): boolean {
  return level === SOL_SOCKET || bounded[level]?.[optname] === true;
}

type Index = Readonly<Record<number, Readonly<Record<number, RefusedOption>>>>;

/** By level and name, in objects without a prototype. */
function index(options: readonly RefusedOption[]): Index {
  const byLevel: Record<number, Record<number, RefusedOption>> = Object.create(null);
  for (const option of options) {
    byLevel[option.level] ??= Object.create(null) as Record<number, RefusedOption>;
    byLevel[option.level]![option.optname] = option;
  }
  return byLevel;
}

/** The options that have a constant, by level and name. */
function indexOfBounded(): Readonly<Record<number, Readonly<Record<number, true>>>> {
  const byLevel: Record<number, Record<number, true>> = Object.create(null);
  const levels = { TCP_: IPPROTO_TCP, IP_: IPPROTO_IP, IPV6_: IPPROTO_IPV6 };
  for (const [prefix, level] of Object.entries(levels)) {
    const options: Record<number, true> = byLevel[level] = Object.create(null);
    for (const [name, optname] of Object.entries(platform.constants)) {
      if (name.startsWith(prefix)) options[optname] = true;
    }
  }
  return byLevel;
}

function refuse({ level, optname, name, reason }: RefusedOption): never {
  throw new RangeError(`${name} (option ${optname} of level ${level}) is refused: ${reason}`);
}

function refuseZerocopy(): never {
  throw new RangeError(
    "MSG_ZEROCOPY is refused: the kernel would read the memory after the call, when JavaScript may " +
      "have freed or reused it",
  );
}
