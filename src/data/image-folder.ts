/** Folders of image files. Needs Node: `secateur/data/node`, apart from what browsers load. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError, FormatError } from '../gpu/errors.js';
import { decodeImage } from './image-file.js';
import { type ImageSet, imageSet } from './image-set.js';
import { resizer } from './resize.js';

export interface FolderOptions {
  /** Height and width that images of other sizes are resized to; without it, all must have one size. */
  readonly size?: readonly [height: number, width: number];
  /** 3 (default): red, green, blue; 1: grey. */
  readonly channels?: 1 | 3;
  /** Most images of a class, the first by name. */
  readonly perClass?: number;
}

/** An image file and its class. */
export interface LabelledFile {
  readonly path: string;
  readonly label: number;
}

const IMAGES = /\.jpe?g$|\.png$/i;
/** Images to other readers: leaving them out in silence would make another data set. */
const OTHER_IMAGES = /\.(bmp|gif|ppm|pgm|tiff?|webp)$/i;

/** Names of the folders in a folder, sorted by code unit, those that begin with a dot left out. */
export function foldersIn(path: string): string[] {
  return readdirSync(path)
    .filter((name) => !name.startsWith('.') && statSync(join(path, name)).isDirectory())
    .sort();
}

/** Paths of the JPEG and PNG files in a folder, sorted by name. @throws FormatError for an image of another format */
export function imagesIn(path: string): string[] {
  const names = readdirSync(path).filter((name) => !name.startsWith('.'));
  const other = names.find((name) => OTHER_IMAGES.test(name));
  if (other) throw new FormatError(join(path, other), 'name', 'a JPEG or PNG file', 'an image of another format');
  return names
    .filter((name) => IMAGES.test(name))
    .sort()
    .map((name) => join(path, name));
}

/**
 * Reads `root/class/*.jpg|jpeg|png`, as torchvision's `ImageFolder`: the classes are the folders' names in sorted order.
 * Other files than images are passed over.
 *
 * @param options.classes the classes' order if not the folders' own, as of a test set the training set's
 * @throws ArgumentError for a folder without classes, or a class that is not in `classes`
 * @throws FormatError for a damaged file, or of another size than the first where no size is given
 */
export function readImageFolder(
  root: string,
  options: FolderOptions & { name?: string; classes?: readonly string[] } = {},
): ImageSet {
  const op = 'readImageFolder';
  const found = foldersIn(root);
  if (found.length === 0) throw new ArgumentError(op, `a folder for each class in ${root}`, 'none');
  const { classes = found, name = 'folder' } = options;
  const files = found.flatMap((folder) => {
    const label = classes.indexOf(folder);
    if (label < 0) throw new ArgumentError(op, `the classes ${classes.join(', ')} in ${root}`, folder);
    const paths = imagesIn(join(root, folder));
    if (paths.length === 0) throw new ArgumentError(op, `JPEG or PNG files in ${join(root, folder)}`, 'none');
    return paths.map((path) => ({ path, label }));
  });
  return readImages(name, files, classes, options);
}

/** The given files as an image set, in their order. Errors as `readImageFolder`. */
export function readImages(
  name: string,
  files: readonly LabelledFile[],
  classNames: readonly string[],
  options: FolderOptions = {},
): ImageSet {
  const chosen = firstFiles(files, options.perClass);
  if (chosen.length === 0) throw new ArgumentError(name, 'at least one image', 'none');
  const { channels = 3 } = options;
  const decode = (path: string) => decodeImage(readFileSync(path), { name: path, channels });
  const [height, width] = options.size ?? sizeOf(decode(chosen[0].path));
  const bytes = height * width * channels;
  const images = new Uint8Array(chosen.length * bytes);
  for (const [i, { path }] of chosen.entries()) {
    const image = decode(path);
    const same = image.height === height && image.width === width;
    if (!same && !options.size) {
      const expected = `${height}x${width} pixels as in ${chosen[0].path} (the option size resizes)`;
      throw new FormatError(path, 'header', expected, `${image.height}x${image.width}`);
    }
    images.set(same ? image.pixels : resizer(image, { height, width })(image.pixels), i * bytes);
  }
  const labels = Int32Array.from(chosen, (file) => file.label);
  return imageSet({ name, count: chosen.length, height, width, channels, images, white: 255, labels, classNames });
}

const sizeOf = ({ height, width }: { height: number; width: number }) => [height, width] as const;

function firstFiles(files: readonly LabelledFile[], perClass = Number.POSITIVE_INFINITY): readonly LabelledFile[] {
  const taken = new Map<number, number>();
  return files.filter(({ label }) => {
    const before = taken.get(label) ?? 0;
    taken.set(label, before + 1);
    return before < perClass;
  });
}
