/**
 * Householder reflectors H = I - beta v vᵀ on a strided run of a flat array: element i is at start + i step.
 */

/** A run of `length` elements of an array. */
export interface Run {
  start: number;
  step: number;
  length: number;
}

/**
 * Overwrites x with v and returns beta and the value alpha that H x leaves in its first place (zeros elsewhere).
 * beta is 0, and H the identity, where x is zero below its first element.
 */
export function makeReflector(a: Float64Array, { start, step, length }: Run): { beta: number; alpha: number } {
  let scale = 0;
  for (let i = 1; i < length; i++) scale = Math.max(scale, Math.abs(a[start + i * step]));
  const first = a[start];
  if (scale === 0) return { beta: 0, alpha: first };
  scale = Math.max(scale, Math.abs(first));
  let squares = 0;
  for (let i = 0; i < length; i++) squares += (a[start + i * step] /= scale) ** 2;
  const norm = Math.sqrt(squares);
  // The sign that adds to the first element: no cancellation.
  const alpha = first > 0 ? -norm : norm;
  const v0 = a[start] - alpha;
  a[start] = v0;
  return { beta: -1 / (alpha * v0), alpha: alpha * scale };
}

/** x <- H x, with v and x unit-step runs of `length` elements. */
export function reflect(
  v: Float64Array,
  vStart: number,
  beta: number,
  x: Float64Array,
  xStart: number,
  length: number,
) {
  let dot = 0;
  for (let i = 0; i < length; i++) dot += v[vStart + i] * x[xStart + i];
  const f = beta * dot;
  for (let i = 0; i < length; i++) x[xStart + i] -= f * v[vStart + i];
}
