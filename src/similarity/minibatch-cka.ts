import { ArgumentError } from '../gpu/errors.js';
import type { Activations } from './activations.js';
import { type CkaResult, type HsicTerms, isSound, unbiasedTerms } from './hsic.js';
import { gramsOf, type KernelOptions } from './kernels.js';
import type { Flag, PrecisionOptions } from './result.js';

export interface MinibatchCkaResult extends CkaResult {
  batches: number;
  /** Means over batches of HSIC without bias. */
  hsic: HsicTerms;
}

/**
 * CKA of data that comes in batches (Nguyen et al. 2021): HSIC without bias is averaged over batches for each of its
 * three terms, and the ratio taken once. Its expectation does not depend on the size of the batches, which should be one size.
 *
 * @example
 * const cka = new MinibatchCka();
 * for (const [x, y] of batches) await cka.add(x, y);
 * cka.result().similarity;
 */
export class MinibatchCka {
  private readonly options: KernelOptions & PrecisionOptions;
  private readonly sums: HsicTerms = { xx: 0, xy: 0, yy: 0 };
  private readonly flags = new Set<Flag>();
  private float32 = false;
  private points = 0;
  private batches = 0;
  /** Whether a side varied in any batch. */
  private readonly varied = { x: false, y: false };

  /** A Gaussian kernel without `sigma` takes the median of each batch. */
  constructor(options: KernelOptions & PrecisionOptions = {}) {
    this.options = options;
  }

  /** Adds a batch of at least 4 points: [points, p] and [points, q]. Errors as `hsic`; a failed batch leaves no trace. */
  async add(x: Activations, y: Activations): Promise<void> {
    if (x.shape[0] < 4) throw new ArgumentError('MinibatchCka.add', 'at least 4 points', String(x.shape[0]));
    const g = await gramsOf('MinibatchCka.add', x, y, this.options, () => true);
    const terms = unbiasedTerms(g);
    for (const key of ['xx', 'xy', 'yy'] as const) this.sums[key] += terms[key];
    // One batch that does not vary says nothing about the others.
    for (const flag of g.flags) if (flag !== 'degenerate') this.flags.add(flag);
    this.varied.x ||= isSound(g.points, terms.xx, g.xx);
    this.varied.y ||= isSound(g.points, terms.yy, g.yy);
    this.float32 ||= g.precision === 'float32';
    this.points += g.points;
    this.batches++;
  }

  /** The similarity so far. @throws ArgumentError before the first batch */
  result(): MinibatchCkaResult {
    const { batches, points, sums, varied } = this;
    const sound = varied.x && varied.y;
    if (batches === 0) throw new ArgumentError('MinibatchCka.result', 'at least one batch', 'none');
    const hsic = { xx: sums.xx / batches, xy: sums.xy / batches, yy: sums.yy / batches };
    return {
      similarity: sound ? hsic.xy / (Math.sqrt(hsic.xx) * Math.sqrt(hsic.yy)) : 0,
      hsic,
      batches,
      points,
      precision: this.float32 ? 'float32' : 'float64',
      flags: sound ? [...this.flags] : [...this.flags, 'degenerate'],
    };
  }
}
