import { argReduceShader } from '../../shaders/arg-reduce.js';
import { batchNormShader, combineShader } from '../../shaders/batch-norm.js';
import { countShader } from '../../shaders/count.js';
import { depthwiseApplyShader, depthwiseWeightShader } from '../../shaders/depthwise.js';
import { gatherShader } from '../../shaders/gather.js';
import type { GemmSpec, SubgroupTile, WorkgroupTile } from '../../shaders/gemm/spec.js';
import { subgroupGemm } from '../../shaders/gemm/subgroup.js';
import { tiledGemm } from '../../shaders/gemm/tiled.js';
import { imageBatchShader } from '../../shaders/image-batch.js';
import { choleskyShader } from '../../shaders/linalg/cholesky-block.js';
import { jacobiStartShader } from '../../shaders/linalg/jacobi-start.js';
import { jacobiSubgroupShader } from '../../shaders/linalg/jacobi-subgroup.js';
import { jacobiWorkgroupShader } from '../../shaders/linalg/jacobi-workgroup.js';
import { qrPanelShader } from '../../shaders/linalg/qr-panel.js';
import { qrSubgroupPanelShader } from '../../shaders/linalg/qr-panel-subgroup.js';
import { qrUpdateShader } from '../../shaders/linalg/qr-update.js';
import { qrSubgroupUpdateShader } from '../../shaders/linalg/qr-update-subgroup.js';
import { triangularSolveShader } from '../../shaders/linalg/triangular-block.js';
import { mapShader } from '../../shaders/map.js';
import { advanceShader as advanceOptimiser, updateShader } from '../../shaders/optimiser.js';
import { packShader } from '../../shaders/pack.js';
import { poolShader } from '../../shaders/pool.js';
import { advanceShader as advanceGenerator, randomShader } from '../../shaders/random.js';
import { reduceShader } from '../../shaders/reduce.js';
import { resizeShader } from '../../shaders/resize.js';
import { ringShader } from '../../shaders/ring.js';
import { scanShader } from '../../shaders/scan.js';
import { directShader, headsShader, segmentShader, startsShader } from '../../shaders/scatter-add.js';
import { digitShader, narrowShader } from '../../shaders/select/digits.js';
import type { SelectKey } from '../../shaders/select/key.js';
import { blockCountShader, type MarkSpec, markShader } from '../../shaders/select/mark.js';
import { rowSelectShader } from '../../shaders/select/rows.js';
import { stridedCopyShader, transposeShader } from '../../shaders/slice.js';
import { radixCountShader, radixMoveShader, shortSortShader } from '../../shaders/sort.js';
import { blockElementsShader, blockFlagsShader } from '../../shaders/sparse/block-elements.js';
import { type PanelSpec as BlockPanelSpec, blockPanelShader } from '../../shaders/sparse/block-panel.js';
import { blockSampleShader } from '../../shaders/sparse/block-sample.js';
import { blockWalkShader } from '../../shaders/sparse/block-walk.js';
import { convDirectShader, convDirectValuesShader } from '../../shaders/sparse/conv-direct.js';
import { convPanelShader } from '../../shaders/sparse/conv-panel.js';
import { convStreamShader } from '../../shaders/sparse/conv-stream.js';
import { type ConvValuesSpec, convFinishShader, convValuesShader } from '../../shaders/sparse/conv-values.js';
import { nmDirectShader } from '../../shaders/sparse/nm-direct.js';
import { nmExpandShader } from '../../shaders/sparse/nm-expand.js';
import { nmKeepShader } from '../../shaders/sparse/nm-keep.js';
import { panelCutsShader } from '../../shaders/sparse/panel-cuts.js';
import { bitsShader, flipBitsShader } from '../../shaders/sparse/pattern-bits.js';
import { entriesShader, lineStartsShader } from '../../shaders/sparse/pattern-lines.js';
import { sampleShader } from '../../shaders/sparse/sample.js';
import { sddmmDirectShader } from '../../shaders/sparse/sddmm-direct.js';
import { sddmmPanelShader } from '../../shaders/sparse/sddmm-panel.js';
import { lineShader } from '../../shaders/sparse/sparse-softmax.js';
import { spmmDirectShader } from '../../shaders/sparse/spmm-direct.js';
import { spmmPanelShader } from '../../shaders/sparse/spmm-panel.js';
import { emit } from '../../src/expr/emit.js';
import { apply, input, scalar as scalarOf } from '../../src/expr/expr.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { cosine, warmUp } from '../../src/optim/index.js';

/** A shader function with a representative spec and changes to it, each of which makes another shader. */
export interface Family {
  /** File in shaders/ and name of the exported function. */
  file: string;
  name: string;
  base: unknown;
  changes: readonly unknown[];
  shader(spec: unknown): Shader;
}

function family<S>(
  file: string,
  shader: (spec: S) => Shader,
  base: S,
  changes: readonly Partial<S>[] = [],
  name = shader.name,
): Family {
  return { file, name, base, changes, shader: (spec) => shader(spec as S) };
}

const k4 = { load: 'k4', half: false } as const;
const i4 = { load: 'i4', half: false } as const;
const magnitudes: SelectKey = { type: 'f32', by: 'magnitude', largest: true };
const marks: MarkSpec = {
  key: magnitudes,
  stage: 'indices',
  seeded: true,
  vector: true,
  shared: true,
  stored: 'u32',
  workgroup: 64,
};
const scalar = { load: 'scalar', half: false } as const;
const convTile: ConvValuesSpec = { lanes: 8, capacity: 256, vector: true, rows: 4 };
const lanes8: SubgroupTile = { kind: 'subgroup', lanes: 8, rows: 16, quads: 1, unroll: false };
const blocks: Omit<BlockPanelSpec, 'panel'> = {
  ...{ problem: 'matmul', p: k4, q: i4, store: { along: 'col', vector: true }, bias: 'row', activation: 'relu' },
  ...{ tail: false, tile: lanes8, block: 16, turned: false, hand: 'broadcast' },
};
const block: WorkgroupTile = {
  kind: 'workgroup',
  rows: 32,
  cols: 64,
  depth: 16,
  blockRows: 4,
  blockCols: 4,
  buffers: 2,
  unroll: true,
};
const product = (tile: GemmSpec['tile']): GemmSpec => ({
  problem: 'matmul',
  p: k4,
  q: i4,
  store: { along: 'col', vector: true },
  bias: 'none',
  activation: 'none',
  tail: false,
  tile,
});
const products: Partial<GemmSpec>[] = [
  { p: i4, q: k4 },
  { p: scalar, q: scalar, store: { along: 'col', vector: false }, tail: true },
  { p: { load: 'k4', half: true }, q: { load: 'i4', half: true } },
  { bias: 'col', activation: 'relu' },
  { bias: 'row', activation: 'tanh', store: { along: 'row', vector: true } },
  { problem: 'convForward', p: k4, q: k4, store: { along: 'row', vector: true }, bias: 'row', activation: 'relu' },
  { problem: 'convForward', p: scalar, q: scalar, store: { along: 'row', vector: false }, tail: true },
  { problem: 'convInput', p: i4, q: k4, store: { along: 'row', vector: true } },
  { problem: 'convWeight', p: i4, q: i4, store: { along: 'col', vector: true } },
  { problem: 'convWeight', p: scalar, q: scalar, store: { along: 'col', vector: false }, tail: true },
];

const vector = { stored: 'f32', bool: false, load: 'vector' } as const;
const single = { stored: 'f32', bool: false, load: 'scalar' } as const;
const { body, helpers } = emit(apply('add', apply('tanh', input(0)), scalarOf(0)), 4);
const shifted = { body, helpers };
const sum2 = 'let result = x0 + x1;';

const panel = { lanes: 8, columns: 8, capacity: 64, b: 'rows', quads: true } as const;

export const families: readonly Family[] = [
  family('gemm/subgroup', subgroupGemm, product(lanes8), [
    ...products,
    { tile: { ...lanes8, lanes: 4 } },
    { tile: { ...lanes8, lanes: 32, rows: 8, quads: 2, unroll: true } },
  ]),
  family('gemm/tiled', tiledGemm, product(block), [
    ...products,
    { tile: { ...block, buffers: 1, unroll: false } },
    { tile: { ...block, rows: 128, cols: 128, blockRows: 8, blockCols: 8 } },
  ]),
  family(
    'map',
    mapShader,
    {
      body: sum2,
      helpers: [],
      inputs: [vector, { ...vector, load: 'splat' }],
      type: 'f32',
      stored: 'f32',
      rank: 0,
      lanes: 4,
      scalars: 0,
      coords: false,
    },
    [
      { inputs: [single, single], rank: 3, lanes: 1 },
      { ...shifted, inputs: [vector], scalars: 1 },
      { inputs: [{ ...vector, stored: 'f16' }, vector], stored: 'f16' },
      {
        body: 'let result = x0 & x1;',
        inputs: [
          { stored: 'u32', bool: true, load: 'vector' },
          { stored: 'u32', bool: true, load: 'vector' },
        ],
        type: 'bool',
        stored: 'u32',
      },
      {
        body: 'let result = i32(i0) + i32(i1);',
        inputs: [],
        type: 'i32',
        stored: 'i32',
        rank: 2,
        lanes: 1,
        coords: true,
      },
    ],
  ),
  family(
    'reduce',
    reduceShader,
    {
      combine: 'sum',
      body: sum2,
      helpers: [],
      inputs: [vector, vector],
      kept: 1,
      reduced: 1,
      across: 'reduced',
      lanes: 4,
      scalars: 0,
      coords: [],
      workgroup: 64,
    },
    [
      { across: 'kept' },
      { inputs: [single, single], lanes: 1, kept: 2, reduced: 2 },
      { inputs: [single, single], lanes: 1, kept: 2, reduced: 1, across: 'kept', combine: 'max' },
      { combine: 'min' },
    ],
  ),
  family(
    'arg-reduce',
    argReduceShader,
    { key: 'f32', least: false, from: 'values', to: 'index', shared: true, workgroup: 64 },
    [{ least: true, key: 'i32' }, { to: 'pairs', key: 'u32' }, { from: 'pairs' }, { shared: false, workgroup: 16 }],
  ),
  family(
    'scan',
    scanShader,
    {
      type: 'f32',
      stage: 'scan',
      reverse: false,
      exclusive: false,
      seeded: true,
      shared: true,
      lanes: 1,
      workgroup: 64,
    },
    [
      { stage: 'sums' },
      { reverse: true, exclusive: true, type: 'i32' },
      { seeded: false, shared: false, lanes: 4, workgroup: 16 },
    ],
  ),
  family(
    'sort',
    radixCountShader,
    { key: 'f32', descending: false, last: false, keysOut: false, bits: 4, shared: true, workgroup: 64 },
    [{ key: null }, { key: 'i32', descending: true }, { key: 'index-u32', bits: 8, shared: false, workgroup: 8 }],
  ),
  family(
    'sort',
    radixMoveShader,
    { key: 'f32', descending: false, last: false, keysOut: false, bits: 4, shared: true, workgroup: 64 },
    [
      { key: null, last: true },
      { key: null, last: true, keysOut: true },
      { key: 'u32', bits: 8, shared: false, workgroup: 8 },
    ],
  ),
  family(
    'sort',
    shortSortShader,
    { key: 'f32', descending: false, keysOut: false, capacity: 256, shared: true, workgroup: 64 },
    [
      { descending: true, keysOut: true },
      { key: 'index-i32', capacity: 16, shared: false, workgroup: 8 },
    ],
  ),
  family('batch-norm', batchNormShader, { pass: 'apply', lanes: 4, relu: true, residual: true, workgroup: 64 }, [
    { pass: 'moments', relu: false, residual: false },
    { pass: 'gradientSums', residual: false },
    { pass: 'gradient' },
    { lanes: 1, relu: false, residual: false, workgroup: 16 },
  ]),
  family('batch-norm', combineShader, { combine: 'moments', running: true, workgroup: 64 }, [
    { running: false },
    { combine: 'sums', running: false, workgroup: 8 },
  ]),
  family(
    'depthwise',
    depthwiseApplyShader,
    { direction: 'forward', lanes: 4, pixels: 4, slide: true, bias: true, activation: 'relu' },
    [
      { direction: 'input', bias: false, activation: 'none' },
      { slide: false },
      { lanes: 1, pixels: 1, slide: false, activation: 'sigmoid' },
    ],
  ),
  family('depthwise', depthwiseWeightShader, { lanes: 4, taps: 3, slide: true, workgroup: 64 }, [
    { slide: false },
    { lanes: 1, taps: 1, slide: false },
  ]),
  family('pool', poolShader, { kind: 'max', adaptive: false, disjoint: false, lanes: 4 }, [
    { kind: 'gather' },
    { kind: 'scatter' },
    { kind: 'scatter', disjoint: true },
    { kind: 'avg', lanes: 1 },
    { kind: 'avg', adaptive: true },
    { kind: 'avgInput' },
    { kind: 'avgInput', disjoint: true, lanes: 1 },
  ]),
  family('resize', resizeShader, { mode: 'bilinear', adjoint: false, lanes: 4 }, [
    { mode: 'nearest' },
    { adjoint: true },
    { mode: 'nearest', adjoint: true, lanes: 1 },
  ]),
  family('gather', gatherShader, { type: 'f32', index: 'i32', lanes: 4, workgroup: 64 }, [
    { index: 'u32', type: 'u32', lanes: 1 },
    { type: 'f16', lanes: 1 },
  ]),
  family('scatter-add', directShader, { type: 'f32', index: 'i32', lanes: 4, workgroup: 64 }, [
    { type: 'i32', index: 'u32', lanes: 1 },
  ]),
  family('scatter-add', startsShader, { workgroup: 64 }),
  family('scatter-add', headsShader, { type: 'f32', lanes: 4, workgroup: 64 }, [{ type: 'u32', lanes: 1 }]),
  family('scatter-add', segmentShader, { type: 'f32', lanes: 4, heads: true, workgroup: 64 }, [
    { heads: false },
    { type: 'i32', lanes: 1 },
  ]),
  family('slice', stridedCopyShader, { stored: 'u32', rank: 3, lanes: 1 }, [{ lanes: 4 }, { stored: 'f16', rank: 1 }]),
  family('slice', transposeShader, { stored: 'u32', form: 'tile' }, [{ form: 'block' }, { stored: 'f16' }]),
  family(
    'select/digits',
    digitShader,
    { key: magnitudes, first: true, rare: false, vector: true, bins: 2048, shared: true, workgroup: 64 },
    [
      { first: false },
      { first: false, bins: 256, shared: false, workgroup: 8 },
      { first: false, rare: true, bins: 256, shared: false, workgroup: 8 },
      { vector: false, key: { type: 'i32', by: 'magnitude', largest: true } },
      { vector: false, bins: 256, shared: false, workgroup: 8, key: { type: 'u32', by: 'signed', largest: false } },
    ],
  ),
  family('select/digits', narrowShader, { first: true, ranks: false, bins: 2048, workgroup: 64 }, [
    { ranks: true },
    { first: false, bins: 256, workgroup: 8 },
  ]),
  family('select/rows', rowSelectShader, { key: magnitudes, ranks: false, shared: true, bits: 8, workgroup: 64 }, [
    { ranks: true, key: { type: 'f32', by: 'signed', largest: true } },
    { shared: false, bits: 4, workgroup: 8 },
    { shared: false, key: { type: 'i32', by: 'signed', largest: false } },
  ]),
  family('select/mark', blockCountShader, marks, [
    { stage: 'mask', vector: false },
    { shared: false, workgroup: 8 },
  ]),
  family('select/mark', markShader, marks, [
    { stage: 'mask' },
    { stage: 'mask', stored: 'f32', seeded: false, vector: false },
    { stage: 'locate', shared: false, workgroup: 8 },
    { shared: false },
  ]),
  family('random', randomShader, { distribution: 'normal', population: true, aligned: true, workgroup: 64 }, [
    { distribution: 'bits', population: false },
    { distribution: 'uniform', aligned: false },
    { distribution: 'bernoulli' },
  ]),
  family('random', advanceGenerator, {}, [], 'advanceShader'),
  family('count', countShader, {}),
  family('ring', ringShader, {}),
  family('image-batch', imageBatchShader, { channels: 3, parts: 1, crop: true, flip: true, workgroup: 64 }, [
    { crop: false, flip: false },
    { channels: 1, parts: 4, flip: false },
  ]),
  family('sparse/pattern-bits', bitsShader, { type: 'f32', lanes: 4, workgroup: 64 }, [{ type: 'u32' }, { lanes: 1 }]),
  family('sparse/pattern-bits', flipBitsShader, { workgroup: 64 }),
  family('sparse/pattern-lines', lineStartsShader, { workgroup: 64 }),
  family('sparse/pattern-lines', entriesShader, { byColumn: true, workgroup: 64 }, [{ byColumn: false }]),
  family('sparse/block-elements', blockFlagsShader, { float: true, workgroup: 64 }, [{ float: false }]),
  family('sparse/block-elements', blockElementsShader, { toBlocks: true, workgroup: 64 }, [{ toBlocks: false }]),
  family('sparse/block-walk', blockWalkShader, blocks, [
    { turned: true, p: i4, store: { along: 'row', vector: true } },
    { q: k4, bias: 'none', activation: 'none' },
    { q: scalar, store: { along: 'col', vector: false }, folded: true },
    { hand: 'storage', tile: { ...blocks.tile, lanes: 64, rows: 8 } },
    { problem: 'convForward', q: k4, store: { along: 'row', vector: true } },
    { problem: 'convInput', p: i4, q: k4, bias: 'none', turned: true, store: { along: 'row', vector: true } },
  ]),
  family('sparse/block-panel', blockPanelShader, { ...blocks, block: 8, panel: 512, tile: { ...lanes8, rows: 8 } }, [
    { turned: true, p: i4, store: { along: 'row', vector: true } },
    { block: 4, panel: 1024, tile: { ...lanes8, rows: 4 } },
    { q: scalar, store: { along: 'col', vector: false } },
  ]),
  family('sparse/block-sample', blockSampleShader, { ...blocks, q: k4, bias: 'none', activation: 'none' }, [
    { p: i4, q: i4, tail: true },
    { p: scalar, q: scalar, tail: true },
    { hand: 'storage', tile: { ...blocks.tile, lanes: 64, rows: 8 } },
    { problem: 'convWeight', p: i4, q: i4, tail: true },
  ]),
  family(
    'sparse/conv-stream',
    convStreamShader,
    { direction: 'forward', form: 'tile', payload: 'value', workgroup: 8 },
    [{ direction: 'input' }, { payload: 'entry' }, { form: 'direct', workgroup: 64 }],
  ),
  family('sparse/conv-panel', convPanelShader, { ...convTile, direction: 'forward', bias: true, activation: 'relu' }, [
    { direction: 'input', bias: false, activation: 'none' },
    { vector: false, rows: 1, activation: 'tanh' },
  ]),
  family('sparse/conv-values', convValuesShader, convTile, [{ vector: false, rows: 1 }, { lanes: 4 }]),
  family('sparse/conv-values', convFinishShader, { workgroup: 64 }),
  family(
    'sparse/conv-direct',
    convDirectShader,
    { direction: 'forward', bias: true, activation: 'relu', workgroup: 64 },
    [{ direction: 'input', bias: false, activation: 'none' }, { activation: 'sigmoid' }],
  ),
  family('sparse/conv-direct', convDirectValuesShader, { workgroup: 64 }),
  family('sparse/nm-keep', nmKeepShader, { by: 'magnitude', workgroup: 64 }, [{ by: 'mask' }]),
  family(
    'sparse/nm-expand',
    nmExpandShader,
    {
      ...{ kept: 2, q: i4, store: { along: 'col', vector: true } },
      ...{ bias: 'row', activation: 'relu', tile: lanes8 },
    },
    [
      { kept: 3, q: k4, store: { along: 'row', vector: true }, bias: 'none', activation: 'none' },
      { kept: 4, q: scalar, store: { along: 'col', vector: false }, folded: true },
    ],
  ),
  family('sparse/nm-direct', nmDirectShader, { width: 4, along: 'n', bias: true, activation: 'relu', workgroup: 64 }, [
    { width: 1, along: 'rows', bias: false, activation: 'tanh' },
  ]),
  family('sparse/sample', sampleShader, { move: 'gather', parts: true, workgroup: 64 }, [
    { move: 'scatter' },
    { move: 'mark', parts: false },
  ]),
  family('linalg/jacobi-start', jacobiStartShader, {}),
  family('linalg/jacobi-subgroup', jacobiSubgroupShader, { lanes: 8 }, [{ lanes: 4 }, { lanes: 16 }]),
  family('linalg/jacobi-workgroup', jacobiWorkgroupShader, { block: 16 }, [{ block: 8 }]),
  family('linalg/qr-panel', qrPanelShader, { depth: 11 }),
  family('linalg/qr-panel-subgroup', qrSubgroupPanelShader, { lanes: 8, depth: 16 }, [{ lanes: 4 }, { lanes: 32 }]),
  family('linalg/qr-update', qrUpdateShader, { workgroup: 64 }),
  family('linalg/qr-update-subgroup', qrSubgroupUpdateShader, { lanes: 8 }, [{ lanes: 4 }, { lanes: 32 }]),
  family('linalg/cholesky-block', choleskyShader, { workgroup: 32 }, [{ workgroup: 8 }]),
  family('linalg/triangular-block', triangularSolveShader, { unitDiagonal: false, lanes: 4, workgroup: 64 }, [
    { unitDiagonal: true },
    { lanes: 1, workgroup: 8 },
  ]),
  family('sparse/panel-cuts', panelCutsShader, { workgroup: 64 }),
  family(
    'sparse/spmm-panel',
    spmmPanelShader,
    { ...panel, chunked: false, together: 8, c: 'rows', bias: true, activation: 'relu' },
    [
      { chunked: true },
      { b: 'columns4', c: 'columns4', chunked: true, activation: 'tanh' },
      { b: 'columns', c: 'columns', quads: false, bias: false, activation: 'none' },
      { quads: false, together: 2, columns: 4 },
    ],
  ),
  family(
    'sparse/spmm-direct',
    spmmDirectShader,
    { across: 8, down: 1, subgroup: true, width: 4, b: 'rows', c: 'rows', bias: true, activation: 'relu' },
    [
      { across: 16, down: 4, subgroup: false, activation: 'sigmoid' },
      { width: 1, b: 'columns', c: 'columns', bias: false, activation: 'none' },
    ],
  ),
  family('sparse/sddmm-panel', sddmmPanelShader, { ...panel, chunked: false, indirect: false, a: 'rows' }, [
    { chunked: true, indirect: true },
    { a: 'columns', b: 'columns4' },
    { quads: false, b: 'columns' },
  ]),
  family('sparse/sddmm-direct', sddmmDirectShader, { width: 4, workgroup: 64 }, [{ width: 1 }]),
  family('sparse/sparse-softmax', lineShader, { problem: 'softmax', workgroup: 64 }, [
    { problem: 'sum' },
    { problem: 'spread', workgroup: 16 },
  ]),
  family('pack', packShader, { tensors: 3, workgroup: 64 }, [{ tensors: 1 }, { tensors: 15, workgroup: 16 }]),
  family(
    'optimiser',
    updateShader,
    { rule: 'adamw', momentum: false, nesterov: false, decay: 'marked', masked: true, clip: true, workgroup: 64 },
    [
      { rule: 'sgd', decay: 'none', masked: false, clip: false },
      { rule: 'sgd', momentum: true, decay: 'all' },
      { rule: 'sgd', momentum: true, nesterov: true, masked: false },
      { rule: 'adam', decay: 'all', clip: false },
      { rule: 'adam', decay: 'none', masked: false, clip: false },
    ],
  ),
  family(
    'optimiser',
    ({ schedule }: { schedule: string }) => advanceOptimiser(schedule),
    { schedule: warmUp(5, cosine(100)).wgsl },
    [],
    'advanceShader',
  ),
];
