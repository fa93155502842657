import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { csv } from '../../report/csv.js';
import { type Figure, fileSvg, type Panel } from '../../report/figure.js';
import { figureSection } from '../../report/figure-html.js';
import { share } from '../../report/format.js';
import { type Html, html } from '../../report/html.js';
import { writePage } from '../../report/page.js';
import { pngRenderer } from '../../report/png.js';
import type { ReportInput } from '../study.js';
import { analyse, groupBy, type NetworkAnalysis } from './analyse.js';
import { checks } from './checks.js';
import { figures } from './figures.js';
import { absent } from './runs.js';
import {
  absentSection,
  accuracySection,
  answerSection,
  checksSection,
  floorSection,
  QUESTION,
  ranSection,
  reproduceSection,
  verdictSection,
} from './sections.js';
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
  const missing = absent(input.plan, input.records);
  const tested = checks(nets);
  const drawn = figures(nets);
  const { links, note } = await writeFigures(drawn, join(input.folder, 'figures'));
  const sections = new Map<string, { section: Html; data: unknown }>();
  for (const figure of drawn)
    sections.set(figure.name, await figureSection(figure, links.get(figure.name)!, firstChoices(nets)));
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
      answerSection(answer(nets), tested),
      opening,
      ranSection(input, nets, missing),
      accuracySection(nets),
      others.map(({ section }) => section),
      verdictSection(nets),
      floorSection(nets),
      checksSection(tested),
      absentSection(missing),
      reproduceSection(input, note),
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

/** One file a figure and network; a figure of all networks is one file. Links to them, by figure. */
async function writeFigures(drawn: readonly Figure[], folder: string) {
  await mkdir(folder, { recursive: true });
  const renderer = await pngRenderer();
  const links = new Map<string, Html>();
  for (const figure of drawn) {
    const parts: Html[] = [];
    for (const [net, panels] of groupBy(figure.panels, (panel: Panel) => panel.facets.net)) {
      const name = net === undefined ? figure.name : `${figure.name}-${slug(net)}`;
      const svg = await fileSvg(figure, panels, net === undefined ? figure.title : `${figure.title}: ${net}`);
      await writeFile(join(folder, `${name}.svg`), svg);
      if ('png' in renderer) await writeFile(join(folder, `${name}.png`), renderer.png(svg));
      const png = 'png' in renderer && html`, <a href="figures/${name}.png">PNG</a>`;
      parts.push(html`${parts.length > 0 && ' · '}${net ?? 'all'}: <a href="figures/${name}.svg">SVG</a>${png}`);
    }
    const rows = figure.panels.flatMap(({ title, facets, rows }) =>
      rows.map((row) => ({ panel: title, ...facets, ...row })),
    );
    await writeFile(join(folder, `${figure.name}.csv`), csv(rows));
    links.set(figure.name, html`Files: ${parts} · <a href="figures/${figure.name}.csv">the data as CSV</a>`);
  }
  return { links, note: 'missing' in renderer ? renderer.missing : null };
}

const slug = (text: string): string => text.toLowerCase().replace(/[^a-z0-9._-]+/g, '-');
