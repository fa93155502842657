import { facets } from '../../report/figure-html.js';
import { count, fixed, fixedSpread, percent, percentSpread, share, times, withInterval } from '../../report/format.js';
import { type Html, html, table } from '../../report/html.js';
import { accuracy, curve, lensesFor, type NetworkAnalysis, over, runsOf, SVCCA } from './analyse.js';
import { METHODS, type Method, type NoiseResult } from './types.js';
import { evolution } from './verdict.js';

/** What a table is marked with so that it follows the page's choice of a network. */
const of = (net: NetworkAnalysis) => facets('tables', { net: net.label });

const ran = (net: NetworkAnalysis): readonly Method[] =>
  METHODS.filter((m) => net.runs.some((run) => run.config.method === m));

/** T1: accuracies of a network's methods at its sparsities. */
export function accuracyTable(net: NetworkAnalysis): Html {
  const columns = [
    { title: 'method', text: true },
    ...net.sparsities.map((s) => ({ title: share(s) })),
    { title: 'seeds' },
  ];
  const row = (name: string, method: Method, cells: readonly string[]) => {
    const seeds = Math.max(...[0, ...net.sparsities].map((s) => runsOf(net, method, s).length));
    return [name, ...cells, String(seeds)];
  };
  const rows = ran(net).flatMap((method) => {
    const cells = net.sparsities.map((s) => percentSpread(accuracy(net, method, method === 'D' ? 0 : s)));
    if (method !== 'P0') return [row(method, method, cells)];
    const again = net.sparsities.map((s) =>
      percentSpread(over(runsOf(net, 'P0', s), (r) => r.result.recalibrated?.accuracy ?? null)),
    );
    return [
      row('P0', 'P0', cells),
      ...(again.some((c) => c !== '–') ? [row('P0, new BN statistics', 'P0', again)] : []),
    ];
  });
  return html`<div${of(net)}>${table(columns, rows, `${net.label}: test accuracy, mean ± sd over seeds`)}</div>`;
}

/** What sparsity saves: compression and multiply-adds depend on where the weights were taken. */
export function savingsTable(net: NetworkAnalysis): Html | null {
  const methods = (['M1', 'M3-uniform', 'P0'] as const).filter((m) => net.sparsities.some((s) => runsOf(net, m, s)[0]));
  const rows = methods.slice(0, 2).flatMap((method) =>
    net.sparsities.flatMap((s) => {
      const runs = runsOf(net, method, s);
      if (runs.length === 0) return [];
      const average = (value: (run: (typeof runs)[number]) => number) => over(runs, value)?.mean ?? 0;
      return [
        [
          `${method} at ${share(s)}`,
          `${count(Math.round(average((r) => r.result.kept)))} of ${count(runs[0].result.total)}`,
          times(average((r) => r.result.compression)),
          times(average((r) => r.result.speedup)),
          `${kilobytes(runs[0].result.bytesDense)} → ${kilobytes(average((r) => r.result.bytesCompact))}`,
        ],
      ];
    }),
  );
  if (rows.length === 0) return null;
  const columns = ['', 'weights kept', 'compression', 'theoretical speed-up', 'on disk'].map((title, i) => ({
    title,
    text: i === 0,
  }));
  return html`<div${of(net)}>${table(columns, rows, `${net.label}: what was saved`)}</div>`;
}

const kilobytes = (bytes: number) => `${count(Math.round(bytes / 1000))} kB`;

/** The verdict statistic of all networks, under all measures. */
export function verdictTable(nets: readonly NetworkAnalysis[]): Html {
  const lenses = lensesFor(nets).filter((lens) => lens !== SVCCA);
  const columns = [
    { title: 'network', text: true },
    { title: 'sparsity' },
    { title: 'accuracy D' },
    { title: 'M1' },
    { title: 's(D, M1)' },
    { title: 's(D, D′)' },
    { title: 'evo, SVCCA [95 %]' },
    ...lenses.map((lens) => ({ title: `evo, ${lens.label}` })),
  ];
  const rows = nets.flatMap((net) =>
    net.sparsities.flatMap((s) => {
      const evo = evolution(net, SVCCA, s);
      if (!evo) return [];
      return [
        [
          net.label,
          share(s),
          percent(accuracy(net, 'D')?.mean),
          percent(accuracy(net, 'M1', s)?.mean),
          fixedSpread(evo.similarity),
          fixedSpread(evo.floor),
          withInterval(evo.value),
          ...lenses.map((lens) => fixed(evolution(net, lens, s)?.value.mean, 2)),
        ],
      ];
    }),
  );
  return table(columns, rows, 'Verdict statistic by network and sparsity');
}

/** Layers whose floor left no room, for the text beside the verdict. */
export const leftOut = (nets: readonly NetworkAnalysis[]): readonly string[] =>
  nets.flatMap((net) => {
    const layers = new Set(net.sparsities.flatMap((s) => evolution(net, SVCCA, s)?.leftOut ?? []));
    return layers.size > 0 ? [`${[...layers].join(', ')} of ${net.label}`] : [];
  });

/** The four measures that noise was put through. */
const MEASURES = ['svcca', 'pwcca', 'cka', 'procrustes'] as const;

/** What unrelated networks, and unrelated numbers, give: below these no similarity means anything. */
export function floorTable(net: NetworkAnalysis): Html | null {
  const noise = net.noise.find((n) => n.config.view === 'positions')?.result as NoiseResult | undefined;
  const lenses = MEASURES.flatMap((key) => lensesFor([net]).filter((lens) => lens.key === key));
  const curves = lenses.map((lens) => curve(net, lens, 'D'));
  if (!noise && !curves.some(Boolean)) return null;
  const layers = net.layers.length > 0 ? net.layers : (noise?.layers ?? []);
  const columns = [
    { title: 'layer', text: true },
    ...lenses.map((lens) => ({ title: `D′, ${lens.label}` })),
    ...(noise
      ? MEASURES.map((key) => ({ title: `noise, ${key.toUpperCase().replace('PROCRUSTES', 'Procrustes')}` }))
      : []),
    ...(noise ? [{ title: 'points' }, { title: 'channels' }] : []),
  ];
  const rows = layers.map(({ name, index }) => {
    const flat = noise?.layers.find((l) => l.index === index);
    return [
      name,
      ...curves.map((c) => fixedSpread(c?.points.find((p) => p.index === index)?.similarity ?? null)),
      ...(noise ? MEASURES.map((key) => fixed(flat?.[key])) : []),
      ...(noise ? [flat ? count(flat.points) : '–', flat ? String(flat.channels) : '–'] : []),
    ];
  });
  return html`<div${of(net)}>${table(columns, rows, `${net.label}: floors by layer`)}</div>`;
}
