import { hostEigh } from '../src/linalg/host/eigh.js';
import { hostSvdvals } from '../src/linalg/host/svd.js';
import { uniform } from './peers/lib/random.mjs';

/** Directions that both layers share. */
const SHARED = 64;

/** Two layers of p neurons on n points, [n, p]: mixtures of shared signals with noise, as peers/python/svcca.py draws them. */
export function correlatedActivations(n: number, p: number, seed: number): [x: Float32Array, y: Float32Array] {
  const shared = uniform(n * SHARED, -1, 1, seed, 11);
  const layer = (stream: number): Float32Array => {
    const mixture = uniform(SHARED * p, -1, 1, seed, stream);
    const sums = Float64Array.from(uniform(n * p, -1, 1, seed, stream + 1));
    for (let i = 0; i < n; i++) {
      for (let q = 0; q < SHARED; q++) {
        const signal = shared[i * SHARED + q];
        for (let j = 0; j < p; j++) sums[i * p + j] += signal * mixture[q * p + j];
      }
    }
    return Float32Array.from(sums);
  };
  return [layer(12), layer(14)];
}

/** Values less the mean of their column, in float64. */
function centred(values: Float32Array, n: number, p: number): Float64Array {
  const mean = new Float64Array(p);
  for (let i = 0; i < n; i++) for (let j = 0; j < p; j++) mean[j] += values[i * p + j] / n;
  return Float64Array.from(values, (v, i) => v - mean[i % p]);
}

/** A'B of [n, p] matrices. */
function products(a: Float64Array, b: Float64Array, n: number, p: number): Float64Array {
  const sums = new Float64Array(p * p);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < p; j++) {
      const value = a[i * p + j];
      for (let q = 0; q < p; q++) sums[j * p + q] += value * b[i * p + q];
    }
  }
  return sums;
}

/** The directions of greatest variance that explain the share of it, each divided by its singular value: [p, kept]. */
function whitening(gram: Float64Array, p: number, share: number): { directions: Float64Array; kept: number } {
  const { values, vectors } = hostEigh(gram, p);
  const order = Array.from({ length: p }, (_, i) => i).sort((a, b) => values[b] - values[a]);
  const total = values.reduce((a, b) => a + b, 0);
  let kept = 0;
  for (let sum = 0; kept < p && sum < share * total; kept++) sum += values[order[kept]];
  const directions = new Float64Array(p * kept);
  for (let j = 0; j < p; j++) {
    for (let q = 0; q < kept; q++) directions[j * kept + q] = vectors[j * p + order[q]] / Math.sqrt(values[order[q]]);
  }
  return { directions, kept };
}

/**
 * The canonical correlations of two layers reduced to the given share of their variance, largest first, in float64 from
 * the three matrices of products: right for activations that are as well-conditioned as the generated ones.
 */
export function referenceSvcca(x: Float32Array, y: Float32Array, n: number, p: number, share: number): Float64Array {
  const [a, b] = [centred(x, n, p), centred(y, n, p)];
  const [left, right] = [whitening(products(a, a, n, p), p, share), whitening(products(b, b, n, p), p, share)];
  const cross = products(a, b, n, p);
  const half = new Float64Array(p * right.kept);
  for (let i = 0; i < p; i++) {
    for (let j = 0; j < p; j++) {
      for (let q = 0; q < right.kept; q++)
        half[i * right.kept + q] += cross[i * p + j] * right.directions[j * right.kept + q];
    }
  }
  const whole = new Float64Array(left.kept * right.kept);
  for (let i = 0; i < p; i++) {
    for (let k = 0; k < left.kept; k++) {
      for (let q = 0; q < right.kept; q++)
        whole[k * right.kept + q] += left.directions[i * left.kept + k] * half[i * right.kept + q];
    }
  }
  return hostSvdvals(whole, left.kept, right.kept);
}

/** Linear CKA: |Y'X|² / (|X'X| |Y'Y|) of centred layers, by Frobenius norms, in float64. */
export function referenceCka(x: Float32Array, y: Float32Array, n: number, p: number): number {
  const [a, b] = [centred(x, n, p), centred(y, n, p)];
  const norm = (left: Float64Array, right: Float64Array) => Math.hypot(...blocks(products(left, right, n, p)));
  return norm(a, b) ** 2 / (norm(a, a) * norm(b, b));
}

/** Norms of runs of a long array: too many arguments at once are an error. */
function blocks(values: Float64Array): number[] {
  return Array.from({ length: Math.ceil(values.length / 1024) }, (_, i) =>
    Math.hypot(...values.subarray(1024 * i, 1024 * (i + 1))),
  );
}
