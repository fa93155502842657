import { type Device, scope, type Tensor, tensor } from '../../src/index.js';
import { conv2dInput, conv2dLike, conv2dWeight } from '../../src/ops/conv.js';
import type { Candidate, Case, Family } from '../case.js';
import { attrsOf, type ConvLayer, type ConvResult, checkConvolution, shapesOf } from '../conv-reference.js';
import { deviceWork, resultOf } from '../device-work.js';
import { uniform } from '../peers/lib/random.mjs';

/** ResNet-20's distinct layers at batch 32, and the two of the ConvNet at batch 250. */
const LAYERS: ConvLayer[] = [
  {
    name: 'ResNet-20 stem 3-16 32x32',
    images: 32,
    size: 32,
    channels: 3,
    out: 16,
    kernel: 3,
    stride: 1,
    pad: 1,
    firstLayer: true,
  },
  { name: 'ResNet-20 16-16 32x32', images: 32, size: 32, channels: 16, out: 16, kernel: 3, stride: 1, pad: 1 },
  { name: 'ResNet-20 16-32 /2 32x32', images: 32, size: 32, channels: 16, out: 32, kernel: 3, stride: 2, pad: 1 },
  { name: 'ResNet-20 32-32 16x16', images: 32, size: 16, channels: 32, out: 32, kernel: 3, stride: 1, pad: 1 },
  { name: 'ResNet-20 32-64 /2 16x16', images: 32, size: 16, channels: 32, out: 64, kernel: 3, stride: 2, pad: 1 },
  { name: 'ResNet-20 64-64 8x8', images: 32, size: 8, channels: 64, out: 64, kernel: 3, stride: 1, pad: 1 },
  {
    name: 'ConvNet 1-24 5x5 28x28',
    images: 250,
    size: 28,
    channels: 1,
    out: 24,
    kernel: 5,
    stride: 1,
    pad: 0,
    firstLayer: true,
  },
  { name: 'ConvNet 24-32 12x12', images: 250, size: 12, channels: 24, out: 32, kernel: 3, stride: 1, pad: 0 },
];

/** Large enough to fill a GPU. */
const GPU_LAYERS: ConvLayer[] = [
  { name: '64-64 56x56', images: 64, size: 56, channels: 64, out: 64, kernel: 3, stride: 1, pad: 1 },
  { name: '256-256 14x14', images: 64, size: 14, channels: 256, out: 256, kernel: 3, stride: 1, pad: 1 },
];

const RUN: Record<ConvResult, (layer: ConvLayer, first: Tensor, second: Tensor) => Tensor> = {
  y: (layer, x, w) => conv2dLike(x, w, attrsOf(layer)),
  dx: (layer, g, w) => conv2dInput(g, w, attrsOf(layer)),
  dw: (layer, x, g) => conv2dWeight(x, g, attrsOf(layer)),
};

function candidate(device: Device, layer: ConvLayer, result: ConvResult): Candidate {
  return {
    name: 'secateur',
    kind: 'engine',
    async prepare() {
      const [first, second, out] = shapesOf(layer, result);
      const sizes = [first, second, out].map((s) => s.reduce((a, b) => a * b, 1));
      const hosts = [uniform(sizes[0], -1, 1, 1, 1), uniform(sizes[1], -1, 1, 1, 2)];
      const [a, b] = [tensor(device, hosts[0], { shape: first }), tensor(device, hosts[1], { shape: second })];
      const free = () => {
        a.dispose();
        b.dispose();
      };
      try {
        const values = await resultOf(() => RUN[result](layer, a, b));
        const y = shapesOf(layer, 'y')[2].reduce((p, q) => p * q, 1);
        return deviceWork(device, {
          call: () => scope(() => void RUN[result](layer, a, b)),
          check: checkConvolution(layer, result, hosts[0], hosts[1], values),
          // All three touch every tap of every output pixel once, zeros of the padding included.
          cost: { flops: 2 * y * layer.kernel ** 2 * layer.channels, bytes: 4 * (sizes[0] + sizes[1] + sizes[2]) },
          dispose: free,
        });
      } catch (error) {
        free();
        throw error;
      }
    },
  };
}

/** y, and the gradients that a training step needs of it: none with respect to images. */
const family: Family = ({ device }) => {
  const layers = device.deviceClass === 'software' ? LAYERS : [...LAYERS, ...GPU_LAYERS];
  return layers.flatMap((layer) =>
    (layer.firstLayer ? (['y', 'dw'] as const) : (['y', 'dx', 'dw'] as const)).map(
      (result): Case => ({ name: `conv ${layer.name} ${result}`, candidates: [candidate(device, layer, result)] }),
    ),
  );
};

export default family;
