/**
 * Winsock, as libc.ts opens it: started once, and with the error of each failed call kept.
 *
 * @module
 */

import { openFirst } from "./dlopen.ts";
import { apply } from "./intrinsics.ts";
import { SYMBOLS } from "./symbols.ts";

/** Functions by name; null for one that the library lacks. */
type Functions = Readonly<Record<string, unknown>>;

/**
 * Starts Winsock, which refuses every call before WSAStartup(), and adds SetHandleInformation(),
 * which is in kernel32.dll.
 *
 * @param paths Winsock's library.
 * @param found Its functions.
 * @param lastError Where to put the error of each call that fails.
 * @returns The functions.
 * @throws {Deno.errors.NotSupported} When Winsock does not start.
 */
export function startWinsock(
  paths: readonly string[],
  found: Functions,
  lastError: Int32Array,
): Record<string, unknown> {
  const { WSAStartup, WSAGetLastError } = openFirst(paths, {
    // int WSAStartup(WORD wVersionRequired, LPWSADATA lpWSAData)
    WSAStartup: { parameters: ["u16", "buffer"], result: "i32" },
    // int WSAGetLastError(void)
    WSAGetLastError: { parameters: [], result: "i32" },
  });
  const version = 0x0202; // 2.2
  const error = WSAStartup(version, new Uint8Array(408)); // sizeof(WSADATA)
  if (error !== 0) throw new Deno.errors.NotSupported(`WSAStartup failed with ${error}`);
  const { SetHandleInformation } = SYMBOLS;
  const all = { ...found, ...openFirst(["kernel32.dll"], { SetHandleInformation }) };
  return keepErrors(all, WSAGetLastError, lastError);
}

/**
 * Reads each error as soon as its call has failed. Winsock's last error is that of the thread, and
 * V8 changes it when it allocates memory: compiling the next function is enough to turn an
 * EWOULDBLOCK into ERROR_INVALID_ADDRESS.
 */
function keepErrors(functions: Functions, WSAGetLastError: () => number, lastError: Int32Array) {
  const entries = Object.entries(functions).map(([name, call]) => {
    const failure = name === "SetHandleInformation" ? 0 : name === "inet_ntop" ? null : -1;
    return [
      name,
      typeof call !== "function" ? call : (...args: unknown[]) => {
        const result = apply(call as (...args: unknown[]) => unknown, undefined, args);
        if (result === failure) lastError[0] = WSAGetLastError();
        return result;
      },
    ];
  });
  return Object.fromEntries(entries);
}
