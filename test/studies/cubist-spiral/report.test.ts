import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stills } from '../../../src/report/figure.js';
import type { RunRecord } from '../../../src/store/record.js';
import { analyseStudy } from '../../../src/studies/cubist-spiral/report/analysis.js';
import { figures } from '../../../src/studies/cubist-spiral/report/figures.js';
import { summary, writeReport } from '../../../src/studies/cubist-spiral/report/report.js';
import type { ReportInput } from '../../../src/studies/study.js';
import { assertWellFormed } from '../../report/well-formed.js';
import { HandMade, wholeStudy } from './records.js';

const folder = mkdtempSync(join(tmpdir(), 'secateur-spiral-report-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const input = (made: HandMade, records: ReadonlyMap<string, RunRecord> = made.records): ReportInput<unknown> => ({
  config: { note: '<b>bold</b>' },
  plan: made.plan,
  records,
  folder: mkdtempSync(join(folder, 'study-')),
  command: "secateur study cubist-spiral --set 'seed=<1>'",
  hash: '0123456789abcdef',
  version: '1.2.3',
});
const plain = (markup: string) =>
  markup
    .replace(/<script[\s\S]*?<\/script>/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');
const NONSENSE = /\bNaN\b|undefined|Infinity|\[object|\bnull\b/;

describe('of a study with all of it', () => {
  const made = wholeStudy([3, 16]);
  let path = '';
  let page = '';
  let markup = '';
  beforeAll(async () => {
    path = await writeReport(input(made));
    page = readFileSync(path, 'utf8');
    markup = page.replace(/<script[\s\S]*?<\/script>/g, '');
  }, 30_000);

  it('has every part, under 2 MB, and loads nothing', () => {
    expect(statSync(path).size).toBeLessThan(2e6);
    const ids = ['f1-frontier', 'f2-width', 'f3-fixed', 'f4-dead', 'fewest', 'nets', 'method-nets', 'reference'];
    for (const id of [...ids, 'coverage', 'checks', 'ran', 'absent', 'reproduce'])
      expect(markup).toContain(`<section id="${id}"`);
    expect(markup).toContain('<section class="answer" id="answer">');
    expect(markup).not.toMatch(/(?:src|srcset)=|@import|href="(?:https?:)?\/\//);
    for (const [, id] of markup.matchAll(/href="#([^"]+)"/g)) expect(markup).toContain(`id="${id}"`);
  });

  it('answers first, and says what is not there', () => {
    const text = plain(markup);
    expect(text).toMatch(/21 weights are enough for 95 %; the best pruning method needs \d+/);
    expect(text).toContain('it has trained 3,540 of 6,627,504 masks within 6-3-2 (99.5 %, random first weights)');
    expect(text).toContain('1 of 3 blocks of phase 2 finished, which leaves masks out by plan');
    expect(text).toContain('Beyond it, best-first: one slice, 60 more masks trained, 812 waiting.');
    expect(text).toContain('Not run yet: 2 runs');
    expect(text).not.toMatch(NONSENSE);
    expect(page).not.toContain('<b>bold</b>');
    for (const word of ['0123456789abcdef', '1.2.3', 'llvmpipe (LLVM 19)', 'results.jsonl'])
      expect(text).toContain(word);
  });

  it('draws the sparsest networks of the search and of every method that gets there', () => {
    const cards = markup.match(/<figure class="panel card">/g)!.length;
    expect(cards).toBeGreaterThan(10);
    expect(markup.match(/aria-label="Decision regions\. /g)).toHaveLength(cards);
    expect(markup.match(/aria-label="Graph\. /g)).toHaveLength(cards);
    expect(markup).toContain('Graph. Search, first weights given for 95 %: 17 weights, 96.5 %');
    expect(plain(markup)).toMatch(/Not reached: [^.]*GraSP \(95 %\)/);
  });

  it('comes with each figure and picture as a file', () => {
    const files = readdirSync(join(path, '..', 'figures'));
    for (const file of files.filter((f) => f.endsWith('.svg'))) {
      const svg = readFileSync(join(path, '..', 'figures', file), 'utf8');
      assertWellFormed(svg);
      expect(svg).not.toContain('var(--');
      if (/-(regions|graph)\.svg$/.test(file)) expect(svg.length, file).toBeLessThan(30_000);
    }
    const links = [...page.matchAll(/href="(figures\/[^"]+\.\w+)"/g)].map(([, link]) => link.slice(8));
    for (const link of links) expect(files).toContain(link);
    for (const name of ['f1-frontier.svg', 'f1-frontier.csv', 'search-random-95-graph.svg', 'gmp-95-regions.svg'])
      expect(links).toContain(name);
  });
});

it('is the same bytes from the same records in any order', async () => {
  const made = new HandMade()
    .masks({ target: 0.95, widths: [3, 3, 3], classes: [[21, 9, 0.96]] })
    .method('gmp', 16, [[26, 0.96]])
    .method('gmp', 3, [[26, 0.96]]);
  const [one, other] = [
    await writeReport(input(made)),
    await writeReport(input(made, new Map([...made.records].reverse()))),
  ];
  expect(readFileSync(one, 'utf8')).toBe(readFileSync(other, 'utf8'));
});

it('every panel is a well-formed picture with a mark for everything that reached somewhere', async () => {
  for (const figure of figures(analyseStudy(wholeStudy([3, 16]).records))) {
    const pictures = await stills(figure, () => true);
    pictures.forEach((svg, i) => {
      assertWellFormed(svg!);
      const { rows, title } = figure.panels[i];
      const groups = svg!.split(/class="mark-symbol role-mark[^>]*>/).slice(1);
      const marks = groups.reduce((sum, g) => sum + (g.split('</g>')[0].match(/<path/g)?.length ?? 0), 0);
      const shown = rows.filter((r) => r.weights !== null && (figure.name !== 'f2-width' || r.kind !== 'search'));
      expect(marks, `${figure.name}, ${title}`).toBe(shown.length);
    });
  }
});

describe('of a part of a study', () => {
  const parts: [name: string, made: HandMade, words: string, without: string[]][] = [
    ['nothing', new HandMade(), 'No answer yet', ['f1-frontier', 'nets', 'fewest', 'reference', 'coverage']],
    [
      'one block of methods',
      new HandMade().method('gmp', 16, [[26, 0.96]]),
      'The best pruning method reaches 95 % with 26 weights',
      ['f2-width', 'f3-fixed', 'coverage', 'reference'],
    ],
    [
      'the search alone',
      new HandMade().masks({ target: 0.95, widths: [3, 3, 3], classes: [[21, 9, 0.96]] }),
      '21 weights are enough for 95 %',
      ['f2-width', 'f3-fixed', 'f4-dead', 'fewest', 'method-nets'],
    ],
    [
      'phase 1 without a winner',
      new HandMade().structured([[[1, 1, 1], 0.6]]).masks({ target: 0.95, widths: null, classes: [] }),
      'Nothing reached 95 %',
      ['nets', 'fewest'],
    ],
    [
      'the search with given weights alone',
      new HandMade().masks({ target: 0.95, initialisation: 'fixed', widths: [3, 2, 2], classes: [[17, 3, 0.96]] }),
      'given the right first weights',
      ['f1-frontier', 'fewest'],
    ],
  ];
  it.each(parts)('%s', async (_name, made, words, without) => {
    const markup = readFileSync(await writeReport(input(made)), 'utf8').replace(/<script[\s\S]*?<\/script>/g, '');
    const text = plain(markup);
    expect(text).toContain(words);
    expect(text).not.toMatch(NONSENSE);
    for (const id of without) expect(markup).not.toContain(`<section id="${id}"`);
    const told = stripVTControlCharacters(summary({}, made.records));
    expect(told).toContain(words);
    expect(told).not.toMatch(NONSENSE);
    expect(told).toMatch(/checks: \d+ of 9 held, \d+ not held, \d+ not testable/);
  });

  it('blocked and diverged blocks too', async () => {
    const made = new HandMade().add({ kind: 'masks' }, { by: 'x' }, 'blocked').add({ kind: 'method' }, {}, 'diverged');
    const text = plain(readFileSync(await writeReport(input(made)), 'utf8'));
    expect(text).toContain('Blocked by those: one run');
    expect(text).toMatch(/0 \/ 2 planned blocks finished/);
  });
});

it('the summary is a table of fewest weights, with what else was found', () => {
  const text = stripVTControlCharacters(summary({}, wholeStudy([3, 16]).records));
  expect(text).toMatch(/│ search +│ 21 \/ 27 │ 21 \/ 27 │/);
  expect(text).toMatch(/│ GraSP +│ +– \/ – │ +– \/ – │/);
  expect(text).toContain('search, first weights given for 95 %: 95 % with 17 weights (25 with biases)');
  expect(text).toContain('reference: 9 of 9 rows within tolerance');
  expect(text).toMatch(/checks: 9 of 9 held, 0 not held, 0 not testable/);
});
