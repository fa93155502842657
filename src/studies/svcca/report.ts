import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { figureSection } from '../../report/figure-html.js';
import { share } from '../../report/format.js';
import { type Html, html } from '../../report/html.js';
import { writePage } from '../../report/page.js';
import { ReportFiles } from '../report-files.js';
import { absent, absentSection, answerSection, checksSection, reproduceSection } from '../report-sections.js';
import type { ReportInput } from '../study.js';
import { analyse, type NetworkAnalysis } from './analyse.js';
import { checks } from './checks.js';
import { figures } from './figures.js';
import { labeller } from './runs.js';
import { accuracySection, CHECKED, EXPECTED, floorSection, QUESTION, ranSection, verdictSection } from './sections.js';
import { answer } from './wording.js';

export { summary } from './summary.js';

const TITLE = 'Is pruning compression?';

/**
 * Writes the study's report of what is finished: `report.html`, and every figure under `figures/` as SVG and CSV, and as
 * PNG where its renderer is installed.
 *
 * @returns path of the page
 */
export async function writeReport(input: ReportInput<unknown>): Promise<string> {
  const nets = analyse(input.records);
  const missing = absent(input.plan, input.records, labeller(input.plan));
  const tested = checks(nets);
  const drawn = figures(nets);
  const files = await ReportFiles.open(input.folder);
  const sections = new Map<string, { section: Html; data: unknown }>();
  for (const figure of drawn)
    sections.set(figure.name, await figureSection(figure, await files.figure(figure), firstChoices(nets)));
  const [verdict, ...rest] = [...sections].map(([name, { section }]) => ({ name, section }));
  const opening = verdict?.name === 'verdict' ? [verdict.section] : [];
  const others = opening.length > 0 ? rest : verdict ? [verdict, ...rest] : [];
  const page = await writePage({
    title: TITLE,
    kicker: 'secateur · study svcca',
    lead: QUESTION,
    places: [
      ['answer', 'Answer'],
      ['ran', 'What was run'],
      ['t1', 'T1'],
      ...others.map(({ name }): [string, string] => [name, name.slice(0, 2).toUpperCase()]),
      ['verdict-table', 'Verdict'],
      ['floors', 'Noise floors'],
      ['checks', 'Expected orderings'],
      ['absent', 'Missing runs'],
      ['reproduce', 'Reproduce'],
    ],
    body: [
      answerSection(answer(nets), tested, EXPECTED),
      opening,
      ranSection(input, nets, missing),
      accuracySection(nets),
      others.map(({ section }) => section),
      verdictSection(nets),
      floorSection(nets),
      checksSection('Expected orderings', CHECKED, tested),
      absentSection(missing),
      reproduceSection(input, files.note),
    ],
    figures: Object.fromEntries([...sections].map(([name, { data }]) => [name, data])),
    footer: html`Written by secateur ${input.version}. Figures by Vega (BSD-3-Clause), inside this page.`,
  });
  const path = join(input.folder, 'report.html');
  await writeFile(path, page);
  return path;
}

/** Where there are several sparsities, the page opens at the one nearest to 90 %. */
function firstChoices(nets: readonly NetworkAnalysis[]): Readonly<Record<string, string>> {
  const sparsities = [...new Set(nets.flatMap((net) => net.sparsities))];
  const [near] = sparsities.sort((a, b) => Math.abs(a - 0.9) - Math.abs(b - 0.9) || a - b);
  return near === undefined ? {} : { sparsity: share(near) };
}
