import { abs } from '../../src/ops/pointwise.js';
import { slice } from '../../src/ops/slice.js';
import { sort } from '../../src/ops/sort.js';
import { scope } from '../../src/tensor/scope.js';
import { deviceSelection, selectionVariant } from '../selection.js';

/** All magnitudes sorted on the device. */
export default selectionVariant({
  name: 'sort on the device',
  prepare: (device, values, k) =>
    deviceSelection(device, values, k, (x) =>
      scope(() => slice(sort(abs(x)).values, [values.length - k], [values.length - k + 1])),
    ),
});
