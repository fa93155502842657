import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { colLoader } from '../gemm/col-loader.js';
import { placement } from '../gemm/spec.js';
import { multiplyAdd, storeTile } from '../gemm/subgroup.js';
import { handedOut } from './block-handed.js';
import { type BlockSpec, blockParams, storedAs } from './block-spec.js';

/**
 * V[block, i, j] = sum_k P[b row + i, k] Q[b column + j, k] for the blocks (row, column) of a pattern: a product of
 * dense matrices, or the weight gradient of a convolution, computed only where the pattern has blocks.
 *
 * Layout: P and Q as in the dense family, V [splits, parts, blocks, b, b].
 * Tiling: a tile is `rows` of one block row x 4 * lanes columns, counted over the blocks of that row, so that small
 * blocks fill the lanes as well.
 * Grid: x column tiles of the longest block row, y block rows (the longest first) x parts of a block, z batch x splits.
 * Cost: 2 blocks b^2 k flops; P is read once for every tile of its row, Q b / rows times for every block.
 */
export function blockSampleShader(spec: BlockSpec): Shader {
  const { block, tile, problem } = spec;
  const area = block * block;
  const perBlock = block / tile.rows;
  const at = placement(spec);
  const matrix = problem === 'matmul';
  const p = handedOut(spec, {
    load: spec.p.load,
    base: matrix ? 'pBase' : 'row0',
    row: matrix ? 'P.pI' : '1u',
    k: matrix ? 'P.pK' : 'P.groups * P.co',
    variable: 'k',
    tail: spec.tail,
  });
  const q = colLoader(spec, 1);
  const code = wgsl`
@compute @workgroup_size(${tile.lanes})
fn main(${at.builtins}, @builtin(local_invocation_index) lane: u32) {
  ${at.start}
  let split = id.z % P.splits;
  let part = id.z / P.splits;
  let line = order[id.y / ${perBlock}u];
  let start = starts[line];
  let width = (starts[line + 1u] - start) * ${block}u;
  let slot0 = id.x * ${4 * tile.lanes}u;
  if (slot0 >= width) { return; }
  let slot = min(slot0 + lane * 4u, width - 4u);
  let entry = start + slot / ${block}u;
  // The lane's four columns of Q, which lie side by side in one block.
  let col0 = across[entry] * ${block}u + slot % ${block}u;
  let row0 = line * ${block}u + id.y % ${perBlock}u * ${tile.rows}u;
#if ${matrix}
  let pBase = part * P.pPart + row0 * P.pI;
#else
  let member = 0u;
  let channelGroup = row0 / P.co;
#endif
  let k0 = split * P.chunk;
  let kEnd = min(k0 + P.chunk, P.depth);
  ${p.start}
  ${q.start}
  var acc: array<vec4f, ${tile.rows}>;
  for (var k = k0; k < kEnd; k += 4u) {
    ${p.step}
    ${q.step}
    ${multiplyAdd(tile.rows, 1, p.value)}
  }
  if (slot0 + lane * 4u >= width) { return; }
  // Stores go to cBase + row * b + col0: wrapping, this base takes both back to the block's own first row and column.
  let cBase = (split * P.parts + part) * P.cPart + entry * ${area}u + slot % ${block}u - line * ${area}u - col0;
  ${storeTile({ ...spec, problem: 'matmul' }, tile)}
}`;
  return {
    code,
    enables: spec.hand === 'broadcast' ? ['subgroups'] : [],
    bindings: [
      { name: 'p', access: 'read', type: storedAs(spec, 'p') },
      { name: 'q', access: 'read', type: storedAs(spec, 'q') },
      { name: 'starts', access: 'read', type: 'array<u32>' },
      { name: 'across', access: 'read', type: 'array<u32>' },
      { name: 'order', access: 'read', type: 'array<u32>' },
      { name: 'c', access: 'read_write', type: 'array<vec4f>' },
    ],
    params: blockParams(spec, 'sample'),
  };
}
