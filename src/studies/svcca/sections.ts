import { choiceOf } from '../../report/figure-html.js';
import { count, counted, duration, fixed, listed, share } from '../../report/format.js';
import { type Content, details, type Html, html, list, raw, table } from '../../report/html.js';
import type { RunRecord } from '../../store/record.js';
import type { ReportInput } from '../study.js';
import type { NetworkAnalysis } from './analyse.js';
import type { Case, Check } from './check.js';
import { EXPLAINED } from './methods.js';
import type { Absent } from './runs.js';
import { accuracyTable, floorTable, leftOut, savingsTable, verdictTable } from './tables.js';
import { METHODS } from './types.js';
import type { Answer } from './wording.js';

const section = (id: string, title: string, ...content: readonly Content[]): Html =>
  html`<section id="${id}">\n<h2>${title}</h2>\n${content}\n</section>\n`;

export const networkChoice = (name: string, nets: readonly NetworkAnalysis[]): Html =>
  html`<div class="controls">${choiceOf(
    name,
    'net',
    'Network',
    nets.map((net) => net.label),
  )}</div>`;

export const QUESTION: Html = html`<p>When a trained network is pruned and fine-tuned, does it keep the representations that it had, in fewer weights (compression), or does it become another network that happens to solve the same task (evolution)? After “Is Pruning Compression?” (Blakeney, Yan, Zong, WACV 2020): a designed reproduction of its questions, not of its tables.</p>`;

export const answerSection = ({ headline, paragraphs }: Answer, checks: readonly Check[]): Html => {
  const tested = checks.filter((c) => c.status !== 'not testable');
  const held = tested.filter((c) => c.status === 'held').length;
  return html`<section class="answer" id="answer">
<h2>${headline}</h2>
${paragraphs.map((text, i) => html`<p${i === 0 && raw(' class="first"')}>${text}</p>\n`)}
<p>Of the ${checks.length} orderings that the method expects, ${held} held, ${tested.length - held} did not, and ${checks.length - tested.length} could not be tested; <a href="#checks">see below</a>.</p>
</section>\n`;
};

/** What was run, in numbers. */
export function ranSection(
  input: ReportInput<unknown>,
  nets: readonly NetworkAnalysis[],
  missing: readonly Absent[],
): Html {
  const all = nets.flatMap((net) => [...net.runs, ...net.variants]);
  const methods = METHODS.filter((m) => all.some((r) => r.config.method === m));
  const sparsities = [...new Set(nets.flatMap((net) => net.sparsities))].sort((a, b) => a - b);
  const parents = Math.max(0, ...nets.map((net) => new Set(net.runs.flatMap((r) => r.config.parent ?? [])).size));
  const records = recordsOf(input);
  const seconds = records.reduce((sum, r) => sum + r.about.seconds, 0);
  const comparisons = nets.reduce((sum, net) => sum + net.comparisons.length, 0);
  const figure = (value: string, name: string) => html`<div><b>${value}</b><span>${name}</span></div>`;
  const data = all[0]?.config.data;
  return section(
    'ran',
    'What was run',
    html`<div class="numbers">${[
      figure(count(all.length), 'networks trained or pruned'),
      figure(count(comparisons), 'comparisons of two networks'),
      figure(String(parents), 'dense parents a network'),
      figure(`${count(input.plan.length - missing.length)} / ${count(input.plan.length)}`, 'planned runs finished'),
      figure(duration(seconds), 'of computing'),
    ]}</div>
<dl>
<dt>Networks</dt><dd>${listed(nets.map((net) => net.label)) || 'none finished'}</dd>
<dt>Sparsities</dt><dd>${listed(sparsities.map(share)) || '–'}</dd>
<dt>Data</dt><dd>${
      data
        ? Object.entries(data)
            .map(([key, value]) => `${key} ${JSON.stringify(value)}`.replaceAll('"', ''))
            .join(', ')
        : '–'
    }</dd>
</dl>`,
    table(
      [
        { title: 'method', text: true },
        { title: 'what it is', text: true },
      ],
      methods.map((m) => [m, EXPLAINED[m]]),
    ),
    html`<p class="dim">Intervals are 95 % Student t intervals over parents: children of one parent are averaged first, since they are not independent. ± is one standard deviation over all seeds. Similarities are of rectified activations on held-out test images, averaged over layers where one number is given.</p>`,
  );
}

const recordsOf = ({ plan, records }: Pick<ReportInput<unknown>, 'plan' | 'records'>): RunRecord[] =>
  plan.flatMap((run) => records.get(run.id) ?? []);

export const accuracySection = (nets: readonly NetworkAnalysis[]): Html =>
  section(
    't1',
    'T1. Accuracy',
    html`<p class="caption">Test accuracy of every method at every sparsity. Compare M1 with D for what pruning costs, M3 with M2 for whether the mask’s structure matters, and both with M1 for whether the surviving weights do.</p>`,
    networkChoice('tables', nets),
    nets.map(accuracyTable),
    details('Weights kept, compression, theoretical speed-up, size', nets.map(savingsTable)),
  );

export function verdictSection(nets: readonly NetworkAnalysis[]): Html {
  const out = leftOut(nets);
  return section(
    'verdict-table',
    'Verdict, under every measure',
    html`<p class="caption">s is SVCCA averaged over layers, ± one standard deviation. evo is 0 where M1 is as its parent, 1 where it is as far from it as a dense network of another seed is.</p>`,
    verdictTable(nets),
    out.length > 0 &&
      html`<p class="dim">Left out of evo, since unrelated networks are alike there to within 0.02: ${listed(out)}.</p>`,
  );
}

export const floorSection = (nets: readonly NetworkAnalysis[]): Html =>
  section(
    'floors',
    'Noise floors',
    html`<p class="caption">Two floors: D′, dense networks of other seeds, which share the task and the data; and Gaussian noise of the same shape, which shares nothing. A similarity near the second says nothing at all.</p>`,
    networkChoice('tables', nets),
    nets.map(floorTable),
  );

const MARKS = { held: 'held', 'not held': 'missed', 'not testable': 'open' } as const;
const SIGNS = { held: '✓ ', 'not held': '✗ ', 'not testable': '○ ' } as const;

export const checksSection = (checks: readonly Check[]): Html =>
  section(
    'checks',
    'Expected orderings',
    html`<p class="caption">What the method says should come out, tested on these records under SVCCA, with the tolerance that was applied. A claim that did not hold is a finding or a sign of too little training or too few seeds; it is not hidden.</p>`,
    html`<ul class="checks">${checks.map(checkItem)}</ul>`,
  );

function checkItem({ claim, rule, status, evidence }: Check): Html {
  const held = evidence.filter((e) => e.held).length;
  const cases =
    evidence.length > 0 && details(`${held} of ${counted(evidence.length, 'case')}`, evidenceTable(evidence));
  return html`<li><span class="status ${MARKS[status]}">${SIGNS[status]}${status}</span><div><p>${claim}.</p><p class="dim">${rule}</p>${cases}</div></li>\n`;
}

function evidenceTable(evidence: readonly Case[]): Html {
  const rows = evidence.map((e) => [
    e.where,
    Object.entries(e.values)
      .map(([name, value]) => `${name}: ${number(value)}`)
      .join(' · '),
    e.held ? '✓' : '✗',
  ]);
  return table([{ title: 'where', text: true }, { title: 'numbers', text: true }, { title: '' }], rows);
}

/** Enough digits to see what a check saw. */
export const number = (x: number): string =>
  x !== 0 && Math.abs(x) < 0.001 ? x.toExponential(1) : fixed(x, Math.abs(x) >= 10 ? 1 : 3);

/** Runs without a result. */
export function absentSection(missing: readonly Absent[]): Html {
  const of = (reason: Absent['reason']) => missing.filter((m) => m.reason === reason);
  const [diverged, blocked, open] = [of('diverged'), of('blocked'), of('missing')];
  if (missing.length === 0)
    return section('absent', 'Missing and diverged runs', html`<p>None: every planned run is finished.</p>`);
  const names = (runs: readonly Absent[], title: string) =>
    runs.length > 0 && details(`${title}: ${counted(runs.length, 'run')}`, list(runs.map((run) => run.label)));
  return section(
    'absent',
    'Missing and diverged runs',
    html`<p class="caption">Nothing here is filled in: means are over what is finished.</p>`,
    diverged.length > 0 &&
      table(
        [{ title: 'diverged', text: true }, { title: 'at step' }],
        diverged.map((run) => [run.label, run.step === null ? '–' : count(run.step)]),
      ),
    names(blocked, 'Blocked by those'),
    names(open, 'Not run yet'),
  );
}

export function reproduceSection(input: ReportInput<unknown>, png: string | null): Html {
  const records = recordsOf(input);
  const distinct = (value: (r: RunRecord) => string) => listed([...new Set(records.map(value))].sort()) || '–';
  const started = records.map((r) => r.about.started).sort();
  return section(
    'reproduce',
    'How to reproduce it',
    html`<pre><code>${input.command}</code></pre>
<dl>
<dt>Configuration</dt><dd><code>${input.hash}</code></dd>
<dt>secateur</dt><dd>${input.version}</dd>
<dt>Adapter</dt><dd>${distinct((r) => r.about.adapter)}</dd>
<dt>Driver</dt><dd>${distinct((r) => r.about.driver)}</dd>
<dt>Run</dt><dd>${started.length > 0 ? `${when(started[0])} to ${when(started[started.length - 1])}` : '–'}</dd>
<dt>Raw data</dt><dd><a href="results.jsonl">results.jsonl</a> (one line a run), <a href="study.json">study.json</a> (configuration), figures as SVG, PNG and CSV in <a href="figures/">figures/</a></dd>
</dl>`,
    png && html`<p class="dim">${png}</p>`,
    details('Configuration', html`<pre><code>${JSON.stringify(input.config, null, 2)}</code></pre>`),
    raw(
      '<p class="dim">The same command on the same adapter gives the same numbers; other adapters round differently, and training amplifies that.</p>',
    ),
  );
}

const when = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
