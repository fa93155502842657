export { type Estimate, type Explanation, explain, type LayerWork, lastChoice } from './auto.js';
export {
  type BlockConvAttrs,
  type BlockConvOptions,
  blockConv2d,
  blockConv2dInput,
  blockConv2dWeight,
} from './block-conv.js';
export { blockMaskOf, blocksToDense, blocksToPattern, sampleBlocks } from './block-elements.js';
export { type BlockMatmulOptions, blockMatmul, blockSddmm } from './block-matmul.js';
export {
  BlockPattern,
  type BlockSize,
  blockPatternFromHost,
  blockPatternOf,
  blockPatternOfGrid,
  type HostBlocks,
} from './block-pattern.js';
export * from './files/index.js';
export { type CsrArrays, toCsr } from './formats.js';
export { type PatternOptions, patternOf, patternOfWeights } from './mask.js';
export { decodeMask, encodeMask, type HostMask, packMask, unpackMask } from './mask-file.js';
export { type MaskedMatmulOptions, maskedMatmul } from './masked.js';
export { type MaskedLinearOptions, maskedConv2d, maskedLinear } from './masked-layers.js';
export { nmMatmul } from './nm-matmul.js';
export { type HostNm, NmPattern, nmPatternFromHost, nmPatternOf, nmPatternOfMask } from './nm-pattern.js';
export { csrPattern, type HostCsr, type Lines, Pattern } from './pattern.js';
export { densify, maskOf, type SampleOptions, sampleDense } from './sample.js';
export { type SddmmOptions, sddmm } from './sddmm.js';
export {
  type SparseConv2dOptions,
  type SparseConvAttrs,
  sparseConv2d,
  sparseConv2dInput,
  sparseConv2dValues,
} from './sparse-conv.js';
export { rowSums, sparseSoftmax, spreadRows } from './sparse-softmax.js';
export { type SparseKind, SparseWeight, type SparseWeightOptions, sparseWeight } from './sparse-weight.js';
export { type SpmmOptions, spmm } from './spmm.js';
export { type TuneFormsOptions, tuneForms } from './tune-forms.js';
