import { SecateurError } from '../gpu/errors.js';
import type { Model } from '../nn/model.js';
import type { Optimiser } from '../optim/optimiser.js';
import type { FileArray } from '../sparse/files/elements.js';
import { sameShape, showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Checkpoint, TrainingConfig } from './checkpoint.js';

/** A checkpoint that another run made: other sizes, another optimiser, another configuration. */
export class CheckpointError extends SecateurError {
  constructor(differences: readonly string[]) {
    const shown = differences.slice(0, 5).map((d) => `\n  ${d}`);
    const more = differences.length > 5 ? `\n  and ${differences.length - 5} more` : '';
    super('checkpoint', `the checkpoint is of another run:${shown.join('')}${more}`);
  }
}

/** Everything on the device that a run changes, by name, save for its loader. */
export function stateTensors(
  model: Pick<Model, 'parameters' | 'generator'> & { statistics: ReadonlyMap<string, Tensor> },
  optimiser: Pick<Optimiser, 'tensors'>,
): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  const take = (prefix: string, from: Iterable<readonly [string, Tensor]>) => {
    for (const [name, t] of from) tensors.set(`${prefix}/${name}`, t);
  };
  take(
    'parameters',
    model.parameters.names.map((name) => [name, model.parameters.get(name)] as const),
  );
  take('statistics', model.statistics);
  take('model', [['generator', model.generator.stateTensor('checkpoint')]]);
  take('optimiser', optimiser.tensors);
  return tensors;
}

/** Values of tensors, one after the other: a run's tensors are many, and waiting for all at once would be slower. */
export async function readTensors(tensors: ReadonlyMap<string, Tensor>): Promise<Map<string, FileArray>> {
  const out = new Map<string, FileArray>();
  for (const [name, t] of tensors) out.set(name, { dtype: t.dtype, shape: [...t.shape], data: await t.data() });
  return out;
}

/**
 * Writes a checkpoint's values into a run's tensors.
 *
 * @throws CheckpointError naming what differs, before anything is written
 */
export function restoreTensors(
  checkpoint: Pick<Checkpoint, 'config' | 'tensors'>,
  into: ReadonlyMap<string, Tensor>,
  config: TrainingConfig,
): void {
  const differences = [...configDifferences(checkpoint.config, config), ...tensorDifferences(checkpoint.tensors, into)];
  if (differences.length > 0) throw new CheckpointError(differences);
  for (const [name, t] of into) t.write(checkpoint.tensors.get(name)!.data as ArrayLike<number>);
}

function configDifferences(there: TrainingConfig, here: TrainingConfig): string[] {
  const show = (v: unknown) => {
    const text = v === undefined ? 'not given' : JSON.stringify(v).replaceAll('\\n', ' ');
    return text.length > 80 ? `${text.slice(0, 80)}…` : text;
  };
  return [...new Set([...Object.keys(here), ...Object.keys(there)])]
    .filter((key) => here[key] !== there[key])
    .map((key) => `${key}: ${show(there[key])} there, ${show(here[key])} here`);
}

function tensorDifferences(there: ReadonlyMap<string, FileArray>, here: ReadonlyMap<string, Tensor>): string[] {
  const added = [...here].flatMap(([name, t]) => {
    const saved = there.get(name);
    if (!saved) return [`${name}: none there, ${t} here`];
    if (saved.dtype === t.dtype && sameShape(saved.shape, t.shape)) return [];
    return [`${name}: ${saved.dtype}${showShape(saved.shape)} there, ${t} here`];
  });
  const gone = [...there].filter(([name]) => !here.has(name));
  return [...added, ...gone.map(([name, a]) => `${name}: ${a.dtype}${showShape(a.shape)} there, none here`)];
}
