import { describe, expect, it } from 'vitest';
import { compile, scope, type Tensor, tensor } from '../../src/index.js';
import { Parameters } from '../../src/nn/index.js';
import {
  adam,
  constantSchedule,
  cosine,
  multiStep,
  type OptimiserOptions,
  oneCycle,
  type Schedule,
  sgd,
  warmUp,
} from '../../src/optim/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';

const t = testDevice();
const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const parametersOf = () => new Parameters(t.device, [{ name: 'w', shape: [2] }]);

/** The rates that the device computes for steps 0 to n - 1, by replays of one compiled step. */
async function onDevice(schedule: Schedule, n: number, lr = 1): Promise<number[]> {
  const parameters = parametersOf();
  const optimiser = sgd(parameters, { lr, schedule });
  const step = compile(t.device, (g: Tensor) => optimiser.step([g]));
  const g = tensor(t.device, [0, 0]);
  const rates: number[] = [];
  for (let i = 0; i < n; i++) {
    step(g);
    rates.push(await optimiser.learningRate());
  }
  for (const thing of [g, step, optimiser, parameters]) thing.dispose();
  return rates;
}

/** One cycle as torch.optim.lr_scheduler.OneCycleLR defines it (cosine, two phases), over the peak rate. */
function torchOneCycle(
  step: number,
  total: number,
  pctStart: number,
  divFactor: number,
  finalDivFactor: number,
): number {
  const initial = 1 / divFactor;
  const minimum = initial / finalDivFactor;
  const phases = [
    { end: pctStart * total - 1, from: initial, to: 1 },
    { end: total - 1, from: 1, to: minimum },
  ];
  let start = 0;
  for (const [i, { end, from, to }] of phases.entries()) {
    if (step <= end || i === 1)
      return to + ((from - to) / 2) * (1 + Math.cos((Math.PI * (step - start)) / (end - start)));
    start = end;
  }
  return Number.NaN;
}

const cases: [string, Schedule, number, (step: number) => number][] = [
  ['constant', constantSchedule(), 5, () => 1],
  ['multiStep', multiStep([3, 7, 8]), 12, (s) => (s < 3 ? 1 : s < 7 ? 0.1 : s < 8 ? 0.01 : 0.001)],
  ['multiStep from the first step, with gamma 0.5', multiStep([0, 1], 0.5), 4, (s) => (s === 0 ? 0.5 : 0.25)],
  ['multiStep without milestones', multiStep([]), 3, () => 1],
  ['cosine', cosine(20), 25, (s) => 0.5 * (1 + Math.cos((Math.PI * Math.min(s, 20)) / 20))],
  ['cosine to an end', cosine(9, 0.25), 14, (s) => 0.25 + 0.375 * (1 + Math.cos((Math.PI * Math.min(s, 9)) / 9))],
  ['warm-up', warmUp(5), 8, (s) => Math.min(1, (s + 1) / 5)],
  [
    'warm-up from 0.1 to a cosine',
    warmUp(4, cosine(10), 0.1),
    18,
    (s) => (s < 4 ? 0.1 + (0.9 * (s + 1)) / 4 : 0.5 * (1 + Math.cos((Math.PI * Math.min(s - 4, 10)) / 10))),
  ],
  [
    'three warm-ups, nested',
    warmUp(2, warmUp(3, warmUp(2, multiStep([2], 0.5), 0.25), 0.5)),
    12,
    (s) => [0.5, 1, 0.5 + 0.5 / 3, 0.5 + 1 / 3, 1, 0.625, 1][s] ?? (s < 9 ? 1 : 0.5),
  ],
  [
    'warm-up to one cycle',
    warmUp(3, oneCycle(20)),
    24,
    (s) => (s < 3 ? (s + 1) / 3 : torchOneCycle(Math.min(s - 3, 19), 20, 0.3, 25, 1e4)),
  ],
  ['oneCycle', oneCycle(40), 45, (s) => torchOneCycle(Math.min(s, 39), 40, 0.3, 25, 1e4)],
  [
    'oneCycle of other shape',
    oneCycle(11, { up: 0.55, divide: 4, finalDivide: 100 }),
    14,
    (s) => torchOneCycle(Math.min(s, 10), 11, 0.55, 4, 100),
  ],
];

describe('schedules', () => {
  it.each(cases)('%s: on the host as defined, on the device as on the host', async (_, schedule, n, expected) => {
    const host = range(n).map((s) => schedule.factor(s));
    expectClose(host, range(n).map(expected), { rtol: 1e-12, atol: 1e-15, each: true, what: 'host' });
    const base = 0.3;
    expectClose(
      await onDevice(schedule, n, base),
      host.map((f) => base * f),
      { rtol: 2e-6, what: 'device' },
    );
  });

  it('reach 0 and their ends exactly enough', async () => {
    const rates = await onDevice(oneCycle(10), 12);
    expectClose(rates.slice(9), [4e-6, 4e-6, 4e-6], { rtol: 0, atol: 3e-7 });
    expect(Math.abs((await onDevice(cosine(3), 5))[4])).toBeLessThan(1e-7);
  });

  it.each([
    [() => multiStep([3, 3]), 'multiStep: expected whole milestones in ascending order, got 3, 3'],
    [() => multiStep([1.5]), 'multiStep: expected whole milestones in ascending order, got 1.5'],
    [() => multiStep([-1]), 'got -1'],
    [() => multiStep([1], Number.NaN), 'multiStep: expected a finite gamma >= 0, got NaN'],
    [() => cosine(0), 'cosine: expected a positive whole number of steps, got 0'],
    [() => cosine(2.5), 'got 2.5'],
    [() => cosine(5, Number.POSITIVE_INFINITY), 'cosine: expected a finite end >= 0, got Infinity'],
    [() => warmUp(0), 'warmUp: expected a positive whole number of steps, got 0'],
    [() => warmUp(3, cosine(3), -1), 'warmUp: expected a finite start >= 0, got -1'],
    [() => oneCycle(-4), 'oneCycle: expected a positive whole number of steps, got -4'],
    [() => oneCycle(10, { up: 1 }), 'oneCycle: expected up in (0, 1), got 1'],
    [() => oneCycle(2), 'oneCycle: expected enough steps for both phases, got 2 with up 0.3'],
    [() => oneCycle(10, { divide: 0 }), 'oneCycle: expected divide > 0, got 0'],
  ])('refuse %s', (make, message) => {
    expect(make).toThrow(message);
  });
});

describe('the base rate', () => {
  it('changes between replays, beside the schedule', async () => {
    const parameters = parametersOf();
    const optimiser = sgd(parameters, { lr: 1, schedule: multiStep([2], 0.5) });
    const step = compile(t.device, (g: Tensor) => optimiser.step([g]));
    const g = tensor(t.device, [1, -2]);
    const rates: number[] = [];
    for (const lr of [1, 2, 3, 0]) {
      optimiser.setLearningRate(lr);
      step(g);
      rates.push(await optimiser.learningRate());
    }
    expect(rates).toEqual([1, 2, 1.5, 0]);
    expect([...(await parameters.get('w').data())]).toEqual([-4.5, 9]);
    for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => optimiser.setLearningRate(wrong)).toThrow(`sgd: expected lr >= 0, got ${wrong}`);
    for (const thing of [g, step, optimiser, parameters]) thing.dispose();
  });
});

describe('an optimiser', () => {
  const wrong: [keyof typeof makers, Partial<Record<string, unknown>>, string][] = [
    ['sgd', { lr: -1 }, 'sgd: expected lr >= 0, got -1'],
    ['sgd', { lr: Number.NaN }, 'sgd: expected lr >= 0, got NaN'],
    ['sgd', { lr: 1, momentum: 1 }, 'sgd: expected momentum in [0, 1), got 1'],
    ['sgd', { lr: 1, nesterov: true }, 'sgd: expected momentum > 0 with nesterov, got undefined'],
    ['sgd', { lr: 1, weightDecay: -0.1 }, 'sgd: expected weightDecay >= 0, got -0.1'],
    ['sgd', { lr: 1, clipNorm: 0 }, 'sgd: expected clipNorm > 0, got 0'],
    ['adam', { lr: 1, betas: [0.9, 1] }, 'adam: expected betas in [0, 1), got 0.9,1'],
    ['adam', { lr: 1, eps: 0 }, 'adam: expected eps > 0, got 0'],
    [
      'sgd',
      { lr: 1, weightDecay: 0.1, decays: () => false },
      'sgd: expected decays to pick some parameter, got none picked',
    ],
  ];
  const makers = { sgd, adam };

  it.each(wrong)('%s refuses %j and allocates nothing for it', (rule, options, message) => {
    const parameters = parametersOf();
    const { live } = t.device.memory();
    expect(() => makers[rule](parameters, options as unknown as OptimiserOptions)).toThrow(message);
    expect(t.device.memory().live).toBe(live);
    parameters.dispose();
  });

  it('refuses gradients of another number, shape, dtype or device', () => {
    const parameters = parametersOf();
    const optimiser = adam(parameters, { lr: 1 });
    scope(() => {
      const g = tensor(t.device, [1, 2]);
      expect(() => optimiser.step([])).toThrow('Parameters.pack: expected 1 tensors, got 0');
      expect(() => optimiser.step([g, g])).toThrow('Parameters.pack: expected 1 tensors, got 2');
      expect(() => optimiser.step([tensor(t.device, [1])])).toThrow(
        'Parameters.pack: expected f32[2] for w, got f32[1]',
      );
      expect(() => optimiser.step([tensor(t.device, new Int32Array(2))])).toThrow(
        'Parameters.pack: expected f32[2] for w, got i32[2]',
      );
      g.dispose();
      expect(() => optimiser.step([g])).toThrow('Parameters.pack: f32[2] was disposed before this use');
    });
    for (const thing of [optimiser, parameters]) thing.dispose();
  });

  it('counts only the steps that it did', async () => {
    const parameters = parametersOf();
    const optimiser = adam(parameters, { lr: 1 });
    scope(() => {
      expect(() => optimiser.step([tensor(t.device, [1])])).toThrow();
      optimiser.step([tensor(t.device, [1, 1])]);
    });
    expect(await optimiser.stepCount()).toBe(1);
    for (const thing of [optimiser, parameters]) thing.dispose();
  });
});
