import { PRUNERS, type Target, type TrainedNetwork } from '../types.js';
import { type Analysis, foundBy, type Search, sparsestOf, TARGETS } from './analysis.js';
import { methodLabel } from './series.js';

/** A network to be drawn. */
export interface Shown {
  /** As in file names. */
  readonly name: string;
  readonly title: string;
  readonly target: Target;
  /** Whether it reaches the target; the best one there is where none does. */
  readonly reached: boolean;
  readonly trained: TrainedNetwork;
}

/** For every search and target the sparsest network that reaches it, of those whose weights are known. */
export const searchNets = ({ searches }: Analysis): readonly Shown[] =>
  searches.flatMap((search) =>
    TARGETS.filter((t) => search.target === null || search.target === t).flatMap((t) => searchNet(search, t)),
  );

function searchNet(search: Search, target: Target): Shown[] {
  const known = foundBy(search).flatMap((f) => f.trained ?? []);
  if (known.length === 0) return [];
  const reaching = known.find((net) => net.accuracy >= target);
  const trained = reaching ?? known.reduce((a, b) => (b.accuracy > a.accuracy ? b : a));
  return [
    {
      name: `search-${search.initialisation}-${slug(target)}`,
      title: `Search, ${search.label}`,
      ...{ target, trained, reached: reaching !== undefined },
    },
  ];
}

/** For every method and target the sparsest network that reaches it, at whichever width; with random first weights. */
export const methodNets = ({ groups }: Analysis): readonly Shown[] =>
  TARGETS.flatMap((target) =>
    PRUNERS.flatMap((method): Shown[] => {
      const found = groups
        .filter((g) => g.initialisation === 'random')
        .flatMap((g) => {
          const results = g.methods.find((r) => r.method === method);
          const net = results && sparsestOf(results, target);
          return net ? [{ width: g.width, net }] : [];
        })
        .sort((a, b) => a.net.weights - b.net.weights || a.width - b.width)[0];
      if (!found) return [];
      return [
        {
          name: `${method}-${slug(target)}`,
          title: `${methodLabel(method)} at width ${found.width}`,
          ...{ target, trained: found.net, reached: true },
        },
      ];
    }),
  );

const slug = (target: Target): string => String(100 * target).replace('.', '');
