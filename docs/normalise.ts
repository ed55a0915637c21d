/**
 * A trace without what differs from run to run: the same program gives the same text.
 *
 * @module
 */

/** Where the descriptors of a traced program begin: above any other number that it prints, below FD_SETSIZE. */
export const FIRST_FD = 901;

const LAST_FD = 999;
const FIRST_PORT = 49152; // of those that a system gives to clients

// The 64 bits of epoll's `data`; a port; a descriptor, or another number that looks like one; an address of memory.
const VARIABLE = /u64=(\d+)|(?<=htons\(|port )(\d+)|\b(9\d\d)\b|0x[0-9a-f]{8,}/g;

/** Descriptors count from 3, ports from 49152, and addresses are one, as if nothing else went on on the machine. */
export function normalise(text: string): string {
  const fds = numbering(3);
  const ports = numbering(FIRST_PORT);
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

/** Lines that come again and again, once, with their number: `… these 2 lines 1234 times more`. */
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
 * What is measured, and so is never the same again, as `#`, and without the turns of Deno's event loop, which come
 * when they are due: two texts that differ in it alone are alike.
 */
export function withoutMeasures(text: string): string {
  return text.replace(/^poll\(NULL, 0, 0\).*\n/gm, "").replace(/ *\d[\d.]* (ms|times)\b/g, " # $1")
    .replace(/(tv_[un]sec=)\d+/g, "$1#");
}

/** How often the next one or two lines follow each other, at least three times. */
function repetition(lines: string[], at: number): [period: number, times: number] {
  for (const period of [1, 2]) {
    let end = at + period;
    while (end < lines.length && lines[end] === lines[end - period]) end++;
    const times = Math.floor((end - at) / period);
    if (times >= 3) return [period, times];
  }
  return [1, 1];
}

/** Numbers things from `first` on, in the order in which they are first named. */
function numbering(first: number): (number: number) => number {
  const known = new Map<number, number>();
  return (number) => {
    if (!known.has(number)) known.set(number, first + known.size);
    return known.get(number)!;
  };
}
