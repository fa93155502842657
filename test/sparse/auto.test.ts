import { describe, expect, it } from 'vitest';
import { conv2d, type Device, grad, linear, mul, scope, sum, type Tensor, tensor } from '../../src/index.js';
import {
  lastChoice,
  maskedConv2d,
  maskedLinear,
  type SparseKind,
  type SparseWeight,
  sparseWeight,
} from '../../src/sparse/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';
import { randomMask } from './masks.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Flags [rows, cols] that keep whole blocks. */
function blockMask(inputs: Inputs, rows: number, cols: number, block: number, density: number): Uint8Array {
  const wide = cols / block;
  const kept = randomMask(inputs, (rows / block) * wide, density);
  return Uint8Array.from({ length: rows * cols }, (_, i) => {
    const [r, c] = [Math.floor(i / cols), i % cols];
    return kept[Math.floor(r / block) * wide + Math.floor(c / block)];
  });
}

/** Flags that keep the first two of every four at a shifting place. */
const twoOfFour = (size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => ((i + (i >> 2)) % 4 < 2 ? 1 : 0));

interface Layer {
  name: string;
  x: readonly number[];
  w: readonly number[];
  bias: readonly number[];
  mask(inputs: Inputs): Uint8Array;
  kinds: readonly SparseKind[];
  run(x: Tensor, w: Tensor, bias: Tensor, sparse: SparseWeight): Tensor;
  /** The same with a dense weight that is already masked. */
  dense(x: Tensor, w: Tensor, bias: Tensor): Tensor;
}

const options = { padding: 1, stride: 2, activation: 'tanh' } as const;
const LAYERS: Layer[] = [
  {
    ...{ name: 'linear', x: [7, 24], w: [16, 24], bias: [16], kinds: ['dense', 'csr', 'block', 'nm'] },
    mask: () => twoOfFour(16 * 24),
    run: (x, w, bias, sparse) => maskedLinear(x, w, sparse, { bias, activation: 'sigmoid' }),
    dense: (x, w, bias) => linear(x, w, bias, 'sigmoid'),
  },
  {
    ...{ name: 'linear on a batch', x: [2, 5, 16], w: [8, 16], bias: [8], kinds: ['dense', 'csr', 'block', 'nm'] },
    mask: (inputs) => blockMask(inputs, 8, 16, 4, 0.5),
    run: (x, w, bias, sparse) => maskedLinear(x, w, sparse, { bias }),
    dense: (x, w, bias) => linear(x, w, bias),
  },
  {
    ...{ name: 'population of linears', x: [3, 5, 11], w: [3, 13, 11], bias: [3, 13], kinds: ['dense', 'csr'] },
    mask: (inputs) => randomMask(inputs, 3 * 13 * 11, 0.3),
    run: (x, w, bias, sparse) => maskedLinear(x, w, sparse, { bias, activation: 'tanh' }),
    dense: (x, w, bias) => linear(x, w, bias, 'tanh'),
  },
  {
    ...{ name: 'conv2d', x: [2, 7, 6, 8], w: [12, 3, 3, 8], bias: [12], kinds: ['dense', 'csr', 'block'] },
    mask: (inputs) => blockMask(inputs, 12, 72, 4, 0.3),
    run: (x, w, bias, sparse) => maskedConv2d(x, w, sparse, { bias, ...options }),
    dense: (x, w, bias) => conv2d(x, w, { bias, ...options }),
  },
  {
    ...{ name: 'grouped conv2d', x: [2, 5, 5, 8], w: [8, 3, 3, 4], bias: [8], kinds: ['dense', 'csr', 'block'] },
    mask: (inputs) => randomMask(inputs, 8 * 36, 0.2),
    run: (x, w, bias, sparse) => maskedConv2d(x, w, sparse, { bias, padding: 'same', groups: 2 }),
    dense: (x, w, bias) => conv2d(x, w, { bias, padding: 'same', groups: 2 }),
  },
  {
    ...{ name: '1x1 conv2d', x: [2, 3, 5, 8], w: [4, 1, 1, 8], bias: [4], kinds: ['dense', 'csr', 'block', 'nm'] },
    mask: (inputs) => randomMask(inputs, 32, 0.4),
    run: (x, w, bias, sparse) => maskedConv2d(x, w, sparse, { bias, activation: 'sigmoid' }),
    dense: (x, w, bias) => conv2d(x, w, { bias, activation: 'sigmoid' }),
  },
  {
    ...{ name: 'conv2d with models in x', x: [2, 2, 5, 5, 4], w: [4, 3, 3, 4], bias: [4] },
    kinds: ['dense', 'csr', 'block'],
    mask: (inputs) => randomMask(inputs, 4 * 36, 0.3),
    run: (x, w, bias, sparse) => maskedConv2d(x, w, sparse, { bias }),
    dense: (x, w, bias) => conv2d(x, w, { bias }),
  },
  {
    ...{ name: 'population of conv2ds', x: [2, 2, 5, 5, 3], w: [2, 5, 3, 3, 3], bias: [2, 5], kinds: ['dense', 'csr'] },
    mask: (inputs) => randomMask(inputs, 2 * 5 * 27, 0.3),
    run: (x, w, bias, sparse) => maskedConv2d(x, w, sparse, { bias, padding: 1 }),
    dense: (x, w, bias) => conv2d(x, w, { bias, padding: 1 }),
  },
];

/** Result and gradients of x, w and bias for a fixed cotangent, as host arrays. */
async function everything(
  device: Device,
  hosts: readonly Float32Array[],
  shapes: readonly (readonly number[])[],
  cotangent: Inputs,
  f: (x: Tensor, w: Tensor, bias: Tensor) => Tensor,
): Promise<Float32Array[]> {
  const tensors = scope(() => {
    const leaves = hosts.map((h, i) => tensor(device, h, { shape: shapes[i] }));
    for (const leaf of leaves) leaf.requiresGrad = true;
    const y = f(leaves[0], leaves[1], leaves[2]);
    const c = tensor(device, cotangent.uniform(y.size), { shape: y.shape });
    return [y, ...grad(sum(mul(y, c)), leaves)];
  });
  const values = (await Promise.all(tensors.map((v) => v.data()))) as Float32Array[];
  for (const v of tensors) v.dispose();
  return values;
}

describe(`masked layers (seed ${SEED})`, () => {
  it.each(LAYERS)('$name: every form has the result and the gradients of the masked dense layer', async (layer) => {
    const inputs = new Inputs(layer.name);
    const flags = layer.mask(inputs);
    const shapes = [layer.x, layer.w, layer.bias];
    const [x, w, bias] = shapes.map((s) => inputs.uniform(count(s)));
    const masked = w.map((v, i) => (flags[i] ? v : 0));
    const nan = w.map((v, i) => (flags[i] ? v : Number.NaN)); // what is removed does not matter
    for (const device of [t.device, discrete.device]) {
      const expected = await everything(device, [x, masked, bias], shapes, new Inputs('cotangent'), layer.dense);
      expected[2] = expected[2].map((g, i) => (flags[i] ? g : 0));
      const mask = tensor(device, flags, { shape: layer.w, dtype: 'bool' });
      for (const kind of layer.kinds) {
        using sparse = await sparseWeight(mask, { kind });
        const f = (...[a, b, c]: [Tensor, Tensor, Tensor]) => layer.run(a, b, c, sparse);
        const found = await everything(device, [x, nan, bias], shapes, new Inputs('cotangent'), f);
        expect(lastChoice(sparse)?.kind).toBe(kind);
        for (const [i, what] of ['result', 'dx', 'dw', 'dbias'].entries())
          expectClose(found[i], expected[i], { rtol: 1e-5, what: `${layer.name}, ${kind}: ${what}` });
        expect(found[2].every((g, i) => flags[i] || g === 0)).toBe(true);
        const again = await everything(device, [x, nan, bias], shapes, new Inputs('cotangent'), f);
        expect(again).toEqual(found);
      }
      mask.dispose();
    }
  });

  it.each(LAYERS)('$name: every form computes from the kept values alone', async (layer) => {
    const inputs = new Inputs(`values ${layer.name}`);
    const flags = layer.mask(inputs);
    const shapes = [layer.x, layer.w, layer.bias];
    const [x, w, bias] = shapes.map((s) => inputs.uniform(count(s)));
    const kept = w.filter((_, i) => flags[i]);
    const { device } = t;
    const masked = w.map((v, i) => (flags[i] ? v : 0));
    const expected = await everything(device, [x, masked, bias], shapes, new Inputs('cotangent'), layer.dense);
    expected[2] = expected[2].filter((_, i) => flags[i]);
    const mask = tensor(device, flags, { shape: layer.w, dtype: 'bool' });
    for (const kind of layer.kinds) {
      using sparse = await sparseWeight(mask, { kind });
      const own = [layer.x, [kept.length], layer.bias];
      const found = await everything(device, [x, kept, bias], own, new Inputs('cotangent'), (...[a, b, c]) =>
        layer.run(a, b, c, sparse),
      );
      for (const [i, what] of ['result', 'dx', 'dvalues', 'dbias'].entries())
        expectClose(found[i], expected[i], { rtol: 1e-5, what: `${layer.name}, ${kind}: ${what}` });
    }
    mask.dispose();
  });

  it.each(['dense', 'csr', 'block', 'nm'] as const)('%s: gradients of any order', async (kind) => {
    const flags = twoOfFour(4 * 8);
    using mask = tensor(t.device, flags, { shape: [4, 8], dtype: 'bool' });
    using sparse = await sparseWeight(mask, { kind });
    await checkGradients({
      device: t.device,
      name: `maskedLinear ${kind}`,
      f: (x, w, bias) => maskedLinear(x, w, sparse, { bias, activation: 'tanh' }),
      host: (x, w, bias) =>
        Float64Array.from({ length: 12 }, (_, i) => {
          const [r, o] = [Math.floor(i / 4), i % 4];
          let s = bias[o];
          for (let k = 0; k < 8; k++) if (flags[o * 8 + k]) s += x[r * 8 + k] * w[o * 8 + k];
          return Math.tanh(s);
        }),
      shapes: [[3, 8], [4, 8], [4]],
    });
  });

  it('do nothing for an empty mask but add the bias, and all for a full one', async () => {
    const inputs = new Inputs('edges');
    const [x, w, bias] = [inputs.uniform(15), inputs.uniform(20), inputs.uniform(4)];
    for (const full of [false, true]) {
      using mask = tensor(t.device, new Uint8Array(20).fill(full ? 1 : 0), { shape: [4, 5], dtype: 'bool' });
      const expected = await everything(
        t.device,
        [x, full ? w : w.map(() => 0), bias],
        [[3, 5], [4, 5], [4]],
        new Inputs('c'),
        (a, b, c) => linear(a, b, c),
      );
      for (const kind of ['auto', 'dense', 'csr'] as const) {
        using sparse = await sparseWeight(mask, { kind });
        const found = await everything(t.device, [x, w, bias], [[3, 5], [4, 5], [4]], new Inputs('c'), (a, b, c) =>
          maskedLinear(a, b, sparse, { bias: c }),
        );
        for (const i of [0, 1, 3]) expectClose(found[i], expected[i]);
        if (!full) expect(found[2].every((g) => g === 0)).toBe(true);
      }
    }
  });
});
