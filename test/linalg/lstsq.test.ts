import { describe, expect, it } from 'vitest';
import { scope, type Tensor, tensor } from '../../src/index.js';
import { hostLstsq, hostSolve, multiply, transpose } from '../../src/linalg/host/index.js';
import { lstsq, solve } from '../../src/linalg/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';
import { distance, normals, withSingularValues } from './matrices.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });
const inputs = new Inputs('device least squares');

async function read(x: Tensor): Promise<Float64Array> {
  const values = Float64Array.from(await x.data());
  x.dispose();
  return values;
}

/** Singular values from 1 down to 1 / condition, evenly in the logarithm. */
const spread = (n: number, condition: number) =>
  Array.from({ length: n }, (_, i) => condition ** (-i / Math.max(1, n - 1)));

const conditioned = (m: number, n: number, condition: number) =>
  withSingularValues(inputs, m, n, spread(Math.min(m, n), condition)).map(Math.fround);

describe(`lstsq and solve (seed ${SEED})`, () => {
  it.each([
    [1, 1, 1],
    [9, 4, 3],
    [4, 9, 3],
    [150, 40, 5],
    [40, 150, 5],
    [50, 50, 1],
  ])('a %i x %i system of %i right-hand sides agrees with float64', async (m, n, k) => {
    const a = conditioned(m, n, 50);
    const b = normals(inputs, m * k);
    for (const device of [t.device, discrete.device]) {
      const x = await read(
        scope(() =>
          lstsq(
            tensor(device, Float32Array.from(a), { shape: [m, n] }),
            tensor(device, Float32Array.from(b), { shape: [m, k] }),
          ),
        ),
      );
      expectClose(x, hostLstsq(a, b, m, n, k), { rtol: 3e-4, what: 'x' });
    }
  });

  it('leaves a residual of rounding size, whatever the condition', async () => {
    const n = 60;
    for (const condition of [1e2, 1e4, 1e6]) {
      const a = conditioned(n, n, condition);
      const b = normals(inputs, n * 2).map(Math.fround);
      const x = await read(
        scope(() =>
          solve(
            tensor(t.device, Float32Array.from(a), { shape: [n, n] }),
            tensor(t.device, Float32Array.from(b), { shape: [n, 2] }),
          ),
        ),
      );
      const size = x.reduce((w, v) => Math.max(w, Math.abs(v)), 0);
      expect(distance(multiply(a, x, n, n, 2), b)).toBeLessThan(1e-5 * (size + 1));
    }
  });

  it('broadcasts leading axes', async () => {
    const a = [conditioned(6, 6, 5), conditioned(6, 6, 5)];
    const b = normals(inputs, 12);
    const x = await read(
      scope(() =>
        solve(
          tensor(t.device, Float32Array.from([...a[0], ...a[1]]), { shape: [2, 6, 6] }),
          tensor(t.device, Float32Array.from(b), { shape: [6, 2] }),
        ),
      ),
    );
    expectClose(x, [...hostSolve(a[0], b, 6, 2), ...hostSolve(a[1], b, 6, 2)], { rtol: 1e-4, what: 'x' });
  });

  it.each([
    ['tall', 6, 3],
    ['wide', 3, 6],
    ['square', 4, 4],
  ])('has gradients of both orders (%s)', async (name, m, n) => {
    await checkGradients({
      device: t.device,
      f: (a, b) => lstsq(a, b),
      // The normal equations of a well-conditioned system: differences need more digits than an SVD's rank decision.
      host: (a, b) => {
        const at = transpose(a, m, n);
        return m >= n
          ? hostSolve(multiply(at, a, n, m, n), multiply(at, b, n, m, 2), n, 2)
          : multiply(at, hostSolve(multiply(a, at, m, n, m), b, m, 2), n, m, 2);
      },
      shapes: [
        [m, n],
        [m, 2],
      ],
      values: [Float32Array.from(conditioned(m, n, 2)), inputs.uniform(m * 2)],
      name: `lstsq ${name}`,
    });
  });

  it('refuses shapes that do not fit', () => {
    scope(() => {
      const a = tensor(t.device, new Float32Array(6), { shape: [3, 2] });
      const b = tensor(t.device, new Float32Array(2), { shape: [2, 1] });
      expect(() => lstsq(a, b)).toThrow('lstsq: expected b with the 3 rows of a, got [2, 1]');
      expect(() => solve(a, b)).toThrow('solve: expected square matrices a, got [3, 2]');
      const none = tensor(t.device, new Float32Array(0), { shape: [0, 2] });
      expect(() => lstsq(none, none)).toThrow('lstsq: expected matrices a with rows and columns, got [0, 2]');
      expect(() => lstsq(tensor(t.device, [1]), b)).toThrow('lstsq: expected a of rank >= 2, got [1]');
    });
  });
});
