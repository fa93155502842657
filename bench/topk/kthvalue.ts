import { kthvalue } from '../../src/select/kthvalue.js';
import { scope } from '../../src/tensor/scope.js';
import { deviceSelection, selectionVariant } from '../selection.js';

/** The engine's radix select. */
export default selectionVariant({
  name: 'secateur',
  kind: 'engine',
  prepare: (device, values, k) =>
    deviceSelection(device, values, k, (x) => scope(() => kthvalue(x, k, { largest: true, by: 'magnitude' }).values)),
});
