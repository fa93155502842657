import { apply, constant, coord, input, scalar } from '../expr/expr.js';
import { ArgumentError, DTypeError, ShapeError } from '../gpu/errors.js';
import { assertDType } from '../tensor/dtype.js';
import { assertRank, broadcastShapes, sameShape, showShape } from '../tensor/shape.js';
import { commonDevice, type Tensor } from '../tensor/tensor.js';
import { composite } from './composite.js';
import { map } from './map.js';
import { matmul } from './matmul.js';
import { softmax } from './reductions.js';

export interface AttentionOptions {
  /** bool, broadcasts to [..., queries, keys]; true where a query may look. A query that may look nowhere attends evenly. */
  mask?: Tensor;
  /** Query i looks at keys 0..i only. */
  causal?: boolean;
  /** Default 1 / sqrt(features). */
  scale?: number;
}

/** A score so low that its weight is 0, yet finite, so that a row of nothing else stays defined. */
const NEVER = -1e9;

/**
 * softmax(scale q kᵀ) v (Vaswani et al. 2017): q [..., queries, features], k [..., keys, features],
 * v [..., keys, values] -> [..., queries, values].
 */
export function scaledDotProductAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const op = 'scaledDotProductAttention';
  const { mask, causal = false } = options;
  commonDevice(op, mask ? [q, k, v, mask] : [q, k, v]);
  for (const [name, t] of [
    ['q', q],
    ['k', k],
    ['v', v],
  ] as const) {
    assertDType(op, name, t.dtype, 'f32', 'f16');
    assertRank(op, name, t.shape, 2);
  }
  const features = q.shape[q.rank - 1];
  if (k.shape[k.rank - 1] !== features) throw new ShapeError(op, `k with ${features} features`, showShape(k.shape));
  if (v.shape[v.rank - 2] !== k.shape[k.rank - 2])
    throw new ShapeError(op, `v with ${k.shape[k.rank - 2]} keys`, showShape(v.shape));
  const scale = options.scale ?? 1 / Math.sqrt(features);
  if (!Number.isFinite(scale)) throw new ArgumentError(op, 'a finite scale', String(scale));
  const lead = broadcastShapes(op, q.shape.slice(0, -2), k.shape.slice(0, -2));
  broadcastShapes(op, lead, v.shape.slice(0, -2));
  const shape = [...lead, q.shape[q.rank - 2], k.shape[k.rank - 2]];
  if (mask && mask.dtype !== 'bool') throw new DTypeError(op, 'a mask of dtype bool', mask.dtype);
  if (mask && !sameShape(broadcastShapes(op, mask.shape, shape), shape)) {
    throw new ShapeError(op, `a mask that broadcasts to ${showShape(shape)}`, showShape(mask.shape));
  }
  let e = apply('mul', input(0), scalar(0));
  if (mask) e = apply('where', input(1, 'bool'), e, constant(NEVER));
  if (causal) e = apply('where', apply('le', coord(shape.length - 1), coord(shape.length - 2)), e, constant(NEVER));
  return composite([q, k, v], () => {
    const scores = matmul(q, k, { transB: true });
    return matmul(softmax(map(mask ? [scores, mask] : [scores], e, { scalars: [scale], op })), v);
  });
}
