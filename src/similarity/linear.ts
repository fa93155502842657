import { hostSvdvals } from '../linalg/host/svd.js';
import type { Relation } from './relation.js';
import type { SimilarityResult } from './result.js';

export interface ProcrustesResult extends SimilarityResult {
  /** ||X Q - Y||² at the best rotation Q, of sides scaled to unit Frobenius norm: 2 - 2 similarity. */
  squaredDistance: number;
  /** arccos of the similarity, in radians. */
  angle: number;
}

/**
 * Linear CKA (Kornblith et al. 2019), the RV coefficient: ||Yᵀ X||² / (||Xᵀ X|| ||Yᵀ Y||) in Frobenius norms, of
 * centred sides, from their singular values.
 */
export function relationCka(r: Relation): SimilarityResult {
  const fourth = (s: Float64Array) => s.reduce((sum, value) => sum + value ** 4, 0);
  const scale = Math.sqrt(fourth(r.x.s)) * Math.sqrt(fourth(r.y.s));
  const covariance = scaledCross(r).reduce((sum, value) => sum + value * value, 0);
  return result(r, scale === 0 ? 0 : covariance / scale);
}

/** Orthogonal Procrustes similarity (Ding et al. 2021): nuclear norm of Xᵀ Y over the Frobenius norms, in [0, 1]. */
export function relationProcrustes(r: Relation): ProcrustesResult {
  const square = (s: Float64Array) => s.reduce((sum, value) => sum + value * value, 0);
  const scale = Math.sqrt(square(r.x.s)) * Math.sqrt(square(r.y.s));
  const nuclear = hostSvdvals(scaledCross(r), r.x.rank, r.y.rank).reduce((sum, value) => sum + value, 0);
  const found = result(r, scale === 0 ? 0 : Math.min(1, nuclear / scale));
  return { ...found, squaredDistance: 2 - 2 * found.similarity, angle: Math.acos(found.similarity) };
}

/** Share of x's variance that a linear regression on y explains: ||Uyᵀ X||² / ||X||². Not symmetric. */
export function relationRegression(r: Relation): SimilarityResult {
  let explained = 0;
  let total = 0;
  for (let i = 0; i < r.x.rank; i++) {
    let row = 0;
    for (let j = 0; j < r.y.rank; j++) row += r.cross[i * r.y.rank + j] ** 2;
    explained += row * r.x.s[i] ** 2;
    total += r.x.s[i] ** 2;
  }
  return result(r, total === 0 ? 0 : Math.min(1, explained / total));
}

/** diag(sx) cross diag(sy): Xᵀ Y in the singular bases. */
function scaledCross({ cross, x, y }: Relation): Float64Array {
  return cross.map((value, at) => value * x.s[Math.floor(at / y.rank)] * y.s[at % y.rank]);
}

const result = ({ points, precision, flags }: Relation, similarity: number): SimilarityResult => ({
  similarity,
  points,
  precision,
  flags,
});
