/**
 * Watches a folder, on Deno's event loop, with a descriptor that Deno itself cannot use: that of
 * inotify(7), which only Linux has. Ctrl-C ends it.
 *
 *     deno run --allow-ffi examples/inotify.ts FOLDER
 */

import { osError } from "../ffi/mod.ts";
import { Descriptor } from "../mod.ts";
import { printable } from "./printable.ts";

// <sys/inotify.h>
const IN_IGNORED = 0x8000;
const IN_ISDIR = 0x40000000;
const MASKS = {
  modified: 0x2, // IN_MODIFY
  "attributes changed": 0x4, // IN_ATTRIB
  "written and closed": 0x8, // IN_CLOSE_WRITE
  "moved away": 0x40, // IN_MOVED_FROM
  "moved here": 0x80, // IN_MOVED_TO
  created: 0x100, // IN_CREATE
  deleted: 0x200, // IN_DELETE
  "the folder was deleted": 0x400, // IN_DELETE_SELF
  "the queue overflowed: events were lost": 0x4000, // IN_Q_OVERFLOW
} as const;
const IN_CLOEXEC = 0o2000000;
const HEADER_SIZE = 16; // bytes of struct inotify_event, before the name

const [folder] = Deno.args;
if (Deno.build.os !== "linux" || folder === undefined) {
  console.error(folder === undefined ? "Usage: inotify.ts FOLDER" : "Only Linux has inotify");
  Deno.exit(2);
}

const { symbols: libc } = Deno.dlopen("libc.so.6", {
  inotify_init1: { parameters: ["i32"], result: "i32" },
  inotify_add_watch: { parameters: ["i32", "buffer", "u32"], result: "i32" },
});
const fd = libc.inotify_init1(IN_CLOEXEC);
if (fd === -1) throw osError("inotify_init1", "");
const path = new TextEncoder().encode(`${folder}\0`);
const mask = Object.values(MASKS).reduce<number>((mask, bit) => mask | bit, 0);
if (libc.inotify_add_watch(fd, path, mask) === -1) {
  console.error(osError("inotify_add_watch", folder).message);
  Deno.exit(1);
}

const inotify = new Descriptor(fd); // and non-blocking from here on
const end = new AbortController();
const stop = () => end.abort();
Deno.addSignalListener("SIGINT", stop);
console.log(`watching ${folder}`);
const buffer = new Uint8Array(4096);
try {
  while (!end.signal.aborted) {
    const count = await inotify.read(buffer, end);
    for (const { mask, name } of events(buffer.subarray(0, count ?? 0))) {
      if (mask & IN_IGNORED) end.abort(); // the folder was deleted, and its watch with it
      for (const [what, bit] of Object.entries(MASKS)) {
        if (mask & bit) console.log(`${name}${mask & IN_ISDIR ? "/" : ""} ${what}`.trimStart());
      }
    }
  }
} catch (error) {
  if (!end.signal.aborted) throw error;
}
inotify.close();
Deno.removeSignalListener("SIGINT", stop);

/**
 * The events in `bytes`: `struct inotify_event { int wd; uint32_t mask, cookie, len; char name[];
 * }`, one after the other, each with a name that is padded with NULs.
 */
function* events(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at + 12, true);
    const name = bytes.subarray(at + HEADER_SIZE, at + HEADER_SIZE + length);
    yield {
      mask: view.getUint32(at + 4, true),
      name: printable(new TextDecoder().decode(name).replace(/\0+$/, "")),
    };
    at += HEADER_SIZE + length;
  }
}
