/**
 * Removes from a trace what differs between runs, so that the same program gives the same text.
 *
 * @module
 */

/**
 * The first descriptor of a traced program: above any other number that it prints, below
 * FD_SETSIZE.
 */
export const FIRST_FD = 901;

const LAST_FD = 999;
const FIRST_PORT = 49152; // of the ephemeral ports

// The 64 bits of epoll's `data`; a port; a number that may be a descriptor; a memory address.
const VARIABLE = /u64=(\d+)|(?<=htons\(|port )(\d+)|\b(9\d\d)\b|0x[0-9a-f]{8,}/g;

/**
 * Renumbers descriptors from 3 and ports from 49152, makes all memory addresses the same, and
 * leaves out what io_uring_setup(2) says about the kernel.
 */
export function normalise(text: string): string {
  const fds = numbering(3);
  const ports = numbering(FIRST_PORT);
  text = text.replace(/features=[\w|]+/g, "features=…").replace(/([sc]q_off)={[^}]*}/g, "$1={…}");
  const number = (value: number) => value < FIRST_FD || value > LAST_FD ? value : fds(value);
  return text.replace(VARIABLE, (_, data, port, fd) => {
    if (data !== undefined) { // a descriptor, and the generation of its registration above it
      const generation = BigInt(data) >> 32n << 32n;
      return `u64=${generation + BigInt(number(Number(BigInt(data) - generation)))}`;
    }
    if (port !== undefined) return port === "0" ? "0" : `${ports(Number(port))}`;
    return fd === undefined ? "0x7f5ec0de1000" : `${number(Number(fd))}`;
  });
}

/** Prints repeated lines once, with a count: `… these 2 lines 1234 times more`. */
export function collapse(lines: string[]): string[] {
  const result: string[] = [];
  for (let at = 0; at < lines.length;) {
    const [period, times] = repetition(lines, at);
    result.push(...lines.slice(at, at + period));
    if (times > 1) {
      result.push(
        `… ${period === 1 ? "this line" : `these ${period} lines`} ${times - 1} times more`,
      );
    }
    at += period * times;
  }
  return result;
}

/**
 * Replaces measured times by `#`, and drops the turns of Deno's event loop, which depend on time.
 * Two texts that differ in these only become equal.
 */
export function withoutMeasures(text: string): string {
  return text.replace(/^poll\(NULL, 0, 0\).*\n/gm, "").replace(/ *\d[\d.]* (ms|times)\b/g, " # $1")
    .replace(/(tv_[un]sec=)\d+/g, "$1#");
}

/** How often the next one or two lines are repeated; [1, 1] if fewer than three times. */
function repetition(lines: string[], at: number): [period: number, times: number] {
  for (const period of [1, 2]) {
    let end = at + period;
    while (end < lines.length && lines[end] === lines[end - period]) end++;
    const times = Math.floor((end - at) / period);
    if (times >= 3) return [period, times];
  }
  return [1, 1];
}

/** Numbers values from `first` on, in the order of their first appearance. */
function numbering(first: number): (number: number) => number {
  const known = new Map<number, number>();
  return (number) => {
    if (!known.has(number)) known.set(number, first + known.size);
    return known.get(number)!;
  };
}
