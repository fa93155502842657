import { ArgumentError } from '../gpu/errors.js';
import { type DecodeOptions, Source } from '../sparse/files/source.js';
import { CIFAR10_NAMES } from './class-names.js';
import { type ImageSet, imageSet } from './image-set.js';

const SIDE = 32;
const PIXELS = SIDE * SIDE;
const CHANNELS = 3;

/** Limits of a record's label bytes, the last one being the class: CIFAR-100 has one of 20 superclasses before it. */
const LABELS = { cifar10: [10], cifar100: [20, 100] } as const;

export type CifarFormat = keyof typeof LABELS;

export interface CifarOptions extends DecodeOptions {
  /** One a class, in the labels' order. Default: CIFAR-10's own; for CIFAR-100 the numbers. */
  classNames?: readonly string[];
}

/**
 * Reads a file of CIFAR's binary layout: records of one label (CIFAR-100: superclass and class) and 32x32 pixels, all red
 * bytes, all green ones, all blue ones. The images come out with channels last.
 *
 * @throws FormatError for a file that does not consist of whole records, or a label that is no class
 * @throws ArgumentError for an unknown format, or class names that are not as many as the classes
 */
export function decodeCifar(file: Uint8Array, format: CifarFormat, options: CifarOptions = {}): ImageSet {
  const op = 'decodeCifar';
  if (!Object.hasOwn(LABELS, format)) throw new ArgumentError(op, Object.keys(LABELS).join(' or '), String(format));
  const source = Source.of(file, format, options);
  const limits = LABELS[format];
  const classes = limits[limits.length - 1];
  const numbers = Array.from({ length: classes }, (_, label) => String(label));
  const { classNames = format === 'cifar10' ? CIFAR10_NAMES : numbers } = options;
  if (classNames.length !== classes) throw new ArgumentError(op, `${classes} class names`, `${classNames.length}`);
  const record = limits.length + CHANNELS * PIXELS;
  const count = Math.floor(file.length / record);
  if (count === 0 || file.length % record !== 0)
    throw source.error(`byte ${count * record}`, `a record of ${record} bytes`, `${file.length - count * record}`);
  const bytes = count * PIXELS * CHANNELS;
  source.claim(bytes, 'byte 0', `${bytes} bytes of pixels`);
  const images = new Uint8Array(bytes);
  const labels = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const at = i * record;
    limits.forEach((limit, b) => {
      const label = file[at + b];
      if (label >= limit) throw source.error(`byte ${at + b}`, `a label from 0 to ${limit - 1}`, `${label}`);
      labels[i] = label;
    });
    for (let c = 0; c < CHANNELS; c++) {
      const plane = at + limits.length + c * PIXELS;
      for (let p = 0; p < PIXELS; p++) images[(i * PIXELS + p) * CHANNELS + c] = file[plane + p];
    }
  }
  const size = { count, height: SIDE, width: SIDE, channels: CHANNELS };
  return imageSet({ name: format, ...size, images, white: 255, labels, classNames });
}
