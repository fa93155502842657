import { describe, expect, it } from 'vitest';
import { ArgumentError, scope, tensor } from '../../src/index.js';
import { csrPattern, spmm } from '../../src/sparse/index.js';
import { chooseForm, overrideForms, type SparseForm, type SparseProduct } from '../../src/sparse/spmm-rules.js';
import { testDevice } from '../support/device.js';

const software = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

const product = (
  m: number,
  k: number,
  n: number,
  density: number,
  more: Partial<SparseProduct> = {},
): SparseProduct => ({
  ...{ op: 'spmm', m, k, n, parts: 1, quads: n % 4 === 0 },
  nnz: Math.round(m * k * density),
  ...more,
});

describe('the rules for software devices', () => {
  const form = (p: SparseProduct) => {
    const f = chooseForm(software.device, p);
    return f.kind === 'panel' ? [f.columns, f.capacity] : 'direct';
  };

  it('take a panel where its reads pay for filling it, as long as K up to 512, in few columns where it is long', () => {
    if (software.device.subgroupSize !== 8) return console.log('skipped: subgroups are not of 8 lanes');
    expect(form(product(512, 512, 512, 0.1))).toEqual([4, 512]);
    expect(form(product(512, 512, 512, 0.01))).toEqual([4, 512]);
    expect(form(product(512, 200, 512, 0.1))).toEqual([8, 256]);
    expect(form(product(512, 64, 512, 0.1))).toEqual([8, 64]);
    expect(form(product(512, 1100, 512, 0.1))).toEqual([4, 384]);
    expect(form(product(512, 512, 128, 0.1, { op: 'sddmm' }))).toEqual([4, 512]);
  });

  it('read B from storage where there is too little to do for each of its rows', () => {
    expect(form(product(20, 20, 20, 0.5))).toBe('direct');
    if (software.device.subgroupSize !== 8) return;
    expect(form(product(16, 4608, 128, 0.01))).toBe('direct');
    expect(form(product(512, 512, 1, 0.5))).toBe('direct');
  });

  it('count results as well as entries where there is little to do', () => {
    if (software.device.subgroupSize !== 8) return console.log('skipped: subgroups are not of 8 lanes');
    const turned = { quads: false };
    expect(form(product(64, 64, 1024, 0.017, turned))).toEqual([8, 64]);
    expect(form(product(64, 64, 64, 0.017, turned))).toBe('direct');
    expect(form(product(64, 64, 64, 0.017, { ...turned, parts: 16 }))).toEqual([8, 64]);
  });

  it('cut few tiles into ranges, and hand out whole subgroups of entries from long lines only', () => {
    const panel = (p: SparseProduct) => {
      const f = chooseForm(software.device, p);
      if (f.kind !== 'panel') throw new Error('expected a panel');
      return f;
    };
    if (software.device.subgroupSize === 0) return console.log('skipped: no subgroups');
    expect(panel(product(512, 256, 32, 0.3)).ranges).toBeGreaterThan(1);
    expect(panel(product(512, 256, 4096, 0.3)).ranges).toBe(1);
    expect(panel(product(512, 256, 512, 0.3)).together).toBe(software.device.subgroupSize);
    expect(panel(product(512, 256, 512, 0.01)).together).toBe(2);
  });
});

describe('the rules for GPUs', () => {
  it('give a line to a subgroup where the columns fill it', () => {
    const lanes = discrete.device.subgroupSize;
    const form = (n: number) => chooseForm(discrete.device, product(64, 64, n, 0.1));
    if (lanes > 0) expect(form(512)).toEqual({ kind: 'direct', across: lanes, down: 1, subgroup: true });
    expect(form(4)).toEqual({ kind: 'direct', across: 1, down: 64, subgroup: false });
    expect(form(5)).toMatchObject({ subgroup: lanes === 8 || lanes === 4 });
  });
});

it('refuses forms that cannot run, and nothing is left behind', () => {
  const { device } = software;
  using pattern = csrPattern(device, { rows: 2, cols: 2, offsets: [0, 1, 2], columns: [0, 1] });
  const panel: SparseForm = {
    kind: 'panel',
    lanes: device.subgroupSize,
    columns: 4,
    capacity: 64,
    ranges: 1,
    together: 2,
  };
  const cases: [SparseForm, string][] = [
    [{ ...panel, lanes: 3 }, 'expected lanes equal to the subgroup size'],
    [{ ...panel, columns: 6 }, 'expected columns as a multiple of 4, got 6'],
    [{ ...panel, capacity: 0 }, 'expected a capacity that is a multiple of 4, got 0'],
    [{ ...panel, ranges: 0 }, 'expected one or more ranges, got 0'],
    [{ ...panel, together: 3 }, 'entries in one go, got 3'],
    [{ kind: 'direct', across: 64, down: 64, subgroup: false }, 'invocations, got 4096'],
    [{ kind: 'direct', across: 5, down: 1, subgroup: true }, 'expected one line of'],
  ];
  for (const [form, message] of cases) {
    overrideForms(device, () => form);
    try {
      scope(() => {
        const run = () => spmm(pattern, tensor(device, [1, 2]), tensor(device, [[1], [2]]));
        expect(run).toThrow(ArgumentError);
        expect(run).toThrow(message);
      });
    } finally {
      overrideForms(device, null);
    }
  }
});
