import { type Estimate, estimate, mean, type Sample } from '../../report/stats.js';
import type { Json, RunRecord } from '../../store/record.js';
import type {
  ComparisonResult,
  ComparisonRunConfig,
  LayerSimilarity,
  Method,
  NetworkResult,
  NetworkRunConfig,
  NoiseResult,
  NoiseRunConfig,
} from './types.js';

/** A trained or pruned network that is finished. */
export interface NetworkRun {
  readonly id: string;
  readonly config: NetworkRunConfig;
  readonly result: NetworkResult;
}

/** A finished comparison of a dense parent with another network. */
export interface Comparison {
  readonly config: ComparisonRunConfig;
  readonly a: NetworkRun;
  readonly b: NetworkRun;
  readonly layers: readonly LayerSimilarity[];
}

/** Everything finished about one network of the zoo at one width. */
export interface NetworkAnalysis {
  readonly key: string;
  readonly label: string;
  /** Those that answer the study's questions, and those that guard them by another recipe. */
  readonly runs: readonly NetworkRun[];
  readonly variants: readonly NetworkRun[];
  readonly comparisons: readonly Comparison[];
  readonly noise: readonly { readonly config: NoiseRunConfig; readonly result: NoiseResult }[];
  /** Of the pruned networks, ascending. */
  readonly sparsities: readonly number[];
  /** Compared layers, in the network's order. */
  readonly layers: readonly { readonly name: string; readonly type: string; readonly index: number }[];
}

/** A way to put a pair of layers' similarity in one number: a measure, on one view of the activations. */
export interface Lens {
  readonly key: string;
  readonly label: string;
  readonly view: 'positions' | 'pooled';
  readonly value: (layer: LayerSimilarity) => number | null;
}

export const LENSES: readonly Lens[] = [
  { key: 'svcca', label: 'SVCCA', view: 'positions', value: (l) => l.svcca },
  { key: 'pwcca', label: 'PWCCA', view: 'positions', value: (l) => l.pwcca },
  { key: 'cka', label: 'Linear CKA', view: 'positions', value: (l) => l.cka },
  { key: 'procrustes', label: 'Procrustes', view: 'positions', value: (l) => l.procrustes },
  { key: 'fixed', label: 'SVCCA, equal k', view: 'positions', value: (l) => l.svccaFixed },
  { key: 'alive', label: 'SVCCA, live channels', view: 'positions', value: (l) => l.svccaAlive ?? l.svcca },
  { key: 'pooled', label: 'SVCCA, pooled', view: 'pooled', value: (l) => l.svcca },
];
/** The study's own. */
export const SVCCA = LENSES[0];

/** Lenses that say something of these networks, and something of their own: without dead channels all are live. */
export const lensesFor = (nets: readonly NetworkAnalysis[]): readonly Lens[] =>
  LENSES.filter((lens) =>
    nets.some(({ comparisons }) =>
      comparisons.some(
        ({ config, layers }) =>
          config.pairs === 'same' &&
          config.view === lens.view &&
          layers.some((l) => (lens.key === 'alive' ? l.svccaAlive : lens.value(l)) !== null),
      ),
    ),
  );

export const networkKey = (network: NetworkRunConfig['network']): string => `${network.name}@${network.width}`;
export const networkLabel = ({ name, width }: NetworkRunConfig['network']) =>
  width === 1 ? name : `${name} x${width}`;

/**
 * Sorts a study's records by network. What is not finished, or compares something that is not, is left out; the order of
 * the records makes no difference.
 */
export function analyse(records: ReadonlyMap<string, RunRecord>): readonly NetworkAnalysis[] {
  const finished = [...records.values()].filter((r) => r.status === 'finished').sort((a, b) => (a.id < b.id ? -1 : 1));
  const kind = (name: string) => finished.filter((r) => r.config.kind === name);
  const runs = kind('network') as unknown as NetworkRun[];
  const byId = new Map(runs.map((run) => [run.id, run]));
  const comparisons = kind('comparison').flatMap((record) => {
    const config = record.config as ComparisonRunConfig;
    const [a, b] = [byId.get(config.a), byId.get(config.b)];
    return a && b ? [{ config, a, b, layers: (record.result as ComparisonResult).layers }] : [];
  });
  const noise = kind('noise') as unknown as NetworkAnalysis['noise'];
  const names = new Map(runs.map((run) => [networkKey(run.config.network), networkLabel(run.config.network)]));
  return [...names]
    .map(([key, label]) => {
      const all = runs.filter((run) => networkKey(run.config.network) === key);
      const main = all.filter((run) => run.config.variant === null);
      const own = comparisons.filter((c) => networkKey(c.a.config.network) === key);
      return {
        key,
        label,
        runs: main,
        variants: all.filter((run) => run.config.variant !== null),
        comparisons: own,
        noise: noise.filter((n) => networkKey(n.config.network) === key),
        sparsities: [...new Set(main.filter((r) => r.config.method !== 'D').map((r) => r.config.sparsity))].sort(
          (a, b) => a - b,
        ),
        layers: layersOf(own),
      };
    })
    .sort((a, b) => a.label.localeCompare(b.label, 'en', { numeric: true }));
}

/** Items by key, in the order first met. (Node 20 has no Map.groupBy.) */
export function groupBy<T, K>(items: Iterable<T>, key: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}

/** JSON with sorted keys. */
export function stable(value: Json): string {
  return JSON.stringify(value, (_, v) =>
    v && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort()) : v,
  );
}

function layersOf(comparisons: readonly Comparison[]): NetworkAnalysis['layers'] {
  const layers = new Map<number, { name: string; type: string; index: number }>();
  for (const c of comparisons.filter((c) => c.config.pairs === 'same'))
    for (const l of c.layers) layers.set(l.index, { name: l.a, type: l.type, index: l.index });
  return [...layers.values()].sort((a, b) => a.index - b.index);
}

/** Which dense network a run belongs to; runs of one parent are not independent of each other. */
export const parentOf = (run: NetworkRun): string => run.config.parent ?? run.id;

export const runsOf = (net: NetworkAnalysis, method: Method, sparsity = 0): readonly NetworkRun[] =>
  net.runs.filter((r) => r.config.method === method && r.config.sparsity === sparsity);

/** Mean of something about the finished networks of a method, over seeds. */
export const over = (runs: readonly NetworkRun[], value: (run: NetworkRun) => number | null): Estimate | null =>
  estimate(
    runs.flatMap((run): Sample[] => {
      const v = value(run);
      return v === null ? [] : [{ group: parentOf(run), value: v }];
    }),
  );

export const accuracy = (net: NetworkAnalysis, method: Method, sparsity = 0): Estimate | null =>
  over(runsOf(net, method, sparsity), (run) => run.result.accuracy);

/** Comparisons of namesake layers between parents and final networks of a method; of `D`, with other dense networks. */
export function comparisonsOf(net: NetworkAnalysis, lens: Lens, method: Method, sparsity = 0): readonly Comparison[] {
  const runs = new Set(runsOf(net, method, sparsity));
  return net.comparisons.filter(
    ({ config, a, b }) =>
      config.pairs === 'same' && config.view === lens.view && config.stage === null && a !== b && runs.has(b),
  );
}

/** What a lens says of each layer of a comparison that it can say something of. */
export const valuesOf = (lens: Lens, layers: readonly LayerSimilarity[]): Map<number, number> =>
  new Map(
    layers.flatMap((l) => {
      const value = lens.value(l);
      return value === null ? [] : [[l.index, value] as const];
    }),
  );

/** Mean similarity over layers of one comparison; null where the lens says nothing. */
export function overall(lens: Lens, comparison: Comparison): number | null {
  const values = [...valuesOf(lens, comparison.layers).values()];
  return values.length === 0 ? null : mean(values);
}

/** Similarity with the parent, layer by layer and over all layers. */
export interface Curve {
  readonly points: readonly { readonly layer: string; readonly index: number; readonly similarity: Estimate }[];
  readonly overall: Estimate;
}

/** @returns null where nothing was compared */
export function curve(net: NetworkAnalysis, lens: Lens, method: Method, sparsity = 0): Curve | null {
  const found = comparisonsOf(net, lens, method, sparsity);
  const all = estimate(samples(found, (c) => overall(lens, c)));
  if (!all) return null;
  const points = net.layers.flatMap(({ name, index }) => {
    const similarity = estimate(samples(found, (c) => valuesOf(lens, c.layers).get(index) ?? null));
    return similarity ? [{ layer: name, index, similarity }] : [];
  });
  return { points, overall: all };
}

/** One value of each comparison, grouped by parent. */
export const samples = (
  comparisons: readonly Comparison[],
  value: (c: Comparison) => number | null,
): readonly Sample[] =>
  comparisons.flatMap((c) => {
    const v = value(c);
    return v === null ? [] : [{ group: c.a.id, value: v }];
  });
