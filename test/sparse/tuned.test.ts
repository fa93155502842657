import { describe, expect, it } from 'vitest';
import { checkTuned, type TunedTable } from '../../src/gpu/tuned-table.js';
import { openDevice, tensor } from '../../src/index.js';
import { explain, sparseWeight } from '../../src/sparse/index.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';
import { randomMask } from './masks.js';

const t = testDevice();

const table = (adapter: string, factor: unknown): TunedTable => ({
  ...{ schema: 1, adapter, driver: 'a driver', version: '0.0.0', candidates: 'abc', entries: [] },
  sparse: [
    {
      key: 'linear csr',
      factor: factor as number,
      measurements: [{ on: '[4, 8] x [8, 8], density 0.1', estimated: 0.2, measured: 0.4 }],
    },
  ],
});

describe('a tuned table of sparse forms', () => {
  it('corrects the estimates of its device', async () => {
    const work = { op: 'linear', n: 256, dx: true, dw: true } as const;
    const flags = randomMask(new Inputs('tuned sparse'), 256 * 256, 0.1);
    const found = [];
    for (const factor of [null, 5]) {
      const device = await openDevice(factor ? { tuned: table(t.device.name, factor) } : {});
      const mask = tensor(device, flags, { shape: [256, 256], dtype: 'bool' });
      const sparse = await sparseWeight(mask);
      found.push(explain(sparse, work));
      await device.close();
    }
    const [plain, tuned] = found.map((e) => e.candidates.find((c) => c.kind === 'csr')!.time);
    expect(tuned / plain).toBeCloseTo(5, 6);
    expect(found.map((e) => e.kind)).toEqual(['csr', 'dense']);
    expect(found.map((e) => e.why)).toEqual([
      expect.stringContaining('measured on software devices'),
      expect.stringContaining('tuned on this device'),
    ]);
  });

  it('is checked', () => {
    expect(() => checkTuned(table('a', 1.5), 'a')).not.toThrow();
    for (const factor of [0, -1, Number.NaN, '2'])
      expect(() => checkTuned(table('a', factor), 'a')).toThrow('sparse[0].factor above 0');
    expect(() => checkTuned({ ...table('a', 1), sparse: {} }, 'a')).toThrow('sparse as a list');
    expect(() => checkTuned({ ...table('a', 1), sparse: [{ key: '' }] }, 'a')).toThrow('sparse[0].key as a text');
  });
});
