/** Data sets in folders. Needs Node: `secateur/data/node`, apart from what browsers load. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError } from '../gpu/errors.js';
import { CATALOGUE } from './catalogue.js';
import { type FolderOptions, foldersIn, readImageFolder } from './image-folder.js';
import { firstOfClasses, type ImageSet } from './image-set.js';
import { DataNotFoundError, type DatasetCounts, FILE_LAYOUTS, type Layout } from './layouts.js';
import { resizeImages } from './resize.js';

/** Training and test images of a data set. */
export interface OpenedDataset {
  readonly train: ImageSet;
  readonly test: ImageSet;
  /** The folder that it was read from. */
  readonly folder: string;
  /** Whether there are as many images as its authors publish: a part of a data set is taken as it is. */
  readonly complete: boolean;
}

export interface OpenOptions {
  /** Default: the environment variable SECATEUR_DATA, or else the folder `data`. */
  readonly root?: string;
  /** Most images of a class in each split, the first in the data set's order. */
  readonly perClass?: number;
  /** Height and width that the images are resized to. Without it, those of an image folder must all have one size. */
  readonly size?: readonly [height: number, width: number];
  /** Of image files alone: 3 (default) for colour, 1 for grey. */
  readonly channels?: 1 | 3;
}

/** Names that `openDataset` takes, beside `folder:PATH`. */
export const FILE_DATASETS: readonly string[] = Object.keys(FILE_LAYOUTS);

/**
 * Reads a data set out of a root folder: `mnist`, `fashion-mnist`, `kmnist`, `cifar10`, `cifar100` (binary or Python version),
 * `tiny-imagenet` (its validation images being the test set), in torchvision's folders or in one of its own name, or
 * `uci-digits`; or images out of `folder:PATH`, where PATH has `train/CLASS/` and `val/CLASS/` or `test/CLASS/` with JPEG and
 * PNG files.
 *
 * @throws DataNotFoundError where no folder of the root holds it; FormatError naming a file that is damaged
 */
export async function openDataset(name: string, options: OpenOptions = {}): Promise<OpenedDataset> {
  const { perClass, size, channels } = options;
  if (perClass !== undefined && !(Number.isInteger(perClass) && perClass > 0))
    throw new ArgumentError('openDataset', 'a whole number > 0 of images a class', String(perClass));
  if (name.startsWith(FOLDER)) return openFolder(name.slice(FOLDER.length), options);
  const { folder, layout } = find('openDataset', name, options.root ?? dataRoot());
  const sets = await layout.read(folder, { perClass, size, channels });
  const complete = isWhole(name, { train: sets.train.count, test: sets.test.count });
  const fitted = (set: ImageSet) => {
    const some = perClass === undefined ? set : firstOfClasses(set, perClass);
    return size ? resizeImages(some, ...size) : some;
  };
  return { train: fitted(sets.train), test: fitted(sets.test), folder, complete };
}

/** As `openDataset`, only counting: quick for data sets of many image files, too. Errors as there. */
export async function countDataset(name: string, root = dataRoot()): Promise<DatasetCounts & { folder: string }> {
  const { folder, layout } = find('countDataset', name, root);
  if (!layout.count) {
    const { train, test } = await layout.read(folder, {});
    return { ...countsOf(name, { train: train.count, test: test.count }), folder };
  }
  return { ...countsOf(name, layout.count(folder)), folder };
}

/** Where data sets are looked for and put if nothing else is said. */
export function dataRoot(): string {
  return process.env.SECATEUR_DATA || 'data';
}

type Counts = Pick<DatasetCounts, 'train' | 'test'>;

const countsOf = (name: string, counts: Counts): DatasetCounts => ({ ...counts, complete: isWhole(name, counts) });

function isWhole(name: string, { train, test }: Counts): boolean {
  const { whole } = FILE_LAYOUTS[name];
  return train === whole[0] && test === whole[1];
}

function find(op: string, name: string, root: string): { folder: string; layout: Layout } {
  if (!Object.hasOwn(FILE_LAYOUTS, name))
    throw new ArgumentError(op, `${FILE_DATASETS.join(', ')} or ${FOLDER}PATH`, name);
  const { layouts } = FILE_LAYOUTS[name];
  for (const layout of layouts)
    for (const folder of layout.folders.map((f) => join(root, f)))
      if (layout.marks.some((mark) => existsSync(join(folder, mark)))) return { folder, layout };
  const places = layouts.map(
    ({ marks, folders }) => `${marks.join(' or ')} in ${folders.map((f) => join(root, f)).join(', ')}`,
  );
  const notes = [
    `${name} was not found: looked for ${places.join('; ')}.`,
    ...(Object.hasOwn(CATALOGUE, name) ? [`To get it: secateur data fetch ${name} --root ${root}`] : []),
  ];
  throw new DataNotFoundError(notes.join('\n'));
}

const FOLDER = 'folder:';

function openFolder(path: string, { perClass, size, channels }: FolderOptions): OpenedDataset {
  const [train, test] = [['train'], ['val', 'test']].map((names) => {
    const folder = names.map((name) => join(path, name)).find((place) => existsSync(place));
    if (folder) return folder;
    const looked = names.map((name) => join(path, name)).join(' or ');
    throw new DataNotFoundError(
      `${FOLDER}${path} was not found: looked for ${looked}, with a folder of images for each class.`,
    );
  });
  const classes = foldersIn(train);
  const read = (folder: string) => readImageFolder(folder, { name: path, classes, perClass, size, channels });
  return { train: read(train), test: read(test), folder: path, complete: true };
}
