import { describe, expect, it } from 'vitest';
import { ArgumentError, compile, type Device, ShapeError, scope, type Tensor, tensor } from '../../src/index.js';
import { nmMatmul } from '../../src/sparse/nm-matmul.js';
import { type HostNm, nmPatternFromHost } from '../../src/sparse/nm-pattern.js';
import { type SpmmOptions, spmm } from '../../src/sparse/spmm.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { product } from '../support/product.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

const turned = (x: ArrayLike<number>, rows: number, cols: number): Float64Array =>
  Float64Array.from({ length: x.length }, (_, i) => {
    const [part, at] = [Math.floor(i / rows / cols), i % (rows * cols)];
    return x[part * rows * cols + (at % rows) * cols + Math.floor(at / rows)];
  });

/** n of every m columns, chosen at random. */
function randomNm(inputs: Inputs, n: number, m: number, rows: number, cols: number): HostNm {
  const indices: number[] = [];
  for (let at = 0; at < rows * cols; at += m) {
    const left = Array.from({ length: m }, (_, i) => (at % cols) + i);
    while (left.length > n) left.splice(inputs.integer(left.length), 1);
    indices.push(...left);
  }
  return { rows, cols, n, m, indices };
}

function expand({ rows, cols, indices }: HostNm, values: ArrayLike<number>): Float64Array {
  const dense = new Float64Array(rows * cols);
  const length = indices.length / rows;
  for (let i = 0; i < indices.length; i++) dense[Math.floor(i / length) * cols + indices[i]] = values[i];
  return dense;
}

interface Case {
  n: number;
  flags: number;
  parts?: number;
  /** Whether the batch shares the matrix, or the dense side. */
  sharedValues?: boolean;
  sharedB?: boolean;
  activation?: SpmmOptions['activation'];
}

async function check(device: Device, inputs: Inputs, host: HostNm, c: Case): Promise<void> {
  const { n, flags, parts = 1, sharedValues = true, sharedB = false, activation } = c;
  const [transA, transB, transC] = [0, 1, 2].map((i) => ((flags >> i) & 1) === 1);
  const { rows, cols } = host;
  const [m, k] = transA ? [cols, rows] : [rows, cols];
  const count = host.indices.length;
  const lead = parts === 1 ? [] : [parts];
  const v = inputs.uniform(sharedValues ? count : parts * count);
  const b = inputs.uniform(sharedB ? k * n : parts * k * n);
  const bias = inputs.uniform(m);
  using pattern = nmPatternFromHost(device, host);
  const out = scope(() =>
    nmMatmul(
      pattern,
      tensor(device, v, { shape: [...(sharedValues ? [] : lead), rows, pattern.length] }),
      tensor(device, b, { shape: [...(sharedB ? [] : lead), ...(transB ? [n, k] : [k, n])] }),
      { transA, transB, transC, activation, ...(activation ? { bias: tensor(device, bias) } : {}) },
    ),
  );
  expect(out.shape).toEqual([...lead, ...(transC ? [n, m] : [m, n])]);
  const each = (x: Float32Array, size: number, shared: boolean) =>
    Array.from({ length: parts }, (_, p) => (shared ? x : x.subarray(p * size, (p + 1) * size)));
  const dense = each(v, count, sharedValues).flatMap((x) => [...expand(host, x)]);
  const others = each(b, k * n, sharedB).flatMap((x) => [...x]);
  const y = product(dense, others, parts, m, n, k, transA, transB).map((z, i) =>
    activation ? Math.max(0, z + bias[Math.floor(i / n) % m]) : z,
  );
  const what = `${host.n}:${host.m} [${rows}, ${cols}], ${JSON.stringify(c)}`;
  expectClose(await out.data(), transC ? turned(y, m, n) : y, { what });
  out.dispose();
}

describe(`N:M products (seed ${SEED})`, () => {
  it('agree with float64 in every layout, with bias and activation', async () => {
    const inputs = new Inputs('nm layouts');
    for (let flags = 0; flags < 8; flags++) {
      const activation = flags % 3 === 0 ? 'relu' : undefined;
      await check(t.device, inputs, randomNm(inputs, 2, 4, 12, 24), { n: 36, flags, activation });
      await check(t.device, inputs, randomNm(inputs, 1, 3, 7, 15), { n: 5, flags, activation });
    }
  });

  it('agree with float64 for all kinds of groups and sizes', async () => {
    const inputs = new Inputs('nm sizes');
    for (const [n, m, rows, cols] of [
      [1, 1, 3, 5],
      [1, 4, 1, 4],
      [4, 8, 33, 64],
      [16, 16, 5, 32],
      [3, 5, 9, 70],
      [1, 16, 6, 128],
    ])
      for (const width of [0, 1, 33, 68])
        await check(t.device, inputs, randomNm(inputs, n, m, rows, cols), { n: width, flags: 0 });
    await check(t.device, inputs, randomNm(inputs, 2, 4, 4, 0), { n: 8, flags: 0 });
    await check(t.device, inputs, { rows: 0, cols: 8, n: 2, m: 4, indices: [] }, { n: 8, flags: 0 });
  });

  it('unfold rows of which half or more is kept, in tiles of 8, 16 and 32 rows', async () => {
    const inputs = new Inputs('nm unfolded');
    for (const [n, m, cols, flags] of [
      [3, 4, 28, 0],
      [1, 2, 36, 6],
      [4, 4, 24, 2],
      [2, 4, 40, 4],
      [1, 1, 12, 0],
      [1, 2, 18, 0],
      [5, 8, 16, 6],
    ])
      await check(t.device, inputs, randomNm(inputs, n, m, 11, cols), { n: flags === 2 ? 37 : 36, flags });
    await check(t.device, inputs, randomNm(inputs, 2, 4, 130, 512), { n: 68, flags: 0, activation: 'relu' });
    await check(t.device, inputs, randomNm(inputs, 2, 4, 40, 1024), { n: 800, flags: 6 });
  });

  it('serve batches, with a matrix for each or one for all', async () => {
    const inputs = new Inputs('nm batches');
    const host = randomNm(inputs, 2, 4, 8, 20);
    for (const flags of [0, 1, 6]) {
      await check(t.device, inputs, host, { n: 12, flags, parts: 3 });
      await check(t.device, inputs, host, { n: 12, flags, parts: 3, sharedValues: false });
      await check(t.device, inputs, host, { n: 12, flags, parts: 3, sharedValues: false, sharedB: true });
    }
  });

  it('run as on GPUs', async () => {
    const inputs = new Inputs('nm discrete');
    for (const [flags, n] of [
      [0, 36],
      [0, 7],
      [2, 12],
      [4, 12],
      [6, 9],
    ])
      await check(discrete.device, inputs, randomNm(inputs, 2, 4, 9, 24), { n, flags, parts: 2, activation: 'relu' });
  });

  it('equal the product of compressed rows, with the same bytes twice, also in a compiled step', async () => {
    const inputs = new Inputs('nm law');
    using pattern = nmPatternFromHost(t.device, randomNm(inputs, 1, 4, 20, 64));
    const v = tensor(t.device, inputs.uniform(20 * 16), { shape: [20, 16] });
    const b = tensor(t.device, inputs.uniform(64 * 40), { shape: [64, 40] });
    using step = compile(t.device, (values: Tensor, x: Tensor) => ({
      own: nmMatmul(pattern, values, x),
      rows: spmm(pattern.csr, values.view('test', [320]), x),
    }));
    const runs: string[] = [];
    for (let i = 0; i < 4; i++) {
      const out = step(v, b);
      const own = await out.own.data();
      expectClose(own, await out.rows.data(), { rtol: 1e-6 });
      runs.push(own.join());
      for (const r of Object.values(out)) r.dispose();
    }
    expect(new Set(runs).size).toBe(1);
    v.dispose();
    b.dispose();
  });

  for (const flags of [0, 1, 6]) {
    it(`have first and second derivatives, layout ${flags}`, async () => {
      const [transA, transB, transC] = [0, 1, 2].map((i) => ((flags >> i) & 1) === 1);
      const host = randomNm(new Inputs(`nm gradients ${flags}`), 2, 4, 5, 8);
      const [m, k, n] = transA ? [8, 5, 3] : [5, 8, 3];
      using pattern = nmPatternFromHost(t.device, host);
      await checkGradients({
        device: t.device,
        name: `nmMatmul ${flags}`,
        shapes: [[5, 4], transB ? [n, k] : [k, n], [m]],
        f: (v, b, bias) => nmMatmul(pattern, v, b, { transA, transB, transC, bias, activation: 'tanh' }),
        host: (v, b, bias) => {
          const y = product(expand(host, v), b, 1, m, n, k, transA, transB).map((z, i) =>
            Math.tanh(z + bias[Math.floor(i / n)]),
          );
          return transC ? turned(y, m, n) : y;
        },
      });
    });
  }

  it('sum gradients over a batch that shares an operand', async () => {
    const host = randomNm(new Inputs('nm batch gradients'), 1, 4, 3, 8);
    using pattern = nmPatternFromHost(t.device, host);
    const per = (f: (p: number) => Float64Array) => [0, 1].flatMap((p) => [...f(p)]);
    await checkGradients({
      ...{
        device: t.device,
        name: 'shared values',
        shapes: [
          [3, 2],
          [2, 8, 3],
        ],
      },
      f: (v, b) => nmMatmul(pattern, v, b),
      host: (v, b) => per((p) => product(expand(host, v), b.subarray(24 * p, 24 * p + 24), 1, 3, 3, 8)),
    });
    await checkGradients({
      ...{
        device: t.device,
        name: 'shared operand',
        shapes: [
          [2, 3, 2],
          [8, 3],
        ],
      },
      f: (v, b) => nmMatmul(pattern, v, b),
      host: (v, b) => per((p) => product(expand(host, v.subarray(6 * p, 6 * p + 6)), b, 1, 3, 3, 8)),
    });
  });

  it('refuse what does not fit', () => {
    const { device } = t;
    using pattern = nmPatternFromHost(device, { rows: 2, cols: 8, n: 1, m: 4, indices: [0, 4, 3, 7] });
    scope(() => {
      const of = (...shape: number[]) => tensor(device, new Float32Array(shape.reduce((a, b) => a * b, 1)), { shape });
      const [v, b] = [of(2, 2), of(8, 3)];
      expect(() => nmMatmul(pattern, of(2, 4), b)).toThrow(
        'nmMatmul: expected values of shape [...batch, 2, 2], got [2, 4]',
      );
      expect(() => nmMatmul(pattern, v, of(4, 3))).toThrow(
        'nmMatmul: expected b of shape [...batch, 8, n], got [4, 3]',
      );
      expect(() => nmMatmul(pattern, v, b, { transB: true })).toThrow(ShapeError);
      expect(() => nmMatmul(pattern, v, b, { transA: true })).toThrow(ShapeError);
      expect(() => nmMatmul(pattern, v, b, { bias: of(3) })).toThrow('nmMatmul: expected a bias of shape [2], got [3]');
      expect(() => nmMatmul(pattern, v, b, { activation: 'gelu' as 'relu' })).toThrow(ArgumentError);
      expect(() => nmMatmul(pattern, of(2, 2, 2), of(3, 8, 3))).toThrow('values and b with one batch');
    });
  });
});
