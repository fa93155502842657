import { apply, constant } from '../expr/expr.js';
import { batchNormGradient } from '../ops/batch-norm.js';
import { add, div, fuse, mul, rsqrt, sub } from '../ops/pointwise.js';
import { mean, sum, variance } from '../ops/reductions.js';
import { reshape } from '../ops/reshape.js';
import type { Rule } from './rule.js';

/**
 * dx = gamma rstd (dz - mean(dz) - xhat mean(dz xhat)), dgamma = sum(dz xhat), dbeta = sum(dz), dz being the cotangent
 * behind the ReLU. Fused kernels for the first order; the same formula in recorded ops where it will be differentiated.
 */
const batchNorm: Rule<'batchNorm'> = (node, g, { output, createGraph }) => {
  const [x, gamma] = node.inputs;
  const { eps, relu, walk } = node.attrs;
  if (!createGraph) {
    const { dx, dGamma, dBeta, dResidual } = batchNormGradient(x, gamma, output, g, node.attrs);
    return dResidual ? [dx, dGamma, dBeta, dResidual] : [dx, dGamma, dBeta];
  }
  const flat = [walk.parts, walk.rows, walk.channels];
  const rows = reshape(x, flat);
  const cot = reshape(g, flat);
  const dz = relu
    ? fuse((y, c) => apply('where', apply('gt', y, constant(0)), c, constant(0)), [reshape(output, flat), cot])
    : cot;
  const rstd = rsqrt(add(variance(rows, 1, { keepDims: true }), eps));
  const xhat = mul(sub(rows, mean(rows, 1, { keepDims: true })), rstd);
  const dBeta = sum(dz, 1, { keepDims: true });
  const dGamma = sum(mul(dz, xhat), 1, { keepDims: true });
  const scale = mul(rstd, reshape(gamma, [walk.parts, 1, walk.channels]));
  const dx = mul(scale, sub(dz, div(add(dBeta, mul(xhat, dGamma)), walk.rows)));
  const small = [reshape(dx, x.shape), reshape(dGamma, gamma.shape), reshape(dBeta, gamma.shape)];
  return node.attrs.residual ? [...small, reshape(dz, x.shape)] : small;
};

export const normRules = { batchNorm };
