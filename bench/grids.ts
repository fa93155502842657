import type { Device } from '../src/gpu/device.js';

/** Shares of zeros that pruning papers report. */
export const SPARSITIES = [0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995];
const QUICK_SPARSITIES = [0.7, 0.9, 0.98];

export const sparsities = (quick: boolean): number[] => (quick ? QUICK_SPARSITIES : SPARSITIES);

/** A product of a pruned layer: weights [m, k] times activations [k, n], n being tokens, images or pixels. */
export interface ProductSize {
  name: string;
  m: number;
  k: number;
  n: number;
  /** Left out where only a GPU finishes it in reasonable time. */
  large?: boolean;
}

const PRODUCTS: ProductSize[] = [
  { name: 'square 512', m: 512, k: 512, n: 512 },
  { name: 'square 1024', m: 1024, k: 1024, n: 1024, large: true },
  // Transformer base: attention projections, and both layers of the feed-forward block, on 256 tokens.
  { name: 'Transformer projection', m: 512, k: 512, n: 256 },
  { name: 'Transformer feed-forward in', m: 2048, k: 512, n: 256 },
  { name: 'Transformer feed-forward out', m: 512, k: 2048, n: 256 },
  { name: 'Transformer big feed-forward', m: 4096, k: 1024, n: 1024, large: true },
  // ResNet-50's 1x1 convolutions are products of their pixels: one image of 224 x 224.
  { name: 'ResNet-50 1x1 64-256', m: 256, k: 64, n: 3136 },
  { name: 'ResNet-50 1x1 512-128', m: 128, k: 512, n: 784 },
  { name: 'ResNet-50 1x1 1024-256', m: 256, k: 1024, n: 196 },
  { name: 'ResNet-50 1x1 512-2048', m: 2048, k: 512, n: 49 },
  // VGG-16's classifier, on a batch of 32.
  { name: 'VGG-16 classifier', m: 4096, k: 4096, n: 32, large: true },
];

export function productSizes(device: Device, quick: boolean): ProductSize[] {
  if (quick) return [PRODUCTS[0], PRODUCTS[3]];
  return PRODUCTS.filter((p) => !p.large || device.deviceClass !== 'software');
}

/** A convolution of `images` NHWC images, zero-padded to the same size at stride 1 and to half at stride 2. */
export interface ConvolutionSize {
  name: string;
  images: number;
  /** Height and width of the input. */
  size: number;
  channels: number;
  out: number;
  kernel: number;
  stride: number;
  large?: boolean;
}

const CONVOLUTIONS: ConvolutionSize[] = [
  { name: '64-64 16x16', images: 8, size: 16, channels: 64, out: 64, kernel: 3, stride: 1 },
  // VGG-16 on 32 x 32 images.
  { name: 'VGG 64-64 32x32', images: 8, size: 32, channels: 64, out: 64, kernel: 3, stride: 1 },
  { name: 'VGG 128-128 16x16', images: 8, size: 16, channels: 128, out: 128, kernel: 3, stride: 1 },
  { name: 'VGG 256-256 8x8', images: 8, size: 8, channels: 256, out: 256, kernel: 3, stride: 1 },
  { name: 'VGG 512-512 4x4', images: 8, size: 4, channels: 512, out: 512, kernel: 3, stride: 1 },
  // ResNet-20 on 32 x 32 images.
  { name: 'ResNet-20 16-16 32x32', images: 32, size: 32, channels: 16, out: 16, kernel: 3, stride: 1 },
  { name: 'ResNet-20 32-64 /2 16x16', images: 32, size: 16, channels: 32, out: 64, kernel: 3, stride: 2 },
  { name: 'ResNet-20 64-64 8x8', images: 32, size: 8, channels: 64, out: 64, kernel: 3, stride: 1 },
  // ResNet-50 on 224 x 224 images.
  { name: 'ResNet-50 64-64 56x56', images: 32, size: 56, channels: 64, out: 64, kernel: 3, stride: 1, large: true },
  { name: 'ResNet-50 512-512 7x7', images: 32, size: 7, channels: 512, out: 512, kernel: 3, stride: 1, large: true },
];

export function convolutionSizes(device: Device, quick: boolean): ConvolutionSize[] {
  if (quick) return CONVOLUTIONS.slice(0, 1);
  return CONVOLUTIONS.filter((c) => !c.large || device.deviceClass !== 'software');
}
