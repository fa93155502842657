import type { Row } from '../../report/csv.js';
import type { Figure, Panel } from '../../report/figure.js';
import { fixed, share } from '../../report/format.js';
import { mean } from '../../report/stats.js';
import { type Comparison, groupBy, type NetworkAnalysis } from './analyse.js';
import { METHODS } from './types.js';
import { HEAT_MAP } from './units.js';

const MEASURES = [
  { key: 'svcca', label: 'SVCCA' },
  { key: 'cka', label: 'Linear CKA' },
] as const;

/** F2: every layer of the parent against every layer of another network. */
export function heatMaps(nets: readonly NetworkAnalysis[]): Figure {
  return {
    name: 'f2-heat-maps',
    title: 'F2. Every layer against every layer',
    caption:
      'Rows are layers of the dense parent, columns layers of the other network; yellow is 1, dark is 0. Where the diagonal stands out as it does for D′, layers kept their roles; where it is brighter than that, they kept their representations too.',
    unit: HEAT_MAP,
    width: 210,
    height: 210,
    columns: 4,
    series: [],
    choices: [
      { key: 'net', label: 'Network' },
      { key: 'measure', label: 'Measure' },
    ],
    panels: nets.flatMap((net) => MEASURES.flatMap((measure) => panelsOf(net, measure))),
    table: ({ rows }) => {
      const columns = [...new Map(rows.map((r) => [r.otherIndex, String(r.other)]))];
      const lines = [...groupBy(rows, (r) => r.layer)];
      return {
        head: ['dense \\ other', ...columns.map(([, name]) => name)],
        rows: lines.map(([layer, cells]) => [
          String(layer),
          ...columns.map(([index]) => fixed(cells.find((c) => c.otherIndex === index)?.mean as number | undefined, 2)),
        ]),
      };
    },
  };
}

/** M1, M2, M3 and D', as far as they were compared. */
function panelsOf(net: NetworkAnalysis, measure: (typeof MEASURES)[number]): Panel[] {
  const all = net.comparisons.filter((c) => c.config.pairs === 'all' && c.config.stage === null && c.a !== c.b);
  const shown = METHODS.filter((m) => m !== 'D').flatMap((method) =>
    [
      ...groupBy(
        all.filter((c) => c.b.config.method === method),
        (c) => c.b.config.sparsity,
      ),
    ]
      .sort(([a], [b]) => a - b)
      .map(([sparsity, found]) => ({ title: `${method} at ${share(sparsity)}`, found })),
  );
  const floor = all.filter((c) => c.b.config.method === 'D');
  return [...shown, ...(floor.length > 0 ? [{ title: 'D′', found: floor }] : [])].map(({ title, found }) => ({
    title: `${net.label}: ${title}`,
    facets: { net: net.label, measure: measure.label },
    rows: cells(net, found, measure.key),
  }));
}

function cells(net: NetworkAnalysis, found: readonly Comparison[], key: 'svcca' | 'cka'): Row[] {
  const order = new Map(net.layers.map((l) => [l.name, l.index]));
  const pairs = groupBy(
    found.flatMap((c) => c.layers),
    (l) => `${l.a}\n${l.b}`,
  );
  return [...pairs.values()]
    .map((layers) => ({
      layer: layers[0].a,
      index: order.get(layers[0].a) ?? layers[0].index,
      other: layers[0].b,
      otherIndex: order.get(layers[0].b) ?? 0,
      mean: Number(mean(layers.map((l) => l[key])).toFixed(4)),
    }))
    .sort((a, b) => a.index - b.index || a.otherIndex - b.otherIndex);
}
