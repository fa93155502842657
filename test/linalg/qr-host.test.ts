import { describe, expect, test } from 'vitest';
import {
  hostCholesky,
  hostLstsq,
  hostPinv,
  hostQr,
  hostSolve,
  hostTriangularSolve,
  identity,
  multiply,
  transpose,
} from '../../src/linalg/host/index.js';
import { Inputs } from '../support/random.js';
import { distance, normals, orthogonalityError, withSingularValues } from './matrices.js';

const inputs = new Inputs('host QR, Cholesky and solves');

/** Factors satisfy the definition, with and without pivoting; returns the pivoted diagonal. */
function checkQr(a: Float64Array, m: number, n: number): number[] {
  const k = Math.min(m, n);
  let diagonal: number[] = [];
  for (const pivot of [false, true]) {
    const { q, r, order } = hostQr(a, m, n, { pivot });
    expect([q.length, r.length, order.length]).toEqual([m * k, k * n, n]);
    expect(orthogonalityError(q, m, k)).toBeLessThan(1e-13);
    const permuted = Float64Array.from(a, (_, at) => a[at - (at % n) + order[at % n]]);
    expect(distance(multiply(q, r, m, k, n), permuted)).toBeLessThanOrEqual(
      1e-13 * (1 + Math.max(0, ...a.map(Math.abs))),
    );
    diagonal = Array.from({ length: k }, (_, i) => r[i * n + i]);
    for (let i = 0; i < k; i++) {
      expect(diagonal[i]).toBeGreaterThanOrEqual(0);
      for (let j = 0; j < i; j++) expect(r[i * n + j]).toBe(0);
    }
    if (pivot) expect([...order].sort((x, y) => x - y)).toEqual(Array.from({ length: n }, (_, j) => j));
    else expect(order[n - 1] ?? n - 1).toBe(n - 1);
  }
  for (let i = 1; i < k; i++) expect(diagonal[i]).toBeLessThanOrEqual(diagonal[i - 1] * (1 + 1e-12) + 1e-13);
  return diagonal;
}

describe('hostQr', () => {
  test.each([
    [1, 1],
    [7, 1],
    [1, 7],
    [23, 23],
    [40, 17],
    [17, 40],
    [0, 3],
    [3, 0],
  ])('factors a random %i x %i matrix', (m, n) => {
    checkQr(normals(inputs, m * n), m, n);
  });

  test('pivoting shows the rank of a matrix with dependent and zero columns', () => {
    const a = withSingularValues(inputs, 30, 12, [8, 4, 2, 1, 1]);
    for (let i = 0; i < 30; i++) a[i * 12 + 3] = 0;
    const diagonal = checkQr(a, 30, 12);
    expect(diagonal.filter((d) => d > 1e-12)).toHaveLength(5);
    checkQr(new Float64Array(12), 4, 3);
  });
});

describe('host solves', () => {
  test('Cholesky gives the triangle it was made of', () => {
    const l = normals(inputs, 49).map((v, at) =>
      at % 7 < Math.floor(at / 7) ? v : at % 8 === 0 ? 1 + Math.abs(v) : 0,
    );
    expect(distance(hostCholesky(multiply(l, transpose(l, 7, 7), 7, 7, 7), 7), l)).toBeLessThan(1e-12);
    expect(() => hostCholesky(Float64Array.of(1, 2, 2, 1), 2)).toThrow(
      'a positive definite matrix, got pivot -3 in row 1',
    );
  });

  test.each([true, false])('triangular systems in every form (lower %s)', (lower) => {
    for (const transA of [false, true]) {
      for (const unitDiagonal of [false, true]) {
        const a = normals(inputs, 36).map((v, at) => (at % 7 === 0 ? 2 + Math.abs(v) : v));
        const kept = a.map((v, at) => {
          const [i, j] = [Math.floor(at / 6), at % 6];
          return i === j ? (unitDiagonal ? 1 : v) : i > j === lower ? v : 0;
        });
        const x = normals(inputs, 18);
        const b = multiply(transA ? transpose(kept, 6, 6) : kept, x, 6, 6, 3);
        expect(distance(hostTriangularSolve(a, b, 6, 3, { lower, transA, unitDiagonal }), x)).toBeLessThan(1e-9);
      }
    }
  });

  test('square systems, least squares of least norm, and the four laws of the pseudo-inverse', () => {
    const a = normals(inputs, 25);
    const x = normals(inputs, 10);
    expect(distance(hostSolve(a, multiply(a, x, 5, 5, 2), 5, 2), x)).toBeLessThan(1e-9);
    expect(distance(multiply(a, hostPinv(a, 5, 5), 5, 5, 5), identity(5))).toBeLessThan(1e-9);
    const low = withSingularValues(inputs, 9, 6, [3, 2, 1]);
    const p = hostPinv(low, 9, 6);
    const lp = multiply(low, p, 9, 6, 9);
    const pl = multiply(p, low, 6, 9, 6);
    expect(distance(multiply(lp, low, 9, 9, 6), low)).toBeLessThan(1e-13);
    expect(distance(multiply(pl, p, 6, 6, 9), p)).toBeLessThan(1e-13);
    expect(distance(transpose(lp, 9, 9), lp)).toBeLessThan(1e-13);
    expect(distance(transpose(pl, 6, 6), pl)).toBeLessThan(1e-13);
    const b = normals(inputs, 18);
    expect(distance(hostLstsq(low, b, 9, 6, 2), multiply(p, b, 6, 9, 2))).toBe(0);
  });

  test('refuses arrays of other sizes, and singular triangles', () => {
    expect(() => hostQr(new Float64Array(5), 2, 3)).toThrow('hostQr: expected 2 x 3 values in an array, got 5 values');
    expect(() => hostTriangularSolve(Float64Array.of(1, 0, 1, 0), new Float64Array(2), 2, 1)).toThrow(
      'a diagonal without zeros, got 0 in row 1',
    );
    expect(() => hostCholesky(Float64Array.of(Number.NaN), 1)).toThrow('got NaN at row 0, column 0');
  });
});
