import type { RunContext, RunOutcome } from '../../study.js';
import { seedOf } from '../seeds.js';
import { LINES, type ReferenceResult, type ReferenceRunConfig } from '../types.js';
import { countDiverged, linesOf, lossOf, trainRuns } from './blocks.js';

/** Trains dense networks of one shape and setting from many seeds. */
export async function executeReference(config: ReferenceRunConfig, context: RunContext): Promise<RunOutcome> {
  const { widths, rate, schedule, seeds, seed, epochs } = config;
  const about = [seed, 'reference', [...widths], rate, schedule] as const;
  const runs = Array.from({ length: seeds }, (_, i) => ({ rate, schedule, seed: seedOf(...about, i) }));
  const results = await trainRuns(context, runs, { widths, epochs, orderSeed: seedOf(...about, 'order') });
  const rows = results.map((result, i) => ({
    ...{ seed: runs[i].seed, accuracy: result.accuracy, loss: lossOf(result), divergedAt: result.divergedAt },
  }));
  await context.files().write(LINES, linesOf(rows));
  const accuracies = results.map(({ accuracy }) => accuracy).sort((a, b) => a - b);
  const result: ReferenceResult = { runs: seeds, diverged: countDiverged(results), accuracies };
  return { status: 'finished', result };
}
