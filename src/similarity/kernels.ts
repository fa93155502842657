import type { Device } from '../gpu/device.js';
import { ArgumentError, LimitError } from '../gpu/errors.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Activations, assertPair, deviceRows, hostMatrix } from './activations.js';
import { type BandwidthOptions, type BandwidthRule, bandwidthRule } from './bandwidth.js';
import { untracked } from './device-centred.js';
import { deviceDistances, deviceLinearGrams, deviceRbfGrams, extremesOf } from './device-grams.js';
import { type GramForm, type Grams, hostDistances, hostLinearGrams, hostRbfGrams } from './grams.js';
import { inPrecision, type TwoWays } from './precision.js';
import type { PrecisionOptions } from './result.js';

/** The similarity of two points that HSIC and CKA are built on. */
export interface KernelOptions extends BandwidthOptions {
  /** x·y (default), or the Gaussian kernel exp(-||x - y||² / (2 sigma²)). */
  kernel?: 'linear' | 'rbf';
  /**
   * Linear only: from products of neurons, or of points; the same number. By default the one with less work: that of
   * points where they are fewer than neurons.
   */
  form?: GramForm;
}

type Ways = Pick<TwoWays<Grams>, 'work' | 'host' | 'device'>;

/**
 * Gram matrices of both sides [points, neurons], centred.
 *
 * @param suffices whether what was found in float32 is good enough for what it is wanted for
 * @throws ShapeError, DTypeError, DeviceMismatchError, ArgumentError (NaN, options), LimitError (products beyond a binding)
 */
export async function gramsOf(
  op: string,
  x: Activations,
  y: Activations,
  options: KernelOptions & PrecisionOptions,
  suffices: (g: Grams) => boolean,
): Promise<Grams> {
  const { kernel = 'linear' } = options;
  assertPair(op, x, y);
  if (kernel !== 'linear' && kernel !== 'rbf') throw new ArgumentError(op, "kernel 'linear' or 'rbf'", String(kernel));
  const ways = (kernel === 'linear' ? linearWays : rbfWays)(op, x, y, options);
  return inPrecision({ op, x, y, suffices, ...ways }, options);
}

function linearWays(op: string, x: Activations, y: Activations, options: KernelOptions): Ways {
  const [points, p] = x.shape;
  const q = y.shape[1];
  const { form = points * (p + q) < p * p + q * q + p * q ? 'gram' : 'features' } = options;
  if (form !== 'features' && form !== 'gram')
    throw new ArgumentError(op, "form 'features' or 'gram'", String(options.form));
  return {
    work: form === 'gram' ? points * points * (p + q) : points * (p * p + q * q + p * q),
    host: async () => {
      const a = await hostMatrix(op, 'x', x);
      return hostLinearGrams(a, y === x ? a : await hostMatrix(op, 'y', y), form);
    },
    device: (device) => {
      assertFits(op, device, form === 'gram' ? points : Math.max(p, q));
      return withTensors(device, x, y, (a, b) => deviceLinearGrams(a, b, form));
    },
  };
}

function rbfWays(op: string, x: Activations, y: Activations, options: KernelOptions): Ways {
  const points = x.shape[0];
  if (points < 2) throw new ArgumentError(op, 'at least 2 points', String(points));
  const rule = bandwidthRule(op, points, options);
  return {
    work: points * points * (x.shape[1] + y.shape[1]),
    host: async () => {
      const a = hostDistances(await hostMatrix(op, 'x', x));
      const b = y === x ? a : hostDistances(await hostMatrix(op, 'y', y));
      const [ofX, ofY] = [a, b].map((distances) => hostExtremes(distances, rule.ranks));
      const sigma: [number, number] = [rule.of('x', ofX.at, ofX.most), rule.of('y', ofY.at, ofY.most)];
      return silenced(hostRbfGrams(points, a, b, sigma), ofX.most, ofY.most);
    },
    device: (device) => {
      assertFits(op, device, points);
      return withTensors(device, x, y, (a, b) => rbfOnDevice(a, b, rule));
    },
  };
}

async function rbfOnDevice(x: Tensor, y: Tensor, rule: BandwidthRule): Promise<Grams | null> {
  const a = deviceDistances(x);
  const b = y === x ? a : deviceDistances(y);
  try {
    const [ofX, ofY] = [await extremesOf(a, rule.ranks), await extremesOf(b, rule.ranks)];
    if (![ofX.most, ofY.most].every(Number.isFinite)) return null;
    const sigma: [number, number] = [rule.of('x', ofX.at, ofX.most), rule.of('y', ofY.at, ofY.most)];
    const grams = await deviceRbfGrams(a.distances, b.distances, [sigma[0] / ofX.peak, sigma[1] / ofY.peak]);
    return grams && silenced({ ...grams, sigma }, ofX.most, ofY.most);
  } finally {
    for (const t of [a, b].flatMap(({ distances, peak }) => [distances, peak])) t.dispose();
  }
}

/** Elements at ranks that count from 0, and the greatest. */
function hostExtremes(distances: Float64Array, ranks: readonly number[]): { at: number[]; most: number } {
  const sorted = ranks.length > 0 ? distances.slice().sort() : distances;
  return { at: ranks.map((rank) => sorted[rank]), most: distances.reduce((a, b) => Math.max(a, b), 0) };
}

/** A side whose points all coincide has a centred Gram matrix of zeros, whatever rounding left in it. */
function silenced(g: Grams, mostX: number, mostY: number): Grams {
  if (mostX > 0 && mostY > 0) return g;
  return { ...g, xx: mostX > 0 ? g.xx : 0, xy: 0, yy: mostY > 0 ? g.yy : 0, flags: ['degenerate'] };
}

/** @throws LimitError where a product of this many rows and columns is beyond one binding */
function assertFits(op: string, device: Device, size: number): void {
  const most = Math.floor(Math.sqrt(device.limits.maxBinding / 4));
  if (size > most)
    throw new LimitError(op, 'rows of a product (take fewer points, or batches of MinibatchCka)', most, size);
}

/** Runs with both sides as f32 tensors of a device. */
async function withTensors<T>(
  device: Device,
  x: Activations,
  y: Activations,
  fn: (x: Tensor, y: Tensor) => Promise<T>,
): Promise<T> {
  const tensors = untracked(() => {
    const a = deviceRows(device, x);
    return { a, b: y === x ? a : deviceRows(device, y) };
  });
  try {
    return await fn(tensors.a, tensors.b);
  } finally {
    for (const t of [tensors.a, tensors.b]) if (t !== x && t !== y) t.dispose();
  }
}
