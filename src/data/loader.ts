import { countShader } from '../../shaders/count.js';
import { noGrad } from '../autograd/node.js';
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

export interface Batch {
  inputs: Tensor;
  targets: Tensor;
}

/**
 * Batches of a data set that lives on the device, in an order shuffled there. The batch number is a device value, so
 * that `next` may stand in a compiled step: every replay takes the following batch. An epoch has floor(n / batch)
 * batches; what is left over changes with every shuffle.
 */
export class BatchLoader {
  readonly batches: number;
  private readonly order: Tensor;
  private readonly counter: Tensor;
  private readonly generator: Generator;

  /** @param inputs [n, ...] and @param targets [n, ...], borrowed */
  constructor(
    private readonly inputs: Tensor,
    private readonly targets: Tensor,
    readonly batch: number,
    options: { seed?: Seed } = {},
  ) {
    const op = 'BatchLoader';
    const n = inputs.shape[0];
    if (inputs.rank < 1 || targets.shape[0] !== n) throw new ShapeError(op, `${n} targets`, showShape(targets.shape));
    if (!Number.isInteger(batch) || batch < 1 || batch > n)
      throw new ArgumentError(op, `a batch from 1 to ${n}`, String(batch));
    this.batches = Math.floor(n / batch);
    this.order = keep(generate(op, inputs.device, [n], coord(0), [], 'i32'));
    this.counter = keep(generate(op, inputs.device, [1], constant(0, 'i32'), [], 'i32'));
    this.generator = new Generator(inputs.device, options.seed ?? 0, { stream: 0x6f726465 });
  }

  /** A new random order, beginning with batch 0. */
  shuffle(): void {
    const next = scope(() => noGrad(() => permutation(this.generator, this.order.size)));
    const { stream } = this.order.device;
    stream.copy(next.binding('shuffle'), this.order.binding('shuffle'), this.order.bytes);
    next.dispose();
    this.counter.write([0]);
  }

  /** The next batch: inputs [batch, ...] and targets [batch, ...]. After the last it starts over in the same order. */
  next(): Batch {
    const at = apply('add', coord(0), apply('mul', input(0, 'i32'), apply('toI32', scalar(0))));
    const batch = noGrad(() => {
      const places = map([this.counter], at, { shape: [this.batch], scalars: [this.batch], op: 'BatchLoader' });
      const rows = gather(this.order, places);
      return { inputs: gather(this.inputs, rows), targets: gather(this.targets, rows) };
    });
    const { device } = this.counter;
    device.run(
      countKernel,
      {},
      { bindings: [this.counter.binding('BatchLoader')], params: [this.batches], grid: [1, 1, 1] },
    );
    return batch;
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
