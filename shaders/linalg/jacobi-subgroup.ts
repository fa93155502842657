import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { JACOBI_PARAMS, pairPlace, ROTATION, settledCheck } from './jacobi-pairs.js';

/** Structure of the form for software devices. */
export interface SubgroupJacobiSpec {
  /** Lanes of a subgroup, which are the rows of a block. */
  lanes: number;
}

const each = (n: number, f: (i: number) => string, between = '\n'): string =>
  Array.from({ length: n }, (_, i) => f(i)).join(between);

/**
 * A round of one-sided Jacobi (see jacobi-pairs) by one subgroup a workgroup, for devices where broadcasts are cheap and
 * barriers are not.
 *
 * Lane l has columns l and l + lanes of the pair's Gram matrix in private memory, `top` and `bottom`, and the same rows
 * of the product of rotations, `left` and `right`. All lanes rotate their two columns at once; then columns move on to
 * the next seats of a round-robin (Brent and Luk 1985), so that no lane ever needs an index that depends on the step.
 */
export function jacobiSubgroupShader({ lanes }: SubgroupJacobiSpec): Shader {
  const code = wgsl`
${pairPlace(lanes)}
${settledCheck}
${ROTATION}
var<workgroup> settled: u32;
var<workgroup> idle: u32;
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }
  for (var turn = 0u; turn < P.turns; turn++) {
    let sweep = P.sweep + turn;
    if (lane == 0u) { settled = is_settled(unit / P.pairs, sweep); }
    if (workgroupUniformLoad(&settled) != 0u) { return; }
    for (var visit = 0u; visit < visits(); visit++) {
      let at = place(unit, visit);
      if (lane == 0u) { idle = select(0u, 1u, is_idle(at)); }
      if (workgroupUniformLoad(&idle) != 0u) { continue; }
      ${gram(lanes)}
      ${rotations(lanes)}
      let greatest = subgroupMax(cosine);
      let widest = subgroupMax(mixing);
      if (lane == 0u) {
        note(at.matrix, sweep, greatest, widest);
        idle = select(0u, 1u, greatest == 0.0);
      }
      if (workgroupUniformLoad(&idle) != 0u) { continue; }
      ${turn(lanes)}
      storageBarrier();
    }
  }
}`;
  return {
    code,
    enables: ['subgroups'],
    bindings: [
      { name: 'x', access: 'read_write', type: 'array<vec4f>' },
      { name: 'state', access: 'read_write', type: 'array<atomic<u32>>' },
    ],
    params: JACOBI_PARAMS,
  };
}

/** Four elements of every row at a time go round by broadcasts. */
function gram(lanes: number): string {
  const size = 2 * lanes;
  const element = (i: number, c: string) => `subgroupBroadcast(x${Math.floor(i / lanes)}.${c}, ${i % lanes}u)`;
  const sum = (a: string, i: number, r: number) =>
    `${a} = fma(b${i}.w, x${r}.w, fma(b${i}.z, x${r}.z, fma(b${i}.y, x${r}.y, fma(b${i}.x, x${r}.x, ${a}))));`;
  // Zeros are spelled out: not every driver makes a variable in a loop afresh at every turn.
  return `var top = array<f32, ${size}>();
    var bottom = array<f32, ${size}>();
    let start0 = row_start(at, lane);
    let start1 = row_start(at, lane + ${lanes}u);
    for (var k = 0u; k < P.stride; k++) {
      let x0 = x[start0 + k];
      let x1 = x[start1 + k];
      ${each(
        size,
        (i) => `let b${i} = vec4f(${['x', 'y', 'z', 'w'].map((c) => element(i, c)).join(', ')});
      ${sum(`top[${i}]`, i, 0)}
      ${i < lanes ? '' : sum(`bottom[${i}]`, i, 1)}`,
      )}
    }
    // What is left of the matrix mirrors a quarter that is there.
    ${each(lanes, (i) => `bottom[${i}] = ${each(lanes, (m) => `select(0.0, subgroupBroadcast(top[${m + lanes}], ${i}u), lane == ${m}u)`, ' + ')};`)}`;
}

/** The same rotations turn columns, which a lane has to itself, then rows, which need those of all lanes. */
function rotations(lanes: number): string {
  const size = 2 * lanes;
  const rotate = (x: string, y: string, s: string, tau: string) =>
    `{ let p = ${x}; let q = ${y}; ${x} = fma(-${s}, fma(${tau}, p, q), p); ${y} = fma(${s}, fma(-${tau}, q, p), q); }`;
  /** Element [lane + shift] of an array, without an index that differs between lanes. */
  const own = (array: string, shift: number) =>
    each(lanes, (m) => `select(0.0, ${array}[${m + shift}], lane == ${m}u)`, ' + ');
  /** Who sits at seat e after the move: seat 0 stays, the others of the top row move up, the bottom row down. */
  const from = (e: number) => (e === 0 ? 0 : e === 1 ? lanes : e < lanes ? e - 1 : e < size - 1 ? e + 1 : lanes - 1);
  /** The same move between lanes, of the values a of the top row and b of the bottom row. */
  const shuffle = (name: string, a: string, b: string) => `
      let ${name}_up = subgroupShuffleUp(select(${a}, ${b}, lane == 0u), 1u);
      let ${name}_down = subgroupShuffleDown(${b}, 1u);
      let ${name}_a = select(${name}_up, ${a}, lane == 0u);
      let ${name}_b = select(${name}_down, ${a}, lane == ${lanes - 1}u);`;
  return `var left = array<f32, ${size}>();
    var right = array<f32, ${size}>();
    ${each(size, (i) => `left[${i}] = select(0.0, 1.0, lane == ${i}u); right[${i}] = select(0.0, 1.0, lane + ${lanes}u == ${i}u);`)}
    var seatTop = row_of(at, lane);
    var seatBottom = row_of(at, lane + ${lanes}u);
    var cosine = 0.0;
    var mixing = 0.0;
    for (var step = 1u; step < P.size; step++) {
      let a = ${own('top', 0)};
      let b = ${own('bottom', lanes)};
      let d = ${own('top', lanes)};
      let exist = (seatTop < P.rows) & (seatBottom < P.rows);
      let r = rotation(select(0.0, a, exist), b, d);
      cosine = max(cosine, r.cosine);
      mixing = max(mixing, r.mixing);
      ${each(size, (i) => rotate(`top[${i}]`, `bottom[${i}]`, 'r.s', 'r.tau'))}
      ${each(size, (i) => rotate(`left[${i}]`, `right[${i}]`, 'r.s', 'r.tau'))}
      ${each(
        lanes,
        (m) => `let s${m} = subgroupBroadcast(r.s, ${m}u);
      let t${m} = subgroupBroadcast(r.tau, ${m}u);
      ${rotate(`top[${m}]`, `top[${m + lanes}]`, `s${m}`, `t${m}`)}
      ${rotate(`bottom[${m}]`, `bottom[${m + lanes}]`, `s${m}`, `t${m}`)}`,
      )}
      ${each(size, (i) => shuffle(`g${i}`, `top[${i}]`, `bottom[${i}]`))}
      ${each(size, (i) => `top[${i}] = g${from(i)}_a; bottom[${i}] = g${from(i)}_b;`)}
      ${each(size, (i) => `${shuffle(`h${i}`, `left[${i}]`, `right[${i}]`)}\nleft[${i}] = h${i}_a; right[${i}] = h${i}_b;`)}
      ${shuffle('seat', 'seatTop', 'seatBottom')}
      seatTop = seat_a;
      seatBottom = seat_b;
    }`;
}

/**
 * A lane has a vec4 of every row of the result; rows come in one by one, and the column of the product that belongs to
 * one goes round by broadcasts. Copies of the product alone are indexed by a variable, which keeps `left` and `right` in
 * registers; min() hides the copies' length from drivers that would unroll the loop.
 */
function turn(lanes: number): string {
  const size = 2 * lanes;
  const sum = (i: number, of: string, lane: number) =>
    `out[${i}] = fma(vec4f(subgroupBroadcast(${of}, ${lane}u)), row, out[${i}]);`;
  return `var upper: array<f32, ${size}>;
    var lower: array<f32, ${size}>;
    ${each(size, (k) => `upper[${k}] = left[${k}]; lower[${k}] = right[${k}];`)}
    for (var c = 0u; c < P.stride; c += ${lanes}u) {
      let inside = c + lane < P.stride;
      let column = min(c + lane, P.stride - 1u);
      var out = array<vec4f, ${size}>();
      for (var k = 0u; k < P.size; k++) {
        let row = x[row_start(at, k) + column];
        let t0 = upper[min(k, ${size - 1}u)];
        let t1 = lower[min(k, ${size - 1}u)];
        ${each(lanes, (i) => `${sum(i, 't0', i)}\n${sum(i + lanes, 't1', i)}`)}
      }
      for (var i = 0u; i < P.size; i++) {
        if (inside & (row_of(at, i) < P.rows)) { x[row_start(at, i) + column] = out[min(i, ${size - 1}u)]; }
      }
    }`;
}
