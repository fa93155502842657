import { share } from '../../report/format.js';
import type { JsonObject, RunRecord, RunSpec } from '../../store/record.js';
import { networkLabel } from './analyse.js';
import type { ComparisonRunConfig, NetworkResult, NetworkRunConfig, NoiseRunConfig } from './types.js';

/** A planned run that left nothing to show, and why. */
export interface Absent {
  readonly label: string;
  readonly kind: string;
  readonly reason: 'missing' | 'diverged' | 'blocked';
  /** Where it diverged. */
  readonly step: number | null;
}

/** Planned runs that are not finished, in the plan's order. */
export function absent(plan: readonly RunSpec[], records: ReadonlyMap<string, RunRecord>): readonly Absent[] {
  const configs = new Map(plan.map((run) => [run.id, run.config]));
  return plan.flatMap((run): Absent[] => {
    const record = records.get(run.id);
    if (record?.status === 'finished') return [];
    const step = (record?.result as Partial<NetworkResult> | undefined)?.divergedAt ?? null;
    const reason = record?.status ?? 'missing';
    return [
      { label: labelOf(run.config, configs), kind: String(run.config.kind), reason: reason as Absent['reason'], step },
    ];
  });
}

/** What a run is called: `resnet8 seed 0, M1 at 90 %, child 1`. */
export function labelOf(config: JsonObject, configs: ReadonlyMap<string, JsonObject>): string {
  if (config.kind === 'noise') return `${networkLabel((config as NoiseRunConfig).network)}, noise`;
  if (config.kind === 'comparison') {
    const { a, b, stage, pairs, view } = config as ComparisonRunConfig;
    const name = (id: string) => (configs.has(id) ? labelOf(configs.get(id)!, configs) : id);
    const details = [stage, pairs === 'all' && 'all layers', view === 'pooled' && 'pooled'].filter(Boolean);
    return `compare ${name(a)} with ${name(b)}${details.length > 0 ? ` (${details.join(', ')})` : ''}`;
  }
  const { network, method, seed, sparsity, parent, variant } = config as NetworkRunConfig;
  if (method === 'D') return `${networkLabel(network)} seed ${seed}, dense`;
  const from = parent === null ? undefined : (configs.get(parent) as NetworkRunConfig | undefined);
  const origin = from ? ` seed ${from.seed}` : '';
  return `${networkLabel(network)}${origin}, ${method} at ${share(sparsity)}, child ${seed}${variant ? `, ${variant}` : ''}`;
}
