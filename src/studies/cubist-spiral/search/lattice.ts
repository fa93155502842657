import { countByOnes, type LayerMask, layerMasks, type MaskTriple, type Widths } from '../enumerate.js';

/**
 * Masks of the three hidden layers as a lattice: one weight less is one step down. Hidden units may be exchanged, so
 * every mask stands for all that differ in their order only, as `maskTriples` enumerates them: rows descend by their
 * number of ones, then by their value.
 */

/** The mask of no weight removed: the top of the lattice. */
export function denseMask([a, b, c]: Widths): MaskTriple {
  const full = (rows: number, columns: number): LayerMask => ({
    ...{ rows: Array.from({ length: rows }, () => 2 ** columns - 1), columns, ones: rows * columns },
  });
  return triple([full(a, 2), full(b, a), full(c, b)]);
}

/** All masks of one weight less, each once, without those that cut a unit off. */
export function sparser({ layers }: MaskTriple): MaskTriple[] {
  const found = new Map<string, MaskTriple>();
  layers.forEach((layer, l) => {
    layer.rows.forEach((row, r) => {
      for (let bit = 1; bit <= row; bit *= 2) {
        if ((row & bit) === 0 || row === bit) continue;
        const others = layer.rows.some((word, i) => i !== r && (word & bit) !== 0);
        if (!others) continue;
        const rows = layer.rows.map((word, i) => (i === r ? word - bit : word));
        const next = canonical(layers.map((own, i) => (i === l ? { ...own, rows, ones: own.ones - 1 } : own)));
        found.set(next.layers.map(({ rows: words }) => words.join()).join('|'), next);
      }
    });
  });
  return [...found.values()];
}

/** How many masks there are of every number of weights, the dense last layer's included. */
export function latticeSizes([a, b, c]: Widths): Map<number, number> {
  let sizes = new Map([[c, 1]]);
  for (const [rows, columns] of [
    [a, 2],
    [b, a],
    [c, b],
  ]) {
    const next = new Map<number, number>();
    for (const [ones, count] of countByOnes(layerMasks(rows, columns)))
      for (const [sum, ways] of sizes) next.set(sum + ones, (next.get(sum + ones) ?? 0) + ways * count);
    sizes = next;
  }
  return new Map([...sizes].sort(([x], [y]) => x - y));
}

/** Sorts the units of every layer by their rows; what comes after takes its columns along. */
export function canonical(layers: readonly LayerMask[]): MaskTriple {
  let order: readonly number[] | null = null;
  const sorted = layers.map(({ rows, columns, ones }): LayerMask => {
    const words = order === null ? rows : rows.map((row) => permuteColumns(row, columns, order!));
    order = words.map((_, i) => i).sort((i, j) => bits(words[j]) - bits(words[i]) || words[j] - words[i]);
    return { rows: order.map((i) => words[i]), columns, ones };
  });
  return triple(sorted);
}

/** Column j of the result is column order[j]; bit columns - 1 - j stands for column j. */
function permuteColumns(row: number, columns: number, order: readonly number[]): number {
  let out = 0;
  for (let j = 0; j < columns; j++) out = 2 * out + ((row >> (columns - 1 - order[j])) & 1);
  return out;
}

function bits(word: number): number {
  let count = 0;
  for (let rest = word; rest > 0; rest &= rest - 1) count++;
  return count;
}

function triple(layers: readonly LayerMask[]): MaskTriple {
  const [one, two, three] = layers;
  return { layers: [one, two, three], weights: one.ones + two.ones + three.ones + three.rows.length };
}
