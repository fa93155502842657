export { type CifarFormat, type CifarOptions, decodeCifar, decodeCifarPickle } from './cifar.js';
export { CIFAR10_NAMES, DIGIT_NAMES, decodeClassNames, FASHION_NAMES, KMNIST_NAMES } from './class-names.js';
export { type Augmentation, CIFAR_AUGMENTATION, Dataset, type DatasetOptions } from './dataset.js';
export { digitImages } from './digit-images.js';
export { type DigitOptions, type DigitSet, type DigitSplit, generateDigits } from './digits.js';
export { decodeDigitsCsv } from './digits-csv.js';
export { decodeIdx, decodeIdxImages, type IdxArray, type IdxFiles } from './idx.js';
export {
  type ChannelStatistics,
  channelStatistics,
  concatImages,
  firstOfClasses,
  type ImageSet,
  imageSet,
  splitImages,
  takeImages,
} from './image-set.js';
export { type Batch, BatchLoader, ImageLoader, type Loader, type LoaderState } from './loader.js';
export { resizeImages } from './resize.js';
export { generateShapes, SHAPE_NAMES, type ShapeOptions } from './shapes.js';
