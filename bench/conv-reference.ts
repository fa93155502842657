import type { ConvAttrs } from '../src/ops/conv.js';
import type { Check } from './case.js';

/** A square convolution of NHWC images with OHWI weights. */
export interface ConvLayer {
  name: string;
  images: number;
  /** Height and width of the input. */
  size: number;
  channels: number;
  out: number;
  kernel: number;
  stride: number;
  pad: number;
  /** Its input is data: no gradient with respect to it. */
  firstLayer?: boolean;
}

/** The result y of x and w, the input's gradient dx of g (like y) and w, the weight's gradient dw of x and g. */
export type ConvResult = 'y' | 'dx' | 'dw';

const outputSize = (l: ConvLayer): number => Math.floor((l.size + 2 * l.pad - l.kernel) / l.stride) + 1;

export function attrsOf(l: ConvLayer): ConvAttrs {
  const o = outputSize(l);
  return {
    stride: [l.stride, l.stride],
    pad: [l.pad, l.pad],
    dilation: [1, 1],
    groups: 1,
    kernel: [l.kernel, l.kernel],
    input: [l.size, l.size],
    output: [o, o],
    activation: 'none',
  };
}

/** Shapes of both operands and of the result. */
export function shapesOf(l: ConvLayer, result: ConvResult): [number[], number[], number[]] {
  const o = outputSize(l);
  const x = [l.images, l.size, l.size, l.channels];
  const w = [l.out, l.kernel, l.kernel, l.channels];
  const y = [l.images, o, o, l.out];
  return { y: [x, w, y], dx: [y, w, x], dw: [x, y, w] }[result] as [number[], number[], number[]];
}

/** Largest error of an element, relative to the sum of the absolute values of its products. */
const TOLERANCE = 1e-5;

/**
 * Holds a sample of a result's elements against float64 sums over all their products. With `places` only those elements
 * count, and the values are either theirs alone, in that order, or the whole result.
 */
export function checkConvolution(
  l: ConvLayer,
  result: ConvResult,
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  values: ArrayLike<number>,
  places?: ArrayLike<number>,
): Check {
  const whole = shapesOf(l, result)[2].reduce((a, b) => a * b, 1);
  const size = places?.length ?? whole;
  const count = Math.min(size, result === 'dw' ? 40 : 300);
  let worst = values.length === whole || values.length === size ? 0 : Number.NaN;
  for (let s = 0; s < count; s++) {
    const i = s === 1 ? size - 1 : (s * 104_729) % size;
    const place = places?.[i] ?? i;
    const found = values[values.length === size ? i : place];
    const { sum, scale } = element[result](l, first, second, place);
    // An element may have no product at all: a pixel that no window reaches.
    const error = scale === 0 ? Math.abs(found) : Math.abs(found - sum) / scale;
    worst = Math.max(worst, error); // NaN stays
  }
  return { what: `convolution ${result}, against float64`, error: worst, tolerance: TOLERANCE };
}

interface Sum {
  sum: number;
  /** Sum of the absolute values. */
  scale: number;
}

type Element = (l: ConvLayer, first: ArrayLike<number>, second: ArrayLike<number>, at: number) => Sum;

/** Index of an element, split along four axes, last first. */
const split = (at: number, [, b, c, d]: readonly number[]): [number, number, number, number] => [
  Math.floor(at / (b * c * d)),
  Math.floor(at / (c * d)) % b,
  Math.floor(at / d) % c,
  at % d,
];

const element: Record<ConvResult, Element> = {
  y(l, x, w, at) {
    const [n, oy, ox, o] = split(at, shapesOf(l, 'y')[2]);
    return accumulate((add) => {
      for (const [ky, iy] of taps(l, oy)) {
        for (const [kx, ix] of taps(l, ox)) {
          for (let c = 0; c < l.channels; c++) add(x[xAt(l, n, iy, ix, c)] * w[wAt(l, o, ky, kx, c)]);
        }
      }
    });
  },
  dx(l, g, w, at) {
    const [n, iy, ix, c] = split(at, shapesOf(l, 'dx')[2]);
    return accumulate((add) => {
      for (const [ky, oy] of windows(l, iy)) {
        for (const [kx, ox] of windows(l, ix)) {
          for (let o = 0; o < l.out; o++) add(g[yAt(l, n, oy, ox, o)] * w[wAt(l, o, ky, kx, c)]);
        }
      }
    });
  },
  dw(l, x, g, at) {
    const [o, ky, kx, c] = split(at, shapesOf(l, 'dw')[2]);
    const size = outputSize(l);
    return accumulate((add) => {
      for (let n = 0; n < l.images; n++) {
        for (let oy = 0; oy < size; oy++) {
          const iy = oy * l.stride + ky - l.pad;
          if (iy < 0 || iy >= l.size) continue;
          for (let ox = 0; ox < size; ox++) {
            const ix = ox * l.stride + kx - l.pad;
            if (ix >= 0 && ix < l.size) add(x[xAt(l, n, iy, ix, c)] * g[yAt(l, n, oy, ox, o)]);
          }
        }
      }
    });
  },
};

const xAt = (l: ConvLayer, n: number, y: number, x: number, c: number) =>
  ((n * l.size + y) * l.size + x) * l.channels + c;
const wAt = (l: ConvLayer, o: number, y: number, x: number, c: number) =>
  ((o * l.kernel + y) * l.kernel + x) * l.channels + c;
const yAt = (l: ConvLayer, n: number, y: number, x: number, o: number) =>
  ((n * outputSize(l) + y) * outputSize(l) + x) * l.out + o;

/** Along one axis: kernel and input positions that output position `o` reads. */
function taps(l: ConvLayer, o: number): [k: number, i: number][] {
  const all = Array.from({ length: l.kernel }, (_, k): [number, number] => [k, o * l.stride + k - l.pad]);
  return all.filter(([, i]) => i >= 0 && i < l.size);
}

/** Along one axis: kernel and output positions that read input position `i`. */
function windows(l: ConvLayer, i: number): [k: number, o: number][] {
  const all = Array.from({ length: l.kernel }, (_, k): [number, number] => [k, (i + l.pad - k) / l.stride]);
  return all.filter(([, o]) => Number.isInteger(o) && o >= 0 && o < outputSize(l));
}

function accumulate(each: (add: (product: number) => void) => void): Sum {
  let sum = 0;
  let scale = 0;
  each((product) => {
    sum += product;
    scale += Math.abs(product);
  });
  return { sum, scale };
}
