/**
 * Training LeNet5-Mini on MNIST: a population against its models one after the other, in alternating rounds. Prints
 * images a second and model, the ratio of the medians, and where the device's time goes. Run by hand, on a machine that
 * does nothing else.
 *
 *   SECATEUR_DATA=DIR npx tsx bench/population-axis.ts --models 64 --alone 8 --batch 256 --steps 2 --rounds 3
 */

import { parseArgs } from 'node:util';
import { Dataset, ImageLoader, resizeImages } from '../src/data/index.js';
import { openDataset } from '../src/data/node.js';
import { type CompiledStep, compile, crossEntropy, type Device, grad, openDevice, scope } from '../src/index.js';
import { lenet5Mini, Model } from '../src/nn/index.js';
import { sgd } from '../src/optim/index.js';
import { Population, populationBlocks, populationSgd, populationStep } from '../src/population/index.js';

/** The recipe of the oracle-pruning study. */
const RECIPE = { lr: 0.01, momentum: 0.9, weightDecay: 1e-4 };

/** Something to time: a compiled step, and how many models a call of it trains. */
interface Runner {
  models: number;
  step: CompiledStep<[], void>;
  dispose(): void;
}

function modelAlone(device: Device, loader: ImageLoader, seed: number): Runner {
  const model = new Model(device, lenet5Mini(), { seed });
  const optimiser = sgd(model.parameters, RECIPE);
  const step = compile(device, () => {
    const { inputs, targets } = loader.next();
    const loss = crossEntropy(model.forward(inputs, { training: true }), targets);
    optimiser.step(grad(loss, model.parameters.list()));
  });
  return { models: 1, step, dispose: () => [step, model, optimiser].forEach((owned) => owned.dispose()) };
}

function block(device: Device, loader: ImageLoader, from: number, to: number): Runner {
  const seeds = Array.from({ length: to - from }, (_, i) => from + i);
  const population = new Population(device, lenet5Mini(), seeds.length, { seeds });
  const optimiser = populationSgd(population, RECIPE);
  const step = compile(device, () => scope(() => void populationStep(population, optimiser, loader.next())));
  const dispose = () => [step, population, optimiser].forEach((owned) => owned.dispose());
  return { models: seeds.length, step, dispose };
}

/** Milliseconds a step and model. */
async function time(device: Device, runners: readonly Runner[], steps: number): Promise<number> {
  await device.sync();
  const begun = performance.now();
  for (const { step } of runners) for (let i = 0; i < steps; i++) step();
  await device.sync();
  return (performance.now() - begun) / steps / runners.reduce((n, r) => n + r.models, 0);
}

/** Device milliseconds a model by kernel, greatest first. */
async function profile(device: Device, { step, models }: Runner): Promise<[string, number][]> {
  const times = new Map<string, number>();
  for (const { kernel, key, ns } of await device.profile(() => step())) {
    const what = key.match(/"(?:problem|kind|pass|combine)":"(\w+)"/)?.[1];
    const name = what ? `${kernel} ${what}` : kernel;
    times.set(name, (times.get(name) ?? 0) + ns / 1e6 / models);
  }
  return [...times].sort((a, b) => b[1] - a[1]);
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const { values } = parseArgs({
  options: {
    models: { type: 'string', default: '64' },
    alone: { type: 'string', default: '4' },
    batch: { type: 'string', default: '256' },
    steps: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
  },
});
const [models, alone, batch, steps, rounds] = [
  values.models,
  values.alone,
  values.batch,
  values.steps,
  values.rounds,
].map(Number);

const device = await openDevice();
const opened = await openDataset('mnist');
const data = new Dataset(device, resizeImages(opened.train, 32, 32));
const loader = new ImageLoader(data, batch, { seed: 1 });
loader.shuffle();
const options = { input: [32, 32, 1], batch, slots: 1 };
const blocks = populationBlocks(device, lenet5Mini(), models, options);
const singles = Array.from({ length: Math.min(alone, models) }, (_, seed) => modelAlone(device, loader, seed));
// Blocks are timed one at a time, as they are trained: only one lies on the device.
const first = block(device, loader, blocks[0].from, blocks[0].to);
for (const runner of [...singles, first]) for (let i = 0; i < 2; i++) runner.step();
const results = { alone: [] as number[], together: [] as number[] };
for (let round = 0; round < rounds; round++) {
  results.alone.push(await time(device, singles, steps));
  results.together.push(await time(device, [first], steps));
}
const [one, many] = [median(results.alone), median(results.together)];
const rate = (ms: number) => `${ms.toFixed(2)} ms a step and model, ${((1000 * batch) / ms).toFixed(0)} images/s`;
console.log(`LeNet5-Mini, batch ${batch}, ${models} models in ${blocks.length} blocks of ${first.models}`);
console.log(`one after another: ${rate(one)}`);
console.log(`together:          ${rate(many)}`);
console.log(`ratio ${(one / many).toFixed(2)}`);
for (const [name, runner] of [
  ['alone', singles[0]],
  ['together', first],
] as const) {
  const rows = (await profile(device, runner)).slice(0, 8).map(([kernel, ms]) => `${kernel} ${ms.toFixed(2)}`);
  console.log(`${name}, device ms a model: ${rows.join(', ')}`);
}
for (const owned of [...singles, first, loader, data]) owned.dispose();
await device.close();
