// advanceModelsShader {"schedules":["if (step < 5.0) { return 0.0 + 1.0 * (step + 1.0) / 5.0; }\n  return after_warm_up(step - 5.0);\n}\nfn after_warm_up(step: f32) -> f32 {\n  if (step < 2.0) { return 0.0 + 1.0 * (step + 1.0) / 2.0; }\n  return after_warm_up_(step - 2.0);\n}\nfn after_warm_up_(step: f32) -> f32 {\n  return 0.0 + 1.0 * 0.5 * (1.0 + cos(3.14159265 * min(step / 100.0, 1.0)));","if (step < 5.0) { return 0.0 + 1.0 * (step + 1.0) / 5.0; }\n  return after_warm_up(step - 5.0);\n}\nfn after_warm_up(step: f32) -> f32 {\n  return 0.0 + 1.0 * 0.5 * (1.0 + cos(3.14159265 * min(step / 100.0, 1.0)));"]}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> losses: array<f32>;
@group(0) @binding(1) var<storage, read> base: array<f32>;
@group(0) @binding(2) var<storage, read> kinds: array<u32>;
@group(0) @binding(3) var<storage, read_write> steps: array<u32>;
@group(0) @binding(4) var<storage, read_write> stopped: array<u32>;
@group(0) @binding(5) var<storage, read_write> hyper: array<f32>;
struct Params { models: u32, lnBeta1: f32, lnBeta2: f32 }
var<immediate> P: Params;
fn s_expm1(x: f32) -> f32 {
  let small = x * (1.0 + x * (0.5 + x * (0.16666667 + x * (0.041666667 + x * (0.0083333333 + x * (0.0013888889 + x * (0.00019841270 + x * 0.000024801587)))))));
  return select(exp(x) - 1.0, small, abs(x) < f32(0.5));
}
fn schedule0(step: f32) -> f32 {
  if (step < 5.0) { return 0.0 + 1.0 * (step + 1.0) / 5.0; }
  return after_warm_up0_(step - 5.0);
}
fn after_warm_up0_(step: f32) -> f32 {
  if (step < 2.0) { return 0.0 + 1.0 * (step + 1.0) / 2.0; }
  return after_warm_up0__(step - 2.0);
}
fn after_warm_up0__(step: f32) -> f32 {
  return 0.0 + 1.0 * 0.5 * (1.0 + cos(3.14159265 * min(step / 100.0, 1.0)));
}
fn schedule1(step: f32) -> f32 {
  if (step < 5.0) { return 0.0 + 1.0 * (step + 1.0) / 5.0; }
  return after_warm_up1_(step - 5.0);
}
fn after_warm_up1_(step: f32) -> f32 {
  return 0.0 + 1.0 * 0.5 * (1.0 + cos(3.14159265 * min(step / 100.0, 1.0)));
}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let model = gid.x;
  if (model >= P.models) { return; }
  let step = steps[model];
  steps[model] = step + 1u;
  let finite = (bitcast<u32>(losses[model]) & 0x7f800000u) != 0x7f800000u;
  var stop = stopped[model];
  if (stop == 0u && !finite) {
    stop = step + 1u;
    stopped[model] = stop;
  }
  var factor = 1.0;
  switch (kinds[model]) {
    case 0u: { factor = schedule0(f32(step)); }
    case 1u: { factor = schedule1(f32(step)); }
    default: { }
  }
  let t = f32(step + 1u);
  let row = model * 4u;
  hyper[row + 0u] = select(-1.0, base[model] * factor, stop == 0u);
  hyper[row + 1u] = -s_expm1(max(t * P.lnBeta1, -80.0));
  hyper[row + 2u] = -s_expm1(max(t * P.lnBeta2, -80.0));
}
