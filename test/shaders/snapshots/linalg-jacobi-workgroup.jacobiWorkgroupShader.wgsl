// jacobiWorkgroupShader {"block":16}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> state: array<atomic<u32>>;
struct Params { units: u32, pairs: u32, round: u32, sweep: u32, sweeps: u32, rows: u32, stride: u32, size: u32, turns: u32, blocks: u32 }
var<immediate> P: Params;
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
  return Place(unit / P.pairs, first.x * 16u, first.y * 16u);
}
fn is_idle(at: Place) -> bool { return at.low >= P.rows || (at.high >= P.rows && P.rows > 16u); }
fn row_of(at: Place, i: u32) -> u32 { return select(at.high + i - 16u, at.low + i, i < 16u); }
fn row_start(at: Place, i: u32) -> u32 { return (at.matrix * P.rows + min(row_of(at, i), P.rows - 1u)) * P.stride; }

fn is_settled(matrix: u32, sweep: u32) -> u32 {
  if (sweep == 0u) { return 0u; }
  let entry = 2u * (matrix * P.sweeps + sweep - 1u);
  let cosine = bitcast<f32>(atomicLoad(&state[entry]));
  let mixing = bitcast<f32>(atomicLoad(&state[entry + 1u]));
  return select(0u, 1u, cosine <= 0.000002 || cosine * mixing <= 1e-7);
}
fn note(matrix: u32, sweep: u32, cosine: f32, mixing: f32) {
  let entry = 2u * (matrix * P.sweeps + sweep);
  atomicMax(&state[entry], bitcast<u32>(cosine));
  atomicMax(&state[entry + 1u], bitcast<u32>(mixing));
}

struct Rotation { s: f32, tau: f32, cosine: f32, mixing: f32 }
/**
 * Makes rows of squared lengths a, b and product d orthogonal; zero rows and those that are so already are left alone.
 * mixing: the share of one row that the other gets, in units of its own length. That is the tangent for rows of one
 * length, and the cosine for the shorter of two that differ much.
 */
fn rotation(a: f32, b: f32, d: f32) -> Rotation {
  let cosine = abs(d) / (sqrt(a) * sqrt(b));
  if (!(a > 0.0 && b > 0.0 && cosine > 5e-7)) { return Rotation(); }
  let theta = (b - a) / (2.0 * d);
  let size = 1.0 / (abs(theta) + sqrt(1.0 + theta * theta));
  let tangent = select(size, -size, theta < 0.0);
  // The cosine of the rounded sine: their rounding then changes the angle, and not what should stay orthogonal.
  let s = tangent / sqrt(1.0 + tangent * tangent);
  let c = sqrt((1.0 - s) * (1.0 + s));
  return Rotation(s, s / (1.0 + c), cosine, max(size, cosine));
}
/** [x, y] turned by the angle of (s, tau). */
fn rotated(r: vec2f, x: f32, y: f32) -> vec2f { return vec2f(x - r.x * (y + r.y * x), y + r.x * (x - r.y * y)); }
var<workgroup> settled: u32;
var<workgroup> idle: u32;
var<workgroup> gram: array<f32, 1024>;
var<workgroup> turn: array<vec4f, 256>;
var<workgroup> tile: array<f32, 1056>;
var<workgroup> angles: array<vec2f, 16>;
/** Rows of a pair by round-robin: every two meet once in size - 1 steps. */
fn seats(step: u32, pair: u32) -> vec2u {
  let a = select((step + pair) % 31u, 31u, pair == 0u);
  return vec2u(a, (step + 31u - pair) % 31u);
}
@compute @workgroup_size(256)
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
      let i = t / 8u;
    let j = t % 8u * 4u;
    var sums = vec4f();
    for (var k = 0u; k < 4u * P.stride; k += 32u) {
      for (var e = t; e < 1024u; e += 256u) {
        let column = k + e % 32u;
        let value = x[4u * row_start(at, e / 32u) + min(column, 4u * P.stride - 1u)];
        tile[e / 32u * 33u + e % 32u] = select(0.0, value, column < 4u * P.stride);
      }
      workgroupBarrier();
      var part = vec4f();
      for (var c = 0u; c < P.size; c++) {
        let column = vec4f(tile[(j + 0u) * 33u + c], tile[(j + 1u) * 33u + c], tile[(j + 2u) * 33u + c], tile[(j + 3u) * 33u + c]);
        part = fma(vec4f(tile[i * 33u + c]), column, part);
      }
      sums += part;
      workgroupBarrier();
    }
    for (var r = 0u; r < 4u; r++) { gram[i * 32u + j + r] = sums[r]; }
    for (var e = t; e < 256u; e += 256u) {
      let column = e % 8u * 4u;
      turn[e] = select(vec4f(), vec4f(1.0), vec4u(column, column + 1u, column + 2u, column + 3u) == vec4u(e / 8u));
    }
    workgroupBarrier();
      var cosine = 0.0;
    var mixing = 0.0;
    for (var step = 0u; step + 1u < P.size; step++) {
      if (t < 16u) {
        let p = seats(step, t);
        let exist = row_of(at, p.x) < P.rows && row_of(at, p.y) < P.rows;
        let r = rotation(select(0.0, gram[p.x * 33u], exist), gram[p.y * 33u], gram[p.x * 32u + p.y]);
        angles[t] = vec2f(r.s, r.tau);
        cosine = max(cosine, r.cosine);
        mixing = max(mixing, r.mixing);
      }
      workgroupBarrier();
      {
        let a = angles[t / 16u];
        let b = angles[t % 16u];
        let p = seats(step, t / 16u) * 32u;
        let q = seats(step, t % 16u);
        let left = rotated(a, gram[p.x + q.x], gram[p.y + q.x]);
        let right = rotated(a, gram[p.x + q.y], gram[p.y + q.y]);
        let upper = rotated(b, left.x, right.x);
        let lower = rotated(b, left.y, right.y);
        gram[p.x + q.x] = upper.x;
        gram[p.x + q.y] = upper.y;
        gram[p.y + q.x] = lower.x;
        gram[p.y + q.y] = lower.y;
      }
      if (t < 128u) {
        let a = angles[t / 8u];
        let p = seats(step, t / 8u) * 8u + t % 8u;
        let x = turn[p.x];
        let y = turn[p.y];
        turn[p.x] = x - a.x * (y + a.y * x);
        turn[p.y] = y + a.x * (x - a.y * y);
      }
      workgroupBarrier();
    }
    if (t < 16u) { angles[t] = vec2f(cosine, mixing); }
    workgroupBarrier();
      if (t == 0u) {
        for (var i = 1u; i < 16u; i++) { angles[0] = max(angles[0], angles[i]); }
        note(at.matrix, sweep, angles[0].x, angles[0].y);
        idle = select(0u, 1u, angles[0].x == 0.0);
      }
      if (workgroupUniformLoad(&idle) != 0u) { continue; }
      for (var column = t; column < 4u * P.stride; column += 256u) {
      var rows: array<f32, 32>;
      for (var k = 0u; k < 32u; k++) { rows[k] = x[4u * row_start(at, k) + column]; }
      for (var r = 0u; r < P.size; r++) {
        var sum = 0.0;
        for (var k = 0u; k < 8u; k++) {
          sum += dot(turn[r * 8u + k], vec4f(rows[4u * k], rows[4u * k + 1u], rows[4u * k + 2u], rows[4u * k + 3u]));
        }
        if (row_of(at, r) < P.rows) { x[4u * row_start(at, r) + column] = sum; }
      }
    }
      storageBarrier();
    }
  }
}
// {"block":8}: 166 lines, sha256 4c95089990ffd2fc
