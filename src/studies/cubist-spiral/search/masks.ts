import { ArgumentError } from '../../../gpu/errors.js';
import type { RunContext, RunOutcome } from '../../study.js';
import { type MaskTriple, parameterMask, type Widths } from '../enumerate.js';
import { seedOf } from '../seeds.js';
import type { BlockResult, BlockRun } from '../training/train.js';
import {
  LINES,
  type MaskClass,
  type MasksResult,
  type MasksRunConfig,
  STUDY,
  type StructuredResult,
  type Target,
} from '../types.js';
import {
  countDiverged,
  describeRun,
  fixedInitial,
  isBetter,
  linesOf,
  lossOf,
  type Setting,
  settingsOf,
  trainRuns,
} from './blocks.js';
import { candidatesOf } from './candidates.js';
import { winnerOf } from './structured.js';

/** One training of one mask. */
export interface Trial {
  readonly candidate: MaskTriple;
  readonly run: BlockRun;
  readonly result: BlockResult;
}

/** Phase 2: one part of all masks within the winner, each trained with every setting. */
export async function executeMasks(config: MasksRunConfig, context: RunContext): Promise<RunOutcome> {
  const { target, part, truncation, weights, repeats } = config;
  const widths = widthsOf(config, context);
  if (widths === null) {
    const nothing: MasksResult = { widths, candidates: 0, runs: 0, diverged: 0, classes: [] };
    await context.files().write(LINES, linesOf([]));
    return { status: 'finished', result: nothing };
  }
  // Every so many, rather than a stretch: all parts have masks of all sizes, and take the same time.
  const own = candidatesOf(widths, truncation, weights).filter((_, i) => i % part.count === part.index);
  const trials: Trial[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    const share = [repeat / repeats, (repeat + 1) / repeats] as const;
    trials.push(...(await trainMasks(context, config, widths, own, [part.index, repeat], share)));
  }
  await context.files().write(LINES, linesOf(trials.map(lineOf)));
  const result: MasksResult = {
    ...{ widths, candidates: own.length, runs: trials.length, diverged: countDiverged(trials.map((t) => t.result)) },
    classes: classesOf(widths, trials, target),
  };
  return { status: 'finished', result };
}

function widthsOf({ widths, structured, target }: MasksRunConfig, context: RunContext): Widths | null {
  if (widths !== 'winner') return widths;
  const phase1 = structured.map((id) => context.need(id).result as unknown as StructuredResult);
  const winner = winnerOf(phase1, target)?.widths ?? null;
  if (winner && Math.max(...winner) > 8)
    throw new ArgumentError(STUDY, 'a winner of phase 1 with few enough masks to enumerate; name widths', `${winner}`);
  return winner;
}

/**
 * Trains masks with every setting from random first weights, or all from the same.
 *
 * @param which what tells this training from others of the same masks
 */
export async function trainMasks(
  context: RunContext,
  config: Pick<MasksRunConfig, 'seed' | 'epochs' | 'fixedSeed' | 'initialisation' | 'target' | 'rates' | 'schedules'>,
  widths: Widths,
  masks: readonly MaskTriple[],
  which: readonly (string | number)[],
  share?: readonly [number, number],
): Promise<Trial[]> {
  const { seed, epochs, fixedSeed, initialisation, target } = config;
  const settings = settingsOf(config);
  const about = [seed, 'masks', initialisation, target, [...widths], [...which]] as const;
  const initial = fixedSeed === null ? undefined : fixedInitial(fixedSeed, widths);
  const asked = masks.flatMap((candidate) => {
    const mask = parameterMask(candidate);
    const own = ({ rate, schedule }: Setting): BlockRun => ({
      ...{ rate, schedule, mask, initial },
      seed: fixedSeed ?? seedOf(...about, keyOf(candidate), rate, schedule),
    });
    return settings.map((setting) => ({ candidate, run: own(setting) }));
  });
  const runs = asked.map(({ run }) => run);
  const results = await trainRuns(context, runs, { widths, epochs, orderSeed: seedOf(...about, 'order'), share });
  return asked.map((trial, i) => ({ ...trial, result: results[i] }));
}

/** A mask in few characters: rows in base 32, layers apart. */
export const keyOf = ({ layers }: Pick<MaskTriple, 'layers'>): string =>
  layers.map(({ rows }) => rows.map((row) => row.toString(32)).join('.')).join('|');

/** What is written down of every run. */
export const lineOf = ({ candidate, run, result }: Trial) => ({
  ...{ mask: keyOf(candidate), weights: candidate.weights, rate: run.rate, schedule: run.schedule, seed: run.seed },
  ...{ accuracy: result.accuracy, loss: lossOf(result), divergedAt: result.divergedAt },
});

/** Trials by their masks' number of weights, ascending. */
export function classesOf(widths: Widths, trials: readonly Trial[], target: Target): MaskClass[] {
  const classes = new Map<number, Trial[]>();
  for (const trial of trials) {
    const { weights } = trial.candidate;
    const own = classes.get(weights);
    if (own) own.push(trial);
    else classes.set(weights, [trial]);
  }
  return [...classes]
    .sort(([a], [b]) => a - b)
    .map(([weights, own]) => {
      const best = own.reduce((a, b) => (isBetter(b.result, a.result) ? b : a));
      return {
        ...{ weights, candidates: new Set(own.map((t) => t.candidate)).size, runs: own.length },
        reached: own.filter((t) => t.result.accuracy >= target).length,
        best: describeRun(widths, best.run, best.result),
      };
    });
}
