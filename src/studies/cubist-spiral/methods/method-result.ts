import { mlpParameterCount } from '../../../population/index.js';
import type { JsonObject } from '../../../store/record.js';
import type { Connectivity } from '../connectivity.js';
import type { ScheduleName, Widths } from '../enumerate.js';
import { connectivityOf, trainedNetwork } from '../trained.js';
import type { Members } from '../training/members.js';
import { spiralShape } from '../training/setting.js';
import type { BudgetResult, MethodResult, TrainedNetwork } from '../types.js';
import type { MethodRun } from './method-runs.js';

/** One line of a block's file: how a run ended. */
export interface MethodLine extends JsonObject {
  readonly budget: number;
  readonly rate: number;
  readonly schedule: ScheduleName;
  readonly repeat: number;
  readonly seed: number;
  /** What is not 0 in the end: weights, and weights with biases. */
  readonly weights: number;
  readonly parameters: number;
  readonly accuracy: number;
  /** Null where it is not finite. */
  readonly loss: number | null;
  /** Step at which it diverged, or -1. */
  readonly divergedAt: number;
  readonly live: number;
  readonly deadFraction: number;
  readonly biasFed: number;
  readonly paths: number;
  readonly deadNeurons: readonly number[];
}

/** A run that ended, with its network for where it is the best of its budget. */
export interface EndedRun {
  line: MethodLine;
  network: () => TrainedNetwork;
}

/** How the runs of a part ended. */
export async function endedRuns(widths: Widths, runs: readonly MethodRun[], members: Members): Promise<EndedRun[]> {
  const { accuracy, loss } = await members.evaluate();
  const { values, divergedAt } = await members.state();
  const parameters = mlpParameterCount(spiralShape(widths));
  return runs.map((run, m) => {
    const own = values.subarray(m * parameters, (m + 1) * parameters);
    const right = Number.isFinite(accuracy[m]) ? accuracy[m] : 0.5;
    const training = { ...run, accuracy: right, loss: loss[m] };
    return {
      line: lineOf(run, connectivityOf(widths, own), {
        ...{ accuracy: right, loss: Number.isFinite(loss[m]) ? loss[m] : null, divergedAt: divergedAt[m] },
        parameters: own.reduce((n, v) => n + (v === 0 ? 0 : 1), 0),
      }),
      network: () => trainedNetwork(widths, own, training),
    };
  });
}

const lineOf = (
  { budget, rate, schedule, repeat, seed }: MethodRun,
  { weights, live, deadFraction, biasFed, paths, deadNeurons }: Connectivity,
  { accuracy, loss, divergedAt, parameters }: Pick<MethodLine, 'accuracy' | 'loss' | 'divergedAt' | 'parameters'>,
): MethodLine => ({
  ...{ budget, rate, schedule, repeat, seed },
  ...{ weights, parameters, accuracy, loss, divergedAt },
  ...{ live, deadFraction, biasFed, paths, deadNeurons },
});

/** All runs of a block together, taken up part by part. */
export class MethodTally {
  readonly lines: MethodLine[] = [];
  private readonly best = new Map<number, TrainedNetwork>();

  add(ended: readonly EndedRun[]): void {
    for (const { line, network } of ended) {
      this.lines.push(line);
      const best = this.best.get(line.budget);
      const loss = line.loss ?? Number.POSITIVE_INFINITY;
      if (!best || line.accuracy > best.accuracy || (line.accuracy === best.accuracy && loss < best.loss))
        this.best.set(line.budget, network());
    }
  }

  result(): MethodResult {
    const budgets = [...new Set(this.lines.map((line) => line.budget))].sort((a, b) => a - b);
    return {
      runs: this.lines.length,
      diverged: this.lines.filter((line) => line.divergedAt >= 0).length,
      budgets: budgets.map((budget) => this.budgetResult(budget)),
    };
  }

  private budgetResult(budget: number): BudgetResult {
    const lines = this.lines.filter((line) => line.budget === budget);
    const mean = (of: (line: MethodLine) => number) => lines.reduce((n, line) => n + of(line), 0) / lines.length;
    const reached = (target: number) => lines.filter((line) => line.accuracy >= target).length;
    const weights = lines.map((line) => line.weights);
    return {
      ...{ budget, runs: lines.length },
      weights: { least: Math.min(...weights), most: Math.max(...weights) },
      meanAccuracy: mean((line) => line.accuracy),
      reached: { '0.95': reached(0.95), '0.995': reached(0.995) },
      deadFraction: mean((line) => line.deadFraction),
      biasFedFraction: mean((line) => (line.weights === 0 ? 0 : line.biasFed / line.weights)),
      disconnected: mean((line) => (line.paths === 0 ? 1 : 0)),
      best: this.best.get(budget)!,
    };
  }
}
