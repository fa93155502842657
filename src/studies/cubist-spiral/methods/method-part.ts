import type { Device } from '../../../gpu/device.js';
import type { Module } from '../../../nn/module.js';
import { mlp } from '../../../nn/zoo/mlp.js';
import {
  mlpParameterCount,
  Population,
  type PopulationData,
  populationBlocks,
  readModels,
  writeModels,
} from '../../../population/index.js';
import type { Tensor } from '../../../tensor/tensor.js';
import type { Widths } from '../enumerate.js';
import { CompactMembers } from '../training/compact-members.js';
import { freshState } from '../training/members.js';
import { RowOrder } from '../training/row-order.js';
import { layerSizes, spiralShape, TRAINING } from '../training/setting.js';
import type { MethodRunConfig } from '../types.js';
import { maskBiases } from './bias-rule.js';
import { initialParameters, type MethodRun, methodWidths, orderSeed } from './method-runs.js';
import { LTH_TRAININGS } from './method-schedules.js';

/** What a part needs of the run that it belongs to. */
export interface PartContext {
  device: Device;
  data: PopulationData;
  signal: AbortSignal;
  /** Share of the part's work that is done, from 0 to 1. */
  progress: (share: number) => void;
}

/** Bytes of networks that are scored together, as in training; differentiating twice takes some four times as much. */
const SCORING_MEMORY = 2 ** 28;

/** Runs that are pruned and trained side by side: they share the order of rows, that of the first one's repeat. */
export class MethodPart {
  readonly widths: Widths;
  readonly network: Module;
  /** Steps of one training. */
  readonly steps: number;
  /** Initial parameters [runs, parameters]. */
  readonly initial: Float32Array;
  readonly members: CompactMembers;
  /** Rows of every step. */
  readonly order: RowOrder;
  /** Rows that scores are taken over. */
  readonly scoring: RowOrder;
  /** Share of the part that one step is, and what is done. */
  private readonly share: number;
  private done = 0;

  constructor(
    readonly context: PartContext,
    readonly config: MethodRunConfig,
    readonly runs: readonly MethodRun[],
  ) {
    const { device, data } = context;
    const { repeat } = runs[0];
    this.widths = methodWidths(config);
    this.network = mlp(layerSizes(this.widths));
    this.steps = config.epochs * TRAINING.stepsPerEpoch;
    this.share = 1 / (this.steps * (config.method === 'lth' ? LTH_TRAININGS : 1));
    this.initial = initialParameters(config, runs);
    this.order = new RowOrder(data.rows, orderSeed(config, repeat, 'order'));
    this.scoring = new RowOrder(data.rows, orderSeed(config, repeat, 'scoring'));
    this.members = new CompactMembers(device, {
      ...{ data, widths: this.widths, order: this.order },
      rates: runs.map((run) => run.rate),
      schedules: runs.map((run) => run.schedule),
      start: freshState(this.initial, runs.length),
    });
  }

  async train(steps: number): Promise<void> {
    const { signal, progress } = this.context;
    const before = this.done;
    this.done += steps;
    await this.members.train(steps, {
      signal,
      progress: (share) => progress((before + share * steps) * this.share),
    });
  }

  /** Counts a step that nothing trains in. */
  skip(): void {
    this.members.skip();
    this.done++;
  }

  /** Masks with the bias rule, from masks of weights [runs, parameters]. */
  setMasks(masks: Float32Array): void {
    this.members.setMasks(maskBiases(this.widths, masks));
  }

  /** Present parameters; of what diverged, 0 in place of those that are not finite. */
  async values(): Promise<Float32Array> {
    const { values } = await this.members.state();
    return values.map((v) => (Number.isFinite(v) ? v : 0));
  }

  /** A population of some of the runs, the first ones of `values` being those of run `from`; the caller's to dispose. */
  population(values: Float32Array, from = 0, to = this.runs.length): Population {
    const { device } = this.context;
    const seeds = this.runs.slice(from, to).map((run) => run.seed);
    const population = new Population(device, this.network, to - from, { seeds });
    const parameters = mlpParameterCount(spiralShape(this.widths));
    writeModels(population, values.subarray(from * parameters, to * parameters));
    return population;
  }

  /**
   * Masks found before training, of the initial parameters: as many runs at a time as differentiating them twice has
   * room for.
   *
   * @param find gives a mask laid out like the population's parameters
   */
  async score(
    find: (population: Population, runs: readonly MethodRun[]) => Promise<{ mask: Tensor }>,
  ): Promise<Float32Array> {
    const { device, signal } = this.context;
    const blocks = populationBlocks(device, this.network, this.runs.length, {
      ...{ input: [2], batch: TRAINING.batch, slots: 2 },
      memory: SCORING_MEMORY,
    });
    const masks = new Float32Array(this.initial.length);
    const parameters = masks.length / this.runs.length;
    for (const { from, to } of blocks) {
      signal.throwIfAborted();
      const population = this.population(this.initial, from, to);
      try {
        const { mask } = await find(population, this.runs.slice(from, to));
        masks.set(await readModels(population, mask), from * parameters);
        mask.dispose();
      } finally {
        population.dispose();
      }
    }
    return masks;
  }

  dispose(): void {
    this.members.dispose();
  }
}
