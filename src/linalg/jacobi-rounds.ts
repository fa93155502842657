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
  const pairs = Math.ceil(rows / size);
  const units = matrices * pairs;
  const single = pairs === 1;
  const bindings = [x.binding(op), state.binding(op)];
  const grid = foldGrid(units, device.limits.maxWorkgroups);
  const cost = {
    flops: units * 4 * size * size * (width + 3 * size),
    bytes: units * 12 * size * width,
  };
  for (let sweep = 0; rows > 1 && sweep < (single ? 1 : sweeps); sweep++) {
    for (let round = 0; round < 2 * pairs - 1; round++) {
      const visits = single ? sweeps : 1;
      const params = [units, pairs, round, sweep, sweeps, rows, width / 4, size, visits];
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
