import type { SubgroupTile, WorkgroupTile } from '../../shaders/gemm/spec.js';
import { type Device, matmul } from '../../src/index.js';
import { overrideTiles, tileCandidates } from '../../src/ops/gemm-rules.js';
import type { Candidate, Case, Family } from '../case.js';
import { ladderProduct, type Step } from '../ladder-kernels.js';
import { productCandidate, square } from '../products.js';

/**
 * The way from the naive product to the engine's, so that the gain of each step shows: kernels that live in the bench
 * alone, then the engine's own body with its tiles forced one by one, then what the engine chooses.
 */
const family: Family = ({ device }) => {
  const software = device.deviceClass === 'software';
  const n = software ? 512 : 2048;
  const first = (name: string, step: Step): Candidate =>
    productCandidate(device, { name, kind: 'variant' }, square(n), (a, b) => ladderProduct(device, step, a, b));
  const tiles = software ? softwareTiles(device.subgroupSize) : tileCandidates(device);
  return [
    {
      name: `ladder: matmul ${n}`,
      candidates: [
        first('naive: one element an invocation', 'naive'),
        first('16 x 16 in workgroup memory', 'shared'),
        first('8 x 4 in registers', 'registers'),
        ...tiles.map((tile) => forced(device, tile, n)),
        productCandidate(device, { name: 'secateur', kind: 'engine' }, square(n), (a, b) => matmul(a, b)),
      ],
    } satisfies Case,
  ];
};

/** Software: ever larger tiles of the subgroup body, then the GPU's design, which loses there. */
function softwareTiles(lanes: number): (SubgroupTile | WorkgroupTile)[] {
  const tile = (rows: number, quads: number): SubgroupTile => ({ kind: 'subgroup', lanes, rows, quads, unroll: false });
  const subgroup = lanes > 0 ? [tile(8, 1), tile(16, 1), tile(32, 1), tile(8, 2), tile(16, 2)] : [];
  return [...subgroup, WORKGROUP_TILE];
}

const WORKGROUP_TILE: WorkgroupTile = {
  kind: 'workgroup',
  rows: 64,
  cols: 64,
  depth: 16,
  blockRows: 8,
  blockCols: 4,
  buffers: 1,
  unroll: false,
};

function forced(device: Device, tile: SubgroupTile | WorkgroupTile, n: number): Candidate {
  const name =
    tile.kind === 'subgroup'
      ? `subgroup broadcast, ${tile.rows} rows, ${tile.quads} column ${tile.quads === 1 ? 'group' : 'groups'}`
      : `workgroup tile ${tile.rows} x ${tile.cols} x ${tile.depth}, ${tile.buffers} ${tile.buffers === 1 ? 'buffer' : 'buffers'}`;
  return productCandidate(device, { name, kind: 'variant' }, square(n), (a, b) => {
    overrideTiles(device, () => ({ tile, splits: 1, why: 'forced by the bench' }));
    try {
      return matmul(a, b);
    } finally {
      overrideTiles(device, null);
    }
  });
}

export default family;
