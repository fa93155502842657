/** How a layer multiplies with a masked weight. */
export type SparseKind = 'dense' | 'csr' | 'block' | 'nm';

export interface SparseWeightOptions {
  /** `auto`, the default, takes the fastest for each size of input. */
  kind?: 'auto' | SparseKind;
  /** Edge of the blocks of kind `block`; the best for the mask if left out. */
  block?: number;
  /** n of every m neighbours for kind `nm`; the sparsest that holds the mask if left out. */
  nm?: readonly [n: number, m: number];
}
