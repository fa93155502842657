import { describe, expect, it } from 'vitest';
import { Parameters } from '../../src/nn/index.js';
import { magnitudeMask, prunable } from '../../src/prune/index.js';
import { hostMask } from '../select/reference.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

const SPECS = [
  { name: 'conv.weight', shape: [6, 3, 3, 5] },
  { name: 'conv.bias', shape: [6] },
  { name: 'fc.weight', shape: [31, 47] },
  { name: 'fc.bias', shape: [31] },
  { name: 'out.weight', shape: [10, 31] },
];

/** Parameters whose weights have few distinct values, and a bias of large ones. */
function parametersOn(
  device: typeof t.device,
  inputs: Inputs,
): { parameters: Parameters; values: Map<string, Float32Array> } {
  const parameters = new Parameters(device, SPECS);
  const values = new Map<string, Float32Array>();
  for (const { name, shape } of SPECS) {
    const size = shape.reduce((a, b) => a * b, 1);
    const v = Float32Array.from(inputs.integers(size, 21), (i) => (i - 10) / 16 + (shape.length === 1 ? 100 : 0));
    parameters.get(name).write(v);
    values.set(name, v);
  }
  return { parameters, values };
}

describe(`magnitudeMask (seed ${SEED})`, () => {
  for (const [name, of] of [
    ['software', t],
    ['discrete', discrete],
  ] as const) {
    it(`keeps exactly round(n - sparsity n) of the greatest weights, the first ones among equals (${name})`, async () => {
      const { parameters, values } = parametersOn(of.device, new Inputs(`magnitude ${name}`));
      const weights = prunable(parameters);
      expect(weights).toEqual(['conv.weight', 'fc.weight', 'out.weight']);
      const all = weights.flatMap((w) => Array.from(values.get(w)!));
      for (const sparsity of [0, 0.5, 0.9, 0.987654]) {
        const { mask, layers, kept, total } = await magnitudeMask(parameters, sparsity);
        expect([total, kept]).toEqual([all.length, Math.round(all.length - sparsity * all.length)]);
        const expected = hostMask(all, kept);
        const flat = await mask.data();
        let at = 0;
        const want = new Float32Array(parameters.flat.size);
        for (const spec of SPECS) {
          const size = spec.shape.reduce((a, b) => a * b, 1);
          const part = weights.includes(spec.name) ? expected.subarray(at, (at += size)) : new Uint8Array(size).fill(1);
          want.set(part, parameters.offset(spec.name));
          if (weights.includes(spec.name))
            expect(layers.find((l) => l.name === spec.name)).toEqual({
              name: spec.name,
              kept: part.reduce((a, b) => a + b, 0),
              total: size,
            });
        }
        expect(layers.map((l) => l.name)).toEqual(weights);
        expect(flat, `sparsity ${sparsity}`).toEqual(want);
        mask.dispose();
      }
      parameters.dispose();
    });
  }

  it('prunes what it is told to, in the order of the parameters', async () => {
    const { parameters, values } = parametersOn(t.device, new Inputs('magnitude names'));
    const names = ['out.weight', 'conv.bias'];
    const { mask, layers, kept } = await magnitudeMask(parameters, 0.6, names);
    const all = ['conv.bias', 'out.weight'].flatMap((n) => Array.from(values.get(n)!));
    const expected = hostMask(all, kept);
    expect(layers).toEqual([
      { name: 'conv.bias', kept: expected.subarray(0, 6).reduce((a, b) => a + b, 0), total: 6 },
      { name: 'out.weight', kept: expected.subarray(6).reduce((a, b) => a + b, 0), total: 310 },
    ]);
    const flat = await mask.data();
    expect(flat.slice(parameters.offset('out.weight')).subarray(0, 310)).toEqual(
      Float32Array.from(expected.subarray(6)),
    );
    expect(new Set(flat.slice(parameters.offset('fc.weight')).subarray(0, 31 * 47))).toEqual(new Set([1]));
    mask.dispose();
    parameters.dispose();
  });

  it.each([1, 1.1, -0.1, Number.NaN])('refuses a sparsity of %s', async (sparsity) => {
    const { parameters } = parametersOn(t.device, new Inputs('magnitude sparsity'));
    await expect(magnitudeMask(parameters, sparsity)).rejects.toThrow(
      `magnitudeMask: expected a sparsity in [0, 1), got ${sparsity}`,
    );
    parameters.dispose();
  });

  it('refuses NaN, no names, unknown ones, and to remove everything', async () => {
    const { parameters } = parametersOn(t.device, new Inputs('magnitude refusals'));
    await expect(magnitudeMask(parameters, 0.5, [])).rejects.toThrow(
      'magnitudeMask: expected at least one weight to prune',
    );
    await expect(magnitudeMask(parameters, 0.5, ['no'])).rejects.toThrow(
      "magnitudeMask: expected a name or pattern that fits some of conv.weight, fc.weight, out.weight, got 'no'",
    );
    await expect(magnitudeMask(parameters, 0.9999)).rejects.toThrow(
      'magnitudeMask: expected a sparsity that keeps a weight, got 0 kept of 2037',
    );
    parameters.get('fc.weight').write(new Float32Array(31 * 47).fill(Number.NaN));
    await expect(magnitudeMask(parameters, 0.5)).rejects.toThrow(
      'magnitudeMask: expected scores without NaN, got 1457 NaN',
    );
    parameters.dispose();
  });
});
