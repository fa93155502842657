import { apply, input, scalar } from '../expr/expr.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { assertDType } from '../tensor/dtype.js';
import { assertRank, sameShape, showShape } from '../tensor/shape.js';
import { commonDevice, type Tensor } from '../tensor/tensor.js';
import { composite } from './composite.js';
import { map } from './map.js';
import { mean, variance } from './reductions.js';
import { reshape } from './reshape.js';

/**
 * Normalises x over `axes` and applies scale and shift that broadcast to x: (x - mean) / sqrt(variance + eps) g + b.
 */
function normaliseOver(
  op: string,
  x: Tensor,
  axes: readonly number[],
  gamma: Tensor | undefined,
  beta: Tensor | undefined,
  eps: number,
): Tensor {
  const parameters: Tensor[] = [];
  const next = (t: Tensor) => input(2 + parameters.push(t));
  let y = apply('mul', apply('sub', input(0), input(1)), apply('rsqrt', apply('add', input(2), scalar(0))));
  if (gamma) y = apply('mul', y, next(gamma));
  if (beta) y = apply('add', y, next(beta));
  const m = mean(x, axes, { keepDims: true });
  const v = variance(x, axes, { keepDims: true });
  return map([x, m, v, ...parameters], y, { scalars: [eps], op });
}

/** Layer normalisation over the last axis (Ba et al. 2016); gamma and beta [features] or with leading model axes. */
export function layerNorm(x: Tensor, gamma?: Tensor, beta?: Tensor, eps = 1e-5): Tensor {
  check('layerNorm', x, gamma, beta, x.shape[x.rank - 1], eps);
  const align = (t: Tensor | undefined) => t && alignChannels(x, t);
  return composite(present(x, gamma, beta), () =>
    normaliseOver('layerNorm', x, [x.rank - 1], align(gamma), align(beta), eps),
  );
}

/**
 * Group normalisation (Wu & He 2018) of x [images, ..., channels] over all positions and the channels of a group;
 * gamma and beta [channels]. Beside a leading model axis x is [models, images, ..., channels] and they are
 * [models, channels].
 */
export function groupNorm(x: Tensor, groups: number, gamma?: Tensor, beta?: Tensor, eps = 1e-5): Tensor {
  const op = 'groupNorm';
  assertRank(op, 'x', x.shape, 2);
  const channels = x.shape[x.rank - 1];
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0) {
    throw new ArgumentError(op, `groups that divide ${channels} channels`, String(groups));
  }
  check(op, x, gamma, beta, channels, eps);
  const models = (gamma ?? beta)?.rank === 2 ? [x.shape[0]] : [];
  const inner = x.shape.slice(models.length + 1, -1).reduce((n, d) => n * d, 1);
  const width = channels / groups;
  const flat = [...models, x.shape[models.length], inner, groups, width];
  const positions = flat.length - 3;
  const shape = (t: Tensor | undefined) => t && reshape(t, [...models, 1, 1, groups, width]);
  return composite(present(x, gamma, beta), () =>
    reshape(normaliseOver(op, reshape(x, flat), [positions, positions + 2], shape(gamma), shape(beta), eps), x.shape),
  );
}

const present = (...tensors: (Tensor | undefined)[]): Tensor[] => tensors.filter((t) => t !== undefined);

function check(
  op: string,
  x: Tensor,
  gamma: Tensor | undefined,
  beta: Tensor | undefined,
  channels: number,
  eps: number,
): void {
  commonDevice(op, present(x, gamma, beta));
  if (!(eps >= 0)) throw new ArgumentError(op, 'eps >= 0', String(eps));
  assertDType(op, 'x', x.dtype, 'f32');
  assertRank(op, 'x', x.shape, 1);
  for (const [name, t] of [
    ['gamma', gamma],
    ['beta', beta],
  ] as const) {
    if (!t) continue;
    assertDType(op, name, t.dtype, 'f32');
    const expected = t.rank === 2 ? [x.shape[0], channels] : [channels];
    if (!sameShape(t.shape, expected))
      throw new ShapeError(op, `${name} of shape ${showShape(expected)}`, showShape(t.shape));
  }
  if (gamma && beta && gamma.rank !== beta.rank)
    throw new ShapeError(op, `beta of shape ${showShape(gamma.shape)}`, showShape(beta.shape));
}

/** [models, channels] as [models, 1, ..., channels], in x's rank. */
function alignChannels(x: Tensor, t: Tensor): Tensor {
  if (t.rank < 2) return t;
  return reshape(t, [t.shape[0], ...x.shape.slice(1, -1).map(() => 1), t.shape[1]]);
}
