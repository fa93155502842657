import { ShapeError } from '../gpu/errors.js';
import { type Shape, showShape } from '../tensor/shape.js';

/** A two-dimensional frequency, in periods over the map, and how many of the band share its correlations. */
export interface Frequency {
  u: number;
  v: number;
  /** 2 where the conjugate frequency is in the band and another one: real maps have equal correlations there. */
  weight: 1 | 2;
}

/**
 * The frequencies that maps [..., h, w, channels] of both sides have, one of each conjugate pair: all where sizes agree,
 * else the low band -m/2 <= u, v < m/2 with m the smaller size.
 *
 * @throws ShapeError for maps of different sizes that are not square
 */
export function commonFrequencies(op: string, x: Shape, y: Shape): Frequency[] {
  const [h, w] = [Math.min(x[1], y[1]), Math.min(x[2], y[2])];
  const alike = x[1] === y[1] && x[2] === y[2];
  if (!alike && (x[1] !== x[2] || y[1] !== y[2]))
    throw new ShapeError(op, 'maps of one size, or square ones', `${showShape(x)} and ${showShape(y)}`);
  const found: Frequency[] = [];
  for (const u of band(h)) {
    for (const v of band(w)) {
      const [a, b] = alike ? [wrapped(-u, h), wrapped(-v, w)] : [-u, -v];
      const paired = a < h / 2 && b < w / 2 && (a !== u || b !== v);
      // Of a pair, the later one in this order stands for both.
      if (paired && (u < a || (u === a && v < b))) continue;
      found.push({ u, v, weight: paired ? 2 : 1 });
    }
  }
  return found;
}

const band = (size: number): number[] => Array.from({ length: size }, (_, i) => i - Math.floor(size / 2));

/** The same frequency of a map of that size within its band. */
const wrapped = (u: number, size: number): number => (2 * u >= size ? u - size : u);

/** Rows cos and -sin of a frequency over the positions of a map, [2, h w]: the real and imaginary part of its DFT. */
export function waves({ u, v }: Frequency, h: number, w: number): Float64Array {
  const out = new Float64Array(2 * h * w);
  for (let i = 0; i < h; i++) {
    for (let j = 0; j < w; j++) {
      // Whole periods are taken off first, which is exact.
      const turns = ((((u * i) % h) + h) % h) / h + ((((v * j) % w) + w) % w) / w;
      out[i * w + j] = Math.cos(2 * Math.PI * turns);
      out[h * w + i * w + j] = -Math.sin(2 * Math.PI * turns);
    }
  }
  return out;
}
