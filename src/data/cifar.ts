import { ArgumentError } from '../gpu/errors.js';
import { type DecodeOptions, Source } from '../sparse/files/source.js';
import { CIFAR10_NAMES } from './class-names.js';
import { type ImageSet, imageSet } from './image-set.js';
import { ByteArray, decodePickle, pickleText } from './pickle.js';

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
  const { source, classNames, limits } = opening('decodeCifar', file, format, options);
  const record = limits.length + CHANNELS * PIXELS;
  const count = Math.floor(file.length / record);
  if (count === 0 || file.length % record !== 0)
    throw source.error(`byte ${count * record}`, `a record of ${record} bytes`, `${file.length - count * record}`);
  const images = claimImages(source, count);
  const labels = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const at = i * record;
    limits.forEach((limit, b) => {
      const label = file[at + b];
      if (label >= limit) throw source.error(`byte ${at + b}`, `a label from 0 to ${limit - 1}`, `${label}`);
      labels[i] = label;
    });
    interleave(file.subarray(at + limits.length, at + record), images, i);
  }
  return cifarSet(format, images, labels, classNames);
}

/** Where the Python version keeps the labels. */
const LABEL_KEY = { cifar10: 'labels', cifar100: 'fine_labels' } as const;

/**
 * Reads a file of CIFAR's Python version: a pickled dictionary with `data`, u8 [n, 3072] of planes, and `labels` or
 * `fine_labels`. Nothing in it is executed.
 *
 * @throws FormatError where it holds anything else than such a dictionary, or a label that is no class
 * @throws ArgumentError as `decodeCifar`
 */
export function decodeCifarPickle(file: Uint8Array, format: CifarFormat, options: CifarOptions = {}): ImageSet {
  const { source, classNames } = opening('decodeCifarPickle', file, format, options);
  const dict = decodePickle(file, options);
  const key = LABEL_KEY[format];
  const [data, labels] = [dict.get('data'), dict.get(key)];
  const planes = CHANNELS * PIXELS;
  if (!(data instanceof ByteArray) || data.shape.length !== 2 || data.shape[1] !== planes)
    throw source.error(
      'data',
      `an array of bytes [n, ${planes}]`,
      data instanceof ByteArray ? data.shape.join() : 'none',
    );
  const count = data.shape[0];
  if (count === 0 || !Array.isArray(labels) || labels.length !== count)
    throw source.error(key, `${Math.max(1, count)} labels`, Array.isArray(labels) ? `${labels.length}` : 'none');
  const images = claimImages(source, count);
  for (let i = 0; i < count; i++) interleave(data.data.subarray(i * planes, (i + 1) * planes), images, i);
  const checked = Int32Array.from(labels, (label, i) => {
    if (typeof label === 'number' && label >= 0 && label < classNames.length) return label;
    throw source.error(`${key} ${i}`, `a label from 0 to ${classNames.length - 1}`, String(label));
  });
  return cifarSet(format, images, checked, classNames);
}

/** The names of the classes in the Python version's `batches.meta` or `meta`. @throws FormatError where it has others */
export function decodeCifarNames(file: Uint8Array, format: CifarFormat, options: DecodeOptions = {}): string[] {
  const key = format === 'cifar10' ? 'label_names' : 'fine_label_names';
  const found = decodePickle(file, options).get(key);
  const names = Array.isArray(found) ? found.map(pickleText) : [];
  const count = LABELS[format][LABELS[format].length - 1];
  if (names.length !== count || names.includes(null))
    throw Source.of(file, 'pickle', options).error(key, `${count} names`, `${names.length}`);
  return names as string[];
}

function opening(op: string, file: Uint8Array, format: CifarFormat, options: CifarOptions) {
  if (!Object.hasOwn(LABELS, format)) throw new ArgumentError(op, Object.keys(LABELS).join(' or '), String(format));
  const limits: readonly number[] = LABELS[format];
  const classes = limits[limits.length - 1];
  const numbers = Array.from({ length: classes }, (_, label) => String(label));
  const { classNames = format === 'cifar10' ? CIFAR10_NAMES : numbers } = options;
  if (classNames.length !== classes) throw new ArgumentError(op, `${classes} class names`, `${classNames.length}`);
  return { source: Source.of(file, format, options), limits, classNames };
}

function claimImages(source: Source, count: number): Uint8Array {
  const bytes = count * PIXELS * CHANNELS;
  source.claim(bytes, 'byte 0', `${bytes} bytes of pixels`);
  return new Uint8Array(bytes);
}

/** Planes of one image to pixels of image i. */
function interleave(planes: Uint8Array, images: Uint8Array, i: number): void {
  for (let c = 0; c < CHANNELS; c++)
    for (let p = 0; p < PIXELS; p++) images[(i * PIXELS + p) * CHANNELS + c] = planes[c * PIXELS + p];
}

function cifarSet(name: CifarFormat, images: Uint8Array, labels: Int32Array, classNames: readonly string[]): ImageSet {
  const size = { count: labels.length, height: SIDE, width: SIDE, channels: CHANNELS };
  return imageSet({ name, ...size, images, white: 255, labels, classNames });
}
