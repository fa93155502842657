import { share } from '../../report/format.js';
import type { JsonObject, RunSpec } from '../../store/record.js';
import { networkLabel } from './analyse.js';
import type { ComparisonRunConfig, NetworkRunConfig, NoiseRunConfig } from './types.js';

/** Names the runs of a plan. */
export function labeller(plan: readonly RunSpec[]): (run: RunSpec) => string {
  const configs = new Map(plan.map((run) => [run.id, run.config]));
  return ({ config }) => labelOf(config, configs);
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
