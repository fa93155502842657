import { describe, expect, it } from 'vitest';
import { linear, mean, mul, relu, scope, sub, sum, type Tensor, tensor } from '../../src/index.js';
import { Parameters } from '../../src/nn/index.js';
import { gradientScores, maskByScores, planSparsity } from '../../src/prune/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import { maskValues, partOf } from './networks.js';

const t = testDevice();

/** A small network without biases; its loss is half the summed squares of y - target. */
function network(rows1: number[][], rows2: number[][]) {
  const parameters = new Parameters(t.device, [
    { name: 'w1', shape: [rows1.length, rows1[0].length] },
    { name: 'w2', shape: [rows2.length, rows2[0].length] },
  ]);
  parameters.get('w1').write(rows1.flat());
  parameters.get('w2').write(rows2.flat());
  const loss =
    (act: (x: Tensor) => Tensor) =>
    ([x, y]: Tensor[]) => {
      const error = sub(linear(act(linear(x, parameters.get('w1'))), parameters.get('w2')), y);
      return mul(sum(mul(error, error)), 0.5);
    };
  return { parameters, loss };
}

/** |w sum of dL/dw| of that network with ReLU in float64. */
function reference(w1: number[][], w2: number[][], batches: [number[][], number[][]][]): [number[], number[]] {
  const g1 = w1.map((row) => row.map(() => 0));
  const g2 = w2.map((row) => row.map(() => 0));
  for (const [xs, ys] of batches)
    xs.forEach((x, n) => {
      const h = w1.map((row) =>
        Math.max(
          0,
          row.reduce((s, w, i) => s + w * x[i], 0),
        ),
      );
      const e = w2.map((row, o) => row.reduce((s, w, i) => s + w * h[i], 0) - ys[n][o]);
      w2.forEach((row, o) => row.forEach((_, j) => void (g2[o][j] += e[o] * h[j])));
      w1.forEach((row, j) => {
        const back = h[j] > 0 ? w2.reduce((s, r, o) => s + r[j] * e[o], 0) : 0;
        row.forEach((_, i) => void (g1[j][i] += back * x[i]));
      });
    });
  const score = (w: number[][], g: number[][]) => w.flatMap((row, a) => row.map((v, b) => Math.abs(v * g[a][b])));
  return [score(w1, g1), score(w2, g2)];
}

const rowsOf = (values: ArrayLike<number>, columns: number): number[][] =>
  Array.from({ length: values.length / columns }, (_, r) => Array.from(values).slice(r * columns, (r + 1) * columns));

describe(`gradient times weight (seed ${SEED})`, () => {
  it('has the published values on a linear network', async () => {
    const { parameters, loss } = network(
      [
        [1, -2],
        [3, 4],
      ],
      [[-1, 2]],
    );
    const batch = [tensor(t.device, [[1, 2]]), tensor(t.device, [[1]])];
    const scores = await gradientScores(
      parameters,
      loss((x) => x),
      [batch],
    );
    const flat = await scores.data();
    expect([partOf(parameters, flat, 'w1'), partOf(parameters, flat, 'w2')]).toEqual([
      [24, 96, 144, 384],
      [72, 528],
    ]);
    for (const x of [...batch, scores, parameters]) x.dispose();
  });

  it('sums gradients over batches, not scores: against float64', async () => {
    const inputs = new Inputs('snip');
    const [w1, w2] = [rowsOf(inputs.normal(35), 5), rowsOf(inputs.normal(21), 7)];
    const host = [8, 8, 3].map((n): [number[][], number[][]] => [
      rowsOf(inputs.normal(5 * n), 5),
      rowsOf(inputs.normal(3 * n), 3),
    ]);
    const { parameters, loss } = network(w1, w2);
    const batches = host.map((pair) => pair.map((values) => tensor(t.device, values)));
    const scores = await gradientScores(parameters, loss(relu), batches);
    const flat = await scores.data();
    const [s1, s2] = reference(w1, w2, host);
    expectClose(partOf(parameters, flat, 'w1'), s1, { rtol: 1e-5 });
    expectClose(partOf(parameters, flat, 'w2'), s2, { rtol: 1e-5 });
    async function* arriving() {
      yield* batches;
    }
    const again = await gradientScores(parameters, loss(relu), arriving());
    expect(await again.data()).toEqual(flat);
    for (const x of [...batches.flat(), scores, again, parameters]) x.dispose();
  });

  it('under a mask is that of the masked network, which gets its weights back', async () => {
    const inputs = new Inputs('snip masked');
    const [w1, w2] = [rowsOf(inputs.normal(35), 5), rowsOf(inputs.normal(21), 7)];
    const host: [number[][], number[][]] = [rowsOf(inputs.normal(40), 5), rowsOf(inputs.normal(24), 3)];
    const { parameters, loss } = network(w1, w2);
    const before = await parameters.flat.data();
    const batch = host.map((values) => tensor(t.device, values));
    const first = await gradientScores(parameters, loss(relu), [batch]);
    const pruned = await maskByScores(parameters, planSparsity(parameters, 0.5), first);
    const second = await gradientScores(parameters, loss(relu), [batch], { mask: pruned.mask });
    const masks = await maskValues(parameters, pruned);
    const masked = (w: number[][], name: string) =>
      rowsOf(
        w.flat().map((v, i) => v * masks.get(name)![i]),
        w[0].length,
      );
    const [s1, s2] = reference(masked(w1, 'w1'), masked(w2, 'w2'), [host]);
    const flat = await second.data();
    expectClose(partOf(parameters, flat, 'w1'), s1, { rtol: 1e-5 });
    expectClose(partOf(parameters, flat, 'w2'), s2, { rtol: 1e-5 });
    expect(await parameters.flat.data()).toEqual(before);
    const nested = await maskByScores(parameters, planSparsity(parameters, 0.8), second, { within: pruned });
    expect(nested.kept).toBe(Math.round(56 - 0.8 * 56));
    for (const x of [...batch, first, second, pruned.mask, nested.mask, parameters]) x.dispose();
  });

  it('refuses no batches, and gives the weights back when the loss fails', async () => {
    const { parameters } = network([[1, 2]], [[3]]);
    const before = await parameters.flat.data();
    const mask = parameters.like();
    const failing = () => {
      throw new Error('no loss');
    };
    await expect(gradientScores(parameters, failing, [], { mask })).rejects.toThrow(
      'gradientScores: expected at least one batch, got none',
    );
    await expect(gradientScores(parameters, failing, [1], { mask })).rejects.toThrow('no loss');
    await expect(gradientScores(parameters, () => scope(() => mean(parameters.get('w1'))), [1])).rejects.toThrow();
    expect(await parameters.flat.data()).toEqual(before);
    mask.dispose();
    parameters.dispose();
  });
});
