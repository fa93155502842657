import { noGrad } from '../../../autograd/node.js';
import { type CompiledStep, compile } from '../../../compile/compile.js';
import { apply, constant } from '../../../expr/expr.js';
import type { Device } from '../../../gpu/device.js';
import { mlp } from '../../../nn/zoo/mlp.js';
import { stack } from '../../../ops/concat.js';
import { bceWithLogits } from '../../../ops/losses.js';
import { fuse } from '../../../ops/pointwise.js';
import { sum } from '../../../ops/reductions.js';
import { slice } from '../../../ops/slice.js';
import {
  Population,
  type PopulationLoss,
  type PopulationOptimiser,
  populationSgd,
  populationStep,
  readModels,
  writeModels,
} from '../../../population/index.js';
import { zeroOutside } from '../../../prune/mask-driver.js';
import { scope } from '../../../tensor/scope.js';
import { type Tensor, tensor } from '../../../tensor/tensor.js';
import type { MemberState, Members, MembersOptions, MemberTraining } from './members.js';
import { scheduleFactor, TRAINING } from './setting.js';
import { rowsAt, tableOf } from './spiral-batches.js';

/** Steps between two waits for the device. */
const STEPS_AT_ONCE = 16;
/** Most activations of a layer that evaluation has at a time. */
const ACTIVATIONS = 2 ** 22;

const spiralLoss: PopulationLoss = (population, { inputs, targets }) =>
  bceWithLogits(population.forward(inputs, { training: true }), targets, { leading: 1 });

/** Members by the ordinary path: a population of any width, one compiled step for all of them. */
export class OrdinaryMembers implements Members {
  readonly count: number;
  private readonly population: Population;
  private readonly optimiser: PopulationOptimiser;
  private readonly mask: Tensor;
  private readonly step: CompiledStep<[Tensor], void>;
  private done = 0;
  private batch: number;
  /** Rates that the optimiser has, one text. */
  private rates = '';

  constructor(
    private readonly device: Device,
    private readonly options: MembersOptions,
    readonly fallback: string,
  ) {
    const { data, widths, rates, start, masks } = options;
    this.count = rates.length;
    this.batch = options.firstBatch ?? 0;
    this.population = new Population(device, mlp([2, ...widths, 1]), this.count);
    const { momentum, weightDecay } = TRAINING;
    this.optimiser = populationSgd(this.population, { lr: rates, momentum, weightDecay });
    this.mask = this.population.parameters.like(1);
    this.optimiser.setMask(this.mask);
    this.step = compile(device, (places) => {
      populationStep(this.population, this.optimiser, rowsAt(data, places), { loss: spiralLoss });
    });
    this.restore(start);
    if (masks) this.setMasks(masks);
  }

  get steps(): number {
    return this.done;
  }

  async train(steps: number, { signal, progress }: MemberTraining = {}): Promise<void> {
    const { size, order } = this.options.order.batches(this.batch, steps);
    for (let s = 0; s < steps; s++) {
      if (s % STEPS_AT_ONCE === 0) {
        await this.device.sync();
        signal?.throwIfAborted();
        progress?.(s / steps);
      }
      this.setRates();
      const places = tensor(this.device, Int32Array.from(order.subarray(s * size, (s + 1) * size)));
      this.step(places);
      places.dispose();
      this.done++;
    }
    this.batch += steps;
    await this.device.sync();
    progress?.(1);
  }

  skip(): void {
    this.done++;
    this.batch++;
    this.optimiser.tensors.get('steps')!.write(new Uint32Array(this.count).fill(this.done));
  }

  async state(): Promise<MemberState> {
    const [values, momenta, stopped] = await Promise.all([
      readModels(this.population),
      readModels(this.population, this.optimiser.slots[0]),
      this.optimiser.stoppedAt(),
    ]);
    return { steps: this.done, values, momenta, divergedAt: Float64Array.from(stopped, (step) => step - 1) };
  }

  setMasks(masks: ArrayLike<number>): void {
    writeModels(this.population, masks, this.mask);
    this.applyMasks();
  }

  restart(values: Float32Array): void {
    this.restore({
      steps: 0,
      values,
      momenta: new Float32Array(values.length),
      divergedAt: new Float64Array(this.count).fill(-1),
    });
    this.applyMasks();
  }

  async evaluate(): Promise<{ accuracy: number[]; loss: number[] }> {
    const { data, widths } = this.options;
    const { count } = this;
    const chunk = Math.max(1, Math.floor(ACTIVATIONS / (count * Math.max(...widths))));
    const parts: Tensor[] = [];
    for (let from = 0; from < data.rows; from += chunk) {
      const rows = [from, Math.min(data.rows, from + chunk)] as const;
      parts.push(scope(() => noGrad(() => this.score(...rows))));
      if (parts.length % STEPS_AT_ONCE === 0) await this.device.sync();
    }
    const all = scope(() => stack(parts));
    for (const t of parts) t.dispose();
    const sums = await all.data();
    all.dispose();
    const total = (k: number, m: number) => parts.reduce((n, _, p) => n + sums[(2 * p + k) * count + m], 0) / data.rows;
    const each = Array.from({ length: count }, (_, m) => m);
    return { accuracy: each.map((m) => total(0, m)), loss: each.map((m) => total(1, m)) };
  }

  dispose(): void {
    this.step.dispose();
    this.optimiser.dispose();
    this.mask.dispose();
    this.population.dispose();
  }

  /** Right predictions and the sum of losses over some rows: [2, count]. */
  private score(from: number, to: number): Tensor {
    const table = tableOf(this.options.data);
    const inputs = slice(table, [from, 0], [to, 2]);
    const targets = slice(table, [from, 2], [to, 3]);
    const logits = this.population.forward(inputs);
    const zero = constant(0);
    const right = fuse(
      (x, t) => apply('toF32', apply('eq', apply('gt', x, zero), apply('gt', t, zero))),
      [logits, targets],
    );
    return stack([sum(right, [1, 2]), bceWithLogits(logits, targets, { leading: 1, reduction: 'sum' })]);
  }

  /** Gives the optimiser the rates of the next step: they change from epoch to epoch only. */
  private setRates(): void {
    const { rates, schedules } = this.options;
    const now = rates.map((rate, m) => rate * scheduleFactor(schedules[m]).factor(this.done));
    if (now.join() === this.rates) return;
    this.rates = now.join();
    this.optimiser.setLearningRate(now);
  }

  private applyMasks(): void {
    for (const flat of [this.population.parameters.flat, ...this.optimiser.slots]) zeroOutside(flat, this.mask);
  }

  private restore({ steps, values, momenta, divergedAt }: MemberState): void {
    writeModels(this.population, values);
    writeModels(this.population, momenta, this.optimiser.slots[0]);
    this.optimiser.tensors.get('steps')!.write(new Uint32Array(this.count).fill(steps));
    this.optimiser.tensors.get('stopped')!.write(Uint32Array.from(divergedAt, (step) => step + 1));
    this.done = steps;
  }
}
