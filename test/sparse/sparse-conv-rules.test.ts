import { expect, it } from 'vitest';
import { chooseForm, isSmallProduct, isSmallSample, type Tiling } from '../../src/sparse/sparse-conv-rules.js';
import { testDevice } from '../support/device.js';

const software = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });
const tiling: Tiling = { cells: [2, 2], bundle: 1, pitch: 16, chunks: 1 };

it('software devices take panels where they fit, save for little work, and GPUs none', () => {
  const panel = software.device.subgroupSize > 0 ? 'panel' : 'direct';
  expect(chooseForm(software.device, tiling, false)).toBe(panel);
  expect(chooseForm(software.device, tiling, true)).toBe('direct');
  expect(chooseForm(software.device, null, false)).toBe('direct');
  expect(chooseForm(discrete.device, tiling, false)).toBe('direct');
});

it('work is little where operations and results are few, and for dw where entries are', () => {
  const pixels = 32 * 16 * 16;
  expect(isSmallProduct(2 * 23 * pixels, 16 * pixels)).toBe(false);
  expect(isSmallProduct(2 * 100 * 64, 16 * 64)).toBe(true);
  expect(isSmallSample(23)).toBe(true);
  expect(isSmallSample(110)).toBe(false);
});
