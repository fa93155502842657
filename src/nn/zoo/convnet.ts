import { Conv2d, Flatten, Linear, MaxPool2d, Sequential } from '../layers.js';
import type { Module } from '../module.js';

/**
 * A small ConvNet for 28x28x1 images: conv1 5x5, pool, conv2 3x3, pool, two linear layers. The default widths
 * (24, 32, 128) make 111,386 parameters.
 */
export function convNet({ channels = [24, 32], hidden = 128, classes = 10 } = {}): Module {
  const [a, b] = channels;
  return new Sequential({
    conv1: new Conv2d(1, a, 5, { activation: 'relu' }),
    pool1: MaxPool2d(2),
    conv2: new Conv2d(a, b, 3, { activation: 'relu' }),
    pool2: MaxPool2d(2),
    flatten: Flatten(),
    fc1: new Linear([5, 5, b], hidden, { activation: 'relu' }),
    fc2: new Linear(hidden, classes),
  });
}
