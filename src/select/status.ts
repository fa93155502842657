import { BAD_RANK } from '../../shaders/select/digits.js';
import { ArgumentError } from '../gpu/errors.js';
import { collect, type Owned } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';

/** What every selection returns besides its results. */
export interface Selected {
  /**
   * u32, one word a row (model, layer) in order: how many NaN it has. The highest bit is set where a k on the device was
   * out of range and has been limited to it. All 0 if the selection is good.
   */
  status: Tensor;
}

/**
 * Waits for a selection and refuses NaN in what it ranked: `const { values } = await checked(topk(x, 10))`. Inside a
 * compiled step, return the status and check it outside.
 *
 * @returns the same result
 * @throws ArgumentError for NaN, or a k on the device out of range; the tensors of the result are disposed then
 */
export async function checked<R extends Selected>(result: R, op = 'select'): Promise<R> {
  const status = (await result.status.data()) as Uint32Array;
  const row = status.findIndex((word) => word !== 0);
  if (row < 0) return result;
  const owned = new Set<Owned>();
  collect(result, owned);
  for (const t of owned) t.dispose();
  const where = status.length > 1 ? ` in row ${row} of ${status.length}` : '';
  const nans = status[row] & ~BAD_RANK;
  if (nans > 0) throw new ArgumentError(op, 'values without NaN', `${nans} NaN${where}`);
  throw new ArgumentError(op, 'every k within the number of elements it selects from', `a k out of range${where}`);
}
