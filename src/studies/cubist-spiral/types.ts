import type { JsonObject } from '../../store/record.js';
import type { ScheduleName, Truncation, Widths } from './enumerate.js';

export { LINES } from '../../store/folder.js';

export const STUDY = 'cubist-spiral';
/** Raised whenever the same configuration would give other results. */
export const REVISION = 1;

/** Accuracies that searches and methods are to reach. */
export type Target = 0.95 | 0.995;
/** Fresh initial weights for every run, or those of one network of width 16 for all. */
export type Initialisation = 'random' | 'fixed';

/**
 * - `gmp`: gradual magnitude pruning. `lth`: lottery tickets, five rounds with rewinding to the start.
 * - `snip`, `grasp`, `iterative-snip`, `force`, `synflow`, `prospr`: masks found before training.
 * - `rigl`: sparse from the start, with a mask that moves.
 */
export const PRUNERS = ['gmp', 'lth', 'snip', 'grasp', 'iterative-snip', 'force', 'synflow', 'prospr', 'rigl'] as const;
export type Pruner = (typeof PRUNERS)[number];

/** Part `index` (from 0) of `count`. */
export interface Part extends JsonObject {
  readonly index: number;
  readonly count: number;
}

interface Common extends JsonObject {
  readonly study: typeof STUDY;
  readonly revision: number;
  /** Epochs of training; 50 in the published study. */
  readonly epochs: number;
  /** What initial weights and orders of rows are drawn from. */
  readonly seed: number;
}

/** Settings of which every network is trained with each combination. */
interface Settings extends JsonObject {
  readonly rates: readonly number[];
  readonly schedules: readonly ScheduleName[];
}

/** Dense networks of one shape and setting, many seeds: what the published numbers of the data set are checked by. */
export interface ReferenceRunConfig extends Common {
  readonly kind: 'reference';
  readonly widths: Widths;
  readonly rate: number;
  readonly schedule: ScheduleName;
  readonly seeds: number;
  /**
   * Orders of points that the networks are divided among. Networks of one order end with the same batches, which without
   * a falling rate moves all of them at once: shares of few orders scatter more than their number of networks tells.
   */
  readonly orders: number;
}

export interface ReferenceResult extends JsonObject {
  readonly runs: number;
  readonly diverged: number;
  /** Accuracy of every seed, ascending. */
  readonly accuracies: readonly number[];
}

/** Phase 1: dense networks of all width triples that fit into one shape, each trained with every setting. */
export interface StructuredRunConfig extends Common, Settings {
  readonly kind: 'structured';
  readonly initialisation: Initialisation;
  /** Seed of the width-16 network whose top-left blocks are the initial weights; null where every run draws its own. */
  readonly fixedSeed: number | null;
  /** Where the initialisation is fixed: what it is for, and that only triples of fewer parameters than these widths' are tried. */
  readonly target: Target | null;
  readonly below: Widths | null;
  /** Units a layer at most. */
  readonly most: number;
  /** Shape within which the triples are trained, their other units masked. */
  readonly within: Widths;
}

export interface StructuredResult extends JsonObject {
  readonly runs: number;
  readonly diverged: number;
  /** The best run of every triple. */
  readonly triples: readonly TripleResult[];
}

export interface TripleResult extends JsonObject {
  readonly widths: Widths;
  readonly weights: number;
  readonly parameters: number;
  readonly accuracy: number;
  readonly rate: number;
  readonly schedule: ScheduleName;
}

/** Phase 2: a part of all masks within the winner of phase 1, each trained with every setting. */
export interface MasksRunConfig extends Common, Settings {
  readonly kind: 'masks';
  readonly target: Target;
  readonly initialisation: Initialisation;
  readonly fixedSeed: number | null;
  /** Given, or those of the smallest network of phase 1 that reached the target: then `structured` are its runs' ids. */
  readonly widths: Widths | 'winner';
  readonly structured: readonly string[];
  readonly truncation: (Truncation & JsonObject) | null;
  /** Only masks with these numbers of weights, the last layer's included; null for all. */
  readonly weights: { readonly least: number; readonly most: number } | null;
  /** Trainings of every mask with every setting. */
  readonly repeats: number;
  readonly part: Part;
}

export interface MasksResult extends JsonObject {
  /** Null where no network of phase 1 reached the target: there is nothing to search then. */
  readonly widths: Widths | null;
  /** Masks of this part. */
  readonly candidates: number;
  readonly runs: number;
  readonly diverged: number;
  /** By number of weights, ascending. */
  readonly classes: readonly MaskClass[];
}

/** Masks of one number of weights. */
export interface MaskClass extends JsonObject {
  readonly weights: number;
  readonly candidates: number;
  readonly runs: number;
  /** Runs that reached the target. */
  readonly reached: number;
  readonly best: TrainedNetwork;
}

/** The search of phase 2 beyond its truncation, best-first, for a given time; each slice goes on from the one before. */
export interface ContinuationRunConfig extends Common, Settings {
  readonly kind: 'continuation';
  readonly target: Target;
  readonly initialisation: Initialisation;
  readonly fixedSeed: number | null;
  readonly widths: Widths;
  readonly slice: number;
  /** Time that a slice takes, in seconds. */
  readonly seconds: number;
  /** Ids of the runs that it goes on from: the parts of phase 2, or the slice before. */
  readonly from: readonly string[];
}

export interface ContinuationResult extends JsonObject {
  readonly runs: number;
  readonly diverged: number;
  /** What this slice trained, by number of weights, ascending. */
  readonly classes: readonly MaskClass[];
  /** By number of weights, ascending: masks that there are, and those that phase 2 and all slices so far have trained. */
  readonly coverage: readonly { readonly weights: number; readonly candidates: number; readonly trained: number }[];
  /** Masks waiting, each one weight less than a trained one. */
  readonly waiting: number;
}

/** One pruning method at one width: every budget with every setting. */
export interface MethodRunConfig extends Common, Settings {
  readonly kind: 'method';
  readonly method: Pruner;
  readonly width: number;
  readonly initialisation: Initialisation;
  readonly fixedSeed: number | null;
  /** What the fixed initial weights are for; null where they are random. */
  readonly target: Target | null;
  /** Weights to keep, all layers together. */
  readonly budgets: readonly number[];
  readonly repeats: number;
}

export interface MethodResult extends JsonObject {
  readonly runs: number;
  readonly diverged: number;
  /** By budget, ascending. */
  readonly budgets: readonly BudgetResult[];
}

/** All runs of one budget. Means are over runs. */
export interface BudgetResult extends JsonObject {
  readonly budget: number;
  readonly runs: number;
  /** Fewest and most weights that runs ended with. */
  readonly weights: { readonly least: number; readonly most: number };
  readonly meanAccuracy: number;
  /** Runs that reached 95 %, and 99.5 %. */
  readonly reached: { readonly '0.95': number; readonly '0.995': number };
  /** Mean share of surviving weights on no path from an input to the output; of those fed by biases alone. */
  readonly deadFraction: number;
  readonly biasFedFraction: number;
  /** Share of runs without any path. */
  readonly disconnected: number;
  readonly best: TrainedNetwork;
}

/** A trained network with what its graph is like; only what is not 0 is listed. */
export interface TrainedNetwork extends JsonObject {
  readonly accuracy: number;
  readonly loss: number;
  readonly rate: number;
  readonly schedule: ScheduleName;
  /** Seed of its initial weights. */
  readonly seed: number;
  /** Weights, and weights with biases, that are not 0. */
  readonly weights: number;
  readonly parameters: number;
  /** Weights on some path from an input to the output. */
  readonly live: number;
  readonly biasFed: number;
  readonly paths: number;
  readonly network: SparseNetwork;
}

/** A 2-d1-d2-d3-1 network by what is not 0 in it. */
export interface SparseNetwork extends JsonObject {
  readonly widths: Widths;
  /** Of every layer: [output, input, value]. */
  readonly weights: readonly (readonly (readonly [number, number, number])[])[];
  /** Of every layer: [output, value]. */
  readonly biases: readonly (readonly (readonly [number, number])[])[];
}
