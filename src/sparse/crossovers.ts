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
}

/**
 * The time of a sparse form divided by that of the masked-dense one, which needs rows * cols * n multiply-adds:
 * entry * density + input / rows + output / cols + weight / n + start / (rows * cols * n). The terms stand for the
 * multiply-adds, the loads of x, the stores of y, what is done to the weight itself, and the launches.
 */
export interface Relative {
  entry: number;
  input: number;
  output: number;
  weight: number;
  /** In millions of multiply-adds. */
  start: number;
}

export type FormTable = { readonly [F in SparseForm]?: { readonly [P in Pass]: Relative } };

const relative = (entry: number, input: number, output: number, weight: number, start: number): Relative => ({
  ...{ entry, input, output, weight, start },
});
const everyPass = (r: Relative) => ({ y: r, dx: r, dw: r });

/** PLACEHOLDER */
const SOFTWARE: Record<LayerOp, FormTable> = {
  linear: {
    csr: everyPass(relative(3.2, 10, 15, 2, 0.2)),
    block4: everyPass(relative(2.2, 10, 15, 2, 0.2)),
    block8: everyPass(relative(1.4, 10, 15, 2, 0.2)),
    block16: everyPass(relative(1.2, 10, 15, 2, 0.2)),
    block32: everyPass(relative(1.1, 10, 15, 2, 0.2)),
    nm: everyPass(relative(3.2, 10, 15, 2, 0.2)),
  },
  conv2d: {
    csr: everyPass(relative(4, 8, 50, 2, 0.2)),
    block4: everyPass(relative(2.2, 10, 15, 2, 0.2)),
    block8: everyPass(relative(1.4, 10, 15, 2, 0.2)),
    block16: everyPass(relative(1.2, 10, 15, 2, 0.2)),
    block32: everyPass(relative(1.1, 10, 15, 2, 0.2)),
  },
};

/**
 * Graphics processors: not measured. Careful values: published kernels for compressed rows meet dense products between
 * 70 and 90 % sparsity, and these here are simpler; blocks of 16 and more run much as dense tiles do.
 */
const GPU: Record<LayerOp, FormTable> = {
  linear: {
    csr: everyPass(relative(8, 8, 8, 2, 4)),
    block4: everyPass(relative(5, 8, 8, 2, 4)),
    block8: everyPass(relative(3, 8, 8, 2, 4)),
    block16: everyPass(relative(1.7, 8, 8, 2, 4)),
    block32: everyPass(relative(1.3, 8, 8, 2, 4)),
    nm: everyPass(relative(6, 8, 8, 2, 4)),
  },
  conv2d: {
    csr: everyPass(relative(12, 8, 8, 2, 4)),
    block4: everyPass(relative(5, 8, 8, 2, 4)),
    block8: everyPass(relative(3, 8, 8, 2, 4)),
    block16: everyPass(relative(1.7, 8, 8, 2, 4)),
    block32: everyPass(relative(1.3, 8, 8, 2, 4)),
  },
};

export const CROSSOVERS: Record<DeviceClass, Record<LayerOp, FormTable>> = {
  software: SOFTWARE,
  integrated: GPU,
  discrete: GPU,
};

/**
 * Estimated time of a form for all passes of a layer, divided by that of the masked-dense form for the same passes,
 * each of which takes about as long as any other. From the device's tuned table where it has one, else by its class.
 */
export function relativeTime(
  device: Device,
  op: LayerOp,
  form: SparseForm,
  { rows, cols, n, density }: LayerSize,
  passes: readonly Pass[],
): number {
  const table = CROSSOVERS[device.deviceClass][op][form];
  if (!table || rows * cols * n === 0) return Number.POSITIVE_INFINITY;
  const times = passes.map((pass) => {
    const { entry, input, output, weight, start } = table[pass];
    return entry * density + input / rows + output / cols + weight / n + (1e6 * start) / (rows * cols * n);
  });
  return times.reduce((a, b) => a + b, 0) / passes.length;
}

/** Where a device's estimates come from, for people. */
export const basisOf = (device: Device): string =>
  device.deviceClass === 'software' ? 'measured on software devices' : `not measured on ${device.deviceClass} devices`;
