import { apply, constant, input } from '../expr/expr.js';
import type { Device } from '../gpu/device.js';
import { concat } from '../ops/concat.js';
import { map } from '../ops/map.js';
import { matmul } from '../ops/matmul.js';
import { mul, neg } from '../ops/pointwise.js';
import { max } from '../ops/reductions.js';
import { reshape } from '../ops/reshape.js';
import { slice } from '../ops/slice.js';
import type { Shape } from '../tensor/shape.js';
import { type Tensor, tensor } from '../tensor/tensor.js';
import { centred, columnSquares, DEAD, type Matrix } from './activations.js';
import { centredUnit } from './device-centred.js';
import { type Frequency, waves } from './frequencies.js';

/**
 * One frequency of centred maps [n, h, w, channels] as real numbers, [2 n, 2 channels]: [[Re, -Im], [Im, Re]]. Its
 * correlations with another such matrix are those of the complex ones, each twice. Channels with next to no share of
 * a side's variance at a frequency are zero there, which counts as dead.
 */
export function hostSpectrum(maps: Matrix, [n, h, w, channels]: Shape): (f: Frequency) => Matrix {
  const { data } = centred(maps);
  const floor = DEAD * greatestChannel(columnSquares({ ...maps, data }), channels);
  return (frequency) => {
    const wave = waves(frequency, h, w);
    const parts = [wave.subarray(0, h * w), wave.subarray(h * w)].map((weights) => {
      const out = new Float64Array(n * channels);
      for (let i = 0; i < n; i++)
        for (let at = 0; at < h * w; at++)
          for (let c = 0; c < channels; c++)
            out[i * channels + c] += weights[at] * data[(i * h * w + at) * channels + c];
      return out;
    });
    return embedded(parts[0], parts[1], n, channels, floor);
  };
}

/** The greatest sum over positions of the squares of a channel. */
function greatestChannel(squares: Float64Array, channels: number): number {
  const sums = new Float64Array(channels);
  squares.forEach((value, at) => {
    sums[at % channels] += value;
  });
  return Math.max(...sums);
}

function embedded(re: Float64Array, im: Float64Array, n: number, channels: number, floor: number): Matrix {
  const squares = new Float64Array(channels);
  for (let at = 0; at < re.length; at++) squares[at % channels] += re[at] ** 2 + im[at] ** 2;
  const cols = 2 * channels;
  const data = new Float64Array(2 * n * cols);
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < channels; c++) {
      if (squares[c] < floor) continue;
      const [a, b] = [re[i * channels + c], im[i * channels + c]];
      const [upper, lower] = [i * cols + c, (n + i) * cols + c];
      data[upper] = a;
      data[upper + channels] = -b;
      data[lower] = b;
      data[lower + channels] = a;
    }
  }
  return { data, rows: 2 * n, cols };
}

/** Maps on a device, ready for `deviceSpectrum`: centred [n, h w, channels], and the floor below which a channel is dead [1, 1]. */
export interface DeviceMaps {
  centred: Tensor;
  floor: Tensor;
}

export function deviceMaps(x: Tensor): DeviceMaps {
  const [n, h, w, channels] = x.shape;
  const { unit } = centredUnit(reshape(x, [n, h * w * channels]));
  const maps = reshape(unit, [n, h * w, channels]);
  const squares = map([maps], apply('mul', input(0), input(0)), { axes: [0, 1], keepDims: true });
  return { centred: maps, floor: reshape(mul(max(squares), DEAD), [1, 1]) };
}

/** Some frequencies of maps of [h, w] positions: [n, 2 frequencies, channels], real and imaginary parts in turn. */
export function deviceSpectrum(
  device: Device,
  maps: Tensor,
  [, h, w]: Shape,
  frequencies: readonly Frequency[],
): Tensor {
  const rows = Float32Array.from(frequencies.flatMap((f) => Array.from(waves(f, h, w))));
  return matmul(tensor(device, rows, { shape: [2 * frequencies.length, h * w] }), maps);
}

/** `hostSpectrum`'s matrix of frequency k of a spectrum. */
export function deviceEmbedded(spectrum: Tensor, floor: Tensor, k: number): Tensor {
  const [n, , channels] = spectrum.shape;
  const part = (at: number) => reshape(slice(spectrum, [0, at], [n, at + 1]), [n, channels]);
  const [re, im] = [part(2 * k), part(2 * k + 1)];
  const square = (i: number) => apply('mul', input(i), input(i));
  const squares = map([re, im], apply('add', square(0), square(1)), { axes: [0], keepDims: true });
  const lives = apply('ge', input(1), input(2));
  const living = (t: Tensor) => map([t, squares, floor], apply('where', lives, input(0), constant(0)));
  const [a, b] = [living(re), living(im)];
  return concat([concat([a, neg(b)], 1), concat([b, a], 1)]);
}
