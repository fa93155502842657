import { describe, expect, it } from 'vitest';
import { add, grad, matmul, mul, scope, slice, sum, type Tensor, tensor } from '../../src/index.js';
import { hostEigh, hostSvd, multiply, scaleColumns, transpose } from '../../src/linalg/host/index.js';
import { eigh, eigvalsh, nuclearNorm, spectralNorm, svd, svdvals } from '../../src/linalg/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';
import { orthonormal, withSingularValues } from './matrices.js';

const t = testDevice();
const inputs = new Inputs('spectral derivatives');
const rtol = 1e-3;

/** Draws until no column's sign hangs on a difference that a step of the check could turn round. */
function drawn(draw: () => Float64Array, shortSide: (a: Float64Array) => [vectors: Float64Array, columns: number]) {
  for (;;) {
    const a = draw();
    const [x, columns] = shortSide(a);
    const clear = Array.from({ length: columns }, (_, j) => {
      const [first, second] = Array.from(
        x.filter((_, k) => k % columns === j),
        Math.abs,
      ).sort((p, q) => q - p);
      return first - (second ?? 0) > 0.02;
    });
    if (clear.every(Boolean)) return Float32Array.from(a);
  }
}

const separated = (m: number, n: number): Float32Array =>
  drawn(
    () => withSingularValues(inputs, m, n, [3, 2.2, 1.5, 0.8].slice(0, Math.min(m, n))),
    (a) => [hostSvd(a, m, n)[m < n ? 'u' : 'v'], Math.min(m, n)],
  );

describe(`derivatives of svd (seed ${SEED})`, () => {
  for (const [m, n] of [
    [4, 4],
    [6, 3],
    [3, 5],
  ]) {
    for (const part of ['u', 's', 'v'] as const) {
      it(`${part} of ${m} x ${n}, to second order`, async () => {
        await checkGradients({
          device: t.device,
          f: (a) => svd(a)[part],
          host: (a) => hostSvd(a, m, n)[part],
          shapes: [[m, n]],
          values: [separated(m, n)],
          name: `${part} ${m} x ${n}`,
          rtol,
        });
      });
    }
  }

  it('nuclear and spectral norm and singular values of a batch, to second order', async () => {
    const values = Float32Array.from([...separated(5, 3), ...separated(5, 3)]);
    const each = (f: (s: Float64Array) => number[]) => (a: Float64Array) =>
      [a.subarray(0, 15), a.subarray(15)].flatMap((x) => f(hostSvd(x, 5, 3).s));
    const check = (name: string, f: (a: Tensor) => Tensor, host: (s: Float64Array) => number[]) =>
      checkGradients({ device: t.device, f, host: each(host), shapes: [[2, 5, 3]], values: [values], name, rtol });
    await check('nuclear norm', nuclearNorm, (s) => [s[0] + s[1] + s[2]]);
    await check('spectral norm', spectralNorm, (s) => [s[0]]);
    await check('singular values', svdvals, (s) => [...s]);
  });

  it('all three factors together give back the cotangent of their product', async () => {
    const c = inputs.normal(24);
    const da = await gradientOf(separated(6, 4), [6, 4], (a) => {
      const { u, s, v } = svd(a);
      return sum(mul(matmul(mul(u, s), v, { transB: true }), tensor(t.device, c, { shape: [6, 4] })));
    });
    expectClose(da, c, { rtol: 1e-4 });
  });

  it('tied singular values: exact for the values and for the space that vectors span', async () => {
    const a = Float32Array.from(withSingularValues(inputs, 5, 3, [2, 2, 1]));
    const { u, v } = hostSvd(Float64Array.from(a), 5, 3);
    const polar = multiply(u, transpose(v, 3, 3), 5, 3, 3);
    expectClose(await gradientOf(a, [5, 3], nuclearNorm), polar, { rtol: 1e-4 });
    await checkGradients({
      device: t.device,
      f: (x) => projector(svd(x).u),
      host: (x) => hostProjector(hostSvd(x, 5, 3).u, 5, 3),
      shapes: [[5, 3]],
      values: [a],
      name: 'tied u',
      order: 1,
      rtol,
    });
  });

  it('is finite for zero and rank-deficient matrices', async () => {
    const everything = (a: Tensor) => {
      const { u, s, v } = svd(a);
      return add(add(sum(u), sum(s)), sum(mul(v, v)));
    };
    for (const rank of [0, 2]) {
      const a = withSingularValues(
        inputs,
        6,
        4,
        [3, 1, 0, 0].map((s, i) => (i < rank ? s : 0)),
      );
      const da = await gradientOf(Float32Array.from(a), [6, 4], everything);
      expect(da.every(Number.isFinite)).toBe(true);
    }
    expect(await gradientOf(new Float32Array(0), [0, 4], (a) => sum(svdvals(a)))).toEqual(new Float32Array(0));
  });
});

describe(`derivatives of eigh (seed ${SEED})`, () => {
  const n = 4;
  /** Not symmetric, so that the gradient's symmetry shows. */
  const skewed = () =>
    drawn(
      () => withEigenvalues([-1.5, 0.2, 1, 2.5]).map((x, k) => x + (k === 1 ? 0.1 : 0)),
      (a) => [hostEigh(symmetricPart(a), n).vectors, n],
    );
  const symmetricPart = (a: Float64Array) => transpose(a, n, n).map((x, i) => (x + a[i]) / 2);

  for (const part of ['values', 'vectors'] as const) {
    it(`${part}, to second order`, async () => {
      await checkGradients({
        device: t.device,
        f: (a) => eigh(a)[part],
        host: (a) => hostEigh(symmetricPart(a), n)[part],
        shapes: [[n, n]],
        values: [skewed()],
        name: `eigh ${part}`,
        rtol,
      });
    });
  }

  it('values alone, tied ones too; and the space that tied vectors span', async () => {
    await checkGradients({
      device: t.device,
      f: (a) => eigvalsh(a),
      host: (a) => hostEigh(symmetricPart(a), n).values,
      shapes: [[n, n]],
      values: [skewed()],
      name: 'eigvalsh',
      rtol,
    });
    const tied = Float32Array.from(withEigenvalues([-1, -1, 1, 2]));
    const trace = await gradientOf(tied, [n, n], (a) => sum(eigvalsh(a)));
    expectClose(
      trace,
      Float64Array.from({ length: 16 }, (_, k) => (k % 5 === 0 ? 1 : 0)),
      { rtol: 1e-5 },
    );
    await checkGradients({
      device: t.device,
      f: (a) => projector(eigh(a).vectors),
      host: (a) => hostProjector(hostEigh(symmetricPart(a), n).vectors, n, n),
      shapes: [[n, n]],
      values: [tied],
      name: 'tied eigenvectors',
      order: 1,
      rtol,
    });
  });
});

/** x xᵀ of the first two columns of x. */
function projector(x: Tensor): Tensor {
  const two = slice(x, [], [null, 2]);
  return matmul(two, two, { transB: true });
}

function hostProjector(x: Float64Array, rows: number, columns: number): Float64Array {
  const two = x.filter((_, k) => k % columns < 2);
  return multiply(two, transpose(two, rows, 2), rows, 2, rows);
}

function withEigenvalues(w: readonly number[]): Float64Array {
  const n = w.length;
  const q = orthonormal(inputs, n, n);
  return multiply(scaleColumns(q, w, n), transpose(q, n, n), n, n, n);
}

async function gradientOf(
  values: Float32Array,
  shape: readonly number[],
  f: (a: Tensor) => Tensor,
): Promise<Float32Array> {
  const da = scope(() => {
    const a = tensor(t.device, values, { shape });
    a.requiresGrad = true;
    return grad(f(a), [a])[0];
  });
  const out = await da.data();
  da.dispose();
  return out as Float32Array;
}
