import { describe, expect, it } from 'vitest';
import { ArgumentError, ShapeError, tensor, zeros } from '../../src/index.js';
import { Lambda, Model } from '../../src/nn/index.js';
import { evaluate } from '../../src/train/index.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';

const t = testDevice();
/** A model whose logits are its inputs. */
const identity = () => new Model(t.device, new Lambda((x) => x));

function reference(logits: Float32Array, targets: Int32Array, classes: number) {
  let [correct, correct5, loss] = [0, 0, 0];
  targets.forEach((target, i) => {
    const row = [...logits.subarray(i * classes, (i + 1) * classes)];
    const order = row.map((_, c) => c).sort((a, b) => row[b] - row[a] || a - b);
    const place = row.some(Number.isNaN) ? classes : order.indexOf(target);
    if (place < 1) correct++;
    if (place < Math.min(5, classes)) correct5++;
    const top = Math.max(...row);
    loss += Math.log(row.reduce((s, v) => s + Math.exp(v - top), 0)) + top - row[target];
  });
  return { correct, correct5, loss: loss / targets.length };
}

describe('evaluate', () => {
  it.each([
    [1, 3, 500],
    [7, 10, 7],
    [23, 10, 6],
    [101, 4, 10],
    [64, 13, 64],
  ])('ranks %i inputs of %i classes in batches of %i', async (n, classes, batch) => {
    const random = new Inputs(`evaluate ${n}`);
    // Few different values, so that there are ties.
    const logits = Float32Array.from(random.integers(n * classes, 9), (v) => v / 4);
    const targets = random.integers(n, classes);
    const [x, y, model] = [tensor(t.device, logits, { shape: [n, classes] }), tensor(t.device, targets), identity()];
    const found = await evaluate(model, x, y, batch);
    const expected = reference(logits, targets, classes);
    expect(found).toMatchObject({ correct: expected.correct, correct5: expected.correct5, count: n });
    expect(found.accuracy).toBe(expected.correct / n);
    expect(found.top5).toBe(expected.correct5 / n);
    expect(found.loss).toBeCloseTo(expected.loss, 4);
    for (const thing of [x, y, model]) thing.dispose();
  });

  it('counts an input with a NaN among its logits as wrong, and infinite logits as they are', async () => {
    const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
    const rows = [
      [nan, 1, 2],
      [0, 1, nan],
      [0, inf, 1],
      [-inf, 1, 0],
    ];
    const x = tensor(t.device, rows);
    const y = tensor(t.device, Int32Array.of(0, 1, 1, 1));
    const model = identity();
    expect(await evaluate(model, x, y)).toMatchObject({ correct: 2, correct5: 2 });
    for (const thing of [x, y, model]) thing.dispose();
  });

  it('refuses what it cannot count', async () => {
    const model = identity();
    const [x, y, none] = [zeros(t.device, [4, 3]), zeros(t.device, [4], 'i32'), zeros(t.device, [0, 3])];
    const empty = zeros(t.device, [0], 'i32');
    await expect(evaluate(model, x, empty)).rejects.toThrow(new ShapeError('evaluate', 'targets of shape [4]', '[0]'));
    await expect(evaluate(model, none, empty)).rejects.toThrow(ArgumentError);
    await expect(evaluate(model, x, y, 0)).rejects.toThrow('evaluate: expected a batch >= 1, got 0');
    await expect(evaluate(model, x, x)).rejects.toThrow(ShapeError);
    for (const thing of [x, y, none, empty, model]) thing.dispose();
  });
});
