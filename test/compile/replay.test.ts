import { describe, expect, it } from 'vitest';
import {
  add,
  compile,
  type Device,
  Generator,
  grad,
  matmul,
  mul,
  normal,
  scope,
  sum,
  type Tensor,
  tensor,
  uniform,
  zeros,
} from '../../src/index.js';
import { gpuWithoutImmediates, withDevice } from '../gpu/devices.js';
import { testDevice } from '../support/device.js';
import { batches, trainer } from './trainer.js';

const t = testDevice();
const STEPS = 20;

/** Losses and final state of 20 training steps, run plainly or as a compiled step. */
async function train(device: Device, compiled: boolean) {
  const run = trainer(device);
  const data = batches(device, 5);
  const captured = compiled ? compile(device, run.step) : null;
  const step = captured ?? ((x: Tensor, labels: Tensor) => scope(() => run.step(x, labels)));
  const losses: number[] = [];
  for (let i = 0; i < STEPS; i++) {
    const { x, labels } = data[i % data.length];
    const loss = step(x, labels);
    losses.push(await loss.item());
    loss.dispose();
  }
  const result = { losses, ...(await run.state()) };
  const kernels = captured?.report().kernels;
  captured?.dispose();
  for (const batch of data) batch.dispose();
  run.dispose();
  return { result, kernels };
}

describe('a compiled training step', () => {
  it('gives the same bytes as the plain one over 20 steps: weights, statistics, moments, randomness, schedule', async () => {
    const plain = await train(t.device, false);
    const compiled = await train(t.device, true);
    expect(compiled.result).toEqual(plain.result);
    expect(compiled.result.steps).toBe(STEPS);
    expect(new Set(compiled.result.losses).size, 'every step differs').toBe(STEPS);
    expect(compiled.result.generator.offsets).toEqual([STEPS]);
    expect(compiled.kernels?.update).toBe(1);
  });

  it('does so where parameters travel in uniforms', async () => {
    const gpu = await gpuWithoutImmediates();
    const [plain, compiled] = await withDevice({ gpu }, async (device) => [
      await train(device, false),
      await train(device, true),
    ]);
    expect(compiled.result).toEqual(plain.result);
    expect(compiled.result).toEqual((await train(t.device, true)).result);
  });
});

describe('a replay', () => {
  it('takes other tensors, views, one tensor twice, and results that are not submitted yet', async () => {
    const step = compile(t.device, (a: Tensor, b: Tensor) => add(mul(a, 10), b));
    const [a, b] = [tensor(t.device, [1, 2, 3]), tensor(t.device, [4, 5, 6])];
    const wide = tensor(
      t.device,
      Float32Array.from({ length: 256 }, (_, i) => i),
    );
    const view = wide.view('test', [3], 64);
    const get = async (x: Tensor, y: Tensor) => {
      const out = step(x, y);
      const values = [...(await out.data())];
      out.dispose();
      return values;
    };
    for (let i = 0; i < 2; i++) expect(await get(a, b)).toEqual([14, 25, 36]);
    expect(await get(b, a)).toEqual([41, 52, 63]);
    expect(await get(a, a)).toEqual([11, 22, 33]);
    expect(await get(view, b)).toEqual([644, 655, 666]);
    const fresh = add(a, 1);
    expect(await get(fresh, fresh)).toEqual([22, 33, 44]);
    b.write([0, 0, 1]);
    expect(await get(a, b)).toEqual([10, 20, 31]);
    for (const x of [a, b, wide, view, fresh]) x.dispose();
    step.dispose();
  });

  it('gives fresh results, which later calls leave alone', async () => {
    const step = compile(t.device, (a: Tensor) => add(a, 1));
    const outs: Tensor[] = [];
    for (let i = 0; i < 5; i++) outs.push(scope(() => step(tensor(t.device, [i, -i]))));
    step.dispose();
    expect(await Promise.all(outs.map(async (o) => [...(await o.data())]))).toEqual(
      [0, 1, 2, 3, 4].map((i) => [i + 1, 1 - i]),
    );
    for (const o of outs) o.dispose();
  });

  it('gives back structures as the step made them, inputs and outside tensors included', async () => {
    const outside = tensor(t.device, [100]);
    const step = compile(t.device, (a: Tensor) => {
      const twice = mul(a, 2);
      return {
        list: [twice, a],
        map: new Map([['key', add(a, 1)]]),
        set: new Set([twice]),
        outside,
        again: twice,
        note: 'text',
        none: null,
      };
    });
    for (let i = 0; i < 4; i++) {
      const a = tensor(t.device, [i]);
      const out = step(a);
      expect(await out.list[0].item()).toBe(2 * i);
      expect(await out.list[1].item()).toBe(i);
      expect(await out.map.get('key')?.item()).toBe(i + 1);
      expect([...out.set][0]).toBe(out.list[0]);
      expect(out.again).toBe(out.list[0]);
      expect(out.outside).toBe(outside);
      expect([out.note, out.none]).toEqual(['text', null]);
      for (const x of new Set([a, ...out.list, ...out.map.values()])) x.dispose();
    }
    outside.dispose();
    step.dispose();
  });

  it('sees what is written to the tensors it uses, and freezes host numbers at the second call', async () => {
    const weight = tensor(t.device, [1, 1]);
    const x = tensor(t.device, [1, 2]);
    let calls = 0;
    const step = compile(t.device, (a: Tensor) => {
      calls++;
      return add(mul(a, weight), calls);
    });
    const seen: number[][] = [];
    for (const w of [1, 2, 3, 4]) {
      weight.write([w, w]);
      const out = step(x);
      seen.push([...(await out.data())]);
      out.dispose();
    }
    expect(calls).toBe(2);
    expect(seen).toEqual([
      [2, 3],
      [4, 6],
      [5, 8],
      [6, 10],
    ]);
    for (const v of [weight, x]) v.dispose();
    step.dispose();
  });

  it('draws afresh from a generator, as plain calls would, without any input', async () => {
    const draws = async (compiled: boolean) => {
      const generator = new Generator(t.device, 3);
      const draw = () => [uniform(generator, [5]), normal(generator, [4])] as const;
      const captured = compiled ? compile(t.device, draw) : null;
      const step = captured ?? (() => scope(draw));
      const seen: number[][] = [];
      for (let i = 0; i < 6; i++) {
        const out = step();
        for (const v of out) {
          seen.push([...(await v.data())]);
          v.dispose();
        }
      }
      captured?.dispose();
      generator.dispose();
      return seen;
    };
    const plain = await draws(false);
    expect(await draws(true)).toEqual(plain);
    expect(new Set(plain.map(String)).size).toBe(12);
  });

  it('handles tensors without elements', async () => {
    const step = compile(t.device, (a: Tensor, b: Tensor) => [mul(a, 2), add(sum(a), b)] as const);
    for (let i = 0; i < 4; i++) {
      const [a, b] = [zeros(t.device, [0, 3]), tensor(t.device, i)];
      const [none, one] = step(a, b);
      expect(none.shape).toEqual([0, 3]);
      expect((await none.data()).length).toBe(0);
      expect(await one.item()).toBe(i);
      for (const v of [a, b, none, one]) v.dispose();
    }
    step.dispose();
  });

  it('differentiates inside, and its results are leaves outside', async () => {
    const w = tensor(t.device, [
      [1, 2],
      [3, 4],
    ]);
    w.requiresGrad = true;
    const step = compile(t.device, (x: Tensor) => grad(sum(matmul(x, w)), [w])[0]);
    for (let i = 1; i < 5; i++) {
      const x = tensor(t.device, [[i, 1]]);
      const g = step(x);
      expect([...(await g.data())]).toEqual([i, i, 1, 1]);
      expect(g.tracked).toBe(false);
      for (const v of [x, g]) v.dispose();
    }
    w.dispose();
    step.dispose();
  });

  it('runs beside another step, and beside one of another device', () =>
    withDevice({ poison: true }, async (other) => {
      const steps = [t.device, t.device, other].map((device, k) =>
        compile(device, (x: Tensor) => add(mul(x, k + 1), k)),
      );
      for (let i = 0; i < 4; i++) {
        const xs = [t.device, t.device, other].map((device) => tensor(device, [i]));
        const ys = steps.map((step, k) => step(xs[k]));
        expect(await Promise.all(ys.map((y) => y.item()))).toEqual([i, 2 * i + 1, 3 * i + 2]);
        for (const v of [...xs, ...ys]) v.dispose();
      }
      for (const step of steps) step.dispose();
      expect(other.memory().live).toBe(0);
    }));
});
