import { grad } from '../autograd/grad.js';
import { noGrad } from '../autograd/node.js';
import type { Batch } from '../data/loader.js';
import { apply, constant, type Expr } from '../expr/expr.js';
import { ArgumentError } from '../gpu/errors.js';
import type { Model } from '../nn/model.js';
import type { Parameters } from '../nn/parameters.js';
import { clone, fuse } from '../ops/pointwise.js';
import type { Optimiser } from '../optim/optimiser.js';
import type { Seed } from '../tensor/philox.js';
import { keep, scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { copyMask } from './apply.js';
import type { MaskDriver } from './gmp.js';
import { masked } from './gradients.js';
import { withScores } from './magnitude.js';
import type { PruneResult } from './mask-by-scores.js';
import { planLike } from './plan.js';
import { leavesOf, Probe, packNamed, type ScoringOptions } from './probe.js';
import { collapsedLayers } from './rounds.js';
import { magnitudeScores, randomScores } from './scores.js';

export interface DynamicSparsityOptions {
  /** Steps between updates; 100 by default. */
  every?: number;
  /** The step from which on the mask stays: 3/4 of training, as published. */
  until: number;
  /** Share of a layer's weights exchanged in the beginning; 0.3 by default. It falls to 0 along a half cosine. */
  fraction?: number;
}

export interface RiglOptions extends DynamicSparsityOptions, Omit<ScoringOptions, 'values'> {
  /** The batch of an update's gradient; what it makes is disposed of. `() => loader.next()` takes one from training. */
  batch: (step: number) => Batch;
}

export interface SetOptions extends DynamicSparsityOptions {
  seed: Seed;
}

/**
 * RigL (Evci et al. 2020): sparse training with a mask that moves. At every update each layer loses the smallest of its
 * weights and gains as many where the dense gradient is greatest in absolute value, anew from 0 and without momentum; a
 * weight that was just lost may be among them, and then stays as it was. Every layer keeps its number exactly. No update
 * happens at step 0.
 *
 * @param start which weights there are in the beginning, such as `randomMask` by `planErk`; borrowed
 * @throws ArgumentError for options out of range, or a model whose layers compute with masked weights
 */
export function rigl(model: Model, optimiser: Optimiser, start: PruneResult, options: RiglOptions): MaskDriver {
  const { batch, training = true, loss } = options;
  const names = start.layers.map((l) => l.name);
  return exchanging('rigl', model, optimiser, start, options, async (step) => {
    const probe = new Probe('rigl', model, { training, loss });
    try {
      return keep(
        scope(() => {
          const leaves = leavesOf(model.parameters, model.parameters.flat);
          const gradients = grad(
            probe.loss(batch(step), leaves),
            names.map((name) => leaves.get(name)!),
          );
          return packNamed(model.parameters, names, gradients);
        }),
      );
    } finally {
      probe.dispose();
    }
  });
}

/** Sparse evolutionary training (Mocanu et al. 2018): as `rigl`, but weights grow at random places. */
export function set(model: Model, optimiser: Optimiser, start: PruneResult, options: SetOptions): MaskDriver {
  return exchanging('set', model, optimiser, start, options, async (step) =>
    randomScores(model.parameters, options.seed, step),
  );
}

/** Growth scores, laid out like the parameters; their absolute values count. */
type Growth = (step: number) => Promise<Tensor>;

function exchanging(
  op: string,
  { parameters }: Model,
  optimiser: Optimiser,
  start: PruneResult,
  { every = 100, until, fraction = 0.3 }: DynamicSparsityOptions,
  growth: Growth,
): MaskDriver {
  for (const [name, value] of Object.entries({ every, until }))
    if (!Number.isInteger(value) || value < 1)
      throw new ArgumentError(op, `${name} as a whole number >= 1`, `${value}`);
  if (!(fraction >= 0 && fraction <= 1)) throw new ArgumentError(op, 'a fraction in [0, 1]', `${fraction}`);
  if (optimiser.parameters !== parameters)
    throw new ArgumentError(op, "an optimiser of the model's parameters", 'of others');
  const mask = keep(clone(start.mask));
  const { layers } = start;
  const current: PruneResult = { ...start, mask };
  return {
    mask,
    every,
    layers,
    collapsed: collapsedLayers(start),
    async run(step) {
      if (step === 0 || step >= until || step % every !== 0) return;
      const share = (fraction / 2) * (1 + Math.cos((Math.PI * step) / until));
      const next = await exchange(op, parameters, current, share, () => growth(step));
      scope(() => {
        const stay = noGrad(() => fuse(both, [mask, next.mask], op));
        // New weights begin at 0, as do their momenta: and what left must be 0 before the next forward pass.
        for (const flat of [parameters.flat, ...optimiser.slots]) zeroOutside(flat, stay);
      });
      copyMask(parameters, next.mask, mask);
      next.mask.dispose();
    },
    dispose: () => mask.dispose(),
  };
}

/** The mask with a share of each layer's weights exchanged: the smallest for those of the highest growth scores. */
async function exchange(
  op: string,
  parameters: Parameters,
  current: PruneResult,
  share: number,
  growth: () => Promise<Tensor>,
): Promise<PruneResult> {
  const fewer = current.layers.map((l) => ({ ...l, kept: l.kept - Math.floor(share * l.kept) }));
  const plan = planLike(parameters, { layers: fewer });
  const left = await withScores(op, parameters, plan, magnitudeScores(parameters), { within: current });
  try {
    const gain = await growth();
    const scores = keep(noGrad(() => fuse(stayFirst, [left.mask, gain], op)));
    gain.dispose();
    return await withScores(op, parameters, planLike(parameters, current), scores, {});
  } finally {
    left.mask.dispose();
  }
}

/** Scores that no gradient exceeds: weights that stay come first. */
const STAYS = constant(3e38);
const MOST = constant(1e38);

const stayFirst = (left: Expr, gain: Expr): Expr => {
  const size = apply('abs', gain);
  const limited = apply('where', apply('gt', size, MOST), MOST, size);
  return apply('where', apply('ne', left, constant(0)), STAYS, limited);
};

const both = (a: Expr, b: Expr): Expr =>
  apply('where', apply('and', apply('ne', a, constant(0)), apply('ne', b, constant(0))), constant(1), constant(0));

function zeroOutside(flat: Tensor, mask: Tensor): void {
  const kept = masked(flat, mask);
  flat.device.stream.copy(kept.binding('rigl'), flat.binding('rigl'), flat.bytes);
  kept.dispose();
}
