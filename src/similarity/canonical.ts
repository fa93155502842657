import { ArgumentError, SecateurError } from '../gpu/errors.js';
import { hostSvd } from '../linalg/host/svd.js';
import { type Flag, type Relation, type Side, truncated } from './relation.js';

/** What is known of one side of a comparison, to be reported with every number. */
export interface SideFacts {
  neurons: number;
  /** Neurons that never change, left out. */
  dropped: number;
  /** Directions that are not rounding error. */
  rank: number;
  /** Directions that took part. */
  directions: number;
}

/** Canonical correlations of two sides, and their usual summaries. */
export interface CanonicalResult {
  /** Mean correlation: the similarity that Raghu et al. report. */
  similarity: number;
  /** Canonical correlations, descending: [min of both directions]. */
  correlations: Float64Array;
  /** Mean of squares: R²_CCA of Kornblith et al. (2019). */
  meanSquared: number;
  /** Sum of squares over the geometric mean of both directions: Yanai's GCD. */
  yanai: number;
  /** 1 - similarity. */
  distance: number;
  points: number;
  x: SideFacts;
  y: SideFacts;
  precision: Relation['precision'];
  flags: readonly Flag[];
}

export interface GuardOptions {
  /** Go on where points are fewer than twice the neurons, where canonical correlations say little. Default false. */
  force?: boolean;
}

/** How many leading directions of each side SVCCA keeps. */
export interface DirectionOptions extends GuardOptions {
  /** Least share of the total that the kept directions explain, in (0, 1]. Default 0.99. */
  threshold?: number;
  /** Total of what: squared singular values (the paper), or singular values (a public tutorial). Default 'variance'. */
  by?: 'variance' | 'amplitude';
  /** Keep exactly so many directions (fewer where the rank is lower) instead. */
  directions?: number;
}

export interface WeightOptions extends GuardOptions {
  /** The side whose neurons give the weights. Default the one with fewer live neurons, x where they are equal. */
  weights?: 'smaller' | 'x' | 'y';
}

export interface PwccaResult extends CanonicalResult {
  /** Weight of each correlation; they sum to 1. */
  alpha: Float64Array;
  weights: 'x' | 'y';
}

/** Least and advised number of points for each neuron. */
const LEAST = 2;
const ADVISED = 5;

/** Rounding may carry a correlation this far above 1; more is a mistake, and fails. */
const EXCESS = { float64: 1e-9, float32: 2e-5 };

/**
 * Canonical correlation analysis of a relation: the singular values of Uxᵀ Uy.
 *
 * @throws ArgumentError where points are fewer than twice the neurons, unless forced
 */
export function canonicalCorrelations(op: string, r: Relation, options: GuardOptions = {}): CanonicalResult {
  const flags = guard(op, r, options);
  return canonical(r, correlate(op, r).rho, flags);
}

/**
 * Singular vector canonical correlation analysis (Raghu et al. 2017): each side keeps its leading singular directions,
 * and canonical correlations are taken between those.
 *
 * @throws ArgumentError for a threshold outside (0, 1], directions below 1, or too few points
 */
export function singularVectorCorrelations(op: string, r: Relation, options: DirectionOptions = {}): CanonicalResult {
  const flags = guard(op, r, options);
  const cut = truncated(r, leading(op, r.x.s, options), leading(op, r.y.s, options));
  return canonical(r, correlate(op, cut).rho, flags, cut);
}

/**
 * Projection weighted canonical correlation analysis (Morcos et al. 2018): correlation i counts by how much of its
 * side's activations canonical variate i accounts for. Not symmetric: `weights` says whose.
 */
export function projectionWeightedCorrelations(op: string, r: Relation, options: WeightOptions = {}): PwccaResult {
  const flags = guard(op, r, options);
  const { rho, left, right } = correlate(op, r);
  const live = (side: Side) => side.neurons - side.dropped;
  const { weights = 'smaller' } = options;
  if (!['smaller', 'x', 'y'].includes(weights))
    throw new ArgumentError(op, "weights among 'smaller', 'x', 'y'", String(weights));
  const side = weights === 'smaller' ? (live(r.y) < live(r.x) ? 'y' : 'x') : weights;
  const alpha = projections(r[side], side === 'x' ? left : right, rho.length);
  const similarity = rho.reduce((sum, value, i) => sum + alpha[i] * value, 0);
  return { ...canonical(r, rho, flags), similarity, distance: 1 - similarity, alpha, weights: side };
}

/** Directions that explain the share asked for. */
export function leading(op: string, s: Float64Array, options: DirectionOptions): number {
  const { threshold = 0.99, by = 'variance', directions } = options;
  if (directions !== undefined) {
    if (!Number.isInteger(directions) || directions < 1)
      throw new ArgumentError(op, 'directions as a whole number >= 1', String(directions));
    return Math.min(directions, s.length);
  }
  if (!(threshold > 0 && threshold <= 1)) throw new ArgumentError(op, 'a threshold in (0, 1]', String(threshold));
  if (by !== 'variance' && by !== 'amplitude') throw new ArgumentError(op, "by 'variance' or 'amplitude'", String(by));
  const power = by === 'variance' ? 2 : 1;
  const total = s.reduce((sum, value) => sum + value ** power, 0);
  let sum = 0;
  for (let k = 0; k < s.length; k++) {
    sum += s[k] ** power;
    // A threshold of 1 must mean all, whatever the rounding of the sums.
    if (threshold < 1 && sum >= threshold * total) return k + 1;
  }
  return s.length;
}

/**
 * Mean of the fewest leading correlations whose sum reaches a share of the total sum, as google/svcca summarises them.
 */
export function leadingMean(correlations: Float64Array, share = 0.98): number {
  const total = correlations.reduce((a, b) => a + b, 0);
  let sum = 0;
  let k = 0;
  while (k < correlations.length && sum < share * total) sum += correlations[k++];
  return k === 0 ? 0 : sum / k;
}

/** Mean of the greatest k correlations. */
export function topMean(correlations: Float64Array, k: number): number {
  const top = correlations.subarray(0, k);
  return top.length === 0 ? 0 : top.reduce((a, b) => a + b, 0) / top.length;
}

/** @throws ArgumentError for too few points; otherwise the flags of the result */
function guard(op: string, r: Relation, { force = false }: GuardOptions): Flag[] {
  const neurons = Math.max(r.x.neurons - r.x.dropped, r.y.neurons - r.y.dropped);
  if (r.points < LEAST * neurons && !force) {
    throw new ArgumentError(
      op,
      `at least ${LEAST * neurons} points, twice the neurons of the larger side (or force: true)`,
      `${r.points} points`,
    );
  }
  return r.points < ADVISED * neurons ? [...r.flags, 'few points'] : [...r.flags];
}

/** Singular values of `cross`, at most 1, with the vectors of both sides [directions, count]. */
function correlate(op: string, r: Relation): { rho: Float64Array; left: Float64Array; right: Float64Array } {
  const { u, s, v } = hostSvd(r.cross, r.x.rank, r.y.rank);
  if (s.length > 0 && s[0] > 1 + EXCESS[r.precision]) {
    throw new SecateurError(
      `${op}: a canonical correlation came out as ${s[0]}; expected at most 1 (${r.precision}, condition numbers ${condition(r.x)} and ${condition(r.y)})`,
    );
  }
  return { rho: s.map((value) => Math.min(1, value)), left: u, right: v };
}

/** Ratio of a side's greatest to its least singular value. */
export function condition({ s }: Side): number {
  return s.length === 0 ? 1 : s[0] / s[s.length - 1];
}

function canonical(r: Relation, rho: Float64Array, flags: readonly Flag[], used: Relation = r): CanonicalResult {
  const squares = rho.reduce((sum, value) => sum + value * value, 0);
  const d = rho.length;
  const similarity = d === 0 ? 0 : rho.reduce((sum, value) => sum + value, 0) / d;
  const facts = (side: Side, directions: number): SideFacts => ({
    neurons: side.neurons,
    dropped: side.dropped,
    rank: side.rank,
    directions,
  });
  return {
    similarity,
    correlations: rho,
    meanSquared: d === 0 ? 0 : squares / d,
    yanai: d === 0 ? 0 : squares / Math.sqrt(used.x.rank * used.y.rank),
    distance: 1 - similarity,
    points: r.points,
    x: facts(r.x, used.x.rank),
    y: facts(r.y, used.y.rank),
    precision: r.precision,
    flags,
  };
}

/** alpha_i = sum over neurons j of |<h_i, x_j>|, h = U P: |Pᵀ diag(s) Vᵀ| summed along rows; normalised. */
function projections(side: Side, directions: Float64Array, count: number): Float64Array {
  const { rank, s, v } = side;
  const neurons = side.neurons - side.dropped;
  const alpha = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < neurons; j++) {
      let dot = 0;
      for (let k = 0; k < rank; k++) dot += directions[k * count + i] * s[k] * v[j * rank + k];
      alpha[i] += Math.abs(dot);
    }
  }
  const total = alpha.reduce((a, b) => a + b, 0);
  return total === 0 ? alpha : alpha.map((value) => value / total);
}
