import type { Device } from '../src/gpu/device.js';
import { scope } from '../src/tensor/scope.js';
import { type Tensor, tensor } from '../src/tensor/tensor.js';
import type { Candidate, Case, Check, Family } from './case.js';
import { deviceWork, resultsOf } from './device-work.js';
import { normal, uniform } from './peers/lib/random.mjs';

/** A = U diag(s) V', thin: U [..., m, r], s [..., r], V [..., n, r], r = min(m, n). */
export interface Factors {
  u: Tensor;
  s: Tensor;
  v: Tensor;
}

/** Matrices [m, n], or a batch of them, of uniform numbers. */
interface Size {
  name: string;
  batch: number;
  m: number;
  n: number;
  long?: boolean;
}

const SIZES: Size[] = [
  { name: '1024x128', batch: 1, m: 1024, n: 128 },
  { name: '4096x256', batch: 1, m: 4096, n: 256 },
  { name: '256x256', batch: 1, m: 256, n: 256 },
  { name: '64 of 32x32', batch: 64, m: 32, n: 32 },
  { name: '10000x512', batch: 1, m: 10_000, n: 512, long: true },
];

/** A candidate for every case of the thin singular value decomposition in the suite `svd`. */
export interface SvdVariant {
  name: string;
  kind?: Candidate['kind'];
  run(a: Tensor): Factors;
}

/** The family of a variant: one candidate beside the others in every case. */
export function svdVariant({ name, kind = 'variant', run }: SvdVariant): Family {
  return ({ device }) =>
    SIZES.map(
      (size): Case => ({
        name: `thin svd ${size.name}`,
        long: size.long,
        peer: size.batch === 1 ? { case: 'svd', params: { m: size.m, n: size.n } } : undefined,
        candidates: [
          factorisation(device, size, {
            name,
            kind,
            flops: ({ m, n }) => 6 * m * n * n + 20 * n ** 3,
            call: (a) => Object.values(pick(run(a))),
            check: (host, [u, s, v], size) => checkSvd(host, u, s, v, size),
          }),
        ],
      }),
    );
}

const pick = ({ u, s, v }: Factors): Factors => ({ u, s, v });

/** A way to factor matrices of one size. */
export interface Factorisation {
  name: string;
  kind: Candidate['kind'];
  /** Operations of one matrix by the usual count of the direct algorithm. */
  flops(size: Size): number;
  call(a: Tensor): Tensor[];
  check(a: Float32Array, results: ArrayLike<number>[], size: Size): Check;
}

export const factorisationSizes: readonly Size[] = SIZES;

export function factorisation(device: Device, size: Size, work: Factorisation): Candidate {
  const { batch, m, n } = size;
  return {
    name: work.name,
    kind: work.kind,
    async prepare() {
      const host = uniform(batch * m * n, -1, 1, 1, 1);
      const a = tensor(device, host, { shape: batch === 1 ? [m, n] : [batch, m, n] });
      try {
        const results = await resultsOf(() => work.call(a));
        const bytes = 4 * (a.size + results.reduce((sum, r) => sum + r.length, 0));
        return deviceWork(device, {
          call: () => scope(() => void work.call(a)),
          check: work.check(host, results, size),
          cost: { flops: batch * work.flops(size), bytes },
          waitEach: true,
          dispose: () => a.dispose(),
        });
      } catch (error) {
        a.dispose();
        throw error;
      }
    },
  };
}

/** Largest error relative to the largest singular value, or of a product of unit vectors. */
const TOLERANCE = 1e-5;
const PROBES = 4;

/**
 * U diag(s) V' x against A x, and U'U x and V'V x against x, for a few random vectors x: every element counts, at a cost
 * of a few passes over the factors.
 */
export function checkSvd(
  a: ArrayLike<number>,
  u: ArrayLike<number>,
  s: ArrayLike<number>,
  v: ArrayLike<number>,
  { batch, m, n }: Pick<Size, 'batch' | 'm' | 'n'>,
): Check {
  const r = Math.min(m, n);
  let worst = u.length === batch * m * r && v.length === batch * n * r && s.length === batch * r ? 0 : Number.NaN;
  for (let b = 0; b < batch; b++) {
    const [A, U, V] = [part(a, b, m, n), part(u, b, m, r), part(v, b, n, r)];
    const S = Array.from({ length: r }, (_, i) => s[b * r + i]);
    for (let i = 1; i < r; i++) if (!(S[i] <= S[i - 1] && S[i] >= 0)) worst = Number.NaN;
    for (let probe = 0; probe < PROBES; probe++) {
      const x = unit(n, 2 * probe);
      const y = unit(r, 2 * probe + 1);
      const scaled = V.transposed(x).map((t, i) => t * S[i]);
      const rebuilt = difference(U.times(scaled), A.times(x)) / S[0];
      worst = Math.max(worst, rebuilt, ...[U, V].map((q) => difference(q.transposed(q.times(y)), y))); // NaN stays
    }
  }
  return { what: 'singular value decomposition', error: worst, tolerance: TOLERANCE };
}

/** Q R x against A x, and Q'Q x against x. */
export function checkQr(
  a: ArrayLike<number>,
  q: ArrayLike<number>,
  r: ArrayLike<number>,
  { batch, m, n }: Pick<Size, 'batch' | 'm' | 'n'>,
): Check {
  const k = Math.min(m, n);
  let worst = q.length === batch * m * k && r.length === batch * k * n ? 0 : Number.NaN;
  for (let b = 0; b < batch; b++) {
    const [A, Q, R] = [part(a, b, m, n), part(q, b, m, k), part(r, b, k, n)];
    for (let probe = 0; probe < PROBES; probe++) {
      const x = unit(n, 2 * probe);
      const y = unit(k, 2 * probe + 1);
      const expected = A.times(x);
      const size = Math.hypot(...expected);
      worst = Math.max(worst, difference(Q.times(R.times(x)), expected) / size);
      worst = Math.max(worst, difference(Q.transposed(Q.times(y)), y)); // NaN stays
    }
  }
  return { what: 'QR decomposition', error: worst, tolerance: TOLERANCE };
}

/** A row-major matrix of a batch, in float64 products with vectors. */
function part(values: ArrayLike<number>, b: number, rows: number, cols: number) {
  const first = b * rows * cols;
  return {
    times: (x: ArrayLike<number>): Float64Array =>
      Float64Array.from({ length: rows }, (_, i) => {
        let sum = 0;
        for (let j = 0; j < cols; j++) sum += values[first + i * cols + j] * x[j];
        return sum;
      }),
    transposed(x: ArrayLike<number>): Float64Array {
      const out = new Float64Array(cols);
      for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) out[j] += values[first + i * cols + j] * x[i];
      return out;
    },
  };
}

/** A random vector of length 1. */
function unit(n: number, seed: number): Float64Array {
  const x = Float64Array.from(normal(n, 1, seed + 1, 17));
  const length = Math.hypot(...x);
  return x.map((v) => v / length);
}

const difference = (x: Float64Array, y: Float64Array): number => Math.hypot(...x.map((v, i) => v - y[i]));
