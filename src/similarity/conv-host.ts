import type { HostActivations } from './activations.js';

/** An array of the same type with `size` zeros. */
const like = (data: HostActivations['data'], size: number): HostActivations['data'] =>
  data instanceof Float64Array ? new Float64Array(size) : new Float32Array(size);

/** Some rows of [points, neurons]. */
export function hostRows({ data, shape: [, neurons] }: HostActivations, rows: Int32Array): HostActivations {
  const out = like(data, rows.length * neurons);
  rows.forEach((row, i) => {
    out.set(data.subarray(row * neurons, (row + 1) * neurons), i * neurons);
  });
  return { data: out, shape: [rows.length, neurons] };
}

/** Means over the positions of maps [n, h, w, channels]: [n, channels]. */
export function hostPooled({ data, shape: [n, h, w, channels] }: HostActivations): HostActivations {
  const sums = new Float64Array(n * channels);
  for (let at = 0; at < data.length; at++) {
    const image = Math.floor(at / (h * w * channels));
    sums[image * channels + (at % channels)] += data[at] / (h * w);
  }
  const out = like(data, sums.length);
  out.set(sums);
  return { data: out, shape: [n, channels] };
}

/** Maps [n, h, w, channels] bilinearly resampled as `resize2d` does: edges meet edges. */
export function hostResized(
  { data, shape: [n, h, w, channels] }: HostActivations,
  [oh, ow]: readonly [number, number],
): HostActivations {
  const out = like(data, n * oh * ow * channels);
  const [rows, cols] = [taps(h, oh), taps(w, ow)];
  for (let i = 0; i < n; i++) {
    rows.forEach((row, y) => {
      cols.forEach((col, x) => {
        const at = (r: number, c: number) => ((i * h + r) * w + c) * channels;
        const to = ((i * oh + y) * ow + x) * channels;
        for (let k = 0; k < channels; k++) {
          const upper = blend(data[at(row.low, col.low) + k], data[at(row.low, col.high) + k], col.share);
          const lower = blend(data[at(row.high, col.low) + k], data[at(row.high, col.high) + k], col.share);
          out[to + k] = blend(upper, lower, row.share);
        }
      });
    });
  }
  return { data: out, shape: [n, oh, ow, channels] };
}

const blend = (a: number, b: number, share: number): number => a + share * (b - a);

/** Which two pixels of `size` each of `count` positions lies between, and how far from the first. */
function taps(size: number, count: number): { low: number; high: number; share: number }[] {
  return Array.from({ length: count }, (_, o) => {
    const position = Math.max(0, ((o + 0.5) * size) / count - 0.5);
    const low = Math.min(Math.floor(position), size - 1);
    return { low, high: Math.min(low + 1, size - 1), share: position - low };
  });
}
