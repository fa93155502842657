/**
 * Training tiny networks on the Cubist Spiral: the fused population, and one network at a time as a compiled step, in
 * alternating rounds. Prints network-steps a second and the ratio of the medians. Run by hand, on a machine that does
 * nothing else.
 *
 *   npx tsx bench/population-fused.ts --widths 3,8,16 --models 1024 --batch 128 --rounds 7
 */

import { parseArgs } from 'node:util';
import { bceWithLogits, compile, type Device, grad, openDevice, tensor } from '../src/index.js';
import { Model, mlp } from '../src/nn/index.js';
import { sgd } from '../src/optim/index.js';
import { MlpPopulation, type PopulationData, shuffledBatches } from '../src/population/index.js';
import { cubistSpiral } from '../src/studies/cubist-spiral/spiral.js';
import { spiralData } from '../src/studies/cubist-spiral/training/train.js';

/** The study's recipe. */
const RECIPE = { momentum: 0.9, weightDecay: 5e-4 };
const RATE = 0.05;

/** Does some network-steps, waits for them, and returns how many they were. */
interface Runner {
  run(): Promise<number>;
  dispose(): void;
}

function fused(device: Device, data: PopulationData, width: number, models: number, batch: number): Runner {
  const parameters = 2 * width * width + 6 * width + 1;
  const population = new MlpPopulation(device, {
    ...{ inputs: 2, widths: [width, width, width], loss: 'bce', count: models },
    masks: new Float32Array(models * parameters).fill(1),
    optimiser: { rule: 'sgd', lr: RATE, ...RECIPE },
  });
  const steps = 4 * Math.max(1, Math.round(5e8 / (models * parameters * batch)));
  const batches = shuffledBatches(data.rows, batch, steps, 1);
  const run = async () => {
    await population.train({ data, steps, batches });
    return steps * models;
  };
  return { run, dispose: () => population.dispose() };
}

function oneAtATime(device: Device, width: number, batch: number): Runner {
  const { inputs, labels } = cubistSpiral();
  const x = tensor(device, inputs.slice(0, 2 * batch), { shape: [batch, 2] });
  const y = tensor(device, labels.slice(0, batch), { shape: [batch, 1] });
  const model = new Model(device, mlp([2, width, width, width, 1]));
  const optimiser = sgd(model.parameters, { lr: RATE, ...RECIPE });
  const step = compile(device, () => {
    const loss = bceWithLogits(model.forward(x, { training: true }), y);
    optimiser.step(grad(loss, model.parameters.list()));
  });
  const run = async () => {
    for (let i = 0; i < 100; i++) step();
    await device.sync();
    return 100;
  };
  return { run, dispose: () => [step, optimiser, model, x, y].forEach((owned) => owned.dispose()) };
}

/** Network-steps a second. */
async function rate({ run }: Runner): Promise<number> {
  const begun = performance.now();
  const done = await run();
  return (1000 * done) / (performance.now() - begun);
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const { values } = parseArgs({
  options: {
    widths: { type: 'string', default: '3,8,16' },
    models: { type: 'string', default: '1024' },
    batch: { type: 'string', default: '128' },
    rounds: { type: 'string', default: '7' },
  },
});
const [models, batch, rounds] = [values.models, values.batch, values.rounds].map(Number);

const device = await openDevice();
const data = spiralData(device);
console.log(`${device.name}, ${models} networks, batch ${batch}, SGD with momentum`);
for (const width of values.widths.split(',').map(Number)) {
  const together = fused(device, data, width, models, batch);
  const alone = oneAtATime(device, width, batch);
  // Compilation, and finding how long launches may be.
  for (let i = 0; i < 3; i++) for (const runner of [together, alone]) await runner.run();
  const rates = { together: [] as number[], alone: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    rates.together.push(await rate(together));
    rates.alone.push(await rate(alone));
  }
  const [many, one] = [median(rates.together), median(rates.alone)];
  const best = Math.max(...rates.together);
  console.log(
    `width ${width}: fused ${many.toFixed(0)} network-steps/s (best ${best.toFixed(0)}), one at a time ${one.toFixed(0)}, ratio ${(many / one).toFixed(0)}`,
  );
  for (const runner of [together, alone]) runner.dispose();
}
data.dispose();
await device.close();
