import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  DTypeError,
  LimitError,
  mul,
  openDevice,
  type ResizeOptions,
  repeatInterleave,
  resize2d,
  ShapeError,
  scope,
  tensor,
  upsampleNearest2d,
  vjp,
} from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();
type Two = readonly [number, number];

/** What output o of an axis reads: two pixels and the share of the second. */
function reading(
  o: number,
  from: number,
  to: number,
  { mode = 'nearest', alignCorners = false }: ResizeOptions,
): [number, number, number] {
  if (mode === 'nearest') return [Math.floor((o * from) / to), 0, 0];
  const at = alignCorners ? (to > 1 ? (o * (from - 1)) / (to - 1) : 0) : Math.max(0, ((o + 0.5) * from) / to - 0.5);
  // Positions are fractions of small integers: what is a whole number must be one here too.
  const near = Math.round(at);
  const exact = Math.abs(at - near) < 1e-9 ? near : at;
  const first = Math.floor(exact);
  return [first, Math.min(first + 1, from - 1), exact - first];
}

/** Visits (output, input, weight) of all that a resize reads. */
function overReads(
  images: number,
  from: Two,
  to: Two,
  channels: number,
  options: ResizeOptions,
  visit: (o: number, i: number, w: number) => void,
): void {
  for (let n = 0; n < images; n++) {
    for (let y = 0; y < to[0]; y++) {
      for (let x = 0; x < to[1]; x++) {
        const [r0, r1, wy] = reading(y, from[0], to[0], options);
        const [c0, c1, wx] = reading(x, from[1], to[1], options);
        for (let c = 0; c < channels; c++) {
          const o = ((n * to[0] + y) * to[1] + x) * channels + c;
          const at = (r: number, q: number) => ((n * from[0] + r) * from[1] + q) * channels + c;
          visit(o, at(r0, c0), (1 - wy) * (1 - wx));
          if (wx > 0) visit(o, at(r0, c1), (1 - wy) * wx);
          if (wy > 0) visit(o, at(r1, c0), wy * (1 - wx));
          if (wx > 0 && wy > 0) visit(o, at(r1, c1), wy * wx);
        }
      }
    }
  }
}

function forward(
  x: ArrayLike<number>,
  images: number,
  from: Two,
  to: Two,
  channels: number,
  options: ResizeOptions,
): Float64Array {
  const y = new Float64Array(images * to[0] * to[1] * channels);
  overReads(images, from, to, channels, options, (o, i, w) => {
    y[o] += w * x[i];
  });
  return y;
}

function backward(
  u: ArrayLike<number>,
  images: number,
  from: Two,
  to: Two,
  channels: number,
  options: ResizeOptions,
): Float64Array {
  const dx = new Float64Array(images * from[0] * from[1] * channels);
  overReads(images, from, to, channels, options, (o, i, w) => {
    dx[i] += w * u[o];
  });
  return dx;
}

const modes: ResizeOptions[] = [{ mode: 'nearest' }, { mode: 'bilinear' }, { mode: 'bilinear', alignCorners: true }];
const sizes: [Two, Two][] = [
  [
    [4, 4],
    [8, 8],
  ],
  [
    [5, 3],
    [7, 11],
  ],
  [
    [9, 7],
    [4, 3],
  ],
  [
    [1, 1],
    [3, 5],
  ],
  [
    [3, 5],
    [1, 1],
  ],
  [
    [2, 7],
    [7, 2],
  ],
  [
    [6, 6],
    [6, 6],
  ],
  [
    [13, 1],
    [5, 4],
  ],
];

describe(`resize (seed ${SEED})`, () => {
  it('agrees with float64 forwards and backwards in every mode, on devices of each class', async () => {
    const inputs = new Inputs('resize');
    const other = await openDevice({ deviceClass: 'discrete', poison: true });
    for (const device of [t.device, other]) {
      for (const options of modes) {
        for (const [k, [from, to]] of sizes.entries()) {
          const channels = [1, 3, 4, 7, 8][k % 5];
          const x = inputs.uniform(2 * from[0] * from[1] * channels);
          const u = inputs.uniform(2 * to[0] * to[1] * channels);
          const out = scope(() =>
            vjp(
              (z) => resize2d(z, to, options),
              [tensor(device, x, { shape: [2, ...from, channels] })],
              tensor(device, u, { shape: [2, ...to, channels] }),
            ),
          );
          const what = `${JSON.stringify(options)} ${from} to ${to} x ${channels}`;
          expect(out.value.shape).toEqual([2, ...to, channels]);
          expectClose(await out.value.data(), forward(x, 2, from, to, channels, options), { rtol: 1e-6, what });
          expectClose(await out.grads[0].data(), backward(u, 2, from, to, channels, options), {
            rtol: 2e-6,
            what: `adjoint of ${what}`,
          });
          out.value.dispose();
          out.grads[0].dispose();
        }
      }
    }
    await other.close();
  });

  it('is exact where it should be: same size, corners, whole factors', async () => {
    const inputs = new Inputs('exact');
    const x = inputs.uniform(3 * 5 * 7);
    const out = scope(() => {
      const v = tensor(t.device, x, { shape: [3, 5, 7] });
      return [
        ...modes.map((m) => resize2d(v, [3, 5], m)),
        upsampleNearest2d(v, [2, 3]),
        repeatInterleave(repeatInterleave(v, 2, 0), 3, 1),
        resize2d(v, [9, 21], { mode: 'bilinear', alignCorners: true }),
      ];
    });
    const data = await Promise.all(out.map(async (y) => Array.from(await y.data())));
    for (const same of data.slice(0, 3)) expect(same).toEqual(Array.from(x));
    expect(data[3]).toEqual(data[4]);
    for (const [y, r] of [
      [0, 0],
      [8, 2],
    ]) {
      for (const [z, q] of [
        [0, 0],
        [20, 4],
        [10, 2],
      ]) {
        expect(data[5].slice((y * 21 + z) * 7, (y * 21 + z) * 7 + 7)).toEqual(
          Array.from(x.slice((r * 5 + q) * 7, (r * 5 + q) * 7 + 7)),
        );
      }
    }
    for (const y of out) y.dispose();
  });

  it('folds all leading axes, takes empty batches, and gives the same bytes twice', async () => {
    const x = new Inputs('leading').uniform(6 * 20 * 4);
    const run = (lead: number[]) =>
      scope(() => resize2d(tensor(t.device, x, { shape: [...lead, 4, 5, 4] }), 7, { mode: 'bilinear' }));
    const out = [run([2, 3]), run([6]), run([6])];
    expect(out[0].shape).toEqual([2, 3, 7, 7, 4]);
    const bytes = await Promise.all(out.map(async (y) => Array.from(new Uint32Array((await y.data()).buffer))));
    expect(bytes[1]).toEqual(bytes[0]);
    expect(bytes[2]).toEqual(bytes[1]);
    for (const y of out) y.dispose();
    const empty = scope(() => resize2d(tensor(t.device, new Float32Array(0), { shape: [0, 2, 2, 3] }), 4));
    expect(empty.shape).toEqual([0, 4, 4, 3]);
    empty.dispose();
  });

  it('walks more than 65,535 workgroups', async () => {
    const device = await openDevice({ deviceClass: 'discrete' });
    const [h, w] = [1024, 2049];
    const x = Float32Array.from({ length: h * w }, (_, i) => i % 65521);
    const y = scope(() => resize2d(tensor(device, x, { shape: [h, w, 1] }), [h, 2 * w]));
    const values = await y.data();
    expect(Math.ceil(values.length / 64)).toBeGreaterThan(65535);
    let wrong = 0;
    for (let i = 0; i < values.length; i++) if (values[i] !== (i >> 1) % 65521) wrong++;
    expect(wrong).toBe(0);
    await device.close();
  });

  it('has right first and second derivatives', async () => {
    for (const options of modes) {
      for (const [from, to] of [
        [
          [2, 3],
          [4, 4],
        ],
        [
          [4, 3],
          [2, 2],
        ],
      ] as [Two, Two][]) {
        await checkGradients({
          device: t.device,
          name: `resize2d ${JSON.stringify(options)} ${to}`,
          f: (x) => {
            const y = resize2d(x, to, options);
            return mul(y, y);
          },
          host: (x) => forward(x, 1, from, to, 2, options).map((v) => v * v),
          shapes: [[...from, 2]],
        });
      }
    }
  });

  it('says what it expected and what came', () => {
    scope(() => {
      const x = tensor(t.device, new Float32Array(8), { shape: [2, 2, 2] });
      const check = (f: () => unknown, kind: new (...a: never[]) => Error, text: string) => {
        expect(f).toThrow(kind);
        expect(f).toThrow(text);
      };
      check(() => resize2d(x, 0), ArgumentError, 'resize2d: expected output sizes as whole numbers >= 1, got 0');
      check(
        () => resize2d(x, 4, { mode: 'cubic' as 'nearest' }),
        ArgumentError,
        'resize2d: expected mode nearest or bilinear, got cubic',
      );
      check(
        () => resize2d(x, 4, { alignCorners: true }),
        ArgumentError,
        'resize2d: expected alignCorners with mode bilinear only, got nearest',
      );
      check(
        () => resize2d(x, [4, 20000]),
        LimitError,
        'resize2d: pixels along an axis is limited to 16384 on this device, got 20000',
      );
      check(
        () => resize2d(tensor(t.device, new Int32Array(8), { shape: [2, 2, 2] }), 4),
        DTypeError,
        'resize2d: expected x of dtype f32, got i32',
      );
      check(() => resize2d(tensor(t.device, [1, 2]), 4), ShapeError, 'resize2d: expected x of rank >= 3, got [2]');
      check(
        () => upsampleNearest2d(x, 1.5),
        ArgumentError,
        'upsampleNearest2d: expected factors as whole numbers >= 1, got 1.5',
      );
    });
  });
});
