/** Tiny ImageNet as its authors publish it. Needs Node: `secateur/data/node`, apart from what browsers load. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FormatError } from '../gpu/errors.js';
import { type FolderOptions, imagesIn, type LabelledFile, readImages } from './image-folder.js';
import type { ImageSet } from './image-set.js';

/** The classes, and the files of both splits. */
export interface TinyImageNetFiles {
  /** WordNet ids, sorted: the labels are those of torchvision's `ImageFolder` on the training folder. */
  readonly ids: readonly string[];
  readonly names: readonly string[];
  readonly train: readonly LabelledFile[];
  readonly val: readonly LabelledFile[];
}

/**
 * Finds the files of `tiny-imagenet-200/`: `wnids.txt`, `words.txt`, `train/ID/images/*.JPEG`, `val/images/*.JPEG` with
 * `val/val_annotations.txt`. The test images have no labels and are left out.
 *
 * @throws FormatError naming the text file and the line that does not fit
 */
export function tinyImageNetFiles(folder: string): TinyImageNetFiles {
  const ids = lines(join(folder, 'wnids.txt')).sort();
  const label = new Map(ids.map((id, i) => [id, i]));
  const words = existsSync(join(folder, 'words.txt')) ? lines(join(folder, 'words.txt')) : [];
  const meaning = new Map(words.map((line) => line.split('\t') as [string, string]));
  const train = ids.flatMap((id) =>
    imagesIn(join(folder, 'train', id, 'images')).map((path) => ({ path, label: label.get(id)! })),
  );
  const annotations = join(folder, 'val', 'val_annotations.txt');
  const val = lines(annotations).map((line, i) => {
    const [file, id] = line.split('\t');
    if (!/^[\w.-]+$/.test(file) || !label.has(id))
      throw new FormatError(annotations, `line ${i + 1}`, 'a file name and an id of wnids.txt', line.slice(0, 60));
    return { path: join(folder, 'val', 'images', file), label: label.get(id)! };
  });
  return { ids, names: ids.map((id) => meaning.get(id) ?? id), train, val };
}

/** Reads the training images, and the validation images as test set. Errors as `tinyImageNetFiles` and `readImages`. */
export function readTinyImageNet(folder: string, options: FolderOptions = {}): { train: ImageSet; test: ImageSet } {
  const { names, train, val } = tinyImageNetFiles(folder);
  const name = 'tiny-imagenet';
  return { train: readImages(name, train, names, options), test: readImages(name, val, names, options) };
}

function lines(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '');
}
