import { describe, expect, test } from 'vitest';
import {
  hostEigh,
  hostSvd,
  hostSvdvals,
  identity,
  multiply,
  scaleColumns,
  transpose,
} from '../../src/linalg/host/index.js';
import { Inputs } from '../support/random.js';
import {
  distance,
  normals,
  orthogonalityError,
  orthonormal,
  reconstructionError,
  withSingularValues,
} from './matrices.js';

const inputs = new Inputs('host linear algebra');

describe('matrix helpers', () => {
  test('multiply and transpose are those of the definition', () => {
    const a = Float64Array.of(1, 2, 3, 4, 5, 6);
    expect(transpose(a, 2, 3)).toEqual(Float64Array.of(1, 4, 2, 5, 3, 6));
    expect(multiply(a, transpose(a, 2, 3), 2, 3, 2)).toEqual(Float64Array.of(14, 32, 32, 77));
    expect(scaleColumns(a, [1, 0, -1], 2)).toEqual(Float64Array.of(1, 0, -3, 4, 0, -6));
    expect(multiply(identity(2), a, 2, 2, 3)).toEqual(a);
  });
});

function checkSvd(a: Float64Array, m: number, n: number): Float64Array {
  const { u, s, v } = hostSvd(a, m, n);
  const r = Math.min(m, n);
  expect([u.length, s.length, v.length]).toEqual([m * r, r, n * r]);
  expect(orthogonalityError(u, m, r)).toBeLessThan(1e-12);
  expect(orthogonalityError(v, n, r)).toBeLessThan(1e-12);
  expect(reconstructionError(a, u, s, v)).toBeLessThanOrEqual(1e-13 * (s[0] ?? 0));
  for (let i = 1; i < r; i++) expect(s[i]).toBeLessThanOrEqual(s[i - 1]);
  expect(distance(hostSvdvals(a, m, n), s)).toBeLessThanOrEqual(1e-13 * (s[0] ?? 0));
  return s;
}

describe('hostSvd', () => {
  test.each([
    [1, 1],
    [2, 2],
    [7, 1],
    [1, 7],
    [5, 3],
    [3, 5],
    [61, 40],
    [40, 97],
    [0, 3],
    [3, 0],
  ])('factors a random %i x %i matrix', (m, n) => {
    checkSvd(normals(inputs, m * n), m, n);
  });

  test('finds given singular values, to the rounding of the largest', () => {
    const s = Array.from({ length: 20 }, (_, i) => 10 ** (3 - i / 2));
    expect(distance(checkSvd(withSingularValues(inputs, 50, 20, s), 50, 20), s)).toBeLessThan(1e-12 * s[0]);
    const equal = [5, 5, 5, 2, 2, 0, 0];
    expect(distance(checkSvd(withSingularValues(inputs, 9, 7, equal), 9, 7), equal)).toBeLessThan(1e-14);
  });

  test('zero and repeated columns leave orthonormal factors', () => {
    const a = normals(inputs, 30 * 12);
    for (let i = 0; i < 30; i++) {
      a[i * 12 + 2] = 0;
      a[i * 12 + 5] = a[i * 12 + 4];
      a[i * 12 + 11] = a[i * 12] - a[i * 12 + 1];
    }
    const s = checkSvd(a, 30, 12);
    expect(s[8]).toBeGreaterThan(0.1);
    for (const i of [9, 10, 11]) expect(s[i]).toBeLessThan(1e-14 * s[0]);
    expect(checkSvd(new Float64Array(12), 4, 3)).toEqual(new Float64Array(3));
  });

  test('bidiagonal matrices with zeros on the diagonal, and the ends of the range', () => {
    const b = new Float64Array(100);
    for (let i = 0; i < 10; i++) {
      b[i * 11] = i % 3;
      if (i < 9) b[i * 11 + 1] = 1;
    }
    checkSvd(b, 10, 10);
    checkSvd(
      normals(inputs, 60).map((x) => x * 1e300),
      10,
      6,
    );
    checkSvd(
      normals(inputs, 60).map((x) => x * 1e-300),
      10,
      6,
    );
  });

  test('the greatest entry of every vector of the shorter side is positive', () => {
    const tall = hostSvd(normals(inputs, 54), 9, 6).v;
    const wide = hostSvd(normals(inputs, 54), 6, 9).u;
    for (const short of [tall, wide]) {
      for (let j = 0; j < 6; j++) {
        const column = Array.from({ length: 6 }, (_, i) => short[i * 6 + j]);
        expect(Math.max(...column)).toBe(Math.max(...column.map(Math.abs)));
      }
    }
  });

  test('refuses what is not a matrix of numbers', () => {
    expect(() => hostSvd(new Float64Array(5), 2, 3)).toThrow(
      'hostSvd: expected 2 x 3 values in an array, got 5 values',
    );
    const bad = Float64Array.of(1, 2, 3, Number.NaN);
    expect(() => hostSvd(bad, 2, 2)).toThrow('hostSvd: expected finite numbers, got NaN at row 1, column 1');
    expect(() => hostSvdvals(bad, 2, 2)).toThrow('hostSvdvals: expected finite numbers, got NaN at row 1, column 1');
  });
});

function checkEigh(a: Float64Array, n: number): Float64Array {
  const { values, vectors } = hostEigh(a, n);
  const size = a.reduce((w, x) => Math.max(w, Math.abs(x)), 0);
  expect(orthogonalityError(vectors, n, n)).toBeLessThan(1e-12);
  expect(reconstructionError(a, vectors, values, vectors)).toBeLessThanOrEqual(1e-13 * n * size);
  for (let i = 1; i < n; i++) expect(values[i]).toBeGreaterThanOrEqual(values[i - 1]);
  return values;
}

describe('hostEigh', () => {
  test.each([0, 1, 2, 3, 10, 67])('factors a random symmetric matrix of %i rows', (n) => {
    const x = normals(inputs, n * n);
    checkEigh(
      x.map((v, i) => v + transpose(x, n, n)[i]),
      n,
    );
  });

  test('finds given eigenvalues, repeated and zero ones too', () => {
    const w = [-3, -3, -1e-6, 0, 0, 0.5, 2, 2, 1e4];
    const q = orthonormal(inputs, 9, 9);
    const a = multiply(scaleColumns(q, w, 9), transpose(q, 9, 9), 9, 9, 9);
    expect(distance(checkEigh(a, 9), w)).toBeLessThan(1e-14 * 9 * 1e4);
    expect(checkEigh(identity(6), 6)).toEqual(new Float64Array(6).fill(1));
    expect(checkEigh(new Float64Array(16), 4)).toEqual(new Float64Array(4));
  });

  test('the path graph has eigenvalues 2 cos(k pi / 7)', () => {
    const a = new Float64Array(36);
    for (let i = 0; i < 5; i++) a[i * 7 + 1] = a[i * 7 + 6] = 1;
    const expected = Array.from({ length: 6 }, (_, k) => 2 * Math.cos(((6 - k) * Math.PI) / 7));
    expect(distance(checkEigh(a, 6), expected)).toBeLessThan(1e-14);
  });

  test('refuses what is not a square matrix of numbers', () => {
    expect(() => hostEigh(new Float64Array(6), 2)).toThrow('hostEigh: expected 2 x 2 values in an array, got 6 values');
    expect(() => hostEigh(Float64Array.of(1, Number.POSITIVE_INFINITY, 0, 1), 2)).toThrow('got Infinity at row 0');
  });
});
