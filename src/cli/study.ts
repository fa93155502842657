import { join } from 'node:path';
import Table from 'cli-table3';
import pc from 'picocolors';
import type { JsonObject } from '../store/record.js';
import { ConfigError, configSchema, presetName, studyConfig } from '../studies/config.js';
import { peekStudyFolder, reportInput, type StudyFolderOptions } from '../studies/open.js';
import { parseShard, planStudy, runsOfShard, type Shard } from '../studies/plan.js';
import { loadStudy } from '../studies/registry.js';
import { type RunStudyResult, runStudy } from '../studies/runner.js';
import { runStudyInWorkers } from '../studies/workers.js';
import { StorageError } from '../train/node/atomic-write.js';
import { interruptible } from './interrupt.js';
import { studyDisplay } from './study-display.js';

export interface StudyCommand {
  preset?: string;
  config?: string;
  out?: string;
  dataRoot?: string;
  set?: readonly string[];
  shard?: string;
  workers?: number;
  dryRun?: boolean;
  schema?: boolean;
  /** False: no report at the end. */
  report?: boolean;
}

/** Runs a study, or goes on with it, and prints its answer. @returns the exit code */
export async function study(name: string, command: StudyCommand): Promise<number> {
  const { study, module } = await loadStudy(name);
  if (command.schema) {
    console.log(JSON.stringify(configSchema(study), null, 2));
    return 0;
  }
  const config = studyConfig(study, { preset: command.preset, file: command.config, set: command.set });
  const path = command.out ?? join('runs', `${study.name}-${presetName(study, command.preset)}`);
  const shard = shardOf(command.shard);
  if (command.dryRun) return dryRun({ study, config, path }, shard);

  const again = commandLine(name, command);
  const stop = interruptible(() => console.error('stopping: saving a checkpoint (ctrl-C again: at once)'));
  try {
    const result = await execute(command, {
      study,
      module,
      config,
      path,
      shard,
      command: commandLine(name, { preset: command.preset, config: command.config, set: command.set }),
      dataRoot: command.dataRoot ?? (process.env.SECATEUR_DATA || null),
      signal: stop.signal,
      reporter: studyDisplay(study),
    });
    if (result.status === 'stopped') {
      console.error(`stopped; nothing is lost. Go on with:\n  ${again}`);
      return 130;
    }
    return await conclude(result, command.report !== false);
  } catch (error) {
    if (error instanceof StorageError) console.error(`When there is room again, go on with:\n  ${again}`);
    throw error;
  } finally {
    stop.end();
  }
}

type Execution = Parameters<typeof runStudy>[0];

function execute({ workers = 1 }: StudyCommand, options: Execution): Promise<RunStudyResult> {
  return workers > 1 ? runStudyInWorkers({ ...options, workers }) : runStudy(options);
}

function shardOf(text: string | undefined): Shard | null {
  const shard = text === undefined ? null : parseShard(text);
  if (text !== undefined && !shard)
    throw new ConfigError(`--shard: expected i/n with 1 <= i <= n, as 2/4, got ${text}`);
  return shard;
}

/** Prints the study's answer, writes its report, and says where things are. */
async function conclude(result: RunStudyResult, wantsReport: boolean): Promise<number> {
  const { study, config, records, results, plan, folder } = result;
  if (result.status === 'part') {
    const there = plan.runs.filter(({ id }) => records.has(id)).length;
    console.log(`This part is done: ${there} of ${plan.runs.length} runs are in ${folder.path}. Once the others are`);
    console.log(
      `there too (in folders of their own: copy their runs/ and files/ here), secateur report ${folder.path}`,
    );
    return 0;
  }
  console.log(study.summary(config, records));
  if (wantsReport) console.log(`report: ${pc.bold(await study.report(reportInput(result)))}`);
  console.log(`results: ${results}`);
  return 0;
}

/** Prints what would be done. Changes nothing. */
async function dryRun(options: StudyFolderOptions<JsonObject>, shard: Shard | null): Promise<number> {
  const { study, config, path } = options;
  const runs = runsOfShard(planStudy(study, config), shard);
  const folder = await peekStudyFolder(options);
  const isDone = (id: string) => folder?.records.byId.has(id) ?? false;
  const total = runs.reduce((sum, run) => sum + study.weight(run), 0);
  const style = pc.isColorSupported ? { head: ['bold'], border: ['gray'] } : { head: [], border: [] };
  const table = new Table({ head: ['id', 'run', 'work', 'state'], style });
  for (const run of runs) {
    const work = total > 0 ? `${((100 * study.weight(run)) / total).toFixed(1)} %` : '-';
    table.push([run.id, study.label(run), work, folder?.records.byId.get(run.id)?.status ?? '-']);
  }
  console.log(table.toString());
  const left = runs.filter(({ id }) => !isDone(id));
  const work = left.reduce((sum, run) => sum + study.weight(run), 0);
  console.log(`${study.title}: ${runs.length} runs (${countKinds(runs.map(({ config }) => config))}) for ${path}`);
  const share = total > 0 ? (100 * work) / total : 0;
  console.log(`${runs.length - left.length} are done; ${left.length} are left, ${share.toFixed(0)} % of the work`);
  return 0;
}

/** `12 network, 40 comparison`: by the `kind` of their configurations, where they have one. */
function countKinds(configs: readonly JsonObject[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of configs) counts.set(String(kind ?? 'run'), (counts.get(String(kind ?? 'run')) ?? 0) + 1);
  return [...counts].map(([kind, count]) => `${count} ${kind}`).join(', ');
}

/** The command line that says the same, for the shell. */
function commandLine(name: string, command: StudyCommand): string {
  const { preset, config, out, dataRoot, set = [], shard, workers, report } = command;
  const options = Object.entries({ preset, config, out, 'data-root': dataRoot, shard, workers });
  const given = options.flatMap(([key, value]) => (value === undefined ? [] : [`--${key}`, String(value)]));
  const words = [
    name,
    ...given,
    ...set.flatMap((text) => ['--set', text]),
    ...(report === false ? ['--no-report'] : []),
  ];
  return `secateur study ${words.map(quoted).join(' ')}`;
}

const quoted = (word: string): string => (/^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
