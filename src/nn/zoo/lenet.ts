import { ArgumentError } from '../../gpu/errors.js';
import { Conv2d, Flatten, Linear, MaxPool2d, Sequential } from '../layers.js';
import type { Module } from '../module.js';

/** Linear layers `fc1`, `fc2`, ... with ReLU between them; `inputs` may be the [h, w, c] of a flattened image. */
function classifier(inputs: number | readonly number[], outputs: readonly number[]): Record<string, Module> {
  const last = outputs.length - 1;
  return Object.fromEntries(
    outputs.map((out, i) => [
      `fc${i + 1}`,
      new Linear(i === 0 ? inputs : outputs[i - 1], out, { activation: i < last ? 'relu' : 'none' }),
    ]),
  );
}

/** LeNet-300-100 (LeCun et al. 1998): 784 inputs, flattened where they come as images. */
export function lenet300100({ classes = 10, hidden = [300, 100] } = {}): Module {
  return new Sequential({ flatten: Flatten(), ...classifier(784, [...hidden, classes]) });
}

/**
 * LeNet-5 for 28x28x1 images: two 5x5 convolutions without padding, each with a max-pool, and linear layers. The
 * default is Caffe's (20, 50; 500), which the pruning literature means; LeCun's widths are channels [6, 16] and hidden
 * [120, 84].
 */
export function lenet5({ classes = 10, channels = [20, 50], hidden = [500] } = {}): Module {
  const [a, b] = channels;
  return new Sequential({
    conv1: new Conv2d(1, a, 5, { activation: 'relu' }),
    pool1: MaxPool2d(2),
    conv2: new Conv2d(a, b, 5, { activation: 'relu' }),
    pool2: MaxPool2d(2),
    flatten: Flatten(),
    ...classifier([4, 4, b], [...hidden, classes]),
  });
}

/**
 * LeNet5-Mini for 32x32x1 images: three 5x5 convolutions without padding, max-pools behind the first two, and linear
 * layers, all but conv1 with 10 outputs. `width` is conv1's (10, 20, 30 or 40), `depth` counts all layers (5 to 8).
 */
export function lenet5Mini({ classes = 10, width = 10, depth = 5 } = {}): Module {
  if (!Number.isInteger(depth) || depth < 5) throw new ArgumentError('lenet5Mini', 'a depth >= 5', String(depth));
  return new Sequential({
    conv1: new Conv2d(1, width, 5, { activation: 'relu' }),
    pool1: MaxPool2d(2),
    conv2: new Conv2d(width, 10, 5, { activation: 'relu' }),
    pool2: MaxPool2d(2),
    conv3: new Conv2d(10, 10, 5, { activation: 'relu' }),
    flatten: Flatten(),
    ...classifier(10, [...Array.from({ length: depth - 4 }, () => 10), classes]),
  });
}
