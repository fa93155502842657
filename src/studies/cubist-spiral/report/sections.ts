import { count, counted, listed, share } from '../../../report/format.js';
import { details, type Html, html, table } from '../../../report/html.js';
import { card } from '../../../report/picture.js';
import { type Absent, computing, numbers, recordsOf, section } from '../../report-sections.js';
import type { ReportInput } from '../../study.js';
import { PRUNERS } from '../types.js';
import { type Analysis, aimLabel, targetLabel } from './analysis.js';
import { type Coverage, masksOf } from './coverage.js';
import { decisionRegions } from './decision-regions.js';
import { graphDrawing, KEY } from './graph-drawing.js';
import type { Shown } from './nets.js';
import { LEAST_SEEDS, TOLERANCE } from './reference-table.js';
import { aboutMethod } from './series.js';
import { coverageTable, fixedTable, netsTable, referenceTable, widthTables, winnersTable } from './tables.js';

export const QUESTION: Html = html`<p>How few weights can a network have that tells two interlocked spirals of straight segments apart, and how near do pruning methods come? A search trains all masks of small networks; nine methods prune larger ones. After “Sparsest Models Elude Pruning” (Zhang, Papyan, ICML 2024), made anew from its description.</p>`;

/** What the study's checks are. */
export const EXPECTED = 'expectations';
export const CHECKED =
  'What the published study and an independent trainer lead to expect, tested on these records, with the rule that was applied. One that did not hold is a finding or a sign of too few runs; it is not hidden.';

const KINDS: Readonly<Record<string, string>> = {
  reference: 'reference networks',
  structured: 'search, phase 1 (dense networks)',
  masks: 'search, phase 2 (masks)',
  continuation: 'search, beyond phase 2',
  method: 'pruning methods',
};

/** What was run, in numbers. */
export function ranSection(input: ReportInput<unknown>, study: Analysis, missing: readonly Absent[]): Html {
  const done = recordsOf(input);
  const trained = (records: typeof done, key: 'runs' | 'diverged') =>
    records.reduce((sum, r) => sum + (typeof r.result[key] === 'number' ? r.result[key] : 0), 0);
  const kinds = Object.keys(KINDS).filter((kind) => input.plan.some((run) => run.config.kind === kind));
  const rows = kinds.map((kind) => {
    const own = done.filter((r) => r.config.kind === kind);
    const finished = own.filter((r) => r.status === 'finished').length;
    const planned = input.plan.filter((run) => run.config.kind === kind).length;
    return [
      KINDS[kind],
      `${count(finished)} / ${count(planned)}`,
      count(trained(own, 'runs')),
      count(trained(own, 'diverged')),
      computing(own),
    ];
  });
  const methods = PRUNERS.filter((m) => study.groups.some((g) => g.methods.some((r) => r.method === m)));
  return section(
    'ran',
    'What was run',
    numbers([
      [count(trained(done, 'runs')), 'networks trained'],
      [count(trained(done, 'diverged')), 'of these diverged'],
      [`${count(input.plan.length - missing.length)} / ${count(input.plan.length)}`, 'planned blocks finished'],
      [computing(done), 'of computing'],
    ]),
    table(
      [
        { title: 'part', text: true },
        ...['blocks', 'networks trained', 'diverged', 'computing'].map((title) => ({ title })),
      ],
      rows,
    ),
    methods.length > 0 &&
      details(
        `The ${counted(methods.length, 'method')}`,
        table(
          [
            { title: 'method', text: true },
            { title: 'what it does', text: true },
          ],
          methods.map((m) => [aboutMethod(m).label, aboutMethod(m).explained]),
        ),
      ),
    html`<p class="dim">Accuracy is on the 49,982 points that networks are trained on; there are no others. Weights are counted where they are not 0, biases apart. A point in a figure is the best of all runs of its kind, as in the published study.</p>`,
  );
}

export function fewestSection(study: Analysis): Html | null {
  const tables = [...widthTables(study), fixedTable(study)].filter((t) => t !== null);
  if (tables.length === 0) return null;
  return section(
    'fewest',
    'T1. Fewest weights that reach a target',
    html`<p class="caption">Weights that the sparsest network ended with; in brackets those on a path from an input to the output, where some are not. > 65: not reached with any budget up to 65.</p>`,
    tables,
  );
}

export function referenceSection(study: Analysis): Html | null {
  const rows = referenceTable(study);
  if (!rows) return null;
  return section(
    'reference',
    'T2. Dense networks against the reference',
    html`<p class="caption">Is the trainer right? Shares of dense networks that reach an accuracy, and quantiles, beside those of 200 networks by an independent trainer. The distance is the greatest difference of the two distribution functions at the points that the reference gives; within: at most ${TOLERANCE} (of ${LEAST_SEEDS} networks or more), and shares within bounds of their own where there are some.</p>`,
    rows,
  );
}

export function coverageSection(study: Analysis, covered: readonly Coverage[]): Html | null {
  if (study.searches.length + covered.length === 0) return null;
  return section(
    'coverage',
    'T3. What the search covered',
    html`<p class="caption">Phase 1 trains dense networks and keeps the smallest that reaches the target. Phase 2 trains masks within it: every unit keeps a weight on either side, the last layer and all biases stay, masks that differ by the order of units count once.</p>`,
    winnersTable(study),
    covered.map(coveragePart),
  );
}

function coveragePart(c: Coverage): Html {
  const rows = coverageTable(c);
  const { there, done } = masksOf(c);
  const beyond =
    c.slices > 0 &&
    ` Beyond it, best-first: ${counted(c.slices, 'slice')}, ${count(c.classes.reduce((n, k) => n + k.continued, 0))} more masks trained, ${count(c.waiting)} waiting.`;
  const text = c.widths
    ? `${count(done)} of ${count(there)} masks trained, ${counted(c.runs, 'network')} in all; ${count(c.finished)} of ${count(c.parts)} blocks of phase 2 finished${c.truncated ? ', which leaves masks out by plan' : ''}.`
    : 'Phase 1 has no winner whose masks could be searched.';
  return html`<h3>${aimLabel(c.search, c.target)}${c.widths && `, within ${c.widths.join('-')}`}</h3>
<p>${text}${beyond}</p>
${rows && details('By number of weights', rows)}`;
}

/** Draws a network, and writes both pictures. */
export async function drawNet(
  net: Shown,
  write: (picture: ReturnType<typeof decisionRegions>) => Promise<Html>,
): Promise<Html> {
  const { name, title, trained, target, reached } = net;
  const what = `${title}: ${trained.weights} weights, ${share(Number(trained.accuracy.toFixed(4)))}`;
  const pictures = [
    decisionRegions(`${name}-regions`, `Decision regions. ${what}`, trained.network),
    graphDrawing(`${name}-graph`, `Graph. ${what}`, trained.network),
  ];
  const [regions, graph] = [await write(pictures[0]), await write(pictures[1])];
  return card(
    html`${title}`,
    pictures,
    html`<p class="caption">${trained.weights} weights${trained.live < trained.weights && ` (${trained.live} live)`}, ${trained.parameters} with biases; ${share(Number(trained.accuracy.toFixed(4)))}${!reached && ` (none reaches ${targetLabel(target)})`}. Regions: ${regions} · Graph: ${graph}</p>`,
  );
}

/** Networks that the search found, and those that methods left, as pictures. */
export function netsSection(
  id: string,
  title: string,
  caption: string,
  nets: readonly Shown[],
  boxes: readonly Html[],
): Html | null {
  if (nets.length === 0) return null;
  const targets = [...new Set(nets.map((n) => n.target))];
  const of = (target: number) => boxes.filter((_, i) => nets[i].target === target);
  return section(
    id,
    title,
    html`<p class="caption">${caption}</p>`,
    KEY,
    targets.map((t) => html`<h3>${targetLabel(t)}</h3><div class="panels cards">${of(t)}</div>`),
    details('The networks in numbers', netsTable(nets)),
  );
}

export const SEARCH_NETS =
  'What each network says of every point of the plane, with the two spirals (class 1 dashed), and its weights: point at a line for its value. The sparsest network that reaches the target, or the best found where none does.';
export const methodNetsCaption = (missing: readonly string[]): string =>
  `The sparsest network of each method that reaches the target, at whichever width that was.${missing.length > 0 ? ` Not reached: ${listed(missing)}.` : ''}`;
