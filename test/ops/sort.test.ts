import { describe, expect, it } from 'vitest';
import { ArgumentError, argsort, type Device, DTypeError, mul, scope, sort, tensor } from '../../src/index.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

type Keys = Float32Array | Int32Array | Uint32Array;

/** Stable order of x [lead, n, inner] along n, NaN last either way. */
function hostOrder(x: Keys, lead: number, n: number, inner: number, descending: boolean): Int32Array {
  const out = new Int32Array(x.length);
  for (let a = 0; a < lead; a++) {
    for (let b = 0; b < inner; b++) {
      const at = (i: number) => (a * n + i) * inner + b;
      const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => {
        const [u, v] = [x[at(i)], x[at(j)]];
        if (Number.isNaN(u) || Number.isNaN(v)) return Number(Number.isNaN(u)) - Number(Number.isNaN(v)) || i - j;
        return (descending ? v - u : u - v) || i - j;
      });
      order.forEach((from, i) => (out[at(i)] = from));
    }
  }
  return out;
}

async function check(device: Device, x: Keys, lead: number, n: number, inner: number): Promise<void> {
  for (const descending of [false, true]) {
    const input = tensor(device, x, { shape: [lead, n, inner] });
    const order = argsort(input, { axis: 1, descending });
    const got = await order.data();
    const expected = hostOrder(x, lead, n, inner, descending);
    const wrong = got.findIndex((v, i) => v !== expected[i]);
    expect(wrong, `${input} ${device.deviceClass} descending ${descending}, first wrong place`).toBe(-1);
    order.dispose();
    input.dispose();
  }
}

describe(`sort (seed ${SEED})`, () => {
  const sizes = [
    [1, 1, 1],
    [1, 2, 1],
    [3, 7, 2],
    [1, 64, 1],
    [20, 65, 1],
    [2, 129, 3],
    [17, 100, 1],
    [1, 1023, 1],
    [1, 1025, 1],
    [5, 1031, 3],
    [1, 6007, 1],
    [100, 300, 1],
  ];
  for (const name of ['software', 'discrete']) {
    it(`orders ties by index, -0 as 0 and NaN last (${name})`, async () => {
      const device = name === 'software' ? t.device : discrete.device;
      const inputs = new Inputs(`sort ${name}`);
      const special = [
        Number.NaN,
        -Number.NaN,
        0,
        -0,
        Number.POSITIVE_INFINITY,
        Number.NEGATIVE_INFINITY,
        1e-45,
        -1e-45,
        3.4e38,
        -3.4e38,
      ];
      for (const [lead, n, inner] of sizes) {
        const few = inputs
          .uniform(lead * n * inner, -4, 4)
          .map((v, i) => (i % 5 === 0 ? special[inputs.integer(special.length)] : Math.round(v)));
        await check(device, few, lead, n, inner);
      }
      await check(device, inputs.normal(5003), 1, 5003, 1);
    });
    it(`orders integers over their whole range (${name})`, async () => {
      const device = name === 'software' ? t.device : discrete.device;
      const inputs = new Inputs(`sort integers ${name}`);
      for (const n of [5, 1500]) {
        const words = Uint32Array.from({ length: n }, () => inputs.integer(2 ** 32));
        words.set([0, 2 ** 32 - 1, 2 ** 31]);
        await check(device, words, 1, n, 1);
        await check(device, new Int32Array(words.buffer.slice(0)), 1, n, 1);
      }
    });
  }

  it('orders many tiny rows in more than 65535 workgroups', async () => {
    const rows = 65536 + 7;
    const x = new Inputs('sort rows').uniform(rows * 3);
    const [input, order] = scope(() => {
      const a = tensor(discrete.device, x, { shape: [rows, 3] });
      return [a, argsort(a)];
    });
    expect(await order.data()).toEqual(hostOrder(x, rows, 3, 1, false));
    input.dispose();
    order.dispose();
  });

  it('sorts values, and empty tensors', async () => {
    const { values, indices } = scope(() =>
      sort(
        tensor(t.device, [
          [3, 1, 2],
          [5, 6, 4],
        ]),
        { descending: true },
      ),
    );
    expect(Array.from(await values.data())).toEqual([3, 2, 1, 6, 5, 4]);
    expect(Array.from(await indices.data())).toEqual([0, 2, 1, 1, 0, 2]);
    const empty = scope(() => sort(tensor(t.device, new Int32Array(0), { shape: [2, 0] })));
    expect([empty.values.shape, empty.values.dtype]).toEqual([[2, 0], 'i32']);
    for (const x of [values, indices, empty.values, empty.indices]) x.dispose();
  });

  it('has right first and second derivatives', async () => {
    // Distinct by at least 0.1, so that no step of the differences changes the order.
    const x = Float32Array.from({ length: 24 }, (_, i) => ((i * 7) % 24) / 10 - 1.2);
    await checkGradients({
      device: t.device,
      name: 'sort',
      f: (v) => {
        const y = sort(v, { axis: 1 }).values;
        return mul(mul(y, y), y);
      },
      host: (v) => {
        const order = hostOrder(Float32Array.from(v), 2, 4, 3, false);
        return Float64Array.from(v, (_, i) => v[(Math.floor(i / 12) * 4 + order[i]) * 3 + (i % 3)] ** 3);
      },
      shapes: [[2, 4, 3]],
      values: [x],
    });
  });

  it('refuses other dtypes and axes', () => {
    scope(() => {
      expect(() => argsort(tensor(t.device, [true]))).toThrow(DTypeError);
      expect(() => argsort(tensor(t.device, [1]), { axis: 1 })).toThrow(
        'argsort: expected an axis from -1 to 0, got 1',
      );
      expect(() => sort(tensor(t.device, 1))).toThrow(ArgumentError);
    });
  });
});
