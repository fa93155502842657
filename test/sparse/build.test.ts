import { describe, expect, it } from 'vitest';
import { ArgumentError, type DType, DTypeError, ShapeError, tensor } from '../../src/index.js';
import { buildLines } from '../../src/sparse/build.js';
import { csrPattern, Pattern, patternOf, patternOfWeights } from '../../src/sparse/index.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';
import { arraysOf, csrOf, randomMask } from './masks.js';

const software = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });
const devices = [
  ['software', software],
  ['discrete', discrete],
] as const;

const sizes: [parts: number, rows: number, cols: number, density: number][] = [
  [1, 1, 1, 1],
  [1, 1, 1, 0],
  [1, 31, 33, 0.3],
  [1, 32, 32, 1],
  [1, 64, 96, 0],
  [1, 67, 130, 0.5],
  [3, 40, 37, 0.2],
  [17, 5, 9, 0.4],
  [300, 3, 4, 0.5],
  [1, 1, 3001, 0.1],
  [1, 3001, 1, 0.1],
  [1, 1100, 70, 0.02],
  [2, 70, 1100, 0.02],
  [1, 0, 4, 0],
  [1, 4, 0, 0],
  [0, 4, 3, 0],
];

describe.each(devices)('patterns built on the device (%s)', (kind, t) => {
  it.each(sizes)('are those of the host: %i x [%i, %i] at density %d', async (parts, rows, cols, density) => {
    const mask = randomMask(new Inputs(`build ${kind} ${parts} ${rows} ${cols}`), parts * rows * cols, density);
    using device = tensor(t.device, mask, { shape: [parts, rows, cols], dtype: 'bool' });
    using host = csrPattern(t.device, csrOf(mask, parts, rows, cols));
    using pattern = await patternOf(device);
    expect(await arraysOf(pattern)).toEqual(await arraysOf(host));
    expect([pattern.parts, pattern.rows, pattern.cols]).toEqual([parts, rows, cols]);
  });

  it.each<DType>(['f32', 'i32', 'u32', 'bool'])('take what is not 0 of dtype %s', async (dtype) => {
    // Signed zeros, the least denormal, and infinities.
    const values = dtype === 'f32' ? [0, -0, 1e-45, -2, Infinity, -Infinity, 0, 3] : [0, 0, 1, 7, 1, 1, 0, 3];
    using mask = tensor(t.device, Float32Array.from(values), { shape: [2, 4], dtype });
    using pattern = await patternOf(mask);
    using host = csrPattern(t.device, csrOf([0, 0, 1, 1, 1, 1, 0, 1], 1, 2, 4));
    expect(await arraysOf(pattern)).toEqual(await arraysOf(host));
  });

  it.each([4, 5])('refuse NaN and name the first, in rows of %i', async (cols) => {
    const values = new Float32Array(80 * cols).fill(1);
    values[77 * cols + 3] = NaN;
    values[50 * cols + 2] = -NaN;
    using weights = tensor(t.device, values, { shape: [80, cols] });
    await expect(patternOfWeights(weights)).rejects.toThrow(`NaN at element ${50 * cols + 2}`);
    await expect(patternOf(weights)).rejects.toThrow(ArgumentError);
  });

  it('fold the axes of a filter into columns', async () => {
    const mask = randomMask(new Inputs(`filter ${kind}`), 5 * 3 * 3 * 4, 0.3);
    using filter = tensor(t.device, mask, { shape: [5, 3, 3, 4], dtype: 'bool' });
    using population = filter.view('test', [1, 5, 3, 3, 4]);
    using host = csrPattern(t.device, csrOf(mask, 1, 5, 36));
    using one = await patternOf(filter, { partAxes: 0 });
    using two = await patternOf(population, { partAxes: 1 });
    using stacked = await patternOf(filter);
    expect(await arraysOf(one)).toEqual(await arraysOf(host));
    expect(await arraysOf(two)).toEqual(await arraysOf(host));
    expect([stacked.parts, stacked.rows, stacked.cols]).toEqual([15, 3, 4]);
  });
});

it('half-precision weights count what is not 0', async () => {
  if (!software.device.hasF16) return;
  using weights = tensor(software.device, [0, 1, 2 ** -24, -0, 5, 0], { shape: [2, 3], dtype: 'f16' });
  using pattern = await patternOfWeights(weights);
  expect([pattern.nnz, pattern.byRow.longest]).toEqual([3, 2]);
});

it('buildLines gives tensors to its caller, also from within no scope', async () => {
  using mask = tensor(software.device, [[[1, 0, 1]]], { dtype: 'bool' });
  const { nnz, byRow, byColumn } = await buildLines('test', mask);
  using pattern = new Pattern(1, 1, 3, nnz, byRow, byColumn);
  expect([...(await pattern.byColumn.starts.data())]).toEqual([0, 1, 1, 2]);
});

it('patternOf refuses what is no stack of matrices', async () => {
  using line = tensor(software.device, [1, 0, 1]);
  using matrix = tensor(software.device, [[1, 0, 1]]);
  using flags = tensor(software.device, [[true]]);
  await expect(patternOf(line)).rejects.toThrow(ShapeError);
  await expect(patternOf(line)).rejects.toThrow('patternOf: expected a mask of rank at least 2, got [3]');
  await expect(patternOf(matrix, { partAxes: 1 })).rejects.toThrow('rank at least 3, got [1, 3]');
  await expect(patternOf(matrix, { partAxes: -1 })).rejects.toThrow(ArgumentError);
  await expect(patternOf(matrix, { partAxes: 0.5 })).rejects.toThrow('partAxes as a whole number, got 0.5');
  await expect(patternOfWeights(flags)).rejects.toThrow(DTypeError);
  line.dispose();
  await expect(patternOf(line)).rejects.toThrow('was disposed');
});
