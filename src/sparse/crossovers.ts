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
 * They are right to 15 % in the median; `tuneForms` measures where that is not enough. Rows meet the dense form at 20 to
 * 30 % density, blocks of 8 at 50 to 80 %. The gradients of N:M are those of compressed rows.
 */
const SOFTWARE: Record<LayerOp, FormTable> = {
  linear: {
    csr: { y: [3.1, 34, 6, 11, 0], dx: [2.9, 21, 18, 16, 0.4], dw: [3.3, 48, 5.2, 9.1, 0] },
    block4: { y: [1.5, 26, 11, 14, 0], dx: [1.5, 18, 19, 14, 0], dw: [2.3, 32, 8.8, 12, 0] },
    block8: { y: [1.2, 16, 20, 10, 0], dx: [1, 21, 16, 6.4, 0], dw: [1.5, 19, 11, 11, 0] },
    block16: { y: [1.5, 9.6, 19, 4.9, 0], dx: [1.2, 33, 4.5, 1.1, 0], dw: [1.2, 8.2, 9.3, 9.9, 0.4] },
    block32: { y: [1.3, 10, 8.5, 6.1, 0], dx: [0.8, 30, 8, 1.9, 0], dw: [1, 16, 10, 8.9, 0] },
    nm: { y: [2.2, 22, 2.4, 16, 0], dx: [2.8, 0, 21, 25, 0.3], dw: [3.3, 25, 13, 5.4, 0] },
  },
  conv2d: {
    csr: { y: [4.3, 4.1, 121, 70, 0], dx: [4.3, 69, 57, 54, 0], dw: [5, 3.9, 126, 115, 0.9] },
    block4: { y: [4.1, 0, 43, 12, 1.7], dx: [3.8, 21, 42, 4.2, 3.5], dw: [2.5, 0, 43, 9.9, 2.6] },
    block8: { y: [1.9, 0, 51, 10, 0], dx: [1.9, 13, 48, 2.3, 0], dw: [1.7, 3.2, 32, 10, 1.1] },
    block16: { y: [1.4, 0, 51, 8.6, 0], dx: [1.3, 0, 52, 0.7, 0], dw: [1.2, 0, 35, 10, 1.4] },
    block32: { y: [1, 13, 41, 13, 0], dx: [1, 0, 49, 1.7, 0], dw: [1, 0, 16, 12, 3.7] },
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
