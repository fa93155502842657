import { describe, expect, it } from 'vitest';
import { add, compile, conv2d, type Device, scope, type Tensor, tensor, vjp } from '../../src/index.js';
import {
  csrPattern,
  type Pattern,
  sparseConv2d,
  sparseConv2dInput,
  sparseConv2dValues,
} from '../../src/sparse/index.js';
import { overrideSparseConv } from '../../src/sparse/sparse-conv-rules.js';
import {
  type ConvCase,
  inputShape,
  outputShape,
  plain,
  referenceConv,
  referenceInput,
  referenceWeight,
} from '../ops/conv-reference.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import {
  biasShape,
  count,
  dense,
  denseWeight,
  drawCase,
  drawTensors,
  drawWeight,
  type HostWeight,
  patternOfCase,
  put,
  sampled,
} from './sparse-conv-cases.js';

const software = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });
/** The kernels with tiles, those from storage, and what the rules choose for a GPU. */
const forms = [
  ['panel', software],
  ['direct', software],
  ['as on a GPU', discrete],
] as const;

/** Derivative of an activation from its result. */
const SLOPES: Record<ConvCase['activation'], (y: number) => number> = {
  none: () => 1,
  relu: (y) => (y > 0 ? 1 : 0),
  tanh: (y) => 1 - y * y,
  sigmoid: (y) => y * (1 - y),
};

const read = async (...tensors: Tensor[]): Promise<Float32Array[]> => {
  const out = (await Promise.all(tensors.map((t) => t.data()))) as Float32Array[];
  for (const t of tensors) t.dispose();
  return out;
};

describe.each(forms)('sparseConv2d (%s)', (form, t) => {
  const forced = <T>(run: () => T): T => {
    if (form !== 'as on a GPU') overrideSparseConv(t.device, form);
    try {
      return run();
    } finally {
      overrideSparseConv(t.device, null);
    }
  };
  const optionsOf = (c: ConvCase, padding: readonly number[]) => {
    const { kernel, stride, dilation, groups, activation } = c;
    return { kernel, stride, dilation, groups, activation, padding: padding as [number, number, number, number] };
  };

  it(`and its gradients agree with float64 on fresh geometries (seed ${SEED})`, async () => {
    const inputs = new Inputs(`sparse conv ${form}`);
    // Every epilogue and way to load and store is a pipeline of its own, and those of panels take long to compile.
    const panel = form === 'panel';
    for (let round = 0; round < (panel ? 15 : 30); round++) {
      const { c: drawn, padding, density } = drawCase(inputs);
      const fused = inputs.integer(2) === 1;
      const c = panel ? { ...drawn, activation: fused ? ('tanh' as const) : ('none' as const) } : drawn;
      const w = drawWeight(inputs, c, density);
      const { x, values, g, bias } = drawTensors(inputs, c, w);
      const hasBias = panel ? fused : inputs.integer(2) === 1;
      using pattern = patternOfCase(t.device, c, w);
      const pulled = forced(() =>
        scope(() => {
          const at = [put(t.device, x, inputShape(c)), put(t.device, values, [values.length])];
          if (hasBias) at.push(put(t.device, bias, biasShape(c)));
          const f = (...[xx, vv, bb]: Tensor[]) =>
            sparseConv2d(xx, pattern, vv, { ...optionsOf(c, padding), bias: bb });
          return vjp(f, at, put(t.device, g, outputShape(c)));
        }),
      );
      const what = `round ${round}, density ${density}, ${JSON.stringify(c)}`;
      expect(pulled.value.shape, what).toEqual(outputShape(c));
      const [y, dx, dv, db] = await read(pulled.value, ...pulled.grads);
      const weight = dense(c, w, values);
      expectClose(y, referenceConv(c, x, weight, hasBias ? bias : undefined), { atol: 1e-6, what });
      const dz = Float64Array.from(g, (v, i) => v * SLOPES[c.activation](y[i]));
      const loose = { rtol: 2e-5, atol: 2e-6 };
      expectClose(dx, referenceInput(c, dz, weight), { ...loose, what: `gradient of x, ${what}` });
      expectClose(dv, sampled(w, referenceWeight(c, x, dz)), { ...loose, what: `gradient of the values, ${what}` });
      if (hasBias) {
        const sums = new Float64Array(bias.length);
        const channels = c.co * c.groups;
        const perModel = dz.length / (c.ownWeight ? c.models : 1);
        dz.forEach((v, i) => {
          sums[Math.floor(i / perModel) * channels + (i % channels)] += v;
        });
        expectClose(db, sums, { ...loose, what: `gradient of the bias, ${what}` });
      }
    }
  });

  const large: [string, ConvCase, number][] = [
    ['64 channels', plain({ images: 2, ci: 64, co: 36, input: [9, 10], kernel: [3, 3], pad: [1, 1] }), 0.1],
    ['several chunks', plain({ images: 2, ci: 150, co: 68, input: [5, 7], kernel: [3, 3], pad: [1, 1] }), 0.05],
    ['1 x 1', plain({ images: 2, ci: 300, co: 20, input: [6, 5], kernel: [1, 1] }), 0.2],
    ['chunks of single channels', plain({ images: 1, ci: 3, co: 4, input: [30, 29], kernel: [25, 27] }), 0.3],
    ['a window beyond the tile', plain({ images: 1, ci: 3, co: 4, input: [70, 40], kernel: [65, 33] }), 0.02],
    [
      'a large stride',
      plain({ images: 2, ci: 8, co: 8, input: [31, 33], kernel: [7, 7], stride: [4, 5], pad: [3, 3] }),
      0.3,
    ],
    ['depthwise', plain({ images: 2, ci: 1, co: 1, groups: 96, input: [9, 9], kernel: [3, 3], pad: [1, 1] }), 0.6],
  ];
  it.each(large)('is conv2d with the dense weight: %s', async (_, c, density) => {
    const inputs = new Inputs(`law ${form}`);
    const w = drawWeight(inputs, c, density);
    const { x, values, g } = drawTensors(inputs, c, w);
    using pattern = patternOfCase(t.device, c, w);
    const options = optionsOf(c, [c.pad[0], c.pad[0], c.pad[1], c.pad[1]]);
    const [a, b] = forced(() =>
      scope(() => {
        const at = [put(t.device, x, inputShape(c)), put(t.device, values, [values.length])];
        const cotangent = put(t.device, g, outputShape(c));
        return [
          vjp((xx, vv) => sparseConv2d(xx, pattern, vv, options), at, cotangent),
          vjp((xx, vv) => conv2d(xx, denseWeight(c, pattern, vv), options), at, cotangent),
        ];
      }),
    );
    const [y, dx, dv] = await read(a.value, ...a.grads);
    const [y0, dx0, dv0] = await read(b.value, ...b.grads);
    expectClose(y, y0, { rtol: 3e-6, what: 'value' });
    expectClose(dx, dx0, { rtol: 3e-6, what: 'gradient of x' });
    expectClose(dv, dv0, { rtol: 1e-5, what: 'gradient of the values' });
  });

  it('takes empty patterns, one nonzero, empty rows, no images', async () => {
    const c = plain({ images: 2, ci: 3, co: 4, input: [4, 5], kernel: [3, 3], pad: [1, 1] });
    const inputs = new Inputs('edges');
    const cases: [string, number[], number[]][] = [
      ['empty', [0, 0, 0, 0, 0], []],
      ['one nonzero', [0, 0, 0, 1, 1], [14]],
      ['empty rows', [0, 2, 2, 2, 5], [0, 26, 3, 4, 13]],
    ];
    for (const [what, offsets, columns] of cases) {
      using pattern = csrPattern(t.device, { rows: 4, cols: 27, offsets, columns });
      const w = {
        offsets,
        columns,
        places: offsets.slice(1).flatMap((end, r) => columns.slice(offsets[r], end).map((k) => r * 27 + k)),
      };
      const { x, values, g, bias } = drawTensors(inputs, c, w);
      const f = (...[xx, vv, bb]: Tensor[]) => sparseConv2d(xx, pattern, vv, { kernel: [3, 3], padding: 1, bias: bb });
      const pull = (images: number) =>
        forced(() =>
          scope(() => {
            const own = (v: Float32Array, s: number[]) =>
              put(t.device, v.slice(0, (v.length / c.images) * images), [images, ...s.slice(1)]);
            const at = [own(x, inputShape(c)), put(t.device, values, [values.length]), put(t.device, bias, [4])];
            return vjp(f, at, own(g, outputShape(c)));
          }),
        );
      const some = pull(2);
      const [y, dx, dv] = await read(some.value, ...some.grads);
      const weight = dense(c, w, values);
      expectClose(y, referenceConv(c, x, weight, bias), { what });
      expectClose(dx, referenceInput(c, g, weight), { what });
      expectClose(dv, sampled(w, referenceWeight(c, x, g)), { what });
      const none = pull(0);
      const [y0, dx0, dv0] = await read(none.value, ...none.grads);
      expect([y0.length, dx0.length]).toEqual([0, 0]);
      expect([...dv0]).toEqual(columns.map(() => 0));
    }
  });

  it('keeps the models of a population apart, and shares x among them', async () => {
    const c: ConvCase = {
      ...plain({ images: 2, ci: 4, co: 8, input: [5, 5], kernel: [3, 3], pad: [1, 1] }),
      ...{ models: 3, ownX: true, ownWeight: true },
    };
    const inputs = new Inputs('population');
    const w = drawWeight(inputs, c, 0.3);
    const { x, values } = drawTensors(inputs, c, w);
    x.fill(Number.NaN, x.length / 3, (2 * x.length) / 3);
    using pattern = patternOfCase(t.device, c, w);
    const y = forced(() =>
      scope(() =>
        sparseConv2d(put(t.device, x, inputShape(c)), pattern, put(t.device, values, [values.length]), {
          ...{ kernel: [3, 3], padding: 1 },
        }),
      ),
    );
    const [got] = await read(y);
    const third = got.length / 3;
    const expected = referenceConv(c, x, dense(c, w, values));
    expectClose(got.subarray(0, third), expected.subarray(0, third));
    expectClose(got.subarray(2 * third), expected.subarray(2 * third));
    expect(got.subarray(third, 2 * third).some(Number.isNaN)).toBe(true);
  });

  it('folds a model axis of x where the pattern has one part', async () => {
    const c = plain({ images: 6, ci: 2, co: 3, input: [4, 4], kernel: [2, 2] });
    const inputs = new Inputs('folded');
    const w = drawWeight(inputs, c, 0.5);
    const { x, values } = drawTensors(inputs, c, w);
    using pattern = patternOfCase(t.device, c, w);
    const y = forced(() =>
      scope(() =>
        sparseConv2d(put(t.device, x, [2, 3, 4, 4, 2]), pattern, put(t.device, values, [values.length]), {
          kernel: [2, 2],
        }),
      ),
    );
    expect(y.shape).toEqual([2, 3, 3, 3, 3]);
    expectClose((await read(y))[0], referenceConv(c, x, dense(c, w, values)));
  });

  it('does not let what a window skips reach its result', async () => {
    const c = plain({ images: 1, ci: 4, co: 4, input: [6, 6], kernel: [3, 3], pad: [1, 1] });
    const x = new Float32Array(count(inputShape(c))).fill(1);
    for (let i = 0; i < x.length; i += 4) x[i] = Number.POSITIVE_INFINITY; // channel 0, which no entry reads
    using pattern = csrPattern(t.device, { rows: 4, cols: 36, offsets: [0, 1, 3, 3, 4], columns: [5, 9, 35, 18] });
    const y = forced(() =>
      scope(() =>
        sparseConv2d(put(t.device, x, inputShape(c)), pattern, tensor(t.device, [1, 2, 3, 4]), {
          kernel: [3, 3],
          padding: 1,
        }),
      ),
    );
    expect((await read(y))[0].every(Number.isFinite)).toBe(true);
  });

  it('gives the same bytes twice', async () => {
    const c = plain({ images: 5, ci: 24, co: 12, input: [13, 11], kernel: [3, 3], pad: [1, 1], stride: [2, 1] });
    const inputs = new Inputs('bytes');
    const w = drawWeight(inputs, c, 0.3);
    const { x, values, g } = drawTensors(inputs, c, w);
    using pattern = patternOfCase(t.device, c, w);
    const once = () =>
      forced(() =>
        scope(() =>
          vjp(
            (xx, vv) =>
              sparseConv2d(xx, pattern, vv, { kernel: [3, 3], padding: 1, stride: [2, 1], activation: 'tanh' }),
            [put(t.device, x, inputShape(c)), put(t.device, values, [values.length])],
            put(t.device, g, outputShape(c)),
          ),
        ),
      );
    const [first, second] = [once(), once()];
    expect(await read(first.value, ...first.grads)).toEqual(await read(second.value, ...second.grads));
  });
});

describe('sparseConv2d', () => {
  const c = plain({ images: 2, ci: 4, co: 4, input: [6, 5], kernel: [3, 3], pad: [1, 1] });
  const weighted = (device: Device): [HostWeight, Pattern] => {
    const w = drawWeight(new Inputs('refusals'), c, 0.4);
    return [w, patternOfCase(device, c, w)];
  };

  it('can be captured: replays follow new values', async () => {
    const { device } = software;
    const [w, pattern] = weighted(device);
    const inputs = new Inputs('capture');
    const { x, g } = drawTensors(inputs, c, w);
    const at = [put(device, x, inputShape(c)), put(device, g, outputShape(c))];
    const step = compile(device, (v: Tensor) => {
      const f = (xx: Tensor, vv: Tensor) =>
        sparseConv2d(xx, pattern, vv, { kernel: [3, 3], padding: 1, activation: 'relu' });
      const { value, grads } = vjp(f, [at[0], v], at[1]);
      return [value, ...grads];
    });
    for (let call = 0; call < 4; call++) {
      const values = inputs.uniform(w.columns.length);
      const out = scope(() => step(put(device, values, [values.length])));
      const [y, dx] = await read(...out);
      const weight = dense(c, w, values);
      const expected = referenceConv({ ...c, activation: 'relu' }, x, weight);
      expectClose(y, expected, { what: `call ${call}` });
      const dz = Float64Array.from(g, (v, i) => (y[i] > 0 ? v : 0));
      expectClose(dx, referenceInput(c, dz, weight), { rtol: 2e-5, what: `call ${call}` });
    }
    step.dispose();
    pattern.dispose();
    for (const a of at) a.dispose();
  });

  it('makes what dw needs of a pattern once, and for a captured step that comes first, once for that', async () => {
    const { device } = software;
    // So many nonzeros that dw goes by tiles.
    const large = { ...c, ci: 8, co: 16 };
    const w = drawWeight(new Inputs('kept walk'), large, 0.4);
    const { x, g } = drawTensors(new Inputs('kept walk'), large, w);
    const [xs, gs] = [put(device, x, inputShape(large)), put(device, g, outputShape(large))];
    const weight = referenceWeight(large, x, g);
    const attrs = (pattern: Pattern) => ({ ...large, pattern });
    const right = (dw: Float32Array) => expectClose(dw, sampled(w, weight), { rtol: 2e-5, what: 'dw' });

    const pattern = patternOfCase(device, large, w);
    const bytes = pattern.bytes;
    const walks = async (): Promise<number> => {
      const rows = await device.profile(() => scope(() => void sparseConv2dValues(xs, gs, attrs(pattern))));
      return rows.filter((row) => row.kernel === 'conv stream').length;
    };
    expect([await walks(), await walks()]).toEqual([1, 0]);
    expect(pattern.bytes).toBeGreaterThan(bytes);
    right((await read(sparseConv2dValues(xs, gs, attrs(pattern))))[0]);
    pattern.dispose();

    const fresh = patternOfCase(device, large, w);
    let calls = 0;
    const step = compile(device, (v: Tensor) => (calls++ === 0 ? add(v, v) : sparseConv2dValues(v, gs, attrs(fresh))));
    step(xs).dispose();
    for (let call = 0; call < 2; call++) right((await read(step(xs)))[0]);
    for (const owned of [step, fresh, xs, gs]) owned.dispose();
  });

  it('refuses what does not fit, before anything is made', () => {
    const { device } = software;
    const [w, pattern] = weighted(device);
    scope(() => {
      const x = put(device, new Float32Array(count(inputShape(c))), inputShape(c));
      const g = put(device, new Float32Array(count(outputShape(c))), outputShape(c));
      const values = put(device, new Float32Array(w.columns.length), [w.columns.length]);
      const wrong = tensor(device, [1, 2, 3]);
      const before = device.memory().tensors;
      const kernel = [3, 3] as const;
      const attrs = { ...c, pattern };
      expect(() => sparseConv2d(x, pattern, wrong, { kernel })).toThrow(
        `sparseConv2d: expected values of shape [${w.columns.length}], got [3]`,
      );
      expect(() => sparseConv2d(x, pattern, values, { kernel: [3, 2] })).toThrow(
        /sparseConv2d: expected a pattern of kh \* kw \* in \/ groups = 3 \* 2 \* 4 \/ 1 columns, got pattern \[4, 36\]/,
      );
      expect(() => sparseConv2d(x, pattern, values, { kernel: [3, 0] })).toThrow(
        /kernel as two whole numbers >= 1, got 3,0/,
      );
      expect(() => sparseConv2d(x, pattern, values, { kernel, groups: 3 })).toThrow(
        /sparseConv2d: expected a pattern of/,
      );
      expect(() => sparseConv2d(x, pattern, values, { kernel, dilation: 5 })).toThrow(
        /at least as large as the kernel/,
      );
      expect(() => sparseConv2d(x, pattern, values, { kernel, bias: wrong })).toThrow(
        /a bias of shape \[4\], got \[3\]/,
      );
      expect(() => sparseConv2d(x, pattern, values, { kernel, activation: 'gelu' as 'relu' })).toThrow(
        /activation among/,
      );
      expect(() => sparseConv2d(values, pattern, values, { kernel })).toThrow(/sparseConv2d/);
      expect(() => sparseConv2dInput(x, values, attrs)).not.toThrow(); // x and y have one shape here
      expect(() => sparseConv2dInput(values, values, attrs)).toThrow(
        `sparseConv2dInput: expected g of shape [images, 6, 5, 4], got [${w.columns.length}]`,
      );
      expect(() => sparseConv2dValues(x, g, { ...attrs, input: [7, 5] })).toThrow(
        /sparseConv2dValues: expected x of 7 x 5/,
      );
      expect(device.memory().tensors - before).toBe(1);
      pattern.dispose();
      expect(() => sparseConv2d(x, pattern, values, { kernel })).toThrow(/was disposed/);
    });
  });
});
