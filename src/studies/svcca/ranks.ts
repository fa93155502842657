import type { Row } from '../../report/csv.js';
import type { Figure, Panel, Series } from '../../report/figure.js';
import { fixed, share } from '../../report/format.js';
import { type Estimate, estimate } from '../../report/stats.js';
import { comparisonsOf, type NetworkAnalysis, SVCCA, samples } from './analyse.js';
import { seriesOf } from './methods.js';
import type { LayerSimilarity, Method } from './types.js';
import { layerwise } from './units.js';

/** Methods shown: the questions' own, since more lines than these say nothing here. */
const SHOWN: readonly Method[] = ['P0', 'M1', 'M1-LT', 'M2', 'M3-uniform', 'M3-matched'];

/** F5: how many directions hold 99 % of a layer's variance, dense and pruned. */
export function ranks(nets: readonly NetworkAnalysis[]): Figure {
  const dense: Series = { ...seriesOf('D'), label: 'D (the parent)' };
  const compared = SHOWN.filter((m) =>
    nets.some((net) => net.sparsities.some((s) => comparisonsOf(net, SVCCA, m, s)[0])),
  );
  const series = [dense, ...compared.map(seriesOf)];
  return {
    name: 'f5-rank',
    title: 'F5. Effective rank of each layer, dense and pruned',
    caption:
      'Directions that hold the chosen share of a layer’s variance (99 % by default): the k that SVCCA compares. A pruned layer with far fewer directions than its parent’s says less, whatever its similarity; channels that never fire are counted in the table.',
    unit: layerwise(series, 'directions (k)'),
    width: 300,
    height: 200,
    columns: 3,
    series,
    choices: [{ key: 'net', label: 'Network' }],
    panels: nets.flatMap((net) => net.sparsities.flatMap((s) => panel(net, s, dense))),
    table: ({ rows }) => ({
      head: ['layer', 'network', 'directions', 'of channels', 'dead channels'],
      rows: rows.map((r) => [
        String(r.layer),
        String(r.series),
        `${fixed(r.mean as number, 1)}${r.sd === null ? '' : ` ± ${fixed(r.sd as number, 1)}`}`,
        String(r.channels),
        fixed(r.dead as number, 1),
      ]),
    }),
  };
}

function panel(net: NetworkAnalysis, sparsity: number, dense: Series): Panel[] {
  const side = (
    method: Method,
    label: string,
    series: string,
    of: (l: LayerSimilarity) => [k: number, dead: number],
  ) => {
    const found = comparisonsOf(net, SVCCA, method, sparsity);
    return net.layers.flatMap(({ name, index }): Row[] => {
      const at = (pick: 0 | 1): Estimate | null =>
        estimate(samples(found, (c) => layerOf(c.layers, index, (l) => of(l)[pick])));
      const [k, dead] = [at(0), at(1)];
      if (!k) return [];
      const channels = layerOf(found[0].layers, index, (l) => l.channelsA) ?? 0;
      const spread = { sd: k.sd === null ? null : Number(k.sd.toFixed(3)), spread: fixed(k.sd, 1) };
      return [
        {
          series,
          label,
          layer: name,
          index,
          mean: Number(k.mean.toFixed(3)),
          ...spread,
          n: k.n,
          channels,
          dead: dead?.mean ?? 0,
        },
      ];
    });
  };
  const reference = SHOWN.find((m) => comparisonsOf(net, SVCCA, m, sparsity).length > 0);
  if (!reference) return [];
  const rows = [
    ...side(reference, dense.label, 'D', (l) => [l.directionsA, l.deadA]),
    ...SHOWN.flatMap((m) => side(m, seriesOf(m).label, m, (l) => [l.directionsB, l.deadB])),
  ];
  return [{ title: `${net.label}, ${share(sparsity)} sparse`, facets: { net: net.label }, rows }];
}

const layerOf = (
  layers: readonly LayerSimilarity[],
  index: number,
  value: (l: LayerSimilarity) => number,
): number | null => {
  const found = layers.find((l) => l.index === index);
  return found ? value(found) : null;
};
