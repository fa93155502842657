import { ArgumentError } from '../gpu/errors.js';
import { type ImageSet, imageSet } from './image-set.js';

/** The pixels along one axis that an output pixel is made of. The weights are whole numbers and share one sum. */
interface Taps {
  readonly total: number;
  readonly outputs: readonly { readonly from: number; readonly weights: readonly number[] }[];
}

/**
 * The images in another size: the mean over the area that a pixel covers where an axis shrinks, linear interpolation
 * between pixel centres (the outermost continued) where it grows. Values are rounded to the nearest, halves up. All sums
 * are of whole numbers, so that the bytes are the same on every platform.
 *
 * @throws ArgumentError unless height and width are whole numbers from 1 to 65535
 */
export function resizeImages(set: ImageSet, height: number, width: number): ImageSet {
  const { count, channels, images } = imageSet(set);
  for (const [what, size] of [
    ['a height', height],
    ['a width', width],
  ] as const)
    if (!Number.isInteger(size) || size < 1 || size > 65535)
      throw new ArgumentError('resizeImages', `${what} from 1 to 65535`, String(size));
  if (height === set.height && width === set.width) return set;
  const resize = resizer(set, { height, width });
  const [before, after] = [set.height * set.width * channels, height * width * channels];
  const resized = new Uint8Array(count * after);
  for (let i = 0; i < count; i++) resized.set(resize(images.subarray(i * before, (i + 1) * before)), i * after);
  return { ...set, height, width, images: resized };
}

interface Size {
  readonly height: number;
  readonly width: number;
}

/** What resizes images of one size [height, width, channels] to another; its result is valid until the next call. */
export function resizer(from: Size & { channels: number }, to: Size): (pixels: Uint8Array) => Uint8Array {
  const { channels } = from;
  const across = axisTaps(from.width, to.width);
  const down = axisTaps(from.height, to.height);
  const total = across.total * down.total;
  const rowSize = to.width * channels;
  const rows = new Float64Array(from.height * rowSize);
  const sums = new Float64Array(rowSize);
  const out = new Uint8Array(to.height * rowSize);
  return (pixels) => {
    for (let y = 0; y < from.height; y++) resizeRow(pixels, y * from.width, channels, across, rows, y * rowSize);
    for (const [y, { from: first, weights }] of down.outputs.entries()) {
      sums.fill(0);
      for (const [k, weight] of weights.entries()) {
        const row = (first + k) * rowSize;
        for (let x = 0; x < rowSize; x++) sums[x] += weight * rows[row + x];
      }
      // Exact: the quotient is never so near to a whole number that its rounding could reach it.
      for (let x = 0; x < rowSize; x++) out[y * rowSize + x] = Math.floor((2 * sums[x] + total) / (2 * total));
    }
    return out;
  };
}

/** Weighted sums along a row of pixels, the first of which is number `first`. */
function resizeRow(
  pixels: Uint8Array,
  first: number,
  channels: number,
  { outputs }: Taps,
  out: Float64Array,
  at: number,
): void {
  for (const [x, { from, weights }] of outputs.entries())
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * pixels[(first + from + k) * channels + c];
      out[at + x * channels + c] = sum;
    }
}

function axisTaps(before: number, after: number): Taps {
  const outputs = Array.from({ length: after }, (_, i) => (after < before ? area : linear)(i, before, after));
  return { total: after < before ? before : 2 * after, outputs };
}

/** In units of 1/after of an input pixel: output pixel i covers [i * before, (i + 1) * before). */
function area(i: number, before: number, after: number): Taps['outputs'][number] {
  const [start, end] = [i * before, (i + 1) * before];
  const from = Math.floor(start / after);
  const weights: number[] = [];
  for (let k = from; k * after < end; k++) weights.push(Math.min(end, (k + 1) * after) - Math.max(start, k * after));
  return { from, weights };
}

/** In units of 1/(2 after): output pixel i is centred at (2i + 1) before, input pixel k at (2k + 1) after. */
function linear(i: number, before: number, after: number): Taps['outputs'][number] {
  const unit = 2 * after;
  const place = Math.min((before - 1) * unit, Math.max(0, (2 * i + 1) * before - after));
  const from = Math.floor(place / unit);
  const far = place - from * unit;
  return { from, weights: far === 0 ? [unit] : [unit - far, far] };
}
