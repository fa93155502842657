import type { Device } from '../../gpu/device.js';
import { ArgumentError } from '../../gpu/errors.js';
import {
  initialWeights,
  type MlpOptimiser,
  MlpPopulation,
  type MlpShape,
  mlpCapacity,
  mlpLayers,
  mlpParameterCount,
  PopulationData,
  type StepFactor,
  shuffledBatches,
} from '../../population/index.js';
import { SCHEDULES, type ScheduleName, type Widths } from './enumerate.js';
import { cubistSpiral } from './spiral.js';

/** Width of the network whose top-left block a sub-network is. */
export const FULL_WIDTH = 16;

/** How every network of the study is trained. */
export const TRAINING = { batch: 128, epochs: 50, stepsPerEpoch: 390, momentum: 0.9, weightDecay: 5e-4 } as const;

/** One run of a block. */
export interface BlockRun {
  rate: number;
  schedule: ScheduleName;
  /** Of the initial weights. */
  seed: number;
  /** Kept parameters, layer after layer, weights [out, in] before biases; all where it is left out. */
  mask?: ArrayLike<number>;
  /** Initial parameters instead of drawn ones. */
  initial?: ArrayLike<number>;
}

export interface BlockOptions {
  /** Seed of the order of rows, which all runs of a block share. */
  orderSeed?: number;
  /** Fewer epochs than the study's 50, for trials: schedules keep their length. */
  epochs?: number;
  signal?: AbortSignal;
  /** Share of the work that is done, from 0 to 1. */
  progress?: (share: number) => void;
}

/** What became of one run. */
export interface BlockResult {
  /** Share of the data set's points on their side. */
  accuracy: number;
  /** Mean loss over the data set. */
  loss: number;
  /** Step at which the run diverged, or -1. */
  divergedAt: number;
  /** Weights that are not 0, and the same with biases. */
  weights: number;
  parameters: number;
  /** Final parameters, laid out as masks are. */
  values: Float32Array;
}

/** The 2-d1-d2-d3-1 network. */
export const spiralShape = (widths: Widths): MlpShape => ({ inputs: 2, widths, loss: 'bce' });

/** The data set on a device; owned by the caller. */
export function spiralData(device: Device): PopulationData {
  const { inputs, labels } = cubistSpiral();
  return new PopulationData(device, inputs, labels);
}

/** Factors of the learning rate by step; the rate changes from epoch to epoch only. */
export function scheduleFactor(name: ScheduleName): StepFactor {
  const { epochs, stepsPerEpoch } = TRAINING;
  const byEpoch: Record<ScheduleName, (epoch: number) => number> = {
    cosine: (epoch) => 0.5 * (1 + Math.cos((Math.PI * Math.min(epoch, epochs)) / epochs)),
    milestones: (epoch) => 0.1 ** [15, 30].filter((m) => epoch >= m).length,
    constant: () => 1,
  };
  return { factor: (step) => byEpoch[name](Math.floor(step / stepsPerEpoch)) };
}

/** Initial parameters of a sub-network, drawn within the bounds of the width-16 network's layers. */
export const subNetworkInitial = (widths: Widths, seeds: readonly number[]): Float32Array =>
  initialWeights(spiralShape(widths), seeds, [2, FULL_WIDTH, FULL_WIDTH, FULL_WIDTH]);

/** The top-left blocks of a wider network's layers. */
export function topLeftBlock(parameters: ArrayLike<number>, from: Widths, to: Widths): Float32Array {
  const [wide, narrow] = [mlpLayers(spiralShape(from)), mlpLayers(spiralShape(to))];
  if (to.some((n, l) => n > from[l])) throw new ArgumentError('topLeftBlock', `widths up to ${from}`, `${to}`);
  const expected = mlpParameterCount(spiralShape(from));
  if (parameters.length !== expected)
    throw new ArgumentError('topLeftBlock', `${expected} parameters`, `${parameters.length}`);
  const out = new Float32Array(mlpParameterCount(spiralShape(to)));
  narrow.forEach((layer, l) => {
    for (let o = 0; o < layer.outputs; o++) {
      for (let i = 0; i < layer.inputs; i++)
        out[layer.weights + o * layer.inputs + i] = parameters[wide[l].weights + o * wide[l].inputs + i];
      out[layer.biases + o] = parameters[wide[l].biases + o];
    }
  });
  return out;
}

/**
 * Trains a block of runs of one width triple side by side and measures them on the whole data set. More runs than a device
 * holds at a time are trained in several parts.
 *
 * @throws ArgumentError for no runs
 */
export async function trainBlock(
  device: Device,
  data: PopulationData,
  widths: Widths,
  runs: readonly BlockRun[],
  options: BlockOptions = {},
): Promise<BlockResult[]> {
  if (runs.length === 0) throw new ArgumentError('trainBlock', 'at least one run', 'none');
  const most = mlpCapacity(device, spiralShape(widths), 1);
  const results: BlockResult[] = [];
  for (let first = 0; first < runs.length; first += most) {
    const part = runs.slice(first, first + most);
    const progress = (share: number) => options.progress?.((first + share * part.length) / runs.length);
    results.push(...(await trainPart(device, data, widths, part, { ...options, progress })));
  }
  return results;
}

async function trainPart(
  device: Device,
  data: PopulationData,
  widths: Widths,
  runs: readonly BlockRun[],
  { orderSeed = 0, epochs = TRAINING.epochs, signal, progress }: BlockOptions,
): Promise<BlockResult[]> {
  const shape = spiralShape(widths);
  const parameters = mlpParameterCount(shape);
  const steps = epochs * TRAINING.stepsPerEpoch;
  const weights = subNetworkInitial(
    widths,
    runs.map((run) => run.seed),
  );
  const masks = new Float32Array(weights.length).fill(1);
  runs.forEach(({ initial, mask }, m) => {
    if (initial) weights.set(checked('initial', initial, parameters), m * parameters);
    if (mask) masks.set(checked('mask', mask, parameters), m * parameters);
  });
  const { momentum, weightDecay, batch } = TRAINING;
  const optimiser: MlpOptimiser = { rule: 'sgd', lr: runs.map((run) => run.rate), momentum, weightDecay };
  using population = new MlpPopulation(device, {
    ...shape,
    ...{ count: runs.length, optimiser, weights, masks },
    schedules: SCHEDULES.map(scheduleFactor),
    scheduleOf: runs.map((run) => SCHEDULES.indexOf(run.schedule)),
  });
  const batches = shuffledBatches(data.rows, batch, steps, orderSeed);
  await population.train({ data, steps, batches, signal, progress: (done) => progress?.(done / steps) });
  const scores = await population.evaluate(data);
  const { divergedAt } = await population.outcome();
  const finals = await population.weights();
  const layers = mlpLayers(shape);
  return runs.map((_, m) => {
    const values = finals.slice(m * parameters, (m + 1) * parameters);
    const nonzero = (part: Float32Array) => part.filter((v) => v !== 0).length;
    return {
      accuracy: scores.accuracy[m],
      loss: scores.loss[m],
      divergedAt: divergedAt[m],
      weights: layers.reduce((n, layer) => n + nonzero(values.subarray(layer.weights, layer.biases)), 0),
      parameters: nonzero(values),
      values,
    };
  });
}

function checked(what: string, values: ArrayLike<number>, parameters: number): ArrayLike<number> {
  if (values.length !== parameters)
    throw new ArgumentError('trainBlock', `${parameters} values of ${what}`, `${values.length}`);
  return values;
}
