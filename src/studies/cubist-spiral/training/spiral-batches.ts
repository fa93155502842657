import type { Batch } from '../../../data/loader.js';
import { gather } from '../../../ops/gather.js';
import { reshape } from '../../../ops/reshape.js';
import { slice } from '../../../ops/slice.js';
import type { PopulationData } from '../../../population/index.js';
import { keep, scope } from '../../../tensor/scope.js';
import { type Tensor, tensor } from '../../../tensor/tensor.js';

/** The data set as [rows, inputs and label]. */
export const tableOf = (data: PopulationData): Tensor => reshape(data.tensor, [data.rows, data.inputs + 1]);

/** The inputs and labels [n, 1] of some rows. */
export function rowsAt(data: PopulationData, places: Tensor): Batch {
  const rows = gather(tableOf(data), places);
  const n = rows.shape[0];
  return {
    inputs: slice(rows, [0, 0], [n, data.inputs]),
    targets: slice(rows, [0, data.inputs], [n, data.inputs + 1]),
  };
}

/** A batch of the rows named, on the device; owned by the caller. */
export function batchOf(data: PopulationData, rows: ArrayLike<number>): Batch & { dispose(): void } {
  const { inputs, targets } = scope(() => {
    const batch = rowsAt(data, tensor(data.tensor.device, Int32Array.from(rows)));
    return { inputs: batch.inputs, targets: batch.targets };
  });
  for (const t of [inputs, targets]) keep(t);
  const dispose = () => {
    for (const t of [inputs, targets]) t.dispose();
  };
  return { inputs, targets, dispose };
}
