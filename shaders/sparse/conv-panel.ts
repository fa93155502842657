import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { activate } from '../gemm/epilogue.js';
import type { Activation } from '../gemm/spec.js';
import { mathHelpers } from '../math.js';
import type { Direction } from './conv-stream.js';
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

export interface ConvPanelSpec extends TileSpec {
  direction: Direction;
  /** Result channels that are stored at a time. */
  rows: 1 | 4;
  bias: boolean;
  activation: Activation;
}

/** `splitRows`: result channels of a split. */
export const PANEL_PARAMS: Shader['params'] = [...TILE_PARAMS, ['splitRows', 'u32'], ['biasPart', 'u32']];

/**
 * y or dx of a sparse convolution: result[pixel, o] = act(sum over the nonzeros p of o of values[p] source[pixel + p] + bias[o]).
 *
 * Layout: source and result NHWC; counts and stream as `convStreamShader` makes them, form `tile`.
 * Tiling: one subgroup a workgroup. A lane has a block of 2 x 2 result pixels and keeps their windows in private memory
 * (`TileSpec`), for as many source channels as fit; it then walks the nonzeros of every result channel. The subgroup
 * loads as many (offset, value) pairs as it has lanes with one load and hands them out by shuffles. Where the channels
 * take several chunks, later ones add to what earlier ones stored.
 * Cost: 8 flops, four private reads and two shuffles a nonzero and block; the tile is loaded once for `splits` parts of
 * the result channels. The inner loop is short on purpose: unrolled, its reads spill the registers.
 */
export function convPanelShader(spec: ConvPanelSpec): Shader {
  const { lanes, rows } = spec;
  const V = rows === 4 ? 'vec4f' : 'f32';
  const helpers = spec.activation === 'tanh' || spec.activation === 'sigmoid' ? [spec.activation] : [];
  const code = wgsl`
${mathHelpers(helpers, rows)}
${tileHelpers(spec.direction, spec.vector)}
// Bounds that a shuffle hands out are the same in all lanes, which the compiler cannot know.
@diagnostic(off, subgroup_uniformity)
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${splitGroup}
  ${locateBlock(lanes, 'unit')}
  let first = split * P.splitRows;
  let last = min(first + P.splitRows, P.bundleRows);
  ${placePixels(spec.direction)}
  var places = array<i32, 4>(place0, place1, place2, place3);
  ${declareTile(spec)}
  for (var chunk = 0u; chunk < P.chunks; chunk++) {
    ${loadTile(spec)}
    for (var row = first; row < last; row += ${rows}u) {
      let channel = bundle * P.bundleRows + row;
      ${eachOf4((q) => `var total${q} = ${V}(0.0);`, ' ')}
#if ${rows === 4}
      for (var j = 0u; j < P.pixels; j++) {
#else
      let j = 0u;
#endif
      let segment = ((u32(phase) * P.lines + part * P.resultC) + channel + j) * P.chunks + chunk;
      ${eachOf4((q) => `var sum${q} = 0.0;`, ' ')}
      ${walkTurns(lanes, {
        load: 'let pair = stream[min(p + lane, end - 1u)];',
        body: (turn) => `for (var u = 0u; u < some; u++) {
            let value = bitcast<f32>(subgroupShuffle(pair.y, u));
            ${readTile(turn, 'subgroupShuffle(pair.x, u)')}
            ${eachOf4((q) => `sum${q} = fma(value, v${q}, sum${q});`, ' ')}
          }`,
        finish: '',
      })}
#if ${rows === 4}
        let own = vec4<bool>(j == 0u, j == 1u, j == 2u, j == 3u);
        ${eachOf4((q) => `total${q} = select(total${q}, vec4f(sum${q}), own);`)}
      }
#else
      ${eachOf4((q) => `total${q} = sum${q};`, ' ')}
#endif
      ${store(spec, V)}
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
      ...(spec.bias ? [{ name: 'bias', access: 'read', type: `array<${V}>` } as const] : []),
      { name: 'result', access: 'read_write', type: `array<${V}>` },
    ],
    params: PANEL_PARAMS,
  };
}

/** Stores the totals of a block, from one site; chunks after the first add to what is there. */
function store(spec: ConvPanelSpec, V: 'f32' | 'vec4f'): string {
  const four = spec.rows === 4 ? ' / 4u' : '';
  return `let totals = array<${V}, 4>(${eachOf4((q) => `total${q}`, ', ')});
      for (var q = 0u; q < P.pixels; q++) {
        if (places[q] >= 0) {
          let place = (u32(places[q]) * P.resultC + channel)${four};
          var value = totals[q];
          if (chunk > 0u) { value += result[place]; }
          if (chunk + 1u == P.chunks) {
            ${spec.bias ? `value += bias[(part * P.biasPart + channel)${four}];` : ''}
            value = ${activate(spec.activation, 'value', V)};
          }
          result[place] = value;
        }
      }`;
}
