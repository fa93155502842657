import { crossoverOf, type Series } from './crossover.js';
import { digits } from './rates.js';
import { escapeXml, legend, line, logScale, logTicks, mark, seriesClass, text } from './svg.js';

const WIDTH = 440;
const HEIGHT = 300;
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 12, 28, 40];

/** Sparsities that are written below the axis, in percent. */
const LABELLED = [0, 50, 70, 80, 90, 95, 98, 99, 99.5, 99.9, 99.95];

/**
 * Time relative to the reference over sparsity, both logarithmic (sparsity by its distance to 1), of every candidate of
 * one size; the dashed line is break-even, a ring where a candidate crosses it.
 */
export function crossoverChart(group: readonly Series[]): string {
  const [{ suite, group: size, reference }] = group;
  const all = group.flatMap((c) => c.points);
  const densities = all.map((p) => 1 - p.sparsity);
  // A single sparsity still needs an axis of some length.
  const [most, least] = [Math.max(...densities) * 1.1, Math.min(...densities) / 1.1];
  const x = logScale(most, least, LEFT, WIDTH - RIGHT);
  const ratios = [1, ...all.map((p) => p.ratio)];
  const [low, high] = [Math.min(...ratios) / 1.2, Math.max(...ratios) * 1.2];
  const y = logScale(low, high, HEIGHT - BOTTOM, TOP);

  const parts = [text(LEFT, 16, `${suite} ${size}`, 'class="title"')];
  for (const percent of LABELLED.filter((p) => 1 - p / 100 <= most && 1 - p / 100 >= least)) {
    const at = x(1 - percent / 100);
    parts.push(
      line(at, TOP, at, HEIGHT - BOTTOM, 'class="grid"'),
      text(at, HEIGHT - BOTTOM + 15, String(percent), 'text-anchor="middle" class="tick"'),
    );
  }
  for (const tick of logTicks(low, high, 8)) {
    parts.push(
      line(LEFT, y(tick), WIDTH - RIGHT, y(tick), 'class="grid"'),
      text(LEFT - 6, y(tick) + 4, `${tick}x`, 'text-anchor="end" class="tick"'),
    );
  }
  parts.push(
    line(LEFT, y(1), WIDTH - RIGHT, y(1), 'class="even"'),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, 'sparsity, %', 'text-anchor="middle" class="tick"'),
  );
  group.forEach((c, i) => {
    const path = c.points.map((p) => `${x(1 - p.sparsity).toFixed(1)},${y(p.ratio).toFixed(1)}`).join(' ');
    parts.push(`<polyline points="${path}" class="line ${seriesClass(i)}"/>`);
    for (const p of c.points) {
      const what = `${c.candidate}: ${digits(p.ratio)} times ${reference} at ${Number((100 * p.sparsity).toFixed(2))} %`;
      parts.push(mark(i, x(1 - p.sparsity), y(p.ratio), `class="${seriesClass(i)}"`, what));
    }
    const even = c.sparse ? crossoverOf(c.points) : null;
    if (even !== null && even !== c.points[0].sparsity) {
      const hint = `<title>${escapeXml(`${c.candidate} breaks even at ${(100 * even).toFixed(1)} %`)}</title>`;
      parts.push(`<circle cx="${x(1 - even).toFixed(1)}" cy="${y(1).toFixed(1)}" r="7" class="ring">${hint}</circle>`);
    }
  });
  const names = legend(
    group.map((c) => c.candidate),
    WIDTH,
    HEIGHT + 10,
  );
  const label = `Time relative to ${reference} over sparsity, ${suite} ${size}`;
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT + names.height + 6}" width="${WIDTH}" role="img" aria-label="${escapeXml(label)}">
${parts.join('\n')}
${names.svg}
</svg>`;
}

/** One chart for each suite and size. */
export function crossoverCharts(all: readonly Series[]): string[] {
  const groups = new Map<string, Series[]>();
  for (const c of all) {
    const key = JSON.stringify([c.suite, c.group, c.reference]);
    groups.set(key, [...(groups.get(key) ?? []), c]);
  }
  return [...groups.values()].map(crossoverChart);
}
