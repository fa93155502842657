import { type Device, type Tensor, tensor } from '../../src/index.js';
import { csrPattern, densify, type Pattern } from '../../src/sparse/index.js';
import type { ConvCase } from '../ops/conv-reference.js';
import { inputShape, outputShape, outputSize, weightShape } from '../ops/conv-reference.js';
import type { Inputs } from '../support/random.js';

export const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** A sparse weight on the host: where its nonzeros are in the dense one, row by row. */
export interface HostWeight {
  offsets: number[];
  columns: number[];
  /** Positions of the nonzeros in the dense weight. */
  places: number[];
}

/** Entries of a weight, each kept with the given chance. */
export function drawWeight(inputs: Inputs, c: ConvCase, density: number): HostWeight {
  const columns = count(c.kernel) * c.ci;
  const rows = count(weightShape(c)) / Math.max(1, columns);
  const weight: HostWeight = { offsets: [0], columns: [], places: [] };
  for (let r = 0; r < rows; r++) {
    const kept = inputs.uniform(columns, 0, 1);
    for (let k = 0; k < columns; k++) {
      if (kept[k] >= density) continue;
      weight.columns.push(k);
      weight.places.push(r * columns + k);
    }
    weight.offsets.push(weight.columns.length);
  }
  return weight;
}

export const patternOfCase = (device: Device, c: ConvCase, w: HostWeight): Pattern =>
  csrPattern(device, {
    rows: c.co * c.groups,
    cols: count(c.kernel) * c.ci,
    parts: c.ownWeight ? c.models : 1,
    offsets: w.offsets,
    columns: w.columns,
  });

/** The dense weight of values at the nonzeros. */
export function dense(c: ConvCase, w: HostWeight, values: ArrayLike<number>): Float64Array {
  const out = new Float64Array(count(weightShape(c)));
  w.places.forEach((place, p) => {
    out[place] = values[p];
  });
  return out;
}

/** What is left of a dense gradient at the nonzeros. */
export const sampled = (w: HostWeight, gradient: ArrayLike<number>): Float64Array =>
  Float64Array.from(w.places, (place) => gradient[place]);

/** The dense weight on the device. */
export const denseWeight = (c: ConvCase, pattern: Pattern, values: Tensor): Tensor =>
  densify(pattern, values, { shape: weightShape(c) });

/** Fresh tensors of a case: x, values, a cotangent, and a bias. */
export function drawTensors(inputs: Inputs, c: ConvCase, w: HostWeight) {
  return {
    x: inputs.uniform(count(inputShape(c))),
    values: inputs.uniform(w.columns.length),
    g: inputs.uniform(count(outputShape(c))),
    bias: inputs.uniform((c.ownWeight ? c.models : 1) * c.co * c.groups),
  };
}

export const biasShape = (c: ConvCase): number[] => [...(c.ownWeight ? [c.models] : []), c.co * c.groups];
export const put = (device: Device, values: Float32Array, shape: readonly number[]): Tensor =>
  tensor(device, values, { shape });

/** A geometry with every choice fresh, small enough for a quick reference. */
export function drawCase(inputs: Inputs): { c: ConvCase; padding: number[]; density: number } {
  const pick = <T>(...of: T[]): T => of[inputs.integer(of.length)];
  const two = (f: () => number): [number, number] => [f(), f()];
  for (;;) {
    const depthwise = inputs.integer(5) === 0;
    const input = two(() => pick(1, 2, 3, 4, 5, 6, 7, 8, 9, 11));
    const kernel = two(() => pick(1, 1, 2, 3, 3, 4, 5));
    const stride = two(() => pick(1, 1, 2, 3));
    const dilation = two(() => pick(1, 1, 1, 2, 3));
    const padding = [0, 0, 0, 0].map(() => inputs.integer(4));
    const size = (a: 0 | 1) =>
      outputSize(input[a], kernel[a], stride[a], padding[2 * a], padding[2 * a + 1], dilation[a]);
    const own = inputs.integer(3) === 0;
    const c: ConvCase = {
      ...{ input, kernel, stride, dilation, output: [size(0), size(1)], pad: [padding[0], padding[2]] },
      groups: depthwise ? pick(2, 3, 8, 40) : pick(1, 1, 2, 3),
      ci: depthwise ? 1 : pick(1, 2, 3, 4, 5, 8, 12, 24),
      co: depthwise ? pick(1, 2) : pick(1, 2, 3, 4, 5, 8, 12),
      ...{ images: pick(1, 2, 3), models: pick(2, 3), ownWeight: own, ownX: own && inputs.integer(2) === 0 },
      activation: pick('none', 'none', 'relu', 'tanh', 'sigmoid'),
    };
    if (Math.min(...c.output) < 1 || count(outputShape(c)) * count(kernel) * c.ci > 100_000) continue;
    return { c, padding, density: pick(0, 0.05, 0.2, 0.5, 1) };
  }
}
