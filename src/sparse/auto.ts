import { isRecording } from '../autograd/node.js';
import { ArgumentError } from '../gpu/errors.js';
import { showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import type { BlockPattern } from './block-pattern.js';
import { basisOf, type LayerOp, type Pass, relativeTime } from './crossovers.js';
import type { NmPattern } from './nm-pattern.js';
import type { SparseKind, SparseWeight } from './sparse-weight.js';

/** One form with what it multiplies by. */
export type Form =
  | { kind: 'dense' }
  | { kind: 'csr' }
  | { kind: 'block'; pattern: BlockPattern }
  | { kind: 'nm'; pattern: NmPattern };

/** What a layer has to do, as far as its choice of a form depends on it. */
export interface LayerWork {
  op: LayerOp;
  /** Rows of x, or pixels of a convolution's result: what each weight is multiplied with. */
  n: number;
  /** Of a convolution; 1 if left out. */
  groups?: number;
  stride?: readonly [y: number, x: number];
  /** What is computed beside the result: gradients of the input and of the weight. Neither if left out. */
  dx?: boolean;
  dw?: boolean;
}

/** A form that a layer could take. */
export interface Estimate {
  kind: SparseKind;
  /** For people: `csr`, `block 8`, `2:4`. */
  name: string;
  /** Time divided by that of the masked-dense form: estimated, or measured by `tuneForms`. */
  time: number;
  /** Share of the matrix that it stores and multiplies. */
  density: number;
}

/** Which form a layer takes, among which, and why. */
export interface Explanation {
  kind: SparseKind;
  name: string;
  why: string;
  /** Fastest first. */
  candidates: Estimate[];
}

interface Choice {
  form: Form;
  explanation: Explanation;
}

/** Name of the form that all others are measured by. */
export const DENSE = 'masked dense';

const choices = new WeakMap<SparseWeight, Map<string, Choice>>();
const lastChoices = new WeakMap<SparseWeight, Explanation>();

/**
 * Which form a masked weight takes for a piece of work, among which others, and why.
 *
 * @throws ArgumentError where the form that was asked for cannot do the work
 */
export function explain(sparse: SparseWeight, work: LayerWork): Explanation {
  sparse.assertLive('explain');
  return chosen(sparse, work).explanation;
}

/** What was last chosen for a weight; null before its layer has run. */
export const lastChoice = (sparse: SparseWeight): Explanation | null => lastChoices.get(sparse) ?? null;

/** The form for a piece of work, x and a weight (or its kept values), given which of them gradients flow to. */
export function formFor(sparse: SparseWeight, work: LayerWork, x: Tensor, w: Tensor): Form {
  const recording = isRecording();
  const { form, explanation } = chosen(sparse, { ...work, dx: recording && x.tracked, dw: recording && w.tracked });
  lastChoices.set(sparse, explanation);
  return form;
}

function chosen(sparse: SparseWeight, work: LayerWork): Choice {
  let known = choices.get(sparse);
  if (!known) choices.set(sparse, (known = new Map()));
  const { op, n, groups = 1, stride = [1, 1], dx = false, dw = false } = work;
  const whole = { op, n, groups, stride, dx, dw };
  const key = keyOf(whole);
  const trial = trials.get(sparse);
  if (trial) {
    trial.works.set(key, whole);
    if (trial.name !== null) return inForm(sparse, whole, trial.name);
  }
  let choice = known.get(key);
  if (!choice) known.set(key, (choice = choose(sparse, whole)));
  return choice;
}

const keyOf = ({ op, n, groups, stride, dx, dw }: Required<LayerWork>): string =>
  `${op} ${n} ${groups} ${stride} ${dx} ${dw}`;

/** A weight whose layers run in the form of that name for a while (as they would where null), and what they did. */
interface Trial {
  name: string | null;
  works: Map<string, Required<LayerWork>>;
}

const trials = new WeakMap<SparseWeight, Trial>();

/** Runs `fn` with a weight's layers in the form of that name, or as they would where it is null. @returns their works */
export function onTrial(sparse: SparseWeight, name: string | null, fn: () => void): Required<LayerWork>[] {
  const trial: Trial = { name, works: new Map() };
  trials.set(sparse, trial);
  try {
    fn();
  } finally {
    trials.delete(sparse);
  }
  return [...trial.works.values()];
}

/** From now on a piece of work takes the form that was fastest. `ms`: measured times by name, masked dense among them. */
export function settle(sparse: SparseWeight, work: Required<LayerWork>, ms: ReadonlyMap<string, number>): Explanation {
  const measured = formsFor(sparse, work)
    .map((form) => {
      const estimated = estimate(sparse, form, work);
      return { form, estimate: { ...estimated, time: ms.get(estimated.name)! / ms.get(DENSE)! } };
    })
    .filter((m) => m.estimate.time >= 0)
    .sort((a, b) => a.estimate.time - b.estimate.time);
  const [{ form, estimate: best }] = measured;
  const why = `${whatOf(sparse, work)}: ${best.name} takes ${best.time.toFixed(2)} of the masked-dense time (measured for this layer)`;
  const candidates = measured.map((m) => m.estimate);
  const explanation = { kind: form.kind, name: best.name, why, candidates };
  choices.get(sparse)!.set(keyOf(work), { form, explanation });
  return explanation;
}

/** The choice of the form of that name; as a rule would have it where the work has no such form. */
function inForm(sparse: SparseWeight, work: Required<LayerWork>, name: string): Choice {
  const choice = choose(sparse, work);
  const form = formsFor(sparse, work).find((f) => nameOf(f) === name);
  if (!form) return choice;
  const { candidates } = choice.explanation;
  return { form, explanation: { kind: form.kind, name, why: `${name} on trial`, candidates } };
}

function choose(sparse: SparseWeight, work: Required<LayerWork>): Choice {
  const possible = formsFor(sparse, work)
    .map((form) => ({ form, estimate: estimate(sparse, form, work) }))
    .sort((a, b) => a.estimate.time - b.estimate.time);
  const { kind } = sparse;
  const best = possible.find(({ form }) => kind === 'auto' || form.kind === kind);
  if (!best) {
    const expected = kind === 'nm' ? 'a linear layer for an N:M weight' : 'channels of a group that blocks divide';
    throw new ArgumentError(work.op, expected, `${showShape(sparse.shape)} in ${work.groups} groups`);
  }
  const candidates = possible.map((p) => p.estimate);
  const why = kind === 'auto' ? reason(sparse, work, best.form, best.estimate) : `${kind} was asked for`;
  return { form: best.form, explanation: { kind: best.form.kind, name: best.estimate.name, why, candidates } };
}

/** Every form that can do the work. */
function formsFor(sparse: SparseWeight, { op, groups }: Required<LayerWork>): Form[] {
  const channels = [sparse.csr.rows / groups, ...(op === 'conv2d' ? [sparse.shape[sparse.shape.length - 1]] : [])];
  const divide = ({ block }: BlockPattern) => op === 'linear' || channels.every((c) => c % block === 0);
  return [
    { kind: 'dense' },
    { kind: 'csr' },
    ...sparse.blocks.filter(divide).map((pattern) => ({ kind: 'block', pattern }) as const),
    ...(op === 'linear' ? sparse.nms : []).map((pattern) => ({ kind: 'nm', pattern }) as const),
  ];
}

function estimate(sparse: SparseWeight, form: Form, work: Required<LayerWork>): Estimate {
  if (form.kind === 'dense') return { kind: 'dense', name: DENSE, time: 1, density: 1 };
  const { density } = form.kind === 'csr' ? sparse : form.pattern;
  return { kind: form.kind, name: nameOf(form), time: timeOf(sparse, form, density, work), density };
}

function nameOf(form: Form): string {
  if (form.kind === 'block') return `block ${form.pattern.block}`;
  if (form.kind === 'nm') return `${form.pattern.n}:${form.pattern.m}`;
  return form.kind === 'csr' ? 'csr' : DENSE;
}

function timeOf(
  sparse: SparseWeight,
  form: Exclude<Form, { kind: 'dense' }>,
  density: number,
  work: LayerWork,
): number {
  const { rows, cols } = sparse.csr;
  const { op, n, groups = 1, stride = [1, 1] } = work;
  const taps = op === 'conv2d' ? sparse.shape.slice(-3, -1).reduce((a, b) => a * b, 1) : 1;
  const size = { rows, cols, n, density, sharing: rows / groups, reuse: taps / (stride[0] * stride[1]) };
  const key = form.kind === 'block' ? (`block${form.pattern.block}` as const) : form.kind;
  return relativeTime(sparse.device, op, key, size, passesOf(work));
}

const passesOf = ({ dx, dw }: LayerWork): Pass[] => [
  'y',
  ...(dx ? (['dx'] as const) : []),
  ...(dw ? (['dw'] as const) : []),
];

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

const whatOf = (sparse: SparseWeight, work: LayerWork): string =>
  `${passesOf(work).join(', ')} of ${showShape(sparse.shape)} at ${percent(sparse.sparsity)} sparsity, n = ${work.n}`;

function reason(sparse: SparseWeight, work: LayerWork, form: Form, { name, time }: Estimate): string {
  const what = whatOf(sparse, work);
  const basis = basisOf(sparse.device);
  if (form.kind === 'dense') {
    const even = breakEven(sparse, work);
    const from =
      even > 0 ? `compressed rows would pay from ${percent(1 - even)}` : 'compressed rows never pay at this size';
    return `${what}: ${from} (${basis})`;
  }
  return `${what}: ${name} takes an estimated ${time.toFixed(2)} of the masked-dense time (${basis})`;
}

/** Density at which compressed rows take as long as the dense form; 0 or less where they never do. */
function breakEven(sparse: SparseWeight, work: LayerWork): number {
  const at = (density: number) => timeOf(sparse, { kind: 'csr' }, density, work);
  return (1 - at(0)) / (at(1) - at(0));
}
