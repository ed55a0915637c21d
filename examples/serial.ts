/**
 * A serial port in raw mode as a pair of Web Streams: what the port receives goes to standard
 * output, and standard input goes to the port. (In Deno 2.9 npm:serialport fails with EBADF, and a
 * Deno.open() of the port blocks its writes behind its reads.)
 *
 *     deno run --allow-ffi examples/serial.ts /dev/ttyUSB0 [SPEED]
 */

import { O_NOCTTY, O_RDWR } from "../ffi/mod.ts";
import { Descriptor, isOsError } from "../mod.ts";
import { makeRaw } from "./pty.ts";

/** Opens a serial port: 8 data bits, no parity, no flow control, every byte as it is. */
export function openSerial(path: string, speed: number): Descriptor {
  // Without O_NOCTTY a port could become the terminal that sends this process its signals.
  const port = Descriptor.open(path, O_RDWR | O_NOCTTY);
  try {
    makeRaw(port, speed);
    return port;
  } catch (error) {
    port.close();
    throw error;
  }
}

if (import.meta.main) {
  const [path, speed = "115200"] = Deno.args;
  if (path === undefined) {
    console.error("Usage: serial.ts PORT [SPEED]");
    Deno.exit(2);
  }
  try {
    const port = openSerial(path, Number(speed));
    console.error(`${path} is open at ${speed} baud; Ctrl-C ends`);
    // Input that ends leaves the port open, so that what it answers is still shown.
    Deno.stdin.readable.pipeTo(port.writable, { preventClose: true }).catch(() => {});
    await port.readable.pipeTo(Deno.stdout.writable); // ends when the port is unplugged
    Deno.exit(0); // although standard input may still be open
  } catch (error) {
    const isExpected = error instanceof RangeError || error instanceof Deno.errors.NotSupported;
    if (!isOsError(error) && !isExpected) throw error;
    console.error(error.message); // such as ENOENT, or EIO when the port has gone
    Deno.exit(1);
  }
}
