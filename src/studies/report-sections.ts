import { count, counted, duration, fixed, listed } from '../report/format.js';
import { type Content, details, type Html, html, list, raw, table } from '../report/html.js';
import type { RunRecord, RunSpec } from '../store/record.js';
import { type Case, type Check, withStatus } from './check.js';
import type { ReportInput } from './study.js';

/** Sections that the reports of all studies have. */

export const section = (id: string, title: string, ...content: readonly Content[]): Html =>
  html`<section id="${id}">\n<h2>${title}</h2>\n${content}\n</section>\n`;

/** What the records answer, in words that the numbers choose. */
export interface Answer {
  readonly headline: string;
  readonly paragraphs: readonly string[];
}

/** @param expected what the checks are, as in "orderings that the method expects" */
export const answerSection = ({ headline, paragraphs }: Answer, checks: readonly Check[], expected: string): Html => {
  const [held, missed, open] = (['held', 'not held', 'not testable'] as const).map((s) => withStatus(checks, s).length);
  return html`<section class="answer" id="answer">
<h2>${headline}</h2>
${paragraphs.map((text, i) => html`<p${i === 0 && raw(' class="first"')}>${text}</p>\n`)}
<p>Of the ${checks.length} ${expected}, ${held} held, ${missed} did not, and ${open} could not be tested; <a href="#checks">see below</a>.</p>
</section>\n`;
};

/** A few large numbers beside one another. */
export const numbers = (items: readonly (readonly [value: string, name: string])[]): Html =>
  html`<div class="numbers">${items.map(([value, name]) => html`<div><b>${value}</b><span>${name}</span></div>`)}</div>`;

/** Records of planned runs, in the plan's order. */
export const recordsOf = ({ plan, records }: Pick<ReportInput<unknown>, 'plan' | 'records'>): RunRecord[] =>
  plan.flatMap((run) => records.get(run.id) ?? []);

/** Time that all runs took together. */
export const computing = (records: readonly RunRecord[]): string =>
  duration(records.reduce((sum, r) => sum + r.about.seconds, 0));

const MARKS = { held: 'held', 'not held': 'missed', 'not testable': 'open' } as const;
const SIGNS = { held: '✓ ', 'not held': '✗ ', 'not testable': '○ ' } as const;

export const checksSection = (title: string, caption: Content, checks: readonly Check[]): Html =>
  section(
    'checks',
    title,
    html`<p class="caption">${caption}</p>`,
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
const number = (x: number): string =>
  Number.isInteger(x) ? count(x) : Math.abs(x) < 0.001 ? x.toExponential(1) : fixed(x, Math.abs(x) >= 10 ? 1 : 3);

/** A planned run that left nothing to show, and why. */
export interface Absent {
  readonly label: string;
  readonly reason: 'missing' | 'diverged' | 'blocked';
  /** Where it diverged. */
  readonly step: number | null;
}

/** Planned runs that are not finished, in the plan's order. */
export const absent = (
  plan: readonly RunSpec[],
  records: ReadonlyMap<string, RunRecord>,
  label: (run: RunSpec) => string,
): readonly Absent[] =>
  plan.flatMap((run): Absent[] => {
    const record = records.get(run.id);
    if (record?.status === 'finished') return [];
    const step = record?.result.divergedAt;
    return [{ label: label(run), reason: record?.status ?? 'missing', step: typeof step === 'number' ? step : null }];
  });

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

/** @param png why figures are not there as PNG, if they are not */
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
