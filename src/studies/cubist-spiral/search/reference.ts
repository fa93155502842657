import type { RunContext, RunOutcome } from '../../study.js';
import { seedOf } from '../seeds.js';
import type { BlockResult } from '../training/train.js';
import { LINES, type ReferenceResult, type ReferenceRunConfig } from '../types.js';
import { countDiverged, linesOf, lossOf, trainRuns } from './blocks.js';

/** Trains dense networks of one shape and setting from many seeds, divided among some orders of the points. */
export async function executeReference(config: ReferenceRunConfig, context: RunContext): Promise<RunOutcome> {
  const { widths, rate, schedule, seeds, orders, seed, epochs } = config;
  const about = [seed, 'reference', [...widths], rate, schedule] as const;
  const runs = Array.from({ length: seeds }, (_, i) => ({ rate, schedule, seed: seedOf(...about, i) }));
  const results: BlockResult[] = [];
  for (let order = 0; order < orders; order++) {
    const [from, to] = [order, order + 1].map((o) => Math.floor((o * seeds) / orders));
    const orderSeed = seedOf(...about, 'order', order);
    const share = [from / seeds, to / seeds] as const;
    results.push(...(await trainRuns(context, runs.slice(from, to), { widths, epochs, orderSeed, share })));
  }
  const rows = results.map((result, i) => ({
    ...{ seed: runs[i].seed, accuracy: result.accuracy, loss: lossOf(result), divergedAt: result.divergedAt },
  }));
  await context.files().write(LINES, linesOf(rows));
  const accuracies = results.map(({ accuracy }) => accuracy).sort((a, b) => a - b);
  const result: ReferenceResult = { runs: seeds, diverged: countDiverged(results), accuracies };
  return { status: 'finished', result };
}
