import { countShader } from '../../shaders/count.js';
import { noGrad } from '../autograd/node.js';
import { apply, constant, coord, input, scalar } from '../expr/expr.js';
import type { Device } from '../gpu/device.js';
import { ArgumentError } from '../gpu/errors.js';
import { defineKernel } from '../gpu/kernel.js';
import { gather } from '../ops/gather.js';
import { generate, map } from '../ops/map.js';
import { permutation } from '../ops/random.js';
import { Generator } from '../random/generator.js';
import type { Seed } from '../tensor/philox.js';
import { keep, scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';

const countKernel = defineKernel<Record<string, never>>({ name: 'count', shader: countShader });

/** Where a loader stands: enough to go on with the same batches. */
export interface OrderState {
  /** Number of shuffles made. */
  shuffles: number;
  /** Number of the next batch. */
  next: number;
}

/**
 * The rows of a data set in a random order, a batch at a time. The batch number is a device value, so that `next` may
 * stand in a compiled step: every replay takes the following batch.
 */
export class RowOrder {
  /** Whole batches in an epoch; the rows left over change with every shuffle. */
  readonly batches: number;
  private readonly order: Tensor;
  private readonly counter: Tensor;
  private readonly generator: Generator;

  /** @throws ArgumentError unless the batch is a whole number from 1 to n */
  constructor(
    private readonly op: string,
    device: Device,
    n: number,
    readonly batch: number,
    private readonly seed: Seed,
  ) {
    if (!Number.isInteger(batch) || batch < 1 || batch > n)
      throw new ArgumentError(op, `a batch from 1 to ${n}`, String(batch));
    this.batches = Math.floor(n / batch);
    this.order = keep(generate(op, device, [n], coord(0), [], 'i32'));
    this.counter = keep(generate(op, device, [1], constant(0, 'i32'), [], 'i32'));
    this.generator = new Generator(device, seed, { stream: ORDER_STREAM });
  }

  /** A new random order, beginning with batch 0. */
  shuffle(): void {
    const next = scope(() => noGrad(() => permutation(this.generator, this.order.size)));
    const { stream } = this.order.device;
    stream.copy(next.binding('shuffle'), this.order.binding('shuffle'), this.order.bytes);
    next.dispose();
    this.counter.write([0]);
  }

  /** The rows of the next batch, i32 [batch]. After the last it starts over in the same order. */
  next(): Tensor {
    const at = apply('add', coord(0), apply('mul', input(0, 'i32'), apply('toI32', scalar(0))));
    const rows = scope(() =>
      noGrad(() => {
        const places = map([this.counter], at, { shape: [this.batch], scalars: [this.batch], op: this.op });
        return gather(this.order, places);
      }),
    );
    this.counter.device.run(
      countKernel,
      {},
      { bindings: [this.counter.binding(this.op)], params: [this.batches], grid: [1, 1, 1] },
    );
    return rows;
  }

  /** Reads back where the order stands. */
  async state(): Promise<OrderState> {
    const { offsets } = await this.generator.state();
    return { shuffles: offsets[0], next: await this.counter.item() };
  }

  /** Goes to a state read earlier from an order of the same seed, rows and batch. */
  restore({ shuffles, next }: OrderState): void {
    if (!Number.isInteger(next) || next < 0 || next >= this.batches)
      throw new ArgumentError(`${this.op}.restore`, `a next batch from 0 to ${this.batches - 1}`, String(next));
    if (!Number.isInteger(shuffles) || shuffles < 1)
      throw new ArgumentError(`${this.op}.restore`, 'a state after the first shuffle', String(shuffles));
    // The order is a function of the seed and the number of the shuffle that made it.
    this.generator.restore({ seeds: [BigInt(this.seed)], streams: [ORDER_STREAM], offsets: [shuffles - 1] });
    this.shuffle();
    this.counter.write([next]);
  }

  dispose(): void {
    this.order.dispose();
    this.counter.dispose();
    this.generator.dispose();
  }
}

/** Random stream of the orders, apart from all other uses of a seed. */
export const ORDER_STREAM = 0x6f726465;
