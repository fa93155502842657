import { ArgumentError } from '../gpu/errors.js';
import type { Parameters } from '../nn/parameters.js';
import type { Tensor } from '../tensor/tensor.js';
import { applyMask, copyMask } from './apply.js';
import { withScores } from './magnitude.js';
import type { LayerDensity } from './mask-by-scores.js';
import type { PrunePlan } from './plan.js';
import { collapsedLayers, cubicKept, type KeptSchedule, planRounds } from './rounds.js';
import { magnitudeScores } from './scores.js';

/** Changes a mask between steps: `train(…, { mask: driver.mask, between: driver })`. */
export interface MaskDriver {
  /** Laid out like the parameters; the driver changes its values and owns it. */
  readonly mask: Tensor;
  readonly every: number;
  run(step: number): Promise<void>;
  /** What the mask keeps of each planned layer; before the first change, all. */
  readonly layers: readonly LayerDensity[];
  /** Planned layers of which nothing is left. */
  readonly collapsed: string[];
  dispose(): void;
}

export interface GmpOptions {
  /** Steps between two prunings; 1 by default. */
  every?: number;
  /** Step up to which nothing is removed, a multiple of `every`; 0 by default. */
  begin?: number;
  /** Step of the last pruning, a multiple of `every`: from there on the mask keeps what the plan says. */
  end: number;
  /** `cubicKept` by default. */
  schedule?: KeptSchedule;
}

/**
 * Gradual magnitude pruning during training (Zhu & Gupta 2017): every few steps the smallest weights left go, in numbers
 * that follow a cubic; what is removed stays removed, and what is left trains on. A run that is resumed from a
 * checkpoint finds its mask there.
 *
 * @param plan what the last pruning leaves
 * @throws ArgumentError for steps out of range, or a schedule that rises
 */
export function gmp(parameters: Parameters, plan: PrunePlan, options: GmpOptions): MaskDriver {
  const op = 'gmp';
  const { every = 1, begin = 0, end, schedule = cubicKept } = options;
  if (!Number.isInteger(every) || every < 1) throw new ArgumentError(op, 'every as a whole number >= 1', `${every}`);
  if (!(begin >= 0 && begin < end) || begin % every !== 0 || end % every !== 0)
    throw new ArgumentError(op, `begin < end, both multiples of ${every}`, `${begin} and ${end}`);
  const plans = planRounds(op, plan, (end - begin) / every, schedule);
  const mask = parameters.like(1);
  let layers: LayerDensity[] = plan.layers.map(({ name, total }) => ({ name, total, kept: total }));
  return {
    mask,
    every,
    get layers() {
      return layers;
    },
    get collapsed() {
      return collapsedLayers(kept(layers));
    },
    async run(step) {
      const at = plans[(step - begin) / every - 1];
      if (!at) return;
      const next = await withScores(op, parameters, at, magnitudeScores(parameters), {
        within: { mask, ...kept(layers) },
      });
      copyMask(parameters, next.mask, mask);
      next.mask.dispose();
      applyMask(parameters, mask);
      layers = next.layers;
    },
    dispose: () => mask.dispose(),
  };
}

/** Layers with their sums. */
const kept = (layers: LayerDensity[]) => ({
  layers,
  kept: layers.reduce((n, l) => n + l.kept, 0),
  total: layers.reduce((n, l) => n + l.total, 0),
});
