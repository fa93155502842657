import { type DecodeOptions, Source } from '../sparse/files/source.js';
import { gunzipped } from './gunzip.js';
import { type ImageSet, imageSet } from './image-set.js';

/** An array out of an IDX file. */
export interface IdxArray {
  /** Outermost first. */
  shape: number[];
  data: Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;
}

/** Element types by the header's third byte: bytes of one, and how one is read (numbers are big-endian). */
const TYPES: Record<number, { array: (n: number) => IdxArray['data']; get?: (v: DataView, at: number) => number }> = {
  8: { array: (n) => new Uint8Array(n) },
  9: { array: (n) => new Int8Array(n), get: (v, at) => v.getInt8(at) },
  11: { array: (n) => new Int16Array(n), get: (v, at) => v.getInt16(at) },
  12: { array: (n) => new Int32Array(n), get: (v, at) => v.getInt32(at) },
  13: { array: (n) => new Float32Array(n), get: (v, at) => v.getFloat32(at) },
  14: { array: (n) => new Float64Array(n), get: (v, at) => v.getFloat64(at) },
};
const MOST_AXES = 8;

/**
 * Reads an IDX file (the format of MNIST), gzipped or plain: two zero bytes, the element type, the rank, the axes as u32,
 * then the elements, all big-endian.
 *
 * @throws FormatError naming the byte, where the header does not describe exactly the bytes that follow it
 */
export async function decodeIdx(file: Uint8Array, options: DecodeOptions = {}): Promise<IdxArray> {
  const source = Source.of(file, 'IDX file', options);
  const bytes = await gunzipped(source);
  if (bytes.length < 4) throw source.error('byte 0', 'a header of at least 4 bytes', `${bytes.length}`);
  if (bytes[0] !== 0 || bytes[1] !== 0)
    throw source.error('byte 0', 'two zero bytes (IDX)', `${bytes[0]} and ${bytes[1]}`);
  const type = TYPES[bytes[2]];
  if (!type) throw source.error('byte 2', `an element type of ${Object.keys(TYPES).join(', ')}`, `${bytes[2]}`);
  const rank = bytes[3];
  if (rank < 1 || rank > MOST_AXES) throw source.error('byte 3', `a rank from 1 to ${MOST_AXES}`, `${rank}`);
  const start = 4 + 4 * rank;
  if (bytes.length < start)
    throw source.error(`byte ${bytes.length}`, `a header of ${start} bytes`, 'the end of the file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((product, axis) => product * axis, 1);
  const width = type.array(0).BYTES_PER_ELEMENT;
  if (bytes.length !== start + size * width) {
    const declared = `${size * width} bytes of elements for the declared ${shape.join(' x ')}`;
    throw source.error(`byte ${start}`, declared, `${bytes.length - start}`);
  }
  source.claim(size * width, `byte ${start}`, `${size * width} bytes of elements`);
  const data = type.array(size);
  if (type.get) for (let i = 0; i < size; i++) data[i] = type.get(view, start + i * width);
  else data.set(bytes.subarray(start));
  return { shape, data };
}

/** The two files of an image set of MNIST's family, and what errors call them. */
export interface IdxFiles {
  images: Uint8Array;
  labels: Uint8Array;
  imagesName?: string;
  labelsName?: string;
}

/**
 * Reads an image set of MNIST's family: images u8 [n, height, width] or [n, height, width, channels], labels u8 [n].
 *
 * @throws FormatError where the files are no IDX of these ranks, differ in count, or hold a label without a class name
 */
export async function decodeIdxImages(name: string, files: IdxFiles, classNames: readonly string[]): Promise<ImageSet> {
  const { imagesName = `${name} images`, labelsName = `${name} labels` } = files;
  const images = await decodeIdx(files.images, { name: imagesName });
  const labels = await decodeIdx(files.labels, { name: labelsName });
  const imagesSource = Source.of(files.images, 'IDX', { name: imagesName });
  const labelsSource = Source.of(files.labels, 'IDX', { name: labelsName });
  const { shape } = images;
  if (!(images.data instanceof Uint8Array) || shape.length < 3 || shape.length > 4 || shape.slice(1).includes(0))
    throw imagesSource.error('byte 2', 'unsigned bytes of 3 or 4 axes, none empty', `shape ${shape.join(' x ')}`);
  const [count, height, width, channels = 1] = shape;
  if (channels > 4) throw imagesSource.error('byte 16', 'at most 4 channels', `${channels}`);
  if (!(labels.data instanceof Uint8Array) || labels.shape.length !== 1)
    throw labelsSource.error('byte 2', 'unsigned bytes of one axis', `shape ${labels.shape.join(' x ')}`);
  if (labels.shape[0] !== count)
    throw labelsSource.error('byte 4', `${count} labels, one an image`, `${labels.shape[0]}`);
  const wrong = labels.data.findIndex((label) => label >= classNames.length);
  if (wrong >= 0)
    throw labelsSource.error(
      `byte ${8 + wrong}`,
      `a label from 0 to ${classNames.length - 1}`,
      `${labels.data[wrong]}`,
    );
  return imageSet({
    name,
    count,
    height,
    width,
    channels,
    images: images.data,
    white: 255,
    labels: Int32Array.from(labels.data),
    classNames,
  });
}
