import { checkKth, selectionVariant } from '../selection.js';

/** JavaScript's own sort of a typed array, for values that are on the host already. */
export default selectionVariant({
  name: 'sort on the host',
  prepare(_device, values, k) {
    const run = () => {
      const sorted = values.map(Math.abs).sort();
      return sorted[sorted.length - k];
    };
    return {
      check: checkKth(values, k, run()),
      async sample(calls) {
        const start = performance.now();
        for (let i = 0; i < calls; i++) run();
        return (performance.now() - start) / calls;
      },
      dispose: () => {},
    };
  },
});
