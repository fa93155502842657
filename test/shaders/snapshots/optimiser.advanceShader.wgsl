// advanceShader {"schedule":"if (step < 5.0) { return 0.0 + 1.0 * (step + 1.0) / 5.0; }\n  return after_warm_up(step - 5.0);\n}\nfn after_warm_up(step: f32) -> f32 {\n  return 0.0 + 1.0 * 0.5 * (1.0 + cos(3.14159265 * min(step / 100.0, 1.0)));"}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read_write> steps: array<u32>;
@group(0) @binding(1) var<storage, read_write> hyper: array<f32>;
@group(0) @binding(2) var<storage, read> base: array<f32>;
struct Params { lnBeta1: f32, lnBeta2: f32 }
var<immediate> P: Params;
fn s_expm1(x: f32) -> f32 {
  let small = x * (1.0 + x * (0.5 + x * (0.16666667 + x * (0.041666667 + x * (0.0083333333 + x * (0.0013888889 + x * (0.00019841270 + x * 0.000024801587)))))));
  return select(exp(x) - 1.0, small, abs(x) < f32(0.5));
}
fn schedule(step: f32) -> f32 {
  if (step < 5.0) { return 0.0 + 1.0 * (step + 1.0) / 5.0; }
  return after_warm_up(step - 5.0);
}
fn after_warm_up(step: f32) -> f32 {
  return 0.0 + 1.0 * 0.5 * (1.0 + cos(3.14159265 * min(step / 100.0, 1.0)));
}
@compute @workgroup_size(1)
fn main() {
  let step = steps[0];
  steps[0] = step + 1u;
  hyper[0] = base[0] * schedule(f32(step));
  let t = f32(step + 1u);
  hyper[1] = -s_expm1(max(t * P.lnBeta1, -80.0));
  hyper[2] = -s_expm1(max(t * P.lnBeta2, -80.0));
}
