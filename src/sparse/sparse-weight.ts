import { noGrad } from '../autograd/node.js';
import type { Device } from '../gpu/device.js';
import { ArgumentError } from '../gpu/errors.js';
import { clone, notEqual } from '../ops/pointwise.js';
import { keep, scope } from '../tensor/scope.js';
import { assertRank, type Shape, showShape } from '../tensor/shape.js';
import { commonDevice, type Tensor } from '../tensor/tensor.js';
import { type BlockPattern, blockPatternOf } from './block-pattern.js';
import { patternOf } from './mask.js';
import { blockFormsOf, nmFormsOf } from './mask-structure.js';
import { type NmPattern, nmPatternOfMask } from './nm-pattern.js';
import type { Pattern } from './pattern.js';
import type { SparseKind, SparseWeightOptions } from './sparse-kind.js';

export type { SparseKind, SparseWeightOptions } from './sparse-kind.js';

/**
 * The mask of a layer's weight with every form in which the layer may multiply by it. The weight itself stays a dense
 * tensor, so that optimisers, checkpoints and flat masks work as ever; or only its kept values are kept, as a tensor
 * [nnz] in row order.
 *
 * Belongs to whoever made it, not to a scope: dispose it, or declare it with `using`.
 */
export class SparseWeight {
  readonly device: Device;

  /** Use `sparseWeight`; this adopts a mask and patterns that agree. */
  constructor(
    readonly kind: 'auto' | SparseKind,
    /** bool, of the weight's shape. */
    readonly mask: Tensor,
    /** Of the weight as a matrix [out, in], or [out, kh * kw * in / groups]; one part a model. */
    readonly csr: Pattern,
    /** Block forms that are worth a try, of the same matrix. */
    readonly blocks: readonly BlockPattern[],
    /** N:M forms that are worth a try, of the same matrix. */
    readonly nms: readonly NmPattern[],
  ) {
    this.device = csr.device;
    keep(mask);
  }

  /** Shape of the dense weight: [out, in] or [out, kh, kw, in / groups], with a leading model axis or not. */
  get shape(): Shape {
    return this.mask.shape;
  }
  /** Weights that the mask keeps. */
  get nnz(): number {
    return this.csr.nnz;
  }
  get density(): number {
    return this.csr.density;
  }
  get sparsity(): number {
    return 1 - this.density;
  }
  /** Bytes of the mask and all patterns. */
  get bytes(): number {
    return this.parts().reduce((n, p) => n + p.bytes, 0);
  }
  get isDisposed(): boolean {
    return this.csr.isDisposed;
  }
  /** @throws DisposedError once it has been disposed */
  assertLive(op: string): void {
    this.csr.assertLive(op);
  }
  dispose(): void {
    for (const part of this.parts()) part.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
  toString(): string {
    return `mask ${showShape(this.shape)} of ${this.nnz} weights`;
  }

  private parts(): { readonly bytes: number; dispose(): void }[] {
    return [this.mask, this.csr, ...this.blocks, ...this.nms];
  }
}

/**
 * Builds the forms of a masked weight on the device, waiting for it a few times. With kind `auto` these are compressed
 * rows, and blocks and N:M where the mask happens to fall into them.
 *
 * @param mask bool, or numbers of which 0 is dropped: [out, in] of a linear layer or [out, kh, kw, in / groups] of a
 * convolution, with a leading model axis for a population. It is copied.
 * @throws ShapeError for another rank, or blocks or groups that do not divide the matrix
 * @throws ArgumentError for a NaN, an unknown kind, a form that a population does not have, or a mask that is not N:M
 */
export async function sparseWeight(mask: Tensor, options: SparseWeightOptions = {}): Promise<SparseWeight> {
  const op = 'sparseWeight';
  const { kind = 'auto' } = options;
  commonDevice(op, [mask]);
  assertRank(op, 'the mask', mask.shape, 2, 5);
  if (!['auto', 'dense', 'csr', 'block', 'nm'].includes(kind))
    throw new ArgumentError(op, 'a kind among auto, dense, csr, block, nm', String(kind));
  const models = mask.rank === 3 || mask.rank === 5;
  if (models && (kind === 'block' || kind === 'nm'))
    throw new ArgumentError(op, 'kind dense or csr for several models', kind);
  const made: { dispose(): void }[] = [];
  const own = <T extends { dispose(): void }>(thing: T): T => {
    made.push(thing);
    return thing;
  };
  try {
    const csr = own(await patternOf(mask, { partAxes: models ? 1 : 0 }));
    const flags = own(noGrad(() => scope(() => keep(mask.dtype === 'bool' ? clone(mask) : notEqual(mask, 0)))));
    const blocks: BlockPattern[] = [];
    const nms: NmPattern[] = [];
    if (!models) {
      const matrix = keep(own(flags.view(op, [csr.rows, csr.cols])));
      const wanted = (form: SparseKind) => kind === 'auto' || kind === form;
      if (wanted('block'))
        for (const b of await blockFormsOf(op, matrix, csr.nnz, options))
          blocks.push(own(await blockPatternOf(matrix, b)));
      if (wanted('nm'))
        for (const [n, m] of await nmFormsOf(op, matrix, csr.nnz, options))
          nms.push(own(await nmPatternOfMask(matrix, n, m)));
      matrix.dispose();
    }
    return new SparseWeight(kind, flags, csr, blocks, nms);
  } catch (error) {
    for (const thing of made) thing.dispose();
    throw error;
  }
}
