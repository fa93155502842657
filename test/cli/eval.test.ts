import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { type EvalOptions, evaluateFile } from '../../src/cli/eval.js';
import { Dataset, decodeCifar } from '../../src/data/index.js';
import { encodeWeights, Model, zooNetwork } from '../../src/nn/index.js';
import { evaluate } from '../../src/train/index.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';

const t = testDevice();
const folder = mkdtempSync(join(tmpdir(), 'secateur-eval-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => void vi.restoreAllMocks());

const COUNT = 7;
const statistics = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3] };
const weights = join(folder, 'weights.safetensors');
const data = join(folder, 'cifar-10-batches-bin', 'test_batch.bin');
const options: EvalOptions = { model: 'resnet20', weights, data: folder, width: 1 / 8, batch: 3, ...statistics };

/** Random images of CIFAR-10's layout, written where its archive has them. */
function writeImages(): Uint8Array {
  const inputs = new Inputs('images');
  const bytes = Uint8Array.from(inputs.integers(COUNT * 3073, 256));
  for (let i = 0; i < COUNT; i++) bytes[i * 3073] = inputs.integer(10);
  mkdirSync(join(data, '..'), { recursive: true });
  writeFileSync(data, bytes);
  return bytes;
}

describe('eval', () => {
  it('finds the test set in a folder and evaluates the stored weights on it', async () => {
    const bytes = writeImages();
    const model = new Model(t.device, zooNetwork('resnet20', { widthMultiplier: 1 / 8 }).network, { seed: 9 });
    writeFileSync(weights, await encodeWeights(model));
    const dataset = new Dataset(t.device, decodeCifar(bytes, 'cifar10'), { statistics });
    const { inputs, targets } = dataset.range(0, COUNT);
    const expected = await evaluate(model, inputs, targets, COUNT);
    for (const thing of [inputs, targets, dataset, model]) thing.dispose();

    const print = vi.spyOn(console, 'log').mockImplementation(() => {});
    expect(await evaluateFile({ ...options, json: true })).toBe(0);
    const result = JSON.parse(print.mock.calls[0][0]);
    expect(result).toMatchObject({ model: 'resnet20', data, count: COUNT, correct: expected.correct });
    expect(result.loss).toBeCloseTo(expected.loss, 5);
    expect(await evaluateFile({ ...options, data })).toBe(0);
    expect(print.mock.calls[1][0]).toContain(`${expected.correct} of ${COUNT} right`);
  });

  it('refuses what it cannot evaluate, in words', async () => {
    writeImages();
    writeFileSync(join(folder, 'half.bin'), new Uint8Array(4000));
    writeFileSync(join(folder, 'no.safetensors'), new Uint8Array(20).fill(255));
    const refused = (changed: Partial<EvalOptions>) => expect(evaluateFile({ ...options, ...changed })).rejects;
    await refused({ model: 'resnet9' }).toThrow('expected a name among lenet-300-100, lenet5,');
    await refused({ data: join(folder, 'nowhere') }).toThrow('--data: expected a file or folder that exists');
    await refused({ classes: 100 }).toThrow('--data: expected a folder that has test.bin or cifar100/test.bin');
    await refused({ classes: 7 }).toThrow('expected a network of 10 or 100 classes, as CIFAR has, got 7');
    await refused({ model: 'lenet5' }).toThrow('lenet5: expected images of shape [28, 28, 1], got [32, 32, 3]');
    await refused({ data: join(folder, 'half.bin') }).toThrow('half.bin: byte 3073: expected a record of 3073 bytes');
    await refused({ weights: join(folder, 'none') }).toThrow('none cannot be read: ENOENT');
    await refused({ weights: join(folder, 'no.safetensors') }).toThrow('no.safetensors: byte 0: expected a header');
    await refused({ width: 1 / 4 }).toThrow('wrong shape: conv1.weight of [2, 3, 3, 3], not [4, 3, 3, 3]');
    await refused({ std: [0.2, 0, 0.2] }).toThrow('Dataset: expected 3 standard deviations > 0');
  });
});
