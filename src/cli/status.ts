import Table from 'cli-table3';
import pc from 'picocolors';
import type { RunStatus } from '../store/record.js';
import { type OpenedStudy, readStudyFolder } from '../studies/open.js';
import { duration } from './training-bar.js';

/** What `secateur status --json` prints. */
export interface StudyStatus {
  study: string;
  folder: string;
  runs: number;
  finished: number;
  diverged: number;
  blocked: number;
  missing: number;
  /** Share of the work that is done, by the runs' weights. */
  share: number;
  /** Guessed from the runs that are done, for as many workers as there are now (at least one). Null without any. */
  secondsLeft: number | null;
  /** Runs under way. */
  running: { id: string; label: string; worker: string; pid: number; host: string }[];
  /** Processes on the folder. */
  workers: { name: string; pid: number; host: string }[];
  /** Runs that have two records which differ. */
  conflicts: string[];
  tornLines: number;
}

/** Prints how far the study in a folder is, and who works on it. @returns the exit code */
export async function status(path: string, options: { json?: boolean }): Promise<number> {
  const opened = await readStudyFolder(path);
  const state = await statusOf(opened);
  console.log(options.json ? JSON.stringify(state, null, 2) : format(state, opened));
  return 0;
}

export async function statusOf({ study, plan, folder }: OpenedStudy): Promise<StudyStatus> {
  const { byId, conflicts, tornLines } = folder.records;
  const { workers, runs } = await folder.holders();
  const count = (status: RunStatus) => plan.runs.filter(({ id }) => byId.get(id)?.status === status).length;
  const work = { all: 0, done: 0, timed: 0, seconds: 0 };
  for (const run of plan.runs) {
    const weight = study.weight(run);
    const record = byId.get(run.id);
    work.all += weight;
    if (record) work.done += weight;
    if (record?.status === 'finished') {
      work.timed += weight;
      work.seconds += record.about.seconds;
    }
  }
  // A claim outlives its record by a moment.
  const running = [...runs].filter(([id]) => plan.byId.has(id) && !byId.has(id));
  const each = work.timed > 0 ? work.seconds / work.timed : null;
  return {
    study: study.name,
    folder: folder.path,
    runs: plan.runs.length,
    finished: count('finished'),
    diverged: count('diverged'),
    blocked: count('blocked'),
    missing: plan.runs.filter(({ id }) => !byId.has(id)).length,
    share: work.all > 0 ? work.done / work.all : 1,
    secondsLeft: each === null ? null : (each * (work.all - work.done)) / Math.max(1, running.length),
    running: running.map(([id, { what, pid, host }]) => {
      return { id, label: study.label(plan.byId.get(id)!), worker: what, pid, host };
    }),
    workers: [...workers].map(([name, { pid, host }]) => ({ name, pid, host })),
    conflicts: [...new Set(conflicts.map(({ kept }) => kept.id))],
    tornLines,
  };
}

function format(s: StudyStatus, { study, plan, folder }: OpenedStudy): string {
  const left = s.secondsLeft === null ? 'unknown' : duration(s.secondsLeft);
  const done = `${s.runs - s.missing} of ${s.runs} runs, ${Math.floor(100 * s.share)} % of the work`;
  const lines = [
    `${pc.bold(study.title)} in ${s.folder}`,
    `${done}: ${s.finished} finished, ${s.diverged} diverged, ${s.blocked} blocked, ${s.missing} missing`,
  ];
  if (s.missing > 0) lines.push(`time left: ${left}${s.running.length > 0 ? '' : ' (nobody works on it)'}`);
  if (s.running.length > 0) {
    const style = pc.isColorSupported ? { head: ['bold'], border: ['gray'] } : { head: [], border: [] };
    const table = new Table({ head: ['worker', 'process', 'run', 'id'], style });
    for (const r of s.running) table.push([r.worker, `${r.pid} on ${r.host}`, r.label, r.id]);
    lines.push(table.toString());
  }
  for (const run of plan.runs) {
    const record = folder.records.byId.get(run.id);
    if (record?.status === 'diverged') lines.push(`diverged: ${study.label(run)} (${run.id})`);
  }
  for (const id of s.conflicts) lines.push(pc.yellow(`run ${id} has records that differ; the earliest counts`));
  if (s.tornLines > 0) lines.push(`${s.tornLines} torn lines in the journals were skipped`);
  return lines.join('\n');
}
