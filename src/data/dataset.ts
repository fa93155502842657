import { type ImageBatchSpec, imageBatchShader } from '../../shaders/image-batch.js';
import { noGrad } from '../autograd/node.js';
import { apply, coord, scalar } from '../expr/expr.js';
import type { Device } from '../gpu/device.js';
import { ArgumentError, DTypeError, LimitError, ShapeError } from '../gpu/errors.js';
import { defineKernel } from '../gpu/kernel.js';
import { gather } from '../ops/gather.js';
import { STRIDE_WORKGROUP, strideGrid } from '../ops/grid-stride.js';
import { generate } from '../ops/map.js';
import { randomBits } from '../ops/random.js';
import type { Generator } from '../random/generator.js';
import { keep, scope } from '../tensor/scope.js';
import { showShape } from '../tensor/shape.js';
import { Tensor, tensor } from '../tensor/tensor.js';
import type { Batch } from './batch.js';
import { type ChannelStatistics, channelStatistics, type ImageSet, imageSet } from './image-set.js';

const imageBatchKernel = defineKernel<ImageBatchSpec>({ name: 'image batch', shader: imageBatchShader });

/** Random changes to images, made on the device while a batch is put together. */
export interface Augmentation {
  /** Pad by so many black pixels on each side and cut out a window of the image's size at random; default 0. */
  readonly crop?: number;
  /** Mirror half of the images left to right; default false. */
  readonly flip?: boolean;
}

/** What training on CIFAR customarily uses: crops with padding 4, and flips. */
export const CIFAR_AUGMENTATION: Augmentation = { crop: 4, flip: true };

const MOST_PARTS = 4;
/** The greatest shift whose random choice fits the kernel's arithmetic. */
const MOST_CROP = 1000;

export interface DatasetOptions {
  /** What is subtracted and divided by, a channel; by default the set's own. A test set takes its training set's. */
  statistics?: ChannelStatistics;
  /** Most bytes in one buffer; by default the device's limit. Larger sets are spread over up to four. */
  partBytes?: number;
}

/**
 * Labelled images that live on a device, a byte a value. Batches come out as f32 [batch, height, width, channels] with
 * (value - mean) / std a channel, values being from 0 (black) to 1, and labels as i32 [batch]. It outlives scopes:
 * `dispose` it when done.
 */
export class Dataset {
  readonly name: string;
  readonly count: number;
  /** Height, width, channels. */
  readonly shape: readonly [number, number, number];
  readonly classNames: readonly string[];
  readonly statistics: ChannelStatistics;
  /** i32 [count]. */
  readonly labels: Tensor;
  private readonly parts: Tensor[];
  private readonly words: number;
  private readonly perPart: number;
  private readonly affine: number[];

  /**
   * Uploads the images.
   *
   * @throws ArgumentError for a set without images, or statistics that are not one number (std: > 0) a channel
   * @throws LimitError for images of more than four buffers
   */
  constructor(
    readonly device: Device,
    set: ImageSet,
    { statistics = channelStatistics(set), partBytes = device.limits.maxBinding }: DatasetOptions = {},
  ) {
    const { count, height, width, channels } = imageSet(set);
    if (count === 0) throw new ArgumentError('Dataset', 'at least one image', 'none');
    this.name = set.name;
    this.count = count;
    this.shape = [height, width, channels];
    this.classNames = set.classNames;
    this.statistics = statistics;
    this.affine = affineOf(set, statistics);
    const bytes = height * width * channels;
    this.words = Math.ceil(bytes / 4);
    this.perPart = Math.floor(partBytes / (4 * this.words));
    if (this.perPart * MOST_PARTS < count)
      throw new LimitError('Dataset', 'bytes of images', this.perPart * MOST_PARTS * 4 * this.words, count * bytes);
    this.parts = [];
    try {
      for (let from = 0; from < count; from += this.perPart)
        this.parts.push(uploadPart(device, set, from, Math.min(count, from + this.perPart), this.words));
      this.labels = keep(tensor(device, set.labels));
    } catch (error) {
      for (const part of this.parts) part.dispose();
      throw error;
    }
  }

  /** The bytes that the images and labels take on the device. */
  get bytes(): number {
    return this.parts.reduce((sum, part) => sum + part.bytes, this.labels.bytes);
  }

  /**
   * The images and labels of the given rows, i32 [batch] on the device, each in [0, count). With a generator of random
   * numbers they are augmented; it makes one draw. May stand in a compiled step.
   *
   * @throws ShapeError or DTypeError for other rows, ArgumentError for an augmentation without a generator or a crop
   * that is no whole number from 0 to 1000
   */
  batch(rows: Tensor, augmentation: Augmentation = {}, generator: Generator | null = null): Batch {
    const op = 'Dataset.batch';
    const { crop = 0, flip = false } = augmentation;
    if (rows.dtype !== 'i32') throw new DTypeError(op, 'rows of dtype i32', rows.dtype);
    if (rows.rank !== 1) throw new ShapeError(op, 'rows [batch]', showShape(rows.shape));
    if (!Number.isInteger(crop) || crop < 0 || crop > MOST_CROP)
      throw new ArgumentError(op, `a crop from 0 to ${MOST_CROP}`, String(crop));
    if ((crop > 0 || flip) && generator === null)
      throw new ArgumentError(op, 'a generator for the augmentation', 'none');
    return noGrad(() =>
      scope(() => {
        const bits = crop > 0 || flip ? randomBits(generator!, [rows.size, 2]) : null;
        const inputs = Tensor.empty(op, this.device, 'f32', [rows.size, ...this.shape]);
        if (rows.size > 0) this.launch(op, rows, bits, { crop, flip }, inputs);
        return { inputs, targets: gather(this.labels, rows) };
      }),
    );
  }

  /**
   * The images [from, to) as they are, for evaluation.
   *
   * @throws ArgumentError unless 0 <= from <= to <= count
   */
  range(from: number, to: number): Batch {
    if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to < from || to > this.count)
      throw new ArgumentError('Dataset.range', `0 <= from <= to <= ${this.count}`, `${from} and ${to}`);
    const place = apply('add', coord(0), apply('toI32', scalar(0)));
    return scope(() => this.batch(generate('Dataset.range', this.device, [to - from], place, [from], 'i32')));
  }

  private launch(op: string, rows: Tensor, bits: Tensor | null, augmentation: Required<Augmentation>, out: Tensor) {
    const { crop, flip } = augmentation;
    const [height, width, channels] = this.shape;
    this.device.run(
      imageBatchKernel,
      { channels, parts: this.parts.length, crop: crop > 0, flip, workgroup: STRIDE_WORKGROUP },
      {
        bindings: [...this.parts, rows, ...(bits ? [bits] : []), out].map((t) => t.binding(op)),
        params: [rows.size, height, width, this.words, this.perPart, crop, ...this.affine],
        grid: strideGrid(this.device, rows.size * height * width),
        cost: { flops: 2 * out.size, bytes: 5 * out.size },
      },
    );
  }

  dispose(): void {
    for (const part of this.parts) part.dispose();
    this.labels.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Scale and shift of each channel in turn, so that byte * scale + shift = (byte / white - mean) / std. */
function affineOf({ channels, white }: ImageSet, { mean, std }: ChannelStatistics): number[] {
  const sound = (values: readonly number[], positive: boolean) =>
    values.length === channels && values.every((v) => Number.isFinite(v) && (!positive || v > 0));
  if (!sound(mean, false)) throw new ArgumentError('Dataset', `${channels} finite means`, mean.join(', '));
  if (!sound(std, true)) throw new ArgumentError('Dataset', `${channels} standard deviations > 0`, std.join(', '));
  return mean.flatMap((m, c) => [1 / (white * std[c]), -m / std[c]]);
}

/** Some images as whole words, the first byte lowest. */
function uploadPart(device: Device, set: ImageSet, from: number, to: number, words: number): Tensor {
  const per = set.images.length / set.count;
  const packed = new Uint8Array((to - from) * words * 4);
  for (let i = from; i < to; i++) packed.set(set.images.subarray(i * per, (i + 1) * per), (i - from) * words * 4);
  return keep(tensor(device, new Uint32Array(packed.buffer), { dtype: 'u32', shape: [to - from, words] }));
}
