import { describe, expect, it } from 'vitest';
import { defineKernel } from '../../src/gpu/kernel.js';
import {
  add,
  concat,
  crossEntropy,
  type Device,
  grad,
  matmul,
  mul,
  relu,
  scope,
  softmax,
  sort,
  sum,
  type Tensor,
  tensor,
  transpose,
} from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';
import { gpuWithoutImmediates, withDevice } from './devices.js';

const t = testDevice();

/** out[0] = sum of p0 ... p(n-1), each weighted by its position: n parameters of 4 bytes. */
const weigh = defineKernel<{ params: number }>({
  name: 'weigh',
  shader: ({ params }) => {
    const names = Array.from({ length: params }, (_, i) => `p${i}`);
    return {
      code: `@compute @workgroup_size(1)
fn main() { out[0] = ${names.map((p, i) => `P.${p} * ${i + 1}.0`).join(' + ')}; }`,
      bindings: [{ name: 'out', access: 'read_write', type: 'array<f32>' }],
      params: names.map((p) => [p, 'f32'] as const),
    };
  },
});
const weighted = (values: readonly number[]) => values.reduce((s, v, i) => s + v * (i + 1), 0);

function launchWeigh(device: Device, out: Tensor, values: readonly number[]): void {
  device.run(weigh, { params: values.length }, { bindings: [out.binding('weigh')], params: values, grid: [1, 1, 1] });
}

/** A bit of everything: several kernels of each family, forward and backward. */
function medley(device: Device): Tensor[] {
  const inputs = new Inputs('medley');
  return scope(() => {
    const x = tensor(device, inputs.uniform(7 * 12), { shape: [7, 12] });
    const w = tensor(device, inputs.uniform(12 * 5), { shape: [12, 5] });
    w.requiresGrad = true;
    const labels = tensor(device, inputs.integers(7, 5));
    const h = relu(matmul(x, w));
    const loss = add(crossEntropy(h, labels), mul(sum(mul(w, w)), 0.1));
    return [...grad(loss, [w]), loss, softmax(h), sort(x, { axis: 0 }).values, transpose(x), concat([h, h], 1)];
  });
}

describe('parameters', () => {
  it.each([1, 15, 16, 17, 40, 64])('arrive whole, %i of them', async (n) => {
    const values = Array.from({ length: n }, (_, i) => (i % 7) - 3);
    const out = tensor(t.device, [Number.NaN]);
    launchWeigh(t.device, out, values);
    expect(await out.item()).toBe(weighted(values));
    out.dispose();
  });

  it('stay apart over thousands of dispatches before a wait', async () => {
    const values = (i: number) => Array.from({ length: 20 }, (_, k) => (i * 31 + k) % 101);
    const outs = Array.from({ length: 2500 }, () => tensor(t.device, [Number.NaN]));
    outs.forEach((out, i) => launchWeigh(t.device, out, values(i)));
    const all = scope(() => concat(outs.slice(0, 8)));
    expectClose(
      await all.data(),
      outs.slice(0, 8).map((_, i) => weighted(values(i))),
      { rtol: 0 },
    );
    for (const i of [255, 256, 1023, 1024, 1025, 2047, 2048, 2499])
      expect(await outs[i].item(), `dispatch ${i}`).toBe(weighted(values(i)));
    for (const v of [...outs, all]) v.dispose();
  });

  it('are counted', () => {
    const out = tensor(t.device, [0]);
    expect(() =>
      t.device.run(weigh, { params: 3 }, { bindings: [out.binding('test')], params: [1, 2], grid: [1, 1, 1] }),
    ).toThrow('kernel weigh: expected 3 parameters, got 2');
    out.dispose();
  });

  it('give the same bytes through uniforms as through immediates', async () => {
    const read = async (ts: Tensor[]) => {
      const out = await Promise.all(ts.map((v) => v.data()));
      for (const v of ts) v.dispose();
      return out;
    };
    const immediate = await read(medley(t.device));
    const gpu = await gpuWithoutImmediates();
    const uniform = await withDevice({ gpu }, async (device) => {
      const first = await read(medley(device));
      for (let i = 0; i < 40; i++) for (const v of medley(device)) v.dispose(); // laps of the ring
      expect(await read(medley(device))).toEqual(first);
      const modes = new Set(device.pipelines.list().map((p) => p.mode));
      expect(modes.has('immediate')).toBe(false);
      expect(modes.has('uniform')).toBe(true);
      return first;
    });
    expect(uniform).toEqual(immediate);
  });
});

describe('a launch', () => {
  it('beyond the grid is refused with numbers', () => {
    const out = tensor(t.device, [0]);
    const most = t.device.limits.maxWorkgroups;
    expect(() =>
      t.device.run(weigh, { params: 1 }, { bindings: [out.binding('test')], params: [1], grid: [1, most + 1, 1] }),
    ).toThrow(`weigh: workgroups in one dimension is limited to ${most} on this device, got ${most + 1}`);
    out.dispose();
  });

  it('with an empty grid does nothing', async () => {
    const out = tensor(t.device, [5]);
    t.device.run(weigh, { params: 1 }, { bindings: [out.binding('test')], params: [1], grid: [1, 0, 1] });
    expect(await out.item()).toBe(5);
    out.dispose();
  });
});

describe('profile', () => {
  it('gives one row a dispatch, in order, with kernel, grid and cost', async () => {
    if (!t.device.hasTimestamps) return;
    const a = tensor(t.device, new Float32Array(64 * 64).fill(1), { shape: [64, 64] });
    let made: Tensor[] = [];
    const rows = await t.device.profile(() => {
      const product = matmul(a, a);
      made = [product, add(product, 1)];
    });
    expect(rows.map((r) => r.kernel)).toEqual(['gemm', 'map']);
    expect(rows[0].cost?.flops).toBe(2 * 64 ** 3);
    for (const r of rows) {
      expect(r.key.startsWith(`${r.kernel} {`)).toBe(true);
      expect(r.ns).toBeGreaterThanOrEqual(0);
      expect(Math.min(...r.grid)).toBeGreaterThan(0);
    }
    expect([...(await made[1].data())].every((v) => v === 65)).toBe(true);
    for (const v of [a, ...made]) v.dispose();
  });

  it('goes on beyond the queries of one set, and through the uniform ring', async () => {
    if (!t.device.hasTimestamps) return;
    const values = Array.from({ length: 20 }, (_, k) => k);
    const outs = Array.from({ length: 1500 }, () => tensor(t.device, [Number.NaN]));
    const rows = await t.device.profile(() => {
      outs.forEach((out, i) => launchWeigh(t.device, out, [...values.slice(0, 19), i]));
    });
    expect(rows.filter((r) => r.kernel === 'weigh')).toHaveLength(1500);
    expect(await outs[1499].item()).toBe(weighted([...values.slice(0, 19), 1499]));
    for (const v of outs) v.dispose();
  });

  it('gives back the device when its function throws', async () => {
    if (!t.device.hasTimestamps) return;
    const failing = () => {
      throw new Error('in the middle');
    };
    await expect(t.device.profile(failing)).rejects.toThrow('in the middle');
    const x = tensor(t.device, [1]);
    const rows = await t.device.profile(() => scope(() => void add(x, 1)));
    expect(rows).toHaveLength(1);
    x.dispose();
  });
});

describe('waits', () => {
  it('may overlap in any number and order', async () => {
    const xs = Array.from({ length: 40 }, (_, i) => tensor(t.device, new Float32Array(i + 1).fill(i)));
    const reads = xs.map((x, i) => (i % 3 === 0 ? t.device.sync().then(() => x.data()) : x.data()));
    const all = await Promise.all(reads);
    all.forEach((v, i) => expect([...v]).toEqual(Array(i + 1).fill(i)));
    for (const x of xs) x.dispose();
  });
});

describe('f16 storage', () => {
  it('holds halves rounded to nearest even, through upload, ops and odd sizes', async () => {
    if (!t.device.hasF16) {
      expect(() => tensor(t.device, [1], { dtype: 'f16' })).toThrow(/an adapter with shader-f16 for dtype f16/);
      return;
    }
    const values = [1, -2.5, 65504, 1e-7, 2049, 2051, 1 / 3];
    const halves = [1, -2.5, 65504, 2 ** -24 * 2, 2048, 2052, 0.333251953125];
    for (const n of [1, 2, 3, 7]) {
      const x = tensor(t.device, values.slice(0, n), { dtype: 'f16' });
      expect(x.bytes).toBe(2 * n);
      expect([...(await x.data())]).toEqual(halves.slice(0, n));
      const doubled = mul(x, 0.5);
      expectClose(
        await doubled.data(),
        halves.slice(0, n).map((v) => v / 2),
        { rtol: 0, atol: 0, each: true },
      );
      for (const v of [x, doubled]) v.dispose();
    }
  });
});
