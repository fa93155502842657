import { ArgumentError } from '../gpu/errors.js';
import { assertSparsity } from './plan.js';

/** Sparsity after round `round` of `rounds`, counted from 1, in equal steps of sparsity. Round 0 has none. */
export function linearSparsity(final: number, rounds: number, round: number): number {
  assertRound('linearSparsity', final, rounds, round);
  return (final * round) / rounds;
}

/**
 * Sparsity after round `round` of `rounds`, where every round removes the same share of what is left:
 * 1 - (1 - final)^(round / rounds).
 */
export function exponentialSparsity(final: number, rounds: number, round: number): number {
  assertRound('exponentialSparsity', final, rounds, round);
  return round === rounds ? final : 1 - (1 - final) ** (round / rounds);
}

/** Sparsity after `level` rounds of iterative pruning that each remove a share of what is left: 1 - (1 - share)^level. */
export function lotterySparsity(level: number, share = 0.2): number {
  const op = 'lotterySparsity';
  if (!(share > 0 && share < 1)) throw new ArgumentError(op, 'a share in (0, 1)', String(share));
  if (!Number.isInteger(level) || level < 0) throw new ArgumentError(op, 'a whole level >= 0', String(level));
  return 1 - (1 - share) ** level;
}

export type RoundSchedule = 'one-shot' | 'linear' | 'exponential';

/** The sparsities of all rounds in order; the last is `final`. One-shot pruning has one round. */
export function roundSparsities(schedule: RoundSchedule, final: number, rounds = 1): number[] {
  const op = 'roundSparsities';
  assertRound(op, final, rounds, 0);
  if (schedule === 'one-shot') {
    if (rounds !== 1) throw new ArgumentError(op, 'one round of one-shot pruning', `${rounds}`);
    return [final];
  }
  const at = { linear: linearSparsity, exponential: exponentialSparsity }[schedule];
  if (!at) throw new ArgumentError(op, "'one-shot', 'linear' or 'exponential'", String(schedule));
  return Array.from({ length: rounds }, (_, r) => at(final, rounds, r + 1));
}

export interface CubicOptions {
  /** Sparsity up to step `begin`; 0 by default. */
  initial?: number;
  final: number;
  /** First step of the rise; 0 by default. */
  begin?: number;
  /** Step from which the sparsity is `final`. */
  end: number;
  /** Steps between changes; 1 by default. */
  every?: number;
}

/**
 * Gradual pruning (Zhu & Gupta 2017) at a training step: final + (initial - final) (1 - (step - begin) / (end - begin))^3,
 * fast at first, slower towards the end; constant between changes.
 */
export function cubicSparsity({ initial = 0, final, begin = 0, end, every = 1 }: CubicOptions, step: number): number {
  const op = 'cubicSparsity';
  assertSparsity(op, initial);
  assertSparsity(op, final);
  if (initial > final) throw new ArgumentError(op, 'an initial sparsity <= the final one', `${initial} > ${final}`);
  if (!(begin >= 0 && begin < end && Number.isFinite(end)))
    throw new ArgumentError(op, '0 <= begin < end', `${begin} and ${end}`);
  if (!Number.isInteger(every) || every < 1) throw new ArgumentError(op, 'every as a whole number >= 1', `${every}`);
  if (!(step >= 0)) throw new ArgumentError(op, 'a step >= 0', String(step));
  if (step <= begin) return initial;
  if (step >= end) return final;
  const change = begin + Math.floor((step - begin) / every) * every;
  return final + (initial - final) * (1 - (change - begin) / (end - begin)) ** 3;
}

function assertRound(op: string, final: number, rounds: number, round: number): void {
  assertSparsity(op, final);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new ArgumentError(op, 'a whole number of rounds >= 1', `${rounds}`);
  if (!Number.isInteger(round) || round < 0 || round > rounds)
    throw new ArgumentError(op, `a whole round from 0 to ${rounds}`, `${round}`);
}
