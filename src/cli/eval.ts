import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import pc from 'picocolors';
import { type CifarFormat, decodeCifar } from '../data/cifar.js';
import { Dataset } from '../data/dataset.js';
import { openDevice } from '../gpu/device.js';
import { ArgumentError, SecateurError, ShapeError } from '../gpu/errors.js';
import { Model } from '../nn/model.js';
import { loadWeights } from '../nn/weights.js';
import { zooNetwork } from '../nn/zoo/registry.js';
import { sameShape, showShape } from '../tensor/shape.js';
import { type Evaluation, evaluate } from '../train/evaluate.js';

export interface EvalOptions {
  model: string;
  weights: string;
  data: string;
  classes?: number;
  width?: number;
  batch: number;
  /** Of red, green and blue, for pixels in [0, 1]. */
  mean: readonly number[];
  std: readonly number[];
  json?: boolean;
}

/** Where test sets of the binary layout lie, as the archives unfold, or bare. */
const TEST_FILES = {
  cifar10: ['test_batch.bin', 'cifar10/test_batch.bin', 'cifar-10-batches-bin/test_batch.bin'],
  cifar100: ['test.bin', 'cifar100/test.bin', 'cifar-100-binary/test.bin'],
} as const;

/**
 * Evaluates a network of the zoo with stored weights on a test set, and prints how much it gets right.
 *
 * @returns the exit code
 */
export async function evaluateFile(options: EvalOptions): Promise<number> {
  const { network, input, classes } = zooNetwork(options.model, {
    classes: options.classes,
    widthMultiplier: options.width,
  });
  const file = testFile(options.data, classes);
  const weights = read(options.weights);
  const set = decodeCifar(read(file), formatOf(classes), { name: file });
  const image = [set.height, set.width, set.channels];
  if (!sameShape(image, input))
    throw new ShapeError(options.model, `images of shape ${showShape(input)}`, `${showShape(image)} in ${file}`);
  const device = await openDevice();
  try {
    const model = new Model(device, network);
    loadWeights(model, weights, { name: options.weights });
    const dataset = new Dataset(device, set, { statistics: options });
    const { inputs, targets } = dataset.range(0, dataset.count);
    await device.sync();
    const begun = performance.now();
    const result = await evaluate(model, inputs, targets, options.batch);
    const seconds = (performance.now() - begun) / 1000;
    const facts = { model: options.model, weights: options.weights, data: file, ...result, seconds };
    console.log(options.json ? JSON.stringify(facts) : report(facts));
    for (const owned of [inputs, targets, dataset, model]) owned.dispose();
    return 0;
  } finally {
    await device.close();
  }
}

function formatOf(classes: number): CifarFormat {
  if (classes !== 10 && classes !== 100)
    throw new ArgumentError('eval', 'a network of 10 or 100 classes, as CIFAR has', String(classes));
  return classes === 100 ? 'cifar100' : 'cifar10';
}

/** The test set in a folder, or the file that was named. */
function testFile(path: string, classes: number): string {
  if (!existsSync(path)) throw new ArgumentError('--data', 'a file or folder that exists', path);
  if (!statSync(path).isDirectory()) return path;
  const names = TEST_FILES[formatOf(classes)];
  const found = names.map((name) => join(path, name)).find((file) => existsSync(file));
  if (!found) throw new ArgumentError('--data', `a folder that has ${names.join(' or ')}`, path);
  return found;
}

function read(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new SecateurError('file', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function report(r: Evaluation & { model: string; weights: string; data: string; seconds: number }): string {
  const count = (n: number) => n.toLocaleString('en');
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  return [
    `${pc.bold(r.model)} with ${basename(r.weights)} on ${basename(r.data)}`,
    `${count(r.correct)} of ${count(r.count)} right: ${percent(r.accuracy)}; among the first five ${percent(r.top5)}; ` +
      `loss ${r.loss.toFixed(4)}`,
    `${r.seconds.toFixed(1)} s, ${count(Math.round(r.count / r.seconds))} images/s`,
  ].join('\n');
}
