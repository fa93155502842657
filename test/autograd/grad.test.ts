import { describe, expect, it } from 'vitest';
import * as S from '../../src/index.js';
import { scope, type Tensor, tensor } from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();

const read = async (x: Tensor) => {
  const data = Array.from(await x.data());
  x.dispose();
  return data;
};

/** A leaf to differentiate by. */
const leaf = (values: S.Nested | Float32Array, shape?: number[]): Tensor => {
  const x = tensor(t.device, values, { shape });
  x.requiresGrad = true;
  return x;
};

describe(`grad (seed ${SEED})`, () => {
  it('sums over several paths, several outputs and repeated inputs', async () => {
    const got = scope(() => {
      const x = leaf([1, 2, 3]);
      const y = S.add(S.mul(x, x), S.add(S.mul(x, 3), S.mul(x, x)));
      const z = S.mul(y, x);
      const [a] = S.grad([S.sum(y), S.sum(z)], [x], { cotangents: [tensor(t.device, 2), tensor(t.device, -1)] });
      const [b, c] = S.grad(S.sum(y), [x, x]);
      expect(b).toBe(c);
      return [a, b];
    });
    // y = 2x² + 3x, z = 2x³ + 3x²; 2y' - z' = 2(4x + 3) - (6x² + 6x)
    expect(await read(got[0])).toEqual([1, 2, 3].map((x) => 2 * (4 * x + 3) - (6 * x * x + 6 * x)));
    expect(await read(got[1])).toEqual([7, 11, 15]);
  });

  it('goes through intermediates that are asked for as well', async () => {
    const got = scope(() => {
      const x = leaf([2]);
      const y = S.mul(x, x);
      const z = S.mul(y, y);
      const w = S.sum(z);
      return [...S.grad(w, [x, y, z, w])];
    });
    expect((await Promise.all(got.map(read))).flat()).toEqual([32, 8, 1, 1]);
  });

  it('is the cotangent itself where x is y, in storage of its own', async () => {
    const got = scope(() => {
      const x = leaf([1, 2]);
      const c = tensor(t.device, [5, 6]);
      const [g] = S.grad([x], [x], { cotangents: [c] });
      expect(g).not.toBe(c);
      return g;
    });
    expect(await read(got)).toEqual([5, 6]);
  });

  it('refuses an x without influence before it computes anything, or gives zeros', async () => {
    const got = scope(() => {
      const [x, y] = [leaf([1, 2]), leaf([[1, 2, 3]])];
      const z = S.sum(S.mul(x, x));
      const { live, tensors } = t.device.memory();
      expect(() => S.grad(z, [x, y])).toThrow(S.ArgumentError);
      expect(() => S.grad(z, [x, y])).toThrow(
        'grad: expected every x to influence y (allowUnused gives zeros instead), got f32[1, 3], which does not',
      );
      expect(() =>
        S.grad(
          S.noGrad(() => S.sum(x)),
          [x],
        ),
      ).toThrow('f32[2], which does not');
      expect(t.device.memory().tensors - tensors).toBe(1); // the sum that noGrad gave
      expect(t.device.memory().live - live).toBe(16);
      return S.grad(z, [x, y], { allowUnused: true });
    });
    expect(got[1].shape).toEqual([1, 3]);
    expect(await Promise.all(got.map(read))).toEqual([
      [2, 4],
      [0, 0, 0],
    ]);
  });

  it('refuses outputs that are no scalar and cotangents that do not fit, and leaves nothing behind', () => {
    scope(() => {
      const x = leaf([1, 2]);
      const y = S.mul(x, x);
      const whole = tensor(t.device, Int32Array.of(1, 1));
      const other = tensor(t.device, [1, 2, 3]);
      const { live, tensors } = t.device.memory();
      const cases: [() => unknown, string][] = [
        [() => S.grad(y, [x]), 'grad: expected one scalar, or cotangents, got [2]'],
        [() => S.grad([y, y], [x]), 'grad: expected one scalar, or cotangents, got [2], [2]'],
        [() => S.grad(y, [x], { cotangents: [] }), 'grad: expected 1 cotangents, got 0'],
        [() => S.grad(y, [x], { cotangents: [other] }), 'grad: expected a cotangent of shape [2], got [3]'],
        [() => S.grad(y, [x], { cotangents: [whole] }), 'grad: expected a cotangent of dtype f32, got i32'],
      ];
      for (const [make, text] of cases) expect(make).toThrow(text);
      expect(t.device.memory()).toMatchObject({ live, tensors });
    });
  });

  it('says so when an intermediate was disposed, and leaves nothing behind', () => {
    scope(() => {
      const x = leaf([1, 2]);
      const y = S.exp(x);
      const z = S.sum(S.mul(y, y));
      y.dispose();
      const { live, tensors } = t.device.memory();
      expect(() => S.grad(z, [x])).toThrow(S.DisposedError);
      expect(t.device.memory()).toMatchObject({ live, tensors });
    });
  });

  it('takes a chain of 2,000 operations without leaks, and holds few cotangents at a time', async () => {
    const steps = 2000;
    const n = 256;
    const { live } = t.device.memory();
    const got = scope(() => {
      const x = leaf(new Float32Array(n).fill(1));
      let y: Tensor = x;
      for (let i = 0; i < steps; i++) y = i % 2 ? S.mul(y, 1.001) : S.add(y, 0.001);
      const z = S.sum(y);
      const before = t.device.memory();
      t.device.pool.resetPeak();
      const [g] = S.grad(z, [x]);
      const after = t.device.memory();
      expect(after.tensors - before.tensors).toBe(1);
      expect(after.live - before.live).toBe(4 * n);
      expect(after.peak - before.live).toBeLessThan(8 * 4 * n);
      return g;
    });
    expectClose(await read(got), new Array(n).fill(1.001 ** (steps / 2)), { rtol: 1e-4 });
    expect(t.device.memory().live).toBe(live);
  });

  it('frees what rules make on their way, for every kind of rule', () => {
    const models: [string, (x: Tensor) => Tensor][] = [
      ['max', (x) => S.max(x, 1)],
      ['matmul', (x) => S.matmul(x, x, { transB: true, activation: 'tanh' })],
      ['softmax', (x) => S.softmax(x)],
      [
        'batchNorm',
        (x) =>
          S.batchNorm(x, S.ones(t.device, [16]), S.zeros(t.device, [16]), {
            training: true,
            residual: x,
            activation: 'relu',
          }),
      ],
      ['broadcast', (x) => S.mul(x, S.mean(x, 0))],
      ['concat', (x) => S.concat([x, S.neg(x)], 1)],
      ['transpose', (x) => S.mul(S.transpose(S.reshape(x, [16, 16])), 2)],
    ];
    for (const [name, f] of models) {
      scope(() => {
        const x = leaf(new Inputs(name).normal(256), [16, 16]);
        const y = S.sum(S.square(f(x)));
        const before = t.device.memory();
        const [g] = S.grad(y, [x]);
        expect([name, t.device.memory().tensors - before.tensors, g.shape]).toEqual([name, 1, [16, 16]]);
      });
    }
  });

  it('takes a diamond of 60 doublings in linear time', async () => {
    const got = scope(() => {
      const x = leaf([1]);
      let y: Tensor = x;
      for (let i = 0; i < 60; i++) y = S.mul(S.add(y, y), 0.5);
      return S.grad(S.sum(y), [x])[0];
    });
    expect(await read(got)).toEqual([1]);
  });

  it('mutates nothing: a second call gives the same bytes', async () => {
    const [a, b, x0, y0] = scope(() => {
      const x = leaf(new Inputs('twice').normal(300), [10, 30]);
      const y = S.sum(S.logSoftmax(S.tanh(x)));
      const first = S.grad(y, [x])[0];
      return [first, S.grad(y, [x])[0], S.clone(x), S.clone(y)];
    });
    expect(await read(a)).toEqual(await read(b));
    expect(await read(x0)).toEqual(Array.from(new Inputs('twice').normal(300)));
    await read(y0);
  });

  it('does not pass through comparisons, rounding or integers: the slope is 0', async () => {
    const got = scope(() => {
      const x = leaf([0.2, 1.7]);
      const step = S.add(S.cast(S.greater(x, 1), 'f32'), S.add(S.round(x), S.cast(S.cast(x, 'i32'), 'f32')));
      return S.grad(S.sum(S.add(step, S.mul(x, S.detach(x)))), [x])[0];
    });
    expectClose(await read(got), [0.2, 1.7], { rtol: 1e-7 });
  });
});

describe('noGrad', () => {
  it('stops recording inside only, also when it throws', async () => {
    const got = scope(() => {
      const x = leaf([3]);
      const y = S.noGrad(() => S.mul(x, x));
      expect([y.tracked, S.mul(x, x).tracked]).toEqual([false, true]);
      expect(() =>
        S.noGrad(() => {
          throw new Error('inside');
        }),
      ).toThrow('inside');
      expect(S.mul(x, x).tracked).toBe(true);
      return S.grad(S.sum(S.mul(y, x)), [x])[0];
    });
    expect(await read(got)).toEqual([9]);
  });
});

describe('higher orders by createGraph', () => {
  it('x⁴ to its fifth derivative', async () => {
    const got = scope(() => {
      const x = leaf([1.5, -2]);
      let y = S.mul(S.mul(x, x), S.mul(x, x));
      const out: Tensor[] = [];
      for (let k = 0; k < 5; k++) {
        y = S.grad(S.sum(y), [x], { createGraph: true, allowUnused: true })[0];
        out.push(y);
      }
      return out;
    });
    const xs = [1.5, -2];
    const expected = [(x: number) => 4 * x ** 3, (x: number) => 12 * x * x, (x: number) => 24 * x, () => 24, () => 0];
    for (const [k, y] of got.entries()) expectClose(await read(y), xs.map(expected[k]), { rtol: 1e-6 });
  });

  it('tanh to its third derivative', async () => {
    const xs = [0.3, -1.1, 2];
    const got = scope(() => {
      const x = leaf(xs);
      const f = S.tanh(x);
      const [a] = S.grad(S.sum(f), [x], { createGraph: true });
      const [b] = S.grad(S.sum(a), [x], { createGraph: true });
      const [c] = S.grad(S.sum(b), [x]);
      expect([a.tracked, b.tracked, c.tracked]).toEqual([true, true, false]);
      return [a, b, c];
    });
    const y = xs.map(Math.tanh);
    const s = y.map((v) => 1 - v * v);
    expectClose(await read(got[0]), s, { rtol: 1e-6 });
    expectClose(
      await read(got[1]),
      y.map((v, i) => -2 * v * s[i]),
      { rtol: 2e-6 },
    );
    expectClose(
      await read(got[2]),
      y.map((v, i) => s[i] * (6 * v * v - 2)),
      { rtol: 3e-6 },
    );
  });

  it('a gradient penalty: derivative of |∇f|² with several inputs', async () => {
    const inputs = new Inputs('penalty');
    const [w0, x0] = [inputs.uniform(6), inputs.uniform(6)];
    const penalty = (w: Float64Array, x: Float64Array) => {
      // f = sum tanh(w x): df/dx = w (1 - tanh²)
      let p = 0;
      w.forEach((v, i) => {
        p += (v * (1 - Math.tanh(v * x[i]) ** 2)) ** 2;
      });
      return p;
    };
    const got = scope(() => {
      const [w, x] = [leaf(w0), leaf(x0)];
      const [gx] = S.grad(S.sum(S.tanh(S.mul(w, x))), [x], { createGraph: true });
      return S.grad(S.sum(S.square(gx)), [w, x]);
    });
    for (const [k, g] of got.entries()) {
      const slope = Float64Array.from(w0, (_, i) => {
        const at = (h: number) => {
          const p = [Float64Array.from(w0), Float64Array.from(x0)];
          p[k][i] += h;
          return penalty(p[0], p[1]);
        };
        return (at(1e-5) - at(-1e-5)) / 2e-5;
      });
      expectClose(await read(g), slope, { rtol: 1e-4, atol: 1e-5 });
    }
  });
});
