import type { Device } from '../gpu/device.js';
import { ArgumentError } from '../gpu/errors.js';

/** A product with a sparse matrix, or products sampled at its entries, as the rules see it. */
export interface SparseProduct {
  op: 'spmm' | 'sddmm';
  /** Lines of the pattern, length of the axis that entries' coordinates select, columns of the dense side. */
  m: number;
  k: number;
  n: number;
  /** Entries of one part, and independent parts. */
  nnz: number;
  parts: number;
  /** The dense sides allow vectors of four along n. */
  quads: boolean;
}

/** A panel of B in private arrays; see `shaders/sparse/panel.ts`. */
export interface PanelForm {
  kind: 'panel';
  lanes: number;
  columns: number;
  capacity: number;
  /** Ranges that the lines are cut into. */
  ranges: number;
  /** Entries that `spmm` multiplies in one go: as many as lanes, or fewer in a loop. `sddmm` always takes all lanes. */
  together: number;
}

/** B is read from storage. */
export interface DirectForm {
  kind: 'direct';
  /** Invocations along columns and lines; one subgroup, one line where entries are handed out. */
  across: number;
  down: number;
  subgroup: boolean;
}

export type SparseForm = PanelForm | DirectForm;

/** Forces a form for every sparse product of a device: tests of each variant, and benchmarks. */
export type FormOverride = (product: SparseProduct) => SparseForm | null;

const overrides = new WeakMap<Device, FormOverride>();

/** Installs (or, with null, removes) an override of the rules. */
export function overrideForms(device: Device, override: FormOverride | null): void {
  if (override) overrides.set(device, override);
  else overrides.delete(device);
}

/**
 * The rules, by device class. On software devices a private array is read four times faster than storage; on GPUs,
 * whose caches serve neighbouring invocations in one go, such arrays would spill.
 */
export function chooseForm(device: Device, product: SparseProduct): SparseForm {
  const forced = overrides.get(device)?.(product);
  if (forced) {
    checkForm(device, forced);
    return forced;
  }
  const lanes = [4, 8, 16, 32, 64].includes(device.subgroupSize) ? device.subgroupSize : 0;
  if (device.deviceClass !== 'software') return gpuForm(product, lanes);
  const direct = softwareDirect(product, lanes);
  if (lanes === 0) return direct;
  const cost = directCost(product, direct, lanes);
  if (cost * product.parts < TINY) return direct;
  const panel = softwarePanel(device, product);
  if (Math.ceil(product.n / (lanes * panel.columns)) > device.limits.maxWorkgroups) return direct;
  return panelCost(product, panel) <= cost ? panel : direct;
}

/**
 * Panels on software devices: columns a lane, rows at the most. A panel compiles in a time that grows with its columns
 * and the square of its rows: 0.6 s and 1 s on two cores, once a machine, for the driver keeps what it compiled. More
 * chunks of K than need be are dearer than fewer columns, because each reads and writes C again.
 */
const PANEL = { columns: 8, rows: 256 };
const LONG_PANEL = { columns: 4, rows: 512 };

/** Costs of the direct form, some 0.2 ms, below which no panel is worth compiling. */
const TINY = 2e5;

/** Whether lines are better columns in `sddmm`: then rows lie along the panel, and take fewer chunks than columns do. */
export const linesAreColumns = (rows: number, cols: number): boolean =>
  Math.ceil(rows / PANEL.rows) < Math.ceil(cols / PANEL.rows);

/** The fewest chunks of K, of about equal size; few distinct capacities, so that few pipelines exist. */
function softwarePanel(device: Device, { op, m, k, n, nnz, parts }: SparseProduct): PanelForm {
  const lanes = device.subgroupSize;
  const size = k <= PANEL.rows ? PANEL : LONG_PANEL;
  const columns = n <= 4 * lanes ? 4 : size.columns;
  const chunks = Math.max(1, Math.ceil(k / size.rows));
  const cores = device.driver?.cores ?? 2;
  // The workgroups of `sddmm` read all columns of B, one tile after the other; those of `spmm` one tile.
  const wanted = op === 'sddmm' ? cores / parts : (2 * cores) / (parts * Math.ceil(n / (lanes * columns)));
  return {
    kind: 'panel',
    lanes,
    columns,
    capacity: Math.max(64, Math.ceil(k / chunks / 64) * 64),
    ranges: Math.max(1, Math.min(Math.ceil(wanted), Math.ceil(m / 32))),
    together: nnz >= 2 * lanes * m * chunks ? lanes : 2,
  };
}

/**
 * Costs of one part on a software device, in multiply-adds of one vector. Measured: a number of a panel takes 22 to
 * fill in and 2 to read; a line's turn 100, and 15 for every column that is written, 30 where C is read before.
 */
function panelCost({ op, m, k, n, nnz }: SparseProduct, { lanes, columns, capacity, ranges }: PanelForm): number {
  const tiles = Math.ceil(n / (lanes * columns));
  const chunks = Math.ceil(k / capacity);
  const turn = 100 + columns * (op === 'spmm' && chunks > 1 ? 30 : 15);
  return tiles * (ranges * k * columns * 22 + m * chunks * turn + nnz * (2 + 2 * columns));
}

/** A vec4 from storage takes 36, a number 13, and as much the entry's coordinate and its value; a line's turn 220. */
function directCost({ op, m, n, nnz, quads }: SparseProduct, { across, subgroup }: DirectForm, lanes: number): number {
  if (op === 'sddmm') return (nnz / lanes) * (40 + n * (quads ? 20 : 30));
  const steps = (Math.ceil(n / (across * (quads ? 4 : 1))) * across) / lanes;
  return steps * (m * 220 + nnz * ((quads ? 40 : 17) + (subgroup ? 10 : 33)));
}

/** Invocations along n: a power of two, no more than there are columns. */
const acrossOf = (n: number, quads: boolean, most: number): number =>
  Math.min(most, 2 ** Math.ceil(Math.log2(Math.max(1, quads ? n / 4 : n))));

function softwareDirect({ op, n, quads }: SparseProduct, lanes: number): DirectForm {
  if (op === 'sddmm') return { kind: 'direct', across: 1, down: 16, subgroup: false };
  const across = acrossOf(n, quads, Math.max(lanes, 8));
  return across === lanes
    ? { kind: 'direct', across, down: 1, subgroup: true }
    : { kind: 'direct', across, down: 16 / across, subgroup: false };
}

/** GPUs: a subgroup a line where the columns fill it, else as many lines a workgroup as make up 64 invocations. */
function gpuForm({ op, n, quads }: SparseProduct, lanes: number): DirectForm {
  if (op === 'sddmm') return { kind: 'direct', across: 1, down: 64, subgroup: false };
  const across = acrossOf(n, quads, 64);
  return lanes > 0 && across >= lanes
    ? { kind: 'direct', across: lanes, down: 1, subgroup: true }
    : { kind: 'direct', across, down: 64 / across, subgroup: false };
}

/** Refuses a form that cannot run, with numbers. */
function checkForm(device: Device, form: SparseForm): void {
  const expect = (holds: boolean, expected: string, got: string | number) => {
    if (!holds) throw new ArgumentError('spmm', expected, String(got));
  };
  const size = device.subgroupSize;
  if (form.kind === 'panel') {
    expect(form.lanes === size, `lanes equal to the subgroup size ${size}`, form.lanes);
    expect(form.columns % 4 === 0 && form.columns > 0, 'columns as a multiple of 4', form.columns);
    expect(form.capacity % 4 === 0 && form.capacity > 0, 'a capacity that is a multiple of 4', form.capacity);
    expect(Number.isInteger(form.ranges) && form.ranges > 0, 'one or more ranges', form.ranges);
    expect(size % form.together === 0, `a divisor of ${size} entries in one go`, form.together);
    return;
  }
  const { maxInvocations } = device.limits;
  expect(form.across * form.down <= maxInvocations, `at most ${maxInvocations} invocations`, form.across * form.down);
  if (form.subgroup)
    expect(form.across === size && form.down === 1, `one line of ${size} lanes`, `${form.down} of ${form.across}`);
}
