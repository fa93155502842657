import { SEED } from './random.js';

/**
 * Asserts |actual - expected| <= atol + rtol * scale for every element, scale being the largest |expected| unless
 * `each` asks for its own. NaN equals only NaN, infinities only themselves.
 * On failure the message shows the worst element, the share of the tolerance used, and the seed.
 */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  {
    rtol = 1e-5,
    atol = 1e-7,
    each = false,
    what = 'values',
  }: { rtol?: number; atol?: number; each?: boolean; what?: string } = {},
): void {
  if (actual.length !== expected.length)
    throw new Error(`${what}: expected ${expected.length} elements, got ${actual.length}`);
  let scale = 0;
  for (let i = 0; i < expected.length; i++)
    if (Number.isFinite(expected[i])) scale = Math.max(scale, Math.abs(expected[i]));
  let worst = 0;
  let at = -1;
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i];
    const e = expected[i];
    if (Object.is(a, e) || a === e || (Number.isNaN(a) && Number.isNaN(e))) continue;
    const allowed = atol + rtol * (each ? Math.abs(e) : scale);
    const used = Number.isFinite(a) && Number.isFinite(e) ? Math.abs(a - e) / allowed : Number.POSITIVE_INFINITY;
    if (used > worst) {
      worst = used;
      at = i;
    }
  }
  if (worst > 1) {
    throw new Error(
      `${what}: element ${at} of ${expected.length} is ${actual[at]}, expected ${expected[at]}; ${worst.toPrecision(3)} times the tolerance (seed ${SEED})`,
    );
  }
}
