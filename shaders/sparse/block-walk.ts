import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { type ColLoader, colLoader } from '../gemm/col-loader.js';
import { placement, raster } from '../gemm/spec.js';
import { multiplyAdd, storeTile } from '../gemm/subgroup.js';
import { mathHelpers } from '../math.js';
import { handedOut } from './block-handed.js';
import { type BlockSpec, blockParams, storedAs } from './block-spec.js';

/**
 * C[row, col] = act(sum over the blocks of the row's line, and k in the block, of P[row, k] Q[col, k] + bias).
 *
 * Layout: P [.., blocks, b, b], the blocks' values by block row; Q and C as in the dense family: a matrix, or an image
 * whose pixels are the columns. Rows are block rows of the pattern or, `turned`, its block columns.
 * Tiling: a tile is `rows` of one line (a whole block, or a part of one) x 4 * lanes columns. As in the dense body,
 * lanes hold four columns of Q for four k, and P's values are handed out; only k jumps from block to block.
 * Grid: x column tiles, y lines (the longest first) x parts of a block, z batch, or phases of a strided input gradient.
 * Cost: 2 blocks b^2 cols flops; P is read cols / (4 lanes) times, and b / rows times Q for every block.
 */
export function blockWalkShader(spec: BlockSpec): Shader {
  const { block, tile, turned, problem } = spec;
  const area = block * block;
  const at = placement(spec);
  const helpers = spec.activation === 'tanh' || spec.activation === 'sigmoid' ? [spec.activation] : [];
  const p = handedOut(spec, {
    load: turned ? 'i4' : 'k4',
    base: 'pBlock',
    row: turned ? '1u' : `${block}u`,
    k: turned ? `${block}u` : '1u',
    variable: 'kk',
    tail: false,
  });
  const q = colLoader(spec, 1);
  const perBlock = block / tile.rows;
  const banded = problem === 'matmul';
  const code = wgsl`
${mathHelpers(helpers, spec.store.vector ? 4 : 1)}
${banded ? raster(8) : ''}
@compute @workgroup_size(${tile.lanes})
fn main(${at.builtins}, @builtin(local_invocation_index) lane: u32) {
  ${at.start}
  let group = ${banded ? 'raster(id, count)' : 'id'};
  let band = ${problem === 'convInput' ? `group.y / ${perBlock}u` : `order[group.y / ${perBlock}u]`};
  let within = group.y % ${perBlock}u * ${tile.rows}u;
  let row0 = band * ${block}u + within;
  let col0 = group.x * ${4 * tile.lanes}u + lane * 4u;
  ${PLACE[problem]}
  ${p.start}
  ${q.start}
  var acc: array<vec4f, ${tile.rows}>;
#if ${problem === 'convInput'}
  let ownBlock = (row0 - channelGroup * P.ci) / ${block}u;
  for (var kh = 0; kh < P.kh; kh++) {
    ${q.tapRow}
    for (var kw = 0; kw < P.kw; kw++) {
      ${q.tap}
      let line = u32(kh * P.kw + kw) * (P.ci / ${block}u) + ownBlock;
      ${entries()}
    }
  }
#else
  let line = band;
  ${entries()}
#endif
  let biasBase = 0u;
  ${storeTile(problem === 'convForward' ? { ...spec, problem: 'matmul' } : spec, tile)}
}`;
  return {
    code,
    enables: spec.hand === 'broadcast' ? ['subgroups'] : [],
    bindings: [
      { name: 'p', access: 'read', type: 'array<vec4f>' },
      { name: 'q', access: 'read', type: storedAs(spec, 'q') },
      { name: 'starts', access: 'read', type: 'array<u32>' },
      { name: 'across', access: 'read', type: 'array<u32>' },
      ...(problem === 'convInput' ? [] : [{ name: 'order', access: 'read', type: 'array<u32>' } as const]),
      ...(turned ? [{ name: 'entries', access: 'read', type: 'array<u32>' } as const] : []),
      ...(spec.bias === 'none' ? [] : [{ name: 'bias', access: 'read', type: 'array<f32>' } as const]),
      { name: 'c', access: 'read_write', type: spec.store.vector ? 'array<vec4f>' : 'array<f32>' },
    ],
    params: blockParams(spec, 'walk'),
  };

  /** The blocks of `line`, from the first to the last. */
  function entries(): string {
    const within = turned ? 'within' : `within * ${block}u`;
    return `let last = starts[line + 1u];
  for (var e = starts[line]; e < last; e++) {
    let other = across[e] * ${block}u;
    let pBlock = pBase + ${turned ? 'entries[e]' : 'e'} * ${area}u + ${within};
    ${first(spec, q)}
    for (var kk = 0u; kk < P.block; kk += 4u) {
      let k = first + kk;
      ${p.step}
      ${q.step}
      ${multiplyAdd(tile.rows, 1, p.value)}
    }
  }`;
  }
}

/** Where this workgroup's product begins in P, Q and C. */
const PLACE: Record<BlockSpec['problem'], string> = {
  matmul: `let part = group.z;
  let pBase = part * P.pPart;
  let cBase = part * P.cPart;`,
  convForward: `let member = 0u;
  let channelGroup = row0 / P.co;
  let pBase = 0u;
  let cBase = 0u;`,
  convInput: `let member = 0u;
  let channelGroup = row0 / P.ci;
  let phaseY = i32(group.z) / P.strideX;
  let phaseX = i32(group.z) % P.strideX;
  let pBase = 0u;
  let cBase = 0u;`,
  convWeight: '',
};

/** `first`: the k of Q at which a block begins. Images: within its tap, whose offsets are found first. */
function first(spec: BlockSpec, q: ColLoader): string {
  switch (spec.problem) {
    case 'convForward':
      return `let tap = other / P.ci;
    let first = other - tap * P.ci;
    let kh = i32(tap) / P.kw;
    let kw = i32(tap) - kh * P.kw;
    ${q.tapRow}
    ${q.tap}`;
    case 'convInput': // a line has the blocks of every group: below and above its own, `first` is beyond the channels
      return `let first = other - channelGroup * P.co;
    if (first >= P.co) { continue; }`;
    default:
      return 'let first = other;';
  }
}
