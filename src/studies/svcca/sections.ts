import { choiceOf } from '../../report/figure-html.js';
import { count, listed, share } from '../../report/format.js';
import { details, type Html, html, table } from '../../report/html.js';
import { type Absent, computing, numbers, recordsOf, section } from '../report-sections.js';
import type { ReportInput } from '../study.js';
import type { NetworkAnalysis } from './analyse.js';
import { EXPLAINED } from './methods.js';
import { accuracyTable, floorTable, leftOut, savingsTable, verdictTable } from './tables.js';
import { METHODS } from './types.js';

export const networkChoice = (name: string, nets: readonly NetworkAnalysis[]): Html =>
  html`<div class="controls">${choiceOf(
    name,
    'net',
    'Network',
    nets.map((net) => net.label),
  )}</div>`;

export const QUESTION: Html = html`<p>When a trained network is pruned and fine-tuned, does it keep the representations that it had, in fewer weights (compression), or does it become another network that happens to solve the same task (evolution)? After “Is Pruning Compression?” (Blakeney, Yan, Zong, WACV 2020): a designed reproduction of its questions, not of its tables.</p>`;

/** What the study's checks are. */
export const EXPECTED = 'orderings that the method expects';
export const CHECKED =
  'What the method says should come out, tested on these records under SVCCA, with the tolerance that was applied. A claim that did not hold is a finding or a sign of too little training or too few seeds; it is not hidden.';

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
  const comparisons = nets.reduce((sum, net) => sum + net.comparisons.length, 0);
  const data = all[0]?.config.data;
  return section(
    'ran',
    'What was run',
    numbers([
      [count(all.length), 'networks trained or pruned'],
      [count(comparisons), 'comparisons of two networks'],
      [String(parents), 'dense parents a network'],
      [`${count(input.plan.length - missing.length)} / ${count(input.plan.length)}`, 'planned runs finished'],
      [computing(recordsOf(input)), 'of computing'],
    ]),
    html`
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
