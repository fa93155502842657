import { countShader } from '../../shaders/count.js';
import { noGrad } from '../autograd/node.js';
import type { Batch, Loader, LoaderState } from '../data/loader.js';
import { ORDER_STREAM } from '../data/row-order.js';
import { apply, constant, coord, input, scalar } from '../expr/expr.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { defineKernel } from '../gpu/kernel.js';
import { gather } from '../ops/gather.js';
import { generate, map } from '../ops/map.js';
import { permutation } from '../ops/random.js';
import { Generator } from '../random/generator.js';
import type { Seed } from '../tensor/philox.js';
import { keep, scope } from '../tensor/scope.js';
import { showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';

const countKernel = defineKernel<Record<string, never>>({ name: 'count', shader: countShader });

/**
 * Batches of one data set for a population whose models see it in orders of their own: model i gets the batches that a
 * `BatchLoader` of seeds[i] gives. A loader of a single model gives all of them the same batches, for less.
 */
export class PopulationLoader implements Loader {
  /** What tells training that batches have the axis of models. */
  readonly ownInputs = true;
  readonly batches: number;
  private readonly order: Tensor;
  private readonly counter: Tensor;
  private readonly generator: Generator;

  /**
   * @param inputs [n, ...] and @param targets [n, ...], borrowed
   * @throws ArgumentError unless the batch is a whole number from 1 to n
   */
  constructor(
    private readonly inputs: Tensor,
    private readonly targets: Tensor,
    readonly batch: number,
    private readonly seeds: readonly Seed[],
  ) {
    const op = 'PopulationLoader';
    const { device } = inputs;
    const n = inputs.shape[0];
    if (inputs.rank < 1 || targets.shape[0] !== n) throw new ShapeError(op, `${n} targets`, showShape(targets.shape));
    if (!Number.isInteger(batch) || batch < 1 || batch > n)
      throw new ArgumentError(op, `a batch from 1 to ${n}`, String(batch));
    this.batches = Math.floor(n / batch);
    this.generator = new Generator(device, seeds, { stream: ORDER_STREAM });
    this.order = keep(generate(op, device, [seeds.length, n], coord(1), [], 'i32'));
    this.counter = keep(generate(op, device, [1], constant(0, 'i32'), [], 'i32'));
  }

  shuffle(): void {
    const next = scope(() => noGrad(() => permutation(this.generator, this.order.shape[1])));
    const { stream } = this.order.device;
    stream.copy(next.binding('shuffle'), this.order.binding('shuffle'), this.order.bytes);
    next.dispose();
    this.counter.write([0]);
  }

  /** Inputs [models, batch, ...] and targets [models, batch, ...]. */
  next(): Batch {
    const at = apply('add', coord(1), apply('mul', input(0, 'i32'), apply('toI32', scalar(0))));
    const batch = scope(() =>
      noGrad(() => {
        const shape = [this.seeds.length, this.batch];
        const places = map([this.counter], at, { shape, scalars: [this.batch], op: 'PopulationLoader' });
        const rows = gather(this.order, places, 1, { batch: 1 });
        return { inputs: gather(this.inputs, rows), targets: gather(this.targets, rows) };
      }),
    );
    const bindings = [this.counter.binding('PopulationLoader')];
    this.counter.device.run(countKernel, {}, { bindings, params: [this.batches], grid: [1, 1, 1] });
    return batch;
  }

  async state(): Promise<LoaderState> {
    const { offsets } = await this.generator.state();
    return { shuffles: offsets[0], next: await this.counter.item(), draws: 0 };
  }

  restore({ shuffles, next }: LoaderState): void {
    const op = 'PopulationLoader.restore';
    if (!Number.isInteger(next) || next < 0 || next >= this.batches)
      throw new ArgumentError(op, `a next batch from 0 to ${this.batches - 1}`, String(next));
    if (!Number.isInteger(shuffles) || shuffles < 1)
      throw new ArgumentError(op, 'a state after the first shuffle', String(shuffles));
    // The order is a function of the seeds and the number of the shuffle that made it.
    this.generator.restore({
      seeds: this.seeds.map(BigInt),
      streams: this.seeds.map(() => ORDER_STREAM),
      offsets: this.seeds.map(() => shuffles - 1),
    });
    this.shuffle();
    this.counter.write([next]);
  }

  dispose(): void {
    this.order.dispose();
    this.counter.dispose();
    this.generator.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}
