import type { Family } from '../case.js';
import { blockProblems } from '../sparse-problems.js';
import { bsr } from '../spmm/bsr.js';
import { spmmVariant } from '../spmm.js';

/** Edges of blocks that the engine has kernels for. */
export const EDGES = [4, 8, 16, 32];

/** The engine's product of blocks, of the size that the case's matrix has. */
const family: Family = (context) =>
  EDGES.flatMap((block) => spmmVariant({ ...bsr(block), kind: 'engine' }, blockProblems([block]))(context));

export default family;
