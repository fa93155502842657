export type { SelectBy } from './inputs.js';
export { type Kthvalue, type KthvalueOptions, kthvalue } from './kthvalue.js';
export { type Keep, keepMask, type MaskOptions, type MaskScope } from './mask.js';
export { type Quantile, type QuantileOptions, quantile } from './quantile.js';
export { checked, type Selected } from './status.js';
export { type Topk, type TopkOptions, topk } from './topk.js';
