import { describe, expect, it } from 'vitest';
import {
  add,
  type Device,
  LimitError,
  matmul,
  mul,
  OutOfMemoryError,
  reshape,
  scope,
  softmax,
  type Tensor,
  tensor,
  zeros,
} from '../../src/index.js';
import { withDevice } from './devices.js';

const buffer = (t: Tensor) => t.binding('test').lease.buffer;
const floats = (device: Device, n: number) => zeros(device, [n]);

describe('memory', () => {
  it('counts live bytes in steps of 16, tensors with their views, and the peak', () =>
    withDevice({}, async (device) => {
      expect(device.memory()).toEqual({ live: 0, pooled: 0, peak: 0, tensors: 0 });
      const made = [0, 1, 4, 5, 1000].map((n) => floats(device, n));
      const bytes = 16 + 16 + 16 + 32 + 4000;
      expect(device.memory()).toEqual({ live: bytes, pooled: 0, peak: bytes, tensors: 5 });
      const view = reshape(made[4], [10, 100]);
      expect(device.memory()).toMatchObject({ live: bytes, tensors: 6 });
      for (const t of made) t.dispose();
      expect(device.memory(), 'a view keeps its storage').toEqual({
        live: 4000,
        pooled: bytes - 4000,
        peak: bytes,
        tensors: 1,
      });
      expect((await view.data()).every((x) => x === 0)).toBe(true);
      view.dispose();
      view.dispose();
      expect(device.memory()).toEqual({ live: 0, pooled: bytes, peak: bytes, tensors: 0 });
      device.pool.resetPeak();
      expect(device.memory().peak).toBe(0);
    }));

  it('serves any tensor of the same padded size from the pool', () =>
    withDevice({}, async (device) => {
      const first = floats(device, 100);
      const freed = buffer(first);
      first.dispose();
      const larger = floats(device, 101);
      expect(buffer(larger)).not.toBe(freed);
      const again = floats(device, 97); // 388 bytes, padded to 400
      expect(buffer(again)).toBe(freed);
      expect(device.memory()).toEqual({ live: 400 + 416, pooled: 0, peak: 400 + 416, tensors: 2 });
      for (const t of [larger, again]) t.dispose();
    }));

  it('keeps at most the cap, giving up the oldest size first', () =>
    withDevice({ poolCap: 1000 }, async (device) => {
      for (const n of [100, 120, 50]) floats(device, n).dispose(); // 400, 480 and 208 bytes
      expect(device.memory()).toMatchObject({ live: 0, pooled: 480 + 208 });
      device.pool.trim(0);
      expect(device.memory().pooled).toBe(0);
    }));

  it('destroys a buffer only after the commands that use it', () =>
    withDevice({ poolCap: 0 }, async (device) => {
      let x = tensor(device, [1, 2, 3]);
      for (let i = 0; i < 20; i++) {
        const y = add(x, 1);
        x.dispose(); // over the cap at once, while the addition is encoded and not submitted
        x = y;
      }
      expect([...(await x.data())]).toEqual([21, 22, 23]);
      x.dispose();
      await device.sync();
      expect(device.memory()).toMatchObject({ live: 0, pooled: 0, tensors: 0 });
    }));

  it('writes into a recycled buffer only after the commands that read its former contents', () =>
    withDevice({}, async (device) => {
      const sums: Tensor[] = [];
      for (let i = 0; i < 5; i++) {
        const x = tensor(device, [i, 10 * i]);
        sums.push(add(x, 1));
        x.dispose(); // the next upload gets this buffer
      }
      for (const [i, s] of sums.entries()) {
        expect([...(await s.data())]).toEqual([i + 1, 10 * i + 1]);
        s.dispose();
      }
    }));
});

describe('the memory budget', () => {
  it('refuses with numbers, and leaves everything as it was', () =>
    withDevice({ memoryBudget: 4096 }, async (device) => {
      const x = floats(device, 512);
      const before = device.memory();
      expect(() => floats(device, 513)).toThrow(OutOfMemoryError);
      expect(() => floats(device, 513)).toThrow(
        'zeros: 2064 more bytes would exceed the memory budget of 4096 bytes (2048 live)',
      );
      expect(() => tensor(device, new Float32Array(600))).toThrow(/^tensor: 2400 more bytes/);
      expect(device.memory()).toEqual(before);
      const y = add(x, 1);
      expect(() => add(x, 1)).toThrow(/^add: 2048 more bytes/);
      expect([...(await y.data())].every((v) => v === 1)).toBe(true);
      for (const t of [x, y]) t.dispose();
      expect(device.memory()).toMatchObject({ live: 0, tensors: 0 });
    }));

  it('gives up pooled buffers before it refuses', () =>
    withDevice({ memoryBudget: 4096 }, async (device) => {
      floats(device, 512).dispose();
      const x = floats(device, 1024);
      expect(device.memory()).toMatchObject({ live: 4096, pooled: 0 });
      x.dispose();
    }));

  it('loses nothing when an op runs out in the middle', () =>
    withDevice({ memoryBudget: 40_000 }, async (device) => {
      const x = tensor(device, new Float32Array(64 * 64).fill(1), { shape: [64, 64] });
      const before = device.memory();
      for (const f of [() => mul(add(x, 1), 2), () => softmax(add(x, 1)), () => matmul(matmul(x, x), x)]) {
        expect(() => scope(f)).toThrow(OutOfMemoryError);
        expect(device.memory()).toMatchObject({ live: before.live, tensors: before.tensors });
      }
      expect([...(await x.data())].every((v) => v === 1)).toBe(true);
      x.dispose();
    }));
});

describe('the binding limit', () => {
  it('is refused with both numbers, by creation and by ops, before anything is allocated', () =>
    withDevice({}, async (device) => {
      const most = device.limits.maxBinding;
      const before = device.memory();
      expect(() => floats(device, most / 4 + 1)).toThrow(LimitError);
      expect(() => floats(device, most / 4 + 1)).toThrow(
        `zeros: bytes in one tensor is limited to ${most} on this device, got ${most + 4}`,
      );
      expect(device.memory()).toEqual(before);
      const n = Math.ceil(Math.sqrt(most / 4)) + 1;
      const column = zeros(device, [n, 1]);
      const row = zeros(device, [1, n]);
      const operands = device.memory();
      for (const [op, f] of [
        ['matmul', matmul],
        ['add', add],
      ] as const) {
        expect(() => f(column, row), op).toThrow(LimitError);
        expect(() => f(column, row), op).toThrow(
          `${op}: bytes in one tensor is limited to ${most} on this device, got ${n * n * 4}`,
        );
      }
      expect(device.memory()).toEqual(operands);
      for (const t of [column, row]) t.dispose();
    }));

  it('is reached by a tensor of exactly that size', () =>
    withDevice({ poolCap: 0 }, async (device) => {
      if (device.limits.maxBinding > 2 ** 28) return; // too large to fill in a test
      const n = device.limits.maxBinding / 4;
      const x = zeros(device, [n]);
      const last = scope(() => add(x.view('test', [4], n - 4), 7));
      expect([...(await last.data())]).toEqual([7, 7, 7, 7]);
      for (const t of [x, last]) t.dispose();
    }));
});
