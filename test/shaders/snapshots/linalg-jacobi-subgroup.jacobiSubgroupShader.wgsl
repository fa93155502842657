// jacobiSubgroupShader {"lanes":8}
enable subgroups;
requires immediate_address_space;
@group(0) @binding(0) var<storage, read_write> x: array<vec4f>;
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
  return Place(unit / P.pairs, first.x * 8u, first.y * 8u);
}
fn is_idle(at: Place) -> bool { return at.low >= P.rows || (at.high >= P.rows && P.rows > 8u); }
fn row_of(at: Place, i: u32) -> u32 { return select(at.high + i - 8u, at.low + i, i < 8u); }
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
@compute @workgroup_size(8)
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
      var top = array<f32, 16>();
    var bottom = array<f32, 16>();
    let start0 = row_start(at, lane);
    let start1 = row_start(at, lane + 8u);
    for (var k = 0u; k < P.stride; k++) {
      let x0 = x[start0 + k];
      let x1 = x[start1 + k];
      let b0 = vec4f(subgroupBroadcast(x0.x, 0u), subgroupBroadcast(x0.y, 0u), subgroupBroadcast(x0.z, 0u), subgroupBroadcast(x0.w, 0u));
      top[0] = fma(b0.w, x0.w, fma(b0.z, x0.z, fma(b0.y, x0.y, fma(b0.x, x0.x, top[0]))));
      
let b1 = vec4f(subgroupBroadcast(x0.x, 1u), subgroupBroadcast(x0.y, 1u), subgroupBroadcast(x0.z, 1u), subgroupBroadcast(x0.w, 1u));
      top[1] = fma(b1.w, x0.w, fma(b1.z, x0.z, fma(b1.y, x0.y, fma(b1.x, x0.x, top[1]))));
      
let b2 = vec4f(subgroupBroadcast(x0.x, 2u), subgroupBroadcast(x0.y, 2u), subgroupBroadcast(x0.z, 2u), subgroupBroadcast(x0.w, 2u));
      top[2] = fma(b2.w, x0.w, fma(b2.z, x0.z, fma(b2.y, x0.y, fma(b2.x, x0.x, top[2]))));
      
let b3 = vec4f(subgroupBroadcast(x0.x, 3u), subgroupBroadcast(x0.y, 3u), subgroupBroadcast(x0.z, 3u), subgroupBroadcast(x0.w, 3u));
      top[3] = fma(b3.w, x0.w, fma(b3.z, x0.z, fma(b3.y, x0.y, fma(b3.x, x0.x, top[3]))));
      
let b4 = vec4f(subgroupBroadcast(x0.x, 4u), subgroupBroadcast(x0.y, 4u), subgroupBroadcast(x0.z, 4u), subgroupBroadcast(x0.w, 4u));
      top[4] = fma(b4.w, x0.w, fma(b4.z, x0.z, fma(b4.y, x0.y, fma(b4.x, x0.x, top[4]))));
      
let b5 = vec4f(subgroupBroadcast(x0.x, 5u), subgroupBroadcast(x0.y, 5u), subgroupBroadcast(x0.z, 5u), subgroupBroadcast(x0.w, 5u));
      top[5] = fma(b5.w, x0.w, fma(b5.z, x0.z, fma(b5.y, x0.y, fma(b5.x, x0.x, top[5]))));
      
let b6 = vec4f(subgroupBroadcast(x0.x, 6u), subgroupBroadcast(x0.y, 6u), subgroupBroadcast(x0.z, 6u), subgroupBroadcast(x0.w, 6u));
      top[6] = fma(b6.w, x0.w, fma(b6.z, x0.z, fma(b6.y, x0.y, fma(b6.x, x0.x, top[6]))));
      
let b7 = vec4f(subgroupBroadcast(x0.x, 7u), subgroupBroadcast(x0.y, 7u), subgroupBroadcast(x0.z, 7u), subgroupBroadcast(x0.w, 7u));
      top[7] = fma(b7.w, x0.w, fma(b7.z, x0.z, fma(b7.y, x0.y, fma(b7.x, x0.x, top[7]))));
      
let b8 = vec4f(subgroupBroadcast(x1.x, 0u), subgroupBroadcast(x1.y, 0u), subgroupBroadcast(x1.z, 0u), subgroupBroadcast(x1.w, 0u));
      top[8] = fma(b8.w, x0.w, fma(b8.z, x0.z, fma(b8.y, x0.y, fma(b8.x, x0.x, top[8]))));
      bottom[8] = fma(b8.w, x1.w, fma(b8.z, x1.z, fma(b8.y, x1.y, fma(b8.x, x1.x, bottom[8]))));
let b9 = vec4f(subgroupBroadcast(x1.x, 1u), subgroupBroadcast(x1.y, 1u), subgroupBroadcast(x1.z, 1u), subgroupBroadcast(x1.w, 1u));
      top[9] = fma(b9.w, x0.w, fma(b9.z, x0.z, fma(b9.y, x0.y, fma(b9.x, x0.x, top[9]))));
      bottom[9] = fma(b9.w, x1.w, fma(b9.z, x1.z, fma(b9.y, x1.y, fma(b9.x, x1.x, bottom[9]))));
let b10 = vec4f(subgroupBroadcast(x1.x, 2u), subgroupBroadcast(x1.y, 2u), subgroupBroadcast(x1.z, 2u), subgroupBroadcast(x1.w, 2u));
      top[10] = fma(b10.w, x0.w, fma(b10.z, x0.z, fma(b10.y, x0.y, fma(b10.x, x0.x, top[10]))));
      bottom[10] = fma(b10.w, x1.w, fma(b10.z, x1.z, fma(b10.y, x1.y, fma(b10.x, x1.x, bottom[10]))));
let b11 = vec4f(subgroupBroadcast(x1.x, 3u), subgroupBroadcast(x1.y, 3u), subgroupBroadcast(x1.z, 3u), subgroupBroadcast(x1.w, 3u));
      top[11] = fma(b11.w, x0.w, fma(b11.z, x0.z, fma(b11.y, x0.y, fma(b11.x, x0.x, top[11]))));
      bottom[11] = fma(b11.w, x1.w, fma(b11.z, x1.z, fma(b11.y, x1.y, fma(b11.x, x1.x, bottom[11]))));
let b12 = vec4f(subgroupBroadcast(x1.x, 4u), subgroupBroadcast(x1.y, 4u), subgroupBroadcast(x1.z, 4u), subgroupBroadcast(x1.w, 4u));
      top[12] = fma(b12.w, x0.w, fma(b12.z, x0.z, fma(b12.y, x0.y, fma(b12.x, x0.x, top[12]))));
      bottom[12] = fma(b12.w, x1.w, fma(b12.z, x1.z, fma(b12.y, x1.y, fma(b12.x, x1.x, bottom[12]))));
let b13 = vec4f(subgroupBroadcast(x1.x, 5u), subgroupBroadcast(x1.y, 5u), subgroupBroadcast(x1.z, 5u), subgroupBroadcast(x1.w, 5u));
      top[13] = fma(b13.w, x0.w, fma(b13.z, x0.z, fma(b13.y, x0.y, fma(b13.x, x0.x, top[13]))));
      bottom[13] = fma(b13.w, x1.w, fma(b13.z, x1.z, fma(b13.y, x1.y, fma(b13.x, x1.x, bottom[13]))));
let b14 = vec4f(subgroupBroadcast(x1.x, 6u), subgroupBroadcast(x1.y, 6u), subgroupBroadcast(x1.z, 6u), subgroupBroadcast(x1.w, 6u));
      top[14] = fma(b14.w, x0.w, fma(b14.z, x0.z, fma(b14.y, x0.y, fma(b14.x, x0.x, top[14]))));
      bottom[14] = fma(b14.w, x1.w, fma(b14.z, x1.z, fma(b14.y, x1.y, fma(b14.x, x1.x, bottom[14]))));
let b15 = vec4f(subgroupBroadcast(x1.x, 7u), subgroupBroadcast(x1.y, 7u), subgroupBroadcast(x1.z, 7u), subgroupBroadcast(x1.w, 7u));
      top[15] = fma(b15.w, x0.w, fma(b15.z, x0.z, fma(b15.y, x0.y, fma(b15.x, x0.x, top[15]))));
      bottom[15] = fma(b15.w, x1.w, fma(b15.z, x1.z, fma(b15.y, x1.y, fma(b15.x, x1.x, bottom[15]))));
    }
    // What is left of the matrix mirrors a quarter that is there.
    bottom[0] = select(0.0, subgroupBroadcast(top[8], 0u), lane == 0u) + select(0.0, subgroupBroadcast(top[9], 0u), lane == 1u) + select(0.0, subgroupBroadcast(top[10], 0u), lane == 2u) + select(0.0, subgroupBroadcast(top[11], 0u), lane == 3u) + select(0.0, subgroupBroadcast(top[12], 0u), lane == 4u) + select(0.0, subgroupBroadcast(top[13], 0u), lane == 5u) + select(0.0, subgroupBroadcast(top[14], 0u), lane == 6u) + select(0.0, subgroupBroadcast(top[15], 0u), lane == 7u);
bottom[1] = select(0.0, subgroupBroadcast(top[8], 1u), lane == 0u) + select(0.0, subgroupBroadcast(top[9], 1u), lane == 1u) + select(0.0, subgroupBroadcast(top[10], 1u), lane == 2u) + select(0.0, subgroupBroadcast(top[11], 1u), lane == 3u) + select(0.0, subgroupBroadcast(top[12], 1u), lane == 4u) + select(0.0, subgroupBroadcast(top[13], 1u), lane == 5u) + select(0.0, subgroupBroadcast(top[14], 1u), lane == 6u) + select(0.0, subgroupBroadcast(top[15], 1u), lane == 7u);
bottom[2] = select(0.0, subgroupBroadcast(top[8], 2u), lane == 0u) + select(0.0, subgroupBroadcast(top[9], 2u), lane == 1u) + select(0.0, subgroupBroadcast(top[10], 2u), lane == 2u) + select(0.0, subgroupBroadcast(top[11], 2u), lane == 3u) + select(0.0, subgroupBroadcast(top[12], 2u), lane == 4u) + select(0.0, subgroupBroadcast(top[13], 2u), lane == 5u) + select(0.0, subgroupBroadcast(top[14], 2u), lane == 6u) + select(0.0, subgroupBroadcast(top[15], 2u), lane == 7u);
bottom[3] = select(0.0, subgroupBroadcast(top[8], 3u), lane == 0u) + select(0.0, subgroupBroadcast(top[9], 3u), lane == 1u) + select(0.0, subgroupBroadcast(top[10], 3u), lane == 2u) + select(0.0, subgroupBroadcast(top[11], 3u), lane == 3u) + select(0.0, subgroupBroadcast(top[12], 3u), lane == 4u) + select(0.0, subgroupBroadcast(top[13], 3u), lane == 5u) + select(0.0, subgroupBroadcast(top[14], 3u), lane == 6u) + select(0.0, subgroupBroadcast(top[15], 3u), lane == 7u);
bottom[4] = select(0.0, subgroupBroadcast(top[8], 4u), lane == 0u) + select(0.0, subgroupBroadcast(top[9], 4u), lane == 1u) + select(0.0, subgroupBroadcast(top[10], 4u), lane == 2u) + select(0.0, subgroupBroadcast(top[11], 4u), lane == 3u) + select(0.0, subgroupBroadcast(top[12], 4u), lane == 4u) + select(0.0, subgroupBroadcast(top[13], 4u), lane == 5u) + select(0.0, subgroupBroadcast(top[14], 4u), lane == 6u) + select(0.0, subgroupBroadcast(top[15], 4u), lane == 7u);
bottom[5] = select(0.0, subgroupBroadcast(top[8], 5u), lane == 0u) + select(0.0, subgroupBroadcast(top[9], 5u), lane == 1u) + select(0.0, subgroupBroadcast(top[10], 5u), lane == 2u) + select(0.0, subgroupBroadcast(top[11], 5u), lane == 3u) + select(0.0, subgroupBroadcast(top[12], 5u), lane == 4u) + select(0.0, subgroupBroadcast(top[13], 5u), lane == 5u) + select(0.0, subgroupBroadcast(top[14], 5u), lane == 6u) + select(0.0, subgroupBroadcast(top[15], 5u), lane == 7u);
bottom[6] = select(0.0, subgroupBroadcast(top[8], 6u), lane == 0u) + select(0.0, subgroupBroadcast(top[9], 6u), lane == 1u) + select(0.0, subgroupBroadcast(top[10], 6u), lane == 2u) + select(0.0, subgroupBroadcast(top[11], 6u), lane == 3u) + select(0.0, subgroupBroadcast(top[12], 6u), lane == 4u) + select(0.0, subgroupBroadcast(top[13], 6u), lane == 5u) + select(0.0, subgroupBroadcast(top[14], 6u), lane == 6u) + select(0.0, subgroupBroadcast(top[15], 6u), lane == 7u);
bottom[7] = select(0.0, subgroupBroadcast(top[8], 7u), lane == 0u) + select(0.0, subgroupBroadcast(top[9], 7u), lane == 1u) + select(0.0, subgroupBroadcast(top[10], 7u), lane == 2u) + select(0.0, subgroupBroadcast(top[11], 7u), lane == 3u) + select(0.0, subgroupBroadcast(top[12], 7u), lane == 4u) + select(0.0, subgroupBroadcast(top[13], 7u), lane == 5u) + select(0.0, subgroupBroadcast(top[14], 7u), lane == 6u) + select(0.0, subgroupBroadcast(top[15], 7u), lane == 7u);
      var left = array<f32, 16>();
    var right = array<f32, 16>();
    left[0] = select(0.0, 1.0, lane == 0u); right[0] = select(0.0, 1.0, lane + 8u == 0u);
left[1] = select(0.0, 1.0, lane == 1u); right[1] = select(0.0, 1.0, lane + 8u == 1u);
left[2] = select(0.0, 1.0, lane == 2u); right[2] = select(0.0, 1.0, lane + 8u == 2u);
left[3] = select(0.0, 1.0, lane == 3u); right[3] = select(0.0, 1.0, lane + 8u == 3u);
left[4] = select(0.0, 1.0, lane == 4u); right[4] = select(0.0, 1.0, lane + 8u == 4u);
left[5] = select(0.0, 1.0, lane == 5u); right[5] = select(0.0, 1.0, lane + 8u == 5u);
left[6] = select(0.0, 1.0, lane == 6u); right[6] = select(0.0, 1.0, lane + 8u == 6u);
left[7] = select(0.0, 1.0, lane == 7u); right[7] = select(0.0, 1.0, lane + 8u == 7u);
left[8] = select(0.0, 1.0, lane == 8u); right[8] = select(0.0, 1.0, lane + 8u == 8u);
left[9] = select(0.0, 1.0, lane == 9u); right[9] = select(0.0, 1.0, lane + 8u == 9u);
left[10] = select(0.0, 1.0, lane == 10u); right[10] = select(0.0, 1.0, lane + 8u == 10u);
left[11] = select(0.0, 1.0, lane == 11u); right[11] = select(0.0, 1.0, lane + 8u == 11u);
left[12] = select(0.0, 1.0, lane == 12u); right[12] = select(0.0, 1.0, lane + 8u == 12u);
left[13] = select(0.0, 1.0, lane == 13u); right[13] = select(0.0, 1.0, lane + 8u == 13u);
left[14] = select(0.0, 1.0, lane == 14u); right[14] = select(0.0, 1.0, lane + 8u == 14u);
left[15] = select(0.0, 1.0, lane == 15u); right[15] = select(0.0, 1.0, lane + 8u == 15u);
    var seatTop = row_of(at, lane);
    var seatBottom = row_of(at, lane + 8u);
    var cosine = 0.0;
    var mixing = 0.0;
    for (var step = 1u; step < P.size; step++) {
      let a = select(0.0, top[0], lane == 0u) + select(0.0, top[1], lane == 1u) + select(0.0, top[2], lane == 2u) + select(0.0, top[3], lane == 3u) + select(0.0, top[4], lane == 4u) + select(0.0, top[5], lane == 5u) + select(0.0, top[6], lane == 6u) + select(0.0, top[7], lane == 7u);
      let b = select(0.0, bottom[8], lane == 0u) + select(0.0, bottom[9], lane == 1u) + select(0.0, bottom[10], lane == 2u) + select(0.0, bottom[11], lane == 3u) + select(0.0, bottom[12], lane == 4u) + select(0.0, bottom[13], lane == 5u) + select(0.0, bottom[14], lane == 6u) + select(0.0, bottom[15], lane == 7u);
      let d = select(0.0, top[8], lane == 0u) + select(0.0, top[9], lane == 1u) + select(0.0, top[10], lane == 2u) + select(0.0, top[11], lane == 3u) + select(0.0, top[12], lane == 4u) + select(0.0, top[13], lane == 5u) + select(0.0, top[14], lane == 6u) + select(0.0, top[15], lane == 7u);
      let exist = (seatTop < P.rows) & (seatBottom < P.rows);
      let r = rotation(select(0.0, a, exist), b, d);
      cosine = max(cosine, r.cosine);
      mixing = max(mixing, r.mixing);
      { let p = top[0]; let q = bottom[0]; top[0] = fma(-r.s, fma(r.tau, p, q), p); bottom[0] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = top[1]; let q = bottom[1]; top[1] = fma(-r.s, fma(r.tau, p, q), p); bottom[1] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = top[2]; let q = bottom[2]; top[2] = fma(-r.s, fma(r.tau, p, q), p); bottom[2] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = top[3]; let q = bottom[3]; top[3] = fma(-r.s, fma(r.tau, p, q), p); bottom[3] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = top[4]; let q = bottom[4]; top[4] = fma(-r.s, fma(r.tau, p, q), p); bottom[4] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = top[5]; let q = bottom[5]; top[5] = fma(-r.s, fma(r.tau, p, q), p); bottom[5] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = top[6]; let q = bottom[6]; top[6] = fma(-r.s, fma(r.tau, p, q), p); bottom[6] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = top[7]; let q = bottom[7]; top[7] = fma(-r.s, fma(r.tau, p, q), p); bottom[7] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = top[8]; let q = bottom[8]; top[8] = fma(-r.s, fma(r.tau, p, q), p); bottom[8] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = top[9]; let q = bottom[9]; top[9] = fma(-r.s, fma(r.tau, p, q), p); bottom[9] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = top[10]; let q = bottom[10]; top[10] = fma(-r.s, fma(r.tau, p, q), p); bottom[10] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = top[11]; let q = bottom[11]; top[11] = fma(-r.s, fma(r.tau, p, q), p); bottom[11] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = top[12]; let q = bottom[12]; top[12] = fma(-r.s, fma(r.tau, p, q), p); bottom[12] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = top[13]; let q = bottom[13]; top[13] = fma(-r.s, fma(r.tau, p, q), p); bottom[13] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = top[14]; let q = bottom[14]; top[14] = fma(-r.s, fma(r.tau, p, q), p); bottom[14] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = top[15]; let q = bottom[15]; top[15] = fma(-r.s, fma(r.tau, p, q), p); bottom[15] = fma(r.s, fma(-r.tau, q, p), q); }
      { let p = left[0]; let q = right[0]; left[0] = fma(-r.s, fma(r.tau, p, q), p); right[0] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = left[1]; let q = right[1]; left[1] = fma(-r.s, fma(r.tau, p, q), p); right[1] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = left[2]; let q = right[2]; left[2] = fma(-r.s, fma(r.tau, p, q), p); right[2] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = left[3]; let q = right[3]; left[3] = fma(-r.s, fma(r.tau, p, q), p); right[3] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = left[4]; let q = right[4]; left[4] = fma(-r.s, fma(r.tau, p, q), p); right[4] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = left[5]; let q = right[5]; left[5] = fma(-r.s, fma(r.tau, p, q), p); right[5] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = left[6]; let q = right[6]; left[6] = fma(-r.s, fma(r.tau, p, q), p); right[6] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = left[7]; let q = right[7]; left[7] = fma(-r.s, fma(r.tau, p, q), p); right[7] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = left[8]; let q = right[8]; left[8] = fma(-r.s, fma(r.tau, p, q), p); right[8] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = left[9]; let q = right[9]; left[9] = fma(-r.s, fma(r.tau, p, q), p); right[9] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = left[10]; let q = right[10]; left[10] = fma(-r.s, fma(r.tau, p, q), p); right[10] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = left[11]; let q = right[11]; left[11] = fma(-r.s, fma(r.tau, p, q), p); right[11] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = left[12]; let q = right[12]; left[12] = fma(-r.s, fma(r.tau, p, q), p); right[12] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = left[13]; let q = right[13]; left[13] = fma(-r.s, fma(r.tau, p, q), p); right[13] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = left[14]; let q = right[14]; left[14] = fma(-r.s, fma(r.tau, p, q), p); right[14] = fma(r.s, fma(-r.tau, q, p), q); }
{ let p = left[15]; let q = right[15]; left[15] = fma(-r.s, fma(r.tau, p, q), p); right[15] = fma(r.s, fma(-r.tau, q, p), q); }
      let s0 = subgroupBroadcast(r.s, 0u);
      let t0 = subgroupBroadcast(r.tau, 0u);
      { let p = top[0]; let q = top[8]; top[0] = fma(-s0, fma(t0, p, q), p); top[8] = fma(s0, fma(-t0, q, p), q); }
      { let p = bottom[0]; let q = bottom[8]; bottom[0] = fma(-s0, fma(t0, p, q), p); bottom[8] = fma(s0, fma(-t0, q, p), q); }
let s1 = subgroupBroadcast(r.s, 1u);
      let t1 = subgroupBroadcast(r.tau, 1u);
      { let p = top[1]; let q = top[9]; top[1] = fma(-s1, fma(t1, p, q), p); top[9] = fma(s1, fma(-t1, q, p), q); }
      { let p = bottom[1]; let q = bottom[9]; bottom[1] = fma(-s1, fma(t1, p, q), p); bottom[9] = fma(s1, fma(-t1, q, p), q); }
let s2 = subgroupBroadcast(r.s, 2u);
      let t2 = subgroupBroadcast(r.tau, 2u);
      { let p = top[2]; let q = top[10]; top[2] = fma(-s2, fma(t2, p, q), p); top[10] = fma(s2, fma(-t2, q, p), q); }
      { let p = bottom[2]; let q = bottom[10]; bottom[2] = fma(-s2, fma(t2, p, q), p); bottom[10] = fma(s2, fma(-t2, q, p), q); }
let s3 = subgroupBroadcast(r.s, 3u);
      let t3 = subgroupBroadcast(r.tau, 3u);
      { let p = top[3]; let q = top[11]; top[3] = fma(-s3, fma(t3, p, q), p); top[11] = fma(s3, fma(-t3, q, p), q); }
      { let p = bottom[3]; let q = bottom[11]; bottom[3] = fma(-s3, fma(t3, p, q), p); bottom[11] = fma(s3, fma(-t3, q, p), q); }
let s4 = subgroupBroadcast(r.s, 4u);
      let t4 = subgroupBroadcast(r.tau, 4u);
      { let p = top[4]; let q = top[12]; top[4] = fma(-s4, fma(t4, p, q), p); top[12] = fma(s4, fma(-t4, q, p), q); }
      { let p = bottom[4]; let q = bottom[12]; bottom[4] = fma(-s4, fma(t4, p, q), p); bottom[12] = fma(s4, fma(-t4, q, p), q); }
let s5 = subgroupBroadcast(r.s, 5u);
      let t5 = subgroupBroadcast(r.tau, 5u);
      { let p = top[5]; let q = top[13]; top[5] = fma(-s5, fma(t5, p, q), p); top[13] = fma(s5, fma(-t5, q, p), q); }
      { let p = bottom[5]; let q = bottom[13]; bottom[5] = fma(-s5, fma(t5, p, q), p); bottom[13] = fma(s5, fma(-t5, q, p), q); }
let s6 = subgroupBroadcast(r.s, 6u);
      let t6 = subgroupBroadcast(r.tau, 6u);
      { let p = top[6]; let q = top[14]; top[6] = fma(-s6, fma(t6, p, q), p); top[14] = fma(s6, fma(-t6, q, p), q); }
      { let p = bottom[6]; let q = bottom[14]; bottom[6] = fma(-s6, fma(t6, p, q), p); bottom[14] = fma(s6, fma(-t6, q, p), q); }
let s7 = subgroupBroadcast(r.s, 7u);
      let t7 = subgroupBroadcast(r.tau, 7u);
      { let p = top[7]; let q = top[15]; top[7] = fma(-s7, fma(t7, p, q), p); top[15] = fma(s7, fma(-t7, q, p), q); }
      { let p = bottom[7]; let q = bottom[15]; bottom[7] = fma(-s7, fma(t7, p, q), p); bottom[15] = fma(s7, fma(-t7, q, p), q); }
      
      let g0_up = subgroupShuffleUp(select(top[0], bottom[0], lane == 0u), 1u);
      let g0_down = subgroupShuffleDown(bottom[0], 1u);
      let g0_a = select(g0_up, top[0], lane == 0u);
      let g0_b = select(g0_down, top[0], lane == 7u);

      let g1_up = subgroupShuffleUp(select(top[1], bottom[1], lane == 0u), 1u);
      let g1_down = subgroupShuffleDown(bottom[1], 1u);
      let g1_a = select(g1_up, top[1], lane == 0u);
      let g1_b = select(g1_down, top[1], lane == 7u);

      let g2_up = subgroupShuffleUp(select(top[2], bottom[2], lane == 0u), 1u);
      let g2_down = subgroupShuffleDown(bottom[2], 1u);
      let g2_a = select(g2_up, top[2], lane == 0u);
      let g2_b = select(g2_down, top[2], lane == 7u);

      let g3_up = subgroupShuffleUp(select(top[3], bottom[3], lane == 0u), 1u);
      let g3_down = subgroupShuffleDown(bottom[3], 1u);
      let g3_a = select(g3_up, top[3], lane == 0u);
      let g3_b = select(g3_down, top[3], lane == 7u);

      let g4_up = subgroupShuffleUp(select(top[4], bottom[4], lane == 0u), 1u);
      let g4_down = subgroupShuffleDown(bottom[4], 1u);
      let g4_a = select(g4_up, top[4], lane == 0u);
      let g4_b = select(g4_down, top[4], lane == 7u);

      let g5_up = subgroupShuffleUp(select(top[5], bottom[5], lane == 0u), 1u);
      let g5_down = subgroupShuffleDown(bottom[5], 1u);
      let g5_a = select(g5_up, top[5], lane == 0u);
      let g5_b = select(g5_down, top[5], lane == 7u);

      let g6_up = subgroupShuffleUp(select(top[6], bottom[6], lane == 0u), 1u);
      let g6_down = subgroupShuffleDown(bottom[6], 1u);
      let g6_a = select(g6_up, top[6], lane == 0u);
      let g6_b = select(g6_down, top[6], lane == 7u);

      let g7_up = subgroupShuffleUp(select(top[7], bottom[7], lane == 0u), 1u);
      let g7_down = subgroupShuffleDown(bottom[7], 1u);
      let g7_a = select(g7_up, top[7], lane == 0u);
      let g7_b = select(g7_down, top[7], lane == 7u);

      let g8_up = subgroupShuffleUp(select(top[8], bottom[8], lane == 0u), 1u);
      let g8_down = subgroupShuffleDown(bottom[8], 1u);
      let g8_a = select(g8_up, top[8], lane == 0u);
      let g8_b = select(g8_down, top[8], lane == 7u);

      let g9_up = subgroupShuffleUp(select(top[9], bottom[9], lane == 0u), 1u);
      let g9_down = subgroupShuffleDown(bottom[9], 1u);
      let g9_a = select(g9_up, top[9], lane == 0u);
      let g9_b = select(g9_down, top[9], lane == 7u);

      let g10_up = subgroupShuffleUp(select(top[10], bottom[10], lane == 0u), 1u);
      let g10_down = subgroupShuffleDown(bottom[10], 1u);
      let g10_a = select(g10_up, top[10], lane == 0u);
      let g10_b = select(g10_down, top[10], lane == 7u);

      let g11_up = subgroupShuffleUp(select(top[11], bottom[11], lane == 0u), 1u);
      let g11_down = subgroupShuffleDown(bottom[11], 1u);
      let g11_a = select(g11_up, top[11], lane == 0u);
      let g11_b = select(g11_down, top[11], lane == 7u);

      let g12_up = subgroupShuffleUp(select(top[12], bottom[12], lane == 0u), 1u);
      let g12_down = subgroupShuffleDown(bottom[12], 1u);
      let g12_a = select(g12_up, top[12], lane == 0u);
      let g12_b = select(g12_down, top[12], lane == 7u);

      let g13_up = subgroupShuffleUp(select(top[13], bottom[13], lane == 0u), 1u);
      let g13_down = subgroupShuffleDown(bottom[13], 1u);
      let g13_a = select(g13_up, top[13], lane == 0u);
      let g13_b = select(g13_down, top[13], lane == 7u);

      let g14_up = subgroupShuffleUp(select(top[14], bottom[14], lane == 0u), 1u);
      let g14_down = subgroupShuffleDown(bottom[14], 1u);
      let g14_a = select(g14_up, top[14], lane == 0u);
      let g14_b = select(g14_down, top[14], lane == 7u);

      let g15_up = subgroupShuffleUp(select(top[15], bottom[15], lane == 0u), 1u);
      let g15_down = subgroupShuffleDown(bottom[15], 1u);
      let g15_a = select(g15_up, top[15], lane == 0u);
      let g15_b = select(g15_down, top[15], lane == 7u);
      top[0] = g0_a; bottom[0] = g0_b;
top[1] = g8_a; bottom[1] = g8_b;
top[2] = g1_a; bottom[2] = g1_b;
top[3] = g2_a; bottom[3] = g2_b;
top[4] = g3_a; bottom[4] = g3_b;
top[5] = g4_a; bottom[5] = g4_b;
top[6] = g5_a; bottom[6] = g5_b;
top[7] = g6_a; bottom[7] = g6_b;
top[8] = g9_a; bottom[8] = g9_b;
top[9] = g10_a; bottom[9] = g10_b;
top[10] = g11_a; bottom[10] = g11_b;
top[11] = g12_a; bottom[11] = g12_b;
top[12] = g13_a; bottom[12] = g13_b;
top[13] = g14_a; bottom[13] = g14_b;
top[14] = g15_a; bottom[14] = g15_b;
top[15] = g7_a; bottom[15] = g7_b;
      
      let h0_up = subgroupShuffleUp(select(left[0], right[0], lane == 0u), 1u);
      let h0_down = subgroupShuffleDown(right[0], 1u);
      let h0_a = select(h0_up, left[0], lane == 0u);
      let h0_b = select(h0_down, left[0], lane == 7u);
left[0] = h0_a; right[0] = h0_b;

      let h1_up = subgroupShuffleUp(select(left[1], right[1], lane == 0u), 1u);
      let h1_down = subgroupShuffleDown(right[1], 1u);
      let h1_a = select(h1_up, left[1], lane == 0u);
      let h1_b = select(h1_down, left[1], lane == 7u);
left[1] = h1_a; right[1] = h1_b;

      let h2_up = subgroupShuffleUp(select(left[2], right[2], lane == 0u), 1u);
      let h2_down = subgroupShuffleDown(right[2], 1u);
      let h2_a = select(h2_up, left[2], lane == 0u);
      let h2_b = select(h2_down, left[2], lane == 7u);
left[2] = h2_a; right[2] = h2_b;

      let h3_up = subgroupShuffleUp(select(left[3], right[3], lane == 0u), 1u);
      let h3_down = subgroupShuffleDown(right[3], 1u);
      let h3_a = select(h3_up, left[3], lane == 0u);
      let h3_b = select(h3_down, left[3], lane == 7u);
left[3] = h3_a; right[3] = h3_b;

      let h4_up = subgroupShuffleUp(select(left[4], right[4], lane == 0u), 1u);
      let h4_down = subgroupShuffleDown(right[4], 1u);
      let h4_a = select(h4_up, left[4], lane == 0u);
      let h4_b = select(h4_down, left[4], lane == 7u);
left[4] = h4_a; right[4] = h4_b;

      let h5_up = subgroupShuffleUp(select(left[5], right[5], lane == 0u), 1u);
      let h5_down = subgroupShuffleDown(right[5], 1u);
      let h5_a = select(h5_up, left[5], lane == 0u);
      let h5_b = select(h5_down, left[5], lane == 7u);
left[5] = h5_a; right[5] = h5_b;

      let h6_up = subgroupShuffleUp(select(left[6], right[6], lane == 0u), 1u);
      let h6_down = subgroupShuffleDown(right[6], 1u);
      let h6_a = select(h6_up, left[6], lane == 0u);
      let h6_b = select(h6_down, left[6], lane == 7u);
left[6] = h6_a; right[6] = h6_b;

      let h7_up = subgroupShuffleUp(select(left[7], right[7], lane == 0u), 1u);
      let h7_down = subgroupShuffleDown(right[7], 1u);
      let h7_a = select(h7_up, left[7], lane == 0u);
      let h7_b = select(h7_down, left[7], lane == 7u);
left[7] = h7_a; right[7] = h7_b;

      let h8_up = subgroupShuffleUp(select(left[8], right[8], lane == 0u), 1u);
      let h8_down = subgroupShuffleDown(right[8], 1u);
      let h8_a = select(h8_up, left[8], lane == 0u);
      let h8_b = select(h8_down, left[8], lane == 7u);
left[8] = h8_a; right[8] = h8_b;

      let h9_up = subgroupShuffleUp(select(left[9], right[9], lane == 0u), 1u);
      let h9_down = subgroupShuffleDown(right[9], 1u);
      let h9_a = select(h9_up, left[9], lane == 0u);
      let h9_b = select(h9_down, left[9], lane == 7u);
left[9] = h9_a; right[9] = h9_b;

      let h10_up = subgroupShuffleUp(select(left[10], right[10], lane == 0u), 1u);
      let h10_down = subgroupShuffleDown(right[10], 1u);
      let h10_a = select(h10_up, left[10], lane == 0u);
      let h10_b = select(h10_down, left[10], lane == 7u);
left[10] = h10_a; right[10] = h10_b;

      let h11_up = subgroupShuffleUp(select(left[11], right[11], lane == 0u), 1u);
      let h11_down = subgroupShuffleDown(right[11], 1u);
      let h11_a = select(h11_up, left[11], lane == 0u);
      let h11_b = select(h11_down, left[11], lane == 7u);
left[11] = h11_a; right[11] = h11_b;

      let h12_up = subgroupShuffleUp(select(left[12], right[12], lane == 0u), 1u);
      let h12_down = subgroupShuffleDown(right[12], 1u);
      let h12_a = select(h12_up, left[12], lane == 0u);
      let h12_b = select(h12_down, left[12], lane == 7u);
left[12] = h12_a; right[12] = h12_b;

      let h13_up = subgroupShuffleUp(select(left[13], right[13], lane == 0u), 1u);
      let h13_down = subgroupShuffleDown(right[13], 1u);
      let h13_a = select(h13_up, left[13], lane == 0u);
      let h13_b = select(h13_down, left[13], lane == 7u);
left[13] = h13_a; right[13] = h13_b;

      let h14_up = subgroupShuffleUp(select(left[14], right[14], lane == 0u), 1u);
      let h14_down = subgroupShuffleDown(right[14], 1u);
      let h14_a = select(h14_up, left[14], lane == 0u);
      let h14_b = select(h14_down, left[14], lane == 7u);
left[14] = h14_a; right[14] = h14_b;

      let h15_up = subgroupShuffleUp(select(left[15], right[15], lane == 0u), 1u);
      let h15_down = subgroupShuffleDown(right[15], 1u);
      let h15_a = select(h15_up, left[15], lane == 0u);
      let h15_b = select(h15_down, left[15], lane == 7u);
left[15] = h15_a; right[15] = h15_b;
      
      let seat_up = subgroupShuffleUp(select(seatTop, seatBottom, lane == 0u), 1u);
      let seat_down = subgroupShuffleDown(seatBottom, 1u);
      let seat_a = select(seat_up, seatTop, lane == 0u);
      let seat_b = select(seat_down, seatTop, lane == 7u);
      seatTop = seat_a;
      seatBottom = seat_b;
    }
      let greatest = subgroupMax(cosine);
      let widest = subgroupMax(mixing);
      if (lane == 0u) {
        note(at.matrix, sweep, greatest, widest);
        idle = select(0u, 1u, greatest == 0.0);
      }
      if (workgroupUniformLoad(&idle) != 0u) { continue; }
      var upper: array<f32, 16>;
    var lower: array<f32, 16>;
    upper[0] = left[0]; lower[0] = right[0];
upper[1] = left[1]; lower[1] = right[1];
upper[2] = left[2]; lower[2] = right[2];
upper[3] = left[3]; lower[3] = right[3];
upper[4] = left[4]; lower[4] = right[4];
upper[5] = left[5]; lower[5] = right[5];
upper[6] = left[6]; lower[6] = right[6];
upper[7] = left[7]; lower[7] = right[7];
upper[8] = left[8]; lower[8] = right[8];
upper[9] = left[9]; lower[9] = right[9];
upper[10] = left[10]; lower[10] = right[10];
upper[11] = left[11]; lower[11] = right[11];
upper[12] = left[12]; lower[12] = right[12];
upper[13] = left[13]; lower[13] = right[13];
upper[14] = left[14]; lower[14] = right[14];
upper[15] = left[15]; lower[15] = right[15];
    for (var c = 0u; c < P.stride; c += 8u) {
      let inside = c + lane < P.stride;
      let column = min(c + lane, P.stride - 1u);
      var out = array<vec4f, 16>();
      for (var k = 0u; k < P.size; k++) {
        let row = x[row_start(at, k) + column];
        let t0 = upper[min(k, 15u)];
        let t1 = lower[min(k, 15u)];
        out[0] = fma(vec4f(subgroupBroadcast(t0, 0u)), row, out[0]);
out[8] = fma(vec4f(subgroupBroadcast(t1, 0u)), row, out[8]);
out[1] = fma(vec4f(subgroupBroadcast(t0, 1u)), row, out[1]);
out[9] = fma(vec4f(subgroupBroadcast(t1, 1u)), row, out[9]);
out[2] = fma(vec4f(subgroupBroadcast(t0, 2u)), row, out[2]);
out[10] = fma(vec4f(subgroupBroadcast(t1, 2u)), row, out[10]);
out[3] = fma(vec4f(subgroupBroadcast(t0, 3u)), row, out[3]);
out[11] = fma(vec4f(subgroupBroadcast(t1, 3u)), row, out[11]);
out[4] = fma(vec4f(subgroupBroadcast(t0, 4u)), row, out[4]);
out[12] = fma(vec4f(subgroupBroadcast(t1, 4u)), row, out[12]);
out[5] = fma(vec4f(subgroupBroadcast(t0, 5u)), row, out[5]);
out[13] = fma(vec4f(subgroupBroadcast(t1, 5u)), row, out[13]);
out[6] = fma(vec4f(subgroupBroadcast(t0, 6u)), row, out[6]);
out[14] = fma(vec4f(subgroupBroadcast(t1, 6u)), row, out[14]);
out[7] = fma(vec4f(subgroupBroadcast(t0, 7u)), row, out[7]);
out[15] = fma(vec4f(subgroupBroadcast(t1, 7u)), row, out[15]);
      }
      for (var i = 0u; i < P.size; i++) {
        if (inside & (row_of(at, i) < P.rows)) { x[row_start(at, i) + column] = out[min(i, 15u)]; }
      }
    }
      storageBarrier();
    }
  }
}
// {"lanes":4}: 312 lines, sha256 930ba4ac26c1ff71
// {"lanes":16}: 852 lines, sha256 4a1c81a0dc842b61
