import { noGrad } from '../autograd/node.js';
import { ArgumentError } from '../gpu/errors.js';
import { concat } from '../ops/concat.js';
import { cast, greater } from '../ops/pointwise.js';
import { max, sum } from '../ops/reductions.js';
import { reshape } from '../ops/reshape.js';
import { scope } from '../tensor/scope.js';
import { showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { BLOCK_SIZES } from './block-pattern.js';
import type { SparseWeightOptions } from './sparse-kind.js';

/** Groups of N:M patterns that are looked for. */
const GROUPS = [2, 4, 8, 16];

/**
 * A form is worth building if it leaves out this share of the matrix at least, and this share of what it stores is
 * really in the mask: compressed rows beat emptier blocks.
 */
const LEFT_OUT = 0.2;
const FILLED = { block: 0.25, nm: 0.6 };

/**
 * Edges of the blocks to build for a mask [rows, cols] of `nnz` elements: those worth a try, or the one asked for.
 *
 * @throws ArgumentError where kind `block` is asked for and no edge divides the matrix
 */
export async function blockFormsOf(
  op: string,
  mask: Tensor,
  nnz: number,
  { kind, block }: SparseWeightOptions,
): Promise<number[]> {
  if (block !== undefined) return [block];
  const edges = BLOCK_SIZES.filter((b) => mask.shape.every((d) => d > 0 && d % b === 0));
  if (edges.length === 0) {
    if (kind !== 'block') return [];
    throw new ArgumentError(
      op,
      `rows and columns divisible by one of ${BLOCK_SIZES.join(', ')}`,
      showShape(mask.shape),
    );
  }
  const counts = await read(() => edges.map((b) => nonEmptyBlocks(mask, b)));
  const stored = counts.map((count, i) => count * edges[i] ** 2);
  if (kind === 'block') {
    // Larger blocks multiply faster; a fifth more elements eat that up.
    const least = Math.min(...stored);
    return [edges[stored.findLastIndex((s) => s <= 1.2 * least)]];
  }
  return edges.filter((_, i) => worthwhile(nnz, stored[i], mask.size, FILLED.block));
}

/**
 * The n:m to build for a mask [rows, cols] of `nnz` elements: the sparsest that holds it if that is worth a try, or the
 * one asked for.
 *
 * @throws ArgumentError where kind `nm` is asked for and no group divides the columns
 */
export async function nmFormsOf(
  op: string,
  mask: Tensor,
  nnz: number,
  { kind, nm }: SparseWeightOptions,
): Promise<(readonly [n: number, m: number])[]> {
  if (nm !== undefined) return [nm];
  const groups = mask.size === 0 ? [] : GROUPS.filter((m) => mask.shape[1] % m === 0);
  if (groups.length === 0) {
    if (kind !== 'nm') return [];
    throw new ArgumentError(op, `columns divisible by one of ${GROUPS.join(', ')}`, showShape(mask.shape));
  }
  const most = await read(() => groups.map((m) => fullestGroup(mask, m)));
  const share = (i: number) => Math.max(1, most[i]) / groups[i];
  const best = groups.reduce((a, _, i) => (share(i) < share(a) ? i : a), 0);
  if (kind !== 'nm' && !worthwhile(nnz, share(best) * mask.size, mask.size, FILLED.nm)) return [];
  return [[Math.max(1, most[best]), groups[best]]];
}

const worthwhile = (nnz: number, stored: number, size: number, filled: number): boolean =>
  stored <= (1 - LEFT_OUT) * size && nnz >= filled * stored && nnz > 0;

/** Number of blocks that are not empty, [1]; exact up to 2^24. */
function nonEmptyBlocks(mask: Tensor, block: number): Tensor {
  const [rows, cols] = mask.shape;
  const kept = sum(reshape(cast(mask, 'f32'), [rows / block, block, cols / block, block]), [1, 3]);
  return reshape(sum(cast(greater(kept, 0), 'f32')), [1]);
}

/** Most elements that a group of neighbours in a row keeps, [1]. */
function fullestGroup(mask: Tensor, group: number): Tensor {
  return reshape(max(sum(reshape(cast(mask, 'f32'), [mask.size / group, group]), 1)), [1]);
}

async function read(make: () => Tensor[]): Promise<number[]> {
  const all = noGrad(() => scope(() => concat(make())));
  try {
    return [...((await all.data()) as Float32Array)];
  } finally {
    all.dispose();
  }
}
