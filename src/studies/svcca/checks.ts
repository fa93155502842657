import type { Check } from '../check.js';
import type { NetworkAnalysis } from './analyse.js';
import { accuracyChecks } from './checks-accuracy.js';
import { evolutionChecks } from './checks-evolution.js';
import { similarityChecks } from './checks-similarity.js';

/** All expected orderings, in the order of the method's text. They are tested under SVCCA. */
export const checks = (nets: readonly NetworkAnalysis[]): readonly Check[] => [
  ...similarityChecks(nets),
  ...evolutionChecks(nets),
  ...accuracyChecks(nets),
];
