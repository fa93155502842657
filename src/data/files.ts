/** Data sets in folders. Needs Node: `secateur/data/node`, apart from what browsers load. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError, SecateurError } from '../gpu/errors.js';
import { CATALOGUE } from './catalogue.js';
import { decodeCifar } from './cifar.js';
import { CIFAR10_NAMES, DIGIT_NAMES, decodeClassNames, FASHION_NAMES } from './class-names.js';
import { decodeDigitsCsv } from './digits-csv.js';
import { decodeIdxImages } from './idx.js';
import { concatImages, type ImageSet, takeImages } from './image-set.js';

/** A data set that is not where it was looked for; the message says where that was and how to get it. */
export class DataNotFoundError extends SecateurError {
  constructor(message: string) {
    super('data-not-found', message);
  }
}

/** Training and test images of a data set. */
export interface OpenedDataset {
  readonly train: ImageSet;
  readonly test: ImageSet;
  /** The folder that it was read from. */
  readonly folder: string;
  /** Whether there are as many images as its authors publish: a part of a data set is taken as it is. */
  readonly complete: boolean;
}

type Reader = (folder: string) => Promise<Omit<OpenedDataset, 'folder'>>;

/** The data sets that `openDataset` reads: folders of a root, a file that tells the folder, and how it is read. */
const READERS: Record<string, { folders: readonly string[]; marks: readonly string[]; read: Reader }> = {
  mnist: idxReader('mnist', CATALOGUE.mnist.folders, DIGIT_NAMES),
  'fashion-mnist': idxReader('fashion-mnist', CATALOGUE['fashion-mnist'].folders, FASHION_NAMES),
  cifar10: { folders: CATALOGUE.cifar10.folders, marks: ['test_batch.bin'], read: readCifar10 },
  cifar100: { folders: CATALOGUE.cifar100.folders, marks: ['test.bin'], read: readCifar100 },
  'uci-digits': { folders: ['digits'], marks: ['digits.csv.gz', 'digits.csv'], read: readDigits },
};

/** Names that `openDataset` takes. */
export const FILE_DATASETS: readonly string[] = Object.keys(READERS);

/**
 * Reads a data set out of a root folder: `mnist`, `fashion-mnist`, `cifar10`, `cifar100` (in torchvision's folders or in
 * one of its own name) or `uci-digits`.
 *
 * @param options.root default: the environment variable SECATEUR_DATA, or else the folder `data`
 * @throws DataNotFoundError where no folder of the root holds it; FormatError naming a file that is damaged
 */
export async function openDataset(name: string, options: { root?: string } = {}): Promise<OpenedDataset> {
  if (!Object.hasOwn(READERS, name)) throw new ArgumentError('openDataset', FILE_DATASETS.join(', '), name);
  const { folders, marks, read } = READERS[name];
  const root = options.root ?? dataRoot();
  const folder = folders.map((f) => join(root, f)).find((f) => marks.some((mark) => existsSync(join(f, mark))));
  if (folder) return { ...(await read(folder)), folder };
  const pickles = ['cifar-10-batches-py', 'cifar-100-python'].filter((f) => existsSync(join(root, f)));
  const notes = [
    `${name} was not found: looked for ${marks.join(' or ')} in ${folders.map((f) => join(root, f)).join(', ')}.`,
    ...(name.startsWith('cifar') && pickles.length > 0
      ? [`${pickles.join(' and ')} holds Python pickles, which are not read: the binary version is needed.`]
      : []),
    ...(Object.hasOwn(CATALOGUE, name) ? [`To get it: secateur data fetch ${name} --root ${root}`] : []),
  ];
  throw new DataNotFoundError(notes.join('\n'));
}

/** Where data sets are looked for and put if nothing else is said. */
export function dataRoot(): string {
  return process.env.SECATEUR_DATA || 'data';
}

function idxReader(name: string, folders: readonly string[], classNames: readonly string[]) {
  const file = (folder: string, stem: string): { path: string; bytes: Uint8Array } => {
    const path = [`${stem}.gz`, stem].map((f) => join(folder, f)).find((f) => existsSync(f));
    if (!path) throw new DataNotFoundError(`${name}: ${join(folder, stem)}(.gz) is missing`);
    return { path, bytes: readFileSync(path) };
  };
  const split = (folder: string, part: 'train' | 't10k') => {
    const images = file(folder, `${part}-images-idx3-ubyte`);
    const labels = file(folder, `${part}-labels-idx1-ubyte`);
    const files = { images: images.bytes, labels: labels.bytes, imagesName: images.path, labelsName: labels.path };
    return decodeIdxImages(name, files, classNames);
  };
  const read: Reader = async (folder) => {
    const [train, test] = [await split(folder, 'train'), await split(folder, 't10k')];
    return { train, test, complete: train.count === 60_000 && test.count === 10_000 };
  };
  return { folders, marks: ['t10k-images-idx3-ubyte.gz', 't10k-images-idx3-ubyte'], read };
}

async function readCifar10(folder: string): Promise<Omit<OpenedDataset, 'folder'>> {
  const batches = readdirSync(folder)
    .filter((file) => /^data_batch_[1-5]\.bin$/.test(file))
    .sort();
  if (batches.length === 0) throw new DataNotFoundError(`cifar10: ${join(folder, 'data_batch_1.bin')} is missing`);
  const meta = join(folder, 'batches.meta.txt');
  const classNames = existsSync(meta) ? decodeClassNames(readFileSync(meta), 10, { name: meta }) : CIFAR10_NAMES;
  const read = (file: string) => {
    const name = join(folder, file);
    return decodeCifar(readFileSync(name), 'cifar10', { name, classNames });
  };
  const train = concatImages(batches.map(read));
  const test = read('test_batch.bin');
  return { train, test, complete: train.count === 50_000 && test.count === 10_000 };
}

async function readCifar100(folder: string): Promise<Omit<OpenedDataset, 'folder'>> {
  const names = join(folder, 'fine_label_names.txt');
  const classNames = existsSync(names) ? decodeClassNames(readFileSync(names), 100, { name: names }) : undefined;
  const read = (file: string) => {
    const name = join(folder, file);
    if (!existsSync(name)) throw new DataNotFoundError(`cifar100: ${name} is missing`);
    return decodeCifar(readFileSync(name), 'cifar100', { name, classNames });
  };
  const [train, test] = [read('train.bin'), read('test.bin')];
  return { train, test, complete: train.count === 50_000 && test.count === 10_000 };
}

/** Share of the digits that train, the first in the file's order; the rest tests. */
const DIGITS_TRAIN = 0.8;

async function readDigits(folder: string): Promise<Omit<OpenedDataset, 'folder'>> {
  const name = ['digits.csv.gz', 'digits.csv'].map((f) => join(folder, f)).find((f) => existsSync(f))!;
  const all = await decodeDigitsCsv(readFileSync(name), { name });
  const cut = Math.floor(all.count * DIGITS_TRAIN);
  const places = [...Array(all.count).keys()];
  return {
    train: takeImages(all, places.slice(0, cut)),
    test: takeImages(all, places.slice(cut)),
    complete: all.count === 1797,
  };
}
