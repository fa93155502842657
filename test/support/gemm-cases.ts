import {
  type ConvAttrs,
  conv2d,
  conv2dInput,
  conv2dWeight,
  type Device,
  matmul,
  type Tensor,
  tensor,
} from '../../src/index.js';
import { overrideDepthwise } from '../../src/ops/depthwise.js';
import {
  type ConvCase,
  inputShape,
  outputShape,
  outputSize,
  referenceConv,
  referenceInput,
  referenceWeight,
  weightShape,
} from '../ops/conv-reference.js';
import type { Inputs } from './random.js';

/** One product with every structural choice fixed, and its value in float64. */
export interface GemmCase {
  name: string;
  /** Ways that k is split; 1 where it may not be. */
  splits: number;
  half?: boolean;
  /** Draws inputs; `run` owns what it makes (call it inside a scope). */
  draw(inputs: Inputs): { run(device: Device): Tensor; expected: Float64Array };
}

interface MatmulCase {
  size: [m: number, n: number, k: number];
  parts?: number;
  transA?: boolean;
  transB?: boolean;
  half?: boolean;
  /** One row for all parts, or one for each. */
  bias?: 'shared' | 'own';
  activation?: 'none' | 'relu' | 'tanh' | 'sigmoid';
  splits?: number;
}

const ACTIVATIONS = {
  none: (v: number) => v,
  relu: (v: number) => Math.max(v, 0),
  tanh: Math.tanh,
  sigmoid: (v: number) => 1 / (1 + Math.exp(-v)),
};

/** Nearest value that f16 holds, for normal numbers. */
const toHalf = (v: number): number => {
  if (v === 0) return 0;
  const step = 2 ** (Math.floor(Math.log2(Math.abs(v))) - 10);
  return Math.round(v / step) * step;
};

function matmulCase(name: string, c: MatmulCase): GemmCase {
  const [m, n, k] = c.size;
  const { parts = 1, transA = false, transB = false, half = false, activation = 'none' } = c;
  return {
    name: `matmul ${name}`,
    splits: c.splits ?? 1,
    half,
    draw(inputs) {
      const values = (count: number) => {
        const v = inputs.uniform(count);
        return half ? v.map(toHalf) : v;
      };
      const a = values(parts * m * k);
      const b = values(parts * k * n);
      const bias = c.bias && inputs.uniform(c.bias === 'own' ? parts * n : n);
      const expected = new Float64Array(parts * m * n);
      for (let p = 0; p < parts; p++) {
        for (let i = 0; i < m; i++) {
          for (let j = 0; j < n; j++) {
            let s = bias ? bias[c.bias === 'own' ? p * n + j : j] : 0;
            for (let x = 0; x < k; x++) {
              s += a[p * m * k + (transA ? x * m + i : i * k + x)] * b[p * n * k + (transB ? j * k + x : x * n + j)];
            }
            expected[(p * m + i) * n + j] = ACTIVATIONS[activation](s);
          }
        }
      }
      const dtype = half ? 'f16' : 'f32';
      const run = (device: Device) =>
        matmul(
          tensor(device, a, { shape: transA ? [parts, k, m] : [parts, m, k], dtype }),
          tensor(device, b, { shape: transB ? [parts, n, k] : [parts, k, n], dtype }),
          {
            transA,
            transB,
            activation,
            bias: bias && tensor(device, bias, { shape: c.bias === 'own' ? [parts, 1, n] : [n] }),
          },
        );
      return { run, expected };
    },
  };
}

type Direction = 'forward' | 'input' | 'weight';
interface Geometry extends Partial<Omit<ConvAttrs, 'output'>> {
  images?: number;
  ci: number;
  co: number;
  input: [number, number];
  kernel: [number, number];
  models?: number;
  bias?: boolean;
  splits?: number;
}

function convCase(direction: Direction, name: string, g: Geometry): GemmCase {
  const stride = g.stride ?? [1, 1];
  const pad = g.pad ?? [0, 0];
  const dilation = g.dilation ?? [1, 1];
  const size = (a: 0 | 1) => outputSize(g.input[a], g.kernel[a], stride[a], pad[a], pad[a], dilation[a]);
  const c: ConvCase = {
    stride,
    pad,
    dilation,
    groups: g.groups ?? 1,
    kernel: g.kernel,
    input: g.input,
    output: [size(0), size(1)],
    activation: g.activation ?? 'none',
    images: g.images ?? 2,
    ci: g.ci,
    co: g.co,
    models: g.models ?? 1,
    ownX: g.models !== undefined,
    ownWeight: g.models !== undefined,
  };
  const count = (shape: number[]) => shape.reduce((a, b) => a * b, 1);
  return {
    name: `conv ${direction} ${name}`,
    splits: g.splits ?? 1,
    draw(inputs) {
      const make = (shape: number[]) => ({ shape, values: inputs.uniform(count(shape)) });
      const [x, w, y] = [make(inputShape(c)), make(weightShape(c)), make(outputShape(c))];
      const bias = g.bias ? make([...(c.ownWeight ? [c.models] : []), c.co * c.groups]) : null;
      const on = (device: Device, t: { shape: number[]; values: Float32Array }) =>
        tensor(device, t.values, { shape: t.shape });
      const run = (device: Device): Tensor => {
        overrideDepthwise(device, 'gemm');
        try {
          if (direction === 'input') return conv2dInput(on(device, y), on(device, w), c);
          if (direction === 'weight') return conv2dWeight(on(device, x), on(device, y), c);
          return conv2d(on(device, x), on(device, w), {
            stride,
            padding: pad,
            dilation,
            groups: c.groups,
            activation: c.activation,
            bias: bias ? on(device, bias) : undefined,
          });
        } finally {
          overrideDepthwise(device, null);
        }
      };
      const expected =
        direction === 'input'
          ? referenceInput(c, y.values, w.values)
          : direction === 'weight'
            ? referenceWeight(c, x.values, y.values)
            : referenceConv(c, x.values, w.values, bias?.values);
      return { run, expected };
    },
  };
}

/**
 * The least that shows a tile sound: several tiles and a part of one either way, several steps of k and a part of one,
 * and each of the four ways to store C.
 */
export const CORE: GemmCase[] = [
  matmulCase('k4 x i4, columns by four', { size: [140, 148, 44] }),
  matmulCase('scalar x scalar with a tail, bias, relu', {
    size: [37, 133, 35],
    parts: 2,
    bias: 'own',
    activation: 'relu',
  }),
  convCase('forward', 'k4 x k4, rows by four', {
    ...{ ci: 8, co: 20, groups: 2, input: [9, 8], kernel: [3, 2], stride: [2, 1], pad: [2, 1], images: 3 },
    ...{ bias: true, activation: 'relu' },
  }),
  convCase('input', 'scalar x scalar, rows one by one', {
    ...{ ci: 3, co: 5, input: [11, 13], kernel: [3, 4], stride: [2, 3], pad: [2, 1], dilation: [2, 1] },
  }),
];

/** Every other loader, operand type, bias, activation and split. */
export const MORE: GemmCase[] = [
  matmulCase('k4 x k4', { size: [36, 68, 20], transB: true }),
  matmulCase('i4 x i4, split', { size: [36, 40, 60], transA: true, splits: 3 }),
  matmulCase('i4 x k4', { size: [36, 40, 20], transA: true, transB: true, parts: 2 }),
  matmulCase('i4 x i4 with a tail, split', { size: [36, 40, 61], transA: true, splits: 4 }),
  matmulCase('rows by four with bias, tanh', { size: [70, 12, 20], bias: 'shared', activation: 'tanh' }),
  matmulCase('rows one by one with bias, sigmoid', { size: [70, 9, 18], bias: 'own', parts: 2, activation: 'sigmoid' }),
  matmulCase('k4 x i4 with bias, tanh', { size: [10, 36, 20], bias: 'shared', activation: 'tanh' }),
  matmulCase('f16, k4 x i4', { size: [33, 36, 20], half: true }),
  matmulCase('f16, i4 x scalar with a tail', { size: [36, 37, 19], transA: true, half: true }),
  matmulCase('one element', { size: [1, 1, 1] }),
  convCase('forward', 'scalar x scalar, tail', {
    ci: 3,
    co: 5,
    input: [9, 7],
    kernel: [3, 3],
    pad: [1, 1],
    bias: true,
  }),
  convCase('forward', 'k4 x scalar, own weights', {
    ci: 1,
    co: 4,
    input: [6, 7],
    kernel: [2, 2],
    models: 2,
    bias: true,
  }),
  convCase('input', 'i4 x k4, strided', { ci: 4, co: 8, input: [9, 10], kernel: [3, 3], stride: [2, 2], pad: [1, 1] }),
  convCase('input', 'i4 x scalar, phases without taps', {
    ...{ ci: 4, co: 3, groups: 2, input: [8, 9], kernel: [2, 3], stride: [2, 3], dilation: [2, 2], models: 2 },
  }),
  convCase('input', 'stride beyond the kernel', { ci: 4, co: 4, input: [10, 9], kernel: [1, 2], stride: [3, 3] }),
  convCase('weight', 'i4 x i4, split', {
    ...{ ci: 4, co: 12, input: [9, 10], kernel: [3, 2], stride: [2, 1], pad: [1, 1], images: 3, splits: 3 },
  }),
  convCase('weight', 'scalar x scalar, tail', {
    ...{
      ci: 3,
      co: 5,
      groups: 2,
      input: [7, 9],
      kernel: [3, 3],
      stride: [1, 2],
      pad: [1, 0],
      dilation: [2, 1],
      models: 2,
    },
  }),
];
