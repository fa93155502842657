import type { RunSpec } from '../../store/record.js';
import { type RunContext, type RunOutcome, StoppedError } from '../study.js';
import { compareNetworks } from './compare.js';
import { executeNetwork } from './execute-network.js';
import { measureNoise } from './noise.js';
import type { ComparisonRunConfig, NetworkRunConfig, NoiseRunConfig } from './types.js';

/** Does one run of the study. */
export async function executeSvcca({ config }: RunSpec, context: RunContext): Promise<RunOutcome> {
  if (context.signal.aborted) throw new StoppedError();
  switch (config.kind) {
    case 'network':
      return executeNetwork(config as NetworkRunConfig, context);
    case 'comparison':
      return { status: 'finished', result: await compareNetworks(config as ComparisonRunConfig, context) };
    default:
      return { status: 'finished', result: await measureNoise(config as NoiseRunConfig, context) };
  }
}
