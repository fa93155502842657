import { argReduceShader } from '../../shaders/arg-reduce.js';
import { batchNormShader, combineShader } from '../../shaders/batch-norm.js';
import { convStripShader } from '../../shaders/conv-strip.js';
import { convWeightStripShader } from '../../shaders/conv-weight-strip.js';
import { countShader } from '../../shaders/count.js';
import { depthwiseApplyShader, depthwiseWeightShader } from '../../shaders/depthwise.js';
import { gatherShader } from '../../shaders/gather.js';
import type { GemmSpec, SubgroupTile, WorkgroupTile } from '../../shaders/gemm/spec.js';
import { subgroupGemm } from '../../shaders/gemm/subgroup.js';
import { tiledGemm } from '../../shaders/gemm/tiled.js';
import { holdShader } from '../../shaders/hold.js';
import { imageBatchShader } from '../../shaders/image-batch.js';
import { mapShader } from '../../shaders/map.js';
import { advanceModelsShader, advanceShader as advanceOptimiser, updateShader } from '../../shaders/optimiser.js';
import { packShader } from '../../shaders/pack.js';
import { poolShader } from '../../shaders/pool.js';
import { advanceShader as advanceGenerator, randomShader } from '../../shaders/random.js';
import { reduceShader } from '../../shaders/reduce.js';
import { resizeShader } from '../../shaders/resize.js';
import { ringShader } from '../../shaders/ring.js';
import { scanShader } from '../../shaders/scan.js';
import { directShader, headsShader, segmentShader, startsShader } from '../../shaders/scatter-add.js';
import { stridedCopyShader, transposeShader } from '../../shaders/slice.js';
import { radixCountShader, radixMoveShader, shortSortShader } from '../../shaders/sort.js';
import { emit } from '../../src/expr/emit.js';
import { apply, input, scalar as scalarOf } from '../../src/expr/expr.js';
import { cosine, warmUp } from '../../src/optim/index.js';
import { type Family, family } from './family.js';

const k4 = { load: 'k4', half: false } as const;
const i4 = { load: 'i4', half: false } as const;
const scalar = { load: 'scalar', half: false } as const;
const lanes8: SubgroupTile = { kind: 'subgroup', lanes: 8, rows: 16, quads: 1, unroll: false };
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

/** Shaders in shaders/ itself and shaders/gemm. */
export const engineFamilies: readonly Family[] = [
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
    'conv-strip',
    convStripShader,
    { lanes: 8, rows: 10, strips: 2, taps: 5, vector: false, byImage: false, bias: true, activation: 'relu' },
    [
      { lanes: 4, rows: 24, strips: 1, vector: true },
      { lanes: 16, rows: 4, taps: 11, byImage: true, bias: false, activation: 'none' },
      { lanes: 32, rows: 8, taps: 3, vector: true, byImage: true, activation: 'tanh' },
    ],
  ),
  family('conv-weight-strip', convWeightStripShader, { lanes: 8, rows: 10, taps: 5 }, [
    { lanes: 4, rows: 24, taps: 3 },
    { lanes: 16, rows: 5, taps: 11 },
    { lanes: 32, rows: 16, taps: 2 },
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
  family('pool', poolShader, { kind: 'max', adaptive: false, disjoint: false, tile: null, lanes: 4 }, [
    { kind: 'gather' },
    { kind: 'scatter' },
    { kind: 'scatter', disjoint: true },
    { kind: 'max', lanes: 2 },
    { kind: 'max', disjoint: true, tile: [2, 2] },
    { kind: 'scatter', disjoint: true, tile: [1, 3], lanes: 2 },
    { kind: 'avgInput', disjoint: true, tile: [2, 1], lanes: 1 },
    { kind: 'gather', lanes: 2 },
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
  family('random', randomShader, { distribution: 'normal', population: true, aligned: true, workgroup: 64 }, [
    { distribution: 'bits', population: false },
    { distribution: 'uniform', aligned: false },
    { distribution: 'bernoulli' },
  ]),
  family('random', advanceGenerator, {}, [], 'advanceShader'),
  family('count', countShader, {}),
  family('ring', ringShader, { workgroup: 64 }, [{ workgroup: 1 }]),
  family('image-batch', imageBatchShader, { channels: 3, parts: 1, crop: true, flip: true, workgroup: 64 }, [
    { crop: false, flip: false },
    { channels: 1, parts: 4, flip: false },
  ]),
  family('pack', packShader, { tensors: 3, workgroup: 64, vector: true }, [
    { tensors: 1 },
    { tensors: 15, workgroup: 16, vector: false },
  ]),
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
      { models: true },
      { models: true, rule: 'sgd', momentum: true, decay: 'all' },
    ],
  ),
  family(
    'optimiser',
    ({ schedule }: { schedule: string }) => advanceOptimiser(schedule),
    { schedule: warmUp(5, cosine(100)).wgsl },
    [],
    'advanceShader',
  ),
  family(
    'optimiser',
    ({ schedules }: { schedules: string[] }) => advanceModelsShader(schedules, 64),
    { schedules: [warmUp(5, warmUp(2, cosine(100))).wgsl, warmUp(5, cosine(100)).wgsl] },
    [],
    'advanceModelsShader',
  ),
  family('hold', holdShader, { workgroup: 64 }),
];
