import type { Row } from './harness.js';
import { digits, workMs } from './rates.js';
import type { Roofline } from './roofline.js';
import { escapeXml, legend, line, logScale, logTicks, mark, seriesClass, text } from './svg.js';

const WIDTH = 900;
const HEIGHT = 420;
const [LEFT, RIGHT, TOP, BOTTOM] = [60, 12, 28, 44];

/** A measured row by its work: operations a byte, and rate. */
interface Dot {
  row: Row;
  intensity: number;
  gflops: number;
}

function dots(rows: readonly Row[]): Dot[] {
  return rows.flatMap((row) => {
    const ms = workMs(row);
    if (!row.cost?.flops || !row.cost.bytes || !ms || row.kind === 'peer') return [];
    return [{ row, intensity: row.cost.flops / row.cost.bytes, gflops: row.cost.flops / ms / 1e6 }];
  });
}

/**
 * Rates over operations a byte, both logarithmic, under the roofs measured in the same run. null where no row of the
 * suite has both counts.
 */
export function rooflineChart(suite: string, rows: readonly Row[], roofline: Roofline): string | null {
  const all = dots(rows);
  if (all.length === 0) return null;
  const ridge = roofline.gflops / roofline.gbps;
  const intensities = [ridge, ...all.map((d) => d.intensity)];
  const [left, right] = [Math.min(...intensities) / 2, Math.max(...intensities) * 2];
  const rates = [roofline.gflops, ...all.map((d) => d.gflops)];
  const [low, high] = [Math.min(...rates) / 1.5, Math.max(...rates) * 1.5];
  const x = logScale(left, right, LEFT, WIDTH - RIGHT);
  const y = logScale(low, high, HEIGHT - BOTTOM, TOP);

  const parts = [text(LEFT, 16, `${suite}: rates under the roofs`, 'class="title"')];
  for (const tick of logTicks(left, right, 14))
    parts.push(
      line(x(tick), TOP, x(tick), HEIGHT - BOTTOM, 'class="grid"'),
      text(x(tick), HEIGHT - BOTTOM + 15, String(tick), 'text-anchor="middle" class="tick"'),
    );
  for (const tick of logTicks(low, high))
    parts.push(
      line(LEFT, y(tick), WIDTH - RIGHT, y(tick), 'class="grid"'),
      text(LEFT - 6, y(tick) + 4, String(tick), 'text-anchor="end" class="tick"'),
    );
  // The memory roof starts where it enters the picture.
  const from = Math.max(left, low / roofline.gbps);
  const roof = [
    [from, from * roofline.gbps],
    [ridge, roofline.gflops],
    [right, roofline.gflops],
  ];
  parts.push(
    `<polyline points="${roof.map(([i, g]) => `${x(i).toFixed(1)},${y(g).toFixed(1)}`).join(' ')}" class="roof"/>`,
    text(
      WIDTH - RIGHT - 4,
      y(roofline.gflops) - 6,
      `${digits(roofline.gflops)} GFLOP/s, ${digits(roofline.gbps)} GB/s`,
      'text-anchor="end" class="tick"',
    ),
    text((LEFT + WIDTH) / 2, HEIGHT - 8, 'FLOP / byte', 'text-anchor="middle" class="tick"'),
    text(LEFT - 6, TOP - 8, 'GFLOP/s', 'text-anchor="end" class="tick"'),
  );
  const names = [...new Set(all.map((d) => d.row.candidate))];
  for (const { row, intensity, gflops } of all) {
    const i = names.indexOf(row.candidate);
    const what = `${row.case}, ${row.candidate}: ${digits(gflops)} GFLOP/s at ${digits(intensity)} FLOP/byte`;
    parts.push(mark(i, x(intensity), y(gflops), `class="${seriesClass(i)} dot"`, what));
  }
  const key = legend(names, WIDTH, HEIGHT + 10);
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT + key.height + 6}" width="${WIDTH}" role="img" aria-label="${escapeXml(`Roofline of ${suite}`)}">
${parts.join('\n')}
${key.svg}
</svg>`;
}
