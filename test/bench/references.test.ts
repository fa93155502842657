import { describe, expect, test } from 'vitest';
import { correlatedActivations, referenceCka, referenceSvcca } from '../../bench/activations.js';
import { hostBlocks, placesOfBlocks } from '../../bench/blocks.js';
import { type ConvLayer, checkConvolution, shapesOf } from '../../bench/conv-reference.js';
import { checkQr, checkSvd } from '../../bench/factorisations.js';
import { dense, generated } from '../../bench/patterns.js';
import { checkSddmm } from '../../bench/sddmm.js';
import { checkKth } from '../../bench/selection.js';
import { checkCoefficients } from '../../bench/similarity.js';
import { placesOf } from '../../bench/sparse-convolutions.js';
import { hostSvd, hostSvdvals } from '../../src/linalg/host/svd.js';
import { Inputs } from '../support/random.js';

const inputs = new Inputs('bench references');

describe('products at the entries of a pattern', () => {
  const [m, k, n] = [9, 14, 5];
  const matrix = generated(m, k, 0.7, { kind: 'random' }, 3);
  const [x, y] = [inputs.uniform(m * n), inputs.uniform(k * n)];
  const whole = Float32Array.from({ length: m * k }, (_, i) => {
    let sum = 0;
    for (let q = 0; q < n; q++) sum += x[Math.floor(i / k) * n + q] * y[(i % k) * n + q];
    return sum;
  });
  const places = placesOf(matrix);
  const alone = () => Float32Array.from(places, (p) => whole[p]);
  const check = (result: Float32Array) => checkSddmm({ m, k, n, matrix, x, y }, result).error;

  test('are right alone and within the whole product', () => {
    expect(check(alone())).toBeLessThan(1e-6);
    expect(check(whole)).toBeLessThan(1e-6);
  });

  test('are wrong anywhere', () => {
    for (const at of [0, 7, places.length - 1]) {
      const wrong = alone();
      wrong[at] += 0.01;
      expect(check(wrong)).toBeGreaterThan(1e-5);
    }
    expect(check(alone().subarray(1))).toBeNaN();
    expect(check(alone().fill(Number.NaN))).toBeNaN();
  });
});

describe('gradients of some weights of a convolution', () => {
  const layer: ConvLayer = { name: '', images: 2, size: 5, channels: 4, out: 8, kernel: 3, stride: 1, pad: 1 };
  const [xShape, gShape, wShape] = shapesOf(layer, 'dw');
  const count = (shape: number[]) => shape.reduce((a, b) => a * b, 1);
  const [x, g] = [inputs.uniform(count(xShape)), inputs.uniform(count(gShape))];
  const whole = Float32Array.from({ length: count(wShape) }, (_, i) => {
    const [o, ky, kx, c] = [Math.floor(i / 36), Math.floor(i / 12) % 3, Math.floor(i / 4) % 3, i % 4];
    let sum = 0;
    for (let p = 0; p < 2 * 25; p++) {
      const [image, oy, ox] = [Math.floor(p / 25), Math.floor(p / 5) % 5, p % 5];
      const [iy, ix] = [oy + ky - 1, ox + kx - 1];
      if (iy >= 0 && iy < 5 && ix >= 0 && ix < 5) sum += x[((image * 5 + iy) * 5 + ix) * 4 + c] * g[p * 8 + o];
    }
    return sum;
  });
  const matrix = generated(8, 36, 0.5, { kind: 'block', block: 4 }, 3);
  const byRow = placesOf(matrix);
  const byBlock = placesOfBlocks(hostBlocks(matrix, new Float32Array(byRow.length).fill(1), 4));
  const check = (values: Float32Array, places: Uint32Array) =>
    checkConvolution(layer, 'dw', x, g, values, places).error;

  test('are right in the order of rows, of blocks, and within the whole', () => {
    expect([...byBlock].sort((a, b) => a - b)).toEqual([...byRow]);
    expect([...byBlock]).not.toEqual([...byRow]);
    for (const places of [byRow, byBlock]) {
      const alone = Float32Array.from(places, (p) => whole[p]);
      expect(check(alone, places)).toBeLessThan(1e-6);
      expect(check(whole, places)).toBeLessThan(1e-6);
      expect(check(alone, places === byRow ? byBlock : byRow)).toBeGreaterThan(1e-5);
    }
  });

  test('may be anything where the pattern has no entry', () => {
    const masked = dense(
      matrix,
      Float32Array.from(byRow, (p) => whole[p]),
    );
    expect(check(masked, byRow)).toBeLessThan(1e-6);
    expect(checkConvolution(layer, 'dw', x, g, masked).error).toBeGreaterThan(1e-5);
  });
});

describe('factors', () => {
  // A rotation by 0.3 of a diagonal matrix, twice in a batch.
  const [c, s] = [Math.cos(0.3), Math.sin(0.3)];
  const twice = (...x: number[]) => Float64Array.of(...x, ...x);
  const a = twice(3 * c, -2 * s, 3 * s, 2 * c);
  const size = { batch: 2, m: 2, n: 2 };
  const u = twice(c, -s, s, c);
  const eye = twice(1, 0, 0, 1);

  test('of singular value decompositions', () => {
    expect(checkSvd(a, u, twice(3, 2), eye, size).error).toBeLessThan(1e-12);
    const wrong: [Float64Array, Float64Array, Float64Array][] = [
      [u, twice(3, 1.999), eye],
      [twice(c, s, s, c), twice(3, 2), eye],
      [u, Float64Array.of(3, 2, 3, 2.001), eye],
      [u.map((x) => 2 * x), twice(1.5, 1), eye],
    ];
    for (const factors of wrong) expect(checkSvd(a, ...factors, size).error).toBeGreaterThan(1e-5);
    expect(checkSvd(a, u, twice(2, 3), eye, size).error).toBeNaN(); // rising
    expect(checkSvd(a, u.subarray(1), twice(3, 2), eye, size).error).toBeNaN();
  });

  test('of QR decompositions', () => {
    const r = twice(3, 0, 0, 2);
    expect(checkQr(a, u, r, size).error).toBeLessThan(1e-12);
    expect(checkQr(a, u, twice(3, 0.001, 0, 2), size).error).toBeGreaterThan(1e-5);
    expect(checkQr(a, a, eye, size).error).toBeGreaterThan(1e-5);
    expect(checkQr(a, u, r.subarray(1), size).error).toBeNaN();
  });
});

test('the k-th magnitude is exact', () => {
  const values = Float32Array.of(-3, 1, 2, -0.5);
  expect(checkKth(values, 2, 2).error).toBe(0);
  expect(checkKth(values, 1, 3).error).toBe(0);
  expect(checkKth(values, 2, 1.9999999).error).toBeGreaterThan(0);
  expect(checkKth(values, 2, Number.NaN).error).toBeNaN();
});

describe('similarity of layers', () => {
  const [n, p] = [300, 20];
  const [x, y] = correlatedActivations(n, p, 1);
  /** Orthonormal directions of the points that explain 99 % of a layer's variance, [n, kept]. */
  const points = (values: Float32Array) => {
    const mean = Array.from(
      { length: p },
      (_, j) => values.reduce((sum, v, i) => (i % p === j ? sum + v : sum), 0) / n,
    );
    const { u, s } = hostSvd(
      Float64Array.from(values, (v, i) => v - mean[i % p]),
      n,
      p,
    );
    const total = s.reduce((a, b) => a + b * b, 0);
    let kept = 0;
    for (let sum = 0; sum < 0.99 * total; kept++) sum += s[kept] ** 2;
    return { u, kept };
  };

  test('SVCCA from products is that from singular vectors', () => {
    const [a, b] = [points(x), points(y)];
    const cross = Float64Array.from({ length: a.kept * b.kept }, (_, at) => {
      const [i, j] = [Math.floor(at / b.kept), at % b.kept];
      let sum = 0;
      for (let q = 0; q < n; q++) sum += a.u[q * p + i] * b.u[q * p + j];
      return sum;
    });
    const expected = hostSvdvals(cross, a.kept, b.kept);
    const found = referenceSvcca(x, y, n, p, 0.99);
    expect(found.length).toBe(expected.length);
    for (const [i, rho] of found.entries()) expect(rho).toBeCloseTo(expected[i], 10);
    expect(referenceSvcca(x, x, n, p, 0.99).every((rho) => Math.abs(rho - 1) < 1e-10)).toBe(true);
  });

  test('coefficients are as many, and all right', () => {
    expect(checkCoefficients([0.5, 0.25], [0.5, 0.25001]).error).toBeCloseTo(1e-5, 12);
    expect(checkCoefficients([0.5], [0.5, 0.25]).error).toBeNaN();
    expect(checkCoefficients([0.5, Number.NaN], [0.5, 0.25]).error).toBeNaN();
  });

  test('CKA of a layer with itself is 1, whatever its scale, and less with another', () => {
    expect(referenceCka(x, x, n, p)).toBeCloseTo(1, 12);
    expect(
      referenceCka(
        x,
        x.map((v) => 4 * v),
        n,
        p,
      ),
    ).toBeCloseTo(1, 12);
    const between = referenceCka(x, y, n, p);
    expect(between).toBeGreaterThan(0);
    expect(between).toBeLessThan(0.999);
  });
});
