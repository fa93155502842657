import Table from 'cli-table3';
import pc from 'picocolors';
import { fixed, percent, share, withInterval } from '../../report/format.js';
import type { RunRecord } from '../../store/record.js';
import { accuracy, analyse, curve, type NetworkAnalysis, SVCCA } from './analyse.js';
import { checks } from './checks.js';
import type { Method } from './types.js';
import { evolution } from './verdict.js';
import { answer } from './wording.js';

/** cli-table3 colours its borders even where colour is unwanted. */
const TABLE_STYLE = pc.isColorSupported ? { head: ['bold'], border: ['gray'] } : { head: [], border: [] };
const METHODS: readonly Method[] = ['P0', 'M1', 'M2', 'M3-uniform'];

/** The verdict for a terminal: accuracies, similarities and evo by network and sparsity; the answer's first words. */
export function summary(_config: unknown, records: ReadonlyMap<string, RunRecord>): string {
  const nets = analyse(records);
  const table = new Table({
    head: [
      'network',
      'sparsity',
      'D',
      ...METHODS.map((m) => m.replace('-uniform', '')),
      's(M1)',
      'floor',
      'evo [95 %]',
    ],
    colAligns: ['left', ...Array.from({ length: 8 }, () => 'right' as const)],
    style: TABLE_STYLE,
  });
  for (const net of nets) for (const sparsity of net.sparsities) table.push(row(net, sparsity));
  const tested = checks(nets);
  const by = (status: string) => tested.filter((c) => c.status === status);
  const missed = by('not held').map((c) => c.name);
  return [
    table.toString(),
    `${pc.bold(answer(nets).headline)} (evo: 0 as the parent, 1 as an unrelated dense network; SVCCA, mean over layers)`,
    `expected orderings: ${by('held').length} of ${tested.length} held, ${missed.length} not held, ${by('not testable').length} not testable`,
    ...(missed.length > 0 ? [`not held: ${missed.join(', ')}`] : []),
  ].join('\n');
}

function row(net: NetworkAnalysis, sparsity: number): string[] {
  const evo = evolution(net, SVCCA, sparsity);
  return [
    net.label,
    share(sparsity),
    percent(accuracy(net, 'D')?.mean),
    ...METHODS.map((m) => percent(accuracy(net, m, sparsity)?.mean)),
    fixed(curve(net, SVCCA, 'M1', sparsity)?.overall.mean),
    fixed(curve(net, SVCCA, 'D')?.overall.mean),
    withInterval(evo?.value ?? null),
  ];
}
