import { Model } from '../../nn/model.js';
import { encodeWeights, loadWeights } from '../../nn/weights.js';
import { diskSize, type PruneResult, pruningCost, reinitialise } from '../../prune/index.js';
import { type Evaluation, evaluate } from '../../train/evaluate.js';
import { applyMask } from '../../train/mask.js';
import { recalibrate } from '../../train/recalibrate.js';
import type { RunContext, RunOutcome } from '../study.js';
import type { DataConfig, FineTune, Pruning, Training } from './config.js';
import { type StudyData, studyData } from './data.js';
import { pruneInRounds } from './magnitude-rounds.js';
import { checkedMask, fullMask, MASKS, magnitude, sparseMask } from './masks.js';
import { networkMacs, type StudyNetwork, studyNetwork } from './networks.js';
import {
  Diverged,
  decodeRunCheckpoint,
  FIRST_STATE,
  type Job,
  loaderFor,
  type RunCheckpoint,
  type RunState,
  trainPhase,
} from './train-network.js';
import type { DivergedResult, NetworkResult, NetworkRunConfig } from './types.js';

export const WEIGHTS = 'weights.safetensors';

/** Training images that batch-normalisation statistics of P0 are estimated on. */
const RECALIBRATION_IMAGES = 1000;

/** Seeds of children begin behind those of dense networks, and no two networks share one. */
const CHILD_SEEDS = 2 ** 20;

/** What a method made. */
interface Made {
  /** Owned by whoever gets it. */
  readonly pruned: PruneResult;
  readonly state: RunState;
}

/** Makes a network as its method says, measures it, and writes its weights and mask. */
export async function executeNetwork(config: NetworkRunConfig, context: RunContext): Promise<RunOutcome> {
  const data = await studyData(context, config.data as DataConfig);
  const study = studyNetwork(config.network, config.data as DataConfig);
  const model = new Model(context.device, study.network, { seed: firstSeed(config, context) });
  try {
    const made = await make(model, data, config, context);
    if (made instanceof Diverged) {
      const result: DivergedResult = { divergedAt: made.step, history: made.history };
      return { status: 'diverged', result };
    }
    try {
      return { status: 'finished', result: await measured(study, model, data, made, config, context) };
    } finally {
      made.pruned.mask.dispose();
    }
  } finally {
    model.dispose();
  }
}

const parentSeed = (config: NetworkRunConfig, context: RunContext): number =>
  config.parent === null ? config.seed : (context.need(config.parent).config as NetworkRunConfig).seed;

/** Of the data's order, new weights and random masks. */
const ownSeed = (config: NetworkRunConfig, context: RunContext): number =>
  config.parent === null ? config.seed : CHILD_SEEDS * (1 + parentSeed(config, context)) + config.seed;

/** Of the weights that a network begins with: lottery tickets have the dense network's. */
const firstSeed = (config: NetworkRunConfig, context: RunContext): number =>
  config.method === 'M1-LT' ? parentSeed(config, context) : ownSeed(config, context);

async function make(
  model: Model,
  data: StudyData,
  config: NetworkRunConfig,
  context: RunContext,
): Promise<Made | Diverged> {
  const saved = await context.checkpoint.load();
  const checkpoint = saved && decodeRunCheckpoint(saved);
  switch (config.method) {
    case 'P0':
      return pruneOnly(model, config, context);
    case 'M1':
      return withJob(model, data, config, context, (job) => iterative(job, config, checkpoint));
    default:
      return withJob(model, data, config, context, (job) => fromStart(job, config, checkpoint));
  }
}

async function withJob<T>(
  model: Model,
  data: StudyData,
  config: NetworkRunConfig,
  context: RunContext,
  run: (job: Job) => Promise<T>,
): Promise<T> {
  const training = config.recipe.training as Training;
  const fineTune = config.recipe.fineTune as Pick<FineTune, 'pruning' | 'rounds'> | undefined;
  const rounds = fineTune?.pruning === 'rounds' ? fineTune.rounds : 1;
  const loader = loaderFor(data, training, ownSeed(config, context));
  try {
    return await run({ model, data, loader, training, context, rounds });
  } finally {
    loader.dispose();
  }
}

async function loadParent(model: Model, config: NetworkRunConfig, context: RunContext): Promise<void> {
  loadWeights(model, await context.files(config.parent!).read(WEIGHTS), { name: `${config.parent}/${WEIGHTS}` });
}

async function pruneOnly(model: Model, config: NetworkRunConfig, context: RunContext): Promise<Made> {
  await loadParent(model, config, context);
  const pruned = await magnitude(model, config.sparsity, config.recipe.pruning as Pruning);
  applyMask(model.parameters, pruned.mask);
  return { pruned, state: FIRST_STATE };
}

async function iterative(
  job: Job,
  config: NetworkRunConfig,
  checkpoint: RunCheckpoint | undefined,
): Promise<Made | Diverged> {
  await loadParent(job.model, config, job.context);
  const { fineTune, pruning } = config.recipe as unknown as { fineTune: FineTune; pruning: Pruning };
  const { rounds, every } = fineTune;
  const recipe = { rounds, every, pruning: fineTune.pruning, sparsity: config.sparsity, weights: pruning };
  return pruneInRounds(job, recipe, checkpoint);
}

/** Dense networks, and sparse ones that keep one mask from their first weights on. */
async function fromStart(
  job: Job,
  config: NetworkRunConfig,
  checkpoint: RunCheckpoint | undefined,
): Promise<Made | Diverged> {
  const { model, context } = job;
  const dense = config.method === 'D';
  const pruned = dense ? fullMask(model) : await sparseMask(model, config, context, ownSeed(config, context));
  try {
    // All others begin with the model's own first weights; training masks them before its first step.
    if (config.method === 'M2-rescaled') reinitialise(model, pruned, { seed: ownSeed(config, context), rescale: true });
    const state = checkpoint?.state ?? FIRST_STATE;
    const history = await trainPhase(job, { state, mask: dense ? null : pruned.mask, resume: checkpoint?.training });
    if (!(history instanceof Diverged)) return { pruned, state: { ...state, history } };
    pruned.mask.dispose();
    return history;
  } catch (error) {
    pruned.mask.dispose();
    throw error;
  }
}

async function measured(
  study: StudyNetwork,
  model: Model,
  data: StudyData,
  { pruned, state }: Made,
  config: NetworkRunConfig,
  context: RunContext,
): Promise<NetworkResult> {
  const mask = await checkedMask(model, pruned);
  const files = context.files();
  await files.write(WEIGHTS, await encodeWeights(model));
  await files.write(MASKS, mask.bytes);
  const { accuracy, top5, loss, correct, count } = await evaluate(model, data.inputs, data.targets);
  const cost = pruningCost(model.count, mask.layers, networkMacs(study));
  const size = await diskSize(model.parameters, pruned);
  return {
    ...{ accuracy, top5, loss, correct, count },
    recalibrated: config.method === 'P0' ? await afterRecalibration(model, data) : null,
    kept: mask.kept,
    total: mask.total,
    layers: mask.layers.map(({ name, kept, total }) => ({ name, kept, total })),
    compression: cost.compression,
    speedup: cost.speedup,
    macs: cost.macs,
    macsKept: cost.macsKept,
    bytesDense: size.dense,
    bytesCompact: size.compact,
    history: state.history,
    stages: state.stages,
    divergedAt: null,
  };
}

/** The last thing that is done with a model: its statistics are others then. */
async function afterRecalibration(model: Model, data: StudyData): Promise<Pick<Evaluation, 'accuracy' | 'loss'>> {
  await data.withTraining(RECALIBRATION_IMAGES, (inputs) => recalibrate(model, inputs));
  const { accuracy, loss } = await evaluate(model, data.inputs, data.targets);
  return { accuracy, loss };
}
