import { type Device, scope, type Tensor, tensor } from '../src/index.js';
import type { Candidate, Check } from './case.js';
import { deviceWork, resultOf } from './device-work.js';
import { uniform } from './peers/lib/random.mjs';

/** C [m, n] = A B over k, A [m, k] or transposed [k, m], B [k, n] or transposed [n, k]. */
export interface ProductShape {
  m: number;
  n: number;
  k: number;
  transA?: boolean;
  transB?: boolean;
}

export const square = (n: number): ProductShape => ({ m: n, n, k: n });

/** Largest error of an element, relative to the sum of the absolute values of its products. */
const TOLERANCE = 1e-5;
const CHECKED = 400;

/**
 * A way to multiply: `run` encodes one product and returns its result. The result is verified on 400 elements in
 * float64 before anything is timed. Inputs are the same for every candidate of a shape, and those of the peers.
 */
export function productCandidate(
  device: Device,
  candidate: { name: string; kind: Candidate['kind']; waitEach?: boolean },
  shape: ProductShape,
  run: (a: Tensor, b: Tensor) => Tensor,
): Candidate {
  const { m, n, k } = shape;
  return {
    name: candidate.name,
    kind: candidate.kind,
    async prepare() {
      const hostA = uniform(m * k, -1, 1, 1, 1);
      const hostB = uniform(k * n, -1, 1, 1, 2);
      const a = tensor(device, hostA, { shape: shape.transA ? [k, m] : [m, k] });
      const b = tensor(device, hostB, { shape: shape.transB ? [n, k] : [k, n] });
      const free = () => {
        a.dispose();
        b.dispose();
      };
      try {
        const result = await resultOf(() => run(a, b));
        return deviceWork(device, {
          call: () => scope(() => void run(a, b)),
          check: checkProduct(shape, hostA, hostB, result),
          cost: { flops: 2 * m * n * k, bytes: 4 * (m * k + k * n + m * n) },
          waitEach: candidate.waitEach,
          dispose: free,
        });
      } catch (error) {
        free();
        throw error;
      }
    },
  };
}

/** Both corners of C, then a walk that visits rows and columns evenly. */
export function checkProduct(
  { m, n, k, transA, transB }: ProductShape,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  c: ArrayLike<number>,
): Check {
  let worst = c.length === m * n ? 0 : Number.NaN;
  for (let s = 0; s < CHECKED; s++) {
    const row = s === 0 ? 0 : s === 1 ? m - 1 : (s * 7919) % m;
    const col = s === 0 ? 0 : s === 1 ? n - 1 : (s * 104_729 + (s >> 3)) % n;
    let sum = 0;
    let size = 0;
    for (let i = 0; i < k; i++) {
      const product = a[transA ? i * m + row : row * k + i] * b[transB ? col * k + i : i * n + col];
      sum += product;
      size += Math.abs(product);
    }
    const error = Math.abs(c[row * n + col] - sum) / size;
    worst = Math.max(worst, error); // NaN stays
  }
  return { what: 'product, against float64', error: worst, tolerance: TOLERANCE };
}
