import { noGrad } from '../autograd/node.js';
import { ArgumentError } from '../gpu/errors.js';
import type { Model } from '../nn/model.js';
import { add } from '../ops/pointwise.js';
import { keep, scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { rows } from './rows.js';

export interface RecalibrateOptions {
  /** Inputs in a batch. Default 250, or all where there are fewer. */
  batch?: number;
  /** Batches to average over; by default all whole ones. */
  batches?: number;
}

/**
 * Estimates the running statistics of batch normalisation anew, as the plain average of those of whole batches of
 * inputs [n, ...], taken in order; pruning moves activations away from what was measured before. Parameters stay, and so
 * do the model's randomness and statistics of momentum 0. Dropout is active, as in training.
 *
 * @throws ArgumentError for a batch or a number of batches that the inputs do not hold, or a module whose statistics are
 * declared without their momentum; the model is unchanged then
 */
export async function recalibrate(model: Model, inputs: Tensor, options: RecalibrateOptions = {}): Promise<void> {
  const op = 'recalibrate';
  const n = inputs.shape[0];
  const batch = options.batch ?? Math.min(n, 250);
  if (!Number.isInteger(batch) || batch < 1 || batch > n)
    throw new ArgumentError(op, `a batch from 1 to ${n}`, String(batch));
  const most = Math.floor(n / batch);
  const batches = options.batches ?? most;
  if (!Number.isInteger(batches) || batches < 1 || batches > most)
    throw new ArgumentError(op, `batches from 1 to ${most}`, String(batches));
  const momenta = momentaOf(op, model);
  if (momenta.size === 0) return;
  const drawn = await model.generator.state();
  let sums: Map<string, Tensor> | null = null;
  for (let i = 0; i < batches; i++) {
    // A layer of momentum m moves its statistics r to (1 - m) r + m s, which leaves m s of r = 0.
    for (const name of momenta.keys()) clear(model.get(name));
    scope(() => {
      noGrad(() => model.forward(rows(inputs, i * batch, (i + 1) * batch), { training: true }));
    });
    sums = accumulate(model, momenta.keys(), sums);
  }
  for (const [name, sum] of sums!) {
    const values = await sum.data();
    const weight = batches * Math.fround(momenta.get(name)!);
    model.get(name).write(Float32Array.from(values, (v) => v / weight));
    sum.dispose();
  }
  model.generator.restore(drawn);
}

/** Momenta of the statistics that move, by name. */
function momentaOf(op: string, model: Model): Map<string, number> {
  const momenta = new Map<string, number>();
  for (const { kind, name, momentum } of model.declared) {
    if (kind !== 'statistic') continue;
    if (momentum === undefined) throw new ArgumentError(op, 'statistics declared with their momentum', `'${name}'`);
    if (momentum > 0) momenta.set(name, momentum);
  }
  return momenta;
}

const clear = (t: Tensor): void => t.write(new Float32Array(t.size));

/** New sums: the old ones plus the statistics. */
function accumulate(model: Model, names: Iterable<string>, sums: Map<string, Tensor> | null): Map<string, Tensor> {
  const next = new Map<string, Tensor>();
  for (const name of names) {
    const old = sums?.get(name);
    next.set(name, keep(scope(() => noGrad(() => add(model.get(name), old ?? 0)))));
    old?.dispose();
  }
  return next;
}
