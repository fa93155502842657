import { ArgumentError, SecateurError } from '../../gpu/errors.js';
import type { Model } from '../../nn/model.js';
import { encodeWeights } from '../../nn/weights.js';
import {
  copyMask,
  cubicSparsity,
  exponentialSparsity,
  maskFromHost,
  type PruneResult,
  planSparsity,
  readMasks,
} from '../../prune/index.js';
import type { Tensor } from '../../tensor/tensor.js';
import { evaluate } from '../../train/evaluate.js';
import { applyMask } from '../../train/mask.js';
import type { FineTune, Pruning } from './config.js';
import { fullMask, magnitude } from './masks.js';
import { Diverged, FIRST_STATE, type Job, type RunCheckpoint, type RunState, trainPhase } from './train-network.js';
import type { NetworkResult } from './types.js';

/** What M1 needs to know beside how a round trains. */
export interface MagnitudeRecipe extends Pick<FineTune, 'pruning' | 'rounds' | 'every'> {
  readonly sparsity: number;
  readonly weights: Pruning;
}

/** What a run of one or more rounds came to. */
export interface RoundsResult {
  readonly pruned: PruneResult;
  readonly state: RunState;
}

/** A mask that is pruned further and further in one tensor: optimisers and compiled steps that hold it follow. */
class NestedMask {
  pruned: PruneResult;

  constructor(
    private readonly model: Model,
    private readonly pruning: Pruning,
  ) {
    this.pruned = fullMask(model, pruning.weights);
  }

  get mask(): Tensor {
    return this.pruned.mask;
  }

  /** Removes the smallest of the weights that are left. */
  async prune(sparsity: number): Promise<void> {
    const { parameters } = this.model;
    const { mask: next, ...counts } = await magnitude(this.model, sparsity, this.pruning, this.pruned);
    copyMask(parameters, next, this.mask);
    next.dispose();
    this.pruned = { ...counts, mask: this.mask };
    applyMask(parameters, this.mask);
  }

  /** Counts again what the tensor holds, after a checkpoint changed it. */
  async recount(): Promise<void> {
    const { parameters } = this.model;
    const { mask: copy, ...counts } = maskFromHost(parameters, await readMasks(parameters, this.pruned));
    copy.dispose();
    this.pruned = { ...counts, mask: this.mask };
  }
}

/**
 * Iterative magnitude pruning (M1) of a model that holds the dense network's weights, from where a checkpoint stands.
 *
 * @returns the final mask, owned by the caller
 */
export async function pruneInRounds(
  job: Job,
  recipe: MagnitudeRecipe,
  checkpoint: RunCheckpoint | undefined,
): Promise<RoundsResult | Diverged> {
  const nested = new NestedMask(job.model, recipe.weights);
  try {
    const run = recipe.pruning === 'gradual' ? gradual : inRounds;
    const state = await run(job, recipe, nested, checkpoint);
    if (!(state instanceof Diverged)) {
      const { kept } = planSparsity(job.model.parameters, recipe.sparsity, recipe.weights);
      if (nested.pruned.kept !== kept)
        throw new SecateurError('mask', `M1: expected ${kept} weights kept, got ${nested.pruned.kept}`);
      return { pruned: nested.pruned, state };
    }
    nested.mask.dispose();
    return state;
  } catch (error) {
    nested.mask.dispose();
    throw error;
  }
}

async function inRounds(
  job: Job,
  { rounds, sparsity }: MagnitudeRecipe,
  nested: NestedMask,
  checkpoint: RunCheckpoint | undefined,
): Promise<RunState | Diverged> {
  let state = checkpoint?.state ?? FIRST_STATE;
  let resume = checkpoint?.training;
  for (; state.round <= rounds; state = { ...state, round: state.round + 1 }) {
    const at = exponentialSparsity(sparsity, rounds, state.round);
    if (!resume) {
      await nested.prune(at);
      state = await withStage(job, state, { sparsity: at, epoch: 0 });
    }
    const history = await trainPhase(job, { state, mask: nested.mask, resume });
    if (history instanceof Diverged) return history;
    if (resume) await nested.recount();
    resume = undefined;
    state = await withStage(job, { ...state, history }, { sparsity: at, epoch: job.training.epochs });
  }
  return state;
}

/** Share of the steps in which gradual pruning prunes; the others train with the final mask. */
const RISE = 0.5;

async function gradual(
  job: Job,
  { every, sparsity }: MagnitudeRecipe,
  nested: NestedMask,
  checkpoint: RunCheckpoint | undefined,
): Promise<RunState | Diverged> {
  const state = checkpoint?.state ?? FIRST_STATE;
  const end = Math.max(1, Math.floor(RISE * job.training.epochs * job.loader.batches));
  // The first change at or behind the end is the last.
  const last = Math.ceil(end / every) * every;
  if (last >= job.training.epochs * job.loader.batches)
    throw new ArgumentError('svcca', `fineTune.every below the ${end} steps that prune`, `${every}`);
  const between = {
    every,
    run: async (step: number) => {
      if (step === 0 || step > last) return;
      await nested.recount();
      await nested.prune(cubicSparsity({ final: sparsity, end }, step));
    },
  };
  const history = await trainPhase(job, { state, mask: nested.mask, between, resume: checkpoint?.training });
  if (history instanceof Diverged) return history;
  await nested.recount();
  return withStage(job, { ...state, history }, { sparsity, epoch: job.training.epochs });
}

/** Writes the weights of a stage and notes its accuracy. */
async function withStage(
  { model, data, context }: Job,
  state: RunState,
  { sparsity, epoch }: { sparsity: number; epoch: number },
): Promise<RunState> {
  const stage = `round${state.round}-${epoch === 0 ? 'pruned' : 'tuned'}`;
  const { accuracy } = await evaluate(model, data.inputs, data.targets);
  await context.files().write(`${stage}.safetensors`, await encodeWeights(model));
  const own: NetworkResult['stages'][number] = { stage, round: state.round, sparsity, epoch, accuracy };
  return { ...state, stages: [...state.stages, own] };
}
