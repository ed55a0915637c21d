/**
 * Random numbers that a seed repeats, for the fuzzers. "Mulberry32"
 *
 * @module
 */

/** A generator: each call gives an integer from 0 to `limit` - 1. */
export function seededRandom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = state + 0x6d2b79f5 | 0;
    let t = Math.imul(state ^ state >>> 15, 1 | state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) % limit;
  };
}
