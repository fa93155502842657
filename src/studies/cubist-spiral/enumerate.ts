import { ArgumentError } from '../../gpu/errors.js';

/** Hidden units of a sub-network: the top-left block of the layers of a wider one. */
export type Widths = readonly [number, number, number];

/** A layer's binary mask: one word a row, whose bit c - 1 - j stands for column j. */
export interface LayerMask {
  rows: readonly number[];
  columns: number;
  ones: number;
}

/** Masks of the three hidden layers; the last layer and all biases are dense. */
export interface MaskTriple {
  layers: readonly [LayerMask, LayerMask, LayerMask];
  /** Surviving weights, those of the dense last layer included. */
  weights: number;
}

/** Every (d1, d2, d3) up to `most` units a layer: phase 1. */
export function widthTriples(most = 16): Widths[] {
  const one = Array.from({ length: most }, (_, i) => i + 1);
  return one.flatMap((a) => one.flatMap((b) => one.map((c) => [a, b, c] as const)));
}

/** Weights and biases of the dense 2-d1-d2-d3-1 network. */
export const denseParameters = ([a, b, c]: Widths): { weights: number; biases: number } => ({
  weights: 2 * a + a * b + b * c + c,
  biases: a + b + c + 1,
});

const ones = (word: number): number => {
  let count = 0;
  for (let rest = word; rest > 0; rest &= rest - 1) count++;
  return count;
};

/**
 * All masks of a layer of `rows` units with `columns` inputs up to the order of the units: no row and no column is all
 * zero, and rows descend by their number of ones, then by their value. They come densest rows first.
 */
export function layerMasks(rows: number, columns: number): LayerMask[] {
  if (!(Number.isInteger(rows) && Number.isInteger(columns) && rows > 0 && columns > 0 && columns <= 16))
    throw new ArgumentError('layerMasks', 'at least one row and 1 to 16 columns', `${rows} x ${columns}`);
  const full = 2 ** columns - 1;
  const words = Array.from({ length: full }, (_, i) => i + 1).sort((a, b) => ones(b) - ones(a) || b - a);
  const out: LayerMask[] = [];
  const chosen: number[] = [];
  const extend = (first: number, covered: number): void => {
    if (chosen.length === rows) {
      if (covered === full) out.push({ rows: [...chosen], columns, ones: chosen.reduce((n, w) => n + ones(w), 0) });
      return;
    }
    for (let i = first; i < words.length; i++) {
      chosen.push(words[i]);
      extend(i, covered | words[i]);
      chosen.pop();
    }
  };
  extend(0, 0);
  return out;
}

/** How many masks of a layer there are, by number of ones. */
export function countByOnes(masks: readonly LayerMask[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { ones: n } of masks) counts.set(n, (counts.get(n) ?? 0) + 1);
  return new Map([...counts].sort(([a], [b]) => a - b));
}

/** What keeps an enumeration short of all triples. */
export interface Truncation {
  /** Only triples with fewer ones in the three hidden layers. */
  onesBelow: number;
  /** Only the first so many masks of the second layer, for each number of ones. */
  secondLayer: number;
}

/** All admissible mask triples inside a winner of phase 1, those with the fewest weights first: phase 2. */
export function maskTriples([a, b, c]: Widths, truncation?: Truncation): MaskTriple[] {
  const first = layerMasks(a, 2);
  const second = layerMasks(b, a);
  const third = layerMasks(c, b);
  const kept = truncation ? firstOfEach(second, truncation.secondLayer) : second;
  const most = truncation ? truncation.onesBelow : Number.POSITIVE_INFINITY;
  const triples: MaskTriple[] = [];
  for (const one of first) {
    for (const two of kept) {
      for (const three of third) {
        const total = one.ones + two.ones + three.ones;
        if (total < most) triples.push({ layers: [one, two, three], weights: total + c });
      }
    }
  }
  // A stable sort: triples of one size keep their order.
  return triples.sort((p, q) => p.weights - q.weights);
}

function firstOfEach(masks: readonly LayerMask[], count: number): LayerMask[] {
  const seen = new Map<number, number>();
  return masks.filter((mask) => {
    const before = seen.get(mask.ones) ?? 0;
    seen.set(mask.ones, before + 1);
    return before < count;
  });
}

/**
 * A triple as the mask of a network's parameters: layer after layer, weights [out, in] before biases, 0 and 1.
 */
export function parameterMask({ layers }: MaskTriple): Uint8Array {
  const values: number[] = [];
  for (const { rows, columns } of layers) {
    for (const word of rows) for (let j = 0; j < columns; j++) values.push((word >> (columns - 1 - j)) & 1);
    values.push(...rows.map(() => 1));
  }
  values.push(...layers[2].rows.map(() => 1), 1);
  return Uint8Array.from(values);
}

/** A search of phase 2: which winner, how many settings of rate and schedule, and what is left out. */
export interface SearchSpace {
  target: 0.95 | 0.995;
  initialisation: 'random' | 'fixed';
  widths: Widths;
  /** Learning rates that are tried, each with the three schedules. */
  rates: readonly number[];
  truncation?: Truncation;
}

/** The paper's four searches; the two at 99.5 % are truncated as its code truncates them. */
export const SEARCH_SPACES: readonly SearchSpace[] = [
  { target: 0.95, initialisation: 'random', widths: [3, 3, 3], rates: [0.05, 0.1] },
  { target: 0.95, initialisation: 'fixed', widths: [3, 2, 2], rates: [0.05, 0.1] },
  {
    ...{ target: 0.995, initialisation: 'random', widths: [7, 3, 3], rates: [0.05] },
    truncation: { onesBelow: 33, secondLayer: 3 },
  },
  {
    ...{ target: 0.995, initialisation: 'fixed', widths: [6, 3, 2], rates: [0.05] },
    truncation: { onesBelow: 31, secondLayer: 6 },
  },
];

/** Learning-rate schedules that every search tries. */
export const SCHEDULES = ['cosine', 'milestones', 'constant'] as const;
export type ScheduleName = (typeof SCHEDULES)[number];

/** Every candidate of phase 2 of a search: triples only; each is trained with every rate and schedule. */
export const enumerateCandidates = ({ widths, truncation }: SearchSpace): MaskTriple[] =>
  maskTriples(widths, truncation);

/** Runs that a search's phase 2 takes. */
export const searchRuns = (space: SearchSpace): number =>
  enumerateCandidates(space).length * space.rates.length * SCHEDULES.length;

/** Widths that phase 1 tries with a fixed initialisation: those with fewer parameters than the random winner. */
export function narrowerTriples(winner: Widths): Widths[] {
  const size = (w: Widths) => denseParameters(w).weights + denseParameters(w).biases;
  return widthTriples().filter((w) => size(w) < size(winner));
}
