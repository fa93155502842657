import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  type Device,
  DisposedError,
  DTypeError,
  noGrad,
  ShapeError,
  scope,
  type Tensor,
  tensor,
} from '../../src/index.js';
import {
  explain,
  type LayerWork,
  lastChoice,
  maskedConv2d,
  maskedLinear,
  type SparseWeightOptions,
  sparseWeight,
} from '../../src/sparse/index.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import { randomMask } from './masks.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

const LINEAR: LayerWork = { op: 'linear', n: 256 };
const TRAINING = { ...LINEAR, dx: true, dw: true };

/** What is said about a random mask, or one of the given flags. */
async function explained(
  shape: readonly number[],
  flags: ArrayLike<number>,
  work: LayerWork,
  options: SparseWeightOptions = {},
  device: Device = t.device,
) {
  using mask = tensor(device, Uint8Array.from(flags), { shape, dtype: 'bool' });
  using sparse = await sparseWeight(mask, options);
  return explain(sparse, work);
}

const random = (shape: readonly number[], density: number) =>
  randomMask(
    new Inputs(`choice ${density}`),
    shape.reduce((a, b) => a * b, 1),
    density,
  );

describe(`the choice of a form (seed ${SEED})`, () => {
  it('goes from masked dense to compressed rows as the mask thins out', async () => {
    const shape = [512, 512];
    const kinds: string[] = [];
    for (const density of [0.9, 0.5, 0.1, 0.02]) {
      const { kind, candidates, why } = await explained(shape, random(shape, density), TRAINING);
      kinds.push(kind);
      expect(candidates.map((c) => c.kind).sort()).toEqual(['csr', 'dense']);
      expect(candidates[0].kind).toBe(kind);
      expect(why).toContain('y, dx, dw of [512, 512]');
      expect(why).toContain('measured on software devices');
    }
    expect(kinds).toEqual(['dense', 'dense', 'csr', 'csr']);
  });

  it('estimates: fewer entries and a larger product are relatively faster', async () => {
    const csr = async (shape: readonly number[], density: number, n: number) =>
      (await explained(shape, random(shape, density), { ...TRAINING, n })).candidates.find((c) => c.kind === 'csr')!
        .time;
    expect(await csr([256, 256], 0.05, 64)).toBeLessThan(await csr([256, 256], 0.1, 64));
    expect(await csr([256, 256], 0.05, 64)).toBeLessThan(await csr([32, 32], 0.05, 64));
  });

  it('finds blocks and N:M where a mask falls into them, and only there', async () => {
    const [rows, cols] = [128, 128];
    const blocks = random([rows / 16, cols / 16], 0.2);
    const blocky = Array.from(
      { length: rows * cols },
      (_, i) => blocks[Math.floor(i / cols / 16) * 8 + Math.floor((i % cols) / 16)],
    );
    const found = await explained([rows, cols], blocky, TRAINING);
    for (const name of ['masked dense', 'csr', 'block 4', 'block 8', 'block 16'])
      expect(found.candidates.map((c) => c.name)).toContain(name);
    expect(found.kind).toBe('block');
    const halves = Array.from({ length: rows * cols }, (_, i) => ((i + Math.floor(i / cols)) % 4 < 2 ? 1 : 0));
    const names = (await explained([rows, cols], halves, TRAINING)).candidates.map((c) => c.name);
    expect(names).toContain('2:4');
    expect(
      (await explained([rows, cols], random([rows, cols], 0.1), TRAINING)).candidates.map((c) => c.name).sort(),
    ).toEqual(['csr', 'masked dense']);
  });

  it('takes a block form for a convolution only where channels of a group are whole blocks', async () => {
    const shape = [32, 3, 3, 8];
    const blocks = random([4, 9], 0.2);
    const flags = Array.from(
      { length: 32 * 72 },
      (_, i) => blocks[Math.floor(i / 72 / 8) * 9 + Math.floor((i % 72) / 8)],
    );
    const names = async (groups: number) =>
      (await explained(shape, flags, { op: 'conv2d', n: 1024, groups })).candidates.map((c) => c.name);
    expect(await names(1)).toContain('block 8');
    expect(await names(8)).not.toContain('block 8');
    expect(await names(8)).toContain('block 4');
  });

  it('is the form asked for, with no N:M for a convolution', async () => {
    const shape = [16, 16];
    for (const kind of ['dense', 'csr', 'block', 'nm'] as const) {
      const found = await explained(shape, random(shape, 0.3), LINEAR, { kind });
      expect(found).toMatchObject({ kind, why: `${kind} was asked for` });
    }
    expect((await explained(shape, random(shape, 0.3), LINEAR, { kind: 'block', block: 8 })).name).toBe('block 8');
    expect((await explained(shape, random(shape, 0.3), LINEAR, { kind: 'nm', nm: [8, 8] })).name).toBe('8:8');
    await expect(explained([8, 1, 1, 8], random([8, 8], 0.3), { op: 'conv2d', n: 9 }, { kind: 'nm' })).rejects.toThrow(
      'a linear layer for an N:M weight',
    );
  });

  it('says of devices that were not measured that they were not', async () => {
    const shape = [256, 256];
    const { kind, why } = await explained(shape, random(shape, 0.3), TRAINING, {}, discrete.device);
    expect(kind).toBe('dense');
    expect(why).toMatch(/would pay from .* \(not measured on discrete devices\)/);
  });

  it('depends on the gradients that the call needs, and remembers', async () => {
    const mask = tensor(t.device, random([64, 64], 0.1), { shape: [64, 64], dtype: 'bool' });
    using sparse = await sparseWeight(mask);
    expect(lastChoice(sparse)).toBe(null);
    scope(() => {
      const x = tensor(t.device, new Float32Array(640), { shape: [10, 64] });
      const w = tensor(t.device, new Float32Array(4096), { shape: [64, 64] });
      w.requiresGrad = true;
      maskedLinear(x, w, sparse);
      expect(lastChoice(sparse)!.why).toMatch(/^y, dw of/);
      noGrad(() => maskedLinear(x, w, sparse));
      expect(lastChoice(sparse)!.why).toMatch(/^y of/);
    });
    mask.dispose();
  });
});

describe('refusals', () => {
  const flags = (shape: readonly number[]) =>
    tensor(t.device, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1), { shape });

  it.each([
    ['a vector', [8], {}, ShapeError, 'the mask of rank 2 to 5'],
    ['an unknown kind', [8, 8], { kind: 'coo' as 'csr' }, ArgumentError, 'a kind among auto, dense, csr, block, nm'],
    ['blocks of models', [2, 8, 8], { kind: 'block' as const }, ArgumentError, 'kind dense or csr for several models'],
    ['an edge without kernels', [8, 8], { kind: 'block' as const, block: 5 }, ArgumentError, 'blocks of 4, 8, 16, 32'],
    ['no edge that fits', [7, 8], { kind: 'block' as const }, ArgumentError, 'divisible by one of 4, 8, 16, 32'],
    ['no group that fits', [8, 7], { kind: 'nm' as const }, ArgumentError, 'divisible by one of 2, 4, 8, 16'],
    [
      'a mask that is not N:M',
      [8, 8],
      { kind: 'nm' as const, nm: [2, 4] as const },
      ArgumentError,
      'at most 2 of every 4',
    ],
  ] as const)('%s', async (_, shape, options, type, message) => {
    using mask = flags(shape);
    const before = t.device.memory();
    const wrong = sparseWeight(mask, options);
    await expect(wrong).rejects.toThrow(type);
    await expect(wrong).rejects.toThrow(message);
    expect(t.device.memory().tensors).toBe(before.tensors);
  });

  it('a NaN in the mask', async () => {
    using mask = tensor(t.device, [1, Number.NaN, 0, 1], { shape: [2, 2] });
    await expect(sparseWeight(mask)).rejects.toThrow('NaN at element 1');
  });

  it('operands that do not fit the mask', async () => {
    using mask = flags([4, 8]);
    using kernel = flags([4, 3, 3, 8]);
    using sparse = await sparseWeight(mask);
    using conv = await sparseWeight(kernel);
    const make = (...shape: number[]) =>
      tensor(t.device, new Float32Array(shape.reduce((a, b) => a * b, 1)), { shape });
    const cases: [() => Tensor, new (...args: never[]) => Error, string][] = [
      [
        () => maskedLinear(make(3, 8), make(8, 4), sparse),
        ShapeError,
        "a weight of the mask's shape [4, 8], or its values [32]",
      ],
      [() => maskedLinear(make(3, 8), make(31), sparse), ShapeError, 'or its values [32]'],
      [() => maskedLinear(make(3, 7), make(4, 8), sparse), ShapeError, 'x of shape [..., 8]'],
      [() => maskedLinear(make(8), make(4, 8), sparse), ShapeError, 'x of rank >= 2'],
      [() => maskedLinear(make(3, 8), make(4, 8), sparse, { bias: make(8) }), ShapeError, 'a bias of shape [4]'],
      [() => maskedLinear(make(3, 8), make(4, 3, 3, 8), conv), ShapeError, 'a mask of rank 2 or 3'],
      [() => maskedConv2d(make(1, 5, 5, 8), make(4, 8), sparse), ShapeError, 'a mask of rank 4 or 5'],
      [() => maskedConv2d(make(1, 5, 5, 7), make(4, 3, 3, 8), conv), ShapeError, 'channels = 8 x groups'],
      [
        () => maskedConv2d(make(1, 5, 5, 8), make(4, 3, 3, 8), conv, { bias: make(3) }),
        ShapeError,
        'a bias of shape [4]',
      ],
      [
        () => maskedLinear(tensor(t.device, new Int32Array(8), { shape: [1, 8], dtype: 'i32' }), make(4, 8), sparse),
        DTypeError,
        'x of dtype f32',
      ],
    ];
    for (const [run, type, message] of cases) {
      scope(() => {
        expect(run).toThrow(type);
        expect(run).toThrow(message);
      });
    }
  });

  it('a mask that is gone', async () => {
    using mask = flags([4, 8]);
    const sparse = await sparseWeight(mask);
    sparse.dispose();
    sparse.dispose();
    scope(() => expect(() => maskedLinear(flags([1, 8]), mask, sparse)).toThrow(DisposedError));
    expect(() => explain(sparse, LINEAR)).toThrow(DisposedError);
  });
});
