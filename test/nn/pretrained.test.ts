import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Dataset, decodeCifar } from '../../src/data/index.js';
import { scope } from '../../src/index.js';
import { loadWeights, Model, stateDict, zooNetwork } from '../../src/nn/index.js';
import { decodeSafetensors } from '../../src/sparse/files/index.js';
import { evaluate } from '../../src/train/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';

/**
 * Public CIFAR-10 weights of akamaster/pytorch_resnet_cifar10, with logits that another implementation gave for them, and
 * the first 5,000 test images: `weights` and `cifar10` below the folder that SECATEUR_DATA names.
 */
const root = process.env.SECATEUR_DATA ?? '';
const images = join(root, 'cifar10/test_batch.bin');
const weightsOf = (name: string) => join(root, `weights/${name}-cifar10.safetensors`);
const NETWORKS = [
  ['resnet20', 4554],
  ['resnet56', 4667],
] as const;
const ready = root !== '' && [images, ...NETWORKS.map(([name]) => weightsOf(name))].every((file) => existsSync(file));
if (!ready) console.log('skipped: public weights need SECATEUR_DATA, a folder with weights/ and cifar10/');

/** The channels' means and deviations with which these networks were trained. */
const statistics = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

const t = testDevice({ poison: false });

function load(name: string): { model: Model; dataset: Dataset } {
  const model = new Model(t.device, zooNetwork(name).network);
  loadWeights(model, readFileSync(weightsOf(name)), { name });
  const dataset = new Dataset(t.device, decodeCifar(readFileSync(images), 'cifar10'), { statistics });
  return { model, dataset };
}

describe.skipIf(!ready)('public weights for CIFAR-10 (SECATEUR_DATA)', () => {
  it.each(NETWORKS)('%s gives the reference logits', async (name) => {
    const { model, dataset } = load(name);
    const path = weightsOf(name).replace('.safetensors', '.reference.json');
    const { logits } = JSON.parse(readFileSync(path, 'utf8')) as { logits: number[][] };
    const y = scope(() => model.predict(dataset.range(0, logits.length).inputs));
    expectClose(await y.data(), logits.flat(), { rtol: 0, atol: 1e-3 });
    for (const thing of [y, dataset, model]) thing.dispose();
  });

  it.each(NETWORKS)('%s goes back to the values of its file', async (name) => {
    const { model, dataset } = load(name);
    expect(await stateDict(model)).toEqual(decodeSafetensors(readFileSync(weightsOf(name))).tensors);
    for (const thing of [dataset, model]) thing.dispose();
  });

  // An image whose two best logits are closest may fall to either side under another order of sums.
  it.each(NETWORKS)(
    '%s gets %i of 5,000 test images right, one more or less',
    async (name, correct) => {
      const { model, dataset } = load(name);
      const { inputs, targets } = dataset.range(0, 5000);
      const result = await evaluate(model, inputs, targets, 250);
      expect(result.count).toBe(5000);
      expect(Math.abs(result.correct - correct)).toBeLessThanOrEqual(1);
      for (const thing of [inputs, targets, dataset, model]) thing.dispose();
    },
    600_000,
  );
});
