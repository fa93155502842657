export * from './autograd/grad.js';
export { noGrad } from './autograd/node.js';
export { type CompiledStep, compile, type StepReport } from './compile/compile.js';
export type { AdapterFacts, DeviceClass } from './gpu/adapter.js';
export type { MemoryReport } from './gpu/buffers.js';
export { Device, type OpenDeviceOptions, openDevice } from './gpu/device.js';
export * from './gpu/errors.js';
export type { TunedTable } from './gpu/tuned-table.js';
export { argmax, argmin } from './ops/arg-reduce.js';
export * from './ops/attention.js';
export { type BatchNormOptions, batchNorm, type RunningStatistics } from './ops/batch-norm.js';
export { concat, repeatInterleave, stack, tile } from './ops/concat.js';
export * from './ops/conv.js';
export * from './ops/create.js';
export { type CumsumOptions, cumsum } from './ops/cumsum.js';
export * from './ops/expand.js';
export {
  assertIndices,
  embedding,
  type GatherOptions,
  gather,
  type IndexInput,
  scatterAdd,
  scatterAddAlongAxis,
  takeAlongAxis,
} from './ops/gather.js';
export * from './ops/losses.js';
export * from './ops/matmul.js';
export * from './ops/normalisation.js';
export { oneHot } from './ops/one-hot.js';
export * from './ops/pointwise.js';
export {
  adaptiveAvgPool2d,
  adaptiveMaxPool2d,
  avgPool2d,
  globalAvgPool2d,
  maxPool2d,
  maxPool2dWithIndices,
  type PoolOptions,
} from './ops/pool.js';
export {
  bernoulli,
  dropout,
  Generator,
  type GeneratorState,
  normal,
  permutation,
  randomBits,
  uniform,
} from './ops/random.js';
export * from './ops/reductions.js';
export * from './ops/reshape.js';
export { type ResizeOptions, resize2d, upsampleNearest2d } from './ops/resize.js';
export { flip, pad, slice, split } from './ops/slice.js';
export { argsort, type SortOptions, sort } from './ops/sort.js';
export { swapAxes, transpose } from './ops/transpose.js';
export * from './select/index.js';
export type { DType, HostArray } from './tensor/dtype.js';
export { keep, scope } from './tensor/scope.js';
export { type Shape, sizeOf } from './tensor/shape.js';
export { type Nested, Tensor, tensor } from './tensor/tensor.js';
