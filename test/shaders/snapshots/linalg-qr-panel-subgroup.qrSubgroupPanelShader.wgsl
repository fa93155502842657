// qrSubgroupPanelShader {"lanes":8,"depth":16}
enable subgroups;
requires immediate_address_space;
@group(0) @binding(0) var<storage, read_write> work: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> t: array<f32>;
struct Params { units: u32, rows: u32, lead: u32, top: u32, blocks: u32, span: u32, stride: u32, depth: u32, width: u32, steps: u32 }
var<immediate> P: Params;
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }
  
  let index = unit / 1u;
  let matrix = index / P.blocks;
  let start = P.top + index % P.blocks * P.span;
  let chunks = (min(P.span, P.rows - start) + P.stride - 1u) / P.stride;
  let g = lane / 4u;
  let quad = lane % 4u;
  let mates = lane - quad;
  let columns = 4u * quad + vec4u(0u, 1u, 2u, 3u);
  let base = (matrix * P.rows * P.lead + P.top) / 4u + quad;
  let count = chunks * 8u;
  var x: array<vec4f, 128>;
  var gram: array<vec4f, 16>;
  var tri: array<vec4f, 16>;
  var dots = vec4f();
  for (var i = 0u; i < count; i++) {
    let at = i * 2u + g;
    let row = start + at / 16u * P.stride + at % 16u;
    let value = select(vec4f(), work[base + min(row, P.rows - 1u) * P.lead / 4u], row < P.rows);
    x[i] = value;
    dots += value * select(0.0, subgroupShuffle(value.x, mates), at > 0u);
  }
  var scale = vec4f();
  for (var k = 0u; k < P.steps; k++) {
    
    let element = k % 4u;
    let next = (k + 1u) % 4u;
    let source = mates + k / 4u;
    let nextSource = mates + (k + 1u) / 4u % 4u;
    dots += subgroupShuffleXor(dots, 4u);
    let pivots = subgroupShuffle(x[k / 2u], k % 2u * 4u + quad);
    let alpha = subgroupShuffle(pivots[element], k / 4u);
    let squares = subgroupShuffle(dots[element], k / 4u);
    
    let length2 = alpha * alpha + squares;
    var beta = alpha;
    var tau = 0.0;
    var inverse = 0.0;
    if (!(length2 <= 1e-30 || squares == 0.0)) {
      beta = select(sqrt(length2), -sqrt(length2), alpha >= 0.0);
      tau = (beta - alpha) / beta;
      inverse = 1.0 / (alpha - beta);
    }
    let product = pivots + inverse * dots;
    let here = columns == vec4u(k);
    gram[k] = select(select(vec4f(), product * scale, columns < vec4u(k)), vec4f(tau), here);
    let change = select(vec4f(), tau * product, columns > vec4u(k));
    let slope = inverse * change;
    scale = select(scale, vec4f(inverse), here);
    if (g == k % 2u) { x[k / 2u] = select(pivots - change, vec4f(beta), here); }
    dots = vec4f();
    for (var i = k / 2u; i < count; i++) {
      let at = i * 2u + g;
      let old = x[i];
      let value = old - slope * select(0.0, subgroupShuffle(old[element], source), at > k);
      x[i] = value;
      dots += value * select(0.0, subgroupShuffle(value[next], nextSource), at > k + 1u);
    }
  }
  for (var i = 0u; i < count; i++) {
    let at = i * 2u + g;
    let unit = select(vec4f(), vec4f(1.0), columns == vec4u(at));
    let value = select(unit, x[i] * scale, vec4u(at) > columns);
    v[(index * P.depth * 16u + at) * 4u + quad] = select(vec4f(), value, columns < vec4u(P.steps));
  }
  for (var i = 0u; i < 8u; i++) {
    let at = i * 2u + g;
    if (start + at < P.rows) {
      let kept = (vec4u(at) <= columns) | (columns >= vec4u(P.steps));
      work[base + (start + at) * P.lead / 4u] = select(vec4f(), x[i], kept);
    }
  }
  // Lane c has rows 4c to 4c + 3 of T's columns: T[.., k] = -tau_k sum over j < k of T[.., j] (VᵀV)[j, k].
  for (var k = 0u; k < P.width; k++) {
    var sum = vec4f();
    let own = gram[k];
    for (var j = 0u; j < k; j++) { sum += tri[j] * subgroupShuffle(own[j % 4u], j / 4u); }
    let tau = subgroupShuffle(own[k % 4u], k / 4u);
    tri[k] = -tau * sum + select(vec4f(), vec4f(tau), columns == vec4u(k));
    if (g == 0u) {
      for (var e = 0u; e < P.width / 4u; e++) {
        t[(2u * index * 16u + 4u * quad + e) * 16u + k] = tri[k][e];
        t[((2u * index + 1u) * 16u + k) * 16u + 4u * quad + e] = tri[k][e];
      }
    }
  }
}
// {"lanes":4}: 99 lines, sha256 d12b12ee6d7b5a0a
// {"lanes":32}: 101 lines, sha256 832e672bf2ea06dc
