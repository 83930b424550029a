/**
 * Chance that is the same in every run, so that what a test has found can be found again.
 *
 * @module
 */

/** Numbers from 0 to 1, the same for the same seed: mulberry32. */
export function chance(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
