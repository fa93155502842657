import { ArgumentError, SecateurError } from '../gpu/errors.js';
import { contentHash } from '../store/canonical.js';
import type { JsonObject, RunSpec } from '../store/record.js';
import { runId } from '../store/run-id.js';
import { ConfigError } from './config.js';
import type { Study } from './study.js';

/** All runs of a study, in an order in which they can be done. */
export interface Plan {
  readonly runs: readonly RunSpec[];
  readonly byId: ReadonlyMap<string, RunSpec>;
  /** Hash of all ids. */
  readonly hash: string;
}

/** Part `index` (from 1) of `count`. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/**
 * Expands a configuration into its runs and checks them.
 *
 * @throws ConfigError for a configuration that the study refuses
 */
export function planStudy<C extends JsonObject>(study: Study<C>, config: C): Plan {
  let runs: readonly RunSpec[];
  try {
    runs = study.expand(config);
  } catch (error) {
    throw error instanceof ArgumentError ? new ConfigError(error.message, { cause: error }) : error;
  }
  const byId = new Map<string, RunSpec>();
  for (const run of runs) {
    const wrong = (what: string) => new SecateurError('plan', `study ${study.name}: run ${run.id} ${what}`);
    if (run.id !== runId(study.name, study.revision, run.config)) throw wrong('has an id that is not its hash');
    if (byId.has(run.id)) throw wrong('is planned twice');
    const early = run.needs.find((id) => !byId.has(id));
    if (early !== undefined) throw wrong(`needs ${early}, which does not come before it`);
    byId.set(run.id, run);
  }
  return { runs, byId, hash: contentHash(runs.map(({ id }) => id)) };
}

/** Parses `2/8`. Null where that is no part of a whole. */
export function parseShard(text: string): Shard | null {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  const [index, count] = match ? [Number(match[1]), Number(match[2])] : [0, 0];
  return index >= 1 && index <= count ? { index, count } : null;
}

/**
 * The runs of a part of the plan, in its order: those whose hash falls into it, and all that they need. The parts
 * together are the whole; what several need is in each, and is done by one of them where they share a folder.
 */
export function runsOfShard(plan: Plan, shard: Shard | null): readonly RunSpec[] {
  if (!shard) return plan.runs;
  const chosen = new Set<string>();
  for (const run of plan.runs.toReversed()) {
    if (Number.parseInt(run.id.slice(0, 8), 16) % shard.count === shard.index - 1) chosen.add(run.id);
    if (chosen.has(run.id)) for (const id of run.needs) chosen.add(id);
  }
  return plan.runs.filter(({ id }) => chosen.has(id));
}
