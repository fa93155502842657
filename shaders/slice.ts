import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../src/gpu/kernel.js';
import { chunkWalk, WALK_PARAMS, WALK_WORKGROUP } from './walk.js';

/** Structure of a strided copy; sizes, offsets and strides are parameters. */
export interface CopySpec {
  /** Elements are moved as bits: every 4-byte dtype is u32 here. */
  stored: 'u32' | 'f16';
  /** Axes of the walk after merging. */
  rank: number;
  /** 4: the innermost axis is contiguous on both sides and moves as vec4. */
  lanes: 1 | 4;
}

const array = (stored: string, lanes: number) => `array<${lanes === 4 ? `vec4<${stored}>` : stored}>`;

/**
 * dst[dstAt + sum i_k t_k] = src[source + sum i_k s_k] for every coordinate i.
 *
 * Layout: any signed strides on either side, so that slices, flips, permutations, padding and concatenation are one
 * kernel. Strides and offsets count vec4s where lanes is 4.
 * Tiling: a chunk walk in destination order.
 * Cost: one load and one store an element (or four elements).
 */
export function stridedCopyShader(spec: CopySpec): Shader {
  const axes = Array.from({ length: spec.rank }, (_, k) => k);
  const walk = chunkWalk(axes.map((k) => `P.d${k}`));
  const at = (base: string, stride: string) =>
    [`P.${base}`, ...axes.map((k) => `i32(i${k}) * P.${stride}${k}`)].join(' + ');
  const code = wgsl`
@compute @workgroup_size(${WALK_WORKGROUP})
fn main(${walk.builtins}) {
  ${walk.start}
  while (${walk.more}) {
    dst[${at('dstAt', 't')}] = src[${at('srcAt', 's')}];
    ${walk.advance}
  }
}`;
  return {
    code,
    enables: spec.stored === 'f16' ? ['f16'] : [],
    bindings: [
      { name: 'src', access: 'read', type: array(spec.stored, spec.lanes) },
      { name: 'dst', access: 'read_write', type: array(spec.stored, spec.lanes) },
    ],
    params: [
      ...WALK_PARAMS,
      ['srcAt', 'i32'],
      ['dstAt', 'i32'],
      ...axes.map((k) => [`d${k}`, 'u32'] as const),
      ...axes.map((k) => [`s${k}`, 'i32'] as const),
      ...axes.map((k) => [`t${k}`, 'i32'] as const),
    ],
  };
}

/** Structure of a batched matrix transpose. */
export interface TransposeSpec {
  stored: 'u32' | 'f16';
  /** `block`: 4 x 4 in one invocation's registers, for software; `tile`: 32 x 32 in workgroup memory, for GPUs. */
  form: 'block' | 'tile';
}

/** Side of a tile, and the rows of it that one pass of the workgroup moves. */
export const TILE = 32;
const TILE_ROWS = 8;

/**
 * dst[b, r, c] = src[b, c, r], row-major matrices with batch strides of their own.
 *
 * Tiling `block`: an invocation reads four vec4 rows, turns them in registers and writes four: sizes and strides are
 * multiples of 4. Tiling `tile`: a workgroup reads 32 x 32 along src's rows and writes along dst's, so that both
 * sides are contiguous across the lanes; any size. One column of padding keeps the banks of workgroup memory apart.
 * Cost: one load and one store an element; no element is read twice.
 */
export function transposeShader(spec: TransposeSpec): Shader {
  const block = spec.form === 'block';
  const walk = chunkWalk(['P.batch', 'P.rowBlocks', 'P.colBlocks']);
  const turn = [0, 1, 2, 3].map((i) => `dst[place + ${i}u * P.dstRow] = vec4(v0[${i}], v1[${i}], v2[${i}], v3[${i}]);`);
  const code = wgsl`
#if ${block}
@compute @workgroup_size(${WALK_WORKGROUP})
fn main(${walk.builtins}) {
  ${walk.start}
  while (${walk.more}) {
    let source = i0 * P.srcBatch + 4u * i2 * P.srcRow + i1;
    ${[0, 1, 2, 3].map((j) => `let v${j} = src[source + ${j}u * P.srcRow];`).join('\n    ')}
    let place = i0 * P.dstBatch + 4u * i1 * P.dstRow + i2;
    ${turn.join('\n    ')}
    ${walk.advance}
  }
}
#else
var<workgroup> tile: array<${spec.stored}, ${TILE * (TILE + 1)}>;
@compute @workgroup_size(${TILE}, ${TILE_ROWS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let i = group.x + group.y * groups.x;
  if (i >= P.n) { return; }
  let perMatrix = P.rowBlocks * P.colBlocks;
  let b = i / perMatrix;
  let within = i - b * perMatrix;
  let r0 = within / P.colBlocks * ${TILE}u;
  let c0 = within % P.colBlocks * ${TILE}u;
  for (var k = local.y; k < ${TILE}u; k += ${TILE_ROWS}u) {
    let r = r0 + local.x;
    let c = c0 + k;
    if (r < P.rows && c < P.cols) { tile[k * ${TILE + 1}u + local.x] = src[b * P.srcBatch + c * P.srcRow + r]; }
  }
  workgroupBarrier();
  for (var k = local.y; k < ${TILE}u; k += ${TILE_ROWS}u) {
    let r = r0 + k;
    let c = c0 + local.x;
    if (r < P.rows && c < P.cols) { dst[b * P.dstBatch + r * P.dstRow + c] = tile[local.x * ${TILE + 1}u + k]; }
  }
}
#endif`;
  const names = ['batch', 'rowBlocks', 'colBlocks', 'rows', 'cols', 'srcBatch', 'srcRow', 'dstBatch', 'dstRow'];
  return {
    code,
    enables: spec.stored === 'f16' ? ['f16'] : [],
    bindings: [
      { name: 'src', access: 'read', type: array(spec.stored, block ? 4 : 1) },
      { name: 'dst', access: 'read_write', type: array(spec.stored, block ? 4 : 1) },
    ],
    params: [...WALK_PARAMS, ...names.map((name) => [name, 'u32'] as const)],
  };
}
