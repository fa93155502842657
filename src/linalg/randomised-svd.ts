import { withRecording } from '../autograd/node.js';
import { ArgumentError } from '../gpu/errors.js';
import { matmul } from '../ops/matmul.js';
import { normal } from '../ops/random.js';
import { slice } from '../ops/slice.js';
import { Generator } from '../random/generator.js';
import { assertDType } from '../tensor/dtype.js';
import type { Seed } from '../tensor/philox.js';
import { scope } from '../tensor/scope.js';
import { assertRank } from '../tensor/shape.js';
import { commonDevice, type Tensor } from '../tensor/tensor.js';
import { qr } from './qr.js';
import { type Svd, svd } from './svd.js';

export interface RandomisedSvdOptions {
  /** Directions sampled beyond `rank`; default 10. */
  oversample?: number;
  /** Products with a aᵀ that sharpen the sample, each for two passes over a; default 2. */
  powerIterations?: number;
  /** Default 0: the same result every time. */
  seed?: Seed;
}

/**
 * The leading `rank` singular triplets of every [m, n] matrix of a, from a random sample of its range (Halko, Martinsson and
 * Tropp 2011, algorithms 4.4 and 5.1): u [..., m, rank], s [..., rank], v [..., n, rank]. About (2 + 2 powerIterations) products of a with
 * rank + oversample columns, instead of a whole decomposition; as accurate as `svd` where singular values after the
 * sample are far smaller, else |a - u diag(s) vᵀ| is a small multiple of the first of them. Not recorded: no gradient flows
 * through it.
 *
 * @throws ShapeError unless a has two axes or more
 * @throws DTypeError unless a is f32
 * @throws ArgumentError unless rank is from 1 to min(m, n), and the options are whole numbers >= 0
 */
export function randomisedSvd(
  a: Tensor,
  rank: number,
  { oversample = 10, powerIterations = 2, seed = 0 }: RandomisedSvdOptions = {},
): Svd {
  const op = 'randomisedSvd';
  commonDevice(op, [a]);
  assertDType(op, 'a', a.dtype, 'f32');
  assertRank(op, 'a', a.shape, 2);
  const lead = a.shape.slice(0, -2);
  const [m, n] = a.shape.slice(-2);
  const most = Math.min(m, n);
  if (!(Number.isInteger(rank) && rank >= 1 && rank <= most))
    throw new ArgumentError(op, `rank from 1 to ${most}`, String(rank));
  for (const [name, value] of Object.entries({ oversample, powerIterations })) {
    if (!(Number.isInteger(value) && value >= 0))
      throw new ArgumentError(op, `${name} as a whole number >= 0`, String(value));
  }
  return withRecording(false, () =>
    scope(() => {
      const width = Math.min(rank + oversample, most);
      let q = qr(matmul(a, gaussian(a, [...lead, n, width], seed))).q;
      for (let i = 0; i < powerIterations; i++) {
        // Orthonormal in between: products in a row would lose all directions but the first to rounding.
        const back = qr(matmul(a, q, { transA: true })).q;
        q = qr(matmul(a, back)).q;
      }
      const { u, s, v, converged } = svd(matmul(q, a, { transA: true }));
      const first = (x: Tensor, axis: number) => slice(x, [], [...x.shape.slice(0, axis), rank]);
      return {
        u: matmul(q, first(u, u.rank - 1)),
        s: first(s, s.rank - 1),
        v: first(v, v.rank - 1),
        converged,
      };
    }),
  );
}

function gaussian(like: Tensor, shape: number[], seed: Seed): Tensor {
  const generator = new Generator(like.device, seed);
  try {
    return normal(generator, shape);
  } finally {
    generator.dispose();
  }
}
