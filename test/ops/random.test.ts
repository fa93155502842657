import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  argmax,
  argsort,
  bernoulli,
  compile,
  cumsum,
  type Device,
  DisposedError,
  dropout,
  Generator,
  grad,
  mul,
  normal,
  permutation,
  randomBits,
  ShapeError,
  scatterAdd,
  scope,
  sum,
  type Tensor,
  takeAlongAxis,
  tensor,
  uniform,
} from '../../src/index.js';
import { fillRandom } from '../../src/ops/random.js';
import {
  philoxBernoulli,
  philoxBits,
  philoxNormal,
  philoxPermutation,
  philoxUniform,
  type Seed,
} from '../../src/tensor/philox.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

async function take(y: Tensor): Promise<number[]> {
  const out = Array.from(await y.data());
  y.dispose();
  return out;
}

/** A generator for one test. */
async function withGenerator(
  seed: Seed | Seed[],
  fn: (g: Generator) => Promise<void>,
  stream = 0,
  device: Device = t.device,
): Promise<void> {
  const g = new Generator(device, seed, { stream });
  try {
    await fn(g);
  } finally {
    g.dispose();
  }
}

describe(`random (seed ${SEED})`, () => {
  it('gives the known answers of Random123 for philox4x32-10', async () => {
    // Counter words (block low, block high, offset, stream), key words, result.
    const answers = [
      [
        [0, 0, 0, 0],
        [0, 0],
        [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
      ],
      [
        [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
        [0xffffffff, 0xffffffff],
        [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
      ],
      [
        [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
        [0xa4093822, 0x299f31d0],
        [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
      ],
    ];
    for (const [[low, high, offset, stream], [k0, k1], expected] of answers) {
      const out = scope(() => {
        const state = tensor(t.device, Uint32Array.of(k0, k1, stream, offset), { shape: [1, 4] });
        const y = tensor(t.device, new Uint32Array(4));
        fillRandom('test', state, y, 'bits', [0, 0, 0], [low, high]);
        return y;
      });
      expect(await take(out)).toEqual(expected);
    }
    // The block counter carries into its high word.
    const carried = scope(() => {
      const state = tensor(t.device, new Uint32Array(4), { shape: [1, 4] });
      const [y, z] = [tensor(t.device, new Uint32Array(8)), tensor(t.device, new Uint32Array(4))];
      fillRandom('test', state, y, 'bits', [0, 0, 0], [0xffffffff, 6]);
      fillRandom('test', state, z, 'bits', [0, 0, 0], [0, 7]);
      return [y, z];
    });
    const [both, second] = [await take(carried[0]), await take(carried[1])];
    expect(both.slice(4)).toEqual(second);
  });

  it('equals the host draw for draw: bits exactly, normals to 1e-6', async () => {
    const seed = 2n ** 63n + BigInt(SEED);
    for (const device of [t.device, discrete.device]) {
      await withGenerator(
        seed,
        async (g) => {
          let offset = 0;
          for (const n of [1, 2, 3, 4, 5, 1021, 70001]) {
            expect(await take(randomBits(g, [n]))).toEqual(Array.from(philoxBits(seed, 9, offset++, n)));
            expect(await take(uniform(g, [n]))).toEqual(Array.from(philoxUniform(seed, 9, offset++, n)));
            expect(await take(bernoulli(g, [n], 0.3))).toEqual(Array.from(philoxBernoulli(seed, 9, offset++, n, 0.3)));
            expectClose(await take(normal(g, [n])), philoxNormal(seed, 9, offset++, n), { rtol: 0, atol: 1e-6 });
            if (n < 2000)
              expect(await take(permutation(g, n))).toEqual(Array.from(philoxPermutation(seed, 9, offset++, n)));
          }
          expect(await g.state()).toEqual({ seeds: [seed], streams: [9], offsets: [offset] });
        },
        9,
        device,
      );
    }
  });

  it('has the moments that it should, and respects its limits', async () => {
    await withGenerator(SEED, async (g) => {
      const n = 200_000;
      const z = await take(normal(g, [n], { mean: 3, std: 0.5 }));
      const m = z.reduce((a, b) => a + b, 0) / n;
      const central = (k: number) => z.reduce((a, b) => a + ((b - m) / 0.5) ** k, 0) / n;
      // Six standard errors each: mean 1/sqrt n, variance sqrt(2/n), skewness sqrt(15/n), fourth moment sqrt(96/n).
      expect(Math.abs(m - 3)).toBeLessThan((6 * 0.5) / Math.sqrt(n));
      expect(Math.abs(central(2) - 1)).toBeLessThan(6 * Math.sqrt(2 / n));
      expect(Math.abs(central(3))).toBeLessThan(6 * Math.sqrt(15 / n));
      expect(Math.abs(central(4) - 3)).toBeLessThan(6 * Math.sqrt(96 / n));
      const u = await take(uniform(g, [n], { low: -2, high: 1 }));
      expect(Math.abs(u.reduce((a, b) => a + b, 0) / n + 0.5)).toBeLessThan(6 * 3 * Math.sqrt(1 / 12 / n));
      expect(Math.min(...u.slice(0, 1000))).toBeGreaterThanOrEqual(-2);
      const p = (await take(bernoulli(g, [n], 0.9))).reduce((a, b) => a + b, 0) / n;
      expect(Math.abs(p - 0.9)).toBeLessThan(6 * Math.sqrt(0.09 / n));
      // Here half of all sums round up to `high`, which must not come.
      const edge = await take(uniform(g, [1000], { low: 2 ** 24, high: 2 ** 24 + 2 }));
      expect(new Set(edge)).toEqual(new Set([2 ** 24]));
      expect(new Set(await take(bernoulli(g, [1000], 0)))).toEqual(new Set([0]));
      expect(new Set(await take(bernoulli(g, [1000], 1)))).toEqual(new Set([1]));
    });
  });

  it('has independent streams and draws', async () => {
    const n = 100_000;
    const draws: number[][] = [];
    for (const stream of [0, 1])
      await withGenerator(
        SEED,
        async (g) => void draws.push(await take(normal(g, [n])), await take(normal(g, [n]))),
        stream,
      );
    await withGenerator(SEED + 1, async (g) => void draws.push(await take(normal(g, [n]))));
    for (let i = 0; i < draws.length; i++) {
      for (let j = 0; j < i; j++) {
        const r = draws[i].reduce((s, v, k) => s + v * draws[j][k], 0) / n;
        expect(Math.abs(r), `correlation of draws ${i} and ${j}`).toBeLessThan(6 / Math.sqrt(n));
      }
    }
  });

  it('serves a population as generators of their own', async () => {
    const seeds = [5, 2n ** 40n + 1n, 5, 77];
    await withGenerator(
      seeds,
      async (g) => {
        const [bits, even, normals, mask, orders] = [
          randomBits(g, [4, 3, 5]),
          uniform(g, [4, 8]),
          normal(g, [4, 7]),
          bernoulli(g, [4, 1], 0.5),
          permutation(g, 33),
        ];
        const all = [await take(bits), await take(even), await take(normals), await take(mask), await take(orders)];
        for (let m = 0; m < seeds.length; m++) {
          await withGenerator(
            seeds[m],
            async (one) => {
              const alone = [
                randomBits(one, [3, 5]),
                uniform(one, [8]),
                normal(one, [7]),
                bernoulli(one, [1], 0.5),
                permutation(one, 33),
              ];
              for (let k = 0; k < alone.length; k++) {
                const own = await take(alone[k]);
                expect(all[k].slice(m * own.length, (m + 1) * own.length), `model ${m}, draw ${k}`).toEqual(own);
              }
            },
            3,
          );
        }
        expect((await g.state()).offsets).toEqual([5, 5, 5, 5]);
      },
      3,
    );
  });

  it('draws afresh every time, and again after seed and restore', async () => {
    await withGenerator(1, async (g) => {
      const first = await take(randomBits(g, [50]));
      const state = await g.state();
      const second = await take(randomBits(g, [50]));
      expect(second.filter((v, i) => v === first[i]).length).toBeLessThan(2);
      g.restore(state);
      expect(await take(randomBits(g, [50]))).toEqual(second);
      g.seed(1);
      expect(await take(randomBits(g, [50]))).toEqual(first);
      g.seed(1, { stream: 4 });
      expect(await take(randomBits(g, [50]))).toEqual(Array.from(philoxBits(1, 4, 0, 50)));
      expect(await take(randomBits(g, [0, 3]))).toEqual([]);
      expect((await g.state()).offsets).toEqual([2]);
    });
  });

  it('dropout keeps the mean, agrees with its mask and is the identity when it should be', async () => {
    await withGenerator(11, async (g) => {
      const n = 50_000;
      const x = new Inputs('dropout').uniform(n, 1, 2);
      const p = 0.25;
      const [y, same, off] = scope(() => {
        const v = tensor(t.device, x);
        return [dropout(v, p, g), dropout(v, 0, g), dropout(v, p, g, { training: false })];
      });
      const mask = philoxBernoulli(11, 0, 0, n, 1 - p);
      expectClose(
        await take(y),
        Array.from(x, (v, i) => (mask[i] ? v / (1 - p) : 0)),
        { rtol: 2e-7 },
      );
      expect(await take(same)).toEqual(Array.from(x));
      expect(await take(off)).toEqual(Array.from(x));
      expect((await g.state()).offsets).toEqual([1]);
    });
  });

  it('dropout has right first and second derivatives through a fixed mask', async () => {
    await withGenerator(7, async (g) => {
      const mask = philoxBernoulli(7, 0, 0, 15, 0.6);
      await checkGradients({
        device: t.device,
        name: 'dropout',
        f: (x) => {
          g.seed(7);
          const y = dropout(x, 0.4, g);
          return mul(y, mul(y, x));
        },
        host: (x) => x.map((v, i) => (mask[i] ? v ** 3 / 0.36 : 0)),
        shapes: [[3, 5]],
      });
      const x = tensor(t.device, new Float32Array(8).fill(1));
      x.requiresGrad = true;
      const dx = scope(() => grad(sum(dropout(x, 0.5, g)), [x])[0]);
      expect(new Set(await take(dx))).toEqual(new Set([0, 2]));
      x.dispose();
    });
  });

  it('draws afresh in every replay of a compiled step, the same as without compiling', async () => {
    const step = (g: Generator) => {
      const x = uniform(g, [4, 9]);
      const order = argsort(x);
      const grown = cumsum(takeAlongAxis(dropout(x, 0.5, g), order, 1), 1);
      return { grown, rows: scatterAdd(grown, permutation(g, 4), 0, 4), best: argmax(grown, 1) };
    };
    const results = async (run: () => ReturnType<typeof step>) => {
      const { grown, rows, best } = run();
      return [await take(grown), await take(rows), await take(best)];
    };
    const [plain, replayed] = [[] as number[][][], [] as number[][][]];
    await withGenerator(21, async (g) => {
      for (let i = 0; i < 5; i++) plain.push(await results(() => scope(() => step(g))));
    });
    await withGenerator(21, async (g) => {
      const compiled = compile(t.device, () => step(g));
      for (let i = 0; i < 5; i++) replayed.push(await results(() => compiled()));
      expect(compiled.state).toBe('captured');
      expect((await g.state()).offsets).toEqual([15]);
      compiled.dispose();
    });
    expect(replayed).toEqual(plain);
    expect(replayed[3][0]).not.toEqual(replayed[4][0]);
  });

  it('fills more than 65535 workgroups of the discrete class', async () => {
    await withGenerator(
      3,
      async (g) => {
        const n = 65536 * 64 * 4 + 9;
        const got = uniform(g, [n]);
        const values = await got.data();
        got.dispose();
        expect(Array.from(values.slice(-9))).toEqual(Array.from(philoxUniform(3, 0, 0, n).slice(-9)));
      },
      0,
      discrete.device,
    );
  });

  it('refuses bad seeds, shapes and probabilities, naming them', async () => {
    const d = t.device;
    expect(() => new Generator(d, -1)).toThrow(
      'Generator: expected a seed from 0 to 2^53 - 1, or a bigint below 2^64, got -1',
    );
    expect(() => new Generator(d, [])).toThrow(ArgumentError);
    expect(() => new Generator(d, 1, { stream: 2 ** 32 })).toThrow(
      'Generator: expected a stream from 0 to 2^32 - 1, got 4294967296',
    );
    const gone = new Generator(d, 1);
    gone.dispose();
    expect(() => uniform(gone, [2])).toThrow(DisposedError);
    await withGenerator([1, 2], async (g) => {
      expect(() => uniform(g, [3, 2])).toThrow(
        "uniform: expected a shape that begins with the generator's 2 models, got [3, 2]",
      );
      expect(() => uniform(g, [2, -1])).toThrow(ShapeError);
      expect(() => uniform(g, [2], { low: 1, high: 1 })).toThrow('uniform: expected finite low < high, got 1 and 1');
      expect(() => normal(g, [2], { std: -1 })).toThrow(ArgumentError);
      expect(() => bernoulli(g, [2], Number.NaN)).toThrow('bernoulli: expected a probability from 0 to 1, got NaN');
      expect(() => permutation(g, 1.5)).toThrow(ArgumentError);
      expect(() => g.seed(4)).toThrow('Generator.seed: expected 2 seeds, got 1');
      scope(() => {
        expect(() => dropout(tensor(d, [1, 2]), 1, g)).toThrow(
          'dropout: expected a probability p with 0 <= p < 1, got 1',
        );
        expect(() => dropout(tensor(d, [1, 2, 3]), 0.5, g)).toThrow(ShapeError);
      });
      expect((await g.state()).offsets, 'nothing was drawn').toEqual([0, 0]);
    });
  });
});
