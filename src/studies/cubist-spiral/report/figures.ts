import type { Row } from '../../../report/csv.js';
import type { Figure, Panel, Series } from '../../../report/figure.js';
import { fixed, NONE, percent } from '../../../report/format.js';
import { PRUNERS, type TrainedNetwork } from '../types.js';
import {
  type Analysis,
  foundBy,
  frontier,
  type MethodGroup,
  type Search,
  searchFor,
  sparsest,
  sparsestOf,
  TARGETS,
  targetLabel,
} from './analysis.js';
import { aboutMethod, methodLabel, methodSeries, PHASES, SEARCH } from './series.js';
import { budgetUnit, frontierUnit, widthUnit } from './units.js';

const LARGE = { width: 520, height: 360, columns: 2 };
const MEDIUM = { width: 400, height: 280, columns: 2 };

/** F1 to F4, each with a panel for what there is; figures without a panel are left out. */
export const figures = (study: Analysis): readonly Figure[] =>
  [frontiers(study), byWidth(study), fixedFrontiers(study), deadWeights(study)].filter((f) => f.panels.length > 0);

const isRandom = ({ initialisation }: MethodGroup | Search) => initialisation === 'random';

/** Methods of some groups, in the study's order. */
const seriesOf = (groups: readonly MethodGroup[]): Series[] =>
  PRUNERS.filter((m) => groups.some((g) => g.methods.some((r) => r.method === m))).map(methodSeries);

function frontiers(study: Analysis): Figure {
  const groups = study.groups.filter(isRandom);
  const search = study.searches.find(isRandom) ?? null;
  const panels = groups.map((group) => ({
    title: `width ${group.width}`,
    facets: { width: String(group.width) },
    rows: [...searchRows(search, group), ...methodRows(group)],
  }));
  const alone = search && groups.length === 0 ? searchRows(search, null) : [];
  return frontierFigure(
    {
      name: 'f1-frontier',
      title: 'F1. The frontier: accuracy against weights',
      caption:
        'The thick staircase is the search: the best network that it found with at most so many weights. Lines are methods at one width, the best run of each budget at the weights that it ended with. Dashed lines of methods: pruned before training. Horizontal lines: 95 and 99.5 %. Random first weights.',
      choices: [{ key: 'width', label: 'Width' }],
      ...LARGE,
    },
    alone.length > 0 ? [{ title: 'search', facets: {}, rows: alone }] : panels,
    groups,
  );
}

function fixedFrontiers(study: Analysis): Figure {
  const groups = study.groups.filter((g) => !isRandom(g));
  const searches = study.searches.filter((s) => !isRandom(s));
  const panels = groups.map((group) => ({
    title: group.label,
    facets: {},
    rows: [...searchRows(searchFor(study, group), group), ...methodRows(group)],
  }));
  const alone = searches
    .filter((s) => !groups.some((g) => searchFor(study, g) === s))
    .map((search) => ({ title: `search, ${search.label}`, facets: {}, rows: searchRows(search, null) }));
  return frontierFigure(
    {
      name: 'f3-fixed',
      title: 'F3. The same with first weights given',
      caption:
        'All runs start from one width-16 network’s weights, those of narrower networks from its top-left blocks. The search finds sparser networks this way; a method that finds good masks would too.',
      choices: [],
      ...MEDIUM,
    },
    [...panels, ...alone].filter((p) => p.rows.length > 0),
    groups,
  );
}

function frontierFigure(
  about: Pick<Figure, 'name' | 'title' | 'caption' | 'choices' | 'width' | 'height' | 'columns'>,
  panels: readonly Panel[],
  groups: readonly MethodGroup[],
): Figure {
  const rows = panels.flatMap((p) => p.rows);
  const phases = Object.values(PHASES).filter((s) => rows.some((r) => r.series === s.name));
  const search = rows.some((r) => r.series === SEARCH.name) ? [SEARCH] : [];
  const series = [...search, ...phases, ...seriesOf(groups)];
  const weights = rows.map((r) => Number(r.weights));
  const domain = [Math.max(1, Math.min(...weights) - 0.5), Math.max(...weights) + 1] as const;
  return { ...about, unit: frontierUnit(series, domain), series, panels, table: frontierTable };
}

/** Wider than this there is nothing to see: dense networks of 560 weights do not learn better. */
const WIDEST = 70;

/** What the search found up to the weights that methods kept. */
function searchRows(search: Search | null, group: MethodGroup | null): Row[] {
  if (!search) return [];
  const kept = group?.methods.flatMap((m) => m.budgets.map((b) => b.best.weights)) ?? [];
  const most = Math.max(kept.length > 0 ? 1.15 * Math.max(...kept) : 0, group ? 40 : WIDEST);
  const found = foundBy(search).filter((f) => f.weights <= most);
  const row = (series: Series, kind: string, f: (typeof found)[number]): Row => ({
    ...{ series: series.name, label: kind === 'search' ? `search, ${f.widths.join('-')}` : series.label, kind },
    ...{ weights: f.weights, accuracy: inPercent(f.accuracy), live: f.trained?.live ?? f.weights },
    setting: f.trained ? settingOf(f.trained) : '',
  });
  return [
    ...found.map((f) => row(PHASES[f.phase], 'phase', f)),
    ...frontier(found).map((f) => row(SEARCH, 'search', f)),
  ];
}

const methodRows = ({ methods }: MethodGroup): Row[] =>
  methods.flatMap(({ method, budgets }) =>
    budgets.map(({ budget, best }) => ({
      ...{ series: method, label: methodLabel(method), kind: 'method', weights: best.weights, budget },
      ...{ accuracy: inPercent(best.accuracy), live: best.live, setting: settingOf(best) },
    })),
  );

const inPercent = (x: number) => Number((100 * x).toFixed(3));
const settingOf = ({ rate, schedule }: TrainedNetwork) => `${rate} ${schedule}`;

/** Weights by methods; of the search its best, whichever phase found it. */
function frontierTable({ rows }: Panel) {
  const shown = rows.filter((r) => r.kind !== 'search');
  const best = new Map<string, number>();
  const column = (r: Row) => (r.kind === 'phase' ? 'search' : String(r.label));
  for (const r of shown) {
    const name = `${r.weights} ${column(r)}`;
    best.set(name, Math.max(best.get(name) ?? 0, Number(r.accuracy)));
  }
  const names = [...new Set(shown.map(column))];
  const weights = [...new Set(shown.map((r) => Number(r.weights)))].sort((a, b) => a - b);
  const cell = (n: number, name: string) => {
    const value = best.get(`${n} ${name}`);
    return value === undefined ? NONE : percent(value / 100);
  };
  return {
    head: ['weights', ...names],
    rows: weights.map((n) => [String(n), ...names.map((name) => cell(n, name))]),
  };
}

function byWidth(study: Analysis): Figure {
  const groups = study.groups.filter(isRandom);
  const search = study.searches.find(isRandom) ?? null;
  const methods = seriesOf(groups);
  const panels = TARGETS.flatMap((target): Panel[] => {
    const found = search && sparsest(search, target);
    const own = groups.flatMap(({ width, methods }): Row[] =>
      methods.map((results) => {
        const net = sparsestOf(results, target);
        const row = { series: results.method, label: methodLabel(results.method), kind: 'method', width };
        return net
          ? { ...row, weights: net.weights, live: net.live, accuracy: inPercent(net.accuracy) }
          : { ...row, weights: null };
      }),
    );
    if (own.every((r) => r.weights === null)) return [];
    const floor = found
      ? groups.map(({ width }) => ({
          series: 'search',
          label: 'search',
          kind: 'search',
          width,
          weights: found.weights,
        }))
      : [];
    return [{ title: `for ${targetLabel(target)}`, facets: {}, rows: [...floor, ...own] }];
  });
  const hasSearch = panels.some((p) => p.rows.some((r) => r.kind === 'search'));
  const series = [...(hasSearch ? [{ ...SEARCH, label: 'search' }] : []), ...methods];
  return {
    name: 'f2-width',
    title: 'F2. Fewest weights that reach a target, by width',
    caption:
      'How few weights each method could be left with. A gap is a width at which no run of it reached the target at any budget tried. Wider networks hold more sparse ones to choose from; if methods could choose, lines would fall.',
    unit: widthUnit(series),
    ...MEDIUM,
    series,
    choices: [],
    panels: groups.length > 1 ? panels : [],
    table: widthTable,
  };
}

/** Methods by widths. */
function widthTable({ rows }: Panel) {
  const widths = [...new Set(rows.map((r) => Number(r.width)))];
  const names = [...new Set(rows.map((r) => String(r.label)))];
  const cell = (name: string, width: number) => {
    const weights = rows.find((r) => r.label === name && r.width === width)?.weights;
    return typeof weights === 'number' ? String(weights) : NONE;
  };
  return {
    head: ['', ...widths.map((w) => `width ${w}`)],
    rows: names.map((name) => [name, ...widths.map((w) => cell(name, w))]),
  };
}

function deadWeights({ groups }: Analysis): Figure {
  const series = seriesOf(groups);
  const kinds = [
    { title: 'dead: on no path from an input to the output', value: 'deadFraction' },
    { title: 'of these, fed by biases alone', value: 'biasFedFraction' },
  ] as const;
  const panels = groups.flatMap((group) =>
    kinds.map(
      ({ title, value }): Panel => ({
        title,
        facets: { network: group.label },
        rows: group.methods.flatMap(({ method, budgets }) =>
          budgets.map((b) => ({
            ...{ series: method, label: aboutMethod(method).label, budget: b.budget, share: inPercent(b[value]) },
            ...{ disconnected: inPercent(b.disconnected), runs: b.runs },
          })),
        ),
      }),
    ),
  );
  const budgets = panels.flatMap((p) => p.rows.map((r) => Number(r.budget)));
  const domain = [Math.min(...budgets) - 0.5, Math.max(...budgets) + 1] as const;
  return {
    name: 'f4-dead',
    title: 'F4. Dead weights, by budget',
    caption:
      'Mean over all runs of a budget. A dead weight counts as kept, but no input’s signal passes it on to the output: it is wasted, or at best helps to make a constant.',
    unit: budgetUnit(series, domain),
    ...MEDIUM,
    series,
    choices: [{ key: 'network', label: 'Networks' }],
    panels,
    table: ({ rows }) => ({
      head: ['method', 'budget', '% of weights', '% of runs without a path', 'runs'],
      rows: rows.map((r) => [
        String(r.label),
        String(r.budget),
        fixed(Number(r.share), 1),
        fixed(Number(r.disconnected), 1),
        String(r.runs),
      ]),
    }),
  };
}
