import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { figureSection } from '../../../report/figure-html.js';
import { type Html, html } from '../../../report/html.js';
import { writePage } from '../../../report/page.js';
import type { RunSpec } from '../../../store/record.js';
import { ReportFiles } from '../../report-files.js';
import { absent, absentSection, answerSection, checksSection, reproduceSection } from '../../report-sections.js';
import type { ReportInput } from '../../study.js';
import { PRUNERS } from '../types.js';
import { type Analysis, analyseStudy, TARGETS, targetLabel } from './analysis.js';
import { checks } from './checks.js';
import { coverages } from './coverage.js';
import { figures } from './figures.js';
import { methodNets, type Shown, searchNets } from './nets.js';
import {
  CHECKED,
  coverageSection,
  drawNet,
  EXPECTED,
  fewestSection,
  methodNetsCaption,
  netsSection,
  QUESTION,
  ranSection,
  referenceSection,
  SEARCH_NETS,
} from './sections.js';
import { methodLabel } from './series.js';
import { answer, mainGroup } from './wording.js';

export { summary } from './summary.js';

const TITLE = 'How sparse can a network be?';

/**
 * Writes the study's report of what is finished: `report.html`, and every figure and picture under `figures/` as SVG (and
 * its data as CSV), and as PNG where its renderer is installed.
 *
 * @returns path of the page
 */
export async function writeReport(input: ReportInput<unknown>): Promise<string> {
  const study = analyseStudy(input.records);
  const covered = coverages(study.searches, input.plan);
  const tested = checks(study, covered);
  const missing = absent(input.plan, input.records, labelOf);
  const files = await ReportFiles.open(input.folder);
  const drawn = await Promise.all(
    figures(study).map(async (figure) => ({
      figure,
      ...(await figureSection(figure, await files.figure(figure), firstChoices(study))),
    })),
  );
  const parts: [id: string, name: string, section: Html | null][] = [
    ['answer', 'Answer', answerSection(answer(study, covered), tested, EXPECTED)],
    ...drawn.map(({ figure, section }): [string, string, Html] => [
      figure.name,
      figure.name.slice(0, 2).toUpperCase(),
      section,
    ]),
    ['fewest', 'T1', fewestSection(study)],
    ...(await netSections(study, files)),
    ['reference', 'T2', referenceSection(study)],
    ['coverage', 'T3', coverageSection(study, covered)],
    ['checks', 'Checks', checksSection('Expected results', CHECKED, tested)],
    ['ran', 'What was run', ranSection(input, study, missing)],
    ['absent', 'Missing blocks', absentSection(missing)],
    ['reproduce', 'Reproduce', reproduceSection(input, files.note)],
  ];
  const there = parts.filter(([, , section]) => section !== null);
  const page = await writePage({
    title: TITLE,
    kicker: 'secateur · study cubist-spiral',
    lead: QUESTION,
    places: there.map(([id, name]) => [id, name]),
    body: there.map(([, , section]) => section),
    figures: Object.fromEntries(drawn.map(({ figure, data }) => [figure.name, data])),
    footer: html`Written by secateur ${input.version}. Figures by Vega (BSD-3-Clause), inside this page.`,
  });
  const path = join(input.folder, 'report.html');
  await writeFile(path, page);
  return path;
}

/** Plans of this study's own expansion know what their runs are called. */
const labelOf = (run: RunSpec & { label?: string }): string => run.label ?? run.id;

/** The page opens at the width that methods are judged by. */
function firstChoices(study: Analysis): Readonly<Record<string, string>> {
  const group = mainGroup(study);
  return group ? { width: String(group.width), network: group.label } : {};
}

async function netSections(study: Analysis, files: ReportFiles): Promise<[string, string, Html | null][]> {
  const draw = async (nets: readonly Shown[]) => {
    const boxes: Html[] = [];
    for (const net of nets) boxes.push(await drawNet(net, files.picture));
    return boxes;
  };
  const [found, left] = [searchNets(study), methodNets(study)];
  const missed = TARGETS.flatMap((target) =>
    PRUNERS.filter(
      (m) =>
        study.groups.some((g) => g.initialisation === 'random' && g.methods.some((r) => r.method === m)) &&
        !left.some((n) => n.target === target && n.title.startsWith(`${methodLabel(m)} at`)),
    ).map((m) => `${methodLabel(m)} (${targetLabel(target)})`),
  );
  return [
    [
      'nets',
      'Sparsest networks',
      netsSection('nets', 'The sparsest networks found', SEARCH_NETS, found, await draw(found)),
    ],
    [
      'method-nets',
      'Pruned networks',
      netsSection('method-nets', 'What methods leave', methodNetsCaption(missed), left, await draw(left)),
    ],
  ];
}
