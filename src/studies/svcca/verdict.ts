import { type Estimate, estimate, mean } from '../../report/stats.js';
import {
  type Comparison,
  type Curve,
  comparisonsOf,
  curve,
  type Lens,
  type NetworkAnalysis,
  overall,
  samples,
  valuesOf,
} from './analyse.js';
import type { Method } from './types.js';

/** Layers whose floor is this close to 1 leave no room in which a network could differ, and are left out. */
const LEAST_ROOM = 0.02;

/**
 * How far pruning moved a network's representations, on the way from its parent (0) to a network of another seed (1):
 * `1 - (s - floor) / (1 - floor)` of every layer, averaged over layers.
 */
export interface Evolution {
  readonly sparsity: number;
  readonly lens: Lens;
  readonly value: Estimate;
  /** Mean over layers of the similarity with the parent, and of parents with other dense networks. */
  readonly similarity: Estimate;
  readonly floor: Estimate;
  readonly layers: readonly { readonly layer: string; readonly index: number; readonly value: Estimate }[];
  /** Layers left out, since their floor is within 0.02 of 1. */
  readonly leftOut: readonly string[];
}

/** @returns null without a comparison of such a network, or without a floor */
export function evolution(net: NetworkAnalysis, lens: Lens, sparsity: number, method: Method = 'M1'): Evolution | null {
  const found = comparisonsOf(net, lens, method, sparsity);
  const floors = floorFinder(net, lens);
  const similarity = estimate(samples(found, (c) => overall(lens, c)));
  if (!similarity || !floors.curve) return null;
  const value = estimate(samples(found, (c) => evolutionOf(c, lens, floors)));
  if (!value) return null;
  const layers = net.layers.flatMap(({ name, index }) => {
    const at = estimate(samples(found, (c) => layerEvolution(c, lens, floors).get(index) ?? null));
    return at ? [{ layer: name, index, value: at }] : [];
  });
  const said = new Set(layers.map((l) => l.index));
  const leftOut = floors.curve.points.filter((p) => !said.has(p.index)).map((p) => p.layer);
  return { sparsity, lens, value, similarity, floor: floors.curve.overall, layers, leftOut };
}

export interface Floors {
  /** Over all pairs of dense networks; null without any. */
  readonly curve: Curve | null;
  /** Of one parent, by layer; of all of them where it has none of its own. */
  of(parent: string): ReadonlyMap<number, number>;
}

/** The floor of each parent: its similarity with dense networks of other seeds, whichever of the two was first. */
export function floorFinder(net: NetworkAnalysis, lens: Lens): Floors {
  const found = comparisonsOf(net, lens, 'D');
  const average = (comparisons: readonly Comparison[]) =>
    new Map(
      net.layers.flatMap(({ index }) => {
        const values = comparisons.flatMap((c) => valuesOf(lens, c.layers).get(index) ?? []);
        return values.length === 0 ? [] : [[index, mean(values)] as const];
      }),
    );
  const all = average(found);
  const known = new Map<string, ReadonlyMap<number, number>>();
  return {
    curve: curve(net, lens, 'D'),
    of(parent) {
      const own = known.get(parent) ?? average(found.filter((c) => c.a.id === parent || c.b.id === parent));
      known.set(parent, own);
      return own.size === 0 ? all : own;
    },
  };
}

/** Of one comparison, averaged over its layers; null where no layer has room. */
export function evolutionOf(comparison: Comparison, lens: Lens, floors: Floors): number | null {
  const values = [...layerEvolution(comparison, lens, floors).values()];
  return values.length === 0 ? null : mean(values);
}

function layerEvolution(comparison: Comparison, lens: Lens, floors: Floors): Map<number, number> {
  const floor = floors.of(comparison.a.id);
  const layers = new Map<number, number>();
  for (const [index, s] of valuesOf(lens, comparison.layers)) {
    const low = floor.get(index);
    if (low !== undefined && 1 - low >= LEAST_ROOM) layers.set(index, 1 - (s - low) / (1 - low));
  }
  return layers;
}
