import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { JACOBI_PARAMS, pairPlace, ROTATION, settledCheck } from './jacobi-pairs.js';

/** Structure of the form for GPUs. */
export interface WorkgroupJacobiSpec {
  /** Rows of a block, a multiple of 4. Workgroups have block² invocations, and about 12 block² floats of memory. */
  block: number;
}

/**
 * A round of one-sided Jacobi (see jacobi-pairs) by one workgroup a pair of blocks, for GPUs.
 *
 * The Gram matrix and the product of rotations lie in workgroup memory. Of every step's `block` disjoint rotations
 * invocation (I, J) makes those of the 2 x 2 entries between pairs of rows I and J. Rows are turned a column an
 * invocation, in registers.
 */
export function jacobiWorkgroupShader({ block }: WorkgroupJacobiSpec): Shader {
  const size = 2 * block;
  const threads = block * block;
  const code = wgsl`
${pairPlace(block)}
${settledCheck}
${ROTATION}
var<workgroup> settled: u32;
var<workgroup> idle: u32;
var<workgroup> gram: array<f32, ${size * size}>;
var<workgroup> turn: array<vec4f, ${(size * size) / 4}>;
var<workgroup> tile: array<f32, ${size * (size + 1)}>;
var<workgroup> angles: array<vec2f, ${block}>;
/** Rows of a pair by round-robin: every two meet once in size - 1 steps. */
fn seats(step: u32, pair: u32) -> vec2u {
  let a = select((step + pair) % ${size - 1}u, ${size - 1}u, pair == 0u);
  return vec2u(a, (step + ${size - 1}u - pair) % ${size - 1}u);
}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) t: u32) {
  let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }
  for (var pass_ = 0u; pass_ < P.turns; pass_++) {
    let sweep = P.sweep + pass_;
    if (t == 0u) { settled = is_settled(unit / P.pairs, sweep); }
    if (workgroupUniformLoad(&settled) != 0u) { return; }
    for (var visit = 0u; visit < visits(); visit++) {
      let at = place(unit, visit);
      if (t == 0u) { idle = select(0u, 1u, is_idle(at)); }
      if (workgroupUniformLoad(&idle) != 0u) { continue; }
      ${gramOfRows(block)}
      ${rotations(block)}
      if (t == 0u) {
        for (var i = 1u; i < ${block}u; i++) { angles[0] = max(angles[0], angles[i]); }
        note(at.matrix, sweep, angles[0].x, angles[0].y);
        idle = select(0u, 1u, angles[0].x == 0.0);
      }
      if (workgroupUniformLoad(&idle) != 0u) { continue; }
      ${turnRows(block)}
      storageBarrier();
    }
  }
}`;
  return {
    code,
    bindings: [
      { name: 'x', access: 'read_write', type: 'array<f32>' },
      { name: 'state', access: 'read_write', type: 'array<atomic<u32>>' },
    ],
    params: JACOBI_PARAMS,
  };
}

/** Invocation t has entries [i, j .. j + 3] of the Gram matrix; tiles of rows go through workgroup memory. */
function gramOfRows(block: number): string {
  const size = 2 * block;
  return `let i = t / ${block / 2}u;
    let j = t % ${block / 2}u * 4u;
    var sums = vec4f();
    for (var k = 0u; k < 4u * P.stride; k += ${size}u) {
      for (var e = t; e < ${size * size}u; e += ${block * block}u) {
        let column = k + e % ${size}u;
        let value = x[4u * row_start(at, e / ${size}u) + min(column, 4u * P.stride - 1u)];
        tile[e / ${size}u * ${size + 1}u + e % ${size}u] = select(0.0, value, column < 4u * P.stride);
      }
      workgroupBarrier();
      var part = vec4f();
      for (var c = 0u; c < P.size; c++) {
        let column = vec4f(${[0, 1, 2, 3].map((r) => `tile[(j + ${r}u) * ${size + 1}u + c]`).join(', ')});
        part = fma(vec4f(tile[i * ${size + 1}u + c]), column, part);
      }
      sums += part;
      workgroupBarrier();
    }
    for (var r = 0u; r < 4u; r++) { gram[i * ${size}u + j + r] = sums[r]; }
    for (var e = t; e < ${(size * size) / 4}u; e += ${block * block}u) {
      let column = e % ${size / 4}u * 4u;
      turn[e] = select(vec4f(), vec4f(1.0), vec4u(column, column + 1u, column + 2u, column + 3u) == vec4u(e / ${size / 4}u));
    }
    workgroupBarrier();`;
}

function rotations(block: number): string {
  const size = 2 * block;
  return `var cosine = 0.0;
    var mixing = 0.0;
    for (var step = 0u; step + 1u < P.size; step++) {
      if (t < ${block}u) {
        let p = seats(step, t);
        let exist = row_of(at, p.x) < P.rows && row_of(at, p.y) < P.rows;
        let r = rotation(select(0.0, gram[p.x * ${size + 1}u], exist), gram[p.y * ${size + 1}u], gram[p.x * ${size}u + p.y]);
        angles[t] = vec2f(r.s, r.tau);
        cosine = max(cosine, r.cosine);
        mixing = max(mixing, r.mixing);
      }
      workgroupBarrier();
      {
        let a = angles[t / ${block}u];
        let b = angles[t % ${block}u];
        let p = seats(step, t / ${block}u) * ${size}u;
        let q = seats(step, t % ${block}u);
        let left = rotated(a, gram[p.x + q.x], gram[p.y + q.x]);
        let right = rotated(a, gram[p.x + q.y], gram[p.y + q.y]);
        let upper = rotated(b, left.x, right.x);
        let lower = rotated(b, left.y, right.y);
        gram[p.x + q.x] = upper.x;
        gram[p.x + q.y] = upper.y;
        gram[p.y + q.x] = lower.x;
        gram[p.y + q.y] = lower.y;
      }
      if (t < ${(block * size) / 4}u) {
        let a = angles[t / ${size / 4}u];
        let p = seats(step, t / ${size / 4}u) * ${size / 4}u + t % ${size / 4}u;
        let x = turn[p.x];
        let y = turn[p.y];
        turn[p.x] = x - a.x * (y + a.y * x);
        turn[p.y] = y + a.x * (x - a.y * y);
      }
      workgroupBarrier();
    }
    if (t < ${block}u) { angles[t] = vec2f(cosine, mixing); }
    workgroupBarrier();`;
}

function turnRows(block: number): string {
  const size = 2 * block;
  return `for (var column = t; column < 4u * P.stride; column += ${block * block}u) {
      var rows: array<f32, ${size}>;
      for (var k = 0u; k < ${size}u; k++) { rows[k] = x[4u * row_start(at, k) + column]; }
      for (var r = 0u; r < P.size; r++) {
        var sum = 0.0;
        for (var k = 0u; k < ${size / 4}u; k++) {
          sum += dot(turn[r * ${size / 4}u + k], vec4f(rows[4u * k], rows[4u * k + 1u], rows[4u * k + 2u], rows[4u * k + 3u]));
        }
        if (row_of(at, r) < P.rows) { x[4u * row_start(at, r) + column] = sum; }
      }
    }`;
}
