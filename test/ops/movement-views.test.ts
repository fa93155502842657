import { describe, expect, it } from 'vitest';
import * as S from '../../src/index.js';
import { keep, openDevice, scope, type Tensor, tensor } from '../../src/index.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';

const t = testDevice();

const read = async (x: Tensor) => {
  const data = Array.from(await x.data());
  x.dispose();
  return data;
};
const count = (n: number) => Float32Array.from({ length: n }, (_, i) => i);

describe('reshape and its kin', () => {
  it('change the shape, never the values or the storage', async () => {
    const x = tensor(t.device, count(24), { shape: [2, 3, 4] });
    const { live } = t.device.memory();
    const cases: [Tensor, number[]][] = [
      [S.reshape(x, [24]), [24]],
      [S.reshape(x, [-1, 6]), [4, 6]],
      [S.reshape(x, [4, -1]), [4, 6]],
      [S.reshape(x, [1, 2, 1, 12]), [1, 2, 1, 12]],
      [S.flatten(x), [24]],
      [S.flatten(x, 1), [2, 12]],
      [S.flatten(x, 0, 1), [6, 4]],
      [S.flatten(x, 1, 1), [2, 3, 4]],
      [S.unsqueeze(x, 0), [1, 2, 3, 4]],
      [S.unsqueeze(x, 2), [2, 3, 1, 4]],
      [S.unsqueeze(x, -1), [2, 3, 4, 1]],
      [S.detach(x), [2, 3, 4]],
    ];
    expect(t.device.memory().live).toBe(live);
    for (const [y, shape] of cases) {
      expect(y.shape).toEqual(shape);
      expect(await read(y)).toEqual(Array.from(count(24)));
    }
    const thin = S.reshape(x, [1, 24, 1]);
    for (const [axes, shape] of [
      [undefined, [24]],
      [0, [24, 1]],
      [-1, [1, 24]],
      [[0, 2], [24]],
    ] as const) {
      const y = S.squeeze(thin, axes);
      expect(y.shape).toEqual(shape);
      y.dispose();
    }
    expect(() => S.squeeze(thin, 1)).toThrow('squeeze: expected axis 1 of size 1, got [1, 24, 1]');
    thin.dispose();
    x.dispose();
  });

  it('keep the sizes of empty tensors', () => {
    scope(() => {
      const x = S.zeros(t.device, [0, 3, 4]);
      expect(S.flatten(x, 1).shape).toEqual([0, 12]);
      expect(S.flatten(x).shape).toEqual([0]);
      expect(S.reshape(x, [5, 0]).shape).toEqual([5, 0]);
      expect(S.squeeze(S.zeros(t.device, [1, 0])).shape).toEqual([0]);
    });
  });

  it('take scalars', async () => {
    const x = tensor(t.device, 3);
    expect(x.shape).toEqual([]);
    const f = S.flatten(x);
    const u = S.unsqueeze(x, 0);
    expect([f.shape, u.shape]).toEqual([[1], [1]]);
    expect([await read(f), await read(u), await x.item()]).toEqual([[3], [3], 3]);
    x.dispose();
  });

  it('refuse what does not fit, with numbers', () => {
    scope(() => {
      const x = S.zeros(t.device, [2, 3]);
      const { live, tensors } = t.device.memory();
      const cases: [() => unknown, string][] = [
        [() => S.reshape(x, [4]), 'reshape: expected a shape of 6 elements, got [4]'],
        [() => S.reshape(x, [-1, -1]), 'reshape: expected at most one -1, got [-1, -1]'],
        [() => S.reshape(x, [4, -1]), 'reshape: expected axes of whole sizes >= 0, got [4, 1.5]'],
        [() => S.reshape(x, [-2, 3]), 'reshape: expected axes of whole sizes >= 0, got [-2, 3]'],
        [() => S.flatten(x, 1, 0), 'flatten: expected axes within rank 2, got 1 to 0'],
        [() => S.flatten(x, 0, 2), 'flatten: expected axes within rank 2, got 0 to 2'],
        [() => S.unsqueeze(x, 4), 'unsqueeze: expected an axis from -3 to 2, got 4'],
        [() => S.squeeze(x, 2), 'squeeze: expected an axis from -2 to 1, got 2'],
      ];
      for (const [make, text] of cases) expect(make).toThrow(text);
      expect(t.device.memory()).toMatchObject({ live, tensors });
    });
  });

  it('pass gradients through, and detach stops them', async () => {
    await checkGradients({
      device: t.device,
      name: 'reshape chain',
      f: (x) => S.mul(S.unsqueeze(S.flatten(S.reshape(x, [3, 2, 2]), 1), 0), S.reshape(x, [1, 3, 4])),
      host: (x) => x.map((v) => v * v),
      shapes: [[2, 6]],
    });
    const got = scope(() => {
      const { grads } = S.valueAndGrad((x) => S.sum(S.mul(S.detach(x), x)), [tensor(t.device, [1, 2, 3])]);
      return grads[0];
    });
    expect(await read(got)).toEqual([1, 2, 3]);
  });
});

describe('views', () => {
  it('share storage until the last of them is gone', async () => {
    const { live } = t.device.memory();
    const x = tensor(t.device, count(64));
    const step = t.device.limits.offsetAlignment / 4;
    const v = x.view('test', [step], step);
    expect(x.canViewAt(step)).toBe(true);
    x.dispose();
    expect(t.device.memory().live).toBe(live + 256);
    expect(await v.data()).toEqual(count(64).slice(step, 2 * step));
    v.write(new Float32Array(step).fill(7));
    expect(await read(S.sum(v))).toEqual([7 * step]);
    v.dispose();
    expect(t.device.memory().live).toBe(live);
  });

  it('nest, counting from their own start', async () => {
    const x = tensor(t.device, count(4096));
    const step = t.device.limits.offsetAlignment / 4;
    const a = x.view('test', [3 * step], step);
    const b = a.view('test', [step], step);
    expect((await b.data())[0]).toBe(2 * step);
    for (const y of [x, a, b]) y.dispose();
  });

  it('refuse offsets that a binding cannot have and ranges beyond the end', () => {
    scope(() => {
      const x = S.zeros(t.device, [100]);
      const align = t.device.limits.offsetAlignment;
      const { tensors } = t.device.memory();
      expect(() => x.view('slice', [4], 1)).toThrow(
        `slice: expected a view at a multiple of ${align} bytes, got byte 4`,
      );
      expect(() => x.view('slice', [101])).toThrow('slice: expected a view inside [100], got [101]');
      expect(() => x.view('slice', [100], align / 4)).toThrow(S.ShapeError);
      expect(x.canViewAt(1)).toBe(false);
      expect(t.device.memory().tensors).toBe(tensors);
    });
  });
});

describe('host values', () => {
  it('come from flat arrays with a shape and from nested lists', async () => {
    const made = [
      tensor(t.device, [
        [1, 2],
        [3, 4],
      ]),
      tensor(t.device, [[[true], [false]]]),
      tensor(t.device, Int32Array.of(1, 2, 3, 4), { shape: [2, -1] }),
      tensor(t.device, []),
      tensor(t.device, [[], []]),
      tensor(t.device, [1.5, 2.5], { dtype: 'i32' }),
    ];
    expect(made.map((x) => [x.dtype, [...x.shape]])).toEqual([
      ['f32', [2, 2]],
      ['bool', [1, 2, 1]],
      ['i32', [2, 2]],
      ['f32', [0]],
      ['f32', [2, 0]],
      ['i32', [2]],
    ]);
    expect(await Promise.all(made.map(read))).toEqual([[1, 2, 3, 4], [1, 0], [1, 2, 3, 4], [], [], [1, 2]]);
  });

  it('refuse ragged lists, wrong counts and wrong lengths of writes', () => {
    const { live, tensors } = t.device.memory();
    expect(() => tensor(t.device, [[1, 2], [3]])).toThrow('tensor: expected nested lists of one shape, [2], got [1]');
    expect(() => tensor(t.device, [1, [2]])).toThrow('tensor: expected nested lists of one shape, [], got [1]');
    expect(() => tensor(t.device, [1, 2, 3], { shape: [2, 2] })).toThrow(
      'tensor: expected a shape of 3 elements, got [2, 2]',
    );
    expect(() => tensor(t.device, [1, 2], { shape: [-2] })).toThrow(S.ShapeError);
    expect(t.device.memory()).toMatchObject({ live, tensors });
    const x = tensor(t.device, [1, 2, 3]);
    expect(() => x.write([1, 2])).toThrow('write: expected 3 values, got 2');
    x.dispose();
    expect(() => x.write([1, 2, 3])).toThrow('write: f32[3] was disposed before this use');
  });

  it('item wants one element', async () => {
    const x = tensor(t.device, [1, 2]);
    await expect(x.item()).rejects.toThrow('item: expected a tensor of one element, got [2]');
    x.dispose();
    await expect(x.data()).rejects.toThrow(S.DisposedError);
  });
});

describe('disposed tensors and other devices', () => {
  it('are refused by every kind of op, and nothing is left behind', async () => {
    const other = await openDevice({ poison: true });
    try {
      const gone = S.ones(t.device, [2, 2]);
      gone.dispose();
      const here = S.ones(t.device, [2, 2]);
      const there = S.ones(other, [2, 2]);
      const mask = S.zeros(t.device, [2, 2], 'bool');
      const { live, tensors } = t.device.memory();
      const ops: [string, (x: Tensor) => unknown][] = [
        ['add', (x) => S.add(here, x)],
        ['matmul', (x) => S.matmul(here, x)],
        ['scaledDotProductAttention', (x) => S.scaledDotProductAttention(here, x, here)],
        ['crossEntropy', (x) => S.crossEntropy(here, x)],
        ['mseLoss', (x) => S.mseLoss(here, x)],
        ['layerNorm', (x) => S.layerNorm(here, here, x)],
        ['batchNorm', (x) => S.batchNorm(here, x, here, { training: true })],
        ['where', (x) => S.where(mask, here, x)],
      ];
      for (const [name, op] of ops) {
        scope(() => {
          expect(() => op(gone), name).toThrow(S.DisposedError);
          expect(() => op(gone), name).toThrow(`${name}: f32[2, 2] was disposed before this use`);
          expect(() => op(there), name).toThrow(S.DeviceMismatchError);
          expect(() => op(there), name).toThrow(
            `${name}: expected every tensor on ${t.device.name} #${t.device.id}, got one on ${other.name} #${other.id}`,
          );
        });
      }
      for (const op of [S.exp, S.sum, S.softmax, S.clone, S.detach, S.max])
        expect(() => op(gone)).toThrow(S.DisposedError);
      expect(t.device.memory()).toMatchObject({ live, tensors });
      there.dispose();
      for (const x of [here, mask]) x.dispose();
    } finally {
      await other.close();
    }
  });
});

describe('scope', () => {
  it('disposes what is made inside, save what it returns in arrays, objects, Maps and Sets', async () => {
    const { tensors } = t.device.memory();
    const out = scope(() => {
      const [a, b, c, d, e] = [1, 2, 3, 4, 5].map((v) => tensor(t.device, [v]));
      tensor(t.device, [6]);
      return { a, list: [b, { deep: c }], map: new Map([['d', d]]), set: new Set([e]), n: 3, none: null };
    });
    expect(t.device.memory().tensors - tensors).toBe(5);
    const all = [
      out.a,
      out.list[0] as Tensor,
      (out.list[1] as { deep: Tensor }).deep,
      out.map.get('d')!,
      [...out.set][0],
    ];
    expect((await Promise.all(all.map(read))).flat()).toEqual([1, 2, 3, 4, 5]);
  });

  it('nests: what an inner scope returns belongs to the outer one', () => {
    const { tensors } = t.device.memory();
    scope(() => {
      const inner = scope(() => [S.ones(t.device, [2]), S.zeros(t.device, [2])][0]);
      expect(inner.isDisposed).toBe(false);
      expect(t.device.memory().tensors - tensors).toBe(1);
    });
    expect(t.device.memory().tensors).toBe(tensors);
  });

  it('borrows arguments: what was made outside stays', () => {
    const x = S.ones(t.device, [2]);
    scope(() => S.add(x, 1)).dispose();
    expect(scope(() => x)).toBe(x);
    expect(x.isDisposed).toBe(false);
    x.dispose();
  });

  it('disposes everything when the function throws, and passes the error on', () => {
    const { tensors } = t.device.memory();
    const error = new Error('mine');
    const run = () =>
      scope(() => {
        S.ones(t.device, [2]);
        scope(() => {
          S.ones(t.device, [3]);
          throw error;
        });
      });
    expect(run).toThrow(error);
    expect(t.device.memory().tensors).toBe(tensors);
    const after = scope(() => S.ones(t.device, [1])); // the outermost scope is closed again
    expect(after.isDisposed).toBe(false);
    after.dispose();
  });

  it('refuses a promise', () => {
    const { tensors } = t.device.memory();
    expect(() => scope(async () => S.ones(t.device, [2]))).toThrow(
      'scope: expected a function that returns at once, got a promise (read results after the scope)',
    );
    expect(t.device.memory().tensors).toBe(tensors);
  });

  it('keep takes a tensor out of every open scope', () => {
    let kept: Tensor | null = null;
    scope(() => {
      scope(() => {
        kept = keep(S.ones(t.device, [2]));
      });
    });
    expect(kept!.isDisposed).toBe(false);
    kept!.dispose();
  });

  it('disposing twice, or what a scope will dispose, is harmless', () => {
    const { live, tensors } = t.device.memory();
    scope(() => {
      const x = S.ones(t.device, [2]);
      x.dispose();
      x.dispose();
      return x;
    });
    {
      using x = S.ones(t.device, [5]);
      expect(x.isDisposed).toBe(false);
    }
    expect(t.device.memory()).toMatchObject({ live, tensors });
  });
});
