import type { RunContext, RunOutcome } from '../../study.js';
import { denseParameters, type Widths } from '../enumerate.js';
import { shapeAround, triplesOf } from '../expand.js';
import { seedOf } from '../seeds.js';
import { type BlockRun, topLeftMask } from '../training/train.js';
import { LINES, type StructuredResult, type StructuredRunConfig, type TripleResult } from '../types.js';
import { countDiverged, fixedInitial, isBetter, linesOf, lossOf, settingsOf, trainRuns } from './blocks.js';

/**
 * Phase 1 within one shape: all dense networks that this is the tightest shape of. Each is trained as the top-left block
 * of that shape, its other units masked, which changes nothing and needs one compiled kernel for all.
 */
export async function executeStructured(config: StructuredRunConfig, context: RunContext): Promise<RunOutcome> {
  const { within, fixedSeed, seed, epochs, initialisation, target } = config;
  const triples = triplesOf(config).filter((triple) => String(shapeAround(triple)) === String(within));
  const settings = settingsOf(config);
  const initial = fixedSeed === null ? undefined : fixedInitial(fixedSeed, within);
  const about = [seed, 'structured', initialisation, target] as const;
  const runs = triples.flatMap((triple) => {
    const mask = topLeftMask(within, triple);
    return settings.map(
      ({ rate, schedule }): BlockRun => ({
        ...{ rate, schedule, mask, initial },
        seed: fixedSeed ?? seedOf(...about, [...triple], rate, schedule),
      }),
    );
  });
  const orderSeed = seedOf(...about, [...within], 'order');
  const results = await trainRuns(context, runs, { widths: within, epochs, orderSeed });
  const rows = results.map((result, i) => ({
    ...{ widths: triples[Math.floor(i / settings.length)], rate: runs[i].rate, schedule: runs[i].schedule },
    ...{ seed: runs[i].seed, accuracy: result.accuracy, loss: lossOf(result), divergedAt: result.divergedAt },
  }));
  await context.files().write(LINES, linesOf(rows));
  const best = triples.map((widths, t): TripleResult => {
    const own = settings.map((_, s) => t * settings.length + s);
    const winner = own.reduce((a, b) => (isBetter(results[b], results[a]) ? b : a));
    const { rate, schedule } = runs[winner];
    return { widths, ...sizeOf(widths), accuracy: results[winner].accuracy, rate, schedule };
  });
  const result: StructuredResult = { runs: runs.length, diverged: countDiverged(results), triples: best };
  return { status: 'finished', result };
}

function sizeOf(widths: Widths): { weights: number; parameters: number } {
  const { weights, biases } = denseParameters(widths);
  return { weights, parameters: weights + biases };
}

/** The triple of fewest parameters that reached the target; of several, the most accurate. Null where none did. */
export function winnerOf(results: readonly StructuredResult[], target: number): TripleResult | null {
  const reached = results.flatMap(({ triples }) => triples).filter(({ accuracy }) => accuracy >= target);
  return reached.reduce<TripleResult | null>((a, b) => {
    if (!a || b.parameters < a.parameters) return b;
    return b.parameters === a.parameters && b.accuracy > a.accuracy ? b : a;
  }, null);
}
