/**
 * Variadic functions of macOS on arm64, where variadic arguments travel on the stack although
 * registers are free. Six arguments that the function does not read fill the registers, so that the
 * one behind them is on the stack. "Writing ARM64 code for Apple platforms"
 *
 * @module
 */

import { openFirst } from "./dlopen.ts";
import type { Symbols } from "./symbols.ts";

/** fcntl(2) and open(2), which take their last argument from the stack. */
export function openVariadic(paths: readonly string[]): Pick<Symbols, "fcntl" | "open"> {
  const { fcntl, open } = openFirst(paths, {
    fcntl: {
      parameters: ["i32", "i32", "i64", "i64", "i64", "i64", "i64", "i64", "i64"],
      result: "i32",
    },
    open: {
      parameters: ["buffer", "i32", "i64", "i64", "i64", "i64", "i64", "i64", "i64"],
      result: "i32",
    },
  });
  return {
    fcntl: (fd, cmd, arg) => fcntl(fd, cmd, 0n, 0n, 0n, 0n, 0n, 0n, BigInt(arg)),
    open: (pathname, flags, mode) => open(pathname, flags, 0n, 0n, 0n, 0n, 0n, 0n, BigInt(mode)),
  };
}
