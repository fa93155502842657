/** How data sets lie in folders. Needs Node: `secateur/data/node`, apart from what browsers load. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SecateurError } from '../gpu/errors.js';
import { CATALOGUE } from './catalogue.js';
import { type CifarFormat, decodeCifar, decodeCifarNames, decodeCifarPickle } from './cifar.js';
import { DIGIT_NAMES, decodeClassNames, FASHION_NAMES, KMNIST_NAMES } from './class-names.js';
import { decodeDigitsCsv } from './digits-csv.js';
import { decodeIdxImages } from './idx.js';
import type { FolderOptions } from './image-folder.js';
import { concatImages, type ImageSet, takeImages } from './image-set.js';
import { readTinyImageNet, tinyImageNetFiles } from './tiny-imagenet.js';

/** A data set that is not where it was looked for; the message says where that was and how to get it. */
export class DataNotFoundError extends SecateurError {
  constructor(message: string) {
    super('data-not-found', message);
  }
}

/** Numbers of images, and whether there are as many as the authors publish. */
export interface DatasetCounts {
  readonly train: number;
  readonly test: number;
  readonly complete: boolean;
}

interface Splits {
  train: ImageSet;
  test: ImageSet;
}

/** One way in which a data set may lie below a root. */
export interface Layout {
  /** Folders of the root that may hold it. */
  readonly folders: readonly string[];
  /** Files of which one tells that a folder does. */
  readonly marks: readonly string[];
  readonly read: (folder: string, options: FolderOptions) => Splits | Promise<Splits>;
  /** Counts the images without decoding them, where decoding takes long. */
  readonly count?: (folder: string) => { train: number; test: number };
}

export interface FileDataset {
  /** Images as published: training, test. */
  readonly whole: readonly [number, number];
  readonly layouts: readonly Layout[];
}

/** The data sets that are read from files. */
export const FILE_LAYOUTS: Readonly<Record<string, FileDataset>> = {
  mnist: mnistFamily('mnist', DIGIT_NAMES),
  'fashion-mnist': mnistFamily('fashion-mnist', FASHION_NAMES),
  kmnist: mnistFamily('kmnist', KMNIST_NAMES),
  cifar10: {
    whole: [50_000, 10_000],
    layouts: [
      { folders: CATALOGUE.cifar10.folders, marks: ['test_batch.bin'], read: readCifar10 },
      { folders: ['cifar-10-batches-py', 'cifar10'], marks: ['test_batch'], read: readCifar10Pickles },
    ],
  },
  cifar100: {
    whole: [50_000, 10_000],
    layouts: [
      { folders: CATALOGUE.cifar100.folders, marks: ['test.bin'], read: readCifar100 },
      { folders: ['cifar-100-python', 'cifar100'], marks: ['test'], read: readCifar100Pickles },
    ],
  },
  'tiny-imagenet': {
    whole: [100_000, 10_000],
    layouts: [
      {
        folders: [...CATALOGUE['tiny-imagenet'].folders, 'tiny-imagenet'],
        marks: ['wnids.txt'],
        read: readTinyImageNet,
        count: (folder) => {
          const { train, val } = tinyImageNetFiles(folder);
          return { train: train.length, test: val.length };
        },
      },
    ],
  },
  'uci-digits': {
    whole: [1437, 360],
    layouts: [{ folders: ['digits'], marks: ['digits.csv.gz', 'digits.csv'], read: readDigits }],
  },
};

function mnistFamily(name: 'mnist' | 'fashion-mnist' | 'kmnist', classNames: readonly string[]): FileDataset {
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
  const read = async (folder: string) => ({ train: await split(folder, 'train'), test: await split(folder, 't10k') });
  const marks = ['t10k-images-idx3-ubyte.gz', 't10k-images-idx3-ubyte'];
  return { whole: [60_000, 10_000], layouts: [{ folders: CATALOGUE[name].folders, marks, read }] };
}

function readCifar10(folder: string): Splits {
  const meta = join(folder, 'batches.meta.txt');
  const classNames = existsSync(meta) ? decodeClassNames(readFileSync(meta), 10, { name: meta }) : undefined;
  const read = reading(folder, (bytes, name) => decodeCifar(bytes, 'cifar10', { name, classNames }));
  return { train: concatImages(batchesIn(folder, '.bin').map(read)), test: read('test_batch.bin') };
}

function readCifar10Pickles(folder: string): Splits {
  const classNames = pickledNames(folder, 'batches.meta', 'cifar10');
  const read = reading(folder, (bytes, name) => decodeCifarPickle(bytes, 'cifar10', { name, classNames }));
  return { train: concatImages(batchesIn(folder, '').map(read)), test: read('test_batch') };
}

function readCifar100(folder: string): Splits {
  const names = join(folder, 'fine_label_names.txt');
  const classNames = existsSync(names) ? decodeClassNames(readFileSync(names), 100, { name: names }) : undefined;
  const read = reading(folder, (bytes, name) => decodeCifar(bytes, 'cifar100', { name, classNames }));
  return { train: read('train.bin'), test: read('test.bin') };
}

function readCifar100Pickles(folder: string): Splits {
  const classNames = pickledNames(folder, 'meta', 'cifar100');
  const read = reading(folder, (bytes, name) => decodeCifarPickle(bytes, 'cifar100', { name, classNames }));
  return { train: read('train'), test: read('test') };
}

const reading = (folder: string, decode: (bytes: Uint8Array, name: string) => ImageSet) => (file: string) => {
  const path = join(folder, file);
  if (!existsSync(path)) throw new DataNotFoundError(`${path} is missing`);
  return decode(readFileSync(path), path);
};

/** The training batches that are there: a part of them is taken as it is. */
function batchesIn(folder: string, ending: string): string[] {
  const all = [1, 2, 3, 4, 5].map((n) => `data_batch_${n}${ending}`);
  const found = readdirSync(folder).filter((file) => all.includes(file));
  return found.length > 0 ? found.sort() : all.slice(0, 1);
}

function pickledNames(folder: string, file: string, format: CifarFormat): string[] | undefined {
  const name = join(folder, file);
  return existsSync(name) ? decodeCifarNames(readFileSync(name), format, { name }) : undefined;
}

/** Share of the digits that train, the first in the file's order; the rest tests. */
const DIGITS_TRAIN = 0.8;

async function readDigits(folder: string): Promise<Splits> {
  const name = ['digits.csv.gz', 'digits.csv'].map((f) => join(folder, f)).find((f) => existsSync(f))!;
  const all = await decodeDigitsCsv(readFileSync(name), { name });
  const cut = Math.floor(all.count * DIGITS_TRAIN);
  const places = [...Array(all.count).keys()];
  return { train: takeImages(all, places.slice(0, cut)), test: takeImages(all, places.slice(cut)) };
}
