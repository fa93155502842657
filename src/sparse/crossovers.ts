import type { DeviceClass } from '../gpu/adapter.js';
import type { Device } from '../gpu/device.js';
import type { BlockSize } from './block-pattern.js';

/** What a layer computes: its result, and in training the gradients of its input and its weight. */
export type Pass = 'y' | 'dx' | 'dw';

/** A way to multiply with a masked weight, beside the dense one. */
export type SparseForm = 'csr' | `block${BlockSize}` | 'nm';

export type LayerOp = 'linear' | 'conv2d';

/** A weight as a matrix [rows, cols], of which `density` is stored, times `n` rows of x or pixels of the result. */
export interface LayerSize {
  rows: number;
  cols: number;
  n: number;
  density: number;
  /** Rows that share what they read of x: those of a group. */
  sharing: number;
  /** Times that an element of x is used by one row: taps of the kernel by elements of x for one of the result. */
  reuse: number;
}

/**
 * The time of a sparse form divided by that of the masked-dense one, which does rows * cols * n multiply-adds:
 *
 *     entry * density + input / (sharing * reuse) + output / cols + weight / n + start * 1e6 / (rows * cols * n)
 *
 * for the multiply-adds, the loads of x, the stores of y, what is done to the weight itself, and the launches. For dx,
 * `input` stands for its stores and `output` for its loads.
 */
export type Relative = readonly [entry: number, input: number, output: number, weight: number, start: number];

type FormTable = { readonly [F in SparseForm]?: { readonly [P in Pass]: Relative } };

/**
 * Software devices, measured: least squares of relative errors over 20 linear layers and 14 convolutions with 0.5 to
 * 50 % of their weights (lavapipe on two cores, subgroups of 8, GPU timestamps, medians, masking and sampling included).
 * They are right to 15 % in the median, some of which is the measurement's own noise; `tuneForms` measures where that is
 * not enough. Rows meet the dense form at 20 to 30 % density, blocks of 8 at 50 to 80 %. The gradients of N:M are those
 * of compressed rows.
 */
const SOFTWARE: Record<LayerOp, FormTable> = {
  linear: {
    csr: { y: [3.1, 29, 10, 10, 0], dx: [3.1, 22, 22, 14, 0.4], dw: [3.2, 44, 14, 8.7, 0] },
    block4: { y: [1.5, 26, 14, 8.4, 0], dx: [1.6, 22, 19, 5.5, 0.1], dw: [2.5, 28, 13, 8, 0] },
    block8: { y: [1.2, 21, 9.3, 9.9, 0], dx: [1.1, 21, 18, 4.9, 0], dw: [1.5, 19, 11, 10, 0] },
    block16: { y: [1.5, 13, 11, 5.1, 0], dx: [1.2, 32, 5.9, 1.3, 0], dw: [1.2, 12, 11, 10, 0] },
    block32: { y: [1.4, 12, 7.2, 5.4, 0], dx: [0.9, 26, 9.7, 1.1, 0], dw: [1, 15, 12, 8, 0] },
    nm: { y: [2.1, 26, 7.3, 14, 0], dx: [3, 0, 23, 19, 0.3], dw: [3.3, 28, 10, 4.8, 0] },
  },
  conv2d: {
    csr: { y: [4.3, 79, 23, 50, 0.4], dx: [4.1, 86, 16, 18, 3.7], dw: [4.4, 52, 63, 52, 1.4] },
    block4: { y: [3.5, 27, 18, 7.3, 1.9], dx: [3.3, 0, 77, 0, 0], dw: [2.7, 0, 25, 5.3, 7.4] },
    block8: { y: [1.9, 4.7, 0, 4.6, 6.6], dx: [1.7, 0, 56, 0, 0], dw: [1.5, 18, 22, 8.5, 0] },
    block16: { y: [1.3, 0, 50, 7.8, 0], dx: [1.1, 0, 47, 0, 0], dw: [1.2, 8.3, 30, 10, 0] },
    block32: { y: [1, 21, 23, 20, 0], dx: [0.9, 30, 26, 0, 0.4], dw: [1, 9.5, 9.4, 10, 3.1] },
  },
};

const everyPass = (r: Relative) => ({ y: r, dx: r, dw: r });

/**
 * Graphics processors: not measured. Careful values: published kernels for compressed rows meet dense products between
 * 70 and 90 % sparsity, and these here are simpler; blocks of 16 and more run much as dense tiles do.
 */
const GPU_BLOCKS: FormTable = {
  block4: everyPass([5, 8, 8, 2, 4]),
  block8: everyPass([3, 8, 8, 2, 4]),
  block16: everyPass([1.7, 8, 8, 2, 4]),
  block32: everyPass([1.3, 8, 8, 2, 4]),
};
const GPU: Record<LayerOp, FormTable> = {
  linear: { ...GPU_BLOCKS, csr: everyPass([8, 8, 8, 2, 4]), nm: everyPass([6, 8, 8, 2, 4]) },
  conv2d: { ...GPU_BLOCKS, csr: everyPass([12, 8, 8, 2, 4]) },
};

const CROSSOVERS: Record<DeviceClass, Record<LayerOp, FormTable>> = {
  software: SOFTWARE,
  integrated: GPU,
  discrete: GPU,
};

/**
 * Estimated time of a form for all passes of a layer, divided by that of the masked-dense form for the same passes,
 * each of which takes about as long as any other. A tuned table of the device corrects what its class says.
 */
export function relativeTime(
  device: Device,
  op: LayerOp,
  form: SparseForm,
  size: LayerSize,
  passes: readonly Pass[],
): number {
  const { rows, cols, n, density, sharing, reuse } = size;
  const table = CROSSOVERS[device.deviceClass][op][form];
  if (!table || rows * cols * n === 0) return Number.POSITIVE_INFINITY;
  const times = passes.map((pass) => {
    const [entry, input, output, weight, start] = table[pass];
    const launches = (1e6 * start) / (rows * cols * n);
    return entry * density + input / (sharing * reuse) + output / cols + weight / n + launches;
  });
  return (times.reduce((a, b) => a + b, 0) / passes.length) * tunedFactor(device, op, form);
}

/** What `secateur tune` found the estimate to be off by on this device; 1 without a tuned table. */
const tunedFactor = (device: Device, op: LayerOp, form: SparseForm): number =>
  device.tuned?.sparse?.find((e) => e.key === `${op} ${form}`)?.factor ?? 1;

/** Where a device's estimates come from, for people. */
export function basisOf(device: Device): string {
  if (device.tuned?.sparse) return 'tuned on this device';
  return device.deviceClass === 'software'
    ? 'measured on software devices'
    : `not measured on ${device.deviceClass} devices`;
}
