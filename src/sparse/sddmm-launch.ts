import { type SddmmDirectSpec, sddmmDirectShader } from '../../shaders/sparse/sddmm-direct.js';
import { type SddmmPanelSpec, sddmmPanelShader } from '../../shaders/sparse/sddmm-panel.js';
import { type Cost, defineKernel } from '../gpu/kernel.js';
import type { Tensor } from '../tensor/tensor.js';
import { eachChunk, panelOf, rangeOf, type Side } from './panel-launch.js';
import type { Lines, Pattern } from './pattern.js';
import { chooseForm, linesAreColumns, type PanelForm } from './spmm-rules.js';

const panelKernel = defineKernel<SddmmPanelSpec>({ name: 'sddmm panel', shader: sddmmPanelShader });
const directKernel = defineKernel<SddmmDirectSpec>({ name: 'sddmm direct', shader: sddmmDirectShader });

/** x yᵀ at the entries as the kernels see it. */
export interface SddmmLaunch {
  pattern: Pattern;
  n: number;
  /** Independent products: parts of the pattern, or a batch that shares it. */
  parts: number;
  x: Side;
  y: Side;
  values: Tensor;
}

/** Writes the products of the rows of x [parts, rows, n] and y [parts, cols, n] at the entries into `values`. */
export function launchSddmm(launch: SddmmLaunch): void {
  const { pattern, n, parts, x, y, values } = launch;
  if (values.size === 0) return;
  const { device, rows, cols, nnz } = pattern;
  const own = pattern.parts === 1 ? nnz : Math.ceil(nnz / parts);
  const quads = n % 4 === 0 && !x.turned && !y.turned;
  const byColumn = linesAreColumns(rows, cols);
  const [m, k] = byColumn ? [cols, rows] : [rows, cols];
  const form = chooseForm(device, { op: 'sddmm', m, k, n, nnz: own, parts, quads });
  const cost: Cost = { flops: 2 * own * n * parts, bytes: x.tensor.bytes + y.tensor.bytes + values.bytes };
  // Without columns, a walk over tiles of them would never write the zeros.
  if (form.kind === 'direct' || n === 0) {
    runDirect(launch, form.kind === 'direct' ? form.down : form.lanes, quads, cost);
    return;
  }
  if (byColumn) runPanel(launch, form, pattern.byColumn, y, x, k, cost);
  else runPanel(launch, form, pattern.byRow, x, y, k, cost);
}

function runPanel(
  { pattern, n, parts, values }: SddmmLaunch,
  form: PanelForm,
  lines: Lines,
  a: Side,
  b: Side,
  k: number,
  cost: Cost,
): void {
  const m = lines.count;
  const range = rangeOf(m, form);
  const [valuePart, linePart] = pattern.parts === 1 ? [pattern.nnz, 0] : [0, m];
  const spec = {
    ...panelOf(form, b, k, n),
    indirect: lines.entries !== null,
    a: a.turned ? ('columns' as const) : ('rows' as const),
  };
  const operands = [...(lines.entries ? [lines.entries] : []), a.tensor, b.tensor, values];
  eachChunk('sddmm', lines, k, form, ({ first, chunked, params, share }) =>
    pattern.device.run(
      panelKernel,
      { ...spec, chunked },
      {
        bindings: [first, lines.across, ...operands].map((t) => t.binding('sddmm')),
        params: [m, k, n, range, a.part, b.part, valuePart, linePart, ...params],
        grid: [Math.ceil(m / range), parts, 1],
        cost: { flops: cost.flops * share, bytes: cost.bytes * share },
      },
    ),
  );
}

function runDirect(
  { pattern, n, parts, x, y, values }: SddmmLaunch,
  workgroup: number,
  quads: boolean,
  cost: Cost,
): void {
  const { device, rows, cols, nnz, byRow } = pattern;
  const [valuePart, linePart] = pattern.parts === 1 ? [nnz, 0] : [0, rows];
  const strides = [...(x.turned ? [1, rows] : [n, 1]), ...(y.turned ? [1, cols] : [n, 1])];
  const groups = Math.ceil(nnz / (linePart === 0 ? 1 : parts) / workgroup);
  device.run(
    directKernel,
    { width: quads ? 4 : 1, workgroup },
    {
      bindings: [byRow.starts, byRow.lineOf, byRow.across, x.tensor, y.tensor, values].map((t) => t.binding('sddmm')),
      params: [rows, n, ...strides, x.part, y.part, valuePart, linePart],
      grid: [Math.min(groups, device.limits.maxWorkgroups), parts, 1],
      cost,
    },
  );
}
