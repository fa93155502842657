import { count, fixed, NONE, percent } from '../../../report/format.js';
import { type Html, html, table } from '../../../report/html.js';
import { PRUNERS, type Target, type TrainedNetwork } from '../types.js';
import {
  type Analysis,
  aimLabel,
  type MethodGroup,
  searchFor,
  sparsest,
  sparsestOf,
  TARGETS,
  targetLabel,
  winner,
} from './analysis.js';
import type { ClassCoverage, Coverage } from './coverage.js';
import type { Shown } from './nets.js';
import { compareReferences, type ReferenceComparison } from './reference-check.js';
import { methodLabel } from './series.js';

/** `26`, or `26 (24 live)` where some are dead. */
const weightsOf = ({ weights, live }: Pick<TrainedNetwork, 'weights' | 'live'>): string =>
  live < weights ? `${weights} (${live} live)` : String(weights);

/** Fewest weights for a target: the search and methods by the groups' columns. */
function fewestTable(
  study: Analysis,
  groups: readonly MethodGroup[],
  head: (group: MethodGroup) => string,
  target: (group: MethodGroup) => Target,
  caption: string,
): Html | null {
  if (groups.length === 0) return null;
  const search = groups.map((g) => {
    const found = searchFor(study, g);
    const best = found && sparsest(found, target(g));
    return best ? weightsOf(best.trained ?? { weights: best.weights, live: best.weights }) : NONE;
  });
  const methods = PRUNERS.filter((m) => groups.some((g) => g.methods.some((r) => r.method === m)));
  const rows = methods.map((method) => [
    methodLabel(method),
    ...groups.map((g) => {
      const results = g.methods.find((r) => r.method === method);
      if (!results) return NONE;
      const net = sparsestOf(results, target(g));
      return net ? weightsOf(net) : `> ${results.budgets[results.budgets.length - 1].budget}`;
    }),
  ]);
  const columns = [{ title: '', text: true }, ...groups.map((g) => ({ title: head(g) }))];
  return table(columns, [['search', ...search], ...rows], caption);
}

/** With random first weights: a table for each target, by width. */
export const widthTables = (study: Analysis): readonly (Html | null)[] =>
  TARGETS.map((target) =>
    fewestTable(
      study,
      study.groups.filter((g) => g.initialisation === 'random'),
      (g) => `width ${g.width}`,
      () => target,
      `Fewest weights that reach ${targetLabel(target)}, by width`,
    ),
  );

/** With given first weights: each group for the target that they are for. */
export const fixedTable = (study: Analysis): Html | null =>
  fewestTable(
    study,
    study.groups.filter((g) => g.initialisation === 'fixed'),
    (g) => `${targetLabel(g.target!)}, width ${g.width}`,
    (g) => g.target!,
    'Fewest weights with first weights given, for the target that they are for',
  );

/** Dense networks beside the reference table. */
export function referenceTable(study: Analysis): Html | null {
  const rows = compareReferences(study);
  if (rows.length === 0) return null;
  const columns = [
    { title: 'dense network', text: true },
    { title: 'networks' },
    ...['≥ 95 %', '≥ 99.5 %', '≤ 55 %', 'p10', 'p50', 'p90', 'best'].map((title) => ({ title })),
    { title: 'distance' },
    { title: 'within' },
  ];
  return table(columns, rows.map(referenceRow), 'Measured, and below it the reference');
}

function referenceRow({ label, seeds, measured: m, expected: e, distance, passed }: ReferenceComparison) {
  const both = (own: string, other: string) => html`${own}<br><span class="dim">${other}</span>`;
  return [
    label,
    count(seeds),
    both(fixed(m.good), fixed(e.good)),
    both(fixed(m.perfect), fixed(e.perfect)),
    both(fixed(m.dead), fixed(e.dead)),
    both(fixed(m.p10), NONE),
    both(fixed(m.median), fixed(e.median)),
    both(fixed(m.p90), fixed(e.p90)),
    both(fixed(m.max, 4), fixed(e.max, 4)),
    fixed(distance),
    passed === null ? 'too few' : passed ? '✓' : '✗',
  ];
}

/** Phase 1: how many dense networks reach a target, and the smallest. */
export function winnersTable(study: Analysis): Html | null {
  const rows = study.searches
    .filter((s) => s.triples.length > 0)
    .flatMap((search) =>
      TARGETS.filter((t) => search.target === null || search.target === t).map((target) => {
        const best = winner(search, target);
        const reaching = search.triples.filter((t) => t.accuracy >= target).length;
        return [
          aimLabel(search, target),
          count(search.triples.length),
          count(reaching),
          ...(best
            ? [best.widths.join('-'), String(best.weights), String(best.parameters), percent(best.accuracy, 2)]
            : [NONE, NONE, NONE, NONE]),
        ];
      }),
    );
  if (rows.length === 0) return null;
  const head = ['networks tried', 'reach it', 'smallest', 'weights', 'with biases', 'accuracy'];
  return table([{ title: 'target', text: true }, ...head.map((title) => ({ title }))], rows, 'Phase 1: dense networks');
}

/** Phase 2, a row a number of weights. */
export function coverageTable({ classes, slices }: Coverage): Html | null {
  if (classes.length === 0) return null;
  const row = (c: Omit<ClassCoverage, 'weights'>, weights: string) => [
    weights,
    count(c.candidates),
    count(c.planned),
    count(c.trained),
    ...(slices > 0 ? [count(c.continued)] : []),
    percent(c.candidates === 0 ? null : (c.trained + c.continued) / c.candidates),
    count(c.runs),
    count(c.reached),
    percent(c.best, 2),
  ];
  const sum = (value: (c: ClassCoverage) => number) => classes.reduce((total, c) => total + value(c), 0);
  const total = {
    candidates: sum((c) => c.candidates),
    planned: sum((c) => c.planned),
    trained: sum((c) => c.trained),
    continued: sum((c) => c.continued),
    runs: sum((c) => c.runs),
    reached: sum((c) => c.reached),
    best: Math.max(...classes.map((c) => c.best ?? 0)) || null,
  };
  const head = ['masks there are', 'planned', 'trained', ...(slices > 0 ? ['beyond'] : []), 'share', 'runs'];
  const columns = ['weights', ...head, 'runs that reached it', 'best accuracy'].map((title) => ({ title }));
  return table(columns, [...classes.map((c) => row(c, String(c.weights))), row(total, 'all')]);
}

/** What drawn networks are, in numbers. */
export function netsTable(nets: readonly Shown[]): Html {
  const head = ['weights', 'with biases', 'live', 'fed by biases', 'paths', 'accuracy', 'rate', 'schedule'];
  return table(
    [{ title: 'found by', text: true }, { title: 'target' }, ...head.map((title) => ({ title }))],
    nets.map(({ title, target, trained: t }) => [
      title,
      targetLabel(target),
      String(t.weights),
      String(t.parameters),
      String(t.live),
      String(t.biasFed),
      count(t.paths),
      percent(t.accuracy, 2),
      String(t.rate),
      t.schedule,
    ]),
  );
}
