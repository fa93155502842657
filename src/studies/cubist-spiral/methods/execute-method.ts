import { mlp } from '../../../nn/zoo/mlp.js';
import { populationBlocks } from '../../../population/index.js';
import { type RunContext, type RunOutcome, StoppedError } from '../../study.js';
import { linesOf } from '../search/blocks.js';
import { layerSizes, spiralData, TRAINING } from '../training/setting.js';
import { LINES, type MethodRunConfig } from '../types.js';
import { MethodPart } from './method-part.js';
import { endedRuns, MethodTally } from './method-result.js';
import { type MethodRun, methodRuns, methodWidths } from './method-runs.js';
import { METHODS } from './methods.js';

/**
 * Prunes and trains every budget of a method with every setting, and leaves one line a run. Runs share the
 * order of rows, but where the first weights are fixed repeats have orders of their own. With fewer than 50 epochs learning rates fall as in a training
 * of 50; pruning takes place at the same parts of what there is: every 200th for gradual pruning, up to three quarters
 * for RigL (every 100 steps), five whole trainings for lottery tickets. A run that diverges stays as it was then, and
 * counts with the accuracy that it has.
 *
 * @throws StoppedError when it is to stop; it begins anew then
 * @throws ArgumentError for budgets that the networks do not have
 */
export async function executeMethod(config: MethodRunConfig, context: RunContext): Promise<RunOutcome> {
  const parts = partsOf(config, context);
  const data = await context.shared('cubist spiral', async () => spiralData(context.device));
  const tally = new MethodTally();
  for (const [p, runs] of parts.entries()) {
    const progress = (share: number) => {
      const how = part.members.fallback ? `, by the ordinary path: ${part.members.fallback}` : '';
      context.progress((p + share) / parts.length, `${config.method}, ${runs.length} runs${how}`);
    };
    const { device, signal } = context;
    const part: MethodPart = new MethodPart({ device, data, signal, progress }, config, runs);
    try {
      await METHODS[config.method](part);
      tally.add(await endedRuns(part.widths, runs, part.members));
    } catch (error) {
      if (context.signal.aborted) throw new StoppedError();
      throw error;
    } finally {
      part.dispose();
    }
  }
  await context.files().write(LINES, linesOf(tally.lines));
  return { status: 'finished', result: tally.result() };
}

/**
 * Runs in as many parts as their networks need to fit the device. Repeats from one fixed start must see other orders of
 * rows, and are parts of their own.
 */
function partsOf(config: MethodRunConfig, { device }: RunContext): MethodRun[][] {
  const network = mlp(layerSizes(methodWidths(config)));
  const repeats = Array.from({ length: config.repeats }, (_, repeat) => methodRuns(config, repeat));
  return (config.initialisation === 'fixed' ? repeats : [repeats.flat()]).flatMap((runs) =>
    populationBlocks(device, network, runs.length, { input: [2], batch: TRAINING.batch, slots: 1 }).map(
      ({ from, to }) => runs.slice(from, to),
    ),
  );
}
