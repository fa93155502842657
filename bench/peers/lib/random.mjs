/** Seeded numbers that are the same in every peer and on every machine. */

/** Mixes 32 bits so that neighbouring counters give unrelated values. */
function mix(x) {
  let h = x | 0;
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
  return (h ^ (h >>> 15)) >>> 0;
}

/** A stream of uniform numbers in [0, 1), counter-based; streams of one seed are independent. */
function stream(seed, id) {
  const key = mix(mix(seed) + Math.imul(id, 0x9e3779b9));
  let counter = 0;
  return () => mix(key ^ mix(counter++)) / 2 ** 32;
}

/** @returns {Float32Array} `length` uniform numbers in [low, high) */
export function uniform(length, low, high, seed, id) {
  const next = stream(seed, id);
  return Float32Array.from({ length }, () => low + (high - low) * next());
}

/** @returns {Float32Array} `length` normal numbers with mean 0 (Box-Muller) */
export function normal(length, deviation, seed, id) {
  const next = stream(seed, id);
  return Float32Array.from(
    { length },
    () => deviation * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  );
}

/** @returns {Int32Array} `length` integers in [0, bound) */
export function integers(length, bound, seed, id) {
  const next = stream(seed, id);
  return Int32Array.from({ length }, () => Math.floor(bound * next()));
}
