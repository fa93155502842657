import { type MaskTriple, maskTriples, type Truncation, type Widths } from '../enumerate.js';

/** Fewest and most weights, the last layer's included. */
export type WeightRange = { readonly least: number; readonly most: number };

let last: { key: string; triples: readonly MaskTriple[] } | null = null;

/**
 * The masks that phase 2 tries within dense layers of some widths, in the order of their numbers: fewest weights first.
 * The last answer is remembered, since all parts of a search ask for the same.
 */
export function candidatesOf(
  widths: Widths,
  truncation: Truncation | null,
  weights: WeightRange | null,
): readonly MaskTriple[] {
  const key = JSON.stringify([widths, truncation, weights]);
  if (last?.key !== key) {
    const all = maskTriples(widths, truncation ?? undefined);
    const kept = weights ? all.filter((t) => t.weights >= weights.least && t.weights <= weights.most) : all;
    last = { key, triples: kept };
  }
  return last.triples;
}
