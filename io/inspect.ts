/**
 * What console.log() shows of a Socket or a Descriptor: what Python's repr() shows.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { formatAddress } from "./address.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Socket } from "./socket.ts";

type Inspect = (value: unknown, options: object) => string;

// Deno's console and Node's util both ask for this method.
const CUSTOM = Symbol.for("nodejs.util.inspect.custom");

/** Makes console.log() show the fields that `describe` gives. */
export function makeInspectable<Instance extends object>(
  prototype: Instance,
  describe: (instance: Instance) => Record<string, unknown>,
): void {
  Object.defineProperty(prototype, CUSTOM, {
    value(this: Instance, _depth: number, options: object, inspect: Inspect): string {
      const fields = this === prototype ? {} : describe(this);
      return `${this.constructor.name} ${inspect(fields, options)}`;
    },
    configurable: true,
    writable: true,
  });
}

/** The descriptor, its family and type by name, its addresses as far as it has any. */
export function describeSocket(socket: Socket): Record<string, unknown> {
  const fields = {
    fd: socket.fileno(),
    family: nameOf("AF_", socket.family),
    type: nameOf("SOCK_", socket.type),
  };
  const { blocking, closed } = socket;
  if (closed) return { ...fields, closed };
  const addresses = { ...addressOf(socket, "localAddress"), ...addressOf(socket, "remoteAddress") };
  return { ...fields, ...addresses, blocking, closed };
}

/** The descriptor, and whether it is closed. */
export function describeDescriptor(descriptor: Descriptor): Record<string, unknown> {
  return { fd: descriptor.fileno(), closed: descriptor.closed };
}

function addressOf(
  socket: Socket,
  name: "localAddress" | "remoteAddress",
): Record<string, string> {
  try {
    const address = formatAddress(socket[name]);
    return address === "" ? {} : { [name]: address };
  } catch {
    return {}; // it has none, or other code has closed it
  }
}

/** The name of a constant, such as AF_INET; its number if it has none. */
function nameOf(prefix: string, value: number): string | number {
  for (const [name, number] of Object.entries(c)) {
    if (number === value && name.startsWith(prefix) && !FLAGS.includes(name)) return name;
  }
  return value;
}

const FLAGS: readonly string[] = ["SOCK_NONBLOCK", "SOCK_CLOEXEC"];
