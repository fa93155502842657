import { ArgumentError, SecateurError } from '../gpu/errors.js';
import { hostSvd, hostSvdvals } from '../linalg/host/svd.js';
import { svd, svdvals } from '../linalg/svd.js';
import { tensor } from '../tensor/tensor.js';
import { untracked } from './device-centred.js';
import { type DirectionOptions, type GuardOptions, leading } from './directions.js';
import { condition, type Relation, type Side, truncated } from './relation.js';
import type { Flag, SideFacts, SimilarityResult } from './result.js';

/** Canonical correlations of two sides, and their usual summaries. */
export interface CanonicalResult extends SimilarityResult {
  /** Mean correlation, as Raghu et al. report it. */
  similarity: number;
  /** Canonical correlations, descending: [min of both directions]. */
  correlations: Float64Array;
  /** Mean of squares: R²_CCA of Kornblith et al. (2019). */
  meanSquared: number;
  /** Sum of squares over the geometric mean of both directions: Yanai's GCD. */
  yanai: number;
  /** 1 - similarity. */
  distance: number;
  x: SideFacts;
  y: SideFacts;
}

export type { GuardOptions } from './directions.js';

/** Least and advised number of points for each neuron. */
const LEAST = 2;
const ADVISED = 5;

/** Rounding may carry a correlation this far above 1; more is a mistake, and fails. */
const EXCESS = { float64: 1e-9, float32: 1e-4 };

/** Products of more directions than this are decomposed on the device, where the relation came from one. */
const HOST_DIRECTIONS = 256;

/** Canonical correlation analysis of a relation: the singular values of Uxᵀ Uy. */
export async function canonicalCorrelations(
  op: string,
  r: Relation,
  options: GuardOptions = {},
): Promise<CanonicalResult> {
  const flags = guard(op, r, options);
  return canonicalResult(r, await correlationsOf(op, r), flags);
}

/**
 * Singular vector canonical correlation analysis of a relation: each side keeps its leading singular directions, and
 * canonical correlations are taken between those.
 */
export async function singularVectorCorrelations(
  op: string,
  r: Relation,
  options: DirectionOptions = {},
): Promise<CanonicalResult> {
  const flags = guard(op, r, options);
  const cut = truncated(r, leading(r.x.s, options), leading(r.y.s, options));
  return canonicalResult(r, await correlationsOf(op, cut), flags, cut);
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

/** The flags of a result. Errors as `guardPoints`. */
export function guard(op: string, r: Relation, options: GuardOptions): Flag[] {
  const neurons = Math.max(r.x.neurons - r.x.dropped, r.y.neurons - r.y.dropped);
  return [...r.flags, ...guardPoints(op, r.points, neurons, options)];
}

/** @throws ArgumentError for fewer than two points a neuron of the larger side, unless forced */
export function guardPoints(op: string, points: number, neurons: number, { force = false }: GuardOptions): Flag[] {
  if (points < LEAST * neurons && !force) {
    const expected = `at least ${LEAST * neurons} points, twice the neurons of the larger side (or force: true)`;
    throw new ArgumentError(op, expected, `${points} points`);
  }
  return points < ADVISED * neurons ? ['few points'] : [];
}

/** Singular values of `cross`, at most 1. */
export async function correlationsOf(op: string, r: Relation): Promise<Float64Array> {
  const { cross, x, y } = r;
  if (!r.device || Math.min(x.rank, y.rank) <= HOST_DIRECTIONS)
    return clipped(op, r, hostSvdvals(cross, x.rank, y.rank));
  const { device } = r;
  const s = untracked(() => svdvals(tensor(device, Float32Array.from(cross), { shape: [x.rank, y.rank] })));
  try {
    return clipped(op, r, Float64Array.from(await s.data()));
  } finally {
    s.dispose();
  }
}

/** Canonical correlations and the directions of both sides that have them, as columns [rank, count]. */
export async function canonicalDirections(
  op: string,
  r: Relation,
): Promise<{ rho: Float64Array; left: Float64Array; right: Float64Array }> {
  const { cross, x, y } = r;
  if (!r.device || Math.min(x.rank, y.rank) <= HOST_DIRECTIONS) {
    const { u, s, v } = hostSvd(cross, x.rank, y.rank);
    return { rho: clipped(op, r, s), left: u, right: v };
  }
  const { device } = r;
  const found = untracked(() => svd(tensor(device, Float32Array.from(cross), { shape: [x.rank, y.rank] })));
  try {
    const [s, u, v] = [await found.s.data(), await found.u.data(), await found.v.data()];
    return { rho: clipped(op, r, Float64Array.from(s)), left: Float64Array.from(u), right: Float64Array.from(v) };
  } finally {
    for (const t of Object.values(found)) t.dispose();
  }
}

function clipped(op: string, r: Relation, s: Float64Array): Float64Array {
  if (s.length > 0 && !(s[0] <= 1 + EXCESS[r.precision])) {
    const sides = `condition numbers ${condition(r.x)} and ${condition(r.y)}`;
    throw new SecateurError('accuracy', `${op}: expected correlations up to 1, got ${s[0]} (${r.precision}, ${sides})`);
  }
  return s.map((value) => Math.min(1, value));
}

/** Summaries of correlations; `used` holds the directions that took part. */
export function canonicalResult(
  r: Relation,
  rho: Float64Array,
  flags: readonly Flag[],
  used: Relation = r,
): CanonicalResult {
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
