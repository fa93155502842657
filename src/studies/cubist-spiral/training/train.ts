import type { Device } from '../../../gpu/device.js';
import { ArgumentError } from '../../../gpu/errors.js';
import { type MlpShape, mlpLayers, mlpParameterCount, type PopulationData } from '../../../population/index.js';
import type { ScheduleName, Widths } from '../enumerate.js';
import { freshState, type MemberState, type Members } from './members.js';
import { membersCapacity, openMembers } from './open-members.js';
import { RowOrder } from './row-order.js';
import { spiralShape, subNetworkInitial, TRAINING } from './setting.js';

export {
  FULL_WIDTH,
  scheduleFactor,
  spiralData,
  spiralShape,
  subNetworkInitial,
  TRAINING,
  topLeftBlock,
  topLeftMask,
} from './setting.js';

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
  /** Called with the reason where the ordinary path trains, not the fused kernel. */
  fallback?: (reason: string) => void;
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

/**
 * Trains a block of runs of one width triple side by side and measures them on the whole data set. More runs than a device
 * holds at a time are trained in several parts. Networks that the fused kernel does not hold take the ordinary path.
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
  const most = membersCapacity(device, widths);
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
  { orderSeed = 0, epochs = TRAINING.epochs, signal, progress, fallback }: BlockOptions,
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
  const members = openMembers(device, {
    ...{ data, widths, masks, order: new RowOrder(data.rows, orderSeed), start: freshState(weights, runs.length) },
    rates: runs.map((run) => run.rate),
    schedules: runs.map((run) => run.schedule),
  });
  if (members.fallback) fallback?.(members.fallback);
  try {
    await members.train(steps, { signal, progress });
    return resultsOf(shape, await members.evaluate(), await members.state());
  } finally {
    members.dispose();
  }
}

function resultsOf(
  shape: MlpShape,
  { accuracy, loss }: Awaited<ReturnType<Members['evaluate']>>,
  { values: finals, divergedAt }: MemberState,
): BlockResult[] {
  const parameters = mlpParameterCount(shape);
  const layers = mlpLayers(shape);
  return Array.from(divergedAt, (at, m) => {
    const values = finals.slice(m * parameters, (m + 1) * parameters);
    const nonzero = (part: Float32Array) => part.filter((v) => v !== 0).length;
    return {
      accuracy: accuracy[m],
      loss: loss[m],
      divergedAt: at,
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
