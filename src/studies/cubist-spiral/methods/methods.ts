import type { Batch } from '../../../data/loader.js';
import { bceWithLogits } from '../../../ops/losses.js';
import { type Population, readModels, writeModels } from '../../../population/index.js';
import {
  forceMask,
  gmp,
  graspMask,
  iterativeSnipMask,
  maskPopulation,
  PrunePlan,
  planLike,
  planSparsity,
  prosprMask,
  rigl,
  snipMask,
  synflowMask,
} from '../../../prune/index.js';
import { populationTickets } from '../../../prune/population-lottery.js';
import { philoxUniform } from '../../../tensor/philox.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { TRAINING } from '../training/setting.js';
import { batchOf } from '../training/spiral-batches.js';
import type { Pruner } from '../types.js';
import type { MethodPart } from './method-part.js';
import { type MethodRun, runSeed } from './method-runs.js';
import {
  erkCounts,
  gmpKept,
  gmpSteps,
  LTH_TRAININGS,
  lthKept,
  RIGL_EVERY,
  riglUntil,
  SENSITIVITY_ROUNDS,
  SYNFLOW_ROUNDS,
  sensitivityKept,
} from './method-schedules.js';

/** Prunes the networks of a part, and trains them to the end. */
export type Method = (part: MethodPart) => Promise<void>;

/** Random stream of the places that RigL begins with. */
const PLACES = 0x72696700;
/** Samples of each class that GraSP looks at. */
const GRASP_SAMPLES = 25;

const loss = { loss: bceWithLogits };

/** Plans to keep so many weights of each run, all layers competing. */
function plansFor(
  population: Population,
  runs: readonly MethodRun[],
  kept: (budget: number, total: number) => number = (budget) => budget,
): PrunePlan[] {
  const { layers, total } = planSparsity(population, 0);
  return runs.map(({ budget }) => new PrunePlan('global', layers, kept(budget, total)));
}

/** What a method that prunes before training has to go by. */
interface Scoring {
  population: Population;
  plans: PrunePlan[];
  batches: Batch[];
  runs: readonly MethodRun[];
}

/** A method that finds masks of the initial parameters, over some batches of its own. */
const beforeTraining =
  (rows: (part: MethodPart) => ArrayLike<number>[], find: (scoring: Scoring) => Promise<{ mask: Tensor }>): Method =>
  async (part) => {
    const batches = rows(part).map((some) => batchOf(part.context.data, some));
    try {
      const masks = await part.score((population, runs) =>
        find({ population, runs, batches, plans: plansFor(population, runs) }),
      );
      part.setMasks(masks);
    } finally {
      for (const batch of batches) batch.dispose();
    }
    await part.train(part.steps);
  };

/** The first batches of the order that scores are taken over. */
const batchesOf = (count: number) => (part: MethodPart) => {
  const { size, order } = part.scoring.batches(0, count);
  return Array.from({ length: count }, (_, b) => order.subarray(b * size, (b + 1) * size));
};

/** Samples of each class, one class a batch, as the published code splits them; gradients are summed over both. */
function graspRows(part: MethodPart): number[][] {
  const { data } = part.context;
  const { order } = part.scoring.batches(0, TRAINING.stepsPerEpoch);
  const second = data.rows / 2;
  return [0, 1].map((label) =>
    Array.from(order)
      .filter((row) => (row >= second ? 1 : 0) === label)
      .slice(0, GRASP_SAMPLES),
  );
}

const snip = beforeTraining(batchesOf(1), ({ population, plans, batches }) =>
  snipMask(population, plans, batches, loss),
);

const grasp = beforeTraining(graspRows, ({ population, plans, batches }) =>
  graspMask(population, plans, batches, { ...loss, temperature: 200 }),
);

const sensitivity = { ...loss, rounds: SENSITIVITY_ROUNDS, schedule: sensitivityKept };

const iterativeSnip = beforeTraining(batchesOf(SENSITIVITY_ROUNDS), ({ population, plans, batches }) =>
  iterativeSnipMask(population, plans, (round) => [batches[round]], sensitivity),
);

const force = beforeTraining(batchesOf(SENSITIVITY_ROUNDS), ({ population, plans, batches }) =>
  forceMask(population, plans, (round) => [batches[round]], sensitivity),
);

const synflow = beforeTraining(
  () => [],
  ({ population, plans }) => synflowMask(population, plans, [2], { rounds: SYNFLOW_ROUNDS }),
);

const prospr = beforeTraining(batchesOf(4), ({ population, plans, batches, runs }) =>
  prosprMask(population, plans, batches, {
    ...{ ...loss, steps: 3, momentum: TRAINING.momentum },
    lr: runs.map((run) => run.rate),
  }),
);

/** Gradual magnitude pruning: the weights go where they are ranked, and the masks come back. */
const gradual: Method = async (part) => {
  const { every, end } = gmpSteps(part.steps);
  const population = part.population(part.initial);
  const driver = gmp(population, plansFor(population, part.runs), { every, end, schedule: gmpKept });
  try {
    for (let step = every; step <= end; step += every) {
      await part.train(every);
      writeModels(population, await part.values());
      await driver.run(step);
      part.setMasks(await readModels(population, driver.mask));
    }
    await part.train(part.steps - end);
  } finally {
    driver.dispose();
    population.dispose();
  }
};

/** Lottery tickets: every training is one of the members, from the initial parameters. */
const lottery: Method = async (part) => {
  const population = part.population(part.initial);
  try {
    const { mask } = await populationTickets(population, {
      levels: LTH_TRAININGS - 1,
      plan: (level) => plansFor(population, part.runs, (budget, total) => lthKept(total, budget, level)),
      train: async (level, masks) => {
        if (level > 0) {
          part.setMasks(await readModels(population, masks));
          part.members.restart(part.initial);
        }
        await part.train(part.steps);
        writeModels(population, await part.values());
      },
    });
    mask.dispose();
  } finally {
    population.dispose();
  }
};

/** RigL: a step that changes masks takes the batch of its turn for the dense gradient, and trains nothing. */
const moving: Method = async (part) => {
  const until = riglUntil(part.steps);
  const population = part.population(part.initial);
  const { data } = part.context;
  const start = await randomPlaces(part, population);
  const turn: { batch: ReturnType<typeof batchOf> | null } = { batch: null };
  const driver = rigl(population, null, start, {
    ...{ ...loss, every: RIGL_EVERY, until, fraction: 0.3 },
    batch: () => turn.batch!,
  });
  try {
    part.setMasks(await readModels(population, driver.mask));
    let done = 0;
    for (let step = RIGL_EVERY; step < until; step += RIGL_EVERY) {
      await part.train(step - 1 - done);
      writeModels(population, await part.values());
      turn.batch = batchOf(data, part.order.batches(step - 1, 1).order);
      await driver.run(step);
      turn.batch.dispose();
      part.setMasks(await readModels(population, driver.mask));
      part.skip();
      done = step;
    }
    await part.train(part.steps - done);
  } finally {
    driver.dispose();
    start.mask.dispose();
    population.dispose();
  }
};

/** Random masks with the numbers of weights that Erdős–Rényi densities give each layer. */
async function randomPlaces(part: MethodPart, population: Population): ReturnType<typeof maskPopulation> {
  const { layers } = planSparsity(population, 0);
  const plans = part.runs.map(({ budget }) => {
    const counts = erkCounts(part.widths, budget);
    return planLike(population, { layers: layers.map(({ name, total }, l) => ({ name, total, kept: counts[l] })) });
  });
  const { count, parameters } = population;
  const draws = new Float32Array(part.runs.length * count);
  part.runs.forEach((run, m) => {
    draws.set(philoxUniform(runSeed(part.config, run, 'places'), PLACES, 0, count), m * count);
  });
  const scores = parameters.like();
  try {
    writeModels(population, draws, scores);
    return await maskPopulation(population, plans, { scores });
  } finally {
    scores.dispose();
  }
}

/** All methods of the study by name. */
export const METHODS: Readonly<Record<Pruner, Method>> = {
  ...{ gmp: gradual, lth: lottery, rigl: moving },
  ...{ snip, grasp, force, synflow, prospr },
  'iterative-snip': iterativeSnip,
};
