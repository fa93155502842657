import { expect } from 'vitest';
import { type Device, scope, type Tensor, tensor } from '../../src/index.js';
import { hostEigh, hostSvd } from '../../src/linalg/host/index.js';
import { eigh, eigvalsh, svd, svdvals } from '../../src/linalg/index.js';
import { distance, orthogonalityError, reconstructionError } from './matrices.js';

/** Checks of spectral decompositions on a device against what defines them and the float64 reference. */

/** What every result must hold to, relative to the largest singular value or eigenvalue. */
export const TOLERANCE = 1e-5;

export async function read(x: Tensor): Promise<Float64Array> {
  const values = Float64Array.from(await x.data());
  x.dispose();
  return values;
}

const sizeOf = (shape: readonly number[]) => shape.reduce((x, y) => x * y, 1);

/** The SVD of a batch, twice, with everything that it promises checked for every matrix; the first run's factors. */
export async function checkSvd(device: Device, a: ArrayLike<number>, shape: readonly number[]) {
  const rounded = Float32Array.from(a);
  const run = () => scope(() => svd(tensor(device, rounded, { shape })));
  const [first, second] = [run(), run()];
  const [m, n] = shape.slice(-2);
  const lead = shape.slice(0, -2);
  const r = Math.min(m, n);
  expect([first.u.shape, first.s.shape, first.v.shape]).toEqual([
    [...lead, m, r],
    [...lead, r],
    [...lead, n, r],
  ]);
  const whole = { u: await read(first.u), s: await read(first.s), v: await read(first.v) };
  for (const part of ['u', 's', 'v'] as const)
    expect(await read(second[part]), 'same bytes twice').toEqual(whole[part]);
  expect(await read(first.converged)).toEqual(new Float64Array(sizeOf(lead)).fill(1));
  second.converged.dispose();
  const alone = await read(scope(() => svdvals(tensor(device, rounded, { shape }))));
  for (let i = 0; i < sizeOf(lead); i++) {
    const part = (x: Float64Array, size: number) => x.subarray(i * size, (i + 1) * size);
    const own = Float64Array.from(rounded.subarray(i * m * n, (i + 1) * m * n));
    const [u, s, v] = [part(whole.u, m * r), part(whole.s, r), part(whole.v, n * r)];
    const expected = hostSvd(own, m, n).s;
    const allowed = TOLERANCE * (expected[0] ?? 0);
    expect(orthogonalityError(u, m, r)).toBeLessThan(TOLERANCE);
    expect(orthogonalityError(v, n, r)).toBeLessThan(TOLERANCE);
    expect(reconstructionError(own, u, s, v)).toBeLessThanOrEqual(allowed);
    expect(distance(s, expected)).toBeLessThanOrEqual(allowed);
    expect(distance(part(alone, r), expected)).toBeLessThanOrEqual(allowed);
    expectDescending(s);
    expectDescending(part(alone, r));
    expectPositiveGreatest(m < n ? u : v, r);
  }
  return whole;
}

/** The eigendecomposition of a batch of symmetric matrices, twice, likewise. */
export async function checkEigh(device: Device, a: ArrayLike<number>, shape: readonly number[]) {
  const rounded = Float32Array.from(a);
  const run = () => scope(() => eigh(tensor(device, rounded, { shape })));
  const [first, second] = [run(), run()];
  const n = shape[shape.length - 1];
  const lead = shape.slice(0, -2);
  expect([first.values.shape, first.vectors.shape]).toEqual([shape.slice(0, -1), shape]);
  const whole = { values: await read(first.values), vectors: await read(first.vectors) };
  expect(await read(second.values), 'same bytes twice').toEqual(whole.values);
  expect(await read(second.vectors), 'same bytes twice').toEqual(whole.vectors);
  expect(await read(first.converged)).toEqual(new Float64Array(sizeOf(lead)).fill(1));
  second.converged.dispose();
  const alone = await read(scope(() => eigvalsh(tensor(device, rounded, { shape }))));
  for (let i = 0; i < sizeOf(lead); i++) {
    const part = (x: Float64Array, size: number) => x.subarray(i * size, (i + 1) * size);
    const own = Float64Array.from(rounded.subarray(i * n * n, (i + 1) * n * n));
    const [w, q] = [part(whole.values, n), part(whole.vectors, n * n)];
    const expected = hostEigh(own, n).values;
    const allowed = TOLERANCE * Math.max(0, ...expected.map(Math.abs));
    expect(orthogonalityError(q, n, n)).toBeLessThan(TOLERANCE);
    expect(reconstructionError(own, q, w, q)).toBeLessThanOrEqual(allowed);
    expect(distance(w, expected)).toBeLessThanOrEqual(allowed);
    expect(distance(part(alone, n), expected)).toBeLessThanOrEqual(allowed);
    expectDescending(w.toReversed());
    expectPositiveGreatest(q, n);
  }
  return whole;
}

function expectDescending(s: Float64Array): void {
  for (let i = 1; i < s.length; i++) expect(s[i]).toBeLessThanOrEqual(s[i - 1]);
}

/** In every column of x [rows, columns] the entry of greatest magnitude is positive. */
function expectPositiveGreatest(x: Float64Array, columns: number): void {
  for (let j = 0; j < columns; j++) {
    const column = x.filter((_, i) => i % columns === j);
    expect(Math.max(...column)).toBe(Math.max(...column.map(Math.abs)));
  }
}
