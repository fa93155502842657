import { describe, expect, it } from 'vitest';
import { compile, mul, scope, type Tensor, tensor } from '../../src/index.js';
import { hostQr, multiply } from '../../src/linalg/host/index.js';
import { qr, qrTriangle } from '../../src/linalg/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';
import { distance, normals, orthogonalityError, withSingularValues } from './matrices.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });
const devices = () => [t.device, discrete.device];
const inputs = new Inputs('device QR');

async function read(x: Tensor): Promise<Float64Array> {
  const values = Float64Array.from(await x.data());
  x.dispose();
  return values;
}

/** QR of a batch [count, m, n], twice: the same bytes. Every matrix must have what the definition says, to `tolerance`. */
async function checkQr(a: Float64Array, shape: readonly number[], tolerance = 1e-5, on = devices()) {
  const [m, n] = shape.slice(-2);
  const k = Math.min(m, n);
  const count = shape.slice(0, -2).reduce((x, y) => x * y, 1);
  const rounded = Float32Array.from(a);
  const results: { q: Float64Array; r: Float64Array }[] = [];
  for (const device of on) {
    const run = () => scope(() => qr(tensor(device, rounded, { shape })));
    const [first, second] = [run(), run()];
    expect(first.q.shape).toEqual([...shape.slice(0, -2), m, k]);
    expect(first.r.shape).toEqual([...shape.slice(0, -2), k, n]);
    const result = { q: await read(first.q), r: await read(first.r) };
    expect(await read(second.q), 'same bytes twice').toEqual(result.q);
    expect(await read(second.r), 'same bytes twice').toEqual(result.r);
    for (let i = 0; i < count; i++) {
      const q = result.q.subarray(i * m * k, (i + 1) * m * k);
      const r = result.r.subarray(i * k * n, (i + 1) * k * n);
      const own = Float64Array.from(rounded.subarray(i * m * n, (i + 1) * m * n));
      const size = own.reduce((w, x) => Math.max(w, Math.abs(x)), 0);
      expect(orthogonalityError(q, m, k)).toBeLessThan(tolerance);
      expect(distance(multiply(q, r, m, k, n), own)).toBeLessThanOrEqual(tolerance * size);
      for (let row = 0; row < k; row++) {
        expect(r[row * n + row]).toBeGreaterThanOrEqual(0);
        for (let column = 0; column < row; column++) if (r[row * n + column] !== 0) expect.fail('R is not triangular');
      }
    }
    results.push(result);
  }
  return results;
}

describe(`qr (seed ${SEED})`, () => {
  it.each([
    [1, 1],
    [7, 1],
    [1, 7],
    [16, 16],
    [17, 15],
    [33, 33],
    [20, 61],
    [257, 16],
    [300, 70],
  ])('agrees with float64 on a random %i x %i matrix', async (m, n) => {
    const a = normals(inputs, m * n).map(Math.fround);
    const host = hostQr(a, m, n);
    // Factors move by the condition of a times the rounding error; square ones can be ill-conditioned.
    const rtol = m === n && m > 1 ? 1e-2 : 1e-4;
    for (const { q, r } of await checkQr(a, [m, n])) {
      expectClose(q, host.q, { rtol, what: 'q' });
      expectClose(r, host.r, { rtol, what: 'r' });
    }
  });

  it('takes leading axes, and nothing at all', async () => {
    await checkQr(normals(inputs, 2 * 3 * 19 * 18), [2, 3, 19, 18]);
    await checkQr(normals(inputs, 70 * 5 * 3), [70, 5, 3]);
    for (const shape of [
      [0, 3],
      [3, 0],
      [0, 4, 4],
    ])
      await checkQr(new Float64Array(0), shape);
  });

  it('runs trees of three levels, and more workgroups than one grid dimension holds', async () => {
    await checkQr(normals(inputs, 2100 * 5), [2100, 5], 1e-5, [discrete.device]);
    await checkQr(normals(inputs, 4200 * 20), [4200, 20], 1e-5, [t.device]);
    await checkQr(normals(inputs, 66_000 * 2), [66_000, 2, 1], 1e-5, [t.device]);
  });

  it('keeps q orthonormal at condition 1e6, with dependent and zero columns, and of all zeros', async () => {
    const s = Array.from({ length: 40 }, (_, i) => 10 ** ((-6 * i) / 39));
    await checkQr(withSingularValues(inputs, 300, 40, s), [300, 40]);
    await checkQr(withSingularValues(inputs, 40, 40, s), [40, 40]);
    await checkQr(withSingularValues(inputs, 60, 50, [3, 2, 1]), [60, 50]);
    const a = normals(inputs, 90 * 35);
    for (let i = 0; i < 90; i++) {
      a[i * 35] = 0;
      a[i * 35 + 20] = a[i * 35 + 3];
      a[i * 35 + 34] = a[i * 35 + 5] - a[i * 35 + 6];
    }
    await checkQr(a, [90, 35]);
    for (const { q, r } of await checkQr(new Float64Array(60), [20, 3])) {
      expect(r).toEqual(new Float64Array(9));
      expect(q.filter((x) => x === 1)).toHaveLength(3);
    }
  });

  it('gives the identity back exactly, and works to the ends of the range', async () => {
    const identity = Float64Array.from({ length: 400 }, (_, i) => (i % 21 === 0 ? 1 : 0));
    for (const { q, r } of await checkQr(identity, [20, 20])) expect([q, r]).toEqual([identity, identity]);
    const a = normals(inputs, 40 * 6);
    for (const scale of [1e37, 1e20, 1e-20, 1e-36]) {
      await checkQr(
        a.map((x) => x * scale),
        [40, 6],
      );
    }
    const mixed = Float64Array.from([...a, ...a.map((x) => x * 1e30), ...a.map((x) => x * 1e-30)]);
    await checkQr(mixed, [3, 40, 6]);
  });

  it('spreads NaN over its own matrix only', async () => {
    const a = Float32Array.from(normals(inputs, 2 * 30 * 5));
    a[30 * 5 + 17] = Number.NaN;
    const { q, r } = scope(() => qr(tensor(t.device, a, { shape: [2, 30, 5] })));
    const values = await read(q);
    expect(values.subarray(0, 150).some(Number.isNaN)).toBe(false);
    expect(values.subarray(150).some(Number.isNaN)).toBe(true);
    expect((await read(r)).subarray(25).some(Number.isNaN)).toBe(true);
  });

  it.each([
    ['tall', [2, 6, 3]],
    ['square', [4, 4]],
    ['wide', [3, 5]],
  ])('has gradients of both orders (%s)', async (name, shape) => {
    const [m, n] = shape.slice(-2);
    const k = Math.min(m, n);
    // A dominant diagonal keeps the matrix, and with it the derivatives' scale, well-conditioned.
    const x = inputs.uniform(shape.reduce((p, d) => p * d, 1)).map((v, at) => {
      const place = at % (m * n);
      return Math.floor(place / n) === place % n ? 2 + v : v;
    });
    const host = (part: 'q' | 'r') => (a: Float64Array) => {
      const out: number[] = [];
      for (let at = 0; at < a.length; at += m * n) out.push(...hostQr(a.slice(at, at + m * n), m, n)[part]);
      return out;
    };
    const common = { device: t.device, shapes: [shape], values: [x] };
    await checkGradients({ ...common, f: (a) => qr(a).q, host: host('q'), name: `qr q ${name}` });
    await checkGradients({ ...common, f: (a) => qr(a).r, host: host('r'), name: `qr r ${name}` });
    if (name !== 'square') return;
    const both = (a: Float64Array) => {
      const { q, r } = hostQr(a, m, n);
      return q.map((v, i) => v * r[i] * (k > 0 ? 1 : 0));
    };
    const product = (a: Tensor) => {
      const { q, r } = qr(a);
      return mul(q, r);
    };
    await checkGradients({ ...common, f: product, host: both, name: 'qr q and r' });
  });

  it('finds r alone', async () => {
    const a = tensor(t.device, Float32Array.from(normals(inputs, 2 * 300 * 20)), { shape: [2, 300, 20] });
    const { q, r } = qr(a);
    expect(await read(qrTriangle(a))).toEqual(await read(r));
    for (const owned of [q, a]) owned.dispose();
    await checkGradients({
      device: t.device,
      f: (x) => qrTriangle(x),
      host: (x) => hostQr(x, 2, 2).r,
      shapes: [[2, 2]],
      values: [Float32Array.of(2, 1, -1, 3)],
      name: 'r alone',
    });
  });

  it('replays inside a compiled step', async () => {
    const a = tensor(t.device, Float32Array.from(normals(inputs, 300 * 20)), { shape: [300, 20] });
    const plain = scope(() => qr(a));
    const step = compile(t.device, (x: Tensor) => qr(x));
    for (let i = 0; i < 4; i++) {
      const { q, r } = step(a);
      expect(await read(q)).toEqual(Float64Array.from(await plain.q.data()));
      expect(await read(r)).toEqual(Float64Array.from(await plain.r.data()));
    }
    for (const owned of [step, a, plain.q, plain.r]) owned.dispose();
  });

  it('refuses what is not a matrix of f32', () => {
    const vector = tensor(t.device, [1, 2]);
    const whole = tensor(t.device, Int32Array.of(1, 2), { shape: [1, 2] });
    expect(() => qr(vector)).toThrow('qr: expected a of rank >= 2, got [2]');
    expect(() => qr(whole)).toThrow('qr: expected a of dtype f32, got i32');
    vector.dispose();
    whole.dispose();
    expect(() => qr(vector)).toThrow('disposed');
  });
});
