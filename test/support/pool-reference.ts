import type { PoolOptions } from '../../src/index.js';

/** Float64 references of pooling, window by window. */
export type Two = [number, number];

/** One window of an axis, as PyTorch lays it: clipped range, and the length that an average divides by. */
interface Window {
  first: number;
  end: number;
  counted: number;
}

function windowsOf(size: number, k: number, stride: number, pad: number, ceil: boolean, countPad: boolean): Window[] {
  let count = (ceil ? Math.ceil((size + 2 * pad - k) / stride) : Math.floor((size + 2 * pad - k) / stride)) + 1;
  if (ceil && (count - 1) * stride >= size + pad) count--;
  return Array.from({ length: count }, (_, o) => {
    const start = o * stride - pad;
    const reach = Math.min(start + k, size + pad);
    const [first, end] = [Math.max(start, 0), Math.min(reach, size)];
    return { first, end, counted: countPad ? reach - start : end - first };
  });
}

export const shared = (size: number, parts: number): Window[] =>
  Array.from({ length: parts }, (_, o) => {
    const [first, end] = [Math.floor((o * size) / parts), Math.ceil(((o + 1) * size) / parts)];
    return { first, end, counted: end - first };
  });

export interface Geometry {
  images: number;
  size: Two;
  channels: number;
  rows: Window[];
  cols: Window[];
}

/** Walks windows in row-major order with the flat positions of their pixels. */
function overWindows(
  g: Geometry,
  visit: (out: number, pixels: { flat: number; inImage: number }[], counted: number) => void,
): void {
  for (let n = 0; n < g.images; n++) {
    g.rows.forEach((row, r) => {
      g.cols.forEach((col, c) => {
        for (let ch = 0; ch < g.channels; ch++) {
          const pixels = [];
          for (let y = row.first; y < row.end; y++) {
            for (let x = col.first; x < col.end; x++) {
              const inImage = y * g.size[1] + x;
              pixels.push({ flat: (n * g.size[0] * g.size[1] + inImage) * g.channels + ch, inImage });
            }
          }
          visit(((n * g.rows.length + r) * g.cols.length + c) * g.channels + ch, pixels, row.counted * col.counted);
        }
      });
    });
  }
}

export const outSize = (g: Geometry) => g.images * g.rows.length * g.cols.length * g.channels;

export function maxRef(x: ArrayLike<number>, g: Geometry) {
  const values = new Float64Array(outSize(g));
  const index = new Int32Array(outSize(g));
  overWindows(g, (o, pixels) => {
    let best = pixels[0];
    for (const p of pixels) if (x[p.flat] > x[best.flat] || Number.isNaN(x[p.flat])) best = p;
    values[o] = x[best.flat];
    index[o] = best.inImage;
  });
  return { values, index };
}

export function maxBack(u: ArrayLike<number>, index: ArrayLike<number>, g: Geometry) {
  const dx = new Float64Array(g.images * g.size[0] * g.size[1] * g.channels);
  overWindows(g, (o, pixels) => {
    dx[pixels.find((p) => p.inImage === index[o])!.flat] += u[o];
  });
  return dx;
}

export function avgRef(x: ArrayLike<number>, g: Geometry) {
  const y = new Float64Array(outSize(g));
  overWindows(g, (o, pixels, counted) => {
    y[o] = pixels.reduce((s, p) => s + x[p.flat], 0) / counted;
  });
  return y;
}

export function avgBack(u: ArrayLike<number>, g: Geometry) {
  const dx = new Float64Array(g.images * g.size[0] * g.size[1] * g.channels);
  overWindows(g, (o, pixels, counted) => {
    for (const p of pixels) dx[p.flat] += u[o] / counted;
  });
  return dx;
}

const two = (v: number | readonly number[]): Two => (typeof v === 'number' ? [v, v] : [v[0], v[1]]);

export function sliding(images: number, size: Two, channels: number, o: PoolOptions, countPad = false): Geometry {
  const [k, s, p] = [two(o.kernel), two(o.stride ?? o.kernel), two(o.padding ?? 0)];
  const axis = (a: 0 | 1) => windowsOf(size[a], k[a], s[a], p[a], o.ceilMode ?? false, countPad);
  return { images, size, channels, rows: axis(0), cols: axis(1) };
}
