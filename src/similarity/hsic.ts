import { ArgumentError } from '../gpu/errors.js';
import type { Activations } from './activations.js';
import { dot, type Grams } from './grams.js';
import { gramsOf, type KernelOptions } from './kernels.js';
import type { Flag, Precision, PrecisionOptions, SimilarityResult } from './result.js';

export interface HsicOptions extends KernelOptions, PrecisionOptions {
  /** The estimator without bias of Song et al. (2012), for at least 4 points. Default false. */
  unbiased?: boolean;
}

export interface HsicResult {
  hsic: number;
  points: number;
  precision: Precision;
  flags: readonly Flag[];
}

export interface CkaResult extends SimilarityResult {
  /** Bandwidths, where the kernel is Gaussian. */
  sigma?: readonly [x: number, y: number];
}

/** The three values that CKA is made of. */
export interface HsicTerms {
  xx: number;
  xy: number;
  yy: number;
}

/**
 * Hilbert-Schmidt independence criterion of two sides [points, neurons]: tr(K H L H) / (n - 1)², or without bias.
 *
 * @throws ShapeError, DTypeError, DeviceMismatchError; ArgumentError for NaN, options out of range, fewer than 2 points (4
 * where unbiased), a median distance of 0; LimitError for Gram matrices beyond one binding of the device
 */
export async function hsic(x: Activations, y: Activations, options: HsicOptions = {}): Promise<HsicResult> {
  const { unbiased = false } = options;
  assertPoints('hsic', x, unbiased ? 4 : 2);
  const g = await gramsOf('hsic', x, y, options, unbiased ? carriesUnbiased : always);
  const { points, precision, flags } = g;
  return { hsic: unbiased ? unbiasedTerms(g).xy : g.xy / (points - 1) ** 2, points, precision, flags };
}

/**
 * Linear centred kernel alignment (Kornblith et al. 2019): HSIC of both sides over the geometric mean of HSIC of each
 * with itself. In [0, 1]; rotations and isotropic scales of either side do not change it. Errors as `hsic`.
 */
export async function linearCka(
  x: Activations,
  y: Activations,
  options: Pick<KernelOptions, 'form'> & PrecisionOptions = {},
): Promise<CkaResult> {
  return alignment(await gramsOf('linearCka', x, y, { ...options, kernel: 'linear' }, always));
}

/** The RV coefficient (Robert and Escoufier 1976), which is linear CKA. */
export async function rv(x: Activations, y: Activations, options: PrecisionOptions = {}): Promise<CkaResult> {
  return alignment(await gramsOf('rv', x, y, { ...options, kernel: 'linear' }, always));
}

/** Centred kernel alignment with Gaussian kernels. Errors as `hsic`. */
export async function rbfCka(
  x: Activations,
  y: Activations,
  options: Omit<KernelOptions, 'kernel' | 'form'> & PrecisionOptions = {},
): Promise<CkaResult> {
  return alignment(await gramsOf('rbfCka', x, y, { ...options, kernel: 'rbf' }, always));
}

/**
 * CKA from HSIC without bias: about 0, slightly negative too, where the sides are independent, however many neurons they
 * have. Errors as `hsic`.
 */
export async function debiasedCka(
  x: Activations,
  y: Activations,
  options: KernelOptions & PrecisionOptions = {},
): Promise<CkaResult> {
  assertPoints('debiasedCka', x, 4);
  const g = await gramsOf('debiasedCka', x, y, options, carriesUnbiased);
  const terms = unbiasedTerms(g);
  return ratioResult(g, terms, isSound(g.points, terms.xx, g.xx) && isSound(g.points, terms.yy, g.yy));
}

/** The RV coefficient with the diagonals of X Xᵀ and Y Yᵀ left out (Smilde et al. 2009), in [-1, 1]. Errors as `hsic`. */
export async function modifiedRv(x: Activations, y: Activations, options: PrecisionOptions = {}): Promise<CkaResult> {
  const g = await gramsOf('modifiedRv', x, y, { ...options, kernel: 'linear' }, carriesOffDiagonal);
  const terms = offDiagonal(g);
  return ratioResult(g, terms, terms.xx > ROUNDING * g.xx && terms.yy > ROUNDING * g.yy);
}

/**
 * Terms without bias (Song et al. 2012, eq. 5). With both Gram matrices centred, rows sum to 0, and of the estimator
 * only the traces of products and the diagonals are left; centring does not change it.
 */
export function unbiasedTerms(g: Grams): HsicTerms {
  const n = g.points;
  const trace = (d: Float64Array) => d.reduce((a, b) => a + b, 0);
  const term = (inner: number, a: Float64Array, b: Float64Array) =>
    (inner - (1 + 2 / (n - 2)) * dot(a, b) + (trace(a) * trace(b)) / ((n - 1) * (n - 2))) / (n * (n - 3));
  return { xx: term(g.xx, g.x, g.x), xy: term(g.xy, g.x, g.y), yy: term(g.yy, g.y, g.y) };
}

function offDiagonal(g: Grams): HsicTerms {
  return { xx: g.xx - dot(g.x, g.x), xy: g.xy - dot(g.x, g.y), yy: g.yy - dot(g.y, g.y) };
}

/** Float64: what is below this share of the sums it is a difference of is rounding error. */
const ROUNDING = 1e-12;

/** Float32 carries differences down to this share of the sums, to 1e-4. */
const CARRIED = 1e-2;

const always = (): boolean => true;

function carriesUnbiased(g: Grams): boolean {
  const { xx, yy } = unbiasedTerms(g);
  const pairs = g.points * (g.points - 3);
  return pairs * xx >= CARRIED * g.xx && pairs * yy >= CARRIED * g.yy;
}

function carriesOffDiagonal(g: Grams): boolean {
  const { xx, yy } = offDiagonal(g);
  return xx >= CARRIED * g.xx && yy >= CARRIED * g.yy;
}

/** Whether a term of a side with itself is more than rounding error, given the sum that it is a difference of. */
export const isSound = (points: number, term: number, sum: number): boolean =>
  points * (points - 3) * term > ROUNDING * sum;

const alignment = (g: Grams): CkaResult => ratioResult(g, g, g.xx > 0 && g.yy > 0);

function ratioResult(g: Grams, { xx, xy, yy }: HsicTerms, sound: boolean): CkaResult {
  const flags = sound || g.flags.includes('degenerate') ? g.flags : [...g.flags, 'degenerate' as const];
  const similarity = sound ? xy / (Math.sqrt(xx) * Math.sqrt(yy)) : 0;
  const { points, precision, sigma } = g;
  return { similarity, points, precision, flags, ...(sigma && { sigma }) };
}

function assertPoints(op: string, x: Activations, least: number): void {
  if (x.shape[0] < least) throw new ArgumentError(op, `at least ${least} points`, String(x.shape[0]));
}
