import { COSINE } from '../../shaders/linalg/jacobi-pairs.js';
import { jacobiSubgroupShader, type SubgroupJacobiSpec } from '../../shaders/linalg/jacobi-subgroup.js';
import { jacobiWorkgroupShader, type WorkgroupJacobiSpec } from '../../shaders/linalg/jacobi-workgroup.js';
import type { Device } from '../gpu/device.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import { zeros } from '../ops/create.js';
import { lessEqual } from '../ops/pointwise.js';
import { reshape } from '../ops/reshape.js';
import { slice } from '../ops/slice.js';
import type { Tensor } from '../tensor/tensor.js';

const roundKernel = defineKernel<SubgroupJacobiSpec | WorkgroupJacobiSpec>({
  name: 'jacobi round',
  shader: (spec) => ('lanes' in spec ? jacobiSubgroupShader(spec) : jacobiWorkgroupShader(spec)),
});

/**
 * Rotates the rows of every matrix of x [matrices, rows, width], in place, until they are orthogonal to each other; the
 * width is a multiple of 4.
 *
 * Nothing is read back: sweeps are encoded ahead, and each begins by looking whether the one before found the rows
 * orthogonal.
 *
 * @returns bool [matrices]: whether the sweeps sufficed
 */
export function orthogonaliseRows(op: string, x: Tensor, sweeps: number): Tensor {
  const { device } = x;
  const [matrices, rows, width] = x.shape;
  // Bits of the greatest cosine and mixing of every sweep: zeros where there was nothing to do.
  const state = zeros(device, [matrices, sweeps, 2], 'u32');
  const { spec, block } = formOf(device);
  const size = 2 * block;
  const { blocks, pairs } = groupsOf(device, matrices, rows, width, block);
  const units = matrices * pairs;
  const single = pairs === 1;
  const bindings = [x.binding(op), state.binding(op)];
  const grid = foldGrid(units, device.limits.maxWorkgroups);
  const cost = {
    flops: units * blocks * blocks * 4 * size * size * (width + 3 * size),
    bytes: units * blocks * blocks * 12 * size * width,
  };
  for (let sweep = 0; rows > 1 && sweep < (single ? 1 : sweeps); sweep++) {
    for (let round = 0; round < 2 * pairs - 1; round++) {
      const turns = single ? sweeps : 1;
      const params = [units, pairs, round, sweep, sweeps, rows, width / 4, size, turns, blocks];
      device.run(roundKernel, spec, { bindings, params, grid, cost });
    }
  }
  const last = slice(state, [0, sweeps - 1, 0], [null, sweeps, 1]);
  return reshape(lessEqual(last, COSINE_BITS), [matrices]);
}

/** COSINE's bits, which order as the values do. */
const COSINE_BITS = new Uint32Array(Float32Array.of(COSINE).buffer)[0];

/** Software devices have one subgroup a workgroup, as wide as a block; GPUs share workgroup memory. */
function formOf(device: Device): { spec: SubgroupJacobiSpec | WorkgroupJacobiSpec; block: number } {
  const lanes = device.subgroupSize;
  if (device.deviceClass === 'software' && [4, 8, 16].includes(lanes)) return { spec: { lanes }, block: lanes };
  return { spec: { block: 16 }, block: 16 };
}

/** Most blocks of a group that are tried. */
const MOST_BLOCKS = 16;
/** Microseconds of a launch on a software device, those of settled sweeps counted in; of a visit, for every vec4 of a row and beside them. */
const LAUNCH = 70;
const VISIT = { each: 0.3, fixed: 3 };

/** Blocks of a group, and pairs of groups: on software devices those that should take least time. GPUs are kept busy. */
function groupsOf(device: Device, matrices: number, rows: number, width: number, block: number) {
  const pairsOf = (blocks: number) => Math.ceil(rows / (2 * blocks * block));
  if (device.deviceClass !== 'software') return { blocks: 1, pairs: pairsOf(1) };
  const cores = device.driver?.cores ?? 4;
  const visit = VISIT.fixed + (VISIT.each * width) / 4;
  const sweepTime = (blocks: number) => {
    const pairs = pairsOf(blocks);
    const visits = blocks * (2 * blocks - 1) + (2 * pairs - 2) * blocks * blocks;
    return LAUNCH * (2 * pairs - 1) + Math.ceil((matrices * pairs) / cores) * visits * visit;
  };
  let blocks = 1;
  for (let b = 2; b <= MOST_BLOCKS && pairsOf(b - 1) > 1; b++) if (sweepTime(b) < sweepTime(blocks)) blocks = b;
  return { blocks, pairs: pairsOf(blocks) };
}
