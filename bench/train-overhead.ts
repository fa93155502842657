/**
 * What `train` costs beyond the compiled step that it replays: losses read back, progress and TensorBoard events
 * reported, a checkpoint written every epoch. Run by hand:
 *
 *   npx tsx bench/train-overhead.ts [convnet] [resnet20]
 *
 * Epochs of `train` take turns with as many bare steps in one process. CPU time tells more than wall time where other
 * work shares the machine and the device is software; readbacks that leave a device idle show in wall time alone.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BatchLoader } from '../src/data/index.js';
import { compile, crossEntropy, type Device, grad, openDevice, type Tensor, tensor } from '../src/index.js';
import { convNet, Model, type Module, resnetCifar } from '../src/nn/index.js';
import { type Optimiser, sgd } from '../src/optim/index.js';
import { philoxBits, philoxNormal } from '../src/tensor/philox.js';
import type { Shape } from '../src/tensor/shape.js';
import { sizeOf } from '../src/tensor/shape.js';
import { train } from '../src/train/index.js';
import { checkpointFile, tensorboard } from '../src/train/node/index.js';

const WORK: Record<string, { network: () => Module; image: Shape; batch: number; steps: number }> = {
  convnet: { network: () => convNet(), image: [28, 28, 1], batch: 64, steps: 32 },
  resnet20: { network: () => resnetCifar(20), image: [32, 32, 3], batch: 8, steps: 32 },
};
const EPOCHS = 8;

/** Milliseconds a step. */
interface Time {
  wall: number;
  cpu: number;
}

function stopwatch(steps: number): () => Time {
  const [start, before] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(before);
    return { wall: (performance.now() - start) / steps, cpu: (user + system) / 1000 / steps };
  };
}

/** A model with its optimiser and a loader of its own. */
interface Side {
  model: Model;
  optimiser: Optimiser;
  loader: BatchLoader;
}

async function measure(device: Device, name: string, folder: string): Promise<{ bare: Time[]; lab: Time[] }> {
  const { network, image, batch, steps } = WORK[name];
  const count = batch * steps;
  const inputs = tensor(device, philoxNormal(1, 0, 0, count * sizeOf(image)), { shape: [count, ...image] });
  const targets = tensor(
    device,
    Int32Array.from(philoxBits(1, 1, 0, count), (bits) => bits % 10),
  );
  const side = (): Side => {
    const model = new Model(device, network(), { seed: 1 });
    const optimiser = sgd(model.parameters, { lr: 0.01, momentum: 0.9, weightDecay: 1e-4 });
    return { model, optimiser, loader: new BatchLoader(inputs, targets, batch, { seed: 1 }) };
  };
  const [plain, trained] = [side(), side()];
  const step = compile(device, () => stepOf(plain));
  const bare: Time[] = [];
  const lab: Time[] = [];
  let stop: (() => Time) | null = null;
  const turn = async () => {
    await device.sync();
    if (stop) lab.push(stop());
    const stopBare = stopwatch(steps);
    for (let i = 0; i < steps; i++) step().dispose();
    await device.sync();
    bare.push(stopBare());
    stop = stopwatch(steps);
  };
  await train(trained.model, trained.optimiser, trained.loader, {
    epochs: EPOCHS + 1,
    between: { every: steps, run: turn },
    reporters: [tensorboard(join(folder, name)), { progress() {} }],
    checkpoint: checkpointFile(join(folder, `${name}.ckpt`)),
  });
  for (const { model, optimiser, loader } of [plain, trained])
    for (const thing of [model, optimiser, loader]) thing.dispose();
  for (const thing of [step, inputs, targets]) thing.dispose();
  // The first turns hold what is compiled.
  return { bare: bare.slice(1), lab: lab.slice(1) };
}

function stepOf({ model, optimiser, loader }: Side): Tensor {
  const { inputs, targets } = loader.next();
  const loss = crossEntropy(model.forward(inputs, { training: true }), targets);
  optimiser.step(grad(loss, model.parameters.list()));
  return loss;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];

const names = process.argv.slice(2);
const device = await openDevice();
const folder = mkdtempSync(join(tmpdir(), 'secateur-overhead-'));
try {
  for (const name of names.length > 0 ? names : Object.keys(WORK)) {
    const { bare, lab } = await measure(device, name, folder);
    for (const what of ['wall', 'cpu'] as const) {
      const [a, b] = [bare, lab].map((times) => times.map((t) => t[what]));
      const ratio = (f: (v: readonly number[]) => number) => (f(b) / f(a)).toFixed(3);
      const least = (v: readonly number[]) => Math.min(...v);
      console.log(
        `${name}, ${what} time: ${median(a).toFixed(2)} ms a bare step, ${median(b).toFixed(2)} ms in train; ` +
          `ratio of medians ${ratio(median)}, of minima ${ratio(least)}`,
      );
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
  await device.close();
}
