import type { Activations } from './activations.js';
import type { CanonicalResult, GuardOptions } from './canonical.js';
import type { DirectionOptions } from './directions.js';
import type { ProcrustesResult } from './linear.js';
import { checkMeasures, type Measures, measured, type ResultsOf } from './measures.js';
import type { PwccaOptions, PwccaResult } from './pwcca.js';
import { relate } from './relate.js';
import type { PrecisionOptions, SimilarityResult } from './result.js';

/**
 * Several measures of two sides [points, neurons] from one decomposition.
 *
 * @example const { svcca, linearCka } = await compare(x, y, { svcca: { threshold: 0.99 }, linearCka: {} });
 * @throws as the measures themselves; ArgumentError for a measure of another name
 */
export async function compare<T extends Measures>(
  x: Activations,
  y: Activations,
  measures: T,
  options: PrecisionOptions = {},
): Promise<ResultsOf<T>> {
  return compared('compare', x, y, measures, options);
}

/**
 * Canonical correlation analysis (Hotelling 1936) of x [points, p] and y [points, q]: correlations that no invertible
 * linear map of either side changes. Computed as singular values of Uxᵀ Uy; no covariance is inverted.
 *
 * Dead neurons are left out and counted. Where one side does not vary, the similarity is 0, flagged 'degenerate'.
 *
 * @throws ShapeError, DTypeError, DeviceMismatchError; ArgumentError for NaN or infinity, and for fewer points than twice
 * the neurons of a side, unless forced (from as many neurons as points on, all correlations are 1)
 */
export async function cca(
  x: Activations,
  y: Activations,
  options: GuardOptions & PrecisionOptions = {},
): Promise<CanonicalResult> {
  return (await compared('cca', x, y, { cca: options }, options)).cca;
}

/**
 * Singular vector canonical correlation analysis (Raghu et al. 2017): each side keeps the leading singular directions
 * that explain 99 % of its variance, and canonical correlations are taken between those. Read the similarity with the
 * number of directions of each side. Errors as `cca`, and ArgumentError for options out of range.
 */
export async function svcca(
  x: Activations,
  y: Activations,
  options: DirectionOptions & PrecisionOptions = {},
): Promise<CanonicalResult> {
  return (await compared('svcca', x, y, { svcca: options }, options)).svcca;
}

/**
 * Projection weighted canonical correlation analysis (Morcos et al. 2018): the mean correlation, weighted by how much of
 * the activations of one side (the smaller one) each canonical variate accounts for. Variates of equal correlations, and
 * so their weights, are not determined. Errors as `cca`.
 */
export async function pwcca(
  x: Activations,
  y: Activations,
  options: PwccaOptions & PrecisionOptions = {},
): Promise<PwccaResult> {
  return (await compared('pwcca', x, y, { pwcca: options }, options)).pwcca;
}

/**
 * Orthogonal Procrustes similarity (Ding et al. 2021): nuclear norm of Xᵀ Y over both Frobenius norms, of centred sides;
 * 1 where one is a rotation and scaling of the other. The narrower side counts as padded with zeros.
 *
 * @throws ShapeError, DTypeError, DeviceMismatchError; ArgumentError for NaN or infinity
 */
export async function procrustes(
  x: Activations,
  y: Activations,
  options: PrecisionOptions = {},
): Promise<ProcrustesResult> {
  return (await compared('procrustes', x, y, { procrustes: {} }, options)).procrustes;
}

/** R² of a linear regression of x on y: the share of x's variance that y explains. Not symmetric. Errors as `procrustes`. */
export async function linearRegression(
  x: Activations,
  y: Activations,
  options: PrecisionOptions = {},
): Promise<SimilarityResult> {
  return (await compared('linearRegression', x, y, { regression: {} }, options)).regression;
}

async function compared<T extends Measures>(
  op: string,
  x: Activations,
  y: Activations,
  measures: T,
  options: PrecisionOptions,
): Promise<ResultsOf<T>> {
  checkMeasures(op, measures);
  const r = await relate(op, x, y, options, measures);
  return measured(op, r, measures);
}
