import { PANEL } from '../../shaders/linalg/qr-blocks.js';
import { type PanelSpec, qrPanelShader } from '../../shaders/linalg/qr-panel.js';
import { qrSubgroupPanelShader, type SubgroupPanelSpec } from '../../shaders/linalg/qr-panel-subgroup.js';
import { qrUpdateShader, type UpdateSpec } from '../../shaders/linalg/qr-update.js';
import { qrSubgroupUpdateShader, type SubgroupUpdateSpec } from '../../shaders/linalg/qr-update-subgroup.js';
import type { Device } from '../gpu/device.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import { Tensor } from '../tensor/tensor.js';

const panelKernel = defineKernel<PanelSpec | SubgroupPanelSpec>({
  name: 'qr panel',
  shader: (spec) => ('lanes' in spec ? qrSubgroupPanelShader(spec) : qrPanelShader(spec)),
});
const updateKernel = defineKernel<UpdateSpec | SubgroupUpdateSpec>({
  name: 'qr update',
  shader: (spec) => ('lanes' in spec ? qrSubgroupUpdateShader(spec) : qrUpdateShader(spec)),
});

/** Most chunks of 16 rows in a block: 11 KiB of workgroup memory, or 8 KiB of a subgroup's private memory. */
const DEPTH = { shared: 11, subgroup: 8 };

/** Software devices without barriers and workgroup memory, where the subgroup's size allows it. */
const bySubgroups = (device: Device): boolean =>
  device.deviceClass === 'software' && [4, 8, 16, 32, 64].includes(device.subgroupSize);

/** Matrices stored with padded rows: [matrices, rows, lead], lead a multiple of 16. */
export interface Work {
  tensor: Tensor;
  matrices: number;
  rows: number;
  lead: number;
}

/** One level of a panel's tree of blocks (see qr-blocks), with its reflectors. */
interface Level {
  top: number;
  steps: number;
  blocks: number;
  span: number;
  stride: number;
  depth: number;
  v: Tensor;
  t: Tensor;
}

/** Reflectors of a factorisation, panel by panel, each panel's levels from the matrix up. */
export type Reflectors = readonly (readonly Level[])[];

/**
 * Overwrites the upper triangle of `work` (its first `rank` columns and all to their right) with R of its QR
 * factorisation and returns the reflectors, which the current scope owns. What lies below is left undefined.
 */
export function factor(op: string, device: Device, work: Work, rank: number): Reflectors {
  const panels: Level[][] = [];
  for (let top = 0; top < rank; top += PANEL) {
    const steps = Math.min(PANEL, rank - top);
    const levels = levelsOf(op, device, work, top, steps);
    for (const level of levels) {
      launchPanel(op, device, work, level);
      launchUpdate(op, device, work, level, top + PANEL, false);
    }
    panels.push(levels);
  }
  return panels;
}

/** Overwrites `work`, of which columns before each panel are those of the identity, with Q work. */
export function applyQ(op: string, device: Device, reflectors: Reflectors, work: Work): void {
  for (const levels of [...reflectors].reverse()) {
    for (const level of [...levels].reverse()) launchUpdate(op, device, work, level, level.top, true);
  }
}

/** The tree of a panel: blocks of equal numbers of chunks, the last with what is left, until one block holds all. */
function levelsOf(op: string, device: Device, work: Work, top: number, steps: number): Level[] {
  const levels: Level[] = [];
  const most = bySubgroups(device) ? DEPTH.subgroup : DEPTH.shared;
  let stride = PANEL;
  let chunks = Math.ceil((work.rows - top) / PANEL);
  do {
    const depth = Math.ceil(chunks / Math.ceil(chunks / most));
    const blocks = Math.ceil(chunks / depth);
    const span = depth * stride;
    const v = Tensor.empty(op, device, 'f32', [work.matrices, blocks, depth * PANEL, PANEL]);
    const t = Tensor.empty(op, device, 'f32', [work.matrices, blocks, 2, PANEL, PANEL]);
    levels.push({ top, steps, blocks, span, stride, depth, v, t });
    stride = span;
    chunks = blocks;
  } while (chunks > 1);
  return levels;
}

const blockParams = (units: number, work: Work, level: Level): number[] => [
  ...[units, work.rows, work.lead, level.top, level.blocks, level.span, level.stride, level.depth, PANEL],
];

function launchPanel(op: string, device: Device, work: Work, level: Level): void {
  const units = work.matrices * level.blocks;
  device.run(
    panelKernel,
    bySubgroups(device) ? { lanes: device.subgroupSize, depth: DEPTH.subgroup } : { depth: DEPTH.shared },
    {
      bindings: [work.tensor, level.v, level.t].map((t) => t.binding(op)),
      params: [...blockParams(units, work, level), level.steps],
      grid: foldGrid(units, device.limits.maxWorkgroups),
      cost: { flops: 4 * level.v.size * PANEL, bytes: 8 * level.v.size },
    },
  );
}

function launchUpdate(op: string, device: Device, work: Work, level: Level, first: number, backward: boolean): void {
  const columns = work.lead - first;
  if (columns <= 0) return;
  const lanes = device.subgroupSize;
  const workgroup = 64;
  const slabs = Math.ceil(columns / (bySubgroups(device) ? 4 * lanes : workgroup));
  const units = work.matrices * level.blocks * slabs;
  const elements = (level.v.size / PANEL) * columns;
  device.run(updateKernel, bySubgroups(device) ? { lanes } : { workgroup }, {
    bindings: [work.tensor, level.v, level.t].map((t) => t.binding(op)),
    params: [...blockParams(units, work, level), first, slabs, backward ? 1 : 0],
    grid: foldGrid(units, device.limits.maxWorkgroups),
    cost: { flops: 4 * elements * PANEL, bytes: 12 * elements },
  });
}
