import type { Device } from '../../../gpu/device.js';
import { MlpPopulation } from '../../../population/index.js';
import { SCHEDULES } from '../enumerate.js';
import type { MemberState, Members, MembersOptions, MemberTraining } from './members.js';
import { scheduleFactor, spiralShape, TRAINING } from './setting.js';

/** Members in the fused kernel, which does many steps a launch. */
export class FusedMembers implements Members {
  readonly fallback = null;
  readonly count: number;
  private readonly population: MlpPopulation;
  private batch: number;

  constructor(
    device: Device,
    private readonly options: MembersOptions,
  ) {
    const { widths, rates, schedules, start, masks } = options;
    const { momentum, weightDecay } = TRAINING;
    this.count = rates.length;
    this.batch = options.firstBatch ?? 0;
    this.population = new MlpPopulation(device, {
      ...spiralShape(widths),
      ...{ count: rates.length, weights: start.values },
      optimiser: { rule: 'sgd', lr: rates, momentum, weightDecay },
      schedules: SCHEDULES.map(scheduleFactor),
      scheduleOf: schedules.map((name) => SCHEDULES.indexOf(name)),
    });
    this.population.restoreModels(start.steps, [start.values, start.momenta], start.divergedAt);
    if (masks) this.population.setMasks(masks);
  }

  get steps(): number {
    return this.population.steps;
  }

  async train(steps: number, { signal, progress }: MemberTraining = {}): Promise<void> {
    const { data, order } = this.options;
    const batches = order.batches(this.batch, steps);
    await this.population.train({ data, steps, batches, signal, progress: (done) => progress?.(done / steps) });
    this.batch += steps;
  }

  skip(): void {
    this.population.skip();
    this.batch++;
  }

  async state(): Promise<MemberState> {
    const [values, momenta] = await this.population.models();
    const { divergedAt } = await this.population.outcome();
    return { steps: this.steps, values, momenta, divergedAt };
  }

  setMasks(masks: ArrayLike<number>): void {
    this.population.setMasks(masks);
  }

  restart(values: Float32Array): void {
    this.population.restart(values);
  }

  evaluate(): Promise<{ accuracy: ArrayLike<number>; loss: ArrayLike<number> }> {
    return this.population.evaluate(this.options.data);
  }

  dispose(): void {
    this.population.dispose();
  }
}
