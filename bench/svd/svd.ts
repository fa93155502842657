import { svd } from '../../src/linalg/svd.js';
import { svdVariant } from '../factorisations.js';

/** The engine's: QR first, then one-sided Jacobi rotations. */
export default svdVariant({ name: 'secateur', kind: 'engine', run: (a) => svd(a) });
