import type { RunSpec } from '../../store/record.js';
import { type RunContext, type RunOutcome, StoppedError } from '../study.js';
import { executeMethod } from './methods/execute-method.js';
import { executeContinuation } from './search/continuation.js';
import { executeMasks } from './search/masks.js';
import { executeReference } from './search/reference.js';
import { executeStructured } from './search/structured.js';
import type {
  ContinuationRunConfig,
  MasksRunConfig,
  MethodRunConfig,
  ReferenceRunConfig,
  StructuredRunConfig,
} from './types.js';

/** Does one block of runs of the study. */
export async function executeSpiral({ config }: RunSpec, context: RunContext): Promise<RunOutcome> {
  if (context.signal.aborted) throw new StoppedError();
  switch (config.kind) {
    case 'reference':
      return executeReference(config as ReferenceRunConfig, context);
    case 'structured':
      return executeStructured(config as StructuredRunConfig, context);
    case 'masks':
      return executeMasks(config as MasksRunConfig, context);
    case 'continuation':
      return executeContinuation(config as ContinuationRunConfig, context);
    default:
      return executeMethod(config as MethodRunConfig, context);
  }
}
