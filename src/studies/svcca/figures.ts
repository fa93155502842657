import type { Row } from '../../report/csv.js';
import type { Figure, Panel } from '../../report/figure.js';
import { fixed, fixedSpread, percent, share } from '../../report/format.js';
import type { Estimate } from '../../report/stats.js';
import {
  type Curve,
  comparisonsOf,
  curve,
  type Lens,
  lensesFor,
  type NetworkAnalysis,
  overall,
  SVCCA,
} from './analyse.js';
import { heatMaps } from './heat-maps.js';
import { EXPLAINED, seriesOf } from './methods.js';
import { ranks } from './ranks.js';
import { sparsitySeries } from './sparsity-series.js';
import { trajectory } from './trajectory.js';
import { METHODS, type Method } from './types.js';
import { layerwise, overEpochs, scatter } from './units.js';
import { verdictFigure } from './verdict-figure.js';

const NETWORK = { key: 'net', label: 'Network' };
const SIZE = { width: 300, height: 230, columns: 3 };

/** The verdict and F1 to F6, each with a panel for what there is; figures without a panel are left out. */
export const figures = (nets: readonly NetworkAnalysis[]): readonly Figure[] =>
  [
    verdictFigure(nets),
    layerCurves(nets),
    heatMaps(nets),
    trajectories(nets),
    similarityAndAccuracy(nets),
    ranks(nets),
    otherMeasures(nets),
  ].filter((figure) => figure.panels.length > 0);

/** Methods of which a lens says something, in the study's order. */
const methodsIn = (nets: readonly NetworkAnalysis[]): readonly Method[] =>
  METHODS.filter((m) =>
    nets.some((net) =>
      net.comparisons.some((c) => c.b.config.method === m && c.a !== c.b && c.config.pairs === 'same'),
    ),
  );

function layerCurves(nets: readonly NetworkAnalysis[]): Figure {
  const series = methodsIn(nets).map(seriesOf);
  return {
    name: 'f1-layerwise',
    title: 'F1. Similarity with the dense parent, layer by layer',
    caption:
      'SVCCA of each layer with the same layer of the dense parent; 1 is the same representation. The grey line is D′, dense networks of other seeds (band: two standard deviations): a line on it is as far from its parent as a stranger. How far M1 lies between P0 and D′ is the answer to the study’s question.',
    unit: layerwise(series, 'SVCCA', [0, 1]),
    ...SIZE,
    series,
    choices: [NETWORK],
    panels: nets.flatMap((net) =>
      net.sparsities.flatMap((s) => curvePanel(net, SVCCA, s, `${net.label}, ${share(s)} sparse`, { net: net.label })),
    ),
    table: layerTable,
  };
}

function otherMeasures(nets: readonly NetworkAnalysis[]): Figure {
  const series = methodsIn(nets).map(seriesOf);
  const lenses = lensesFor(nets).filter((lens) => lens !== SVCCA);
  return {
    name: 'f6-measures',
    title: 'F6. The same curves under other measures',
    caption:
      'A finding that changes with the measure is a finding about the measure. PWCCA weighs directions by what they carry, CKA by their variance; Procrustes allows rotations only. “Equal k” compares as many directions of both networks, “live channels” only channels that both use, “pooled” the channels’ averages over an image.',
    unit: layerwise(series, 'similarity', [0, 1]),
    ...SIZE,
    series,
    choices: [NETWORK, { key: 'sparsity', label: 'Sparsity' }],
    panels: nets.flatMap((net) =>
      telling(net.sparsities).flatMap((s) =>
        lenses
          .filter((lens) => lens.key !== 'alive' || hasDead(net, s))
          .flatMap((lens) => curvePanel(net, lens, s, lens.label, { net: net.label, sparsity: share(s) })),
      ),
    ),
    table: layerTable,
  };
}

/** At most three of the sparsities: the lowest, the one nearest to 90 %, the highest. */
function telling(sparsities: readonly number[]): readonly number[] {
  if (sparsities.length <= 3) return sparsities;
  const near = [...sparsities.slice(1, -1)].sort((a, b) => Math.abs(a - 0.9) - Math.abs(b - 0.9))[0];
  return [sparsities[0], near, sparsities[sparsities.length - 1]];
}

const hasDead = (net: NetworkAnalysis, sparsity: number) =>
  net.comparisons.some((c) => c.b.config.sparsity === sparsity && c.layers.some((l) => l.svccaAlive !== null));

/** One panel of layerwise curves, of all methods that were compared. */
function curvePanel(
  net: NetworkAnalysis,
  lens: Lens,
  sparsity: number,
  title: string,
  facets: Panel['facets'],
): Panel[] {
  const rows = METHODS.flatMap((method) => {
    const found = curve(net, lens, method, method === 'D' ? 0 : sparsity);
    return found ? curveRows(found, method) : [];
  });
  return rows.some((row) => row.series !== 'D') ? [{ title, facets, rows }] : [];
}

function curveRows({ points }: Curve, method: Method): Row[] {
  const { label } = seriesOf(method);
  return points.map(({ layer, index, similarity: { mean, sd, n } }) => ({
    series: method,
    label,
    layer,
    index,
    ...rounded({ mean, sd, n }),
    ...(method === 'D' && sd !== null && { bandLow: round(mean - 2 * sd), bandHigh: round(mean + 2 * sd) }),
  }));
}

const round = (x: number) => Number(x.toFixed(5));
const rounded = ({ mean, sd, n }: Pick<Estimate, 'mean' | 'sd' | 'n'>) => ({
  mean: round(mean),
  sd: sd === null ? null : round(sd),
  spread: fixed(sd),
  n,
});

/** Layers by methods. */
export function layerTable({ rows }: Panel) {
  const names = [...new Set(rows.map((r) => String(r.series)))];
  const layers = [...new Map(rows.map((r) => [r.index, String(r.layer)]))].sort((a, b) => Number(a[0]) - Number(b[0]));
  const cell = (index: unknown, name: string) => {
    const row = rows.find((r) => r.index === index && r.series === name);
    return row ? `${fixed(row.mean as number)}${row.sd === null ? '' : ` ± ${fixed(row.sd as number)}`}` : '–';
  };
  return {
    head: ['layer', ...names.map((name) => (name === 'D' ? 'D′' : name))],
    rows: layers.map(([index, layer]) => [layer, ...names.map((name) => cell(index, name))]),
  };
}

function trajectories(nets: readonly NetworkAnalysis[]): Figure {
  const found = nets.flatMap((net) =>
    net.sparsities.flatMap((sparsity) => {
      const moments = trajectory(net, SVCCA, sparsity);
      return moments.length > 2 ? [{ net, sparsity, moments }] : [];
    }),
  );
  const sparsities = [...new Set(found.map((f) => f.sparsity))].sort((a, b) => a - b);
  const series = sparsitySeries(sparsities, (s) => `to ${share(s)}`);
  const rowsOf = (net: NetworkAnalysis, pick: 'similarity' | 'accuracy'): Row[] =>
    found
      .filter((f) => f.net === net)
      .flatMap(({ sparsity, moments }) =>
        moments.flatMap((m, order): Row[] => {
          const value = pick === 'accuracy' ? inPercent(m.accuracy) : m.similarity;
          const moment =
            m.round === 0 ? 'dense parent' : `round ${m.round}, ${m.epoch === 0 ? 'just pruned' : `epoch ${m.epoch}`}`;
          const row = {
            series: share(sparsity),
            label: share(sparsity),
            elapsed: m.elapsed,
            order,
            moment,
            removed: share(m.sparsity),
          };
          return value ? [{ ...row, ...rounded(value) }] : [];
        }),
      );
  const floorRows = (net: NetworkAnalysis, rows: readonly Row[]): Row[] => {
    const floor = curve(net, SVCCA, 'D')?.overall;
    if (!floor) return [];
    const ends = [0, Math.max(...rows.map((r) => r.elapsed as number))];
    const { label } = seriesOf('D');
    return ends.map((elapsed, order) => ({
      series: 'D',
      label,
      elapsed,
      order,
      moment: 'floor',
      removed: '–',
      ...rounded(floor),
    }));
  };
  const floor = seriesOf('D');
  const all = [...series, ...(nets.some((net) => curve(net, SVCCA, 'D')) ? [floor] : [])];
  return {
    name: 'f3-trajectory',
    title: 'F3. How a network leaves its parent, round by round',
    caption:
      'M1 from its parent on: a step where weights are pruned, a slope where the rest is fine-tuned. If fine-tuning repaired the parent’s representations, similarity would climb again as accuracy does.',
    unit: overEpochs(all),
    ...SIZE,
    series: all,
    choices: [NETWORK],
    panels: [...new Set(found.map((f) => f.net))].flatMap((net): Panel[] => {
      const similarity = rowsOf(net, 'similarity');
      const facets = { net: net.label };
      return [
        {
          title: `${net.label}: similarity with the parent (SVCCA)`,
          facets,
          rows: [...similarity, ...floorRows(net, similarity)],
        },
        { title: `${net.label}: test accuracy (%)`, facets, rows: rowsOf(net, 'accuracy') },
      ];
    }),
    table: ({ rows }) => ({
      head: ['to', 'moment', 'removed', 'epochs', 'mean ± sd'],
      rows: rows
        .filter((r) => r.series !== 'D')
        .map((r) => [String(r.label), String(r.moment), String(r.removed), String(r.elapsed), meanSpread(r)]),
    }),
  };
}

const inPercent = (e: Estimate | null) => e && { ...e, mean: 100 * e.mean, sd: e.sd === null ? null : 100 * e.sd };

const meanSpread = ({ mean, sd }: Row) => fixedSpread({ mean: mean as number, sd: sd as number | null } as Estimate);

function similarityAndAccuracy(nets: readonly NetworkAnalysis[]): Figure {
  const methods = methodsIn(nets);
  const sparsities = [...new Set(nets.flatMap((net) => net.sparsities))].sort((a, b) => a - b);
  const series = methods.map(seriesOf);
  return {
    name: 'f4-accuracy',
    title: 'F4. Similarity against accuracy',
    caption: `One mark a network, larger for sparser ones. Good networks far from their parent are evolution; were pruning compression, all good ones would lie at the top. D′: ${EXPLAINED.D}, another seed.`,
    unit: scatter(series),
    ...SIZE,
    width: 460,
    height: 280,
    series,
    choices: [NETWORK],
    panels: nets.flatMap((net): Panel[] => {
      const rows = methods.flatMap((method) =>
        (method === 'D' ? [0] : net.sparsities).flatMap((s) =>
          comparisonsOf(net, SVCCA, method, s).flatMap((c): Row[] => {
            const mean = overall(SVCCA, c);
            const seeds = `${c.a.config.seed} / ${c.b.config.seed}`;
            const size = 40 + (90 * (sparsities.indexOf(s) + 1)) / sparsities.length;
            const row = { series: method, label: seriesOf(method).label, sparsity: share(s), size, seeds };
            return mean === null ? [] : [{ ...row, accuracy: round(100 * c.b.result.accuracy), mean: round(mean) }];
          }),
        ),
      );
      return rows.length > 0 ? [{ title: net.label, facets: { net: net.label }, rows }] : [];
    }),
    table: ({ rows }) => ({
      head: ['network', 'sparsity', 'seeds (parent / own)', 'accuracy', 'similarity'],
      rows: rows.map((r) => [
        String(r.series === 'D' ? 'D′' : r.series),
        String(r.sparsity),
        String(r.seeds),
        percent((r.accuracy as number) / 100),
        fixed(r.mean as number),
      ]),
    }),
  };
}
