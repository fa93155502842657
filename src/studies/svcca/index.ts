import type { RunSpec } from '../../store/record.js';
import type { Study } from '../study.js';
import { type SvccaConfig, svccaSchema } from './config.js';
import { executeSvcca } from './execute.js';
import { expandSvcca, REVISION, STUDY, type SvccaRun } from './expand.js';
import { presets } from './presets.js';
import { summary, writeReport } from './report.js';

/** Runs of this study's own expansion know what they are called and how much work they are. */
const planned = (run: RunSpec): SvccaRun => run as SvccaRun;

/**
 * "Is Pruning Compression?" (Blakeney, Yan & Zong 2020): dense networks, sparse ones made of them in several ways, and
 * how much alike their layers represent the same images.
 */
export const svccaStudy: Study<SvccaConfig> = {
  name: STUDY,
  title: 'Is pruning compression?',
  revision: REVISION,
  schema: svccaSchema,
  presets,
  expand: expandSvcca,
  label: (run) => planned(run).label ?? run.id,
  weight: (run) => planned(run).weight ?? 1,
  execute: executeSvcca,
  summary,
  report: writeReport,
};
