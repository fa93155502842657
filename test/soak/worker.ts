/** Trains a small ConvNet by a compiled step for SECONDS, with a fresh batch and a readback each time, and prints samples of its memory. */
import { compile, crossEntropy, grad, openDevice, scope, type Tensor, tensor } from '../../src/index.js';
import { BatchNorm2d, Conv2d, Dropout, Flatten, Linear, MaxPool2d, Model, Sequential } from '../../src/nn/index.js';
import { adamw, cosine } from '../../src/optim/index.js';
import { HostRandom } from '../../src/tensor/philox.js';

export interface Sample {
  seconds: number;
  steps: number;
  /** Bytes. */
  rss: number;
  live: number;
  pooled: number;
  tensors: number;
  loss: number;
}

const seconds = Number(process.argv[2]);
const BATCH = 16;
const SIDE = 12;
const device = await openDevice();
const model = new Model(
  device,
  new Sequential({
    conv: new Conv2d(1, 8, 3, { padding: 1, bias: false }),
    bn: new BatchNorm2d(8, { activation: 'relu' }),
    pool: MaxPool2d(2),
    flatten: Flatten(),
    drop: new Dropout(0.1),
    fc: new Linear((8 * SIDE * SIDE) / 4, 4),
  }),
  { seed: 1 },
);
const optimiser = adamw(model.parameters, { lr: 0.01, weightDecay: 1e-3, clipNorm: 1, schedule: cosine(100_000, 0.5) });
const step = compile(device, (x: Tensor, labels: Tensor) => {
  const loss = crossEntropy(model.forward(x, { training: true }), labels);
  optimiser.step(grad(loss, model.parameters.list()));
  return loss;
});

// Images whose class is the quarter that is brighter than the others.
const random = new HostRandom(5);
function batch(): { images: Float32Array; labels: Int32Array } {
  const labels = Int32Array.from({ length: BATCH }, () => random.integer(4));
  const images = Float32Array.from({ length: BATCH * SIDE * SIDE }, (_, i) => {
    const [y, x] = [Math.floor(i / SIDE) % SIDE, i % SIDE];
    const quarter = 2 * Number(y >= SIDE / 2) + Number(x >= SIDE / 2);
    return random.normal() + (quarter === labels[Math.floor(i / SIDE / SIDE)] ? 1 : 0);
  });
  return { images, labels };
}

const samples: Sample[] = [];
const started = performance.now();
let next = 0;
let steps = 0;
for (let now = 0; now < seconds; now = (performance.now() - started) / 1000) {
  const { images, labels } = batch();
  const loss = scope(() => step(tensor(device, images, { shape: [BATCH, SIDE, SIDE, 1] }), tensor(device, labels)));
  const value = await loss.item();
  loss.dispose();
  steps++;
  if (now < next) continue;
  next = now + seconds / 80;
  const { live, pooled, tensors } = device.memory();
  samples.push({ seconds: now, steps, rss: process.memoryUsage.rss(), live, pooled, tensors, loss: value });
}
for (const thing of [step, optimiser, model]) thing.dispose();
const left = device.memory();
await device.close();
console.log(JSON.stringify({ samples, left }));
