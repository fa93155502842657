import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { gather } from '../ops/gather.js';
import { cast } from '../ops/pointwise.js';
import { mean } from '../ops/reductions.js';
import { reshape } from '../ops/reshape.js';
import { resize2d } from '../ops/resize.js';
import { philoxPermutation } from '../tensor/philox.js';
import { showShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { type Activations, assertActivations, assertPair, type HostActivations } from './activations.js';
import { hostPooled, hostResized, hostRows } from './conv-host.js';
import { untracked } from './device-centred.js';

/** What counts as a data point and as a neuron of activations [points, h, w, channels]. */
export type ConvMode =
  /** Every position of every image is a point, channels are neurons. Maps of one size. */
  | 'positions'
  /** Images are points, means over positions neurons. Any two sizes; coarse. */
  | 'pool'
  /** The smaller maps bilinearly resized to the larger ones', then as 'positions'. */
  | 'resize'
  /** Images are points, every channel at every position a neuron. For CKA and Procrustes; CCA wants many more points. */
  | 'flatten';

export interface ConvOptions {
  /** Default 'positions'. */
  mode?: ConvMode;
  /** 'positions' and 'resize' keep at most so many points. Default 100,000. */
  cap?: number;
  /** Seed of the permutation whose first `cap` points are kept: one for all layers that are to be compared. Default 0. */
  seed?: number;
}

/**
 * Activations of two convolutional layers [points, h, w, channels] for the same images, as [points, neurons] for any of
 * the measures. A tensor stays a tensor (owned by the innermost scope), untracked.
 *
 * Take activations after normalisation and nonlinearity, unless the question is about what lies before: a batch
 * normalisation is invertible for every channel, so that CCA across it is 1 while CKA is not.
 *
 * @throws ShapeError for other ranks, different numbers of images, or sizes that the mode does not bring together
 * @throws ArgumentError for another mode, or a cap that is no whole number >= 1
 */
export function convPoints<X extends Activations, Y extends Activations>(
  x: X,
  y: Y,
  options: ConvOptions = {},
): [x: X, y: Y] {
  const op = 'convPoints';
  const { mode = 'positions' } = options;
  assertPair(op, x, y, 4);
  const alike = x.shape[1] === y.shape[1] && x.shape[2] === y.shape[2];
  if (mode === 'positions' && !alike)
    throw new ShapeError(
      op,
      "maps of one size (or mode 'resize' or 'pool')",
      `${showShape(x.shape)} and ${showShape(y.shape)}`,
    );
  if (mode !== 'resize' || alike) return [layerPoints(x, options), layerPoints(y, options)];
  const size: [number, number] = [Math.max(x.shape[1], y.shape[1]), Math.max(x.shape[2], y.shape[2])];
  return [layerPoints(x, options, size), layerPoints(y, options, size)];
}

/**
 * One side of `convPoints`; the same rows for every layer of as many points and maps of the same size.
 *
 * @param size [h, w] to resize to first
 */
export function layerPoints<X extends Activations>(
  x: X,
  options: ConvOptions = {},
  size?: readonly [number, number],
): X {
  const op = 'layerPoints';
  const { mode = 'positions', cap = 100_000, seed = 0 } = options;
  if (!['positions', 'pool', 'resize', 'flatten'].includes(mode))
    throw new ArgumentError(op, "mode 'positions', 'pool', 'resize' or 'flatten'", String(mode));
  if (!Number.isInteger(cap) || cap < 1) throw new ArgumentError(op, 'a cap as a whole number >= 1', String(cap));
  assertActivations(op, 'x', x, 4);
  const [h, w] = size ?? x.shape.slice(1, 3);
  const total = x.shape[0] * h * w;
  const rows = (mode === 'positions' || mode === 'resize') && total > cap ? sample(total, cap, seed) : null;
  const found = x instanceof Tensor ? untracked(() => onDevice(x, mode, [h, w], rows)) : onHost(x, mode, [h, w], rows);
  return found as X;
}

/** A seeded choice of points, ascending. */
const sample = (total: number, cap: number, seed: number): Int32Array =>
  Int32Array.from(philoxPermutation(seed, 0, 0, total).subarray(0, cap)).sort();

function onDevice(given: Tensor, mode: ConvMode, size: readonly [number, number], rows: Int32Array | null): Tensor {
  const x = given.dtype === 'f16' ? cast(given, 'f32') : given;
  const [n, h, w, channels] = x.shape;
  if (mode === 'flatten') return reshape(x, [n, h * w * channels]);
  if (mode === 'pool') return mean(x, [1, 2]);
  const maps = size[0] === h && size[1] === w ? x : resize2d(x, size, { mode: 'bilinear' });
  const points = reshape(maps, [n * size[0] * size[1], channels]);
  return rows ? gather(points, rows, 0) : points;
}

function onHost(
  x: HostActivations,
  mode: ConvMode,
  size: readonly [number, number],
  rows: Int32Array | null,
): HostActivations {
  const [n, h, w, channels] = x.shape;
  if (mode === 'flatten') return { data: x.data, shape: [n, h * w * channels] };
  if (mode === 'pool') return hostPooled(x);
  const maps = size[0] === h && size[1] === w ? x : hostResized(x, size);
  const points = { data: maps.data, shape: [n * size[0] * size[1], channels] };
  return rows ? hostRows(points, rows) : points;
}
