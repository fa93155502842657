import { digitShader, narrowShader } from '../../shaders/select/digits.js';
import type { SelectKey } from '../../shaders/select/key.js';
import { blockCountShader, type MarkSpec, markShader } from '../../shaders/select/mark.js';
import { rowSelectShader } from '../../shaders/select/rows.js';
import { type Family, family } from './family.js';

const magnitudes: SelectKey = { type: 'f32', by: 'magnitude', largest: true };
const marks: MarkSpec = {
  key: magnitudes,
  stage: 'indices',
  seeded: true,
  vector: true,
  shared: true,
  stored: 'u32',
  workgroup: 64,
};

/** Shaders in shaders/select. */
export const selectFamilies: readonly Family[] = [
  family(
    'select/digits',
    digitShader,
    { key: magnitudes, first: true, rare: false, vector: true, bins: 2048, shared: true, workgroup: 64 },
    [
      { first: false },
      { first: false, bins: 256, shared: false, workgroup: 8 },
      { first: false, rare: true, bins: 256, shared: false, workgroup: 8 },
      { vector: false, key: { type: 'i32', by: 'magnitude', largest: true } },
      { vector: false, bins: 256, shared: false, workgroup: 8, key: { type: 'u32', by: 'signed', largest: false } },
    ],
  ),
  family('select/digits', narrowShader, { first: true, ranks: false, bins: 2048, workgroup: 64 }, [
    { ranks: true },
    { first: false, bins: 256, workgroup: 8 },
  ]),
  family('select/rows', rowSelectShader, { key: magnitudes, ranks: false, shared: true, bits: 8, workgroup: 64 }, [
    { ranks: true, key: { type: 'f32', by: 'signed', largest: true } },
    { shared: false, bits: 4, workgroup: 8 },
    { shared: false, key: { type: 'i32', by: 'signed', largest: false } },
  ]),
  family('select/mark', blockCountShader, marks, [
    { stage: 'mask', vector: false },
    { shared: false, workgroup: 8 },
  ]),
  family('select/mark', markShader, marks, [
    { stage: 'mask' },
    { stage: 'mask', stored: 'f32', seeded: false, vector: false },
    { stage: 'locate', shared: false, workgroup: 8 },
    { shared: false },
  ]),
];
