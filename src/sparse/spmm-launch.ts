import type { Activation } from '../../shaders/gemm/spec.js';
import { type SpmmDirectSpec, spmmDirectShader } from '../../shaders/sparse/spmm-direct.js';
import { type SpmmPanelSpec, spmmPanelShader } from '../../shaders/sparse/spmm-panel.js';
import { noGrad } from '../autograd/node.js';
import { type Cost, defineKernel, foldGrid } from '../gpu/kernel.js';
import { gather } from '../ops/gather.js';
import { transpose } from '../ops/transpose.js';
import { scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { eachChunk, panelOf, rangeOf, type Side } from './panel-launch.js';
import type { Lines } from './pattern.js';
import { chooseForm, type DirectForm, type PanelForm } from './spmm-rules.js';

const panelKernel = defineKernel<SpmmPanelSpec>({ name: 'spmm panel', shader: spmmPanelShader });
const directKernel = defineKernel<SpmmDirectSpec>({ name: 'spmm direct', shader: spmmDirectShader });

/** act(S b + bias) as the kernels see it. */
export interface SpmmLaunch {
  lines: Lines;
  k: number;
  n: number;
  /** Independent products: parts of the pattern, or a batch that shares it. */
  parts: number;
  /** Lines and values from one product to the next; 0 where they are shared, values also where `starts` counts on. */
  linePart: number;
  valuePart: number;
  /** In row order. */
  values: Tensor;
  b: Side;
  c: Omit<Side, 'part'>;
  bias: { tensor: Tensor; part: number } | null;
  activation: Activation;
}

/** Writes the product into `c` [parts, m, n], or [parts, n, m] where it is turned. */
export function launchSpmm(launch: SpmmLaunch): void {
  if (launch.c.tensor.size === 0) return;
  scope(() => noGrad(() => run(prepared(launch))));
}

/** Operands as the kernels had better find them. */
function prepared(launch: SpmmLaunch): SpmmLaunch {
  const { lines, values, b, n } = launch;
  const { entries } = lines;
  // Neighbouring invocations of a GPU would read a turned B a whole line apart.
  const turn = b.turned && n > 1 && b.tensor.device.deviceClass !== 'software';
  return {
    ...launch,
    // Every tile of columns reads all values: put into the order of the lines once, they are read side by side.
    values: entries ? gather(values, entries, values.rank - 1) : values,
    b: turn ? { ...b, tensor: transpose(b.tensor), turned: false } : b,
  };
}

function run(launch: SpmmLaunch): void {
  const { lines, k, n, parts, linePart, values, b, c } = launch;
  const nnz = linePart === 0 ? lines.across.size : Math.ceil(lines.across.size / parts);
  const quads = n % 4 === 0 && !b.turned && !c.turned;
  const form = chooseForm(b.tensor.device, { op: 'spmm', m: lines.count, k, n, nnz, parts, quads });
  const cost: Cost = {
    flops: 2 * nnz * n * parts,
    bytes: values.bytes + lines.across.bytes + b.tensor.bytes + c.tensor.bytes,
  };
  if (form.kind === 'panel') runPanel(launch, form, cost);
  else runDirect(launch, form, quads, cost);
}

/** Bindings from the values on, and the elements, or lines, from one part to the next. */
const operandsOf = ({ values, b, bias, c }: SpmmLaunch): Tensor[] => [
  values,
  b.tensor,
  ...(bias ? [bias.tensor] : []),
  c.tensor,
];
const partsOf = ({ valuePart, b, linePart, bias }: SpmmLaunch): number[] => [
  valuePart,
  b.part,
  linePart,
  bias?.part ?? 0,
];

function runPanel(launch: SpmmLaunch, form: PanelForm, cost: Cost): void {
  const { lines, k, n, parts, b, c, bias, activation } = launch;
  const m = lines.count;
  const range = rangeOf(m, form);
  const spec = {
    ...panelOf(form, b, k, n),
    together: form.together,
    c: c.turned ? (m % 4 === 0 ? ('columns4' as const) : ('columns' as const)) : ('rows' as const),
    bias: bias !== null,
    activation,
  };
  eachChunk('spmm', lines, k, form, ({ first, chunked, params, share }) =>
    b.tensor.device.run(
      panelKernel,
      { ...spec, chunked },
      {
        bindings: [first, lines.across, ...operandsOf(launch)].map((t) => t.binding('spmm')),
        params: [m, k, n, range, ...partsOf(launch), ...params],
        grid: [Math.ceil(n / (form.lanes * form.columns)), Math.ceil(m / range), parts],
        cost: { flops: cost.flops * share, bytes: cost.bytes * share },
      },
    ),
  );
}

function runDirect(launch: SpmmLaunch, { across, down, subgroup }: DirectForm, quads: boolean, cost: Cost): void {
  const { lines, k, n, parts, b, c, bias, activation } = launch;
  const { device } = b.tensor;
  const m = lines.count;
  const width = quads ? 4 : 1;
  const tiles = Math.ceil(n / (across * width));
  const units = tiles * Math.ceil(m / down);
  const [x, y] = foldGrid(units, device.limits.maxWorkgroups);
  const layout = (turned: boolean) => (turned ? 'columns' : 'rows');
  device.run(
    directKernel,
    { across, down, subgroup, width, b: layout(b.turned), c: layout(c.turned), bias: bias !== null, activation },
    {
      bindings: [lines.starts, lines.order, lines.across, ...operandsOf(launch)].map((t) => t.binding('spmm')),
      params: [m, k, n, tiles, units, ...partsOf(launch)],
      grid: [x, y, parts],
      cost,
    },
  );
}
