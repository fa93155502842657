import { applyMasksShader } from '../../shaders/population/apply-masks.js';
import { evaluateShader } from '../../shaders/population/evaluate.js';
import { trainLanesShader } from '../../shaders/population/train-lanes.js';
import { trainWorkgroupShader } from '../../shaders/population/train-workgroup.js';
import type { TrainSpec } from '../../shaders/population/update.js';
import { type Family, family } from './family.js';

const sizes = [2, 3, 2, 1];
const training: TrainSpec = {
  sizes,
  loss: 'bce',
  rule: 'sgd',
  slots: 1,
  nesterov: false,
  masked: false,
  ordered: true,
  workgroup: 8,
};
const others: Partial<TrainSpec>[] = [
  { masked: true },
  { nesterov: true },
  { rule: 'adam', slots: 2, ordered: false },
  { sizes: [3, 4, 3], loss: 'crossEntropy', slots: 0 },
];

/** Populations of multilayer perceptrons. */
export const populationFamilies: readonly Family[] = [
  family('population/apply-masks', applyMasksShader, { workgroup: 64 }),
  family('population/evaluate', evaluateShader, { sizes, loss: 'bce', shared: false, workgroup: 8 }, [
    { shared: true, workgroup: 64 },
    { sizes: [3, 4, 3], loss: 'crossEntropy' },
  ]),
  family('population/train-lanes', trainLanesShader, { ...training, lanes: 8, together: 2 }, [
    ...others,
    { lanes: 0, together: 1 },
  ]),
  family('population/train-workgroup', trainWorkgroupShader, { ...training, unroll: true, workgroup: 64 }, [
    ...others,
    { unroll: false },
  ]),
];
