import { describe, expect, it } from 'vitest';
import { resize2d, scope, Tensor, tensor } from '../../src/index.js';
import { type Activations, cca, convPoints, type HostActivations, layerPoints } from '../../src/similarity/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';
import { messageOf } from './data.js';

const hold = testDevice();
const inputs = new Inputs('conv points');
const maps = (shape: number[]): HostActivations => ({
  data: inputs.normal(shape.reduce((a, b) => a * b, 1)),
  shape,
});

/** The same on the device: shapes and values. */
async function onDevice(sides: HostActivations[], fn: (...ts: Tensor[]) => Activations[]) {
  const made = sides.map(({ data, shape }) => tensor(hold.device, data as Float32Array, { shape }));
  const out = scope(() => fn(...made)) as Tensor[];
  const read = [];
  for (const t of out) read.push({ shape: t.shape, data: Array.from(await t.data()) });
  for (const t of [...out, ...made]) t.dispose();
  return read;
}

const plain = (sides: readonly HostActivations[]) =>
  sides.map(({ data, shape }) => ({ shape, data: Array.from(data) }));

describe('activations of convolutions as points', () => {
  it('positions, flattened maps and means of maps', async () => {
    const x = maps([3, 2, 4, 5]);
    expect(layerPoints(x)).toEqual({ data: x.data, shape: [24, 5] });
    expect(layerPoints(x, { mode: 'flatten' })).toEqual({ data: x.data, shape: [3, 40] });
    const pooled = layerPoints(x, { mode: 'pool' });
    expect(pooled.shape).toEqual([3, 5]);
    for (let n = 0; n < 3; n++)
      for (let c = 0; c < 5; c++) {
        let sum = 0;
        for (let at = 0; at < 8; at++) sum += x.data[(n * 8 + at) * 5 + c];
        expectClose([pooled.data[n * 5 + c]], [sum / 8], { atol: 1e-6 });
      }
    for (const mode of ['positions', 'flatten'] as const)
      expect(await onDevice([x], (t) => [layerPoints(t, { mode })])).toEqual(plain([layerPoints(x, { mode })]));
    const [read] = await onDevice([x], (t) => [layerPoints(t, { mode: 'pool' })]);
    expectClose(read.data, pooled.data, { atol: 1e-6 });
  });

  it('keeps the same seeded choice of points for every layer', async () => {
    const [x, y] = [maps([5, 4, 4, 2]), maps([5, 4, 4, 3])];
    const [a, b] = convPoints(x, y, { cap: 30, seed: 3 });
    expect([a.shape, b.shape]).toEqual([
      [30, 2],
      [30, 3],
    ]);
    const rowOf = (side: HostActivations, part: HostActivations, i: number) => {
      const c = part.shape[1];
      const row = Array.from(part.data.subarray(i * c, (i + 1) * c));
      for (let at = 0; at < 80; at++) if (row.every((v, k) => v === side.data[at * c + k])) return at;
      return -1;
    };
    const rows = Array.from({ length: 30 }, (_, i) => rowOf(x, a, i));
    expect(rows).toEqual(Array.from({ length: 30 }, (_, i) => rowOf(y, b, i)));
    expect(new Set(rows).size).toBe(30);
    expect(rows).toEqual([...rows].sort((p, q) => p - q));
    // Not every second or third one.
    expect(new Set(rows.slice(1).map((r, i) => r - rows[i])).size).toBeGreaterThan(2);
    expect(convPoints(x, y, { cap: 30, seed: 4 })[0].data).not.toEqual(a.data);
    expect(await onDevice([x, y], (s, t) => convPoints(s, t, { cap: 30, seed: 3 }))).toEqual(plain([a, b]));
    expect(convPoints(x, y, { cap: 80 })[0].data).toBe(x.data);
  });

  it('resizes the smaller maps as resize2d does', async () => {
    const [x, y] = [maps([2, 3, 5, 2]), maps([2, 7, 5, 1])];
    const [a, b] = convPoints(x, y, { mode: 'resize' });
    expect([a.shape, b.shape]).toEqual([
      [70, 2],
      [70, 1],
    ]);
    const [expected] = await onDevice([x], (t) => [resize2d(t, [7, 5], { mode: 'bilinear' })]);
    expectClose(a.data, expected.data, { atol: 1e-6 });
    expect(b.data).toBe(y.data);
    const [read] = await onDevice([x, y], (s, t) => convPoints(s, t, { mode: 'resize' }));
    expectClose(read.data, a.data, { atol: 1e-6 });
    const [up, down] = convPoints(maps([2, 2, 6, 1]), maps([2, 4, 3, 1]), { mode: 'resize' });
    expect([up.shape, down.shape]).toEqual([
      [48, 1],
      [48, 1],
    ]);
  });

  it('works through CCA: a map of channels is not seen', async () => {
    const x = maps([6, 4, 4, 3]);
    const y = { data: x.data.map((v, at) => v * ((at % 3) + 1) - 4), shape: x.shape };
    for (const mode of ['positions', 'resize'] as const)
      expectClose((await cca(...convPoints(x, y, { mode }))).correlations, [1, 1, 1], { atol: 1e-10 });
    expect((await cca(...convPoints(x, maps([6, 9, 9, 2]), { mode: 'pool', cap: 7 }), { force: true })).points).toBe(6);
  });

  it('keeps the kind of activations', () => {
    const x: HostActivations = { data: new Float64Array(16), shape: [1, 4, 4, 1] };
    expect(layerPoints(x, { mode: 'pool' }).data).toBeInstanceOf(Float64Array);
    const t = tensor(hold.device, new Float32Array(16), { shape: [1, 4, 4, 1] });
    t.requiresGrad = true;
    const points: Tensor = layerPoints(t, { mode: 'pool' });
    expect([points instanceof Tensor, points.tracked]).toEqual([true, false]);
    points.dispose();
    t.dispose();
  });

  it('names what is wrong', async () => {
    const [x, y] = [maps([2, 3, 3, 1]), maps([2, 4, 4, 1])];
    const says = async (work: () => unknown, message: string) => expect(await messageOf(work)).toBe(message);
    await says(
      () => convPoints(x, y),
      "ShapeError: convPoints: expected maps of one size (or mode 'resize' or 'pool'), got [2, 3, 3, 1] and [2, 4, 4, 1]",
    );
    await says(
      () => convPoints(x, maps([1, 3, 3, 1])),
      'ShapeError: convPoints: expected as many points in x as in y, got [2, 3, 3, 1] and [1, 3, 3, 1]',
    );
    await says(
      () => layerPoints({ data: x.data, shape: [18, 1] }),
      'ShapeError: layerPoints: expected x as [points, h, w, channels], got [18, 1]',
    );
    await says(
      () => layerPoints(x, { mode: 'dft' as 'pool' }),
      "ArgumentError: layerPoints: expected mode 'positions', 'pool', 'resize' or 'flatten', got dft",
    );
    await says(
      () => layerPoints(x, { cap: 0 }),
      'ArgumentError: layerPoints: expected a cap as a whole number >= 1, got 0',
    );
  });
});
