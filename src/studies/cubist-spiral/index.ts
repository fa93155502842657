import type { RunSpec } from '../../store/record.js';
import type { Study } from '../study.js';
import { type SpiralConfig, spiralSchema } from './config.js';
import { executeSpiral } from './execute.js';
import { expandSpiral, type SpiralRun } from './expand.js';
import { presets } from './presets.js';
import { summary, writeReport } from './report/report.js';
import { REVISION, STUDY } from './types.js';

/** Runs of this study's own expansion know what they are called and how much work they are. */
const planned = (run: RunSpec): SpiralRun => run as SpiralRun;

/**
 * "Sparsest Models Elude Pruning" (Zhang & Papyan, ICML 2024): how sparse a network that learns the Cubist Spiral can be, by
 * a search of all masks, and how close nine pruning methods come to that, at which width. Its runs are trained in
 * blocks: every record is of hundreds to thousands of networks.
 */
export const spiralStudy: Study<SpiralConfig> = {
  name: STUDY,
  title: 'Sparsest models elude pruning',
  revision: REVISION,
  schema: spiralSchema,
  presets,
  expand: expandSpiral,
  label: (run) => planned(run).label ?? run.id,
  weight: (run) => planned(run).weight ?? 1,
  execute: executeSpiral,
  summary,
  report: writeReport,
};
