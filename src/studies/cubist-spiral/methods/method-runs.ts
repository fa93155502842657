import { ArgumentError } from '../../../gpu/errors.js';
import { xavierNormal } from '../../../nn/init.js';
import { initialWeights, mlpLayers, mlpParameterCount } from '../../../population/index.js';
import { denseParameters, type ScheduleName, type Widths } from '../enumerate.js';
import { fixedInitial } from '../search/blocks.js';
import { seedOf } from '../seeds.js';
import { spiralShape } from '../training/setting.js';
import type { MethodRunConfig } from '../types.js';

/** One run of a block: a budget with a setting. */
export interface MethodRun {
  budget: number;
  rate: number;
  schedule: ScheduleName;
  repeat: number;
  /** Of its initial weights. */
  seed: number;
}

/** Random streams of weights that are drawn for scoring. */
const XAVIER = 0x78617600;

export const methodWidths = ({ width }: MethodRunConfig): Widths => [width, width, width];

/**
 * The runs of one repeat, budgets ascending, then rates and schedules as they are given. Random initial weights have a
 * seed of their own, a hash of the configuration's seed and of all that tells a run from others.
 *
 * @throws ArgumentError for a budget that is no number of weights below the network's
 */
export function methodRuns(config: MethodRunConfig, repeat: number): MethodRun[] {
  const { width, fixedSeed, rates, schedules } = config;
  const { weights } = denseParameters(methodWidths(config));
  const budgets = [...config.budgets].sort((a, b) => a - b);
  for (const budget of budgets)
    if (!(Number.isInteger(budget) && budget > 0 && budget < weights))
      throw new ArgumentError('executeMethod', `budgets from 1 to ${weights - 1} at width ${width}`, `${budget}`);
  return budgets.flatMap((budget) =>
    rates.flatMap((rate) =>
      schedules.map((schedule) => {
        const setting = { budget, rate, schedule, repeat };
        return { ...setting, seed: fixedSeed ?? runSeed(config, setting, 'initial') };
      }),
    ),
  );
}

/** A seed of a run's own: for its initial weights, or for the places that RigL begins with. */
export const runSeed = (
  { seed, method, width, initialisation, target }: MethodRunConfig,
  { budget, rate, schedule, repeat }: Omit<MethodRun, 'seed'>,
  what: 'initial' | 'places',
): number => seedOf(seed, what, method, width, initialisation, target, budget, rate, schedule, repeat);

/** Seed of the order of rows that runs share, or of the batches that they are scored by. */
export const orderSeed = (config: MethodRunConfig, repeat: number, what: 'order' | 'scoring'): number => {
  const { seed, method, width, initialisation, target } = config;
  return seedOf(seed, what, method, width, initialisation, target, repeat);
};

/**
 * Parameters that runs begin with [runs, parameters]: uniform in the bounds of their own layers, or where the
 * initialisation is fixed the top-left block of one network of width 16. SNIP and GraSP draw random weights (not biases)
 * anew by Xavier's normal distribution, and train from these.
 *
 * @throws ArgumentError for a fixed initialisation of more than 16 units
 */
export function initialParameters(config: MethodRunConfig, runs: readonly MethodRun[]): Float32Array {
  const widths = methodWidths(config);
  const shape = spiralShape(widths);
  if (config.fixedSeed !== null) {
    const block = fixedInitial(config.fixedSeed, widths);
    const out = new Float32Array(runs.length * block.length);
    for (const m of runs.keys()) out.set(block, m * block.length);
    return out;
  }
  const seeds = runs.map((run) => run.seed);
  const values = initialWeights(shape, seeds);
  if (config.method === 'snip' || config.method === 'grasp') drawXavier(widths, seeds, values);
  return values;
}

function drawXavier(widths: Widths, seeds: readonly number[], values: Float32Array): void {
  const shape = spiralShape(widths);
  const parameters = mlpParameterCount(shape);
  mlpLayers(shape).forEach(({ weights, inputs, outputs }, l) => {
    seeds.forEach((seed, m) => {
      values.set(xavierNormal([outputs, inputs], seed, XAVIER + l), m * parameters + weights);
    });
  });
}
