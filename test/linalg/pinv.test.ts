import { describe, expect, it } from 'vitest';
import { scope, type Tensor, tensor } from '../../src/index.js';
import { hostPinv, multiply, transpose } from '../../src/linalg/host/index.js';
import { lstsq, pinv } from '../../src/linalg/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';
import { distance, normals, withSingularValues } from './matrices.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });
const inputs = new Inputs('device pseudo-inverse');

async function read(x: Tensor): Promise<Float64Array> {
  const values = Float64Array.from(await x.data());
  x.dispose();
  return values;
}

describe(`pinv (seed ${SEED})`, () => {
  it.each([
    [1, 1, [2]],
    [6, 3, [3, 2, 1]],
    [3, 6, [3, 2, 1]],
    [40, 25, [5, 4, 4, 1]],
    [25, 40, [5, 4, 4, 1]],
    [20, 20, [1, 0.5, 0.1]],
  ])('a %i x %i matrix with singular values %j agrees with float64 and with the four laws', async (m, n, s) => {
    const a = withSingularValues(inputs, m, n, s).map(Math.fround);
    for (const device of [t.device, discrete.device]) {
      const run = () => scope(() => pinv(tensor(device, Float32Array.from(a), { shape: [m, n] })));
      const [first, second] = [run(), run()];
      expect(first.shape).toEqual([n, m]);
      const p = await read(first);
      expect(await read(second), 'same bytes twice').toEqual(p);
      expectClose(p, hostPinv(a, m, n, 1e-4), { rtol: 1e-4, what: 'p' });
      const ap = multiply(a, p, m, n, m);
      const pa = multiply(p, a, n, m, n);
      expect(distance(multiply(ap, a, m, m, n), a)).toBeLessThan(1e-4);
      expect(distance(multiply(pa, p, n, n, m), p)).toBeLessThan(1e-3);
      expect(distance(transpose(ap, m, m), ap)).toBeLessThan(1e-4);
      expect(distance(transpose(pa, n, n), pa)).toBeLessThan(1e-4);
    }
  });

  it('takes leading axes, zero matrices, nothing at all, and a cut of its own', async () => {
    const a = [withSingularValues(inputs, 5, 4, [4, 2, 1, 0.01]), new Float64Array(20)];
    const values = Float32Array.from([...a[0], ...a[1]]);
    const p = await read(scope(() => pinv(tensor(t.device, values, { shape: [2, 1, 5, 4] }), { rcond: 0.1 })));
    expectClose(p.subarray(0, 20), hostPinv(a[0], 5, 4, 0.1), { rtol: 1e-4, what: 'p' });
    expect(p.subarray(20)).toEqual(new Float64Array(20));
    const none = scope(() => pinv(tensor(t.device, new Float32Array(0), { shape: [0, 5, 4] })));
    expect(none.shape).toEqual([0, 4, 5]);
    none.dispose();
  });

  it('solves systems that lack rank with least norm', async () => {
    const a = withSingularValues(inputs, 30, 20, [3, 2, 1, 1]).map(Math.fround);
    const b = normals(inputs, 60);
    const x = await read(
      scope(() =>
        lstsq(
          tensor(t.device, Float32Array.from(a), { shape: [30, 20] }),
          tensor(t.device, Float32Array.from(b), { shape: [30, 2] }),
          { rcond: 1e-4 },
        ),
      ),
    );
    expectClose(x, multiply(hostPinv(a, 30, 20, 1e-4), b, 20, 30, 2), { rtol: 1e-4, what: 'x' });
  });

  it.each([
    ['tall', 5, 3, [2, 1.5, 1.5]],
    ['wide', 3, 5, [2, 1.5, 1.5]],
    ['square', 4, 4, [2, 1, 1, 0.8]],
  ])('has gradients of both orders, with equal singular values too (%s)', async (name, m, n, s) => {
    await checkGradients({
      device: t.device,
      f: (a) => pinv(a),
      host: (a) => hostPinv(a, m, n, 0),
      shapes: [[m, n]],
      values: [Float32Array.from(withSingularValues(inputs, m, n, s))],
      name: `pinv ${name}`,
    });
  });

  it('refuses what is not a matrix of f32, and a broken cut', () => {
    scope(() => {
      expect(() => pinv(tensor(t.device, [1, 2]))).toThrow('pinv: expected a of rank >= 2, got [2]');
      const a = tensor(t.device, [[1, 2]]);
      expect(() => pinv(a, { rcond: Number.NaN })).toThrow('pinv: expected rcond from 0 to 1, got NaN');
      expect(() => pinv(a, { rcond: -1 })).toThrow('pinv: expected rcond from 0 to 1, got -1');
    });
  });
});
