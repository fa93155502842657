/** Order statistics of a sample. */
export interface Summary {
  n: number;
  median: number;
  p10: number;
  p90: number;
  mean: number;
  min: number;
}

/** The q-quantile of sorted values, linear between neighbours (type 7). */
export function quantile(sorted: readonly number[], q: number): number {
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  const high = Math.ceil(at);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

/** @throws RangeError for an empty sample or one with a value that is not finite */
export function summarise(sample: readonly number[]): Summary {
  if (sample.length === 0 || !sample.every(Number.isFinite)) {
    throw new RangeError(`summarise: expected finite samples, got [${sample.slice(0, 8).join(', ')}]`);
  }
  const sorted = [...sample].sort((a, b) => a - b);
  return {
    n: sorted.length,
    median: quantile(sorted, 0.5),
    p10: quantile(sorted, 0.1),
    p90: quantile(sorted, 0.9),
    mean: sorted.reduce((a, b) => a + b, 0) / sorted.length,
    min: sorted[0],
  };
}
