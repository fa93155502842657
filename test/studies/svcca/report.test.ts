import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stills } from '../../../src/report/figure.js';
import type { RunRecord } from '../../../src/store/record.js';
import type { ReportInput } from '../../../src/studies/study.js';
import { analyse } from '../../../src/studies/svcca/analyse.js';
import { figures } from '../../../src/studies/svcca/figures.js';
import { summary, writeReport } from '../../../src/studies/svcca/report.js';
import type { Method } from '../../../src/studies/svcca/types.js';
import { assertWellFormed } from '../../report/well-formed.js';
import { NETWORKS, records } from './records.js';

const folder = mkdtempSync(join(tmpdir(), 'secateur-report-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const methods: readonly Method[] = ['P0', 'M1', 'M2', 'M3-uniform'];
const small = { networks: NETWORKS.slice(0, 2), sparsities: [0.5, 0.9], children: 1, methods };
const input = (
  planned: ReadonlyMap<string, RunRecord>,
  there: ReadonlyMap<string, RunRecord> = planned,
): ReportInput<unknown> => ({
  config: { note: '<b>bold</b>' },
  plan: [...planned.values()].map(({ id, config }) => ({ id, config, needs: [] })),
  records: there,
  folder: mkdtempSync(join(folder, 'study-')),
  command: "secateur study svcca --set 'data.seed=<1>'",
  hash: '0123456789abcdef',
  version: '1.2.3',
});
const plain = (markup: string) =>
  markup
    .replace(/<script[\s\S]*?<\/script>/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');

describe('of a finished study', () => {
  let path = '';
  let page = '';
  beforeAll(async () => {
    path = await writeReport(input(records(small)));
    page = readFileSync(path, 'utf8');
  });

  it('has every part, under 3 MB, and loads nothing', () => {
    expect(statSync(path).size).toBeLessThan(3e6);
    const markup = page.replace(/<script[\s\S]*?<\/script>/g, '');
    for (const id of ['answer', 'verdict', 'ran', 't1', 'f1-layerwise', 'f2-heat-maps', 'f3-trajectory', 'f4-accuracy'])
      expect(markup).toContain(
        `<section id="${id}"`.replace('<section id="answer"', '<section class="answer" id="answer"'),
      );
    for (const id of ['f5-rank', 'f6-measures', 'verdict-table', 'floors', 'checks', 'absent', 'reproduce'])
      expect(markup).toContain(`<section id="${id}"`);
    expect(markup).not.toMatch(/(?:src|srcset)=|@import|href="(?:https?:)?\/\//);
    for (const [, id] of markup.matchAll(/href="#([^"]+)"/g)) expect(markup).toContain(`id="${id}"`);
  });

  it('names command, hash, adapter, driver and version, and escapes what it is given', () => {
    expect(page).toContain('secateur study svcca --set &#39;data.seed=&lt;1&gt;&#39;');
    expect(page).not.toContain('<b>bold</b>');
    const text = plain(page);
    for (const word of ['0123456789abcdef', '1.2.3', 'llvmpipe (LLVM 19)', 'Mesa 25', 'results.jsonl'])
      expect(text).toContain(word);
    expect(text).toContain('None: every planned run is finished.');
  });

  it('shows every network’s figures as still pictures too', () => {
    for (const figure of figures(analyse(records(small)))) {
      const section = page.slice(page.indexOf(`<section id="${figure.name}">`)).split('</section>')[0];
      expect(
        section.match(/class="plot" data-figure="[^"]+" data-panel="\d+"><svg/g)?.length,
        figure.name,
      ).toBeGreaterThan(0);
    }
  });

  it('comes with each figure as a file, and its data', () => {
    const files = readdirSync(join(path, '..', 'figures'));
    for (const file of files.filter((f) => f.endsWith('.svg')))
      assertWellFormed(readFileSync(join(path, '..', 'figures', file), 'utf8'));
    expect(files).toContain('f1-layerwise-convnet.svg');
    expect(files).toContain('f6-measures-resnet8-x0.5.svg');
    for (const [, link] of page.matchAll(/href="(figures\/[^"]+\.\w+)"/g)) expect(files).toContain(link.slice(8));
    const csv = readFileSync(join(path, '..', 'figures', 'f1-layerwise.csv'), 'utf8')
      .trimEnd()
      .split('\r\n');
    expect(csv[0]).toMatch(/^panel,net,series,label,layer,index,mean,sd/);
    // Two networks of 6 and 8 layers, two sparsities, four methods and D'.
    expect(csv).toHaveLength(1 + (6 + 8) * 2 * 5);
  });

  it('is the same bytes from the same records in any order', async () => {
    const all = records(small);
    const again = await writeReport({ ...input(all, new Map([...all].reverse())) });
    expect(readFileSync(again, 'utf8')).toBe(page);
  });
});

it('every panel is a well-formed picture with as many marks as its data has', async () => {
  const marked: Record<string, (rows: readonly { series?: unknown }[]) => number> = {
    'f3-trajectory': (rows) => rows.filter((r) => r.series !== 'D').length,
  };
  for (const figure of figures(analyse(records(small)))) {
    const pictures = await stills(figure, () => true);
    pictures.forEach((svg, i) => {
      assertWellFormed(svg!);
      const { rows, title } = figure.panels[i];
      const kind = figure.name === 'f2-heat-maps' ? 'mark-rect' : 'mark-symbol';
      const groups = svg!.split(new RegExp(`class="${kind} role-mark[^>]*>`)).slice(1);
      const count = groups.reduce((sum, g) => sum + (g.split('</g>')[0].match(/<path/g)?.length ?? 0), 0);
      expect(count, `${figure.name}, ${title}`).toBe(marked[figure.name]?.(rows) ?? rows.length);
    });
  }
});

describe('of an unfinished study', () => {
  it('tells what diverged, what that blocked, and what is missing', async () => {
    const all = records({ ...small, networks: NETWORKS.slice(0, 1), diverged: ['convnet M1 0.9 0/0'] });
    const some = new Map([...all].slice(0, 40));
    const text = plain(readFileSync(await writeReport(input(all, some)), 'utf8'));
    expect(text).toContain('convnet seed 0, M1 at 90 %, child 0 42');
    expect(text).toMatch(/Blocked by those: \d+ runs/);
    expect(text).toMatch(/Not run yet: \d+ runs/);
    expect(text).not.toMatch(/\bNaN\b|undefined|Infinity|\[object/);
    expect(summary({}, some)).toContain('convnet');
  });

  it('is written of one seed, of dense networks alone, and of nothing', async () => {
    const one = records({ ...small, networks: NETWORKS.slice(0, 1), parents: 1, sparsities: [0.9] });
    expect(plain(readFileSync(await writeReport(input(one)), 'utf8'))).toContain('as far as so few seeds can tell');
    for (const there of [records({ ...small, methods: [] }), new Map<string, RunRecord>()]) {
      const text = plain(readFileSync(await writeReport(input(one, there)), 'utf8'));
      expect(text).toContain('No answer yet');
      expect(text).not.toMatch(/\bNaN\b|undefined|Infinity|\[object/);
      expect(summary({}, there)).toMatch(/, 0 not held/);
    }
  });
});

it('the summary gives a row a network and sparsity, and counts what held', () => {
  const text = stripVTControlCharacters(summary({}, records(small)));
  expect(
    text.match(/│ convnet +│ +90 % │ 9\d\.\d % │ \d+\.\d % │ 9\d\.\d % │ .* │ 0\.\d+ │ 0\.\d+ │ 0\.\d\d \[/),
  ).not.toBeNull();
  expect(text.match(/│ (convnet|resnet8 x0\.5) /g)).toHaveLength(4);
  expect(text).toMatch(/expected orderings: \d+ of \d+ held, \d+ not held, \d+ not testable/);
});
