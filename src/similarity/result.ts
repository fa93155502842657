import type { Device } from '../gpu/device.js';

/** What a result should be read with. */
export type Flag =
  /** One side does not vary at all: its similarity is 0 by definition. */
  | 'degenerate'
  /** Fewer than five points for each neuron: canonical correlations are biased upwards. */
  | 'few points'
  /** Some directions are linear combinations of others, and count once. */
  | 'rank deficient'
  /** Float32 would have lost accuracy here, so it was done in float64. */
  | 'float64 fallback'
  /** Done in float32 although the measure divides by directions that float32 does not carry: expect errors above 1e-4. */
  | 'ill-conditioned';

export type Precision = 'float32' | 'float64';

/** Where the arithmetic is done. */
export interface PrecisionOptions {
  /**
   * 'float32' on a device, 'float64' on the host, or (default) 'auto': the device where there is one and the work is not
   * small, and float64 where float32 would miss 1e-4.
   */
  precision?: Precision | 'auto';
  /** The device for activations on the host. Without it, and without tensors, everything is done in float64. */
  device?: Device;
}

/** A similarity with what it should be read with. */
export interface SimilarityResult {
  similarity: number;
  points: number;
  /** Arithmetic of everything that grows with the number of points; the last steps are float64 always. */
  precision: Precision;
  flags: readonly Flag[];
}

/** What is known of one side of a comparison, to be reported with every number. */
export interface SideFacts {
  neurons: number;
  /** Neurons that never change (variance below 1e-10 of the greatest), left out. */
  dropped: number;
  /** Directions that are not rounding error. */
  rank: number;
  /** Directions that took part: kx and ky of SVCCA. */
  directions: number;
}
