// spmmPanelShader {"lanes":8,"columns":8,"capacity":64,"b":"rows","quads":true,"chunked":false,"together":8,"c":"rows","bias":true,"activation":"relu"}
enable subgroups;
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> starts: array<u32>;
@group(0) @binding(1) var<storage, read> across: array<u32>;
@group(0) @binding(2) var<storage, read> values: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<vec4f>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> c: array<vec4f>;
struct Params { m: u32, k: u32, n: u32, range: u32, valuePart: u32, bPart: u32, linePart: u32, biasPart: u32 }
var<immediate> P: Params;
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let part = group.z;
  let valueBase = part * P.valuePart;
  let bBase = part * P.bPart;
  let cBase = part * P.m * P.n;
  let tile = group.x * 64u;
  let col0 = tile + 0u + lane * 4u;
let col1 = tile + 32u + lane * 4u;
  let row0 = group.y * P.range;
  let rowEnd = min(row0 + P.range, P.m);
  var panel0: array<f32, 65>;
var panel1: array<f32, 65>;
var panel2: array<f32, 65>;
var panel3: array<f32, 65>;
var panel4: array<f32, 65>;
var panel5: array<f32, 65>;
var panel6: array<f32, 65>;
var panel7: array<f32, 65>;

  let k0 = 0u;
    
  let rowsHere = min(64u, P.k - k0);

  for (var k = 0u; k < rowsHere; k++) {

    let four0 = b[(bBase + (k0 + k) * P.n + min(col0, P.n - 4u)) / 4u];
let four1 = b[(bBase + (k0 + k) * P.n + min(col1, P.n - 4u)) / 4u];
    panel0[k] = four0[0];
panel1[k] = four0[1];
panel2[k] = four0[2];
panel3[k] = four0[3];
panel4[k] = four1[0];
panel5[k] = four1[1];
panel6[k] = four1[2];
panel7[k] = four1[3];

  }

    for (var row = row0; row < rowEnd; row++) {
      let line = part * P.linePart + row;

      let first = starts[line];
      let last = starts[line + 1u];

      var sum0 = vec4f();
var sum1 = vec4f();
      var p = first;
      loop {
        let mine = min(p + lane, max(last, 1u) - 1u);
        let inside = p + lane < last;
        let at = select(64u, across[mine] - k0, inside);
        let value = select(0.0, values[valueBase + mine], inside);
        {
          let k = subgroupBroadcast(at, 0u);
          let x = vec4f(subgroupBroadcast(value, 0u));
          sum0 = fma(x, vec4f(panel0[k], panel1[k], panel2[k], panel3[k]), sum0);
sum1 = fma(x, vec4f(panel4[k], panel5[k], panel6[k], panel7[k]), sum1);
        }
{
          let k = subgroupBroadcast(at, 1u);
          let x = vec4f(subgroupBroadcast(value, 1u));
          sum0 = fma(x, vec4f(panel0[k], panel1[k], panel2[k], panel3[k]), sum0);
sum1 = fma(x, vec4f(panel4[k], panel5[k], panel6[k], panel7[k]), sum1);
        }
{
          let k = subgroupBroadcast(at, 2u);
          let x = vec4f(subgroupBroadcast(value, 2u));
          sum0 = fma(x, vec4f(panel0[k], panel1[k], panel2[k], panel3[k]), sum0);
sum1 = fma(x, vec4f(panel4[k], panel5[k], panel6[k], panel7[k]), sum1);
        }
{
          let k = subgroupBroadcast(at, 3u);
          let x = vec4f(subgroupBroadcast(value, 3u));
          sum0 = fma(x, vec4f(panel0[k], panel1[k], panel2[k], panel3[k]), sum0);
sum1 = fma(x, vec4f(panel4[k], panel5[k], panel6[k], panel7[k]), sum1);
        }
{
          let k = subgroupBroadcast(at, 4u);
          let x = vec4f(subgroupBroadcast(value, 4u));
          sum0 = fma(x, vec4f(panel0[k], panel1[k], panel2[k], panel3[k]), sum0);
sum1 = fma(x, vec4f(panel4[k], panel5[k], panel6[k], panel7[k]), sum1);
        }
{
          let k = subgroupBroadcast(at, 5u);
          let x = vec4f(subgroupBroadcast(value, 5u));
          sum0 = fma(x, vec4f(panel0[k], panel1[k], panel2[k], panel3[k]), sum0);
sum1 = fma(x, vec4f(panel4[k], panel5[k], panel6[k], panel7[k]), sum1);
        }
{
          let k = subgroupBroadcast(at, 6u);
          let x = vec4f(subgroupBroadcast(value, 6u));
          sum0 = fma(x, vec4f(panel0[k], panel1[k], panel2[k], panel3[k]), sum0);
sum1 = fma(x, vec4f(panel4[k], panel5[k], panel6[k], panel7[k]), sum1);
        }
{
          let k = subgroupBroadcast(at, 7u);
          let x = vec4f(subgroupBroadcast(value, 7u));
          sum0 = fma(x, vec4f(panel0[k], panel1[k], panel2[k], panel3[k]), sum0);
sum1 = fma(x, vec4f(panel4[k], panel5[k], panel6[k], panel7[k]), sum1);
        }
        p += 8u;
        if (p >= last) { break; }
      }
      let shift = vec4f(bias[part * P.biasPart + row]);
      sum0 = select((sum0 + shift), vec4f(0.0), (sum0 + shift) <= vec4f(0.0));
sum1 = select((sum1 + shift), vec4f(0.0), (sum1 + shift) <= vec4f(0.0));
      if (col0 < P.n) { c[(cBase + row * P.n + (col0 + 0u)) / 4u] = sum0; }
if (col1 < P.n) { c[(cBase + row * P.n + (col1 + 0u)) / 4u] = sum1; }
    }
}
// {"chunked":true}: 128 lines, sha256 cf027653789fedba
// {"b":"columns4","c":"columns4","chunked":true,"activation":"tanh"}: 242 lines, sha256 2d8b7feeb77340d9
// {"b":"columns","c":"columns","quads":false,"bias":false,"activation":"none"}: 123 lines, sha256 c53cdbf4ec3f41b9
// {"quads":false,"together":2,"columns":4}: 78 lines, sha256 d526ff099e4b27c2
