import type { Rule } from '../../shaders/population/update.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { constantSchedule, type Schedule } from '../optim/schedules.js';
import type { Seed } from '../tensor/philox.js';
import type { MlpShape } from './mlp-shape.js';

/** A schedule as far as a table of rates needs it. */
export type StepFactor = Pick<Schedule, 'factor'>;

/** SGD with momentum (dampening 0) or Adam, as torch.optim defines them; decay is added to the gradient. */
export interface MlpOptimiser {
  rule: 'sgd' | 'adam';
  /** Base learning rate, for all models or one for each. */
  lr: number | ArrayLike<number>;
  momentum?: number;
  nesterov?: boolean;
  /** For weights and biases. */
  weightDecay?: number;
  betas?: readonly [number, number];
  eps?: number;
}

export interface MlpPopulationOptions extends MlpShape {
  /** Models. */
  count: number;
  optimiser: MlpOptimiser;
  /** Factors of the base rate, by step; `scheduleOf` says which one each model follows. Default: constant. */
  schedules?: readonly StepFactor[];
  /** A schedule's index for every model. Default: the first. */
  scheduleOf?: ArrayLike<number>;
  /** One for each model, or one from which model m gets `seed + m`; for the initial weights. Default 0. */
  seed?: number | readonly Seed[];
  /** Initial weights [count, parameters], layer after layer, weights [out, in] before biases; instead of `seed`. */
  weights?: ArrayLike<number>;
  /** [count, parameters]: where it is 0, weight and optimiser state stay exactly 0. */
  masks?: ArrayLike<number>;
}

/** The optimiser's numbers with defaults filled in, as kernels take them. */
export interface Hyper {
  rule: Omit<Rule, 'masked'>;
  decay: number;
  beta1: number;
  beta2: number;
  eps: number;
}

const need = (op: string, ok: boolean, expected: string, got: unknown): void => {
  if (!ok) throw new ArgumentError(op, expected, String(got));
};

/** @throws ArgumentError for numbers out of range */
export function checkOptimiser(op: string, o: MlpOptimiser): Hyper {
  need(op, o.rule === 'sgd' || o.rule === 'adam', "rule 'sgd' or 'adam'", o.rule);
  const { momentum = 0, nesterov = false, weightDecay = 0, betas = [0.9, 0.999], eps = 1e-8 } = o;
  need(op, momentum >= 0 && momentum < 1, 'momentum in [0, 1)', momentum);
  need(op, weightDecay >= 0 && Number.isFinite(weightDecay), 'weightDecay >= 0', weightDecay);
  need(
    op,
    betas.every((b) => b >= 0 && b < 1),
    'betas in [0, 1)',
    betas,
  );
  need(op, eps > 0, 'eps > 0', eps);
  if (o.rule === 'adam') {
    need(op, momentum === 0 && !nesterov, 'no momentum with adam, which has betas', momentum);
    return { rule: { rule: 'adam', slots: 2, nesterov }, decay: weightDecay, beta1: betas[0], beta2: betas[1], eps };
  }
  need(op, !nesterov || momentum > 0, 'momentum > 0 with nesterov', momentum);
  const rule = { rule: 'sgd', slots: momentum > 0 ? 1 : 0, nesterov } as const;
  return { rule, decay: weightDecay, beta1: momentum, beta2: 0, eps };
}

/** Base rates and schedules of all models, as kernels read them: u32 [2, count], the rates as bits. */
export function packSettings(op: string, options: MlpPopulationOptions, schedules: readonly StepFactor[]): Uint32Array {
  const { count, scheduleOf } = options;
  const { lr } = options.optimiser;
  if (typeof lr !== 'number') checkLength(op, 'learning rates', lr, count);
  if (scheduleOf) checkLength(op, 'entries of scheduleOf', scheduleOf, count);
  const out = new Uint32Array(2 * count);
  const rates = new Float32Array(out.buffer, 0, count);
  for (let m = 0; m < count; m++) {
    const rate = typeof lr === 'number' ? lr : lr[m];
    need(op, rate >= 0 && Number.isFinite(rate), 'lr >= 0', rate);
    const schedule = scheduleOf ? scheduleOf[m] : 0;
    need(
      op,
      Number.isInteger(schedule) && schedule >= 0 && schedule < schedules.length,
      `a schedule below ${schedules.length}`,
      schedule,
    );
    rates[m] = rate;
    out[count + m] = schedule;
  }
  return out;
}

export const schedulesOf = (op: string, options: MlpPopulationOptions): readonly StepFactor[] => {
  const { schedules = [constantSchedule()] } = options;
  need(op, schedules.length > 0, 'at least one schedule', 0);
  return schedules;
};

/** The seed of every model. */
export function seedsOf(op: string, { seed = 0, count }: MlpPopulationOptions): readonly Seed[] {
  if (typeof seed === 'number') return Array.from({ length: count }, (_, m) => seed + m);
  checkLength(op, 'seeds', seed, count);
  return seed;
}

export function checkLength(op: string, what: string, values: ArrayLike<unknown>, expected: number): void {
  if (values.length !== expected) throw new ShapeError(op, `${expected} ${what}`, `${values.length}`);
}

/** Values [models, parameters] as kernels read them: [parameters, models]. */
export function interleave(values: ArrayLike<number>, models: number, parameters: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let m = 0; m < models; m++)
    for (let i = 0; i < parameters; i++) out[i * models + m] = values[m * parameters + i];
  return out;
}

/** The reverse of `interleave`. */
export function separate(values: ArrayLike<number>, models: number, parameters: number): Float32Array {
  const out = new Float32Array(models * parameters);
  for (let m = 0; m < models; m++)
    for (let i = 0; i < parameters; i++) out[m * parameters + i] = values[i * models + m];
  return out;
}

/** Masks [models, parameters] as kernels read them: a bit a parameter, words [words, models]. */
export function packMasks(op: string, masks: ArrayLike<number>, models: number, parameters: number): Uint32Array {
  checkLength(op, 'mask values', masks, models * parameters);
  const out = new Uint32Array(Math.ceil(parameters / 32) * models);
  for (let m = 0; m < models; m++) {
    for (let i = 0; i < parameters; i++) {
      const value = masks[m * parameters + i];
      need(op, value === 0 || value === 1, 'masks of 0 and 1', value);
      if (value === 1) out[(i >> 5) * models + m] |= 1 << (i & 31);
    }
  }
  return out;
}

/** Factors of every schedule for steps from `first` on [schedules, steps]; for Adam, before them, 1 - b1^t and 1 - b2^t. */
export function rateTable(schedules: readonly StepFactor[], hyper: Hyper, first: number, steps: number): Float32Array {
  const correction = (beta: number) => (step: number) => 1 - beta ** (step + 1);
  const adam = hyper.rule.rule === 'adam';
  const rows = schedules.map((schedule) => (step: number) => schedule.factor(step));
  if (adam) rows.unshift(correction(hyper.beta1), correction(hyper.beta2));
  const out = new Float32Array(rows.length * steps);
  rows.forEach((row, k) => {
    for (let s = 0; s < steps; s++) out[k * steps + s] = row(first + s);
  });
  return out;
}
