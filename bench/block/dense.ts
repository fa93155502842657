import { blockProblems } from '../sparse-problems.js';
import { dense } from '../spmm/dense.js';
import { spmmVariant } from '../spmm.js';
import { EDGES } from './bsr.js';

export default spmmVariant(dense, blockProblems(EDGES));
