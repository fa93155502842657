import { ArgumentError } from '../../gpu/errors.js';
import { assertMatrix } from './matrix.js';

/**
 * Lower triangular l [n, n] with l lᵀ = a, in float64, for a symmetric positive definite row-major matrix. Only the
 * lower triangle of a counts.
 *
 * @throws ShapeError unless a holds n n values
 * @throws ArgumentError for NaN or infinity, or where a leading minor is not positive, naming its row
 */
export function hostCholesky(a: Float64Array, n: number): Float64Array {
  assertMatrix('hostCholesky', a, n, n);
  const l = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let s = a[i * n + j];
      for (let k = 0; k < j; k++) s -= l[i * n + k] * l[j * n + k];
      if (i > j) l[i * n + j] = s / l[j * n + j];
      else if (s > 0) l[i * n + i] = Math.sqrt(s);
      else throw new ArgumentError('hostCholesky', 'a positive definite matrix', `pivot ${s} in row ${i}`);
    }
  }
  return l;
}
