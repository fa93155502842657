import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  compile,
  type Device,
  matmul,
  ShapeError,
  scope,
  type Tensor,
  tensor,
} from '../../src/index.js';
import { blocksToDense, blocksToPattern } from '../../src/sparse/block-elements.js';
import { type BlockMatmulOptions, blockMatmul, blockSddmm } from '../../src/sparse/block-matmul.js';
import { BLOCK_SIZES, type HostBlocks } from '../../src/sparse/block-pattern.js';
import { sampleDense } from '../../src/sparse/sample.js';
import { spmm } from '../../src/sparse/spmm.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { product, repeat } from '../support/product.js';
import { Inputs, SEED } from '../support/random.js';
import { atBlocks, expandBlocks, randomBlocks, withBlocks } from './block-cases.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

const flag = (bits: number, i: number): boolean => ((bits >> i) & 1) === 1;
const turned = (x: ArrayLike<number>, rows: number, cols: number): Float64Array =>
  Float64Array.from({ length: x.length }, (_, i) => {
    const [part, at] = [Math.floor(i / rows / cols), i % (rows * cols)];
    return x[part * rows * cols + (at % rows) * cols + Math.floor(at / rows)];
  });

interface Case {
  n: number;
  /** Bits: transA, transB, transC (of sddmm: transX, transY). */
  flags: number;
  activation?: BlockMatmulOptions['activation'];
  bias?: boolean;
  parts?: number;
  /** The batch shares the matrix. */
  shared?: boolean;
}

/** blockMatmul and blockSddmm of random operands against float64. */
async function check(device: Device, inputs: Inputs, host: HostBlocks, c: Case): Promise<void> {
  const { n, flags, activation = 'none', bias: biased = false, parts = 1, shared = true } = c;
  const [transA, transB, transC] = [0, 1, 2].map((i) => flag(flags, i));
  const { rows, cols, block } = host;
  const [m, k] = transA ? [cols, rows] : [rows, cols];
  const count = host.columns.length * block * block;
  const lead = parts === 1 ? [] : [parts];
  const v = inputs.uniform(shared ? count : parts * count);
  const b = inputs.uniform(parts * k * n);
  const bias = inputs.uniform(m);
  const [x, y] = [inputs.uniform(parts * rows * n), inputs.uniform(parts * cols * n)];
  await withBlocks(device, host, async (pattern) => {
    const values = [...(shared ? [] : lead), pattern.blocks, block, block];
    const made = scope(() => ({
      c: blockMatmul(
        pattern,
        tensor(device, v, { shape: values }),
        tensor(device, b, { shape: [...lead, ...(transB ? [n, k] : [k, n])] }),
        { transA, transB, transC, activation, ...(biased ? { bias: tensor(device, bias) } : {}) },
      ),
      s: blockSddmm(
        pattern,
        tensor(device, x, { shape: [...lead, ...(transA ? [n, rows] : [rows, n])] }),
        tensor(device, y, { shape: [...lead, ...(transB ? [n, cols] : [cols, n])] }),
        { transX: transA, transY: transB },
      ),
    }));
    expect(made.c.shape).toEqual([...lead, ...(transC ? [n, m] : [m, n])]);
    expect(made.s.shape).toEqual([...lead, pattern.blocks, block, block]);
    const dense = Array.from({ length: parts }, (_, p) =>
      Array.from(expandBlocks(host, shared ? v : v.subarray(p * count, (p + 1) * count))),
    ).flat();
    const act = { none: (z: number) => z, relu: (z: number) => Math.max(z, 0), tanh: Math.tanh, sigmoid: Number }[
      activation
    ];
    const plain = product(dense, b, parts, m, n, k, transA, transB).map((z, i) =>
      act(z + (biased ? bias[Math.floor(i / n) % m] : 0)),
    );
    const what = `block ${block}, ${JSON.stringify(c)}`;
    expectClose(await made.c.data(), transC ? turned(plain, m, n) : plain, { what });
    const whole = product(x, y, parts, rows, cols, n, transA, !transB);
    const sampled = Array.from({ length: parts }, (_, p) =>
      Array.from(atBlocks(host, whole.subarray(p * rows * cols, (p + 1) * rows * cols))),
    ).flat();
    expectClose(await made.s.data(), sampled, { what: `sddmm of ${what}` });
    for (const r of Object.values(made)) r.dispose();
  });
}

describe(`block-sparse products (seed ${SEED})`, () => {
  it('agree with float64 in every layout, with bias and activation', async () => {
    const inputs = new Inputs('block layouts');
    const host = randomBlocks(inputs, 8, 5, 4, 0.5);
    const activations = ['none', 'relu', 'tanh'] as const;
    for (let flags = 0; flags < 8; flags++)
      await check(t.device, inputs, host, {
        n: [36, 7][flags & 1],
        flags,
        activation: activations[flags % 3],
        bias: true,
      });
  });

  for (const block of BLOCK_SIZES) {
    it(`agree with float64 for blocks of ${block} and columns around the width of a tile`, async () => {
      const inputs = new Inputs(`block ${block}`);
      for (const n of [0, 1, 31, 33, 64, 100])
        await check(t.device, inputs, randomBlocks(inputs, block, 3, 5, 0.5), { n, flags: n % 2 });
      for (const density of [0, 0.02, 1])
        await check(t.device, inputs, randomBlocks(inputs, block, 7, 6, density), { n: 64, flags: 0 });
    });
  }

  it('serve batches, with a matrix for each or one for all', async () => {
    const inputs = new Inputs('block batches');
    const host = randomBlocks(inputs, 16, 3, 2, 0.6);
    for (const shared of [true, false]) {
      for (const flags of [0, 1, 6]) await check(t.device, inputs, host, { n: 5, flags, parts: 3, shared });
      await check(t.device, inputs, host, { n: 5, flags: 0, parts: 0, shared });
    }
    const small = randomBlocks(inputs, 4, 9, 4, 0.7);
    for (const shared of [true, false]) await check(t.device, inputs, small, { n: 40, flags: 0, parts: 2, shared });
  });

  it('keep a panel of many rows, or read them for every block, and split long sums', async () => {
    const inputs = new Inputs('block panels');
    // 640 rows of b need the larger panel; 1100 are too many for one; few blocks are not worth one.
    for (const [block, across, density] of [
      [4, 160, 0.3],
      [8, 80, 0.5],
      [4, 275, 0.3],
      [8, 160, 0.02],
    ])
      await check(t.device, inputs, randomBlocks(inputs, block, 40, across, density), { n: 4, flags: 0 });
    await check(t.device, inputs, randomBlocks(inputs, 16, 2, 2, 1), { n: 1537, flags: 0 });
  });

  it('run as on GPUs, without subgroups', async () => {
    const inputs = new Inputs('block discrete');
    for (const block of BLOCK_SIZES) {
      const host = randomBlocks(inputs, block, 4, 3, 0.5);
      await check(discrete.device, inputs, host, { n: 132, flags: block === 8 ? 1 : 0, bias: true });
      if (block > 8) await check(discrete.device, inputs, host, { n: 20, flags: block === 16 ? 6 : 3, parts: 2 });
    }
  });

  it('give the same bytes twice, also inside a compiled step', async () => {
    const inputs = new Inputs('block determinism');
    const host = randomBlocks(inputs, 8, 6, 6, 0.5);
    await withBlocks(t.device, host, async (pattern) => {
      const v = tensor(t.device, inputs.uniform(pattern.blocks * 64), { shape: [pattern.blocks, 8, 8] });
      const b = tensor(t.device, inputs.uniform(48 * 40), { shape: [48, 40] });
      using step = compile(t.device, (values: Tensor, x: Tensor) => {
        const y = blockMatmul(pattern, values, x, { activation: 'relu' });
        return { y, s: blockSddmm(pattern, y, x) };
      });
      const runs: string[] = [];
      for (let i = 0; i < 4; i++) {
        const out = step(v, b);
        runs.push([...(await out.y.data()), ...(await out.s.data())].join());
        for (const r of Object.values(out)) r.dispose();
      }
      expect(new Set(runs).size).toBe(1);
      v.dispose();
      b.dispose();
    });
  });

  it('equal the products of the same matrix, dense and in compressed rows', async () => {
    const inputs = new Inputs('block law');
    const host = randomBlocks(inputs, 32, 4, 5, 0.4);
    await withBlocks(t.device, host, async (pattern) => {
      using csr = await blocksToPattern(pattern);
      const made = scope(() => {
        const v = tensor(t.device, inputs.uniform(pattern.blocks * 1024), { shape: [pattern.blocks, 32, 32] });
        const b = tensor(t.device, inputs.uniform(160 * 70), { shape: [160, 70] });
        const dense = blocksToDense(pattern, v);
        return { own: blockMatmul(pattern, v, b), dense: matmul(dense, b), csr: spmm(csr, sampleDense(csr, dense), b) };
      });
      const own = await made.own.data();
      expectClose(own, await made.dense.data(), { rtol: 1e-6 });
      expectClose(own, await made.csr.data(), { rtol: 1e-6 });
      for (const r of Object.values(made)) r.dispose();
    });
  });
});

describe(`derivatives of block-sparse products (seed ${SEED})`, () => {
  const { rows, cols, block, offsets, columns } = {
    rows: 8,
    cols: 12,
    block: 4,
    offsets: [0, 2, 3],
    columns: [0, 2, 1],
  };
  const host: HostBlocks = { rows, cols, block, offsets, columns };
  for (const flags of [0, 1, 6]) {
    it(`of first and second order, layout ${flags}`, async () => {
      const [transA, transB, transC] = [0, 1, 2].map((i) => flag(flags, i));
      const [m, k] = transA ? [cols, rows] : [rows, cols];
      const n = 3;
      await withBlocks(t.device, host, async (pattern) => {
        await checkGradients({
          device: t.device,
          name: `blockMatmul ${flags}`,
          shapes: [[3, 4, 4], transB ? [n, k] : [k, n], [m]],
          f: (v, b, bias) => blockMatmul(pattern, v, b, { transA, transB, transC, bias, activation: 'tanh' }),
          host: (v, b, bias) => {
            const y = product(expandBlocks(host, v), b, 1, m, n, k, transA, transB).map((z, i) =>
              Math.tanh(z + bias[Math.floor(i / n)]),
            );
            return transC ? turned(y, m, n) : y;
          },
        });
        const [transX, transY] = [transA, transB];
        await checkGradients({
          device: t.device,
          name: `blockSddmm ${flags}`,
          shapes: [transX ? [n, rows] : [rows, n], transY ? [n, cols] : [cols, n]],
          f: (x, y) => blockSddmm(pattern, x, y, { transX, transY }),
          host: (x, y) => atBlocks(host, product(x, y, 1, rows, cols, n, transX, !transY)),
        });
      });
    });
  }

  it('sum over a batch that shares a matrix or an operand', async () => {
    await withBlocks(t.device, host, async (pattern) => {
      const { device } = t;
      const per = (f: (p: number) => Float64Array) => [0, 1].flatMap((p) => [...f(p)]);
      await checkGradients({
        ...{
          device,
          name: 'shared values',
          shapes: [
            [3, 4, 4],
            [2, cols, 3],
          ],
        },
        f: (v, b) => blockMatmul(pattern, v, b),
        host: (v, b) => product(repeat(expandBlocks(host, v), 2), b, 2, rows, 3, cols),
      });
      await checkGradients({
        ...{
          device,
          name: 'rows of a batch',
          shapes: [
            [3, 4, 4],
            [2, 3, cols],
          ],
        },
        f: (v, b) => blockMatmul(pattern, v, b, { transB: true, transC: true }),
        host: (v, b) =>
          per((p) => product(b.subarray(p * 36, p * 36 + 36), expandBlocks(host, v), 1, 3, rows, cols, false, true)),
      });
      await checkGradients({
        ...{
          device,
          name: 'shared operand',
          shapes: [
            [2, 3, 4, 4],
            [cols, 2],
          ],
        },
        f: (v, b) => blockMatmul(pattern, v, b),
        host: (v, b) => per((p) => product(expandBlocks(host, v.subarray(p * 48, p * 48 + 48)), b, 1, rows, 2, cols)),
      });
    });
  });
});

describe('bad input to block-sparse products', () => {
  it('is refused before anything is allocated', async () => {
    const { device } = t;
    await withBlocks(device, { rows: 8, cols: 12, block: 4, offsets: [0, 1, 1], columns: [0] }, (pattern) => {
      scope(() => {
        const of = (...shape: number[]) =>
          tensor(device, new Float32Array(shape.reduce((a, b) => a * b, 1)), { shape });
        const [v, b] = [of(1, 4, 4), of(12, 3)];
        expect(() => blockMatmul(pattern, of(2, 4, 4), b)).toThrow(
          'blockMatmul: expected values of shape [...batch, 1, 4, 4], got [2, 4, 4]',
        );
        expect(() => blockMatmul(pattern, v, of(8, 3))).toThrow(
          'blockMatmul: expected b of shape [...batch, 12, n], got [8, 3]',
        );
        expect(() => blockMatmul(pattern, v, of(12, 3), { transB: true })).toThrow(ShapeError);
        expect(() => blockMatmul(pattern, v, b, { transA: true })).toThrow(ShapeError);
        expect(() => blockMatmul(pattern, v, of(12))).toThrow(ShapeError);
        expect(() => blockMatmul(pattern, v, b, { bias: of(3) })).toThrow(
          'blockMatmul: expected a bias of shape [8], got [3]',
        );
        expect(() => blockMatmul(pattern, v, b, { activation: 'gelu' as 'relu' })).toThrow(ArgumentError);
        expect(() => blockMatmul(pattern, of(2, 1, 4, 4), of(3, 12, 3))).toThrow(ShapeError);
        expect(() => blockSddmm(pattern, of(8, 3), of(12, 4))).toThrow(
          'blockSddmm: expected y of shape [...batch, 12, 3], got [12, 4]',
        );
        expect(() => blockSddmm(pattern, of(3, 9), of(12, 3), { transX: true })).toThrow(ShapeError);
      });
    });
  });
});
