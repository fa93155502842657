import { describe, expect, it } from 'vitest';
import {
  add,
  CaptureError,
  compile,
  DisposedError,
  matmul,
  mul,
  relu,
  scope,
  type Tensor,
  tensor,
} from '../../src/index.js';
import { testDevice } from '../support/device.js';

const t = testDevice();
const square = (n: number, value = 1) => tensor(t.device, new Float32Array(n * n).fill(value), { shape: [n, n] });

describe('what a step says about itself', () => {
  it('is its state, dispatches by kernel, pipelines, bytes and flops, from the second call on', () => {
    const x = square(32);
    const step = compile(t.device, (a: Tensor) => relu(matmul(relu(matmul(a, a)), a)));
    expect(step.state).toBe('new');
    expect(() => step.report()).toThrow(CaptureError);
    expect(() => step.report()).toThrow('the step has nothing to report before its second call (it is new)');
    step(x).dispose();
    expect(step.state).toBe('plain');
    expect(() => String(step)).toThrow('(it is plain)');
    step(x).dispose();
    expect(step.state).toBe('captured');
    const report = step.report();
    expect(report.kernels).toEqual({ gemm: 2, map: 2 });
    expect(report).toMatchObject({ dispatches: 4, pipelines: 2 });
    expect(report.flops).toBeGreaterThanOrEqual(2 * 2 * 32 ** 3);
    // The input and at least two intermediates at a time; never one buffer for each.
    expect(report.bytes).toBeGreaterThanOrEqual(3 * 4096);
    expect(report.bytes).toBeLessThanOrEqual(5 * 4096);
    const lines = String(step).split('\n');
    expect(lines[0]).toMatch(/^step: 4 dispatches, 2 pipelines, 0\.000 Gflop, 0\.0 MiB$/);
    expect(lines).toHaveLength(5);
    expect(lines[1]).toMatch(/^ +0 {2}gemm +\d+ x \d+ x \d+ +0\.07 Mflop/);
    x.dispose();
    step.dispose();
    expect(step.state).toBe('disposed');
  });

  it('is profiled as what is replayed, also where it is longer than one set of timestamps', async () => {
    if (!t.device.hasTimestamps) return;
    const x = tensor(t.device, [0, 1]);
    const step = compile(t.device, (a: Tensor) => {
      let y = add(a, 1);
      for (let i = 1; i < 1100; i++) {
        const before = y;
        y = add(before, 1);
        before.dispose();
      }
      return y;
    });
    for (let i = 0; i < 2; i++) step(x).dispose();
    let out: Tensor | null = null;
    const rows = await t.device.profile(() => {
      out = step(x);
    });
    expect(rows).toHaveLength(1100);
    expect(step.report().dispatches).toBe(1100);
    expect(rows.every((r) => r.kernel === 'map' && r.ns >= 0)).toBe(true);
    expect([...(await out!.data())]).toEqual([1100, 1101]);
    for (const v of [x, out!]) v.dispose();
    step.dispose();
  });
});

describe('the memory of a step', () => {
  it('is live while it lives, does not grow with calls, and comes back on dispose', async () => {
    const x = square(64);
    const start = t.device.memory();
    const step = compile(t.device, (a: Tensor) => scope(() => mul(matmul(a, a), matmul(a, a))));
    for (let i = 0; i < 2; i++) step(x).dispose();
    const held = t.device.memory().live - start.live;
    expect(held).toBe(step.report().bytes);
    for (let i = 0; i < 10; i++) {
      step(x).dispose();
      expect(t.device.memory().live - start.live).toBe(held);
    }
    const last = step(x);
    step.dispose();
    step.dispose();
    expect(t.device.memory().live - start.live).toBe(64 * 64 * 4);
    expect((await last.data())[5]).toBe(64 * 64);
    for (const v of [x, last]) v.dispose();
  });

  it('is refused to whoever calls it afterwards', () => {
    const x = square(4);
    for (const calls of [0, 1, 3]) {
      const step = compile(t.device, (a: Tensor) => add(a, 1));
      for (let i = 0; i < calls; i++) step(x).dispose();
      step[Symbol.dispose]();
      expect(() => step(x)).toThrow(DisposedError);
      expect(() => step(x)).toThrow('compile: the step was disposed before this use');
      expect(() => step.report()).toThrow(CaptureError);
    }
    x.dispose();
  });
});
