import { describe, expect, it } from 'vitest';
import type { Device } from '../../src/index.js';
import {
  ArgumentError,
  compile,
  DisposedError,
  DTypeError,
  ShapeError,
  scope,
  type Tensor,
  tensor,
} from '../../src/index.js';
import { csrPattern, densify, type HostCsr, type Pattern, spmm } from '../../src/sparse/index.js';
import { overrideForms } from '../../src/sparse/spmm-rules.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { product } from '../support/product.js';
import { Inputs, SEED } from '../support/random.js';
import { formsOf, randomCsr, type SpmmProblem, showForm, spmmRef } from './products.js';

const software = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

const SIZES = [1, 2, 3, 4, 5, 8, 17, 31, 32, 33, 40, 65, 72];

interface Shapes {
  values: number[];
  b: number[];
  bias: number[] | null;
  c: number[];
}

/** A random problem; `kind` says which operands are many. */
function draw(inputs: Inputs, kind: 'one' | 'values' | 'b' | 'both' | 'parts' | 'parts, shared b', flags: number) {
  const pick = () => SIZES[inputs.integer(SIZES.length)];
  const [rows, cols, n] = [pick(), pick(), pick()];
  const stacked = kind.startsWith('parts');
  const parts = stacked ? 3 : 1;
  const { csr } = randomCsr(inputs, parts, rows, cols, [0.05, 0.3, 0.8][inputs.integer(3)]);
  const [transA, transB, transC] = [1, 2, 4].map((bit) => (flags & bit) !== 0);
  const activation = (['none', 'relu', 'tanh', 'sigmoid'] as const)[inputs.integer(4)];
  const [m, k] = transA ? [cols, rows] : [rows, cols];
  const batch = stacked || kind === 'one' ? 1 : 2;
  const lead = batch === 1 ? [] : [batch];
  const bLead = kind === 'parts' ? [parts] : kind === 'b' || kind === 'both' ? lead : [];
  const shapes: Shapes = {
    values: [...(kind === 'values' || kind === 'both' ? lead : []), csr.columns.length],
    b: [...bLead, ...(transB ? [n, k] : [k, n])],
    bias: [null, [m], stacked ? [parts, m] : [m]][inputs.integer(3)],
    c: [...(stacked ? [parts] : lead), ...(transC ? [n, m] : [m, n])],
  };
  const problem: SpmmProblem = { csr, n, batch, transA, transB, transC, activation };
  return { problem, shapes };
}

const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

async function check(device: Device, inputs: Inputs, { problem, shapes }: ReturnType<typeof draw>, what: string) {
  const { csr, transA, transB, transC, activation } = problem;
  const [values, b] = [inputs.uniform(count(shapes.values)), inputs.uniform(count(shapes.b))];
  const bias = shapes.bias && inputs.uniform(count(shapes.bias));
  using pattern = csrPattern(device, csr);
  const c = scope(() =>
    spmm(pattern, tensor(device, values, { shape: shapes.values }), tensor(device, b, { shape: shapes.b }), {
      ...{ transA, transB, transC, activation },
      ...(bias && shapes.bias ? { bias: tensor(device, bias, { shape: shapes.bias }) } : {}),
    }),
  );
  expect(c.shape).toEqual(shapes.c);
  const text = `${what}: ${pattern}, n = ${problem.n}, ${JSON.stringify({ transA, transB, transC, activation })}`;
  expectClose(await c.data(), spmmRef(problem, values, b, bias ?? undefined), { rtol: 3e-6, atol: 1e-6, what: text });
  c.dispose();
}

const KINDS = ['one', 'values', 'b', 'both', 'parts', 'parts, shared b'] as const;

describe(`spmm (seed ${SEED})`, () => {
  it('agrees with float64 in all layouts, batched, of parts, with bias and activation', async () => {
    const inputs = new Inputs('spmm');
    for (let round = 0; round < 16; round++)
      await check(software.device, inputs, draw(inputs, KINDS[round % 6], round % 8), 'by the rules');
  });

  it('agrees with float64 where a device is taken for a GPU', async () => {
    const inputs = new Inputs('spmm on GPUs');
    for (let round = 0; round < 24; round++)
      await check(discrete.device, inputs, draw(inputs, KINDS[round % 6], round % 8), 'by the rules for GPUs');
    expect(discrete.device.pipelines.list().map((p) => p.name)).not.toContain('spmm panel');
  });

  it('agrees with float64 in every form', async () => {
    const { device } = software;
    for (const [f, form] of formsOf(device).entries()) {
      overrideForms(device, () => form);
      const inputs = new Inputs(`spmm as ${f}`);
      try {
        for (let round = 0; round < 4; round++)
          await check(device, inputs, draw(inputs, KINDS[(f + round) % 6], 2 * round + (f % 2)), showForm(form));
      } finally {
        overrideForms(device, null);
      }
    }
  });

  it('takes sizes of 0, empty patterns, one entry, and full ones', async () => {
    const run = async (rows: number, cols: number, n: number, entries: number[][], options = {}) => {
      const offsets = [0];
      for (let r = 0; r < rows; r++) offsets.push(offsets[r] + (entries[r]?.length ?? 0));
      using pattern = csrPattern(software.device, { rows, cols, offsets, columns: entries.flat() });
      const c = scope(() => {
        const values = tensor(software.device, new Float32Array(pattern.nnz).fill(2));
        const b = tensor(software.device, new Float32Array(cols * n).fill(3), { shape: [cols, n] });
        const bias = tensor(
          software.device,
          Float32Array.from({ length: rows }, (_, i) => i),
        );
        return spmm(pattern, values, b, { bias, ...options });
      });
      expect(c.shape).toEqual([rows, n]);
      const data = [...(await c.data())];
      c.dispose();
      return data;
    };
    expect(await run(0, 3, 2, [])).toEqual([]);
    expect(await run(3, 3, 0, [[0], [], []])).toEqual([]);
    expect(await run(2, 0, 2, [])).toEqual([0, 0, 1, 1]);
    expect(await run(2, 3, 2, [])).toEqual([0, 0, 1, 1]);
    expect(await run(2, 2, 1, [], { transA: true })).toEqual([0, 1]);
    expect(await run(2, 3, 2, [[], [2]])).toEqual([0, 0, 7, 7]);
    expect(
      await run(2, 3, 1, [
        [0, 1, 2],
        [0, 1, 2],
      ]),
    ).toEqual([18, 19]);
  });

  it('keeps infinities and NaN where they belong', async () => {
    const { device } = software;
    using pattern = csrPattern(device, { rows: 3, cols: 3, offsets: [0, 1, 3, 3], columns: [1, 0, 2] });
    for (const form of [null, ...formsOf(device)]) {
      overrideForms(device, form && (() => form));
      const c = scope(() =>
        spmm(pattern, tensor(device, [1, -1, 1]), tensor(device, [[1], [Number.POSITIVE_INFINITY], [Number.NaN]])),
      );
      overrideForms(device, null);
      expect([...(await c.data())], form ? showForm(form) : 'rules').toEqual([Number.POSITIVE_INFINITY, Number.NaN, 0]);
      c.dispose();
    }
  });

  it('is the dense product of the expanded matrix, and transposed that of its transpose', async () => {
    const { device } = software;
    const inputs = new Inputs('laws');
    const [m, k, n] = [70, 90, 36];
    const { mask, csr } = randomCsr(inputs, 1, m, k, 0.2);
    const turned = turn(csr);
    using pattern = csrPattern(device, csr);
    using other = csrPattern(device, turned.csr);
    const values = inputs.uniform(csr.columns.length);
    const b = inputs.uniform(k * n);
    const [dense, c, t] = scope(() => {
      const v = tensor(device, values);
      const x = tensor(device, b, { shape: [k, n] });
      const moved = tensor(
        device,
        Float32Array.from(turned.from, (p) => values[p]),
      );
      return [densify(pattern, v), spmm(pattern, v, x), spmm(other, moved, x, { transA: true })];
    });
    const expanded = await dense.data();
    expect([...expanded].filter((_, i) => !mask[i]).every((v) => v === 0)).toBe(true);
    expectClose(await c.data(), product(expanded, b, 1, m, n, k), { rtol: 3e-6, what: 'S b' });
    expectClose(await t.data(), await c.data(), { rtol: 3e-6, what: '(Sᵀ)ᵀ b' });
    for (const x of [dense, c, t]) x.dispose();
  });

  it('gives the same bytes twice', async () => {
    for (const { device } of [software, discrete]) {
      const inputs = new Inputs('bytes');
      const { csr } = randomCsr(inputs, 1, 80, 700, 0.1);
      using pattern = csrPattern(device, csr);
      using values = tensor(device, inputs.normal(csr.columns.length));
      using b = tensor(device, inputs.normal(700 * 48), { shape: [700, 48] });
      using first = spmm(pattern, values, b);
      using second = spmm(pattern, values, b);
      expect(await second.data()).toEqual(await first.data());
    }
  });

  it('replays in a compiled step, chunks of a long K included', async () => {
    const { device } = software;
    const inputs = new Inputs('replay');
    const { csr } = randomCsr(inputs, 1, 8, 600, 0.1);
    using pattern = csrPattern(device, csr);
    using values = tensor(device, inputs.uniform(csr.columns.length));
    const step = compile(device, (x: Tensor) => spmm(pattern, values, x));
    const problem: SpmmProblem = {
      csr,
      n: 40,
      batch: 1,
      transA: false,
      transB: false,
      transC: false,
      activation: 'none',
    };
    for (let i = 0; i < 3; i++) {
      const b = inputs.uniform(600 * 40);
      using x = tensor(device, b, { shape: [600, 40] });
      using y = step(x);
      expectClose(await y.data(), spmmRef(problem, (await values.data()) as Float32Array, b), { rtol: 3e-6 });
    }
    step.dispose();
  });
});

/** The transposed compressed rows, and where each entry was. */
function turn(csr: HostCsr) {
  const columns: number[] = [];
  const from: number[] = [];
  const offsets = [0];
  for (let c = 0; c < csr.cols; c++) {
    for (let r = 0; r < csr.rows; r++)
      for (let p = csr.offsets[r]; p < csr.offsets[r + 1]; p++)
        if (csr.columns[p] === c) {
          columns.push(r);
          from.push(p);
        }
    offsets.push(columns.length);
  }
  return { csr: { rows: csr.cols, cols: csr.rows, offsets, columns }, from };
}

describe('gradients of spmm', () => {
  it.each([
    ['plain', 0, 'one', 'none', false],
    ['transposed, with bias and tanh', 1, 'one', 'tanh', true],
    ['of a linear layer, a batch that shares the matrix', 6, 'b', 'sigmoid', true],
    ['a batch of values', 3, 'values', 'none', false],
    ['a batch of both', 4, 'both', 'tanh', true],
    ['parts', 7, 'parts', 'tanh', true],
    ['parts that share b', 2, 'parts, shared b', 'none', false],
  ] as const)('%s', async (name, flags, kind, activation, withBias) => {
    for (const { device } of [software, discrete]) {
      const inputs = new Inputs(`gradients ${name}`);
      const stacked = kind.startsWith('parts');
      const parts = stacked ? 2 : 1;
      const { csr } = randomCsr(inputs, parts, 5, 4, 0.5);
      if (csr.columns.length === 0) continue;
      const [transA, transB, transC] = [1, 2, 4].map((bit) => (flags & bit) !== 0);
      const [m, k, n] = transA ? [4, 5, 3] : [5, 4, 3];
      const many = stacked ? [] : [2];
      const problem: SpmmProblem = {
        csr,
        n,
        batch: stacked || kind === 'one' ? 1 : 2,
        transA,
        transB,
        transC,
        activation,
      };
      const bLead = kind === 'parts' ? [parts] : kind === 'b' || kind === 'both' ? many : [];
      const shapes = [
        [...(kind === 'values' || kind === 'both' ? many : []), csr.columns.length],
        [...bLead, ...(transB ? [n, k] : [k, n])],
        ...(withBias ? [stacked ? [parts, m] : [m]] : []),
      ];
      using pattern = csrPattern(device, csr);
      await checkGradients({
        device,
        name: `spmm ${name}`,
        f: (v, b, bias?: Tensor) => spmm(pattern, v, b, { transA, transB, transC, activation, bias }),
        host: (v, b, bias?: Float64Array) => spmmRef(problem, v, b, bias),
        shapes,
      });
    }
  });
});

describe('spmm refuses', () => {
  it('what does not fit, and leaves nothing behind', () => {
    const { device } = software;
    const pattern: Pattern = csrPattern(device, { rows: 2, cols: 3, offsets: [0, 2, 3], columns: [0, 2, 1] });
    using parts = csrPattern(device, { rows: 1, cols: 3, parts: 2, offsets: [0, 2, 3], columns: [0, 2, 1] });
    scope(() => {
      const v = tensor(device, [1, 2, 3]);
      const b = tensor(device, new Float32Array(12), { shape: [3, 4] });
      const many = tensor(device, new Float32Array(24), { shape: [2, 3, 4] });
      const three = tensor(device, new Float32Array(9), { shape: [3, 3] });
      const cases: [() => unknown, new (...args: never[]) => Error, string][] = [
        [() => spmm(pattern, b, b), ShapeError, 'spmm: expected values of shape [...batch, 3], got [3, 4]'],
        [() => spmm(parts, three, b), ShapeError, 'expected values of shape [3], got [3, 3]'],
        [() => spmm(pattern, v, v), ShapeError, 'expected b of shape [..., 3, n], got [3]'],
        [() => spmm(pattern, v, b, { transB: true }), ShapeError, 'expected b of shape [..., n, 3], got [3, 4]'],
        [() => spmm(pattern, v, b, { transA: true }), ShapeError, 'expected b of shape [..., 2, n], got [3, 4]'],
        [() => spmm(pattern, three, many), ShapeError, 'expected values and b with one batch, got [3] and [2]'],
        [
          () => spmm(parts, v, tensor(device, new Float32Array(36), { shape: [3, 3, 4] })),
          ShapeError,
          'expected b shared by all 2 parts, or one each, got [3]',
        ],
        [() => spmm(pattern, v, b, { bias: v }), ShapeError, 'expected a bias of shape [2], got [3]'],
        [() => spmm(parts, v, b, { bias: v }), ShapeError, 'expected a bias of shape [1] or [2, 1], got [3]'],
        [
          () => spmm(pattern, v, b, { activation: 'gelu' as 'relu' }),
          ArgumentError,
          'activation among none, relu, tanh, sigmoid, got gelu',
        ],
        [
          () => spmm(pattern, tensor(device, [1, 2, 3], { dtype: 'i32' }), b),
          DTypeError,
          'values of dtype f32, got i32',
        ],
        [
          () => spmm(pattern, v, tensor(device, new Int32Array(12), { shape: [3, 4] })),
          DTypeError,
          'b of dtype f32, got i32',
        ],
      ];
      for (const [make, kind, text] of cases) {
        expect(make).toThrow(kind);
        expect(make).toThrow(text);
      }
      pattern.dispose();
      expect(() => spmm(pattern, v, b)).toThrow(DisposedError);
    });
  });
});
