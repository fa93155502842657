/** What a module given to `secateur bench --with` builds its candidates from; bench/README.md has an example. */
export type { Candidate, Case, Check, Family, HostMatrix, KernelTime, Point, Prepared, SuiteContext } from './case.js';
export { Skipped } from './case.js';
export { crossoverOf, type RelativeTime } from './crossover.js';
export { type DeviceWork, deviceWork, resultOf } from './device-work.js';
export { type Factors, type SvdVariant, svdVariant } from './factorisations.js';
export { dense, generated, type Structure } from './patterns.js';
export { integers, normal, uniform } from './peers/lib/random.mjs';
export { type ProductShape, productCandidate, square } from './products.js';
export { type SddmmInput, type SddmmVariant, type SddmmWork, sddmmVariant } from './sddmm.js';
export { checkKth, deviceSelection, type SelectionVariant, selectionVariant } from './selection.js';
export { type Layers, type SimilarityVariant, similarityVariant } from './similarity.js';
export {
  type ConvolutionInput,
  type ConvolutionVariant,
  type ConvolutionWork,
  convolutionVariant,
} from './sparse-convolutions.js';
export { type SpmmInput, type SpmmVariant, type SpmmWork, spmmVariant } from './spmm.js';
