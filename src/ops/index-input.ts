import type { Device } from '../gpu/device.js';
import { ArgumentError, DTypeError } from '../gpu/errors.js';
import { type Nested, Tensor, tensor } from '../tensor/tensor.js';

/**
 * Indices: an i32 or u32 tensor, or host numbers. Host numbers are checked against the axis; those on the device are
 * limited to it, since looking at them would mean waiting (`assertIndices` does).
 */
export type IndexInput = Tensor | Int32Array | Uint32Array | Nested;

/** Runs `use` with the indices as a tensor; one made from host numbers lives on only as the input of a recorded node. */
export function withIndices(
  op: string,
  device: Device,
  index: IndexInput,
  size: number,
  use: (index: Tensor) => Tensor,
): Tensor {
  if (index instanceof Tensor) {
    if (index.dtype !== 'i32' && index.dtype !== 'u32')
      throw new DTypeError(op, 'indices of dtype i32 or u32', index.dtype);
    return use(index);
  }
  const flat = ArrayBuffer.isView(index) ? index : flatten(index);
  checkIndices(op, flat, size);
  const made = tensor(device, index, { dtype: index instanceof Uint32Array ? 'u32' : 'i32' });
  let out: Tensor | null = null;
  try {
    out = use(made);
    return out;
  } finally {
    if (!out?.node) made.dispose();
  }
}

function flatten(values: Nested): number[] {
  return typeof values === 'object' ? values.flatMap(flatten) : [Number(values)];
}

function checkIndices(op: string, values: ArrayLike<number>, size: number): void {
  for (let i = 0; i < values.length; i++) {
    const v = values[i];
    if (!Number.isInteger(v) || v < 0 || v >= size) {
      throw new ArgumentError(
        op,
        size > 0 ? `indices from 0 to ${size - 1}` : 'no index into an axis of size 0',
        `${v} at position ${i}`,
      );
    }
  }
}

/**
 * Reads indices back and checks that all are in [0, size): for finding mistakes, since it waits for the device.
 *
 * @throws ArgumentError naming the first index outside
 * @throws DTypeError unless the indices are i32 or u32
 */
export async function assertIndices(index: Tensor, size: number): Promise<void> {
  if (index.dtype !== 'i32' && index.dtype !== 'u32')
    throw new DTypeError('assertIndices', 'indices of dtype i32 or u32', index.dtype);
  checkIndices('assertIndices', await index.data(), size);
}
