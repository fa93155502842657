import { describe, expect, it } from 'vitest';
import { ArgumentError, grad, noGrad, scope, sum, type Tensor, tensor } from '../../src/index.js';
import { explain, lastChoice, maskedConv2d, maskedLinear, sparseWeight, tuneForms } from '../../src/sparse/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import { randomMask } from './masks.js';

const t = testDevice();
const inputs = new Inputs('tuned forms');

async function values(y: Tensor) {
  using result = y;
  return await result.data();
}

/** A [64, 48] weight whose mask consists of blocks of 8, and x of 40 rows. */
async function layer() {
  const blocks = randomMask(inputs, 48, 0.3);
  const flags = Array.from(
    { length: 64 * 48 },
    (_, i) => blocks[Math.floor(i / 48 / 8) * 6 + Math.floor((i % 48) / 8)],
  );
  const mask = tensor(t.device, flags, { shape: [64, 48], dtype: 'bool' });
  const sparse = await sparseWeight(mask);
  const w = tensor(t.device, inputs.normal(64 * 48), { shape: [64, 48] });
  const x = tensor(t.device, inputs.normal(40 * 48), { shape: [40, 48] });
  const dispose = () => [mask, sparse, w, x].forEach((thing) => thing.dispose());
  return { sparse, w, x, dispose };
}

describe(`tuned forms (seed ${SEED})`, () => {
  it('are the fastest that was measured, and are taken from then on', async () => {
    const { sparse, w, x, dispose } = await layer();
    const before = await values(maskedLinear(x, w, sparse));
    const work = { op: 'linear', n: 40 } as const;
    const names = explain(sparse, work)
      .candidates.map((c) => c.name)
      .sort();
    const tried: string[] = [];
    const [found, ...others] = await tuneForms(
      sparse,
      () => {
        const y = maskedLinear(x, w, sparse);
        tried.push(lastChoice(sparse)!.name);
        return y;
      },
      { rounds: 2 },
    );
    expect(others).toEqual([]);
    expect([...new Set(tried)].sort(), 'every form has run').toEqual(names);
    expect(names).toEqual(expect.arrayContaining(['block 4', 'block 8', 'csr', 'masked dense']));
    expect(found.candidates.map((c) => c.name).sort()).toEqual(names);
    expect(found.candidates.map((c) => c.time)).toEqual(found.candidates.map((c) => c.time).sort((a, b) => a - b));
    expect(found.candidates.find((c) => c.kind === 'dense')!.time).toBe(1);
    expect(found.candidates[0]).toMatchObject({ kind: found.kind, name: found.name });
    expect(found.why).toMatch(/^y of \[64, 48\] .* \(measured for this layer\)$/);
    expect(explain(sparse, work)).toEqual(found);
    const after = await values(maskedLinear(x, w, sparse));
    expect(lastChoice(sparse)).toEqual(found);
    expectClose(after, before, { rtol: 1e-5 });
    expect(explain(sparse, { ...work, n: 41 }).why, 'other work is estimated as before').not.toContain('measured for');
    dispose();
  });

  it('cover the gradients that are asked for, and every piece of work', async () => {
    const { sparse, w, x, dispose } = await layer();
    w.requiresGrad = true;
    const more = scope(() => tensor(t.device, inputs.normal(9 * 48), { shape: [9, 48] }));
    const found = await tuneForms(
      sparse,
      () => {
        noGrad(() => maskedLinear(more, w, sparse));
        return grad(sum(maskedLinear(x, w, sparse)), [w]);
      },
      { rounds: 1 },
    );
    expect(found.map((f) => f.why.split(' of ')[0])).toEqual(['y', 'y, dw']);
    expect(new Set(found.map((f) => f.name)).size, 'measured together, chosen together').toBe(1);
    more.dispose();
    dispose();
  });

  it('do so for convolutions', async () => {
    const flags = randomMask(inputs, 8 * 9 * 5, 0.2);
    const mask = tensor(t.device, flags, { shape: [8, 3, 3, 5], dtype: 'bool' });
    const sparse = await sparseWeight(mask);
    const w = tensor(t.device, inputs.normal(8 * 9 * 5), { shape: [8, 3, 3, 5] });
    const x = tensor(t.device, inputs.normal(2 * 7 * 7 * 5), { shape: [2, 7, 7, 5] });
    const run = () => maskedConv2d(x, w, sparse, { padding: 1 });
    const [found] = await tuneForms(sparse, run, { rounds: 1 });
    expect(found.candidates.map((c) => c.kind).sort()).toEqual(['csr', 'dense']);
    for (const thing of [mask, sparse, w, x]) thing.dispose();
  });

  it('refuse what cannot be tuned, and leave the weight as it was', async () => {
    const { sparse, w, x, dispose } = await layer();
    const run = (): Tensor => maskedLinear(x, w, sparse);
    await expect(tuneForms(sparse, () => 0)).rejects.toThrow('a function that runs a layer of this weight');
    await expect(tuneForms(sparse, run, { rounds: 0 })).rejects.toThrow(ArgumentError);
    const failing = () => {
      run();
      throw new Error('a failing layer');
    };
    await expect(tuneForms(sparse, failing)).rejects.toThrow('a failing layer');
    expect(explain(sparse, { op: 'linear', n: 40 }).why).toContain('measured on software devices');
    using fixed = await sparseWeight(sparse.mask, { kind: 'csr' });
    await expect(tuneForms(fixed, run)).rejects.toThrow('a weight of kind auto');
    dispose();
  });
});
