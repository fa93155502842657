import { type DigitSpec, digitShader, type NarrowSpec, narrowShader } from '../../shaders/select/digits.js';
import { keyBits, type SelectKey } from '../../shaders/select/key.js';
import { type RowSelectSpec, rowSelectShader } from '../../shaders/select/rows.js';
import type { Device } from '../gpu/device.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import { concat } from '../ops/concat.js';
import { zeros } from '../ops/create.js';
import { scope } from '../tensor/scope.js';
import { Tensor } from '../tensor/tensor.js';

const digitKernel = defineKernel<DigitSpec>({ name: 'select digit', shader: digitShader });
const narrowKernel = defineKernel<NarrowSpec>({ name: 'select narrow', shader: narrowShader });
const rowKernel = defineKernel<RowSelectSpec>({ name: 'select rows', shader: rowSelectShader });

/** What to rank: `units` independent selections, each over its part of every tensor. */
export interface SelectPlan {
  /** Tensors of one dtype, each of units * n elements for an n of its own; order of index is order of the list, then of position. */
  sources: readonly Tensor[];
  units: number;
  key: SelectKey;
  /** Rank from 1, the k-th element; a number for all units or u32 [units]. 0 selects nothing. */
  k: number | Tensor;
  /** Least rank that makes sense, to which ranks on the device are limited. */
  least: 0 | 1;
}

/** A finished selection: what tells the selected elements from the others. */
export interface Selection extends SelectPlan {
  /** u32 [units, 4]: the k-th element's key, how many of that key are selected, how many there are, how many are less. */
  state: Tensor;
  /** u32 [units]: number of NaN, with BAD_RANK where a rank on the device had to be limited. */
  status: Tensor;
}

/** How the rows of a tensor are loaded: by four neighbours where every row begins at a multiple of four. */
export function loadsOf(n: number, units: number): { vector: boolean; loads: number; tail: number } {
  const vector = units === 1 || n % 4 === 0;
  const loads = vector ? Math.ceil(n / 4) : n;
  return { vector, loads, tail: vector ? n - 4 * (loads - 1) : 1 };
}

/** Finds the k-th element of every unit by radix selection. Not recorded. Results belong to the innermost scope. */
export function launchSelect(op: string, device: Device, plan: SelectPlan): Selection {
  const { units } = plan;
  const n = plan.sources.reduce((sum, x) => sum + x.size, 0) / Math.max(1, units);
  return scope(() => {
    if (units === 0 || n === 0) return { ...plan, ...nothing(device, units) };
    const state = Tensor.empty(op, device, 'u32', [units, 4]);
    const status = zeros(device, [units], 'u32');
    const whole = areRows(device, units, n);
    const sources = joined(device, plan, n, whole);
    const target = { ...plan, sources, state, status };
    if (whole && sources.length === 1) launchRows(op, device, target, n);
    else launchDigits(op, device, target, n);
    return { ...plan, state, status };
  });
}

const nothing = (device: Device, units: number) => ({
  state: zeros(device, [units, 4], 'u32'),
  status: zeros(device, [units], 'u32'),
});

/** Whether one launch does whole rows: where they are short, or so many that they fill the device by themselves. */
function areRows(device: Device, units: number, n: number): boolean {
  if (units > 1024) return true;
  if (device.deviceClass === 'software') return n <= (units < 8 ? 1024 : 4096);
  return n <= 8192;
}

/** Small tensors are joined first, because a copy costs one launch and a selection several. */
const JOIN = 2 ** 20;

function joined(device: Device, { sources, units }: SelectPlan, n: number, whole: boolean): readonly Tensor[] {
  const present = sources.filter((x) => x.size > 0);
  const fits = 4 * units * n <= device.limits.maxBinding;
  if (present.length < 2 || !fits || (!whole && units * n > JOIN)) return present;
  return [
    concat(
      present.map((x) => x.view('select', [units, x.size / units])),
      1,
    ),
  ];
}

function launchRows(
  op: string,
  device: Device,
  { sources, units, key, k, least, state, status }: Selection,
  n: number,
) {
  const software = device.deviceClass === 'software';
  const shared = !software && n > 64;
  const bits = !shared && n <= 128 ? 4 : 8;
  const workgroup = software ? 8 : n <= 512 ? 64 : 256;
  const ranks = k instanceof Tensor;
  device.run(
    rowKernel,
    { key, ranks, shared, bits, workgroup },
    {
      bindings: [sources[0], state, ...(ranks ? [k] : []), status].map((t) => t.binding(op)),
      params: [units, 32 / bits, 2 ** bits, n, ranks ? 0 : k, least],
      grid: foldGrid(shared ? units : Math.ceil(units / workgroup), device.limits.maxWorkgroups),
      cost: { flops: 0, bytes: (128 / bits) * units * n },
    },
  );
}

/**
 * Bits of a digit, save for a shorter last one. Few long digits save passes over the elements; but software devices count
 * without atomics, in counters for every invocation, and workgroup memory has room for those of short digits only.
 */
const DIGIT = { software: 8, gpu: 11 };

function launchDigits(op: string, device: Device, selection: Selection, n: number): void {
  const { units, key, k, least, state, status } = selection;
  const software = device.deviceClass === 'software';
  const width = DIGIT[software ? 'software' : 'gpu'];
  const bins = 2 ** width;
  const workgroup = software ? 8 : 256;
  const ranks = k instanceof Tensor;
  const hist = zeros(device, [units, bins], 'u32');
  let high: number = keyBits(key);
  for (let pass = 0; high > 0; pass++) {
    const first = pass === 0;
    const bits = Math.min(width, high);
    for (const x of selection.sources) launchDigit(op, device, selection, x, hist, { pass, high, bits, bins });
    device.run(
      narrowKernel,
      { first, ranks: first && ranks, bins, workgroup },
      {
        bindings: [hist, state, ...(first && ranks ? [k] : []), ...(first ? [status] : [])].map((t) => t.binding(op)),
        params: [units, bins / workgroup, bits, ...(first ? [n, ranks ? 0 : k, least] : [])],
        grid: foldGrid(units, device.limits.maxWorkgroups),
        cost: { flops: 0, bytes: 3 * hist.bytes },
      },
    );
    high -= bits;
  }
}

/** One pass: which digit of how many bits, below those from bit `high` on. */
interface Pass {
  pass: number;
  high: number;
  bits: number;
  bins: number;
}

function launchDigit(
  op: string,
  device: Device,
  selection: Selection,
  x: Tensor,
  hist: Tensor,
  { pass, high, bits, bins }: Pass,
): void {
  const { units, key, state, status } = selection;
  const first = pass === 0;
  const shared = device.deviceClass !== 'software';
  const workgroup = shared ? 256 : 8;
  const { vector, loads, tail } = loadsOf(x.size / units, units);
  // Counters are cleared and added up once a workgroup: as few workgroups as keep the device busy.
  const most = Math.ceil((shared ? 1024 : 32) / units);
  const chunk = Math.ceil(loads / Math.min(Math.ceil(loads / 2048), most));
  const groups = Math.ceil(loads / chunk);
  const nans = first && key.type === 'f32' ? [status] : [];
  device.run(
    digitKernel,
    { key, first, rare: !shared && pass > 1, vector, bins, shared, workgroup },
    {
      bindings: [x, ...(first ? [] : [state]), hist, ...nans].map((t) => t.binding(op)),
      params: [units, groups, chunk, loads, tail, high - bits, 2 ** bits - 1, first ? 0 : high],
      grid: foldGrid(units * groups, device.limits.maxWorkgroups),
      cost: { flops: 0, bytes: x.bytes },
    },
  );
}
