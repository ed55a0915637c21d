/**
 * Whether the kernel has io_uring and lets this process use it, and if not, why.
 *
 * @module
 */

import * as c from "../ffi/mod.ts";
import { isPlatformWith } from "../ffi/platform.ts";

// In the order in which they are tried. Linux 6.1 has the first; 6.0 the second, which is the first
// with everything else that a ring needs: multishot recv, and IORING_SETUP_SINGLE_ISSUER itself.
const SHARED_FLAGS = c.IORING_SETUP_CQSIZE | c.IORING_SETUP_SUBMIT_ALL |
  c.IORING_SETUP_SINGLE_ISSUER;
const FLAGS = [
  SHARED_FLAGS | c.IORING_SETUP_DEFER_TASKRUN,
  SHARED_FLAGS | c.IORING_SETUP_COOP_TASKRUN,
];

/** Whether a ring can be made. Asks the kernel. */
export function isSupported(): boolean {
  try {
    c.close(setUp(1, 2).fd);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotSupported) return false;
    if (error instanceof Deno.errors.NotCapable) throw error;
    return true; // out of descriptors or memory: the kernel has come so far
  }
}

/**
 * io_uring_setup(2) with the best flags that this kernel knows.
 *
 * @throws {Deno.errors.NotSupported} When the kernel lacks io_uring, or forbids it.
 * @throws An OS error when there is no descriptor or memory left.
 */
export function setUp(
  entries: number,
  completions: number,
): { fd: number; params: c.IoUringParams } {
  if (!isPlatformWith("epoll")) {
    throw new Deno.errors.NotSupported("A Ring needs io_uring, which only Linux has");
  }
  const memory = new Uint8Array(c.io_uring_params.size);
  let error = 0;
  for (const flags of FLAGS) {
    memory.fill(0);
    const params = c.io_uring_params.read(memory);
    c.io_uring_params.write(memory, { ...params, cq_entries: completions, flags });
    const fd = c.io_uring_setup(entries, memory);
    error = c.errno();
    if (fd !== -1) return { fd, params: c.io_uring_params.read(memory) };
    if (error !== c.EINVAL) break;
  }
  throw error === c.ENOSYS || error === c.EPERM || error === c.EINVAL
    ? new Deno.errors.NotSupported(reasonOf(error))
    : c.osError("io_uring_setup", "", error);
}

function reasonOf(error: number): string {
  const name = `${c.errnoName(error)} ${error}`;
  if (error === c.EPERM) {
    return "A Ring needs io_uring, which this process may not use: the sysctl " +
      `kernel.io_uring_disabled or the seccomp filter of its container forbids it (${name})`;
  }
  const release = Deno.osRelease();
  if (error === c.ENOSYS) {
    return `A Ring needs io_uring, which Linux ${release} does not have here: it is older than 5.1, ` +
      `was built without it, or a container hides it (${name})`;
  }
  return `A Ring needs Linux 6.0 or newer, and this is ${release} (${name})`;
}
