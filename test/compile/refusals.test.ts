import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  add,
  CaptureError,
  compile,
  DeviceLostError,
  DeviceMismatchError,
  DisposedError,
  keep,
  mul,
  OutOfMemoryError,
  type Tensor,
  tensor,
  zeros,
} from '../../src/index.js';
import { withDevice } from '../gpu/devices.js';
import { testDevice } from '../support/device.js';

const t = testDevice();
const three = () => tensor(t.device, [1, 2, 3]);

/** A step that has run `calls` times on [1, 2, 3]. */
function called<A extends readonly Tensor[]>(calls: number, f: (...xs: A) => Tensor, ...xs: A) {
  const step = compile(t.device, f);
  for (let i = 0; i < calls; i++) step(...xs).dispose();
  return step;
}

describe('inputs of a captured step', () => {
  it('keep their shapes, dtypes and number', () => {
    const x = three();
    const step = called(2, (a: Tensor) => add(a, 1), x);
    const before = t.device.memory();
    const cases: [Tensor[], string][] = [
      [[zeros(t.device, [4])], 'input 0 was captured as f32[3], got f32[4]'],
      [[zeros(t.device, [1, 3])], 'input 0 was captured as f32[3], got f32[1, 3]'],
      [[zeros(t.device, [3], 'i32')], 'input 0 was captured as f32[3], got i32[3]'],
      [[x, x], 'the step was captured with 1 inputs, got 2'],
      [[], 'the step was captured with 1 inputs, got 0'],
    ];
    for (const [inputs, message] of cases) {
      expect(() => step(...(inputs as [Tensor]))).toThrow(CaptureError);
      expect(() => step(...(inputs as [Tensor]))).toThrow(message);
      for (const v of inputs) if (v !== x) v.dispose();
    }
    expect(t.device.memory().live).toBe(before.live);
    for (const v of [step(x), x, step]) v.dispose();
  });

  it.each([0, 1, 2])('are live tensors of its device (call %i)', (calls) =>
    withDevice({}, async (other) => {
      const [x, y] = [three(), three()];
      const step = called(calls, (a: Tensor, b: Tensor) => add(a, b), x, y);
      const foreign = tensor(other, [1, 2, 3]);
      expect(() => step(foreign, foreign)).toThrow(ArgumentError);
      expect(() => step(x, foreign)).toThrow(DeviceMismatchError);
      expect(() => step(x, 3 as never)).toThrow(
        'compile: expected a tensor as input 1 (host values would be frozen), got number',
      );
      y.dispose();
      expect(() => step(x, y)).toThrow(DisposedError);
      for (const v of [x, foreign, step]) v.dispose();
    }),
  );
});

describe('inside a step', () => {
  it.each([1, 2])('a readback is refused (call %i)', async (call) => {
    const x = three();
    let read: Promise<unknown> = Promise.resolve();
    const step = called(call - 1, (a: Tensor) => add(a, 1), x);
    const reading = compile(t.device, (a: Tensor) => {
      read = Promise.all([
        expect(a.data()).rejects.toThrow(
          'a readback inside a compiled step cannot be replayed: return the tensor and read it outside',
        ),
        expect(t.device.sync()).rejects.toThrow(CaptureError),
      ]);
      return add(a, 1);
    });
    for (let i = 0; i < call; i++) {
      reading(x).dispose();
      await read;
    }
    for (const v of [x, step, reading]) v.dispose();
  });

  it('an upload is refused where it would be captured, and nothing leaks', () => {
    const x = three();
    const step = called(1, (a: Tensor) => mul(add(a, tensor(t.device, [1, 1, 1])), 2), x);
    const { live, tensors } = t.device.memory();
    for (let i = 0; i < 2; i++) {
      expect(() => step(x)).toThrow(CaptureError);
      expect(() => step(x)).toThrow(
        'an upload from the host inside a compiled step cannot be replayed: do it outside and pass a tensor',
      );
    }
    expect(t.device.memory()).toMatchObject({ live, tensors });
    for (const v of [x, step]) v.dispose();
  });

  it('what it keeps is refused, and stays its owner’s alone', async () => {
    const x = three();
    const kept: Tensor[] = [];
    const step = called(
      1,
      (a: Tensor) => {
        kept.push(keep(add(a, kept.length)));
        return mul(a, 2);
      },
      x,
    );
    expect(() => step(x)).toThrow('the step keeps 1 tensors beyond its results: a replay would overwrite them');
    const { live, tensors } = t.device.memory();
    const others = [1, 2, 3].map((v) => tensor(t.device, [v, v, v]));
    expect([...(await kept[1].data())]).toEqual([2, 3, 4]);
    for (const v of [...kept, ...others]) v.dispose();
    expect(t.device.memory()).toMatchObject({ live: live - 32, tensors: tensors - 2 });
    // Each buffer came back once: fresh tensors are apart.
    const fresh = Array.from({ length: 8 }, (_, i) => tensor(t.device, [i]));
    expect(await Promise.all(fresh.map((f) => f.item()))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    for (const v of [x, step, ...fresh]) v.dispose();
  });

  it('tensors from outside are not to be exchanged', () => {
    let state = zeros(t.device, [3]);
    const step = compile(t.device, () => {
      const next = keep(add(state, 1));
      state.dispose();
      state = next;
      return mul(next, 1);
    });
    step().dispose();
    expect(() => step()).toThrow('the step disposes a tensor made outside of it: a replay could not do that again');
    for (const v of [state, step]) v.dispose();
  });

  it('no other step runs, in whatever state either is', () => {
    const x = three();
    for (const inner of [0, 1, 2]) {
      for (const outer of [0, 1]) {
        const step = called(inner, (a: Tensor) => add(a, 1), x);
        let nested = false;
        const around = called(outer, (a: Tensor) => (nested ? step(a) : add(a, 1)), x);
        nested = true;
        expect(() => around(x), `${inner} in ${outer}`).toThrow('a compiled step cannot run inside another');
        for (const v of [step, around]) v.dispose();
      }
    }
    x.dispose();
  });

  it('errors pass through, leave no bytes, and the step may be called again', async () => {
    const x = three();
    let fail = false;
    const step = called(
      1,
      (a: Tensor) => {
        const y = add(a, 1);
        if (fail) throw new Error('of the user');
        return mul(y, 2);
      },
      x,
    );
    const { live, tensors } = t.device.memory();
    fail = true;
    expect(() => step(x)).toThrow('of the user');
    expect(step.state).toBe('plain');
    expect(t.device.memory()).toMatchObject({ live, tensors });
    fail = false;
    for (let i = 0; i < 3; i++) {
      const out = step(x);
      expect([...(await out.data())]).toEqual([4, 6, 8]);
      out.dispose();
    }
    for (const v of [x, step]) v.dispose();
  });

  it('a promise is refused', () => {
    const x = three();
    const step = compile(t.device, (async (a: Tensor) => add(a, 1)) as never);
    expect(() => (step as (a: Tensor) => unknown)(x)).toThrow(ArgumentError);
    for (const v of [x, step as unknown as Tensor]) v.dispose();
  });
});

describe('a captured step', () => {
  it('notices that a tensor it uses is gone, also where its buffer serves another', () => {
    const x = three();
    const weight = three();
    const step = called(2, (a: Tensor) => mul(a, weight), x);
    weight.dispose();
    const { live } = t.device.memory();
    expect(() => step(x)).toThrow(DisposedError);
    const recycled = three();
    expect(() => step(x)).toThrow('compile: a tensor that the step captured was disposed before this use');
    recycled.dispose();
    expect(t.device.memory().live).toBe(live);
    for (const v of [x, step]) v.dispose();
  });

  it('leaves nothing behind when the budget has no room for its results', () =>
    withDevice({ memoryBudget: 5 * 400 }, async (device) => {
      const x = zeros(device, [100]);
      const step = compile(device, (a: Tensor) => [add(a, 1), add(a, 2)]);
      for (const v of step(x)) v.dispose();
      expect(() => step(x)).toThrow(OutOfMemoryError); // slot, two results and their copies, beside x
      const { live, tensors } = device.memory();
      expect(() => step(x)).toThrow(OutOfMemoryError);
      expect(device.memory()).toMatchObject({ live, tensors });
      step.dispose();
      expect(device.memory()).toMatchObject({ live: 400, tensors: 1 });
      x.dispose();
    }));

  it('reports the loss of its device', () =>
    withDevice({}, async (device) => {
      const x = tensor(device, [1]);
      const step = compile(device, (a: Tensor) => add(a, 1));
      for (let i = 0; i < 3; i++) step(x).dispose();
      device.gpuDevice.destroy();
      await expect(device.sync()).rejects.toThrow(DeviceLostError);
      expect(() => step(x)).toThrow(DeviceLostError);
      step.dispose();
      x.dispose();
    }));
});
