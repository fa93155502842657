import { nmProblems } from '../sparse-problems.js';
import { csr } from '../spmm/csr.js';
import { spmmVariant } from '../spmm.js';
import { PATTERNS } from './nm.js';

/** What rows of equal length gain over rows of any. */
export default spmmVariant({ ...csr, kind: 'variant' }, nmProblems(PATTERNS));
