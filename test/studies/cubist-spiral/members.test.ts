import { describe, expect, it } from 'vitest';
import { shuffledBatches } from '../../../src/population/index.js';
import type { ScheduleName, Widths } from '../../../src/studies/cubist-spiral/enumerate.js';
import { freshState, type Members, type MembersOptions } from '../../../src/studies/cubist-spiral/training/members.js';
import { membersCapacity, openMembers } from '../../../src/studies/cubist-spiral/training/open-members.js';
import { OrdinaryMembers } from '../../../src/studies/cubist-spiral/training/ordinary-members.js';
import { RowOrder } from '../../../src/studies/cubist-spiral/training/row-order.js';
import { spiralData, subNetworkInitial } from '../../../src/studies/cubist-spiral/training/setting.js';
import { trainBlock } from '../../../src/studies/cubist-spiral/training/train.js';
import { expectClose } from '../../support/close.js';
import { testDevice } from '../../support/device.js';
import { Inputs } from '../../support/random.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });
const WIDTHS: Widths = [4, 3, 3];
const RATES = [0.05, 0.1, 0.2];
const SCHEDULES: ScheduleName[] = ['cosine', 'milestones', 'constant'];
const P = 43;

/** Random masks of 0 and 1. */
function masksOf(name: string): Float32Array {
  const inputs = new Inputs(name);
  return Float32Array.from({ length: RATES.length * P }, () => (inputs.integer(4) === 0 ? 0 : 1));
}

function options(data: MembersOptions['data']): MembersOptions {
  const values = subNetworkInitial(WIDTHS, [1, 2, 3]);
  return {
    ...{ data, widths: WIDTHS, rates: RATES, schedules: SCHEDULES, order: new RowOrder(data.rows, 5) },
    start: freshState(values, RATES.length),
  };
}

describe('members', () => {
  for (const [name, of, more] of [
    // The first one across an epoch, where rates change.
    ['software', t, 375],
    ['GPU forms', discrete, 11],
  ] as const)
    it(`train alike in the fused kernel and by the ordinary path, masks, momenta and skipped steps included (${name})`, async () => {
      const { device } = of;
      using data = spiralData(device);
      const masks = masksOf('members first');
      const others = masksOf('members second');
      const outcome = async (members: Members) => {
        await members.train(20);
        members.setMasks(others);
        members.skip();
        await members.train(more);
        members.skip();
        const before = await members.state();
        await members.train(9);
        const [state, scores] = [await members.state(), await members.evaluate()];
        members.restart(before.values);
        await members.train(5);
        const again = await members.state();
        members.dispose();
        return { before, state, scores, again };
      };
      const fused = openMembers(device, { ...options(data), masks });
      expect(fused.fallback).toBeNull();
      const a = await outcome(fused);
      const b = await outcome(new OrdinaryMembers(device, { ...options(data), masks }, 'for a test'));
      for (const key of ['before', 'state', 'again'] as const) {
        expectClose(b[key].values, a[key].values, { rtol: 2e-3, atol: 2e-4 });
        expectClose(b[key].momenta, a[key].momenta, { rtol: 5e-3, atol: 2e-3 });
        expect(b[key].steps).toBe(a[key].steps);
        for (const { values, momenta } of [a[key], b[key]])
          for (const [i, kept] of others.entries())
            if (!kept) expect([values[i], momenta[i]].every((v) => Object.is(v, 0))).toBe(true);
      }
      expect([a.before.steps, a.state.steps, a.again.steps]).toEqual([22 + more, 31 + more, 5]);
      expect(a.state.values).not.toEqual(a.before.values);
      expectClose(Float64Array.from(b.scores.accuracy), Float64Array.from(a.scores.accuracy), { rtol: 0, atol: 2e-3 });
      expectClose(Float64Array.from(b.scores.loss), Float64Array.from(a.scores.loss), { rtol: 1e-3, atol: 1e-3 });
    });

  it('mark what diverges with its step, and go on without it', async () => {
    using data = spiralData(t.device);
    const given = { ...options(data), rates: [0.05, 1e30, 0.2] };
    const fused = openMembers(t.device, given);
    const ordinary = new OrdinaryMembers(t.device, given, 'for a test');
    const marks: number[] = [];
    for (const members of [fused, ordinary]) {
      await members.train(12);
      const { divergedAt, values } = await members.state();
      expect([divergedAt[0], divergedAt[2]]).toEqual([-1, -1]);
      expect(values.slice(0, P).every(Number.isFinite)).toBe(true);
      marks.push(divergedAt[1]);
      const { accuracy } = await members.evaluate();
      expect([0, 1, 2].every((m) => accuracy[m] >= 0 && accuracy[m] <= 1)).toBe(true);
      members.dispose();
    }
    // The fused kernel sees weights that are not finite a step before a loss tells of them.
    expect(marks[0]).toBeGreaterThanOrEqual(0);
    expect(marks[1] - marks[0]).toBeGreaterThanOrEqual(0);
    expect(marks[1] - marks[0]).toBeLessThanOrEqual(1);
  });

  it('go on from a state as if they had never stopped', async () => {
    using data = spiralData(t.device);
    const masks = masksOf('members resumed');
    const make = [
      (o: MembersOptions): Members => openMembers(t.device, o),
      (o: MembersOptions): Members => new OrdinaryMembers(t.device, o, 'for a test'),
    ];
    for (const open of make) {
      const whole = open({ ...options(data), masks });
      await whole.train(7);
      const middle = await whole.state();
      await whole.train(6);
      const rest = open({ ...options(data), masks, start: middle, firstBatch: 7 });
      await rest.train(6);
      expect(await rest.state()).toEqual(await whole.state());
      whole.dispose();
      rest.dispose();
    }
  });

  it('take the ordinary path, and say why, where the fused kernel does not hold their shape', async () => {
    using data = spiralData(t.device);
    const wide: Widths = [32, 32, 32];
    const values = new Float32Array(2241).fill(0.01);
    const members = openMembers(t.device, {
      ...{ data, widths: wide, rates: [0.1], schedules: ['constant'], order: new RowOrder(data.rows, 1) },
      start: freshState(values, 1),
    });
    expect(members.fallback).toMatch(/at most 1024 parameters, 2-32-32-32-1 has 2241/);
    members.dispose();
    expect(membersCapacity(t.device, wide)).toBeGreaterThan(10);
    const mask = new Float32Array(values.length).fill(1);
    mask[3] = 0;
    const reasons: string[] = [];
    const [result] = await trainBlock(t.device, data, wide, [{ rate: 0.1, schedule: 'cosine', seed: 2, mask }], {
      epochs: 1,
      fallback: (reason) => reasons.push(reason),
    });
    expect(reasons).toHaveLength(1);
    expect(result.parameters).toBe(values.length - 1);
    expect(result.accuracy).toBeGreaterThan(0.5);
  });

  it('refuse lists of other lengths', () => {
    using data = spiralData(t.device);
    expect(() => openMembers(t.device, { ...options(data), schedules: ['cosine'] })).toThrow(/3 schedules, got 1/);
    expect(() => openMembers(t.device, { ...options(data), masks: [1] })).toThrow(/129 mask values, got 1/);
  });
});

describe('RowOrder', () => {
  it('gives the batches of `shuffledBatches`, whatever is asked for first', () => {
    const order = new RowOrder(49_982, 9);
    const whole = shuffledBatches(49_982, 128, 1000, 9).order;
    for (const [from, steps] of [
      [0, 10],
      [385, 400],
      [0, 1000],
      [391, 2],
    ])
      expect(order.batches(from, steps).order).toEqual(whole.slice(from * 128, (from + steps) * 128));
  });
});
