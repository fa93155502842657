import type { RunContext, RunOutcome } from '../../study.js';
import { StoppedError } from '../../study.js';
import type { MaskTriple, Widths } from '../enumerate.js';
import { type ContinuationResult, type ContinuationRunConfig, LINES } from '../types.js';
import { countDiverged, linesOf } from './blocks.js';
import { Frontier } from './frontier.js';
import { canonical, denseMask, latticeSizes } from './lattice.js';
import { classesOf, keyOf, lineOf, type Trial, trainMasks } from './masks.js';

/** Masks that are trained at a time: enough to keep the device busy, few enough to learn from. */
const ROUND = 256;

/**
 * One slice of the search beyond what phase 2 was limited to: best-first from the dense network downwards, with all that
 * earlier slices and phase 2 have trained known. It ends when its time is over, so that what it covers depends on
 * the machine; the result says exactly what that was.
 */
export async function executeContinuation(config: ContinuationRunConfig, context: RunContext): Promise<RunOutcome> {
  const { widths, target, seconds, from, slice } = config;
  const start = performance.now();
  const spent = () => (performance.now() - start) / 1000;
  const frontier = new Frontier(target);
  const trained = new Map<string, number>();
  const known = await knownMasks(from, widths, context);
  for (const { mask } of known) trained.set(keyOf(mask), mask.weights);
  // The dense network is where the search begins: phase 1 found that it reaches the target.
  frontier.learn([{ mask: denseMask(widths), accuracy: 1 }, ...known]);
  const trials: Trial[] = [];
  for (let round = 0; frontier.waiting > 0 && (round === 0 || spent() < seconds); round++) {
    if (context.signal.aborted) throw new StoppedError();
    const masks = frontier.take(ROUND);
    const done = await trainMasks(context, config, widths, masks, ['continuation', slice, round], [0, 0]);
    trials.push(...done);
    for (const { candidate } of done) trained.set(keyOf(candidate), candidate.weights);
    frontier.learn(done.map(({ candidate, result }) => ({ mask: candidate, accuracy: result.accuracy })));
    context.progress(Math.min(1, spent() / seconds), `${frontier.waiting} masks waiting`);
  }
  await context.files().write(LINES, linesOf(trials.map(lineOf)));
  const result: ContinuationResult = {
    ...{ runs: trials.length, diverged: countDiverged(trials.map((t) => t.result)) },
    classes: classesOf(widths, trials, target),
    coverage: coverageOf(widths, trained),
    waiting: frontier.waiting,
  };
  return { status: 'finished', result };
}

/** What phase 2 and earlier slices have trained, out of their files. */
async function knownMasks(
  from: readonly string[],
  widths: Widths,
  context: RunContext,
): Promise<{ mask: MaskTriple; accuracy: number }[]> {
  const known: { mask: MaskTriple; accuracy: number }[] = [];
  for (const id of from) {
    const text = new TextDecoder().decode(await context.files(id).read(LINES));
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const { mask, accuracy } = JSON.parse(line) as { mask: string; accuracy: number };
      known.push({ mask: maskOf(mask, widths), accuracy });
    }
  }
  return known;
}

/** The mask of a key. */
export function maskOf(key: string, [first, second]: Widths): MaskTriple {
  const columns = [2, first, second];
  const layers = key.split('|').map((rows, l) => {
    const words = rows.split('.').map((row) => Number.parseInt(row, 32));
    const ones = words.reduce((n, word) => n + word.toString(2).replaceAll('0', '').length, 0);
    return { rows: words, columns: columns[l], ones };
  });
  return canonical(layers);
}

function coverageOf(widths: Widths, trained: ReadonlyMap<string, number>): ContinuationResult['coverage'] {
  const counts = new Map<number, number>();
  for (const weights of trained.values()) counts.set(weights, (counts.get(weights) ?? 0) + 1);
  return [...latticeSizes(widths)].map(([weights, candidates]) => ({
    ...{ weights, candidates, trained: counts.get(weights) ?? 0 },
  }));
}
