import { readStudyFolder, reportInput } from '../studies/open.js';

/** Writes the report of what a folder has so far. @returns the exit code */
export async function report(path: string): Promise<number> {
  const opened = await readStudyFolder(path);
  const { plan, folder, study } = opened;
  const missing = plan.runs.filter(({ id }) => !folder.records.byId.has(id)).length;
  if (missing > 0) console.error(`${missing} of ${plan.runs.length} runs are missing: the report is of what is there`);
  console.log(`report: ${await study.report(reportInput(opened))}`);
  return 0;
}
