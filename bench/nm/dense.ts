import { nmProblems } from '../sparse-problems.js';
import { dense } from '../spmm/dense.js';
import { spmmVariant } from '../spmm.js';
import { PATTERNS } from './nm.js';

export default spmmVariant(dense, nmProblems(PATTERNS));
