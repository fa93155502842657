import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { colLoader } from '../gemm/col-loader.js';
import { FOLD, type GemmSpec, type ParamList, placement, raster, type SubgroupTile } from '../gemm/spec.js';
import { multiplyAdd, storeTile } from '../gemm/subgroup.js';
import { mathHelpers } from '../math.js';

export interface NmExpandSpec extends Pick<GemmSpec, 'q' | 'store' | 'bias' | 'activation' | 'folded'> {
  tile: SubgroupTile;
  /** Of every four neighbours, so many are kept. */
  kept: number;
}

const PARAMS: ParamList = (
  ['rows', 'cols', 'depth', 'qI', 'qK', 'qPart', 'cPart', 'cLead', 'tileRows', 'length', 'valuePart'] as const
).map((name) => [name, 'u32']);

/**
 * C[row, col] = act(sum over the entries p of a row of values[row, p] B[indices[row, p], col] + bias), as a dense product
 * whose values unfold on their way: half of the dense multiply-adds are by zero, but Q is read once for all rows of a
 * tile and never at a computed place, which costs a software device more than those.
 *
 * Layout: indices [rows, length], values [parts, rows, length], `kept` entries for every four of k; Q as in the dense
 * family.
 * Tiling: as in the dense body, a subgroup has `rows` x 4 * lanes of C. A lane loads the entries of its row for four
 * k, and puts them in their places among these.
 * Grid: x column tiles, y row tiles, z batch.
 * Cost: 2 rows k cols flops; the entries are read cols / (4 lanes) times, Q rows / tile.rows times.
 */
export function nmExpandShader(own: NmExpandSpec): Shader {
  const { tile, kept } = own;
  const { rows, lanes } = tile;
  const spec: GemmSpec = { ...own, problem: 'matmul', p: { load: 'k4', half: false }, tail: false };
  const at = placement(spec);
  const q = colLoader(spec, 1);
  const sets = Math.ceil(rows / lanes);
  const width = kept % 4 === 0 ? 4 : kept % 2 === 0 ? 2 : 1;
  const type = (scalar: 'u32' | 'f32') => (width === 1 ? scalar : `vec${width}<${scalar}>`);
  const entry = (name: string, s: number, e: number) =>
    `${name}${s}_${Math.floor(e / width)}${width === 1 ? '' : `[${e % width}]`}`;
  const step = (s: number) => `${list(
    kept / width,
    (e) => `let index${s}_${e} = indices[(entry${s} + taken) / ${width}u + ${e}u];
    let value${s}_${e} = values[(valueBase + entry${s} + taken) / ${width}u + ${e}u];`,
  )}
    var a${s} = vec4f();
    ${list(kept, (e) => `a${s} = select(a${s}, vec4f(${entry('value', s, e)}), vec4u(${entry('index', s, e)}) == four);`)}`;
  const hand = (i: number, k: number) => `subgroupBroadcast(a${Math.floor(i / lanes)}.${'xyzw'[k]}, ${i % lanes}u)`;
  const helpers = own.activation === 'tanh' || own.activation === 'sigmoid' ? [own.activation] : [];
  const code = wgsl`
${mathHelpers(helpers, own.store.vector ? 4 : 1)}
${raster(8)}
@compute @workgroup_size(${lanes})
fn main(${at.builtins}, @builtin(local_invocation_index) lane: u32) {
  ${at.start}
  let group = raster(id, count);
  let part = group.z;
  let row0 = group.y * ${rows}u;
  let col0 = group.x * ${4 * lanes}u + lane * 4u;
  let valueBase = part * P.valuePart;
  ${list(sets, (s) => `let entry${s} = min(row0 + ${s * lanes}u + lane, P.rows - 1u) * P.length;`)}
  ${q.start}
  var acc: array<vec4f, ${rows}>;
  for (var k = 0u; k < P.depth; k += 4u) {
    let taken = k / 4u * ${kept}u;
    let four = k + vec4u(0u, 1u, 2u, 3u);
    ${list(sets, step)}
    ${q.step}
    ${multiplyAdd(rows, 1, hand)}
  }
  let cBase = part * P.cPart;
  let biasBase = 0u;
  ${storeTile(spec, tile)}
}`;
  return {
    code,
    enables: ['subgroups'],
    bindings: [
      { name: 'indices', access: 'read', type: `array<${type('u32')}>` },
      { name: 'values', access: 'read', type: `array<${type('f32')}>` },
      { name: 'q', access: 'read', type: own.q.load === 'scalar' ? 'array<f32>' : 'array<vec4f>' },
      ...(own.bias === 'none' ? [] : [{ name: 'bias', access: 'read', type: 'array<f32>' } as const]),
      { name: 'c', access: 'read_write', type: own.store.vector ? 'array<vec4f>' : 'array<f32>' },
    ],
    params: own.folded ? [...PARAMS, ...FOLD] : PARAMS,
  };
}

const list = (n: number, f: (i: number) => string): string => Array.from({ length: n }, (_, i) => f(i)).join('\n');
