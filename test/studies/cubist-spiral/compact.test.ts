import { describe, expect, it } from 'vitest';
import { mlpParameterCount } from '../../../src/population/index.js';
import { SCHEDULES, type ScheduleName, type Widths } from '../../../src/studies/cubist-spiral/enumerate.js';
import {
  type Neurons,
  paddedWidths,
  parameterPlaces,
  usefulNeurons,
} from '../../../src/studies/cubist-spiral/training/compact.js';
import { CompactMembers } from '../../../src/studies/cubist-spiral/training/compact-members.js';
import { groupCost, groupNetworks } from '../../../src/studies/cubist-spiral/training/grouping.js';
import { freshState, type Members } from '../../../src/studies/cubist-spiral/training/members.js';
import { openMembers } from '../../../src/studies/cubist-spiral/training/open-members.js';
import { RowOrder } from '../../../src/studies/cubist-spiral/training/row-order.js';
import { spiralData, spiralShape, subNetworkInitial } from '../../../src/studies/cubist-spiral/training/setting.js';
import { decayOf } from '../../../src/studies/cubist-spiral/training/unreached.js';
import { expectClose } from '../../support/close.js';
import { testDevice } from '../../support/device.js';
import { Inputs } from '../../support/random.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

/** Masks of networks that keep a weight in so many, and all biases. */
function sparseMasks(name: string, widths: Widths, count: number, oneIn: number): Float32Array {
  const inputs = new Inputs(name);
  const mask = Float32Array.from({ length: count * mlpParameterCount(spiralShape(widths)) }, () =>
    inputs.integer(oneIn) === 0 ? 1 : 0,
  );
  return mask;
}

describe('neurons that matter', () => {
  it('are those from which the output is reached, fed or not', () => {
    const widths: Widths = [3, 2, 2];
    const mask = [
      // 2 -> 3: the third neuron is fed by nothing, and feeds the second layer.
      ...[1, 1, 1, 0, 0, 0, 1, 1, 1],
      // 3 -> 2: the second neuron of the layer leads on only to a neuron that leads nowhere.
      ...[1, 0, 1, 0, 1, 0, 1, 1],
      ...[1, 0, 0, 1, 1, 1],
      ...[1, 0, 1],
    ];
    const useful = usefulNeurons(widths, mask);
    expect(useful).toEqual([[0, 2], [0], [0]]);
    expect(paddedWidths(useful, widths)).toEqual([2, 2, 2]);
    expect(paddedWidths([[1, 2, 3], [4], [0, 1, 2, 3, 4]], [16, 16, 6])).toEqual([4, 2, 6]);
    // 2-2-2-2-1: rows of the first layer are neurons 0 and 2, those of the second neuron 0 and one that is not there.
    expect([...parameterPlaces(widths, useful, [2, 2, 2])]).toEqual([
      ...[0, 1, 4, 5, 6, 8],
      ...[9, 11, -1, -1, 15, -1],
      ...[17, -1, -1, -1, 21, -1],
      ...[23, -1, 25],
    ]);
  });

  it('are none where nothing reaches the output', () => {
    const useful = usefulNeurons([4, 4, 4], new Float32Array(57));
    expect(useful).toEqual([[], [], []]);
    expect(paddedWidths(useful, [4, 4, 4])).toEqual([2, 2, 2]);
    expect([...parameterPlaces([4, 4, 4], useful, [2, 2, 2])].filter((at) => at >= 0)).toEqual([56]);
  });
});

describe('groups', () => {
  const anything = { fused: () => true, capacity: () => Number.POSITIVE_INFINITY };
  const first = (n: number) => Array.from({ length: n }, (_, i) => i);
  const neurons = (a: number, b: number, c: number): Neurons => [first(a), first(b), first(c)];

  it('hold each network once, in shapes that hold it, and cost no more than all in one', () => {
    const inputs = new Inputs('groups');
    const most: Widths = [16, 16, 16];
    const useful = Array.from({ length: 100 }, () =>
      neurons(1 + inputs.integer(16), 1 + inputs.integer(16), inputs.integer(17)),
    );
    const groups = groupNetworks(useful, most, 5000, { ...anything, capacity: () => 30 });
    expect(groups.flatMap((g) => g.members).sort((a, b) => a - b)).toEqual(first(100));
    for (const { widths, members } of groups) {
      expect(members.length).toBeLessThanOrEqual(30);
      for (const m of members) expect(widths.every((w, l) => w >= useful[m][l].length && w <= most[l])).toBe(true);
    }
    const free = groupNetworks(useful, most, 5000, anything);
    const cost = free.reduce((n, g) => n + groupCost(g.widths, g.members.length, 5000, true), 0);
    expect(cost).toBeLessThan(groupCost(most, 100, 5000, true));
    expect(groupNetworks(useful, most, 5000, anything)).toEqual(free);
  });

  it('are joined where a few networks would leave lanes idle, and kept apart where the shapes are far apart', () => {
    const few = [neurons(2, 2, 2), neurons(4, 4, 4), neurons(3, 1, 2)];
    expect(groupNetworks(few, [16, 16, 16], 1000, anything)).toEqual([{ widths: [4, 4, 4], members: [0, 1, 2] }]);
    const many = first(64).map((i) => (i % 2 ? neurons(16, 16, 16) : neurons(3, 3, 3)));
    expect(groupNetworks(many, [16, 16, 16], 20_000, anything).map((g) => [g.widths, g.members.length])).toEqual([
      [[4, 4, 4], 32],
      [[16, 16, 16], 32],
    ]);
  });
});

describe('compacted members', () => {
  const WIDTHS: Widths = [12, 9, 7];
  const P = mlpParameterCount(spiralShape(WIDTHS));
  const RATES = Array.from({ length: 20 }, (_, m) => [0.05, 0.1, 0.2][m % 3]);
  const NAMES: ScheduleName[] = RATES.map((_, m) => SCHEDULES[(m >> 2) % 3]);

  for (const [name, of] of [
    ['software', t],
    ['GPU forms', discrete],
  ] as const)
    it(`become what they are uncompacted, to float tolerance, through changes of masks (${name})`, async () => {
      const { device } = of;
      using data = spiralData(device);
      const values = subNetworkInitial(
        WIDTHS,
        RATES.map((_, m) => m),
      );
      const masks = [5, 7, 12].map((oneIn) => sparseMasks(`compact ${oneIn}`, WIDTHS, RATES.length, oneIn));
      const given = () => ({
        ...{ data, widths: WIDTHS, rates: RATES, schedules: NAMES, order: new RowOrder(data.rows, 3) },
        ...{ start: freshState(values, RATES.length), masks: masks[0] },
      });
      const run = async (members: Members) => {
        const states = [];
        await members.train(30);
        states.push(await members.state());
        members.setMasks(masks[1]);
        await members.train(25);
        members.skip();
        await members.train(15);
        members.setMasks(masks[2]);
        states.push(await members.state());
        await members.train(40);
        states.push(await members.state());
        const scores = await members.evaluate();
        members.setMasks(masks[1]);
        members.restart(values);
        await members.train(20);
        states.push(await members.state());
        members.dispose();
        return { states, scores };
      };
      const whole = await run(openMembers(device, given()));
      const compact = await run(new CompactMembers(device, given()));
      compact.states.forEach((state, i) => {
        expect(state.steps).toBe(whole.states[i].steps);
        expectClose(state.values, whole.states[i].values, { rtol: 1e-3, atol: 1e-5 });
        expectClose(state.momenta, whole.states[i].momenta, { rtol: 1e-2, atol: 1e-5 });
        expect(state.divergedAt).toEqual(whole.states[i].divergedAt);
      });
      expectClose(compact.scores.accuracy, Float64Array.from(whole.scores.accuracy), { rtol: 0, atol: 1e-3 });
      expectClose(compact.scores.loss, Float64Array.from(whole.scores.loss), { rtol: 1e-3, atol: 1e-5 });
      // What is masked is exactly 0, and something on the way to nowhere has decayed.
      const last = compact.states[2];
      expect(last.values.every((v, i) => masks[2][i] === 1 || Object.is(v, 0))).toBe(true);
      const lost = [...last.values.keys()].filter((i) => {
        const m = Math.floor(i / P);
        const useful = usefulNeurons(WIDTHS, masks[2].subarray(m * P, (m + 1) * P));
        return masks[2][i] === 1 && !parameterPlaces(WIDTHS, useful, WIDTHS).includes(i - m * P);
      });
      expect(lost.length).toBeGreaterThan(10);
    });

  it('of a wide network fit the fused kernel; its dense training does not', async () => {
    using data = spiralData(t.device);
    const widths: Widths = [40, 40, 40];
    const parameters = mlpParameterCount(spiralShape(widths));
    const mask = new Float32Array(parameters);
    // One path, and the biases on it.
    for (const i of [6, 80 + 3, 120 + 7 * 40 + 3, 120 + 1600 + 7, 1760 + 5 * 40 + 7, 1760 + 1600 + 5, 3400 + 5, 3440])
      mask[i] = 1;
    const members = new CompactMembers(t.device, {
      ...{ data, widths, rates: [0.1], schedules: ['constant'], order: new RowOrder(data.rows, 3) },
      start: freshState(new Float32Array(parameters).fill(0.3), 1),
      masks: mask,
    });
    await members.train(3);
    expect(members.fallback).toBeNull();
    const { values } = await members.state();
    expect([...values.keys()].filter((i) => values[i] !== 0)).toEqual([...mask.keys()].filter((i) => mask[i] === 1));
    members.setMasks(new Float32Array(parameters).fill(1));
    await members.train(1);
    expect(members.fallback).toMatch(/at most 1024 parameters, 2-40-40-40-1 has 3441/);
    members.dispose();
  });

  it('refuse masks of another length', () => {
    using data = spiralData(t.device);
    const members = new CompactMembers(t.device, {
      ...{ data, widths: [1, 1, 1], rates: [0.1], schedules: ['constant'], order: new RowOrder(data.rows, 3) },
      start: freshState(new Float32Array(9), 1),
    });
    expect(() => members.setMasks([1])).toThrow(/9 mask values, got 1/);
    members.dispose();
  });
});

describe('parameters without a gradient', () => {
  it('follow SGD by weight decay alone', () => {
    let [w, v] = [0.7, -0.2];
    const [a, b, c, d] = decayOf(0.2, 'milestones', 5840, 5860, decayOf(0.2, 'milestones', 5800, 5840));
    const [w0, v0] = [w, v];
    for (let step = 5800; step < 5860; step++) {
      v = 0.9 * v + 5e-4 * w;
      w -= 0.2 * (step < 5850 ? 1 : 0.1) * v;
    }
    expect([a * w0 + b * v0, c * w0 + d * v0].map((x) => x.toFixed(12))).toEqual([w, v].map((x) => x.toFixed(12)));
  });
});
