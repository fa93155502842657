import { describe, expect, it } from 'vitest';
import { type Device, DisposedError, DTypeError, ShapeError, scope, tensor } from '../../src/index.js';
import { csrPattern, sddmm } from '../../src/sparse/index.js';
import { overrideForms } from '../../src/sparse/spmm-rules.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';
import { formsOf, randomCsr, type SddmmProblem, sddmmRef, showForm } from './products.js';

const software = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

const SIZES = [1, 2, 3, 4, 5, 8, 17, 31, 32, 33, 40, 65, 72];
const KINDS = ['one', 'x', 'y', 'both', 'parts', 'parts, shared y'] as const;
type Kind = (typeof KINDS)[number];

const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

function problemOf(kind: Kind, [rows, cols, n]: readonly number[], flags: number, density: number, inputs: Inputs) {
  const parts = kind.startsWith('parts') ? 3 : 1;
  const { csr } = randomCsr(inputs, parts, rows, cols, density);
  const [transX, transY] = [1, 2].map((bit) => (flags & bit) !== 0);
  const batch = parts > 1 || kind === 'one' ? 1 : 2;
  const lead = (own: boolean) => (own ? [parts > 1 ? parts : batch] : []);
  const shapes = [
    [...lead(kind !== 'one' && kind !== 'y'), ...(transX ? [n, rows] : [rows, n])],
    [...lead(kind === 'y' || kind === 'both' || kind === 'parts'), ...(transY ? [n, cols] : [cols, n])],
  ];
  const problem: SddmmProblem = { csr, n, batch, transX, transY };
  return { problem, shapes, out: [...(batch === 1 ? [] : [batch]), csr.columns.length] };
}

async function check(device: Device, inputs: Inputs, kind: Kind, flags: number, what: string) {
  const pick = () => SIZES[inputs.integer(SIZES.length)];
  const sizes = [pick(), pick(), pick()];
  const { problem, shapes, out } = problemOf(kind, sizes, flags, [0.05, 0.3, 0.8][inputs.integer(3)], inputs);
  const { csr, transX, transY } = problem;
  const [x, y] = shapes.map((s) => inputs.uniform(count(s)));
  using pattern = csrPattern(device, csr);
  const values = scope(() =>
    sddmm(pattern, tensor(device, x, { shape: shapes[0] }), tensor(device, y, { shape: shapes[1] }), {
      transX,
      transY,
    }),
  );
  expect(values.shape).toEqual(out);
  const text = `${what}: ${kind}, ${pattern}, n = ${problem.n}, ${JSON.stringify({ transX, transY })}`;
  expectClose(await values.data(), sddmmRef(problem, x, y), { rtol: 3e-6, atol: 1e-6, what: text });
  values.dispose();
}

describe(`sddmm (seed ${SEED})`, () => {
  it('agrees with float64 in all layouts, batched and of parts', async () => {
    const inputs = new Inputs('sddmm');
    for (let round = 0; round < 12; round++)
      await check(software.device, inputs, KINDS[round % 6], round % 4, 'by the rules');
  });

  it('agrees with float64 where a device is taken for a GPU', async () => {
    const inputs = new Inputs('sddmm on GPUs');
    for (let round = 0; round < 12; round++)
      await check(discrete.device, inputs, KINDS[round % 6], round % 4, 'by the rules for GPUs');
    expect(discrete.device.pipelines.list().map((p) => p.name)).not.toContain('sddmm panel');
  });

  it('agrees with float64 in every form', async () => {
    const { device } = software;
    const forms = formsOf(device).filter((f) => f.kind === 'panel' || f.across === 1);
    for (const [f, form] of forms.entries()) {
      overrideForms(device, () => form);
      const inputs = new Inputs(`sddmm as ${f}`);
      try {
        for (let round = 0; round < 4; round++)
          await check(device, inputs, KINDS[(f + round) % 6], (f + round) % 4, showForm(form));
      } finally {
        overrideForms(device, null);
      }
    }
  });

  it('takes empty patterns and no columns', async () => {
    using pattern = csrPattern(software.device, { rows: 2, cols: 3, offsets: [0, 1, 3], columns: [1, 0, 2] });
    using empty = csrPattern(software.device, { rows: 2, cols: 3, offsets: [0, 0, 0], columns: [] });
    for (const form of [null, ...formsOf(software.device)]) {
      overrideForms(software.device, form && (() => form));
      const [none, zeros] = scope(() => {
        const [x, y] = [2, 3].map((rows) => tensor(software.device, new Float32Array(rows), { shape: [rows, 1] }));
        const [x0, y0] = [2, 3].map((rows) => tensor(software.device, new Float32Array(0), { shape: [rows, 0] }));
        return [sddmm(empty, x, y), sddmm(pattern, x0, y0)];
      });
      overrideForms(software.device, null);
      expect(none.shape).toEqual([0]);
      expect([...(await zeros.data())]).toEqual([0, 0, 0]);
      none.dispose();
      zeros.dispose();
    }
  });

  it('keeps infinities out of columns that are not there', async () => {
    using pattern = csrPattern(software.device, { rows: 1, cols: 2, offsets: [0, 2], columns: [0, 1] });
    const values = scope(() =>
      sddmm(
        pattern,
        tensor(software.device, [[1, 2, 1]]),
        tensor(software.device, [
          [1, 2, Number.POSITIVE_INFINITY],
          [1, 2, 3],
        ]),
      ),
    );
    expect([...(await values.data())]).toEqual([Number.POSITIVE_INFINITY, 8]);
    values.dispose();
  });

  it('gives the same bytes twice, over many columns and chunks', async () => {
    for (const { device } of [software, discrete]) {
      const inputs = new Inputs('bytes');
      const [rows, cols, n] = [300, 400, 100];
      const { csr } = randomCsr(inputs, 1, rows, cols, 0.02);
      using pattern = csrPattern(device, csr);
      const [x, y] = [inputs.normal(rows * n), inputs.normal(cols * n)];
      const once = async () => {
        const v = scope(() =>
          sddmm(pattern, tensor(device, x, { shape: [rows, n] }), tensor(device, y, { shape: [cols, n] })),
        );
        const data = await v.data();
        v.dispose();
        return data;
      };
      const first = await once();
      expect(await once()).toEqual(first);
      expectClose(first, sddmmRef({ csr, n, batch: 1, transX: false, transY: false }, x, y), { rtol: 3e-6 });
    }
  });
});

describe('gradients of sddmm', () => {
  it.each(KINDS.map((kind, i) => [kind, i % 4] as const))('%s', async (kind, flags) => {
    const inputs = new Inputs(`gradients ${kind}`);
    const { problem, shapes } = problemOf(kind, [4, 5, 3], flags, 0.5, inputs);
    const { csr, transX, transY } = problem;
    if (csr.columns.length === 0) return;
    using pattern = csrPattern(software.device, csr);
    await checkGradients({
      device: software.device,
      name: `sddmm ${kind}`,
      f: (x, y) => sddmm(pattern, x, y, { transX, transY }),
      host: (x, y) => sddmmRef(problem, x, y),
      shapes,
    });
  });
});

it('refuses what does not fit', () => {
  const { device } = software;
  const pattern = csrPattern(device, { rows: 2, cols: 3, offsets: [0, 2, 3], columns: [0, 2, 1] });
  using parts = csrPattern(device, { rows: 1, cols: 3, parts: 2, offsets: [0, 2, 3], columns: [0, 2, 1] });
  scope(() => {
    const make = (...shape: number[]) => tensor(device, new Float32Array(count(shape)), { shape });
    const cases: [() => unknown, new (...args: never[]) => Error, string][] = [
      [() => sddmm(pattern, make(3, 4), make(3, 4)), ShapeError, 'sddmm: expected x of shape [..., 2, n], got [3, 4]'],
      [() => sddmm(pattern, make(2, 4), make(4, 3)), ShapeError, 'expected y of shape [..., 3, n], got [4, 3]'],
      [
        () => sddmm(pattern, make(2, 4), make(3, 5)),
        ShapeError,
        'expected y with n = 4 columns, as x has, got 5, from [3, 5]',
      ],
      [
        () => sddmm(pattern, make(2, 2, 4), make(3, 3, 4)),
        ShapeError,
        'expected x and y with one batch, got [2] and [3]',
      ],
      [
        () => sddmm(parts, make(3, 1, 4), make(3, 4)),
        ShapeError,
        'expected x shared by all 2 parts, or one each, got [3]',
      ],
      [
        () => sddmm(pattern, tensor(device, new Int32Array(8), { shape: [2, 4] }), make(3, 4)),
        DTypeError,
        'x of dtype f32',
      ],
    ];
    for (const [run, kind, text] of cases) {
      expect(run).toThrow(kind);
      expect(run).toThrow(text);
    }
    pattern.dispose();
    expect(() => sddmm(pattern, make(2, 4), make(3, 4))).toThrow(DisposedError);
  });
});
