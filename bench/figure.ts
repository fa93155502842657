import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Report } from './report-data.js';
import { readReport } from './report-file.js';
import { escapeXml } from './svg.js';

/**
 * Draws a result file as one SVG: for a few cases, how many times longer every library takes than the fastest of
 * them, on a logarithmic axis. Readable on light and dark pages.
 *
 *   tsx bench/figure.ts bench/results/x.json bench/results/x.svg
 */
const CASES: readonly [title: string, pattern: RegExp][] = [
  ['matmul 512', /^matmul 512$/],
  ['matmul 1024', /^matmul 1024$/],
  ['MLP step', /^step: MLP/],
  ['ConvNet step', /^step: ConvNet/],
  ['ResNet-20 step, batch 32', /^step: ResNet-20.*batch 32$/],
];

const ROW = 17;
const GAP = 16;
const LEFT = 280;
const WIDTH = 790;

export function figure(report: Report): string {
  const groups = CASES.flatMap(([title, pattern]) => {
    const rows = report.rows.filter((r) => pattern.test(r.case) && r.wall);
    return rows.length > 1 ? [{ title, rows }] : [];
  });
  const most = Math.max(...groups.flatMap(({ rows }) => rows.map((r) => r.wall!.median / least(rows))));
  const scale = (WIDTH - LEFT - 90) / Math.log10(Math.max(10, most * 1.1) * 2);
  const bars: string[] = [];
  let y = 34;
  for (const { title, rows } of groups) {
    bars.push(`<text x="8" y="${y + 12}" class="title">${escapeXml(title)}</text>`);
    for (const r of rows) {
      const times = r.wall!.median / least(rows);
      const length = Math.max(3, Math.log10(times * 2) * scale);
      const kind = r.kind === 'engine' ? 'ours' : 'peer';
      bars.push(
        `<text x="${LEFT - 8}" y="${y + 12}" class="name ${kind}" text-anchor="end">${escapeXml(r.candidate)}</text>`,
        `<rect x="${LEFT}" y="${y + 2}" width="${length.toFixed(1)}" height="${ROW - 4}" rx="2" class="${kind}"/>`,
        `<text x="${(LEFT + length + 6).toFixed(1)}" y="${y + 12}" class="value">${show(r.wall!.median)} ms</text>`,
      );
      y += ROW;
    }
    y += GAP;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 6}" width="${WIDTH}" role="img" aria-label="Times of one call by library">
<style>
text { font: 12px system-ui, sans-serif; fill: #333 }
.title { font-weight: 600 } .value { fill: #666 } .name.ours { font-weight: 600 }
rect.ours { fill: #2a7f4f } rect.peer { fill: #b9c2cc }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .value { fill: #aaa } rect.ours { fill: #4fbf83 } rect.peer { fill: #5b6570 } }
</style>
<text x="8" y="16" class="value">Median time of one call, logarithmic. ${escapeXml(report.environment.adapter.description || report.environment.adapter.name)}</text>
${bars.join('\n')}
</svg>
`;
}

const least = (rows: Report['rows']): number => Math.min(...rows.map((r) => r.wall!.median));
const show = (ms: number): string => (ms >= 100 ? ms.toFixed(0) : ms.toPrecision(3));

const { positionals } = parseArgs({ allowPositionals: true });
if (positionals.length !== 2) {
  console.error('usage: tsx bench/figure.ts <results.json> <figure.svg>');
  process.exit(2);
}
writeFileSync(positionals[1], figure(readReport(positionals[0])));
