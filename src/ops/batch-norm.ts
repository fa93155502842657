import { type BatchNormSpec, batchNormShader, type CombineSpec, combineShader } from '../../shaders/batch-norm.js';
import { record } from '../autograd/node.js';
import { apply, constant, coord, input, scalar } from '../expr/expr.js';
import type { Device } from '../gpu/device.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import { assertDType } from '../tensor/dtype.js';
import { assertRank, sameShape, showShape } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { composite } from './composite.js';
import { map } from './map.js';
import { reshape } from './reshape.js';

/** Statistics of a channel kept over batches; updated in place in training. */
export interface RunningStatistics {
  mean: Tensor;
  variance: Tensor;
}

export interface BatchNormOptions {
  /** Required outside of training; updated in training where given. */
  running?: RunningStatistics;
  training?: boolean;
  /** Weight of the new batch in the running statistics. Default 0.1. */
  momentum?: number;
  /** Added to the variance. Default 1e-5. */
  eps?: number;
  /** Added before the activation. */
  residual?: Tensor;
  activation?: 'none' | 'relu';
}

export interface BatchNormAttrs {
  eps: number;
  relu: boolean;
  residual: boolean;
  walk: Walk;
  /** Mean and reciprocal deviation, [parts, 2, channels]. */
  stats: Tensor;
}

/** How a batch is cut up: parts x rows x channels, rows in chunks. */
export interface Walk {
  parts: number;
  rows: number;
  channels: number;
  chunk: number;
  chunks: number;
}

const passKernel = defineKernel<BatchNormSpec>({ name: 'batchNorm', shader: batchNormShader });
const combineKernel = defineKernel<CombineSpec>({ name: 'batchNormCombine', shader: combineShader });

/**
 * Batch normalisation of x [..., channels] over all axes but the last (Ioffe & Szegedy 2015), with scale `gamma` and
 * shift `beta` [channels], fused with an added residual and a ReLU. Beside a leading model axis, x is
 * [models, ..., channels] and gamma, beta and the running statistics are [models, channels].
 */
export function batchNorm(x: Tensor, gamma: Tensor, beta: Tensor, options: BatchNormOptions = {}): Tensor {
  const { running, training = false, momentum = 0.1, eps = 1e-5, residual, activation = 'none' } = options;
  const op = 'batchNorm';
  const given = residual ? [x, gamma, beta, residual] : [x, gamma, beta];
  const device = commonDevice(op, running ? [...given, running.mean, running.variance] : given);
  assertDType(op, 'x', x.dtype, 'f32');
  if (residual) assertDType(op, 'residual', residual.dtype, 'f32');
  assertRank(op, 'x', x.shape, 2);
  assertRank(op, 'gamma', gamma.shape, 1, 2);
  const channels = x.shape[x.rank - 1];
  const expected = gamma.rank === 2 ? [x.shape[0], channels] : [channels];
  for (const [name, t] of [
    ['gamma', gamma],
    ['beta', beta],
    ['running.mean', running?.mean],
    ['running.variance', running?.variance],
  ] as const) {
    if (!t) continue;
    assertDType(op, name, t.dtype, 'f32');
    if (!sameShape(t.shape, expected))
      throw new ShapeError(op, `${name} of shape ${showShape(expected)}`, showShape(t.shape));
  }
  if (residual && !sameShape(residual.shape, x.shape))
    throw new ShapeError(op, `a residual of shape ${showShape(x.shape)}`, showShape(residual.shape));
  if (!(eps >= 0)) throw new ArgumentError(op, 'eps >= 0', String(eps));
  if (!(momentum >= 0 && momentum <= 1)) throw new ArgumentError(op, 'momentum in [0, 1]', String(momentum));
  if (!['none', 'relu'].includes(activation))
    throw new ArgumentError(op, 'activation none or relu', String(activation));
  if (!training) {
    if (!running) throw new ArgumentError(op, 'running statistics outside of training', 'none');
    return composite(given, () => normalise(x, gamma, beta, running, eps, residual, activation));
  }
  const parts = gamma.rank === 2 ? gamma.shape[0] : 1;
  const rows = x.size / parts / channels;
  if (!(rows >= 1) || x.size === 0)
    throw new ShapeError(op, 'at least one row a channel in training', showShape(x.shape));
  const walk = walkOf(device, parts, rows, channels);
  const relu = activation === 'relu';
  return composite(given, () => {
    const stats = Tensor.empty(op, device, 'f32', [parts, 2, channels]);
    const sums = Tensor.empty(op, device, 'f32', [parts, walk.chunks, 2, channels]);
    const out = Tensor.empty(op, device, 'f32', x.shape);
    pass(device, { pass: 'moments', relu: false, residual: false }, walk, [x, sums]);
    combine(device, walk, sums, stats, 'moments', eps, momentum, running);
    sums.dispose();
    pass(device, { pass: 'apply', relu, residual: !!residual }, walk, [
      x,
      stats,
      gamma,
      beta,
      ...(residual ? [residual] : []),
      out,
    ]);
    return record('batchNorm', { eps, relu, residual: !!residual, walk, stats }, given, out);
  });
}

/** y from given statistics: one pointwise kernel. */
function normalise(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  running: RunningStatistics,
  eps: number,
  residual: Tensor | undefined,
  activation: 'none' | 'relu',
): Tensor {
  const lead = gamma.rank === 2 ? [gamma.shape[0], ...x.shape.slice(1, -1).map(() => 1)] : [];
  const perChannel = (t: Tensor) => (gamma.rank === 2 ? reshape(t, [...lead, t.shape[1]]) : t);
  const [v, m, s2, g, b] = [0, 1, 2, 3, 4].map((i) => input(i));
  const scale = apply('mul', g, apply('rsqrt', apply('add', s2, scalar(0))));
  let y = apply('add', apply('mul', apply('sub', v, m), scale), b);
  if (residual) y = apply('add', y, input(5));
  if (activation === 'relu') y = apply('relu', y);
  const inputs = [x, ...[running.mean, running.variance, gamma, beta].map(perChannel), ...(residual ? [residual] : [])];
  return map(inputs, y, { scalars: [eps], op: 'batchNorm' });
}

/** First-order cotangents of (x, gamma, beta, residual) by the fused kernels. */
export function batchNormGradient(
  x: Tensor,
  gamma: Tensor,
  y: Tensor,
  g: Tensor,
  attrs: BatchNormAttrs,
): { dx: Tensor; dGamma: Tensor; dBeta: Tensor; dResidual: Tensor | null } {
  const { walk, stats, relu, residual } = attrs;
  const op = 'gradient of batchNorm';
  const device = x.device;
  const behind = relu ? [y] : [];
  const sums = Tensor.empty(op, device, 'f32', [walk.parts, walk.chunks, 2, walk.channels]);
  const totals = Tensor.empty(op, device, 'f32', [walk.parts, 2, walk.channels]);
  pass(device, { pass: 'gradientSums', relu, residual: false }, walk, [x, stats, g, ...behind, sums]);
  combine(device, walk, sums, totals, 'sums', 0, 0);
  sums.dispose();
  const dx = Tensor.empty(op, device, 'f32', x.shape);
  const dResidual = residual ? Tensor.empty(op, device, 'f32', x.shape) : null;
  pass(device, { pass: 'gradient', relu, residual }, walk, [
    x,
    stats,
    g,
    ...behind,
    gamma,
    totals,
    dx,
    ...(dResidual ? [dResidual] : []),
  ]);
  const pick = (k: number) => {
    if (walk.parts === 1 && totals.canViewAt(k * walk.channels)) return totals.view(op, gamma.shape, k * walk.channels);
    return slicePair(totals, k, gamma);
  };
  const dBeta = pick(0);
  const dGamma = pick(1);
  totals.dispose();
  return { dx, dGamma, dBeta, dResidual };
}

/** The k-th of two interleaved rows of totals [parts, 2, channels], by a sum over the pair with a one-hot weight. */
function slicePair(totals: Tensor, k: number, gamma: Tensor): Tensor {
  const weight = apply('where', apply('eq', coord(1), constant(k, 'i32')), input(0), constant(0));
  const picked = map([totals], weight, { axes: [1], op: 'gradient of batchNorm' });
  const shaped = picked.view('gradient of batchNorm', gamma.shape);
  picked.dispose();
  return shaped;
}

const lanesOf = (walk: Walk): 1 | 4 => (walk.channels % 4 === 0 ? 4 : 1);

/** Chunks long enough to amortise an invocation, and enough of them for every core. */
function walkOf(device: Device, parts: number, rows: number, channels: number): Walk {
  const units = (channels % 4 === 0 ? channels / 4 : channels) * parts;
  const wanted = device.deviceClass === 'software' ? 512 : 16384;
  const least = device.deviceClass === 'software' ? 32 : 16;
  const chunks = Math.max(1, Math.min(Math.ceil(wanted / units), Math.floor(rows / least), 1024));
  const chunk = Math.ceil(rows / chunks);
  return { parts, rows, channels, chunk, chunks: Math.ceil(rows / chunk) };
}

function pass(
  device: Device,
  spec: Pick<BatchNormSpec, 'pass' | 'relu' | 'residual'>,
  walk: Walk,
  tensors: readonly Tensor[],
): void {
  const lanes = lanesOf(walk);
  const workgroup = device.deviceClass === 'software' ? 16 : 64;
  const channels = walk.channels / lanes;
  const total = walk.parts * walk.chunks * channels;
  device.run(
    passKernel,
    { ...spec, lanes, workgroup },
    {
      bindings: tensors.map((t) => t.binding('batchNorm')),
      params: [walk.rows, channels, walk.chunks, walk.chunk, total],
      grid: foldGrid(Math.ceil(total / workgroup), device.limits.maxWorkgroups),
      cost: { flops: 4 * walk.parts * walk.rows * walk.channels, bytes: tensors.reduce((n, t) => n + t.bytes, 0) },
    },
  );
}

function combine(
  device: Device,
  walk: Walk,
  sums: Tensor,
  out: Tensor,
  kind: CombineSpec['combine'],
  eps: number,
  momentum: number,
  running?: RunningStatistics,
): void {
  const total = walk.parts * walk.channels;
  const workgroup = device.deviceClass === 'software' ? 8 : 64;
  const tensors = [sums, out, ...(running ? [running.mean, running.variance] : [])];
  device.run(
    combineKernel,
    { combine: kind, running: !!running, workgroup },
    {
      bindings: tensors.map((t) => t.binding('batchNorm')),
      params: [walk.rows, walk.channels, walk.chunks, walk.chunk, total, eps, momentum],
      grid: [Math.ceil(total / workgroup), 1, 1],
      cost: { flops: 4 * sums.size, bytes: sums.bytes + out.bytes },
    },
  );
}
