import { ArgumentError } from '../gpu/errors.js';
import { philoxPermutation, type Seed } from '../tensor/philox.js';

/** Labelled images on the host. */
export interface ImageSet {
  readonly name: string;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** 1 (grey), 3 (red, green, blue), or 2 and 4 with opacity. */
  readonly channels: number;
  /** count x height x width x channels, row major. */
  readonly images: Uint8Array;
  /** The value in `images` that stands for 1; 0 stands for 0. */
  readonly white: number;
  /** count classes, numbered from 0. */
  readonly labels: Int32Array;
  /** One name a class, in the labels' order. */
  readonly classNames: readonly string[];
}

/** Mean and standard deviation of each channel, where 0 is black and 1 is white. */
export interface ChannelStatistics {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Split of a permutation's random numbers, apart from all other uses of a seed. */
const SPLIT_STREAM = 0x73706c69;

/**
 * Checks that an image set's parts fit together.
 *
 * @throws ArgumentError naming the part that does not
 */
export function imageSet(set: ImageSet): ImageSet {
  const fail = (expected: string, got: unknown) => new ArgumentError(`image set ${set.name}`, expected, String(got));
  const { count, height, width, channels, images, labels, classNames, white } = set;
  for (const [what, value, low, high] of [
    ['images', count, 0, 2 ** 31 - 1],
    ['a height', height, 1, 65535],
    ['a width', width, 1, 65535],
    ['channels', channels, 1, 4],
    ['a white', white, 1, 255],
  ] as const) {
    if (!Number.isInteger(value) || value < low || value > high) throw fail(`${what} from ${low} to ${high}`, value);
  }
  const bytes = count * height * width * channels;
  if (images.length !== bytes) throw fail(`${bytes} bytes of images`, images.length);
  if (labels.length !== count) throw fail(`${count} labels`, labels.length);
  const at = labels.findIndex((label) => label < 0 || label >= classNames.length);
  if (at >= 0) throw fail(`labels from 0 to ${classNames.length - 1}`, `${labels[at]} for image ${at}`);
  return set;
}

/** The images of one set at the given places, in that order. @throws ArgumentError for a place outside the set */
export function takeImages(set: ImageSet, places: ArrayLike<number>): ImageSet {
  const per = set.height * set.width * set.channels;
  const images = new Uint8Array(places.length * per);
  const labels = new Int32Array(places.length);
  for (let i = 0; i < places.length; i++) {
    const from = places[i];
    if (!Number.isInteger(from) || from < 0 || from >= set.count)
      throw new ArgumentError('takeImages', `places from 0 to ${set.count - 1}`, `${from} at ${i}`);
    images.set(set.images.subarray(from * per, (from + 1) * per), i * per);
    labels[i] = set.labels[from];
  }
  return { ...set, count: places.length, images, labels };
}

/** Sets of one format, one behind the other. @throws ArgumentError where their sizes or classes differ */
export function concatImages(sets: readonly ImageSet[]): ImageSet {
  if (sets.length === 0) throw new ArgumentError('concatImages', 'at least one set', 'none');
  const [first] = sets;
  const form = (s: ImageSet) => `${s.height}x${s.width}x${s.channels}, white ${s.white}, ${s.classNames.join(' ')}`;
  for (const set of sets)
    if (form(set) !== form(first)) throw new ArgumentError('concatImages', form(first), form(set));
  const count = sets.reduce((sum, set) => sum + set.count, 0);
  const per = first.height * first.width * first.channels;
  const images = new Uint8Array(count * per);
  const labels = new Int32Array(count);
  let at = 0;
  for (const set of sets) {
    images.set(set.images, at * per);
    labels.set(set.labels, at);
    at += set.count;
  }
  return { ...first, count, images, labels };
}

/**
 * Cuts a set in two at random: `taken` images, each class in proportion to its share, and the rest. Both keep the set's
 * order. The same seed gives the same split.
 *
 * @throws ArgumentError unless `taken` is a whole number from 0 to the set's count
 */
export function splitImages(set: ImageSet, taken: number, seed: Seed = 0): { taken: ImageSet; rest: ImageSet } {
  if (!Number.isInteger(taken) || taken < 0 || taken > set.count)
    throw new ArgumentError('splitImages', `from 0 to ${set.count} images`, String(taken));
  const quotas = classQuotas(set, taken);
  const chosen = new Uint8Array(set.count);
  for (const i of philoxPermutation(seed, SPLIT_STREAM, 0, set.count)) if (quotas[set.labels[i]]-- > 0) chosen[i] = 1;
  const places = [...chosen.keys()];
  return {
    taken: takeImages(
      set,
      places.filter((i) => chosen[i] === 1),
    ),
    rest: takeImages(
      set,
      places.filter((i) => chosen[i] === 0),
    ),
  };
}

/**
 * The first images of each class, in the set's order: a subset that does not hang on a seed. Classes with fewer are taken
 * whole.
 *
 * @throws ArgumentError unless `perClass` is a whole number from 0
 */
export function firstOfClasses(set: ImageSet, perClass: number): ImageSet {
  if (!Number.isInteger(perClass) || perClass < 0)
    throw new ArgumentError('firstOfClasses', 'a whole number of images a class', String(perClass));
  const left = new Array<number>(set.classNames.length).fill(perClass);
  return takeImages(
    set,
    [...set.labels.keys()].filter((i) => left[set.labels[i]]-- > 0),
  );
}

/** Whole numbers in proportion to the classes' counts that add up to `total`: the largest remainders are rounded up. */
function classQuotas(set: ImageSet, total: number): number[] {
  const counts = new Array<number>(set.classNames.length).fill(0);
  for (const label of set.labels) counts[label]++;
  const exact = counts.map((count) => (set.count === 0 ? 0 : (count * total) / set.count));
  const quotas = exact.map(Math.floor);
  const left = total - quotas.reduce((sum, quota) => sum + quota, 0);
  const byRemainder = [...exact.keys()].sort((a, b) => exact[b] - quotas[b] - (exact[a] - quotas[a]) || a - b);
  for (const label of byRemainder.slice(0, left)) quotas[label]++;
  return quotas;
}

/**
 * Mean and (population) standard deviation of each channel over all pixels: exact sums, one rounding each.
 *
 * @throws ArgumentError for a set without images
 */
export function channelStatistics(set: ImageSet): ChannelStatistics {
  if (set.count === 0) throw new ArgumentError('channelStatistics', 'at least one image', 'none');
  const { channels, images, white } = set;
  const pixels = images.length / channels;
  const mean: number[] = [];
  const std: number[] = [];
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    let squares = 0;
    for (let i = c; i < images.length; i += channels) {
      sum += images[i];
      squares += images[i] * images[i];
    }
    const average = sum / pixels;
    mean.push(average / white);
    std.push(Math.sqrt(Math.max(0, squares / pixels - average * average)) / white);
  }
  return { mean, std };
}
