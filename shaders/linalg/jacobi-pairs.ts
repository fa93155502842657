import type { Shader } from '../../src/gpu/kernel.js';

/*
 * One-sided block Jacobi: rows of matrices become orthogonal to each other by rotations of two at a time. A round takes
 * disjoint pairs of blocks of rows; for every pair, in one kernel,
 *
 *   G = the Gram matrix of its rows,
 *   T = the product of the rotations of one sweep of two-sided Jacobi on G,
 *   rows <- T rows.
 *
 * Rotations have the form x - s (y + t x), y + s (x - t y) with t = s / (1 + c), which does not cancel as the angle goes
 * to zero. G is made anew in every round, so that its rounding does not add up.
 *
 * A workgroup may have more than two blocks: then rounds take disjoint pairs of groups of blocks, and a workgroup visits
 * the pairs of blocks of its two groups one after the other, those within a group in the first round of a sweep. That
 * takes fewer launches. A matrix of one pair of groups is swept until it is settled, in one launch.
 *
 * Layout: x [matrices, P.rows, 4 P.stride]; state [matrices, P.sweeps, 2].
 * Cost of a pair: 4 size² flops an element of a row, and 12 size³.
 */

/**
 * `units` counts pairs of groups in all matrices, `pairs` those of one matrix; a group has `blocks` blocks. `stride` is a
 * row's vec4s. `size` is the rows of a pair of blocks; loops over them that touch storage take their bound from here, so
 * that no driver unrolls them. A launch makes up to `turns` sweeps.
 */
export const JACOBI_PARAMS: Shader['params'] = [
  ['units', 'u32'],
  ['pairs', 'u32'],
  ['round', 'u32'],
  ['sweep', 'u32'],
  ['sweeps', 'u32'],
  ['rows', 'u32'],
  ['stride', 'u32'],
  ['size', 'u32'],
  ['turns', 'u32'],
  ['blocks', 'u32'],
];

/** Pairs of rows whose cosine is no greater are left alone. */
export const NEGLIGIBLE = 5e-7;
/** A matrix is settled after a sweep that met no greater cosine. */
export const COSINE = 2e-6;
/** And after one that can have left none: rotations mix so much of a row into another, times the cosine of both to a third. */
const LEFT = 1e-7;

/**
 * `place(unit, visit)` is where a unit is at a visit, of `visits()`: at two blocks of a matrix. By round-robin every two
 * groups meet once a sweep, and every two blocks of theirs. `row_of(place, i)` is the matrix's row that is row i of the
 * pair. Rows from P.rows on do not exist: `row_start` gives another's first vec4 for them, and none may be written. A
 * pair that `is_idle` has none, or one block that meets another elsewhere.
 */
export const pairPlace = (block: number): string => `
struct Place { matrix: u32, low: u32, high: u32 }
/** Who meets in a round of round-robin of 2 n: the pair of that number. */
fn meeting(round: u32, pair: u32, n: u32) -> vec2u {
  let turn = 2u * n - 1u;
  let a = select((round + pair) % turn, turn, pair == 0u);
  let b = (round + turn - pair) % turn;
  return vec2u(min(a, b), max(a, b));
}
fn visits() -> u32 { return P.blocks * select(P.blocks, 2u * P.blocks - 1u, P.round == 0u); }
fn place(unit: u32, visit: u32) -> Place {
  let groups = meeting(P.round, unit % P.pairs, P.pairs);
  let i = visit % P.blocks;
  let j = visit / P.blocks;
  // In a sweep's first round all blocks of both groups meet, later those of one group the other's.
  let met = select(vec2u(i, P.blocks + (i + j) % P.blocks), meeting(j, i, P.blocks), P.round == 0u);
  let first = select(groups.x * P.blocks + met, (groups.y - 1u) * P.blocks + met, met >= vec2u(P.blocks));
  return Place(unit / P.pairs, first.x * ${block}u, first.y * ${block}u);
}
fn is_idle(at: Place) -> bool { return at.low >= P.rows || (at.high >= P.rows && P.rows > ${block}u); }
fn row_of(at: Place, i: u32) -> u32 { return select(at.high + i - ${block}u, at.low + i, i < ${block}u); }
fn row_start(at: Place, i: u32) -> u32 { return (at.matrix * P.rows + min(row_of(at, i), P.rows - 1u)) * P.stride; }`;

/**
 * `state` holds for every matrix and sweep the bits of the greatest cosine and the greatest mixing. `is_settled` says
 * whether the sweep before found the rows orthogonal; sweeps that had nothing to do leave zeros, which say so too.
 */
export const settledCheck = `
fn is_settled(matrix: u32, sweep: u32) -> u32 {
  if (sweep == 0u) { return 0u; }
  let entry = 2u * (matrix * P.sweeps + sweep - 1u);
  let cosine = bitcast<f32>(atomicLoad(&state[entry]));
  let mixing = bitcast<f32>(atomicLoad(&state[entry + 1u]));
  return select(0u, 1u, cosine <= ${COSINE} || cosine * mixing <= ${LEFT});
}
fn note(matrix: u32, sweep: u32, cosine: f32, mixing: f32) {
  let entry = 2u * (matrix * P.sweeps + sweep);
  atomicMax(&state[entry], bitcast<u32>(cosine));
  atomicMax(&state[entry + 1u], bitcast<u32>(mixing));
}`;

/** `rotation` and `rotated`, by half the angle's tangent tau. */
export const ROTATION = `
struct Rotation { s: f32, tau: f32, cosine: f32, mixing: f32 }
/**
 * Makes rows of squared lengths a, b and product d orthogonal; zero rows and those that are so already are left alone.
 * mixing: the share of one row that the other gets, in units of its own length. That is the tangent for rows of one
 * length, and the cosine for the shorter of two that differ much.
 */
fn rotation(a: f32, b: f32, d: f32) -> Rotation {
  let cosine = abs(d) / (sqrt(a) * sqrt(b));
  if (!(a > 0.0 && b > 0.0 && cosine > ${NEGLIGIBLE})) { return Rotation(); }
  let theta = (b - a) / (2.0 * d);
  let size = 1.0 / (abs(theta) + sqrt(1.0 + theta * theta));
  let tangent = select(size, -size, theta < 0.0);
  // The cosine of the rounded sine: their rounding then changes the angle, and not what should stay orthogonal.
  let s = tangent / sqrt(1.0 + tangent * tangent);
  let c = sqrt((1.0 - s) * (1.0 + s));
  return Rotation(s, s / (1.0 + c), cosine, max(size, cosine));
}
/** [x, y] turned by the angle of (s, tau). */
fn rotated(r: vec2f, x: f32, y: f32) -> vec2f { return vec2f(x - r.x * (y + r.y * x), y + r.x * (x - r.y * y)); }`;
