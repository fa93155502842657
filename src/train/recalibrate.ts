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

/** So great that what a batch adds to it is below its last bit. */
const PROBE = 2 ** 60;

/**
 * Estimates the running statistics of batch normalisation anew, as the plain average of those of whole batches of
 * inputs [n, ...], taken in order; pruning moves activations away from what was measured before. Parameters stay, and so
 * does the model's randomness. Dropout is active, as in training.
 *
 * @throws ArgumentError for a batch or a number of batches that the inputs do not hold; the model is unchanged then
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
  if (model.statistics.size === 0) return;
  const drawn = await model.generator.state();
  // A layer moves its statistics r to (1 - m) r + m s by a momentum m of its own. From r = 0 that leaves m s, and from a
  // great r it shows 1 - m.
  run(model, inputs, 0, batch, PROBE);
  const momenta = await readAll(model, (v) => 1 - v / PROBE);
  let sums: Map<string, Tensor> | null = null;
  for (let i = 0; i < batches; i++) {
    run(model, inputs, i * batch, (i + 1) * batch, 0);
    sums = accumulate(model, sums);
  }
  for (const [name, sum] of sums!) {
    const values = await sum.data();
    const momentum = momenta.get(name)!;
    model.get(name).write(Float32Array.from(values, (v, c) => v / (batches * momentum[c])));
    sum.dispose();
  }
  model.generator.restore(drawn);
}

/** Runs a batch as in training, with all statistics at `start` before. */
function run(model: Model, inputs: Tensor, from: number, to: number, start: number): void {
  for (const t of model.statistics.values()) t.write(new Float32Array(t.size).fill(start));
  scope(() => {
    noGrad(() => model.forward(rows(inputs, from, to), { training: true }));
  });
}

async function readAll(model: Model, f: (v: number) => number): Promise<Map<string, number[]>> {
  const out = new Map<string, number[]>();
  for (const [name, t] of model.statistics) out.set(name, Array.from(await t.data(), f));
  return out;
}

/** New sums: the old ones plus the statistics. */
function accumulate(model: Model, sums: Map<string, Tensor> | null): Map<string, Tensor> {
  const next = new Map<string, Tensor>();
  for (const [name, t] of model.statistics) {
    const old = sums?.get(name);
    next.set(name, keep(scope(() => noGrad(() => add(t, old ?? 0)))));
    old?.dispose();
  }
  return next;
}
