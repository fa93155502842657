/** One measured value, and what it shares with others: values of one group (children of one parent) are not independent. */
export interface Sample {
  readonly group: string;
  readonly value: number;
}

/** A mean over seeds. */
export interface Estimate {
  /** Values, and independent groups among them. */
  readonly n: number;
  readonly groups: number;
  /** Mean of the groups' means; the plain mean where all groups are equally large. */
  readonly mean: number;
  /** Standard deviation over all values (n - 1 below the sum); null of a single value. */
  readonly sd: number | null;
  /** 95 % Student t interval over the groups' means; null of a single group. */
  readonly low: number | null;
  readonly high: number | null;
}

export const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

/** With n - 1 below the sum; null of fewer than two values. */
export function standardDeviation(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, v) => sum + (v - centre) ** 2, 0) / (values.length - 1));
}

/**
 * Mean, spread and 95 % interval. Groups are averaged first, so that several children of one parent narrow the interval
 * only as far as they narrow their parent's mean.
 *
 * @returns null of no samples
 */
export function estimate(samples: readonly Sample[]): Estimate | null {
  if (samples.length === 0) return null;
  const groups = new Map<string, number[]>();
  for (const { group, value } of samples) groups.set(group, [...(groups.get(group) ?? []), value]);
  const means = [...groups.values()].map(mean);
  const centre = mean(means);
  const spread = standardDeviation(means);
  const half = spread === null ? null : (tQuantile(means.length - 1) * spread) / Math.sqrt(means.length);
  return {
    n: samples.length,
    groups: means.length,
    mean: centre,
    sd: standardDeviation(samples.map((s) => s.value)),
    low: half === null ? null : centre - half,
    high: half === null ? null : centre + half,
  };
}

/** 0.975 quantiles of Student's t for 1 to 30 degrees of freedom. */
const T975 = [
  12.70620474, 4.30265273, 3.18244631, 2.77644511, 2.57058184, 2.44691185, 2.36462425, 2.30600414, 2.26215716,
  2.22813885, 2.20098516, 2.17881283, 2.16036866, 2.14478669, 2.13144955, 2.1199053, 2.10981558, 2.10092204, 2.09302405,
  2.08596345, 2.07961384, 2.07387307, 2.06865761, 2.06389856, 2.05953855, 2.05552944, 2.05183052, 2.04840714,
  2.04522964, 2.04227246,
];

/** The 0.975 quantile of Student's t; beyond the table by the Cornish-Fisher expansion, good to six digits there. */
export function tQuantile(degrees: number): number {
  if (degrees <= T975.length) return T975[degrees - 1];
  const z = 1.959963985;
  const terms = [
    z,
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
  ];
  return terms.reduce((sum, term, i) => sum + term / degrees ** i, 0);
}
