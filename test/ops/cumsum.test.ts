import { describe, expect, it } from 'vitest';
import { ArgumentError, cumsum, DTypeError, mul, scope, tensor } from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

function hostCumsum(
  x: ArrayLike<number>,
  lead: number,
  n: number,
  inner: number,
  reverse: boolean,
  exclusive: boolean,
): Float64Array {
  const out = new Float64Array(x.length);
  for (let a = 0; a < lead; a++) {
    for (let b = 0; b < inner; b++) {
      let total = 0;
      for (let i = 0; i < n; i++) {
        const at = (a * n + (reverse ? n - 1 - i : i)) * inner + b;
        if (exclusive) out[at] = total;
        total += x[at];
        if (!exclusive) out[at] = total;
      }
    }
  }
  return out;
}

const forms = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
];

describe(`cumsum (seed ${SEED})`, () => {
  for (const name of ['software', 'discrete']) {
    it(`agrees with float64 in every form, along long, short and strided axes (${name})`, async () => {
      const device = name === 'software' ? t.device : discrete.device;
      const inputs = new Inputs(`cumsum ${name}`);
      const sizes = [
        [1, 1, 1],
        [3, 0, 2],
        [1, 63, 1],
        [2, 65, 5],
        [7, 257, 4],
        [70, 33, 3],
        [1, 4099, 1],
        [1, 20011, 1],
        [3, 5003, 1],
        [2, 3001, 8],
        [1, 1030, 7],
      ];
      for (const [lead, n, inner] of sizes) {
        for (const [reverse, exclusive] of forms) {
          const x = inputs.uniform(lead * n * inner);
          const [y, again] = scope(() => {
            const v = tensor(device, x, { shape: [lead, n, inner] });
            return [cumsum(v, 1, { reverse, exclusive }), cumsum(v, -2, { reverse, exclusive })];
          });
          const got = await y.data();
          const what = `[${lead}, ${n}, ${inner}] reverse ${reverse} exclusive ${exclusive}`;
          expectClose(got, hostCumsum(x, lead, n, inner, reverse, exclusive), { rtol: 1e-5, atol: 1e-6, what });
          expect(await again.data(), `same bytes twice, ${what}`).toEqual(got);
          y.dispose();
          again.dispose();
        }
      }
    });
  }

  it('is exact for integers, which wrap, over many elements', async () => {
    for (const device of [t.device, discrete.device]) {
      const x = new Inputs('cumsum integers').integers(300_007, 2 ** 31 - 1);
      const out = scope(() => cumsum(tensor(device, x), 0, { reverse: true }));
      const got = await out.data();
      let total = 0;
      let wrong = 0;
      for (let i = x.length - 1; i >= 0; i--) {
        total = (total + x[i]) | 0;
        if (got[i] !== total) wrong++;
      }
      expect(wrong).toBe(0);
      out.dispose();
    }
  });

  it('walks more than 65535 workgroups of the discrete class', async () => {
    const lead = 65536 * 64 + 5;
    const out = scope(() =>
      cumsum(tensor(discrete.device, new Uint32Array(lead * 2).fill(3), { shape: [lead, 2] }), 1),
    );
    const got = await out.data();
    let wrong = 0;
    for (let i = 0; i < got.length; i++) if (got[i] !== (i % 2 ? 6 : 3)) wrong++;
    expect(wrong).toBe(0);
    out.dispose();
  });

  for (const [reverse, exclusive] of forms) {
    it(`has right first and second derivatives (reverse ${reverse}, exclusive ${exclusive})`, async () => {
      await checkGradients({
        device: t.device,
        name: `cumsum ${reverse} ${exclusive}`,
        f: (x) => {
          const y = cumsum(x, 1, { reverse, exclusive });
          return mul(y, y);
        },
        host: (x) => hostCumsum(x, 2, 5, 3, reverse, exclusive).map((v) => v * v),
        shapes: [[2, 5, 3]],
      });
    });
  }

  it('refuses other dtypes and axes', () => {
    scope(() => {
      expect(() => cumsum(tensor(t.device, [true]), 0)).toThrow(DTypeError);
      expect(() => cumsum(tensor(t.device, [1]), 1)).toThrow(ArgumentError);
      expect(() => cumsum(tensor(t.device, 1), 0)).toThrow(ArgumentError);
    });
  });
});
