/** Float64 versions of functions that JavaScript lacks. */

/** Error function to about 1e-15: Maclaurin series below 2.5, continued fraction of erfc above. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 80; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
      if (Math.abs(term) < 1e-18 * Math.abs(sum)) break;
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let f = 0;
  for (let k = 80; k >= 1; k--) f = k / 2 / (a + f);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + f)));
}

export const expm1Series = Math.expm1;

/** Remainder with the divisor's sign, as `a - floor(a / b) * b`. */
export const fmod = (a: number, b: number): number => a - Math.floor(a / b) * b;

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);
/** Bits of a number rounded to float32. */
export function toFloat32Bits(x: number): number {
  f32[0] = x;
  return u32[0];
}
