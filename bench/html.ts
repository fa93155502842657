import { series } from './crossover.js';
import { crossoverCharts } from './crossover-chart.js';
import { digits } from './rates.js';
import { crossoverLines, heading, kernelLines, resultColumns, resultLines } from './report.js';
import type { Report } from './report-data.js';
import { rooflineChart } from './roofline-chart.js';
import { escapeXml } from './svg.js';

/** Light and dark, by the reader's setting; nothing is loaded from elsewhere. */
const STYLE = `
:root { color-scheme: light dark; --text: #222; --dim: #666; --rule: #ddd; --page: #fff; --even: #999;
  --c0: #1b7f4d; --c1: #c2410c; --c2: #1d4ed8; --c3: #a21caf; --c4: #0e7490; --c5: #b45309; --c6: #4d7c0f; --c7: #be123c }
@media (prefers-color-scheme: dark) { :root { --text: #ddd; --dim: #999; --rule: #3a3f44; --page: #16181a; --even: #888;
  --c0: #4ade80; --c1: #fb923c; --c2: #60a5fa; --c3: #e879f9; --c4: #22d3ee; --c5: #fbbf24; --c6: #a3e635; --c7: #fb7185 } }
body { font: 14px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 1100px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.4em } h2 { font-size: 1.15em; margin-top: 2em } .dim { color: var(--dim) }
.charts { display: flex; flex-wrap: wrap; gap: 1.5em } svg { max-width: 100%; height: auto }
svg text { font: 12px system-ui, sans-serif; fill: var(--text) } svg .title { font-weight: 600 } svg .tick { fill: var(--dim); font-size: 11px }
.grid { stroke: var(--rule); stroke-width: 1 } .even { stroke: var(--even); stroke-dasharray: 5 4 } .roof { stroke: var(--even); stroke-width: 2; fill: none }
.ring { fill: none; stroke: var(--text); stroke-width: 1.2 } .dot { fill-opacity: .75 }
${Array.from({ length: 8 }, (_, i) => `.s${i} { fill: var(--c${i}); stroke: var(--c${i}) }`).join(' ')}
.line { fill: none; stroke-width: 2 }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } .wide { overflow-x: auto }
th, td { padding: .15em .7em; text-align: right; white-space: nowrap } th { border-bottom: 1px solid var(--rule); font-weight: 600 }
th.name, td.name { text-align: left } tr.first td { border-top: 1px solid var(--rule) } tr.engine td.name + td.name { font-weight: 600 } td.note { text-align: left; color: var(--dim) }
`;

/** One page with everything that a report says, readable without any other file. */
export function htmlReport(report: Report): string {
  const suites = report.suites.map((suite) => suiteSection(report, suite));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>secateur bench: ${escapeXml(report.suites.join(', '))}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>secateur bench: ${escapeXml(report.suites.join(', '))}</h1>
<p>${heading(report).split('\n').map(escapeXml).join('<br>')}</p>
<p class="dim">${escapeXml(report.started)}, ${digits(report.seconds)} s${report.quick ? ', a quick run: few samples' : ''}</p>
${suites.join('\n')}
${howMeasured()}
${environmentSection(report)}
</body>
</html>
`;
}

function suiteSection(report: Report, suite: string): string {
  const rows = report.rows.filter((r) => r.suite === suite);
  const part = { ...report, rows, crossovers: report.crossovers.filter((c) => c.suite === suite) };
  const charts = crossoverCharts(series(rows));
  const roofline = rooflineChart(suite, rows, report.roofline);
  const list = (lines: readonly string[]) => `<ul>${lines.map((l) => `<li>${escapeXml(l)}</li>`).join('')}</ul>`;
  const sections = [`<h2>${escapeXml(suite)}</h2>`];
  if (charts.length > 0)
    sections.push(
      `<p>Time relative to ${escapeXml(String(rows.find((r) => r.reference)?.reference))} (below the dashed line is faster; rings mark break-even).</p>`,
      `<div class="charts">${charts.join('\n')}</div>`,
      list(crossoverLines(part)),
    );
  if (roofline) sections.push(roofline);
  sections.push(`<div class="wide">${table(part)}</div>`);
  const kernels = kernelLines(part);
  if (kernels.length > 0) sections.push('<p>GPU time by kernel (dispatches):</p>', list(kernels));
  return sections.join('\n');
}

function table(report: Pick<Report, 'rows' | 'roofline'>): string {
  const columns = resultColumns(report);
  const head = [
    ...['case', 'candidate'].map((c) => `<th class="name">${c}</th>`),
    ...columns.map((c) => `<th>${escapeXml(c)}</th>`),
  ];
  let last = '';
  const body = resultLines(report).map(({ row, cells, note }) => {
    const first = row.case !== last;
    last = row.case;
    const rest =
      note === undefined
        ? cells.map((c) => `<td>${escapeXml(c)}</td>`).join('')
        : `<td class="note" colspan="${columns.length}">${escapeXml(note)}</td>`;
    const names = [first ? row.case : '', row.candidate].map((n) => `<td class="name">${escapeXml(n)}</td>`).join('');
    return `<tr class="${first ? 'first ' : ''}${row.kind}">${names}${rest}</tr>`;
  });
  return `<table><thead><tr>${head.join('')}</tr></thead>\n<tbody>\n${body.join('\n')}\n</tbody></table>`;
}

function howMeasured(): string {
  return `<h2>How it was measured</h2>
<ul>
<li>Every candidate's result was held against float64 on the host first; one that is wrong has no times.</li>
<li>The candidates of a case were warmed up, then sampled in turn, so that other work on the machine met all alike.</li>
<li>Median, 10th and 90th percentile of wall time over n samples, each a batch of calls of 10 ms or more.</li>
<li>GPU: median of the sums of the dispatches' timestamps. Rates, ratios and break-evens use it where both sides have it.</li>
<li>Roofs: multiply-adds from registers alone, and a large copy, both measured at the start and end of this run; bytes are those that must move at the least.</li>
<li>Break-even: logarithm of the time ratio taken as linear in the logarithm of the density between two measured points.</li>
</ul>`;
}

function environmentSection({ environment, peers, load, roofline }: Report): string {
  const facts = JSON.stringify({ ...environment, load, roofline: roofline.detail, peers }, null, 2);
  return `<details><summary>Environment</summary><pre>${escapeXml(facts)}</pre></details>`;
}
