import { describe, expect, it } from 'vitest';
import {
  type Conv2dOptions,
  conv2d,
  type Device,
  openDevice,
  scope,
  type Tensor,
  tensor,
  vjp,
} from '../../src/index.js';
import type { ConvAttrs } from '../../src/ops/conv.js';
import { isDepthwise, overrideDepthwise } from '../../src/ops/depthwise.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();

interface Case {
  images: number;
  size: [number, number];
  channels: number;
  multiplier: number;
  kernel: [number, number];
  stride: [number, number];
  pad: [number, number, number, number];
  dilation: [number, number];
}

const outputOf = (c: Case): [number, number] => {
  const side = (a: 0 | 1) =>
    Math.floor((c.size[a] + c.pad[2 * a] + c.pad[2 * a + 1] - (c.kernel[a] - 1) * c.dilation[a] - 1) / c.stride[a]) + 1;
  return [side(0), side(1)];
};

/** Visits (input, weight, output) positions of all products. */
function overProducts(c: Case, visit: (x: number, w: number, y: number) => void): void {
  const [oh, ow] = outputOf(c);
  const out = c.channels * c.multiplier;
  for (let n = 0; n < c.images; n++) {
    for (let y = 0; y < oh; y++) {
      for (let x = 0; x < ow; x++) {
        for (let ky = 0; ky < c.kernel[0]; ky++) {
          for (let kx = 0; kx < c.kernel[1]; kx++) {
            const [iy, ix] = [
              y * c.stride[0] + ky * c.dilation[0] - c.pad[0],
              x * c.stride[1] + kx * c.dilation[1] - c.pad[2],
            ];
            if (iy < 0 || ix < 0 || iy >= c.size[0] || ix >= c.size[1]) continue;
            for (let o = 0; o < out; o++) {
              visit(
                ((n * c.size[0] + iy) * c.size[1] + ix) * c.channels + Math.floor(o / c.multiplier),
                (o * c.kernel[0] + ky) * c.kernel[1] + kx,
                ((n * oh + y) * ow + x) * out + o,
              );
            }
          }
        }
      }
    }
  }
}

const shapesOf = (c: Case) => ({
  x: [c.images, ...c.size, c.channels],
  w: [c.channels * c.multiplier, ...c.kernel, 1],
  y: [c.images, ...outputOf(c), c.channels * c.multiplier],
});
const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

function forward(c: Case, x: ArrayLike<number>, w: ArrayLike<number>): Float64Array {
  const y = new Float64Array(sizeOf(shapesOf(c).y));
  overProducts(c, (i, k, o) => {
    y[o] += x[i] * w[k];
  });
  return y;
}

const optionsOf = (c: Case): Conv2dOptions => ({
  stride: c.stride,
  padding: c.pad,
  dilation: c.dilation,
  groups: c.channels,
});

const one = (channels: number, multiplier: number, rest: Partial<Case>): Case => ({
  images: 2,
  size: [6, 7],
  kernel: [3, 3],
  stride: [1, 1],
  pad: [1, 1, 1, 1],
  dilation: [1, 1],
  ...rest,
  channels,
  multiplier,
});

const cases: Case[] = [
  one(4, 1, {}),
  one(8, 1, { stride: [2, 2], size: [9, 10] }),
  one(3, 1, { kernel: [5, 3], pad: [2, 2, 1, 1] }),
  one(7, 1, { images: 1, size: [1, 1] }),
  one(4, 2, { stride: [2, 1], size: [5, 8] }),
  one(2, 4, { kernel: [2, 2], pad: [0, 1, 0, 1] }),
  one(3, 3, { kernel: [1, 4], stride: [1, 3], pad: [0, 0, 2, 0] }),
  one(8, 1, { kernel: [3, 3], dilation: [2, 3], pad: [2, 2, 3, 3], size: [8, 11] }),
  one(4, 1, { kernel: [3, 4], dilation: [2, 2], stride: [2, 4], pad: [2, 1, 3, 0], size: [9, 13] }),
  one(5, 1, { kernel: [3, 3], dilation: [3, 2], stride: [2, 6], pad: [3, 3, 2, 2], size: [11, 17] }),
  one(12, 1, { kernel: [2, 2], stride: [3, 3], pad: [0, 0, 0, 0], size: [7, 8] }),
  one(4, 1, { kernel: [3, 5], dilation: [2, 2], stride: [2, 2], pad: [2, 2, 4, 4], size: [9, 12] }),
  one(4, 1, { kernel: [7, 7], pad: [3, 3, 3, 3], size: [4, 5] }),
];

/** Cases that the matrix kernels are checked against, too: strides, dilations and several outputs a channel. */
const laws = [cases[1], cases[4], cases[8], cases[9]];

/** y, dx and dw on the device. */
function run(device: Device, c: Case, x: Float32Array, w: Float32Array, u: Float32Array): Tensor[] {
  const s = shapesOf(c);
  return scope(() => {
    const at = [tensor(device, x, { shape: s.x }), tensor(device, w, { shape: s.w })];
    const pulled = vjp((a, b) => conv2d(a, b, optionsOf(c)), at, tensor(device, u, { shape: s.y }));
    return [pulled.value, ...pulled.grads];
  });
}

async function readAll(ts: readonly Tensor[]): Promise<Float32Array[]> {
  const out = await Promise.all(ts.map((y) => y.data()));
  for (const y of ts) y.dispose();
  return out as Float32Array[];
}

describe(`depthwise convolution (seed ${SEED})`, () => {
  it('agrees with float64, y, dx and dw, and with the matrix kernels, on devices of each class', async () => {
    const inputs = new Inputs('depthwise');
    const other = await openDevice({ deviceClass: 'discrete', poison: true });
    for (const device of [t.device, other]) {
      for (const c of device === other ? laws : cases) {
        const s = shapesOf(c);
        const [x, w, u] = [inputs.uniform(sizeOf(s.x)), inputs.uniform(sizeOf(s.w)), inputs.uniform(sizeOf(s.y))];
        const [dx, dw] = [new Float64Array(x.length), new Float64Array(w.length)];
        overProducts(c, (i, k, o) => {
          dx[i] += w[k] * u[o];
          dw[k] += x[i] * u[o];
        });
        overrideDepthwise(device, 'direct');
        const direct = await readAll(run(device, c, x, w, u));
        [forward(c, x, w), dx, dw].forEach((e, k) =>
          expectClose(direct[k], e, { rtol: 3e-6, what: `${['y', 'dx', 'dw'][k]} of ${JSON.stringify(c)}` }),
        );
        overrideDepthwise(device, null);
        if (device === other || !laws.includes(c)) continue;
        overrideDepthwise(device, 'gemm');
        const gemm = await readAll(run(device, c, x, w, u));
        overrideDepthwise(device, null);
        gemm.forEach((e, k) =>
          expectClose(direct[k], e, { rtol: 5e-6, what: `law, ${['y', 'dx', 'dw'][k]} of ${JSON.stringify(c)}` }),
        );
      }
    }
    await other.close();
  });

  it('adds bias and activation in the same kernel', async () => {
    const inputs = new Inputs('depthwise bias');
    for (const activation of ['none', 'relu', 'tanh', 'sigmoid'] as const) {
      for (const c of activation === 'tanh' ? [cases[0], cases[4]] : [cases[0]]) {
        const s = shapesOf(c);
        const out = c.channels * c.multiplier;
        const [x, w, b] = [inputs.uniform(sizeOf(s.x)), inputs.uniform(sizeOf(s.w)), inputs.uniform(out)];
        const y = scope(() =>
          conv2d(tensor(t.device, x, { shape: s.x }), tensor(t.device, w, { shape: s.w }), {
            ...optionsOf(c),
            bias: tensor(t.device, b),
            activation,
          }),
        );
        const act = {
          none: (v: number) => v,
          relu: (v: number) => Math.max(0, v),
          tanh: Math.tanh,
          sigmoid: (v: number) => 1 / (1 + Math.exp(-v)),
        }[activation];
        expectClose(
          await y.data(),
          forward(c, x, w).map((v, i) => act(v + b[i % out])),
          { rtol: 3e-6, what: activation },
        );
        y.dispose();
      }
    }
  });

  it('trains a population on a leading model axis: each model as if alone', async () => {
    const inputs = new Inputs('depthwise models');
    for (const c of [cases[1], cases[5]]) {
      for (const shared of [false, true]) {
        const s = shapesOf(c);
        const models = 3;
        const x = inputs.uniform(sizeOf(s.x) * (shared ? 1 : models));
        const [w, u, b] = [
          inputs.uniform(sizeOf(s.w) * models),
          inputs.uniform(sizeOf(s.y) * models),
          inputs.uniform(s.y[3] * models),
        ];
        const all = await readAll(
          scope(() => {
            const at = [
              tensor(t.device, x, { shape: shared ? s.x : [models, ...s.x] }),
              tensor(t.device, w, { shape: [models, ...s.w] }),
              tensor(t.device, b, { shape: [models, s.y[3]] }),
            ];
            const pulled = vjp(
              (a, k, bias) => conv2d(a, k, { ...optionsOf(c), bias, activation: 'tanh' }),
              at,
              tensor(t.device, u, { shape: [models, ...s.y] }),
            );
            return [pulled.value, ...pulled.grads];
          }),
        );
        const sums = new Float64Array(sizeOf(s.x));
        for (let m = 0; m < models; m++) {
          const cut = (v: Float32Array, n: number) => v.slice(m * n, (m + 1) * n);
          const xm = shared ? x : cut(x, sizeOf(s.x));
          const alone = await readAll(
            scope(() => {
              const at = [
                tensor(t.device, xm, { shape: s.x }),
                tensor(t.device, cut(w, sizeOf(s.w)), { shape: s.w }),
                tensor(t.device, cut(b, s.y[3])),
              ];
              const pulled = vjp(
                (a, k, bias) => conv2d(a, k, { ...optionsOf(c), bias, activation: 'tanh' }),
                at,
                tensor(t.device, cut(u, sizeOf(s.y)), { shape: s.y }),
              );
              return [pulled.value, ...pulled.grads];
            }),
          );
          expectClose(cut(all[0], sizeOf(s.y)), alone[0], { rtol: 1e-6, what: 'y' });
          expectClose(cut(all[2], sizeOf(s.w)), alone[2], { rtol: 3e-6, what: 'dw' });
          expectClose(cut(all[3], s.y[3]), alone[3], { rtol: 3e-6, what: 'db' });
          if (shared) alone[1].forEach((v, i) => (sums[i] += v));
          else expectClose(cut(all[1], sizeOf(s.x)), alone[1], { rtol: 3e-6, what: 'dx' });
        }
        if (shared) expectClose(all[1], sums, { rtol: 3e-6, what: 'dx of a shared input' });
      }
    }
  });

  it('has right first and second derivatives', async () => {
    for (const c of [
      one(4, 1, { images: 1, size: [3, 4], kernel: [2, 2], stride: [1, 2] }),
      one(2, 2, { images: 1, size: [4, 3], stride: [2, 1], dilation: [1, 2], pad: [1, 1, 2, 2] }),
    ]) {
      const s = shapesOf(c);
      await checkGradients({
        device: t.device,
        name: `depthwise x${c.multiplier}`,
        f: (x, w) => conv2d(x, w, optionsOf(c)),
        host: (x, w) => forward(c, x, w),
        shapes: [s.x, s.w],
      });
    }
  });

  it('is chosen for few outputs a channel, takes empty batches, and gives the same bytes twice', async () => {
    const attrs = { groups: 8 } as ConvAttrs;
    const x = tensor(t.device, [1]);
    expect(isDepthwise(attrs, 1, 1, [x])).toBe(true);
    expect(isDepthwise(attrs, 2, 1, [x])).toBe(false);
    expect(isDepthwise({ ...attrs, groups: 1 }, 1, 1, [x])).toBe(false);
    expect(isDepthwise(attrs, 1, 64, [x])).toBe(false);
    x.dispose();
    const inputs = new Inputs('depthwise bytes');
    // Parts of the weight's gradient begin and end inside images and reach over several.
    const c = one(256, 1, { images: 17, size: [5, 6] });
    const s = shapesOf(c);
    const [a, w, u] = [inputs.uniform(sizeOf(s.x)), inputs.uniform(sizeOf(s.w)), inputs.uniform(sizeOf(s.y))];
    const [first, second] = [await readAll(run(t.device, c, a, w, u)), await readAll(run(t.device, c, a, w, u))];
    first.forEach((y, k) => expect(new Uint32Array(y.buffer)).toEqual(new Uint32Array(second[k].buffer)));
    const dw = new Float64Array(w.length);
    overProducts(c, (i, k, o) => {
      dw[k] += a[i] * u[o];
    });
    expectClose(first[2], dw, { rtol: 1e-5, what: 'dw in parts' });
    const empty = { ...c, images: 0 };
    const none = await readAll(run(t.device, empty, new Float32Array(0), w, new Float32Array(0)));
    expect(none[0].length).toBe(0);
    expect(Array.from(none[2])).toEqual(Array.from(w, () => 0));
  });
});
