import type { ConvAttrs } from '../../src/ops/conv.js';

/** A convolution as the float64 reference sees it. `ci` and `co` are channels of one group. */
export interface ConvCase extends ConvAttrs {
  images: number;
  ci: number;
  co: number;
  /** Models on a leading axis, and which of x and weight have one of their own. */
  models: number;
  ownX: boolean;
  ownWeight: boolean;
}

export const inputShape = (c: ConvCase): number[] => [
  ...(c.ownX ? [c.models] : []),
  c.images,
  ...c.input,
  c.ci * c.groups,
];
export const weightShape = (c: ConvCase): number[] => [
  ...(c.ownWeight ? [c.models] : []),
  c.co * c.groups,
  ...c.kernel,
  c.ci,
];
export const outputShape = (c: ConvCase): number[] => [
  ...(c.ownX || c.ownWeight ? [c.models] : []),
  c.images,
  ...c.output,
  c.co * c.groups,
];

/** Size of a result along one axis. */
export const outputSize = (
  size: number,
  kernel: number,
  stride: number,
  before: number,
  after: number,
  dilation: number,
): number => Math.floor((size + before + after - (kernel - 1) * dilation - 1) / stride) + 1;

/** Calls `term(x, w, y)` with the flat indices of every product x[x] * w[w] that is added to y[y]. */
function forEachTerm(c: ConvCase, term: (x: number, w: number, y: number) => void): void {
  const [[h, w], [ho, wo], [kh, kw]] = [c.input, c.output, c.kernel];
  const [cx, cy] = [c.ci * c.groups, c.co * c.groups];
  const models = c.ownX || c.ownWeight ? c.models : 1;
  for (let m = 0; m < models; m++) {
    for (let n = 0; n < c.images; n++) {
      for (let oy = 0; oy < ho; oy++) {
        for (let ox = 0; ox < wo; ox++) {
          const y0 = (((m * c.images + n) * ho + oy) * wo + ox) * cy;
          for (let ky = 0; ky < kh; ky++) {
            const iy = oy * c.stride[0] + ky * c.dilation[0] - c.pad[0];
            if (iy < 0 || iy >= h) continue;
            for (let kx = 0; kx < kw; kx++) {
              const ix = ox * c.stride[1] + kx * c.dilation[1] - c.pad[1];
              if (ix < 0 || ix >= w) continue;
              const x0 = ((((c.ownX ? m : 0) * c.images + n) * h + iy) * w + ix) * cx;
              for (let o = 0; o < cy; o++) {
                const group = Math.floor(o / c.co);
                const w0 = ((((c.ownWeight ? m : 0) * cy + o) * kh + ky) * kw + kx) * c.ci;
                for (let i = 0; i < c.ci; i++) term(x0 + group * c.ci + i, w0 + i, y0 + o);
              }
            }
          }
        }
      }
    }
  }
}

const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

const ACTIVATIONS: Record<ConvAttrs['activation'], (v: number) => number> = {
  none: (v) => v,
  relu: (v) => Math.max(v, 0),
  tanh: Math.tanh,
  sigmoid: (v) => 1 / (1 + Math.exp(-v)),
};

/** act(conv(x, weight) + bias); bias [out], or [models, out] flat. */
export function referenceConv(
  c: ConvCase,
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  bias?: ArrayLike<number>,
): Float64Array {
  const out = new Float64Array(count(outputShape(c)));
  forEachTerm(c, (i, j, k) => {
    out[k] += x[i] * weight[j];
  });
  const channels = c.co * c.groups;
  const perModel = out.length / (outputShape(c).length === 5 ? c.models : 1);
  const act = ACTIVATIONS[c.activation];
  return out.map((v, i) => {
    const own = bias && bias.length > channels ? Math.floor(i / perModel) * channels : 0;
    return act(v + (bias ? bias[own + (i % channels)] : 0));
  });
}

/** Gradient of <g, conv(x, weight)> with respect to x. */
export function referenceInput(c: ConvCase, g: ArrayLike<number>, weight: ArrayLike<number>): Float64Array {
  const out = new Float64Array(count(inputShape(c)));
  forEachTerm(c, (i, j, k) => {
    out[i] += weight[j] * g[k];
  });
  return out;
}

/** Gradient of <g, conv(x, weight)> with respect to the weight. */
export function referenceWeight(c: ConvCase, x: ArrayLike<number>, g: ArrayLike<number>): Float64Array {
  const out = new Float64Array(count(weightShape(c)));
  forEachTerm(c, (i, j, k) => {
    out[j] += x[i] * g[k];
  });
  return out;
}

/** One model, stride and dilation 1, no padding, unless given. */
export function plain(g: Pick<ConvCase, 'images' | 'ci' | 'co' | 'input' | 'kernel'> & Partial<ConvCase>): ConvCase {
  const whole = {
    ...{ stride: [1, 1], pad: [0, 0], dilation: [1, 1], groups: 1, activation: 'none', models: 1 },
    ...{ ownX: false, ownWeight: false, output: [0, 0] },
    ...g,
  } as ConvCase;
  const size = (a: 0 | 1) =>
    outputSize(whole.input[a], whole.kernel[a], whole.stride[a], whole.pad[a], whole.pad[a], whole.dilation[a]);
  return { ...whole, output: [size(0), size(1)] };
}
