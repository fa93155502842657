import { blockPanelShader, type PanelSpec } from '../../shaders/sparse/block-panel.js';
import { blockSampleShader } from '../../shaders/sparse/block-sample.js';
import { type BlockSize, type BlockSpec, blockParams } from '../../shaders/sparse/block-spec.js';
import { blockWalkShader } from '../../shaders/sparse/block-walk.js';
import type { Device } from '../gpu/device.js';
import { defineKernel, foldGrid, type Grid, type Kernel } from '../gpu/kernel.js';
import { sumLeading } from '../ops/reduce.js';
import { Tensor } from '../tensor/tensor.js';
import type { BlockPattern } from './block-pattern.js';

const walkKernel = defineKernel<BlockSpec>({ name: 'block walk', shader: blockWalkShader });
const panelKernel = defineKernel<PanelSpec>({ name: 'block panel', shader: blockPanelShader });
const sampleKernel = defineKernel<BlockSpec>({ name: 'block sample', shader: blockSampleShader });

/** One launch, before its tile is chosen. */
export interface BlockLaunch {
  op: string;
  pattern: BlockPattern;
  /** What the problem says of the kernel; the block's edge and the device say the rest. */
  spec: Pick<BlockSpec, 'problem' | 'p' | 'q' | 'store' | 'bias' | 'activation' | 'tail' | 'turned'>;
  p: Tensor;
  q: Tensor;
  bias: Tensor | null;
  /** Lines of blocks, columns of C (for samples: of the longest line), independent products, multiply-adds. */
  lines: number;
  cols: number;
  parts: number;
  products: number;
  /** Parameters by name; those of the tile are added. */
  params: Readonly<Record<string, number>>;
}

type Machine = Pick<BlockSpec, 'tile' | 'hand'>;

/**
 * Tile of a product. Software devices hand values out by broadcasts, a whole block at a time. GPUs, whose caches serve
 * one address to all lanes in one go, need neither subgroups nor workgroup memory; with 16 rows they keep registers
 * for other workgroups, which run while one waits.
 */
function machineFor(device: Device, block: BlockSize, cols: number): Machine {
  const tile = { kind: 'subgroup', quads: 1 } as const;
  if (device.deviceClass === 'software' && [4, 8, 16, 32, 64].includes(device.subgroupSize))
    return { tile: { ...tile, lanes: device.subgroupSize, rows: block, unroll: false }, hand: 'broadcast' };
  const software = device.deviceClass === 'software';
  // A load for every row: 16 of them compile for a second on a software device, which has no use for them.
  const rows = Math.min(block, software ? 8 : 16);
  return { tile: { ...tile, lanes: cols > 128 ? 64 : 32, rows, unroll: !software }, hand: 'storage' };
}

/** Longest K of which a panel keeps all rows: 16 KiB a lane, which the second-level cache still holds. */
const PANEL_ROWS = 1024;

/**
 * Whether every lane keeps its columns of Q for many lines (then in how many groups of lines, and with room for how many
 * rows), or Q is read again for every block. Filling panels costs one reading of Q a group.
 */
function panelFor(launch: BlockLaunch, machine: Machine): { panel: number; groups: number } | null {
  const { pattern, spec, lines, parts, params } = launch;
  if (machine.hand !== 'broadcast' || spec.problem !== 'matmul' || pattern.block > 8 || params.depth > PANEL_ROWS)
    return null;
  const [colTiles] = tilesOf(launch, machine);
  const wanted = 4 * (pattern.device.driver?.cores ?? 4);
  const groups = Math.min(lines, Math.ceil(wanted / (colTiles * parts)));
  const readings = pattern.blocks / (params.depth / pattern.block);
  return readings < 2 * groups ? null : { panel: params.depth <= 512 ? 512 : PANEL_ROWS, groups };
}

/** Runs a product whose k walks along the blocks of each line. Rows of `out` are those of the lines. */
export function launchWalk(launch: BlockLaunch, out: Tensor): void {
  const { pattern, spec, bias, parts } = launch;
  if (out.size === 0) return;
  const across = spec.turned ? pattern.byColumn : pattern.byRow;
  const machine = machineFor(pattern.device, pattern.block, launch.cols);
  const bindings = [
    ...[launch.p, launch.q, across.starts, across.across],
    ...(spec.problem === 'convInput' ? [] : [across.order]),
    ...(across.entries ? [across.entries] : []),
    ...(bias ? [bias] : []),
    out,
  ];
  const [x, y] = tilesOf(launch, machine);
  const own = panelFor(launch, machine);
  if (own === null) {
    encode(walkKernel, 'walk', launch, specOf(launch, machine), [x, y, parts], bindings);
  } else {
    const plain: PanelSpec = { ...specOf(launch, machine), panel: own.panel };
    encode(panelKernel, 'panel', launch, plain, [x, own.groups, parts], bindings);
  }
}

/** Fills `out` [parts, blocks, b, b] with products at the blocks; a long k is split over workgroups and summed. */
export function launchSample(launch: BlockLaunch, depth: number, out: Tensor): void {
  const { op, pattern, parts } = launch;
  if (out.size === 0) return;
  const { device, byRow } = pattern;
  const machine = machineFor(device, pattern.block, launch.cols);
  const [x, y] = tilesOf(launch, machine);
  const splits = splitsFor(device, x * y * parts, depth);
  const chunk = Math.ceil(depth / splits / 4) * 4;
  const stage = splits > 1 ? Tensor.empty(op, device, 'f32', [splits, out.size]) : out;
  try {
    const cut = { ...launch, params: { ...launch.params, depth, chunk, splits, parts } };
    const bindings = [launch.p, launch.q, byRow.starts, byRow.across, byRow.order, stage];
    encode(sampleKernel, 'sample', cut, specOf(launch, machine), [x, y, parts * splits], bindings);
    if (stage !== out) sumLeading(op, device, stage, out);
  } finally {
    if (stage !== out) stage.dispose();
  }
}

function tilesOf({ pattern, cols, lines }: BlockLaunch, { tile }: Machine): [number, number] {
  return [Math.ceil(cols / (4 * tile.lanes)), lines * (pattern.block / tile.rows)];
}

const specOf = ({ spec, pattern }: BlockLaunch, machine: Machine): BlockSpec => ({
  ...spec,
  ...machine,
  block: pattern.block,
});

/** Splits of k that give every processor something to do, with 256 products a split at the least. */
function splitsFor(device: Device, tiles: number, depth: number): number {
  const wanted = { software: 8, integrated: 64, discrete: 512 }[device.deviceClass];
  return Math.max(1, Math.min(Math.ceil(wanted / tiles), Math.floor(depth / 256), 64));
}

function encode<S extends BlockSpec>(
  kernel: Kernel<S>,
  form: 'walk' | 'panel' | 'sample',
  { op, pattern, params, lines, products }: BlockLaunch,
  plain: S,
  tiles: Grid,
  bindings: readonly Tensor[],
): void {
  const { device, block } = pattern;
  const most = device.limits.maxWorkgroups;
  const folded = tiles.some((n) => n > most);
  const spec: S = folded ? { ...plain, folded } : plain;
  const [colTiles, rowTiles, layers] = tiles;
  const values: Record<string, number> = { ...params, block, lines, tileRows: spec.tile.rows };
  Object.assign(values, { colTiles, rowTiles, layers });
  device.run(kernel, spec, {
    bindings: bindings.map((t) => t.binding(op)),
    params: blockParams(spec, form).map(([name]) => values[name]),
    grid: folded ? foldGrid(colTiles * rowTiles * layers, most) : tiles,
    cost: { flops: 2 * products, bytes: bindings.reduce((n, t) => n + t.bytes, 0) },
  });
}
