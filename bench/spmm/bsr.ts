import { blockMatmul } from '../../src/sparse/block-matmul.js';
import { blockPatternFromHost } from '../../src/sparse/block-pattern.js';
import { tensor } from '../../src/tensor/tensor.js';
import { hostBlocks } from '../blocks.js';
import type { Family } from '../case.js';
import { type SpmmVariant, spmmVariant } from '../spmm.js';

/** The engine's product of block-compressed rows with square blocks. */
export const bsr = (block: number): Omit<SpmmVariant, 'structure'> => ({
  name: `BSR ${block}x${block}`,
  prepare(device, { k, n, matrix, values, b }) {
    const blocks = hostBlocks(matrix, values, block);
    const pattern = blockPatternFromHost(device, blocks);
    const count = blocks.columns.length;
    const stored = tensor(device, blocks.values, { shape: [count, block, block] });
    const right = tensor(device, b, { shape: [k, n] });
    return {
      run: () => blockMatmul(pattern, stored, right),
      multiplied: blocks.values.length,
      bytes: 4 * blocks.values.length + 4 * count,
      facts: { blocks: count },
      dispose() {
        for (const thing of [pattern, stored, right]) thing.dispose();
      },
    };
  },
});

/** Generated matrices have their nonzeros in such blocks; those from files are filled up with zeros. */
const family: Family = (context) =>
  [8, 16].flatMap((block) => spmmVariant({ ...bsr(block), structure: () => ({ kind: 'block', block }) })(context));

export default family;
