// qrPanelShader {"depth":11}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read_write> work: array<f32>;
@group(0) @binding(1) var<storage, read_write> v: array<f32>;
@group(0) @binding(2) var<storage, read_write> t: array<f32>;
struct Params { units: u32, rows: u32, lead: u32, top: u32, blocks: u32, span: u32, stride: u32, depth: u32, width: u32, steps: u32 }
var<immediate> P: Params;
var<workgroup> tile: array<f32, 2816>;
var<workgroup> fold: array<f32, 256>;
var<workgroup> gram: array<f32, 256>;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }
  
  let index = unit / 1u;
  let matrix = index / P.blocks;
  let start = P.top + index % P.blocks * P.span;
  let chunks = (min(P.span, P.rows - start) + P.stride - 1u) / P.stride;
  let c = lane % 16u;
  let g = lane / 16u;
  let column = matrix * P.rows * P.lead + P.top + c;
  for (var q = 0u; q < chunks; q++) {
    let row = start + q * P.stride + g;
    var value = 0.0;
    if (row < P.rows) { value = work[column + row * P.lead]; }
    tile[q * 256u + lane] = value;
  }
  gram[lane] = 0.0;
  var scale = 0.0;
  workgroupBarrier();
  for (var k = 0u; k < P.steps; k++) {
    var dot = 0.0;
    for (var q = 0u; q < chunks; q++) {
      let at = q * 256u + g * 16u;
      dot += select(0.0, tile[at + k], (q > 0u) | (g > k)) * tile[at + c];
    }
    fold[lane] = dot;
    workgroupBarrier();
    var total = 0.0;
    var squares = 0.0;
    for (var i = 0u; i < 16u; i++) {
      total += fold[i * 16u + c];
      squares += fold[i * 16u + k];
    }
    let alpha = tile[k * 17u];
    let above = tile[k * 16u + c];
    workgroupBarrier();
    
    let length2 = alpha * alpha + squares;
    var beta = alpha;
    var tau = 0.0;
    var inverse = 0.0;
    if (!(length2 <= 1e-30 || squares == 0.0)) {
      beta = select(sqrt(length2), -sqrt(length2), alpha >= 0.0);
      tau = (beta - alpha) / beta;
      inverse = 1.0 / (alpha - beta);
    }
    let product = above + inverse * total;
    if (c < k) {
      if (g == 0u) { gram[c * 16u + k] = product * scale; }
    } else if (c > k) {
      let change = tau * product;
      for (var q = 0u; q < chunks; q++) {
        let at = q * 256u + g * 16u;
        if ((q > 0u) | (g > k)) { tile[at + c] -= tile[at + k] * inverse * change; }
      }
      if (g == k) { tile[k * 16u + c] = above - change; }
    } else {
      scale = inverse;
      if (g == k) {
        gram[k * 17u] = tau;
        tile[k * 17u] = beta;
      }
    }
    workgroupBarrier();
  }
  for (var q = 0u; q < chunks; q++) {
    let entry = tile[q * 256u + lane];
    let below = (q > 0u) | (g > c);
    let value = select(select(0.0, 1.0, g == c), entry * scale, below);
    v[(index * P.depth + q) * 256u + lane] = select(0.0, value, c < P.steps);
  }
  if (start + g < P.rows) {
    work[column + (start + g) * P.lead] = select(0.0, tile[lane], (g <= c) | (c >= P.steps));
  }
  // Row g of T needs only itself: T[g, k] = -tau_k sum over j from g to k - 1 of T[g, j] (VᵀV)[j, k].
  if (c == 0u) {
    for (var k = 0u; k < P.width; k++) {
      var sum = 0.0;
      for (var j = g; j < k; j++) { sum += fold[lane + j] * gram[j * 16u + k]; }
      fold[lane + k] = gram[k * 17u] * select(-sum, select(0.0, 1.0, k == g), k <= g);
    }
  }
  workgroupBarrier();
  t[2u * index * 256u + lane] = fold[lane];
  t[(2u * index + 1u) * 256u + lane] = fold[c * 16u + g];
}
