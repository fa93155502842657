import { noGrad } from '../autograd/node.js';
import { ShapeError } from '../gpu/errors.js';
import { gather } from '../ops/gather.js';
import { Generator } from '../random/generator.js';
import type { Seed } from '../tensor/philox.js';
import { scope } from '../tensor/scope.js';
import { showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Batch } from './batch.js';
import type { Augmentation, Dataset } from './dataset.js';
import { type OrderState, RowOrder } from './row-order.js';

export type { Batch };

/** Shuffled batches of a data set on the device, what training takes. */
export interface Loader {
  /** Whole batches in an epoch; what is left over changes with every shuffle. */
  readonly batches: number;
  readonly batch: number;
  /** A new random order, beginning with batch 0. */
  shuffle(): void;
  /** The next batch; after the last it starts over in the same order. May stand in a compiled step. */
  next(): Batch;
  /** Reads back where the loader stands, for checkpoints. */
  state(): Promise<LoaderState>;
  /** Goes to a state read earlier from a loader of the same seed, data and batch. */
  restore(state: LoaderState): void;
  dispose(): void;
}

export interface LoaderState extends OrderState {
  /** Draws made for augmentation. */
  draws: number;
}

/**
 * Batches of a data set that lives on the device, in an order shuffled there. The batch number is a device value, so
 * that `next` may stand in a compiled step: every replay takes the following batch. An epoch has floor(n / batch)
 * batches; what is left over changes with every shuffle.
 */
export class BatchLoader implements Loader {
  private readonly order: RowOrder;

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
    this.order = new RowOrder(op, inputs.device, n, batch, options.seed ?? 0);
  }

  get batches(): number {
    return this.order.batches;
  }

  shuffle(): void {
    this.order.shuffle();
  }

  /** The next batch: inputs [batch, ...] and targets [batch, ...]. After the last it starts over in the same order. */
  next(): Batch {
    return scope(() =>
      noGrad(() => {
        const rows = this.order.next();
        return { inputs: gather(this.inputs, rows), targets: gather(this.targets, rows) };
      }),
    );
  }

  async state(): Promise<LoaderState> {
    return { ...(await this.order.state()), draws: 0 };
  }
  restore(state: LoaderState): void {
    this.order.restore(state);
  }

  dispose(): void {
    this.order.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Random stream of augmentation, apart from all other uses of a seed. */
const AUGMENT_STREAM = 0x61756768;

/** As `BatchLoader`, for images kept as bytes: batches are cut out, mirrored and normalised in one kernel. */
export class ImageLoader implements Loader {
  private readonly order: RowOrder;
  private readonly generator: Generator;
  private readonly seed: Seed;
  private readonly augmentation: Augmentation;

  /** @param data borrowed */
  constructor(
    private readonly data: Dataset,
    readonly batch: number,
    { seed = 0, augmentation = {} }: { seed?: Seed; augmentation?: Augmentation } = {},
  ) {
    this.seed = seed;
    this.augmentation = augmentation;
    this.order = new RowOrder('ImageLoader', data.device, data.count, batch, seed);
    this.generator = new Generator(data.device, seed, { stream: AUGMENT_STREAM });
  }

  get batches(): number {
    return this.order.batches;
  }

  shuffle(): void {
    this.order.shuffle();
  }

  /** The next batch: inputs f32 [batch, height, width, channels], normalised, and targets i32 [batch]. */
  next(): Batch {
    return scope(() => this.data.batch(this.order.next(), this.augmentation, this.generator));
  }

  async state(): Promise<LoaderState> {
    const { offsets } = await this.generator.state();
    return { ...(await this.order.state()), draws: offsets[0] };
  }

  restore(state: LoaderState): void {
    this.order.restore(state);
    this.generator.restore({ seeds: [BigInt(this.seed)], streams: [AUGMENT_STREAM], offsets: [state.draws] });
  }

  dispose(): void {
    this.order.dispose();
    this.generator.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}
