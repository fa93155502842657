import { describe, expect, it } from 'vitest';
import { ArgumentError, DisposedError, DTypeError, ShapeError, scope, type Tensor, tensor } from '../../src/index.js';
import { blockMaskOf, blocksToDense, blocksToPattern, sampleBlocks } from '../../src/sparse/block-elements.js';
import {
  BLOCK_SIZES,
  type BlockPattern,
  blockPatternFromHost,
  blockPatternOf,
  blockPatternOfGrid,
} from '../../src/sparse/block-pattern.js';
import { toCsr } from '../../src/sparse/formats.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';
import { atBlocks, expandBlocks, randomBlocks, withBlocks } from './block-cases.js';

const t = testDevice();
const read = async (x: Tensor) => {
  const values = Array.from(await x.data());
  x.dispose();
  return values;
};
const gridOf = async ({ grid }: BlockPattern) => {
  const { offsets, columns } = await toCsr(grid);
  return { offsets: Array.from(offsets), columns: Array.from(columns) };
};

describe(`block patterns (seed ${SEED})`, () => {
  it('keep the blocks in which a mask or a weight is not zero', async () => {
    const inputs = new Inputs('block pattern of');
    for (const block of BLOCK_SIZES) {
      const host = randomBlocks(inputs, block, 5, 3, 0.5);
      const { rows, cols } = host;
      // One element a block suffices, be it denormal; -0 is none.
      const weights = new Float32Array(rows * cols).fill(-0);
      const expanded = expandBlocks(host, new Float32Array(host.columns.length * block * block).fill(1));
      const chosen = new Set<number>();
      expanded.forEach((kept, at) => {
        const id = Math.floor(at / cols / block) * cols + Math.floor((at % cols) / block);
        if (kept && (!chosen.has(id) || inputs.integer(50) === 0)) {
          chosen.add(id);
          weights[at] = [1, -2.5, 1e-42][inputs.integer(3)];
        }
      });
      const mask = Uint8Array.from(weights, (w) => (w === 0 ? 0 : 1));
      for (const values of [weights, mask]) {
        const x = tensor(t.device, values, { shape: [rows, cols] });
        using pattern = await blockPatternOf(x, block);
        x.dispose();
        expect([pattern.rows, pattern.cols, pattern.blocks]).toEqual([rows, cols, host.columns.length]);
        expect(await gridOf(pattern)).toEqual({ offsets: host.offsets, columns: host.columns });
      }
    }
  });

  it('come from a mask over the grid, and become masks and patterns of elements', async () => {
    const inputs = new Inputs('block conversions');
    const host = randomBlocks(inputs, 4, 3, 6, 0.4);
    const ones = expandBlocks(host, new Float32Array(host.columns.length * 16).fill(1));
    const grid = Uint8Array.from({ length: 18 }, (_, i) => ones[Math.floor(i / 6) * 4 * 24 + (i % 6) * 4]);
    const mask = tensor(t.device, grid, { shape: [3, 6] });
    using pattern = await blockPatternOfGrid(mask, 4);
    mask.dispose();
    expect(await gridOf(pattern)).toEqual({ offsets: host.offsets, columns: host.columns });
    expect(await read(blockMaskOf(pattern))).toEqual(Array.from(ones));
    using csr = await blocksToPattern(pattern);
    expect([csr.rows, csr.cols, csr.nnz]).toEqual([12, 24, host.columns.length * 16]);
    const { offsets, columns } = await toCsr(csr);
    const spelled = new Float64Array(12 * 24);
    for (let r = 0; r < 12; r++) for (let p = offsets[r]; p < offsets[r + 1]; p++) spelled[r * 24 + columns[p]]++;
    expect(Array.from(spelled)).toEqual(Array.from(ones));
    expect(`${pattern}`).toBe(`pattern [12, 24] with ${host.columns.length} blocks of 4 x 4`);
    expect(pattern.density).toBeCloseTo(host.columns.length / 18);
  });

  it('sample dense matrices and spread values again, batched', async () => {
    const inputs = new Inputs('block elements');
    for (const block of BLOCK_SIZES) {
      const host = randomBlocks(inputs, block, 4, 3, 0.5);
      const size = host.rows * host.cols;
      const x = inputs.uniform(2 * size);
      const count = host.columns.length * block * block;
      const v = inputs.uniform(3 * count);
      await withBlocks(t.device, host, async (pattern) => {
        const made = scope(() => ({
          sampled: sampleBlocks(pattern, tensor(t.device, x, { shape: [2, host.rows, host.cols] })),
          spread: blocksToDense(pattern, tensor(t.device, v, { shape: [3, 1, pattern.blocks, block, block] })),
        }));
        expect(made.sampled.shape).toEqual([2, pattern.blocks, block, block]);
        expect(made.spread.shape).toEqual([3, 1, host.rows, host.cols]);
        expect(await read(made.sampled)).toEqual(
          [0, 1].flatMap((p) => [...atBlocks(host, x.subarray(p * size, (p + 1) * size))]),
        );
        expect(await read(made.spread)).toEqual(
          [0, 1, 2].flatMap((p) => [...expandBlocks(host, v.subarray(p * count, (p + 1) * count))]),
        );
      });
    }
  });

  it('have elements that are differentiable to second order', async () => {
    const host = randomBlocks(new Inputs('block element gradients'), 4, 2, 3, 0.6);
    await withBlocks(t.device, host, async (pattern) => {
      const { device } = t;
      const count = pattern.blocks;
      await checkGradients({
        ...{ device, name: 'sampleBlocks', shapes: [[2, 8, 12]] },
        f: (x) => sampleBlocks(pattern, x),
        host: (x) => [...atBlocks(host, x.subarray(0, 96)), ...atBlocks(host, x.subarray(96))],
      });
      await checkGradients({
        ...{ device, name: 'blocksToDense', shapes: [[count, 4, 4]] },
        f: (v) => blocksToDense(pattern, v),
        host: (v) => expandBlocks(host, v),
      });
    });
  });

  it('may be empty, or without rows or columns', async () => {
    for (const [rows, cols] of [
      [8, 16],
      [0, 8],
      [8, 0],
    ]) {
      const x = tensor(t.device, new Float32Array(rows * cols), { shape: [rows, cols] });
      using pattern = await blockPatternOf(x, 8);
      x.dispose();
      expect([pattern.rows, pattern.cols, pattern.blocks, pattern.density]).toEqual([rows, cols, 0, 0]);
      expect(await read(blockMaskOf(pattern))).toEqual(new Array(rows * cols).fill(0));
      using csr = await blocksToPattern(pattern);
      expect(csr.nnz).toBe(0);
    }
  });

  it('refuse what is malformed', async () => {
    const { device } = t;
    const make = (block: number, offsets: number[], columns: number[], rows = 2 * block, cols = 3 * block) => {
      blockPatternFromHost(device, { rows, cols, block, offsets, columns }).dispose();
    };
    make(8, [0, 2, 3], [0, 2, 1]);
    expect(() => make(8, [0, 2, 3], [2, 0, 1])).toThrow(/columns ascending within each row, got column 2 before 0/);
    expect(() => make(8, [0, 2, 3], [2, 2, 1])).toThrow(/column 2 twice at row 0/);
    expect(() => make(8, [0, 2, 3], [0, 3, 1])).toThrow(/columns in \[0, 3\), got 3/);
    expect(() => make(8, [0, 2, 3], [0, -1, 1])).toThrow(ArgumentError);
    expect(() => make(8, [0, 3, 2], [0, 1])).toThrow(ArgumentError);
    expect(() => make(8, [0, 2], [0, 1])).toThrow('blockPatternFromHost: expected 3 offsets, got 2');
    expect(() => make(5, [0, 0, 0], [])).toThrow('blockPatternFromHost: expected blocks of 4, 8, 16, 32, got 5');
    expect(() => make(8, [0, 0], [], 12, 16)).toThrow(
      'blockPatternFromHost: expected rows and columns divisible by blocks of 8, got [12, 16]',
    );
    const odd = tensor(device, new Float32Array(8 * 6), { shape: [8, 6] });
    await expect(blockPatternOf(odd, 4)).rejects.toThrow(ShapeError);
    await expect(blockPatternOfGrid(odd, 3)).rejects.toThrow(
      'blockPatternOfGrid: expected blocks of 4, 8, 16, 32, got 3',
    );
    odd.dispose();
    const values = new Float32Array(64);
    values[37] = Number.NaN;
    const bad = tensor(device, values, { shape: [8, 8] });
    await expect(blockPatternOf(bad, 4)).rejects.toThrow(
      'blockPatternOf, over the grid of blocks: expected numbers or flags, got NaN at element 3',
    );
    bad.dispose();
  });

  it('refuse operands of other shapes, dtypes or after their disposal', async () => {
    const { device } = t;
    const host = { rows: 8, cols: 8, block: 4, offsets: [0, 1, 2], columns: [1, 0] };
    const pattern = blockPatternFromHost(device, host);
    scope(() => {
      const x = tensor(device, new Float32Array(64), { shape: [8, 8] });
      expect(() => sampleBlocks(pattern, tensor(device, new Float32Array(32), { shape: [8, 4] }))).toThrow(
        'sampleBlocks: expected dense of shape [...batch, 8, 8], got [8, 4]',
      );
      expect(() => blocksToDense(pattern, x)).toThrow(
        'blocksToDense: expected values of shape [...batch, 2, 4, 4], got [8, 8]',
      );
      expect(() => sampleBlocks(pattern, tensor(device, new Int32Array(64), { shape: [8, 8] }))).toThrow(DTypeError);
      pattern.dispose();
      expect(() => sampleBlocks(pattern, x)).toThrow(DisposedError);
    });
  });
});
