import type { Device } from '../../src/index.js';
import { hvp, jvp, mul, scope, sum, type Tensor, tensor, vjp } from '../../src/index.js';
import { expectClose } from './close.js';
import { Inputs } from './random.js';

/** The same function in float64 on flat host arrays. */
export type HostFunction = (...xs: Float64Array[]) => ArrayLike<number>;

export interface GradCheck {
  device: Device;
  /** Function of tensors under test. */
  f: (...xs: Tensor[]) => Tensor;
  /** Its float64 reference. */
  host: HostFunction;
  shapes: readonly (readonly number[])[];
  /** Inputs; by default uniform in [-1, 1). Keep them off kinks by 0.01. */
  values?: readonly Float32Array[];
  name: string;
  /** 2 (default) also checks the Hessian-vector product. */
  order?: 1 | 2;
  rtol?: number;
}

const H1 = 1e-5;
const H2 = 1e-3;

/**
 * Checks f, its gradients, ⟨u, Jv⟩ = ⟨Jᵀu, v⟩, Hv and the symmetry of H on the device against central differences
 * of the float64 reference.
 */
export async function checkGradients({
  device,
  f,
  host,
  shapes,
  values,
  name,
  order = 2,
  rtol = 2e-4,
}: GradCheck): Promise<void> {
  const inputs = new Inputs(name);
  const sizes = shapes.map((s) => s.reduce((a, b) => a * b, 1));
  const xs = values ?? sizes.map((n) => inputs.uniform(n));
  const at = xs.map((x) => Float64Array.from(x));
  const y0 = host(...at);
  const u = inputs.uniform(y0.length);
  const v = sizes.map((n) => inputs.uniform(n));
  const w = sizes.map((n) => inputs.uniform(n));
  const s = (points: Float64Array[]) => {
    const y = host(...points);
    let total = 0;
    for (let i = 0; i < y.length; i++) total += y[i] * u[i];
    return total;
  };
  const moved = (deltas: { k: number; i?: number; along?: readonly Float32Array[]; h: number }[]) => {
    const p = at.map((x) => Float64Array.from(x));
    for (const d of deltas) {
      if (d.along) d.along.forEach((dir, k) => dir.forEach((x, i) => (p[k][i] += d.h * x)));
      else p[d.k][d.i!] += d.h;
    }
    return p;
  };
  const gradient = at.map((x, k) =>
    Float64Array.from(x, (_, i) => (s(moved([{ k, i, h: H1 }])) - s(moved([{ k, i, h: -H1 }]))) / (2 * H1)),
  );
  const make = () => xs.map((x, k) => tensor(device, x, { shape: shapes[k] }));
  const read = async (ts: Tensor[]): Promise<Float32Array[]> => {
    const out = await Promise.all(ts.map((t) => t.data()));
    for (const t of ts) t.dispose();
    return out as Float32Array[];
  };
  const points = make();
  const tangents = v.map((d, k) => tensor(device, d, { shape: shapes[k] }));
  const scalarOf = (...ts: Tensor[]) => {
    const y = f(...ts);
    return sum(mul(y, tensor(device, u, { shape: y.shape })));
  };

  const pulled = scope(() => {
    const y = f(...points);
    const cot = tensor(device, u, { shape: y.shape });
    return vjp(f, points, cot);
  });
  const [value] = await read([pulled.value]);
  expectClose(value, y0, { rtol: 1e-5, atol: 1e-6, what: `${name}: value` });
  const grads = await read(pulled.grads);
  grads.forEach((g, k) => expectClose(g, gradient[k], { rtol, atol: 1e-5, what: `${name}: gradient ${k}` }));

  const pushed = scope(() => jvp(f, points, tangents).tangent);
  const [jv] = await read([pushed]);
  let left = 0;
  for (let i = 0; i < jv.length; i++) left += jv[i] * u[i];
  let right = 0;
  grads.forEach((g, k) => g.forEach((x, i) => (right += x * v[k][i])));
  const size = grads.reduce((n, g, k) => n + g.reduce((m, x, i) => m + Math.abs(x * v[k][i]), 0), 0);
  expectClose([left], [right], { rtol: 0, atol: 1e-6 + 1e-5 * size, what: `${name}: <u, Jv> = <J'u, v>` });

  if (order === 2) {
    const hessian = at.map((x, k) =>
      Float64Array.from(x, (_, i) => {
        const part = (a: number, b: number) =>
          s(
            moved([
              { k, i, h: a * H2 },
              { k: -1, along: v, h: b * H2 },
            ]),
          );
        return (part(1, 1) - part(1, -1) - part(-1, 1) + part(-1, -1)) / (4 * H2 * H2);
      }),
    );
    const hv = await read(scope(() => hvp(scalarOf, points, tangents).products));
    hv.forEach((h, k) => expectClose(h, hessian[k], { rtol: 1e-3, atol: 1e-4, what: `${name}: Hv ${k}` }));
    const others = w.map((d, k) => tensor(device, d, { shape: shapes[k] }));
    const hw = await read(scope(() => hvp(scalarOf, points, others).products));
    for (const t of others) t.dispose();
    const dot = (a: ArrayLike<number>[], b: readonly Float32Array[]) =>
      a.reduce((n, h, k) => n + b[k].reduce((m, x, i) => m + x * h[i], 0), 0);
    const scale = hv.reduce((n, h, k) => n + h.reduce((m, x, i) => m + Math.abs(x * w[k][i]), 0), 0);
    expectClose([dot(hv, w)], [dot(hw, v)], { rtol: 0, atol: 1e-5 + 1e-4 * scale, what: `${name}: H symmetric` });
  }
  for (const t of [...points, ...tangents]) t.dispose();
}
