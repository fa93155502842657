import type { SubgroupTile } from '../../shaders/gemm/spec.js';
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
import { type Family, family } from './family.js';

const k4 = { load: 'k4', half: false } as const;
const i4 = { load: 'i4', half: false } as const;
const scalar = { load: 'scalar', half: false } as const;
const convTile: ConvValuesSpec = { lanes: 8, capacity: 256, vector: true, rows: 4 };
const lanes8: SubgroupTile = { kind: 'subgroup', lanes: 8, rows: 16, quads: 1, unroll: false };
const blocks: Omit<BlockPanelSpec, 'panel'> = {
  ...{ problem: 'matmul', p: k4, q: i4, store: { along: 'col', vector: true }, bias: 'row', activation: 'relu' },
  ...{ tail: false, tile: lanes8, block: 16, turned: false, hand: 'broadcast' },
};
const panel = { lanes: 8, columns: 8, capacity: 64, b: 'rows', quads: true } as const;

/** Shaders in shaders/sparse. */
export const sparseFamilies: readonly Family[] = [
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
];
