import { type Estimate, estimate, type Sample } from '../../report/stats.js';
import {
  type Comparison,
  groupBy,
  type Lens,
  type NetworkAnalysis,
  type NetworkRun,
  overall,
  runsOf,
} from './analyse.js';
import { evolutionOf, floorFinder } from './verdict.js';

/** A moment of iterative pruning. */
export interface Moment {
  readonly round: number;
  /** Within the round: 0 just after pruning. */
  readonly epoch: number;
  /** Epochs of fine-tuning since the parent was done. */
  readonly elapsed: number;
  /** Removed by then. */
  readonly sparsity: number;
  /** Mean over layers, with the parent. */
  readonly similarity: Estimate;
  /** Null without a floor. */
  readonly evolution: Estimate | null;
  readonly accuracy: Estimate | null;
}

/** How M1 networks of a final sparsity got there, round by round; the parent itself comes first. Empty if not compared. */
export function trajectory(net: NetworkAnalysis, lens: Lens, sparsity: number): readonly Moment[] {
  const runs = runsOf(net, 'M1', sparsity);
  const floors = floorFinder(net, lens);
  const found = runs.flatMap((run) => stagesOf(net, lens, run));
  const moments = [...groupBy(found, (s) => `${s.round}/${s.epoch}`).values()].flatMap((stages): Moment[] => {
    const over = (value: (s: Stage) => number | null): Estimate | null =>
      estimate(
        stages.flatMap((s): Sample[] => {
          const v = value(s);
          return v === null ? [] : [{ group: s.comparison.a.id, value: v }];
        }),
      );
    const similarity = over((s) => overall(lens, s.comparison));
    if (!similarity) return [];
    const { round, epoch, elapsed, sparsity: at } = stages[0];
    const moved = floors.curve ? over((s) => evolutionOf(s.comparison, lens, floors)) : null;
    return [{ round, epoch, elapsed, sparsity: at, similarity, evolution: moved, accuracy: over((s) => s.accuracy) }];
  });
  if (moments.length === 0) return [];
  moments.sort((a, b) => a.round - b.round || a.epoch - b.epoch);
  return [startOf(runs, net), ...moments];
}

interface Stage {
  readonly round: number;
  readonly epoch: number;
  readonly elapsed: number;
  readonly sparsity: number;
  readonly accuracy: number;
  readonly comparison: Comparison;
}

/** The compared stages of one M1 run; its final weights are the last stage, unless that was compared as well. */
function stagesOf(net: NetworkAnalysis, lens: Lens, run: NetworkRun): Stage[] {
  const stages = [...run.result.stages].sort((a, b) => a.round - b.round || a.epoch - b.epoch);
  const last = stages[stages.length - 1];
  const compared = net.comparisons.filter(
    (c) => c.b === run && c.config.pairs === 'same' && c.config.view === lens.view,
  );
  const lengths = new Map<number, number>();
  for (const { round, epoch } of [...stages, ...run.result.history])
    lengths.set(round, Math.max(lengths.get(round) ?? 0, epoch));
  const before = (round: number) => [...lengths].reduce((sum, [r, epochs]) => sum + (r < round ? epochs : 0), 0);
  return stages.flatMap((stage) => {
    const comparison =
      compared.find((c) => c.config.stage === stage.stage) ??
      (stage === last ? compared.find((c) => c.config.stage === null) : undefined);
    return comparison ? [{ ...stage, elapsed: before(stage.round) + stage.epoch, comparison }] : [];
  });
}

/** The parents themselves: as similar to themselves as can be. */
function startOf(runs: readonly NetworkRun[], net: NetworkAnalysis): Moment {
  const parents = new Set(runs.map((r) => r.config.parent));
  const group = (value: (run: NetworkRun) => number) =>
    estimate(net.runs.filter((r) => parents.has(r.id)).map((r) => ({ group: r.id, value: value(r) })));
  const exact = (value: number): Estimate => ({
    n: parents.size,
    groups: parents.size,
    mean: value,
    sd: 0,
    low: value,
    high: value,
  });
  return {
    round: 0,
    epoch: 0,
    elapsed: 0,
    sparsity: 0,
    similarity: exact(1),
    evolution: exact(0),
    accuracy: group((r) => r.result.accuracy),
  };
}
