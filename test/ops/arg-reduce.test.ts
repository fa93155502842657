import { describe, expect, it } from 'vitest';
import { ArgumentError, argmax, argmin, scope, tensor } from '../../src/index.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

/** First index of the extremum along n of x [lead, n, inner]; the first NaN wins. */
function hostArg(x: ArrayLike<number>, lead: number, n: number, inner: number, least: boolean): number[] {
  const out: number[] = [];
  for (let a = 0; a < lead; a++) {
    for (let b = 0; b < inner; b++) {
      let best = 0;
      const at = (i: number) => x[(a * n + i) * inner + b];
      for (let i = 1; i < n; i++) {
        if (Number.isNaN(at(best))) break;
        if (Number.isNaN(at(i)) || (least ? at(i) < at(best) : at(i) > at(best))) best = i;
      }
      out.push(best);
    }
  }
  return out;
}

describe(`argmax and argmin (seed ${SEED})`, () => {
  for (const name of ['software', 'discrete']) {
    it(`agree with the host on ties, NaN and infinities (${name})`, async () => {
      const device = name === 'software' ? t.device : discrete.device;
      const inputs = new Inputs(`arg ${name}`);
      const sizes = [
        [1, 1, 1],
        [2, 3, 5],
        [70, 65, 1],
        [1, 1009, 1],
        [3, 20011, 1],
        [1, 9001, 3],
        [40, 50, 40],
      ];
      for (const [lead, n, inner] of sizes) {
        for (const extra of [[], [Number.NaN], [0, -0], [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]]) {
          const x = inputs.uniform(lead * n * inner, -9, 9).map((v) => Math.round(v));
          extra.forEach((v) => {
            for (let k = 0; k < Math.min(3, x.length); k++) x[inputs.integer(x.length)] = v;
          });
          const made = scope(() => {
            const v = tensor(device, x, { shape: [lead, n, inner] });
            return { max: argmax(v, 1), min: argmin(v, -2, { keepDims: true }), all: argmax(v), least: argmin(v) };
          });
          expect([made.max.shape, made.min.shape, made.all.shape]).toEqual([[lead, inner], [lead, 1, inner], []]);
          expect(Array.from(await made.max.data())).toEqual(hostArg(x, lead, n, inner, false));
          expect(Array.from(await made.min.data())).toEqual(hostArg(x, lead, n, inner, true));
          expect(await made.all.item()).toBe(hostArg(x, 1, x.length, 1, false)[0]);
          expect(await made.least.item()).toBe(hostArg(x, 1, x.length, 1, true)[0]);
          for (const y of Object.values(made)) y.dispose();
        }
      }
    });
  }

  it('compares integers and bools as such', async () => {
    const made = scope(() => [
      argmax(tensor(t.device, Int32Array.of(-1, -(2 ** 31), 7, 7))),
      argmin(tensor(t.device, Int32Array.of(-1, -(2 ** 31), 7))),
      argmax(tensor(t.device, Uint32Array.of(1, 2 ** 32 - 1, 2 ** 31))),
      argmin(tensor(t.device, Uint32Array.of(5, 0, 2 ** 31))),
      argmax(tensor(t.device, [false, true, true])),
    ]);
    expect(await Promise.all(made.map((m) => m.item()))).toEqual([2, 1, 1, 1, 1]);
    for (const m of made) m.dispose();
  });

  it('gives nothing for no columns and refuses an empty axis', () => {
    scope(() => {
      const x = tensor(t.device, new Float32Array(0), { shape: [0, 3] });
      expect(argmax(x, 1).shape).toEqual([0]);
      expect(() => argmax(x, 0)).toThrow('argmax: expected at least one element to choose from, got f32[0, 3]');
      expect(() => argmin(x)).toThrow(ArgumentError);
      expect(() => argmin(x, 2)).toThrow(ArgumentError);
    });
  });
});
