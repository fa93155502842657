import type { Family } from '../case.js';
import { nmProblems } from '../sparse-problems.js';
import { nm } from '../spmm/nm.js';
import { spmmVariant } from '../spmm.js';

/** From half of the weights to a sixteenth. */
export const PATTERNS = [
  { n: 1, m: 2 },
  { n: 2, m: 4 },
  { n: 4, m: 8 },
  { n: 1, m: 4 },
  { n: 2, m: 8 },
  { n: 1, m: 8 },
  { n: 1, m: 16 },
];

/** The engine's product of such patterns, of the one that the case's matrix has. */
const family: Family = (context) =>
  PATTERNS.flatMap((p) => spmmVariant({ ...nm(p.n, p.m), name: 'N:M', kind: 'engine' }, nmProblems([p]))(context));

export default family;
