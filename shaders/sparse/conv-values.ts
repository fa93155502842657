import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import {
  declareTile,
  eachOf4,
  loadTile,
  locateBlock,
  placePixels,
  readTile,
  splitGroup,
  TILE_PARAMS,
  type TileSpec,
  tileHelpers,
  walkTurns,
} from './conv-tile.js';

export interface ConvValuesSpec extends TileSpec {
  /** Output channels whose gradients are loaded at a time. */
  rows: 1 | 4;
}

/** Groups of blocks in all and of a split, and slots of the stream. */
export const VALUES_PARAMS: Shader['params'] = [
  ...TILE_PARAMS,
  ['groups', 'u32'],
  ['splitGroups', 'u32'],
  ['slots', 'u32'],
];

/**
 * dw of a sparse convolution, at the nonzeros only: stage[split, slot] = sum over the split's pixels of
 * x[pixel + offset of the slot] g[pixel, its output channel].
 *
 * Layout: source x and g NHWC; counts and stream as `convStreamShader` makes them, form `tile`; a slot is a place of the
 * stream, stage [splits, segments * capacity]. `convFinishShader` adds the splits.
 * Tiling: as `convPanelShader`, but a workgroup has one chunk of the channels and walks its share of the blocks, adding
 * to its own slots. Each lane multiplies a nonzero's four source pixels by their gradients; the sums over lanes are made
 * for two nonzeros at a time, one in the even lanes and one in the odd, and kept by the lane that will store them, so
 * that as many slots as there are lanes are stored at a time.
 * Cost: 8 flops, four private reads and 1 + log2(lanes) / 2 shuffles a nonzero and block.
 */
export function convValuesShader(spec: ConvValuesSpec): Shader {
  const { lanes, rows } = spec;
  const V = rows === 4 ? 'vec4f' : 'f32';
  const four = rows === 4 ? ' / 4u' : '';
  const steps = Array.from({ length: Math.log2(lanes) - 1 }, (_, i) => `sum += subgroupShuffleXor(sum, ${2 << i}u);`);
  const product = (turn: number, name: string, u: string) => `var ${name}: f32;
            {
              ${readTile(turn, `subgroupShuffle(offsets, ${u})`)}
              ${name} = fma(g3, v3, fma(g2, v2, fma(g1, v1, g0 * v0)));
            }`;
  const code = wgsl`
${tileHelpers('forward', spec.vector)}
// Bounds that a shuffle hands out are the same in all lanes, which the compiler cannot know.
@diagnostic(off, subgroup_uniformity)
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${splitGroup}
  let chunk = unit;
  let begin = split * P.splitGroups;
  let stop = min(begin + P.splitGroups, P.groups);
  let second = (lane & 1u) == 1u;
  ${declareTile(spec)}
  for (var blocks = begin; blocks < stop; blocks++) {
    ${locateBlock(lanes, 'blocks')}
    ${placePixels('forward')}
    ${loadTile(spec)}
    for (var row = 0u; row < P.bundleRows; row += ${rows}u) {
      let output = bundle * P.bundleRows + row;
      ${eachOf4(
        (q) =>
          `let loaded${q} = select(${V}(0.0), g[(u32(max(place${q}, 0)) * P.resultC + output)${four}], place${q} >= 0);`,
      )}
#if ${rows === 4}
      for (var j = 0u; j < P.pixels; j++) {
      ${eachOf4((q) => `let g${q} = loaded${q}[j];`, ' ')}
#else
      let j = 0u;
      ${eachOf4((q) => `let g${q} = loaded${q};`, ' ')}
#endif
      let segment = (part * P.resultC + output + j) * P.chunks + chunk;
      ${walkTurns(lanes, {
        load: `let offsets = stream[min(p + lane, end - 1u)].x;
          var mine = 0.0;`,
        body: (turn) => `for (var u = 0u; u < some; u += 2u) {
            ${product(turn, 'even', 'u')}
            ${product(turn, 'odd', 'u + 1u')}
            var sum = select(even, odd, second) + subgroupShuffleXor(select(odd, even, second), 1u);
            ${steps.join(' ')}
            mine = select(mine, sum, (lane & ~1u) == u);
          }`,
        finish: `if (lane < some) {
            let slot = split * P.slots + p + lane;
            if (blocks > begin) { mine += stage[slot]; }
            stage[slot] = mine;
          }`,
      })}
#if ${rows === 4}
      }
#endif
    }
  }
}`;
  return {
    code,
    enables: ['subgroups'],
    bindings: [
      { name: 'counts', access: 'read', type: 'array<u32>' },
      { name: 'stream', access: 'read', type: 'array<vec2u>' },
      { name: 'source', access: 'read', type: `array<${spec.vector ? 'vec4f' : 'f32'}>` },
      { name: 'g', access: 'read', type: `array<${V}>` },
      { name: 'stage', access: 'read_write', type: 'array<f32>' },
    ],
    params: VALUES_PARAMS,
  };
}

export const FINISH_PARAMS: Shader['params'] = [
  ['slots', 'u32'],
  ['capacity', 'u32'],
  ['splits', 'u32'],
];

/**
 * out[entry of a slot] = sum over splits of stage[split, slot].
 *
 * Layout: as above. Tiling: one slot an invocation; those that no nonzero fills do nothing.
 */
export function convFinishShader({ workgroup }: { workgroup: number }): Shader {
  const code = `
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let slot = gid.x + gid.y * groups.x * ${workgroup}u;
  if (slot >= P.slots) { return; }
  if (slot % P.capacity >= counts[slot / P.capacity * 4u + 3u]) { return; }
  var sum = 0.0;
  for (var split = 0u; split < P.splits; split++) { sum += stage[split * P.slots + slot]; }
  values[stream[slot].y] = sum;
}`;
  return {
    code,
    bindings: [
      { name: 'counts', access: 'read', type: 'array<u32>' },
      { name: 'stream', access: 'read', type: 'array<vec2u>' },
      { name: 'stage', access: 'read', type: 'array<f32>' },
      { name: 'values', access: 'read_write', type: 'array<f32>' },
    ],
    params: FINISH_PARAMS,
  };
}
