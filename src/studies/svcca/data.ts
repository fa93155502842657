import {
  type ChannelStatistics,
  channelStatistics,
  Dataset,
  digitImages,
  generateShapes,
  type ImageSet,
  resizeImages,
  splitImages,
} from '../../data/index.js';
import { openDataset } from '../../data/node.js';
import type { Device } from '../../gpu/device.js';
import { ArgumentError } from '../../gpu/errors.js';
import { canonicalJson } from '../../store/canonical.js';
import { keep, scope } from '../../tensor/scope.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { RunContext } from '../study.js';
import type { DataConfig } from './config.js';

/** What is known of a data set before it is read. */
export interface DataShape {
  readonly image: readonly [height: number, width: number, channels: number];
  readonly classes: number;
  /** Null where all images there are take part. */
  readonly train: number | null;
  readonly test: number | null;
}

/** Images as they are drawn or stored. */
const ORIGINALS: Record<DataConfig['source'], { side: number; channels: number; classes: number }> = {
  digits: { side: 28, channels: 1, classes: 10 },
  shapes: { side: 32, channels: 3, classes: 10 },
  mnist: { side: 28, channels: 1, classes: 10 },
  'fashion-mnist': { side: 28, channels: 1, classes: 10 },
  cifar10: { side: 32, channels: 3, classes: 10 },
  cifar100: { side: 32, channels: 3, classes: 100 },
};

/** @throws ArgumentError for images that would have to be larger than they are */
export function dataShape({ source, size, train, test }: DataConfig): DataShape {
  const { side, channels, classes } = ORIGINALS[source];
  if (size !== null && size > side)
    throw new ArgumentError('svcca', `data.size up to ${side} for ${source}`, String(size));
  return { image: [size ?? side, size ?? side, channels], classes, train, test };
}

/** Training and test images on the host, as a configuration asks for them. */
async function openImages(data: DataConfig, root: string | null): Promise<{ train: ImageSet; test: ImageSet }> {
  const [height, width] = dataShape(data).image;
  const sized = (set: ImageSet) => resizeImages(set, height, width);
  if (!('validation' in data)) {
    const make = data.source === 'digits' ? digitImages : generateShapes;
    const draw = (count: number, split: 'train' | 'test') => sized(make({ count, split, seed: data.seed }));
    return { train: draw(data.train, 'train'), test: draw(data.test, 'test') };
  }
  const opened = await openDataset(data.source, root === null ? {} : { root });
  const rest = data.validation > 0 ? splitImages(opened.train, data.validation, data.seed).rest : opened.train;
  const part = (set: ImageSet, count: number | null) =>
    sized(count === null ? set : splitImages(set, count, data.seed).taken);
  return { train: part(rest, data.train), test: part(opened.test, data.test) };
}

/** A data set of the study in a device's memory. */
export class StudyData {
  readonly train: Dataset;
  /** All test images as they are: inputs f32 [n, h, w, channels], targets i32 [n]. */
  readonly inputs: Tensor;
  readonly targets: Tensor;

  constructor(device: Device, train: ImageSet, test: ImageSet) {
    const statistics: ChannelStatistics = channelStatistics(train);
    this.train = new Dataset(device, train, { statistics });
    const set = new Dataset(device, test, { statistics });
    const { inputs, targets } = set.range(0, set.count);
    this.inputs = keep(inputs);
    this.targets = keep(targets);
    set.dispose();
  }

  /** Hands the first training images, normalised, to a function. */
  async withTraining<T>(count: number, f: (inputs: Tensor) => Promise<T>): Promise<T> {
    const { inputs, targets } = scope(() => this.train.range(0, Math.min(count, this.train.count)));
    try {
      return await f(inputs);
    } finally {
      inputs.dispose();
      targets.dispose();
    }
  }

  dispose(): void {
    for (const owned of [this.train, this.inputs, this.targets]) owned.dispose();
  }
}

/** The data set of a run, read once a device. */
export function studyData(context: RunContext, data: DataConfig): Promise<StudyData> {
  return context.shared(`svcca data ${canonicalJson(data)}`, async () => {
    const { train, test } = await openImages(data, context.dataRoot);
    return new StudyData(context.device, train, test);
  });
}
