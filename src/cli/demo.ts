import Table from 'cli-table3';
import pc from 'picocolors';
import { generateDigits } from '../data/digits.js';
import { type Device, openDevice } from '../gpu/device.js';
import { SecateurError } from '../gpu/errors.js';
import { Model } from '../nn/model.js';
import { convNet } from '../nn/zoo/convnet.js';
import { mul } from '../ops/pointwise.js';
import { adam } from '../optim/optimiser.js';
import { cosine } from '../optim/schedules.js';
import { magnitudeMask } from '../prune/magnitude.js';
import { scope } from '../tensor/scope.js';
import { type Tensor, tensor } from '../tensor/tensor.js';
import { type Evaluation, evaluate } from '../train/evaluate.js';
import { fit as trainModel } from '../train/fit.js';
import { applyMask } from '../train/mask.js';
import { trainingBar } from './training-bar.js';

export interface DemoOptions {
  seed: number;
  sparsity: number;
  images: number;
  epochs: number;
  fineTune: number;
}

export const DEMO: DemoOptions = { seed: 1, sparsity: 0.9, images: 12_000, epochs: 6, fineTune: 4 };
const BATCH = 250;
/** cli-table3 colours its borders even where colour is unwanted. */
const TABLE_STYLE = pc.isColorSupported ? { head: ['bold'], border: ['gray'] } : { head: [], border: [] };
const TEST_IMAGES = 4_000;

/**
 * Trains a small ConvNet on the generated digits, prunes it by global magnitude, fine-tunes it under the mask, and
 * prints what each stage costs in accuracy.
 */
export async function demo(options: DemoOptions): Promise<number> {
  const started = performance.now();
  const device = await openDevice();
  try {
    console.log(
      `${pc.bold('secateur')} on ${device.facts.description || device.name} (${device.deviceClass}, ${device.driver?.threads ?? 'no'} driver threads)`,
    );
    const train = upload(device, options.images, options.seed, 'train');
    const test = upload(device, TEST_IMAGES, options.seed, 'test');
    const model = new Model(device, convNet({ channels: [16, 32], hidden: 64 }), { seed: options.seed });
    console.log(
      `ConvNet with ${model.count.toLocaleString('en')} parameters; ${options.images.toLocaleString('en')} generated training digits, ${TEST_IMAGES.toLocaleString('en')} for testing\n`,
    );

    const stages: { name: string; at: Evaluation; kept: string }[] = [];
    const steps = (epochs: number) => epochs * Math.floor(options.images / BATCH);
    const first = adam(model.parameters, { lr: 2e-3, schedule: cosine(steps(options.epochs)) });
    await trainStage(model, first, train, options.epochs, options.seed, 'training  ');
    first.dispose();
    stages.push({ name: 'dense', at: await evaluate(model, test.inputs, test.targets), kept: '100 %' });

    const pruned = await magnitudeMask(model.parameters, options.sparsity);
    applyMask(model.parameters, pruned.mask);
    const share = `${((100 * pruned.kept) / pruned.total).toFixed(1)} %`;
    stages.push({ name: 'pruned', at: await evaluate(model, test.inputs, test.targets), kept: share });

    const second = adam(model.parameters, { lr: 1e-3, schedule: cosine(steps(options.fineTune)) });
    second.setMask(pruned.mask);
    await trainStage(model, second, train, options.fineTune, options.seed + 1, 'fine-tuning');
    second.dispose();
    stages.push({ name: 'fine-tuned', at: await evaluate(model, test.inputs, test.targets), kept: share });

    console.log(`\n${stageTable(stages)}`);
    console.log(layerTable(pruned.layers));
    const values = await model.parameters.read();
    const zeros = pruned.layers.reduce((n, l) => n + values.get(l.name)!.reduce((z, v) => z + (v === 0 ? 1 : 0), 0), 0);
    console.log(
      `${zeros.toLocaleString('en')} of ${pruned.total.toLocaleString('en')} prunable weights are exactly 0; ${((performance.now() - started) / 1000).toFixed(1)} s in all`,
    );
    for (const t of [pruned.mask, train.inputs, train.targets, test.inputs, test.targets]) t.dispose();
    model.dispose();
    return 0;
  } finally {
    await device.close();
  }
}

function upload(
  device: Device,
  count: number,
  seed: number,
  split: 'train' | 'test',
): { inputs: Tensor; targets: Tensor } {
  const set = generateDigits({ count, seed, split });
  const bytes = tensor(device, Float32Array.from(set.images), { shape: [count, set.height, set.width, 1] });
  const inputs = scope(() => mul(bytes, 1 / 255));
  bytes.dispose();
  return { inputs, targets: tensor(device, Int32Array.from(set.labels)) };
}

async function trainStage(
  model: Model,
  optimiser: ReturnType<typeof adam>,
  data: { inputs: Tensor; targets: Tensor },
  epochs: number,
  seed: number,
  label: string,
): Promise<void> {
  const result = await trainModel(model, optimiser, data.inputs, data.targets, {
    epochs,
    batch: BATCH,
    seed,
    reporters: [trainingBar(label)],
  });
  if (result.status === 'diverged')
    throw new SecateurError('diverged', `${label.trim()} diverged: the loss was ${result.loss} at step ${result.step}`);
}

function stageTable(stages: readonly { name: string; at: Evaluation; kept: string }[]): string {
  const table = new Table({
    head: ['stage', 'weights kept', 'test accuracy', 'errors', 'test loss'],
    colAligns: ['left', 'right', 'right', 'right', 'right'],
    style: TABLE_STYLE,
  });
  for (const { name, at, kept } of stages) {
    table.push([name, kept, `${(100 * at.accuracy).toFixed(2)} %`, String(at.count - at.correct), at.loss.toFixed(4)]);
  }
  return table.toString();
}

function layerTable(layers: readonly { name: string; kept: number; total: number }[]): string {
  const table = new Table({
    head: ['layer', 'weights', 'kept', 'share'],
    colAligns: ['left', 'right', 'right', 'right'],
    style: TABLE_STYLE,
  });
  for (const l of layers)
    table.push([
      l.name,
      l.total.toLocaleString('en'),
      l.kept.toLocaleString('en'),
      `${((100 * l.kept) / l.total).toFixed(1)} %`,
    ]);
  return table.toString();
}
