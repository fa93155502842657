import type { Device } from '../gpu/device.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { philoxPermutation, type Seed } from '../tensor/philox.js';
import { keep } from '../tensor/scope.js';
import { type Tensor, tensor } from '../tensor/tensor.js';

/** A data set on the device, every row with its target behind it; owned by whoever made it. */
export class PopulationData {
  readonly rows: number;
  readonly inputs: number;
  /** Greatest target, and whether all targets are whole numbers: what losses can check without a readback. */
  readonly targets: { readonly most: number; readonly whole: boolean };
  private readonly values: Tensor;

  /**
   * @param inputs row-major values [rows, inputs]
   * @param targets [rows]: values in [0, 1] for binary cross-entropy, class numbers for cross-entropy
   * @throws ShapeError where the numbers of values do not go together
   * @throws ArgumentError for no rows, or targets that are negative or not finite
   */
  constructor(device: Device, inputs: ArrayLike<number>, targets: ArrayLike<number>) {
    const op = 'PopulationData';
    const rows = targets.length;
    if (rows === 0) throw new ArgumentError(op, 'at least one row', '0');
    const width = inputs.length / rows;
    if (!Number.isInteger(width) || width < 1)
      throw new ShapeError(op, `a multiple of ${rows} input values`, `${inputs.length}`);
    const values = new Float32Array(rows * (width + 1));
    let most = 0;
    let whole = true;
    for (let r = 0; r < rows; r++) {
      for (let i = 0; i < width; i++) values[r * (width + 1) + i] = inputs[r * width + i];
      const target = targets[r];
      if (!(target >= 0 && Number.isFinite(target)))
        throw new ArgumentError(op, 'targets >= 0', `${target} in row ${r}`);
      values[r * (width + 1) + width] = target;
      most = Math.max(most, target);
      whole &&= Number.isInteger(target);
    }
    this.rows = rows;
    this.inputs = width;
    this.targets = { most, whole };
    this.values = keep(tensor(device, values));
  }

  /** f32 [rows, inputs + target], for kernels. */
  get tensor(): Tensor {
    return this.values;
  }
  get isDisposed(): boolean {
    return this.values.isDisposed;
  }
  dispose(): void {
    this.values.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Random stream of the order of rows. */
const SHUFFLE = 0x73687566;

/** Rows of every step's batch, for all models alike. */
export interface Batches {
  /** Rows a batch. */
  size: number;
  /** Row numbers [steps, size]. */
  order: Uint32Array;
}

/**
 * Batches of shuffled epochs: every epoch takes each row at most once, in an order of its own, and leaves the last part of
 * a batch over.
 *
 * @param firstStep the step that the first batch is for: training that resumes goes on in the same order
 * @throws ArgumentError for a batch larger than the data
 */
export function shuffledBatches(
  rows: number,
  size: number,
  steps: number,
  seed: Seed,
  { firstStep = 0 }: { firstStep?: number } = {},
): Batches {
  const op = 'shuffledBatches';
  if (!Number.isInteger(size) || size < 1 || size > rows)
    throw new ArgumentError(op, `a batch of 1 to ${rows} rows`, String(size));
  const perEpoch = Math.floor(rows / size);
  const order = new Uint32Array(steps * size);
  let epoch = -1;
  let shuffled: ArrayLike<number> = [];
  for (let s = 0; s < steps; s++) {
    const step = firstStep + s;
    if (Math.floor(step / perEpoch) !== epoch) {
      epoch = Math.floor(step / perEpoch);
      shuffled = philoxPermutation(seed, SHUFFLE, epoch, rows);
    }
    const from = (step % perEpoch) * size;
    for (let i = 0; i < size; i++) order[s * size + i] = shuffled[from + i];
  }
  return { size, order };
}
