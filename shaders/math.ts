/**
 * Helper functions of the expression language, written for f32 or vec4f by their type `T`.
 * Each is accurate to a few ulp over the whole range, which the plain formulas are not: near zero 1 - 2 / (e^2x + 1)
 * and log(1 + x) lose all relative accuracy, and WGSL's pow is undefined for negative bases.
 */
const HELPERS: Record<string, (T: string, B: string) => string> = {
  // By e^(-2|x|), which never overflows; the odd series near zero, where 1 - t cancels.
  tanh: (T) => `fn s_tanh(x: ${T}) -> ${T} {
  let q = x * x;
  let small = x * (1.0 - q * (0.33333333 - q * (0.13333333 - q * (0.053968254 - q * (0.021869488 - q * (0.0088632355 - q * 0.0035921280))))));
  let t = exp(-2.0 * abs(x));
  let large = sign(x) * ((1.0 - t) / (1.0 + t));
  return select(large, small, q < ${T}(0.16));
}`,
  sigmoid: (T) => `fn s_sigmoid(x: ${T}) -> ${T} {
  let t = exp(-abs(x));
  return select(t, ${T}(1.0), x >= ${T}(0.0)) / (1.0 + t);
}`,
  // 2 artanh(x / (2 + x)) near zero.
  log1p: (T) => `fn s_log1p(x: ${T}) -> ${T} {
  let s = x / (2.0 + x);
  let q = s * s;
  let small = 2.0 * s * (1.0 + q * (0.33333333 + q * (0.2 + q * (0.14285714 + q * 0.11111111))));
  return select(log(1.0 + x), small, q < ${T}(0.04));
}`,
  // log(1 + t) for t in (0, 1] by the same series, which then needs no other branch.
  softplus: (T) => `fn s_softplus(x: ${T}) -> ${T} {
  let t = exp(-abs(x));
  let s = t / (2.0 + t);
  let q = s * s;
  let series = 1.0 + q * (0.33333333 + q * (0.2 + q * (0.14285714 + q * (0.11111111 + q * (0.090909091 + q * 0.076923077)))));
  return max(x, ${T}(0.0)) + 2.0 * s * series;
}`,
  expm1: (T) => `fn s_expm1(x: ${T}) -> ${T} {
  let small = x * (1.0 + x * (0.5 + x * (0.16666667 + x * (0.041666667 + x * (0.0083333333 + x * (0.0013888889 + x * (0.00019841270 + x * 0.000024801587)))))));
  return select(exp(x) - 1.0, small, abs(x) < ${T}(0.5));
}`,
  // Maclaurin series below 0.6; Abramowitz & Stegun 7.1.26 (error below 1.5e-7) above.
  erf: (T) => `fn s_erf(x: ${T}) -> ${T} {
  let q = x * x;
  let small = 1.1283792 * x * (1.0 - q * (0.33333333 - q * (0.1 - q * (0.023809524 - q * (0.0046296296 - q * (0.00075757576 - q * 0.00010683761))))));
  let a = abs(x);
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let large = sign(x) * (1.0 - p * exp(-a * a));
  return select(large, small, q < ${T}(0.36));
}`,
  // x^y for any base: the sign of a negative base follows the parity of a whole exponent; otherwise NaN, by bits.
  // Powers of 0 are spelled out, because drivers differ there.
  pow: (T, B) => `fn s_pow(x: ${T}, y: ${T}) -> ${T} {
  let magnitude = pow(abs(x), y);
  let whole = floor(y) == y;
  let odd = abs(y - 2.0 * floor(y * 0.5)) == ${T}(1.0);
  let negative = select(select(bitcast<${T}>(${B}(0x7fc00000u) | (bitcast<${B}>(x) & ${B}(0u))), magnitude, whole), -magnitude, whole & odd);
  let signed = select(magnitude, negative, x < ${T}(0.0));
  let ofZero = select(1.0 / abs(x), ${T}(0.0), y > ${T}(0.0));
  return select(select(signed, ofZero, x == ${T}(0.0)), ${T}(1.0), y == ${T}(0.0));
}`,
};

/** Sources of the helpers named, for four lanes or one. */
export function mathHelpers(names: readonly string[], lanes: 1 | 4): string {
  const [T, B] = lanes === 1 ? ['f32', 'u32'] : ['vec4f', 'vec4u'];
  return names.map((n) => HELPERS[n](T, B)).join('\n');
}
