import type { Figure, Panel } from '../../report/figure.js';
import { fixed, interval, share } from '../../report/format.js';
import { lensesFor, type NetworkAnalysis } from './analyse.js';
import { sparsitySeries } from './sparsity-series.js';
import { intervals } from './units.js';
import { evolution } from './verdict.js';

/** The verdict statistic of every network and sparsity with its interval, under each measure. */
export function verdictFigure(nets: readonly NetworkAnalysis[]): Figure {
  const sparsities = [...new Set(nets.flatMap((net) => net.sparsities))].sort((a, b) => a - b);
  const series = sparsitySeries(sparsities, (s) => `${share(s)} sparse`);
  const panels = lensesFor(nets).flatMap((lens): Panel[] => {
    const rows = nets.flatMap((net) =>
      net.sparsities.flatMap((s) => {
        const value = evolution(net, lens, s)?.value;
        if (!value) return [];
        const { mean, low, high, n } = value;
        const ends = low === null ? {} : { low, high };
        return [{ series: share(s), label: share(s), row: net.label, mean, ...ends, interval: interval(value), n }];
      }),
    );
    return rows.length > 0 ? [{ title: lens.label, facets: { measure: lens.label }, rows }] : [];
  });
  return {
    name: 'verdict',
    title: 'How far pruned networks went',
    caption:
      'evo = 1 − (s − floor) / (1 − floor), averaged over layers: how far M1 is from its parent, on the way to a dense network of another seed. At the left line pruning compressed; at the right one the pruned network has nothing of its parent but the task. Bars are 95 % intervals over parents, cut at the edges.',
    unit: intervals(series),
    width: 460,
    height: 40 + 58 * Math.max(1, nets.length),
    columns: 2,
    series,
    choices: [{ key: 'measure', label: 'Measure' }],
    panels,
    table: ({ rows }) => ({
      head: ['network', 'sparsity', 'evo', '95 % interval', 'networks'],
      rows: rows.map((r) => [
        String(r.row),
        String(r.series),
        fixed(r.mean as number),
        String(r.interval),
        String(r.n),
      ]),
    }),
  };
}
