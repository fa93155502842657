import type { Direction } from '../../shaders/sparse/conv-stream.js';
import type { Device } from '../gpu/device.js';
import type { ConvAttrs } from '../ops/conv-geometry.js';
import type { Lines, Pattern } from './pattern.js';

/** Attributes of a sparse convolution and of its gradients. */
export interface SparseConvAttrs extends ConvAttrs {
  /** Nonzeros of the weight as a matrix [out, kh * kw * in / groups]. */
  pattern: Pattern;
}

/** A convolution as its kernels see it: what is read and what is made, for y from x or for dx from g. */
export interface Sides {
  lines: Lines;
  /** Channels of result and source: all, and of one group. */
  resultC: number;
  sourceC: number;
  side: number;
  depth: number;
  result: readonly [h: number, w: number];
  source: readonly [h: number, w: number];
  /** Source pixels between the windows of neighbouring result pixels of a phase. */
  step: readonly [y: number, x: number];
  /** Result pixels of a phase: those that one set of taps makes, which the stride keeps apart. */
  grid: readonly [h: number, w: number];
  phases: number;
  /** Taps that one phase meets at most. */
  taps: number;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

export function sidesOf(direction: Direction, attrs: SparseConvAttrs): Sides {
  const { pattern, groups, kernel, input, output, stride, dilation } = attrs;
  const perGroup = pattern.cols / (kernel[0] * kernel[1]);
  const out = pattern.rows / groups;
  if (direction === 'forward') {
    return {
      ...{ lines: pattern.byRow, resultC: pattern.rows, sourceC: perGroup * groups, side: out, depth: perGroup },
      ...{ result: output, source: input, step: stride, grid: output, phases: 1, taps: kernel[0] * kernel[1] },
    };
  }
  const axis = (a: 0 | 1) => Math.ceil(kernel[a] / (stride[a] / gcd(stride[a], dilation[a])));
  return {
    ...{ lines: pattern.byColumn, resultC: perGroup * groups, sourceC: pattern.rows, side: perGroup, depth: out },
    ...{ result: input, source: output, step: [1, 1], phases: stride[0] * stride[1] },
    grid: [Math.ceil(input[0] / stride[0]), Math.ceil(input[1] / stride[1])],
    taps: axis(0) * axis(1),
  };
}

/** How source channels are cut so that the windows of a block fit in private memory. */
export interface Tiling {
  /** Cells of each of the tile's four arrays. */
  cells: readonly [h: number, w: number];
  /** Groups whose channels share a tile. */
  bundle: number;
  /** Channels of a tile, and tiles that follow each other. */
  pitch: number;
  chunks: number;
}

/**
 * Elements of each of the four arrays of a tile. Longer ones take longer to compile: 256 some 40 ms, 512 six times
 * that, since the driver's instruction scheduler compares the stores that clear an array with each other.
 */
export const TILE_CAPACITY = 256;

/** The tiling of a convolution, or null where not even one channel fits. */
export function tilingOf(direction: Direction, attrs: SparseConvAttrs, s: Sides): Tiling | null {
  const cells = [0, 1].map((a) => cellsOf(s.step[a], s.step[a] + reachOf(direction, attrs, a as 0 | 1) + 1));
  const fits = Math.floor(TILE_CAPACITY / (cells[0] * cells[1]));
  const tiling = (bundle: number, pitch: number, chunks: number): Tiling => ({
    ...{ cells: [cells[0], cells[1]], bundle, pitch, chunks },
  });
  if (fits === 0) return null;
  if (s.depth <= fits) {
    let bundle = Math.min(attrs.groups, Math.floor(fits / Math.max(1, s.depth)));
    while (attrs.groups % bundle !== 0) bundle--;
    return tiling(bundle, bundle * s.depth, 1);
  }
  // Whole vectors of four where they fit, in chunks as equal as can be.
  const unit = fits >= 4 ? 4 : 1;
  const chunks = Math.ceil(s.depth / (Math.floor(fits / unit) * unit));
  return tiling(1, Math.ceil(s.depth / chunks / unit) * unit, chunks);
}

/** Cells along an axis in which the pixels of a block's windows, `extent` of them, lie: see `cellOf` in `conv-stream.ts`. */
function cellsOf(step: number, extent: number): number {
  const blocks = Math.floor((extent - 1) / step);
  // The last whole pair of blocks, and of the one after it what its even block has.
  const rest = blocks % 2 === 0 ? extent - blocks * step : step;
  return Math.floor(blocks / 2) * step + rest;
}

/** How far beyond a window's first pixel its last tap reads along an axis, in the phase where that is most. */
function reachOf(direction: Direction, attrs: SparseConvAttrs, a: 0 | 1): number {
  const extent = (attrs.kernel[a] - 1) * attrs.dilation[a];
  if (direction === 'forward') return extent;
  const { [a]: stride } = attrs.stride;
  const reaches = Array.from({ length: stride }, (_, phase) => {
    const far = phase + attrs.pad[a];
    return Math.floor(far / stride) - Math.ceil((far - extent) / stride);
  });
  return Math.max(0, ...reaches);
}

export type SparseConvForm = 'panel' | 'direct';

const forced = new WeakMap<Device, SparseConvForm>();

/** Forces the kernels of every sparse convolution of a device: tests of both. */
export function overrideSparseConv(device: Device, form: SparseConvForm | null): void {
  if (form) forced.set(device, form);
  else forced.delete(device);
}

/**
 * Whether y or dx is too little work for a panel, whose pipeline takes some 0.7 s to compile: the direct kernel, which
 * takes a sixth of that, is done with so much in half a millisecond. An output costs it as much as eight operations.
 */
export const isSmallProduct = (flops: number, outputs: number): boolean => flops + 8 * outputs < 2e5;

/** Whether dw has too few entries for a panel, which loads all of x and g: so few fit in one workgroup. */
export const isSmallSample = (nnz: number): boolean => nnz < 64;

/**
 * Panels in private memory on software devices, where a private read costs a quarter of a load; loads for small work,
 * and on GPUs, whose caches serve neighbouring windows and whose private arrays would spill to memory.
 */
export function chooseForm(device: Device, tiling: Tiling | null, small: boolean): SparseConvForm {
  const subgroups = [4, 8, 16, 32, 64].includes(device.subgroupSize);
  if (!tiling || !subgroups) return 'direct';
  return forced.get(device) ?? (device.deviceClass === 'software' && !small ? 'panel' : 'direct');
}
