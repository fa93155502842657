import type { ConvAttrs } from '../ops/conv.js';
import type { MapAttrs } from '../ops/map.js';
import type { MatmulAttrs } from '../ops/matmul.js';

/**
 * The closed set of differentiable primitives and their attributes. Every public op is one of these or made of them;
 * `rules.ts` must give a reverse rule for each, or the project does not compile.
 */
export interface Primitives {
  /** Pointwise expression, optionally summed over axes. */
  map: MapAttrs;
  /** Same values, other shape. */
  reshape: Record<string, never>;
  /** Greatest or least value over axes. Ties share the gradient evenly. */
  extremum: { axes: readonly number[]; keepDims: boolean; combine: 'max' | 'min' };
  /** act(op(a) op(b) + bias), op being transpose or identity on the last two axes. */
  matmul: MatmulAttrs;
  conv2d: ConvAttrs;
  /** Gradient of conv2d with respect to its input: inputs are (cotangent, weight). Also transposed convolution. */
  conv2dInput: ConvAttrs;
  /** Gradient of conv2d with respect to its weight: inputs are (input, cotangent). */
  conv2dWeight: ConvAttrs;
}
