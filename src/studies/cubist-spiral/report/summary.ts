import Table from 'cli-table3';
import pc from 'picocolors';
import { counted } from '../../../report/format.js';
import type { RunRecord } from '../../../store/record.js';
import { withStatus } from '../../check.js';
import { PRUNERS, type Target } from '../types.js';
import { type Analysis, analyseStudy, type MethodGroup, searchFor, sparsest, sparsestOf, TARGETS } from './analysis.js';
import { checks } from './checks.js';
import { coverages } from './coverage.js';
import { compareReferences } from './reference-check.js';
import { methodLabel } from './series.js';
import { answer } from './wording.js';

/** cli-table3 colours its borders even where colour is unwanted. */
const TABLE_STYLE = pc.isColorSupported ? { head: ['bold'], border: ['gray'] } : { head: [], border: [] };

/** For a terminal: fewest weights at 95 and 99.5 % of the search and all methods by width, rows passed, checks held. */
export function summary(_config: unknown, records: ReadonlyMap<string, RunRecord>): string {
  const study = analyseStudy(records);
  const covered = coverages(study.searches, []);
  const tested = checks(study, covered);
  const rows = compareReferences(study).filter((r) => r.passed !== null);
  const missed = withStatus(tested, 'not held').map((c) => c.name);
  const random = study.groups.filter((g) => g.initialisation === 'random');
  const fixed = study.groups.filter((g) => g.initialisation === 'fixed');
  return [
    ...searchLines(study),
    ...(random.length > 0
      ? ['fewest weights at 95 % / 99.5 %, by width:', fewest(study, random, (g) => `${g.width}`, TARGETS)]
      : []),
    ...(fixed.length > 0 ? ['with first weights given:', fixedTable(study, fixed)] : []),
    pc.bold(answer(study, covered).headline),
    ...(rows.length > 0
      ? [`reference: ${rows.filter((r) => r.passed).length} of ${counted(rows.length, 'row')} within tolerance`]
      : []),
    `checks: ${withStatus(tested, 'held').length} of ${tested.length} held, ${missed.length} not held, ${withStatus(tested, 'not testable').length} not testable`,
    ...(missed.length > 0 ? [`not held: ${missed.join(', ')}`] : []),
  ].join('\n');
}

const searchLines = ({ searches }: Analysis): string[] =>
  searches.map((search) => {
    const targets = TARGETS.filter((t) => search.target === null || search.target === t);
    const said = targets.map((t) => {
      const found = sparsest(search, t);
      return `${100 * t} % with ${found ? `${found.weights} weights (${found.parameters} with biases)` : '–'}`;
    });
    return `search, ${search.label}: ${said.join(', ')}`;
  });

/** Rows: the search, then methods; columns: groups, a cell for several targets as `24 / 44`. */
function fewest(
  study: Analysis,
  groups: readonly MethodGroup[],
  head: (group: MethodGroup) => string,
  targets: readonly Target[],
): string {
  const table = new Table({
    head: ['', ...groups.map(head)],
    colAligns: ['left', ...groups.map(() => 'right' as const)],
    style: TABLE_STYLE,
  });
  const cell = (value: (target: Target) => number | undefined) => targets.map((t) => value(t) ?? '–').join(' / ');
  const search = groups.map((g) => {
    const found = searchFor(study, g);
    return cell((t) => (found ? sparsest(found, t)?.weights : undefined));
  });
  table.push(['search', ...search]);
  for (const method of PRUNERS.filter((m) => groups.some((g) => g.methods.some((r) => r.method === m))))
    table.push([
      methodLabel(method),
      ...groups.map((g) => {
        const results = g.methods.find((r) => r.method === method);
        return cell((t) => (results ? sparsestOf(results, t)?.weights : undefined));
      }),
    ]);
  return table.toString();
}

const fixedTable = (study: Analysis, groups: readonly MethodGroup[]): string =>
  TARGETS.map((target) => ({ target, own: groups.filter((g) => g.target === target) }))
    .filter(({ own }) => own.length > 0)
    .map(({ target, own }) => fewest(study, own, (g) => `${100 * target} %, width ${g.width}`, [target]))
    .join('\n');
