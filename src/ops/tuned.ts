import type { OperandSpec } from '../../shaders/gemm/spec.js';
import type { TunedEntry, TunedTable } from '../gpu/tuned-table.js';
import type { Product } from './gemm.js';

/** What a key is made of. */
export type TunedProduct = Pick<Product, 'problem' | 'rows' | 'cols' | 'depth' | 'parts' | 'phases' | 'splittable'> & {
  spec: Pick<Product['spec'], 'p' | 'q'>;
};

/** The nearest power of two, by ratio. */
export const nearestPowerOfTwo = (n: number): number => 2 ** Math.round(Math.log2(Math.max(1, n)));

/**
 * Products of one key get one choice: the problem, how both operands are loaded, rows x cols x depth and the number of
 * independent products, each rounded to a power of two, and whether k may be split. For example
 * `matmul k4 i4 512 x 512 x 512, 1 part, split`.
 */
export function tunedKey(product: TunedProduct): string {
  const load = (o: OperandSpec) => `${o.load}${o.half ? ' f16' : ''}`;
  const [rows, cols, depth, parts] = [product.rows, product.cols, product.depth, product.parts * product.phases].map(
    nearestPowerOfTwo,
  );
  const { p, q } = product.spec;
  const size = `${rows} x ${cols} x ${depth}, ${parts} ${parts === 1 ? 'part' : 'parts'}`;
  return `${product.problem} ${load(p)} ${load(q)} ${size}, ${product.splittable ? 'split' : 'whole'}`;
}

const indices = new WeakMap<TunedTable, ReadonlyMap<string, TunedEntry>>();

/** The table's entry for a product, or null where it has none. Do not change a table once it is in use. */
export function lookUpTuned(table: TunedTable, product: TunedProduct): TunedEntry | null {
  let index = indices.get(table);
  if (!index) indices.set(table, (index = new Map(table.entries.map((e) => [e.key, e]))));
  return index.get(tunedKey(product)) ?? null;
}
