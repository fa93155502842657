import type { Device } from '../gpu/device.js';
import { conv2dInput, conv2dLike, conv2dWeight } from '../ops/conv.js';
import { matmul } from '../ops/matmul.js';
import { philoxUniform } from '../tensor/philox.js';
import { type Tensor, tensor } from '../tensor/tensor.js';

/** One op of one product, with its inputs. */
export interface Multiplication {
  name: string;
  inputs(): Tensor[];
  run(inputs: readonly Tensor[]): Tensor;
}

/**
 * The products that a table is measured on: matmul in the transposed forms that a layer and its gradients need and
 * with scalar loads, over powers of two; and convolutions y, dx and dw of common layers.
 */
export function multiplications(device: Device, quick: boolean): Multiplication[] {
  const software = device.deviceClass === 'software';
  const sizes = quick
    ? [64, 256]
    : software
      ? [32, 64, 128, 256, 512, 1024, 2048]
      : [32, 64, 128, 256, 512, 1024, 2048, 4096];
  const most = software ? 0.3e9 : 1.4e11;
  const least = software ? 2e6 : 2e7;
  const products: Multiplication[] = [];
  for (const m of sizes) {
    for (const n of sizes) {
      for (const k of sizes) {
        const flops = 2 * m * n * k;
        if (flops < least || flops > most) continue;
        for (const form of FORMS) products.push(product(device, m, n, k, form));
      }
    }
  }
  for (const layer of quick ? LAYERS.slice(1, 2) : LAYERS) products.push(...convolutions(device, layer));
  return products;
}

interface Form {
  name: string;
  transA: boolean;
  transB: boolean;
  /** Taken off every size: nothing is a multiple of four, so that operands are loaded one number at a time. */
  less: number;
}

const FORMS: readonly Form[] = [
  { name: 'A B', transA: false, transB: false, less: 0 },
  { name: 'A Bᵀ', transA: false, transB: true, less: 0 },
  { name: 'Aᵀ B', transA: true, transB: false, less: 0 },
  { name: 'A B, odd', transA: false, transB: false, less: 1 },
];

const random = (device: Device, shape: readonly number[], stream: number): Tensor =>
  tensor(
    device,
    philoxUniform(
      1,
      stream,
      0,
      shape.reduce((a, b) => a * b, 1),
    ).map((x) => 2 * x - 1),
    { shape },
  );

function product(device: Device, m0: number, n0: number, k0: number, form: Form): Multiplication {
  const [m, n, k] = [m0 - form.less, n0 - form.less, k0 - form.less];
  const { transA, transB } = form;
  return {
    name: `${form.name} ${m} x ${n} x ${k}`,
    inputs: () => [random(device, transA ? [k, m] : [m, k], 1), random(device, transB ? [n, k] : [k, n], 2)],
    run: ([a, b]) => matmul(a, b, { transA, transB }),
  };
}

/** Square images and kernels, padded so that stride 1 keeps the size. */
interface Layer {
  images: number;
  size: number;
  channels: number;
  out: number;
  kernel: number;
  stride: number;
}

const LAYERS: readonly Layer[] = [
  { images: 128, size: 28, channels: 1, out: 32, kernel: 5, stride: 1 },
  { images: 32, size: 16, channels: 32, out: 32, kernel: 3, stride: 1 },
  ...[32, 128].flatMap((images): Layer[] => [
    { images, size: 32, channels: 3, out: 16, kernel: 3, stride: 1 },
    { images, size: 32, channels: 16, out: 16, kernel: 3, stride: 1 },
    { images, size: 32, channels: 16, out: 32, kernel: 3, stride: 2 },
    { images, size: 16, channels: 32, out: 64, kernel: 3, stride: 2 },
    { images, size: 8, channels: 64, out: 64, kernel: 3, stride: 1 },
    { images, size: 16, channels: 64, out: 64, kernel: 3, stride: 1 },
    { images, size: 8, channels: 128, out: 128, kernel: 3, stride: 1 },
  ]),
  { images: 128, size: 16, channels: 32, out: 32, kernel: 3, stride: 1 },
];

function convolutions(device: Device, layer: Layer): Multiplication[] {
  const { images, size, channels, out, kernel, stride } = layer;
  const pad = (kernel - 1) / 2;
  const o = Math.floor((size + 2 * pad - kernel) / stride) + 1;
  const x = [images, size, size, channels];
  const w = [out, kernel, kernel, channels];
  const y = [images, o, o, out];
  const attrs = {
    stride: [stride, stride],
    pad: [pad, pad],
    dilation: [1, 1],
    groups: 1,
    kernel: [kernel, kernel],
    input: [size, size],
    output: [o, o],
    activation: 'none',
  } as const;
  const name = `conv ${channels}-${out} ${kernel}x${kernel}${stride > 1 ? ` /${stride}` : ''} of ${images} x ${size} x ${size}`;
  const inputs = (first: readonly number[], second: readonly number[]) => () => [
    random(device, first, 1),
    random(device, second, 2),
  ];
  return [
    { name: `${name}, y`, inputs: inputs(x, w), run: ([a, b]) => conv2dLike(a, b, attrs) },
    // A gradient with respect to images of few channels is that of a first layer, which nothing asks for.
    ...(channels < 4
      ? []
      : [{ name: `${name}, dx`, inputs: inputs(y, w), run: ([a, b]: readonly Tensor[]) => conv2dInput(a, b, attrs) }]),
    { name: `${name}, dw`, inputs: inputs(x, y), run: ([a, b]) => conv2dWeight(a, b, attrs) },
  ];
}
