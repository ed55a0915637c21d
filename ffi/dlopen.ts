/**
 * Shared libraries by one of several names. dlopen(3)
 *
 * @module
 */

import { escapeControls } from "./escape.ts";

/**
 * Opens the first of several libraries that this machine has.
 *
 * @param names The libraries, as dlopen(3) takes them.
 * @param symbols The functions to look up.
 * @throws {Deno.errors.NotSupported} When none of them can be opened.
 */
export function openFirst<Interface extends Deno.ForeignLibraryInterface>(
  names: readonly string[],
  symbols: Interface,
): Deno.DynamicLibrary<Interface>["symbols"] {
  let reason: unknown;
  for (const name of names) {
    try {
      return Deno.dlopen(name, symbols).symbols;
    } catch (error) {
      reason = error;
    }
  }
  throw new Deno.errors.NotSupported(
    `No library ${escapeControls(names.join(" or "))} that ${Deno.build.target} can open`,
    { cause: reason },
  );
}
