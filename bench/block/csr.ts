import { blockProblems } from '../sparse-problems.js';
import { csr } from '../spmm/csr.js';
import { spmmVariant } from '../spmm.js';
import { EDGES } from './bsr.js';

/** What blocks gain over single entries at the same places. */
export default spmmVariant({ ...csr, kind: 'variant' }, blockProblems(EDGES));
