import { describe, expect, it } from 'vitest';
import { BatchLoader, Dataset, generateShapes, ImageLoader, type Loader } from '../../src/data/index.js';
import { compile, tensor } from '../../src/index.js';
import { philoxPermutation } from '../../src/tensor/philox.js';
import { testDevice } from '../support/device.js';

const t = testDevice();
const N = 23;
const BATCH = 5;
const ORDER_STREAM = 0x6f726465;

/** Reads a batch and disposes it. */
async function read(loader: Loader): Promise<[inputs: number[], targets: number[]]> {
  const { inputs, targets } = loader.next();
  const values: [number[], number[]] = [[...(await inputs.data())], [...(await targets.data())]];
  inputs.dispose();
  targets.dispose();
  return values;
}

/** Runs `use` with each kind of loader over the same number of rows. */
async function withLoaders(seed: number, use: (make: () => Loader) => Promise<void>): Promise<void> {
  using rows = tensor(
    t.device,
    Int32Array.from({ length: N }, (_, i) => i),
  );
  await use(() => new BatchLoader(rows, rows, BATCH, { seed }));
  using data = new Dataset(t.device, generateShapes({ count: N }));
  await use(() => new ImageLoader(data, BATCH, { seed, augmentation: { crop: 4, flip: true } }));
}

describe('BatchLoader', () => {
  it('follows the permutations of its seed, and starts over after the last batch', async () => {
    using rows = tensor(
      t.device,
      Int32Array.from({ length: N }, (_, i) => i),
    );
    using loader = new BatchLoader(rows, rows, BATCH, { seed: 9 });
    expect(loader.batches).toBe(4);
    for (let epoch = 0; epoch < 2; epoch++) {
      loader.shuffle();
      const order = [...philoxPermutation(9, ORDER_STREAM, epoch, N)];
      for (const b of [0, 1, 2, 3, 0]) expect((await read(loader))[0]).toEqual(order.slice(b * BATCH, (b + 1) * BATCH));
    }
  });
  it('refuses other batches and targets', () => {
    using rows = tensor(t.device, Int32Array.of(1, 2, 3));
    using two = tensor(t.device, Int32Array.of(1, 2));
    for (const batch of [0, 4, 1.5])
      expect(() => new BatchLoader(rows, rows, batch)).toThrow(
        `BatchLoader: expected a batch from 1 to 3, got ${batch}`,
      );
    expect(() => new BatchLoader(rows, two, 1)).toThrow('BatchLoader: expected 3 targets, got [2]');
  });
});

describe('ImageLoader', () => {
  it('gives the rows that a BatchLoader of its seed gives', async () => {
    const set = generateShapes({ count: N });
    using data = new Dataset(t.device, set);
    using plain = new ImageLoader(data, BATCH, { seed: 4 });
    plain.shuffle();
    const order = philoxPermutation(4, ORDER_STREAM, 0, N);
    const [inputs, targets] = await read(plain);
    expect(targets).toEqual([...order.subarray(0, BATCH)].map((row) => set.labels[row]));
    const { mean, std } = data.statistics;
    expect(inputs[7]).toBeCloseTo((set.images[order[0] * 3072 + 7] / 255 - mean[1]) / std[1], 5);
  });

  it('augments afresh in every epoch, by its seed', async () => {
    using data = new Dataset(t.device, generateShapes({ count: 1 }));
    const first = async (seed: number) => {
      using loader = new ImageLoader(data, 1, { seed, augmentation: { crop: 4, flip: true } });
      return [(await read(loader))[0], (await read(loader))[0]];
    };
    const [a, b] = await first(1);
    expect(a).not.toEqual(b);
    expect(await first(1)).toEqual([a, b]);
    expect((await first(2))[0]).not.toEqual(a);
  });
});

describe('every loader', () => {
  it('gives the same batches in a compiled step', () =>
    withLoaders(3, async (make) => {
      const plain = make();
      const inside = make();
      const step = compile(t.device, () => inside.next());
      for (const loader of [plain, inside]) loader.shuffle();
      for (let i = 0; i < 7; i++) {
        if (i === 5) for (const loader of [plain, inside]) loader.shuffle();
        const { inputs, targets } = step();
        const found = [[...(await inputs.data())], [...(await targets.data())]];
        inputs.dispose();
        targets.dispose();
        expect(found).toEqual(await read(plain));
      }
      step.dispose();
      plain.dispose();
      inside.dispose();
    }));

  it('goes on from a state as if it had never stopped', () =>
    withLoaders(2 ** 40 + 1, async (make) => {
      const loader = make();
      loader.shuffle();
      loader.shuffle();
      await read(loader);
      const state = JSON.parse(JSON.stringify(await loader.state()));
      expect(state).toMatchObject({ shuffles: 2, next: 1 });
      const resumed = make();
      resumed.restore(state);
      for (let i = 0; i < 5; i++) {
        if (i === 3) for (const l of [loader, resumed]) l.shuffle();
        expect(await read(resumed)).toEqual(await read(loader));
      }
      expect(() => resumed.restore({ ...state, next: 4 })).toThrow('expected a next batch from 0 to 3, got 4');
      expect(() => resumed.restore({ ...state, shuffles: 0 })).toThrow('a state after the first shuffle, got 0');
      loader.dispose();
      resumed.dispose();
    }));
});
