import type { JsonObject } from '../../store/record.js';

/**
 * How a network came about.
 *
 * - `D`: trained dense. Parents, and with other seeds the noise floor D'.
 * - `P0`: its magnitude mask, without retraining.
 * - `M1`: iterative magnitude pruning, fine-tuned after every round from the surviving values.
 * - `M1-LT`: M1's mask, rewound to the dense network's first weights, and trained (a lottery ticket).
 * - `M2`: M1's mask, weights drawn anew, trained. `M2-rescaled`: those weights divided by the root of their layer's density.
 * - `M3-uniform`: a random mask of the same density in every layer, trained from random weights.
 * - `M3-matched`: a random mask with M1's densities of layers. `M3-shuffled`: M1's mask, shuffled within each layer.
 */
export const METHODS = [
  'D',
  'P0',
  'M1',
  'M1-LT',
  'M2',
  'M2-rescaled',
  'M3-uniform',
  'M3-matched',
  'M3-shuffled',
] as const;
export type Method = (typeof METHODS)[number];

/** Of a network of the study, as the configuration names it. */
export interface NetworkRunConfig extends JsonObject {
  readonly kind: 'network';
  readonly study: 'svcca';
  readonly revision: number;
  readonly method: Method;
  /** Zoo name and width multiplier. */
  readonly network: { readonly name: string; readonly width: number };
  /** Data set, its size and its seed: what the networks see. */
  readonly data: JsonObject;
  /** Optimiser, batch, epochs, schedule of all training that the run does. */
  readonly recipe: JsonObject;
  /** Of first weights and order: the parent's number for `D`, the child's for the others. */
  readonly seed: number;
  /** Share of the prunable weights removed; 0 for `D`. */
  readonly sparsity: number;
  /** Id of the dense network: P0, M1 and M1-LT start from it, and all children are compared with it. Null for `D`. */
  readonly parent: string | null;
  /** Id of the M1 run whose mask or densities it takes; null where none. */
  readonly mask: string | null;
  /**
   * Null for the runs that answer the study's questions. A name (`tiny learning rate`) for one that only guards them by
   * another recipe: it stays out of the tables and curves of its method.
   */
  readonly variant: string | null;
}

export interface NetworkResult extends JsonObject {
  /** On the test set: share right, and exact counts. */
  readonly accuracy: number;
  readonly top5: number;
  readonly loss: number;
  readonly correct: number;
  readonly count: number;
  /** The same after the running statistics were estimated anew (P0 only, else null). */
  readonly recalibrated: { readonly accuracy: number; readonly loss: number } | null;
  /** Weights left of those that may be pruned, over all and by layer, in the network's order. */
  readonly kept: number;
  readonly total: number;
  readonly layers: readonly { readonly name: string; readonly kept: number; readonly total: number }[];
  /** All parameters over those left; multiply-adds of the dense network over those left; bytes on disk. */
  readonly compression: number;
  readonly speedup: number;
  readonly macs: number;
  readonly macsKept: number;
  readonly bytesDense: number;
  readonly bytesCompact: number;
  /** Epochs trained, in all rounds together: training loss, learning rate, test accuracy where it was measured. */
  readonly history: readonly {
    readonly round: number;
    readonly epoch: number;
    readonly loss: number;
    readonly learningRate: number;
    readonly accuracy: number | null;
  }[];
  /** M1: after each round's pruning (`epoch` 0) and fine-tuning. The file `<stage>.safetensors` has its weights. */
  readonly stages: readonly {
    readonly stage: string;
    readonly round: number;
    readonly sparsity: number;
    readonly epoch: number;
    readonly accuracy: number;
  }[];
  /** Null of a finished run; one that diverged has a `DivergedResult`. */
  readonly divergedAt: number | null;
}

/** Of a network whose training diverged: nothing else is known of it. */
export interface DivergedResult extends JsonObject {
  /** The step, from 1 and over all rounds, whose loss was not finite. */
  readonly divergedAt: number;
  readonly history: NetworkResult['history'];
}

/** A comparison of two networks' representations. */
export interface ComparisonRunConfig extends JsonObject {
  readonly kind: 'comparison';
  readonly study: 'svcca';
  readonly revision: number;
  /** Ids of network runs; `a` is the dense parent. Where `b` is `a` itself, everything must be 1. */
  readonly a: string;
  readonly b: string;
  /** A stage of `b` (its name in `stages`), or null for its final weights. */
  readonly stage: string | null;
  readonly data: JsonObject;
  /** Every layer with its namesake, or every layer with every layer (SVCCA and CKA only). */
  readonly pairs: 'same' | 'all';
  /** Positions of all images as data points, or images with averaged channels. */
  readonly view: 'positions' | 'pooled';
  /** Test images, rows at most, seed of the rows chosen, and the share of variance that SVCCA keeps. */
  readonly images: number;
  readonly rows: number;
  readonly seed: number;
  readonly threshold: number;
}

/** One pair of layers. Similarities are 1 for equal representations. */
export interface LayerSimilarity extends JsonObject {
  readonly a: string;
  readonly b: string;
  /** Place among the layers compared, from 0. */
  readonly index: number;
  /** 'conv', 'block', 'linear' or 'logits': what kind of layer `a` is. */
  readonly type: string;
  readonly points: number;
  readonly channelsA: number;
  readonly channelsB: number;
  /** Channels that never change, left out. */
  readonly deadA: number;
  readonly deadB: number;
  /** Directions that hold the threshold's share of variance: kx and ky. */
  readonly directionsA: number;
  readonly directionsB: number;
  readonly svcca: number;
  /** SVCCA with min(kx, ky) directions on both sides; null where pairs is 'all'. */
  readonly svccaFixed: number | null;
  readonly pwcca: number | null;
  readonly cka: number;
  readonly procrustes: number | null;
  /** SVCCA on the channels alive in both networks only; null where none is dead, or pairs is 'all'. */
  readonly svccaAlive: number | null;
  readonly flags: readonly string[];
}

export interface ComparisonResult extends JsonObject {
  readonly layers: readonly LayerSimilarity[];
}

/** What the measures say of unrelated Gaussian data of a layer's shape: the floor below the floor. */
export interface NoiseRunConfig extends JsonObject {
  readonly kind: 'noise';
  readonly study: 'svcca';
  readonly revision: number;
  readonly network: { readonly name: string; readonly width: number };
  readonly data: JsonObject;
  readonly view: 'positions' | 'pooled';
  readonly images: number;
  readonly rows: number;
  readonly seed: number;
  readonly threshold: number;
}

export interface NoiseResult extends JsonObject {
  readonly layers: readonly {
    readonly name: string;
    readonly index: number;
    readonly points: number;
    readonly channels: number;
    readonly svcca: number;
    readonly pwcca: number;
    readonly cka: number;
    readonly procrustes: number;
  }[];
}
